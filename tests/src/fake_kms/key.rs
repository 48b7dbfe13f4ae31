//! The key pair, and the two answers that are derived from it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use data_encoding::BASE64;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use sha2::Sha512;

use super::{Fault, crc32c};

/// The DER of an Ed25519 SubjectPublicKeyInfo (RFC 8410) up to the 32 bytes of the key.
const SPKI: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key version.
pub struct Key {
    name: String,
    pair: SigningKey,
    others: AtomicU64,
}

impl Key {
    pub fn new(name: &str, pair: SigningKey) -> Self {
        Self {
            name: name.to_owned(),
            pair,
            others: AtomicU64::new(0),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        self.pair.verifying_key()
    }

    /// `PublicKey` of the API. 64-bit integers are strings, as everywhere in Google's JSON.
    pub fn public_key(&self, fault: Option<&Fault>) -> Value {
        let der = [&SPKI[..], self.pair_for(fault).verifying_key().as_bytes()].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            BASE64.encode(&der)
        );
        let (pem, checksum) = with_fault(pem.into_bytes(), fault);
        let algorithm = match fault {
            Some(Fault::OtherAlgorithm) => "EC_SIGN_P256_SHA256",
            _ => "EC_SIGN_ED25519",
        };
        let mut answer = json!({
            "pem": String::from_utf8_lossy(&pem),
            "algorithm": algorithm,
            "name": self.name,
            "protectionLevel": "SOFTWARE",
            "publicKeyFormat": "PEM",
        });
        if let Some(checksum) = checksum {
            answer["pemCrc32c"] = json!(checksum.to_string());
        }
        self.rename(&mut answer, fault);
        answer
    }

    /// `AsymmetricSignResponse` of the API. Fields that are false or empty are left out, as Google does.
    pub fn sign(&self, data: &[u8], data_verified: bool, fault: Option<&Fault>) -> Value {
        let signature = match fault {
            Some(Fault::OtherSignature) => self.sign_otherwise(data),
            _ => self.pair_for(fault).sign(data),
        };
        let signature = signature.to_bytes().to_vec();
        let (signature, checksum) = with_fault(signature, fault);
        let mut answer = json!({
            "signature": BASE64.encode(&signature),
            "name": self.name,
            "protectionLevel": "SOFTWARE",
        });
        if let Some(checksum) = checksum {
            answer["signatureCrc32c"] = json!(checksum.to_string());
        }
        if data_verified && fault != Some(&Fault::DataNotVerified) {
            answer["verifiedDataCrc32c"] = json!(true);
        }
        self.rename(&mut answer, fault);
        answer
    }

    fn sign_otherwise(&self, data: &[u8]) -> Signature {
        let mut secret = ExpandedSecretKey::from(self.pair.as_bytes());
        let other = self.others.fetch_add(1, Relaxed);
        secret.hash_prefix[..8].copy_from_slice(&other.to_le_bytes());
        raw_sign::<Sha512>(&secret, data, &self.verifying_key())
    }

    fn pair_for(&self, fault: Option<&Fault>) -> SigningKey {
        match fault {
            Some(Fault::OtherName) => SigningKey::from_bytes(&self.verifying_key().to_bytes()),
            _ => self.pair.clone(),
        }
    }

    fn rename(&self, answer: &mut Value, fault: Option<&Fault>) {
        match fault {
            Some(Fault::OtherName) => answer["name"] = json!(format!("{}2", self.name)),
            Some(Fault::ProjectNumber) => {
                answer["name"] = json!(self.name.replacen("projects/p/", "projects/123456789012/", 1));
            }
            Some(Fault::NoName) => answer["name"] = json!(""),
            _ => {}
        }
    }
}

fn with_fault(mut bytes: Vec<u8>, fault: Option<&Fault>) -> (Vec<u8>, Option<u32>) {
    let good = crc32c(&bytes);
    match fault {
        Some(Fault::CorruptBytes | Fault::CorruptBytesAndChecksum) => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            let checksum = match fault {
                Some(Fault::CorruptBytes) => good,
                _ => crc32c(&bytes),
            };
            (bytes, Some(checksum))
        }
        Some(Fault::Short) => {
            bytes.truncate(bytes.len() / 2);
            let checksum = crc32c(&bytes);
            (bytes, Some(checksum))
        }
        Some(Fault::WrongChecksum) => (bytes, Some(good ^ 1)),
        Some(Fault::NoChecksum) => (bytes, None),
        _ => (bytes, Some(good)),
    }
}
