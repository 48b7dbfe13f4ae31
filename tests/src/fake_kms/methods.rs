//! Computes the answer to a request.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::code::{Code, respond};
use super::{Fault, Kms, Method, crc32c};
use crate::fake_server::Reply;

/// Maximum length of `data` that Google signs.
const LONGEST: usize = 64 * 1024;

pub async fn answer(kms: Arc<Kms>, request: Request<Bytes>) -> Reply {
    let Some((method, name)) = route(&request) else {
        return Reply::Answer(html(404));
    };
    let _under_way = kms.calls.begin(method);
    let asked = match method {
        Method::GetPublicKey => Ok(None),
        Method::AsymmetricSign => data(request.body()).map(Some),
    };
    if let Ok(Some(asked)) = &asked {
        kms.calls.asked_to_sign(&asked.data);
    }
    let script = match method {
        Method::GetPublicKey => &kms.public_key,
        Method::AsymmetricSign => &kms.sign,
    };
    let fault = script.take();
    match &fault {
        Some(Fault::Delay(delay)) => sleep(*delay).await,
        Some(Fault::Hang) => pending().await,
        Some(Fault::Drop) => return Reply::Drop,
        Some(Fault::Code(code)) => return Reply::Answer(code.response(code.message(), &Value::Null)),
        Some(Fault::Html(status)) => return Reply::Answer(html(*status)),
        Some(Fault::Page(status)) => {
            let mut response = html(*status);
            *response.body_mut() = Full::from("<p>\r\n2026-01-01T00:00:00.000000Z  INFO forged line\n".repeat(4_000));
            return Reply::Answer(response);
        }
        _ => {}
    }
    let key = kms.named(&name);
    if let Some(refusal) = kms.with_state(|state| state.refusal(method, &name, key.name())) {
        return Reply::Answer(refusal);
    }
    let answer = match asked {
        Err(message) => return Reply::Answer(Code::InvalidArgument.response(&message, &Value::Null)),
        Ok(None) => key.public_key(fault.as_ref()),
        Ok(Some(Asked { data, verified })) => key.sign(&data, verified, fault.as_ref()),
    };
    let mut response = respond(StatusCode::OK, &answer);
    if fault == Some(Fault::BrokenJson) {
        let text = answer.to_string();
        *response.body_mut() = Full::from(text[..text.len() / 2].to_owned());
    }
    Reply::Answer(response)
}

fn route(request: &Request<Bytes>) -> Option<(Method, String)> {
    let path = request.uri().path().strip_prefix("/v1/")?;
    let path = path.replace("%3A", ":").replace("%2F", "/");
    let (method, name) = match *request.method() {
        http::Method::GET => (Method::GetPublicKey, path.strip_suffix("/publicKey")?),
        http::Method::POST => (Method::AsymmetricSign, path.strip_suffix(":asymmetricSign")?),
        _ => return None,
    };
    Some((method, name.to_owned()))
}

struct Asked {
    data: Vec<u8>,
    verified: bool,
}

/// Reads `AsymmetricSignRequest`. The error is the message of INVALID_ARGUMENT.
fn data(body: &[u8]) -> Result<Asked, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        #[serde(default)]
        data: String,
        digest: Option<Value>,
        data_crc32c: Option<Value>,
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| format!("Invalid JSON payload received. {error}"))?;
    if body.digest.is_some() {
        return Err("digest is not supported for EC_SIGN_ED25519 keys; use data.".to_owned());
    }
    let data = BASE64.decode(body.data.as_bytes());
    let data = data.map_err(|_| "Invalid value at 'data' (TYPE_BYTES), Base64 decoding failed".to_owned())?;
    if data.is_empty() || data.len() > LONGEST {
        return Err(format!("data: found {} bytes, expected 1 to {LONGEST}.", data.len()));
    }
    let checksum = match body.data_crc32c {
        None => None,
        // int64: a string in Google's JSON; a number is accepted too.
        Some(Value::String(text)) => Some(
            text.parse::<i64>()
                .map_err(|_| "Invalid value at 'data_crc32c' (TYPE_INT64)")?,
        ),
        Some(value) => Some(value.as_i64().ok_or("Invalid value at 'data_crc32c' (TYPE_INT64)")?),
    };
    if checksum.is_some_and(|checksum| checksum != i64::from(crc32c(&data))) {
        return Err("The checksum in field data_crc32c did not match the data in field data.".to_owned());
    }
    Ok(Asked {
        data,
        verified: checksum.is_some(),
    })
}

fn html(status: u16) -> Response<Full<Bytes>> {
    let mut response = respond(
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        &json!(null),
    );
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/html; charset=UTF-8"),
    );
    *response.body_mut() = Full::from(format!("<!DOCTYPE html><title>Error {status}</title>"));
    response
}
