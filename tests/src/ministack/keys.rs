//! Keys, and answers of STS.

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};

use super::server::Ministack;
use crate::signer_process::exchange;

/// The Region of its keys.
pub const REGION: &str = "eu-central-1";
/// A role of its only account.
pub const ROLE: &str = "arn:aws:iam::000000000000:role/voter";

impl Ministack {
    /// Creates an Ed25519 key, and returns its ARN.
    ///
    /// # Errors
    /// ministack refuses.
    pub fn create_key(&self) -> Result<String> {
        self.create_key_of("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    }

    /// Creates a key of any kind, and returns its ARN.
    ///
    /// # Errors
    /// ministack refuses.
    pub fn create_key_of(&self, spec: &str, usage: &str) -> Result<String> {
        let answer = self.kms("CreateKey", &json!({ "KeySpec": spec, "KeyUsage": usage }))?;
        let arn = answer["KeyMetadata"]["Arn"].as_str();
        Ok(arn.with_context(|| format!("no ARN in {answer}"))?.to_owned())
    }

    /// The public half of an Ed25519 key.
    ///
    /// # Errors
    /// If there is no such key.
    pub fn public_key(&self, arn: &str) -> Result<VerifyingKey> {
        let answer = self.kms("GetPublicKey", &json!({ "KeyId": arn }))?;
        let der = BASE64.decode(answer["PublicKey"].as_str().unwrap_or_default().as_bytes())?;
        let key = der.last_chunk().filter(|_| der.len() == 44);
        Ok(VerifyingKey::from_bytes(
            key.with_context(|| format!("no Ed25519 key in {answer}"))?,
        )?)
    }

    /// Disables or enables the key.
    ///
    /// # Errors
    /// If there is no such key.
    pub fn set_enabled(&self, arn: &str, is_enabled: bool) -> Result<()> {
        let method = if is_enabled { "EnableKey" } else { "DisableKey" };
        self.kms(method, &json!({ "KeyId": arn })).map(|_| ())
    }

    /// Schedules the deletion of the key, or cancels it, which leaves the key disabled.
    ///
    /// # Errors
    /// If there is no such key.
    pub fn set_deletion(&self, arn: &str, is_pending: bool) -> Result<()> {
        let method = if is_pending {
            "ScheduleKeyDeletion"
        } else {
            "CancelKeyDeletion"
        };
        self.kms(method, &json!({ "KeyId": arn })).map(|_| ())
    }

    fn kms(&self, method: &str, body: &Value) -> Result<Value> {
        let body = body.to_string();
        // It does not verify signatures, and reads the Region from this header.
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: TrentService.{method}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/kms/aws4_request, \
             SignedHeaders=host, Signature=none\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(self.port(), request.as_bytes())?;
        ensure!(answer.status == 200, "{method}: {answer:?}");
        Ok(serde_json::from_str(&answer.body)?)
    }
}

/// Changes of a signer's environment for this key in the KMS at this URL, with dummy access keys.
pub fn settings(arn: &str, url: &str) -> [(&'static str, String); 5] {
    [
        ("ATTO_SIGNER_BACKEND", "AWS"),
        ("ATTO_SIGNER_KEY", arn),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "AKIANOBODY"),
        ("AWS_SECRET_ACCESS_KEY", "nobody"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}

/// An STS session in STS' format, with this expiry (RFC 3339).
pub fn sts_answer(access_key: &str, secret: &str, token: &str, end: &str) -> String {
    format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
         <Credentials><AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{end}</Expiration></Credentials>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
}
