//! Queries one signer: its `/health`, whose body decides, and its `/info`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crds::conditions::reasons;
use serde_json::Value;

use crate::fetch;
use crate::model::pod::{Answer, Fault, SignerIdentity};
use crate::model::text::one_line;

/// Deadline of each of the two concurrent requests.
const DEADLINE: Duration = Duration::from_secs(2);

/// Maximum length of a signer's message in a status.
const LONGEST_TEXT: usize = 300;

/// Queries a signer.
pub async fn ask(address: IpAddr, port: u16) -> Answer {
    exchange(SocketAddr::new(address, port)).await.unwrap_or_else(|why| {
        tracing::debug!(%address, port, why, "a signer cannot be asked");
        Answer::Unreachable
    })
}

async fn exchange(address: SocketAddr) -> Result<Answer, String> {
    let (health, info) = tokio::try_join!(get(address, "/health"), get(address, "/info"))?;
    let identity = match info {
        (200, info) => identity(&info),
        _ => None,
    };
    read(&health.1, identity).ok_or_else(|| "/health did not return a signer's health".to_owned())
}

async fn get(address: SocketAddr, path: &str) -> Result<(u16, Value), String> {
    let (status, body) = fetch::get(address, path, None, DEADLINE).await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// The body of `/health` decides; its status is 200 while the process serves. If all requests of a client are refused, that is
/// reported before the backend's state, because only a person can fix it.
fn read(health: &Value, identity: Option<SignerIdentity>) -> Option<Answer> {
    match health["status"].as_str()? {
        "UP" => Some(Answer::Up(identity)),
        "DOWN" => Some(Answer::Down(fault(&health["components"]), identity)),
        _ => None,
    }
}

fn fault(components: &Value) -> Fault {
    let client = &components["client"];
    if client["status"] == "DOWN" {
        let found = client["details"]["reason"].as_str().unwrap_or_default();
        let known = [
            reasons::WRONG_TOKEN,
            reasons::OTHER_PUBLIC_KEY,
            reasons::MISSING_CAPABILITY,
        ];
        if let Some(reason) = known.into_iter().find(|reason| *reason == found) {
            return Fault {
                reason,
                code: reason.to_owned(),
                text: short(&client["details"]["remedy"]),
            };
        }
    }
    // Only a signer that must be restarted has the first of the two.
    let details = ["process", "backend"]
        .map(|name| &components[name]["details"])
        .into_iter()
        .find(|details| details.is_object())
        .unwrap_or(&Value::Null);
    Fault {
        reason: reasons::BACKEND_DOWN,
        code: short(&details["code"]),
        text: short(&details["message"]),
    }
}

fn short(value: &Value) -> String {
    one_line(value.as_str().unwrap_or_default(), LONGEST_TEXT)
}

/// None if key or address do not have Atto's format.
fn identity(info: &Value) -> Option<SignerIdentity> {
    let (public_key, address) = (info["publicKey"].as_str()?, info["address"].as_str()?);
    let is_key = public_key.len() == 64 && public_key.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_address = address
        .strip_prefix("atto://")
        .is_some_and(|rest| rest.len() == 61 && rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')));
    (is_key && is_address).then(|| SignerIdentity {
        public_key: public_key.to_ascii_uppercase(),
        address: address.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_of_health_decides_and_the_client_is_part_of_it() {
        let up = json!({"status": "UP"});
        assert_eq!(read(&up, None), Some(Answer::Up(None)));
        let reason = |components: Value| match read(&json!({"status": "DOWN", "components": components}), None) {
            Some(Answer::Down(fault, _)) => fault.reason,
            other => unreachable!("{other:?}"),
        };
        let backend = json!({"status": "DOWN", "details": {"code": "UNAVAILABLE", "message": "no route"}});
        assert_eq!(reason(json!({"backend": backend})), "BackendDown");
        let client = json!({"status": "DOWN", "details": {"reason": "WrongToken", "remedy": "use one Secret"}});
        assert_eq!(reason(json!({"backend": backend, "client": client})), "WrongToken");
        assert_eq!(reason(json!({})), "BackendDown");
        let process = json!({"status": "DOWN", "details": {"code": "LOST", "message": "a listener ended"}});
        let down = json!({"status": "DOWN", "components": {"backend": up, "process": process}});
        let Some(Answer::Down(fault, _)) = read(&down, None) else {
            unreachable!("{down}");
        };
        assert_eq!((fault.code.as_str(), fault.text.as_str()), ("LOST", "a listener ended"));
        assert_eq!(read(&json!({"message": "somebody else's server"}), None), None);
    }

    #[test]
    fn only_keys_and_addresses_come_into_a_status() {
        let address = format!("atto://aa{}", "b".repeat(59));
        let good = json!({"publicKey": "ab".repeat(32), "address": address});
        assert_eq!(identity(&good).map(|found| found.public_key), Some("AB".repeat(32)));
        assert_eq!(identity(&json!({"publicKey": "x", "address": address})), None);
        assert_eq!(
            identity(&json!({"publicKey": "ab".repeat(32), "address": "<script>"})),
            None
        );
    }
}
