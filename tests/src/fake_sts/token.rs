//! A cluster's JWT: its parts, and its signature.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// The claims of a token of this issuer that is valid now and signed by one of the keys.
///
/// # Errors
/// Why it is invalid.
pub fn verify(token: &str, keys: &Value, issuer: &str) -> Result<Value> {
    let (signed, signature) = token.rsplit_once('.').context("it is no JWT")?;
    let (header, claims) = signed.split_once('.').context("it is no JWT")?;
    let [header, claims] =
        [header, claims].map(|part| Ok::<Value, anyhow::Error>(serde_json::from_slice(&decode(part)?)?));
    let (header, claims) = (header?, claims?);
    let keys = keys["keys"].as_array().context("there are no keys")?;
    let key = keys
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .context("no key has its kid")?;
    let part = |name: &str| decode(key[name].as_str().unwrap_or_default());
    let signature = decode(signature)?;
    let verified = match header["alg"].as_str() {
        Some("ES256") => {
            let point = [vec![4], part("x")?, part("y")?].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed.as_bytes(), &signature)
        }
        Some("RS256") => {
            let key = RsaPublicKeyComponents {
                n: part("n")?,
                e: part("e")?,
            };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        }
        other => bail!("its algorithm is {other:?}"),
    };
    ensure!(verified.is_ok(), "its signature is not of a key of the cluster");
    ensure!(claims["iss"] == issuer, "its issuer is {}", claims["iss"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    ensure!(claims["exp"].as_u64().is_some_and(|end| end > now), "it has expired");
    Ok(claims)
}

/// Whether a token is for this audience.
pub fn is_for(claims: &Value, audience: &str) -> bool {
    match &claims["aud"] {
        Value::String(found) => found == audience,
        Value::Array(all) => all.iter().any(|found| found == audience),
        _ => false,
    }
}

fn decode(text: &str) -> Result<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).context("not base64url")
}
