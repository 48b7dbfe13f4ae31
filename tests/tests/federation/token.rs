//! The token file in every state in which a person or the kubelet can leave it.

use anyhow::{Result, ensure};
use data_encoding::BASE64URL_NOPAD;
use futures::future::try_join_all;
use serde_json::json;

use crate::cluster::Google;

/// An unsigned JWT.
fn unsigned(claims: &serde_json::Value) -> String {
    let part = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
    let header = json!({ "alg": "ES256", "kid": "none" });
    format!("{}.{}.c2lnbmVk", part(header.to_string()), part(claims.to_string()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_will_not_do_is_told_and_the_right_one_is_taken_without_a_new_start() -> Result<()> {
    const FILE: &str = "ATTO_SIGNER_IDENTITY_TOKEN_FILE";
    let own = unsigned(&json!({"exp": 99_999_999_999_u64, "sub": "me"}));
    let past = unsigned(&json!({"exp": 1_000}));
    let future = unsigned(&json!({"exp": 99_999_999_999_u64, "iat": 99_999_999_000_u64}));
    let cases = [
        ("missing", None, FILE),
        ("empty", Some(String::new()), FILE),
        ("half", Some(own[..own.len() / 2].to_owned()), FILE),
        ("past", Some(past), "date -u"),
        ("future", Some(future), "date -u"),
        ("nobody's", Some(own), "The ID Token cannot be verified"),
        (
            "for another audience",
            Some("other".to_owned()),
            "does not match the expected audience",
        ),
    ];
    try_join_all(cases.map(async |(what, text, told)| {
        let google = Google::start(false).await?;
        match text.as_deref() {
            Some("other") => google.identity.write(&google.identity.token("vault").await?)?,
            Some(text) => google.identity.write(text)?,
            None => {}
        }
        let mut signer = google.signer(&[])?;
        let said = signer.says(told).await;
        said.map_err(|error| error.context(what))?;
        let token = google.project().await?;
        let ready = signer.until_ready().await;
        ready.map_err(|error| error.context(what))?;
        ensure!(!signer.log().contains(&token), "{what}: a token is never told");
        Ok(())
    }))
    .await?;
    Ok(())
}
