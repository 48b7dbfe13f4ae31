//! An Ed25519 public key as key services return it: 44 bytes of DER (RFC 8410).

use ed25519_dalek::VerifyingKey;

use crate::protocol::PublicKey;

/// The bytes before the 32 bytes of the key.
const PREFIX: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The key, if the bytes are one.
pub fn from_der(der: &[u8]) -> Option<PublicKey> {
    let key: [u8; 32] = der.strip_prefix(&PREFIX)?.try_into().ok()?;
    VerifyingKey::from_bytes(&key).ok()?;
    Some(PublicKey(key))
}

/// The key in the form of key services.
#[cfg(any(test, fuzzing))]
pub fn to_der(key: PublicKey) -> Vec<u8> {
    [PREFIX.as_slice(), &key.0].concat()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    #[test]
    fn the_key_is_read_from_44_bytes_and_no_others() {
        let key = PublicKey(SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes());
        let der = to_der(key);
        assert_eq!((der.len(), from_der(&der)), (44, Some(key)));
        let mut longer = der.clone();
        longer.push(0);
        let mut other = der.clone();
        other[8] = 0x71;
        for wrong in [&longer, &other, &der[..43].to_vec(), &key.0.to_vec()] {
            assert_eq!(from_der(wrong), None);
        }
    }
}
