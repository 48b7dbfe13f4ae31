//! Answers of STS, and tokens for it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use http::StatusCode;
use serde_json::json;
use tests::key_front::{Act, answer};
use tests::ministack::{ROLE, sts_answer};

use crate::support::{Place, Variables, without_credentials};

pub const SESSION_SECRET: &str = "5ec2e7ofthesession";
pub const SESSION_TOKEN: &str = "5ec2e7tokenofthesession";
pub const SESSION_KEY: &str = "ASIA5EC2E7SESSION";

/// A token that expires in this many seconds, and its text.
pub fn token(ends_in: i64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .cast_signed();
    let part = |value: serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let claims = json!({ "aud": ["sts.amazonaws.com"], "iat": now - 7_200, "exp": now + ends_in, "sub": "system:serviceaccount:atto:voter" });
    format!(
        "{}.{}.{}",
        part(json!({ "alg": "RS256" })),
        part(claims),
        BASE64URL_NOPAD.encode(b"5ec2e7signature")
    )
}

pub fn variables(place: &Place, file: &Path) -> Variables {
    let mut variables = without_credentials(&place.key, &place.front.url());
    variables.extend([
        ("AWS_ROLE_ARN", ROLE.to_owned()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.display().to_string()),
        ("HOSTNAME", "voter-0".to_owned()),
    ]);
    variables
}

/// A session that expires in this many seconds.
pub fn session(ends_in: u64) -> Act {
    let end = jiff::Timestamp::now() + Duration::from_secs(ends_in);
    let body = sts_answer(SESSION_KEY, SESSION_SECRET, SESSION_TOKEN, &format!("{end:.0}"));
    answer(StatusCode::OK, &[("content-type", "text/xml")], body)
}

/// A session that expires this many seconds after its request.
pub fn short_session(life: u64) -> Act {
    Act::Change(Arc::new(move |_| {
        let end = jiff::Timestamp::now() + Duration::from_secs(life);
        sts_answer(SESSION_KEY, SESSION_SECRET, SESSION_TOKEN, &format!("{end:.0}")).into()
    }))
}

pub fn refusal(status: u16, code: &str, message: &str) -> Act {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    answer(
        StatusCode::from_u16(status).unwrap(),
        &[("content-type", "text/xml")],
        body,
    )
}
