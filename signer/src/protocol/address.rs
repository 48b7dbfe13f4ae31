use std::{fmt, str::FromStr};

use blake2::{Blake2b, Digest, digest::consts::U5};
use data_encoding::BASE32_NOPAD;
use thiserror::Error;

use super::public_key::{ALGORITHM_V1, PublicKey};

const SCHEME: &str = "atto://";
const KEY_LENGTH: usize = 1 + 32;
const CHECKSUM_LENGTH: usize = 5;

/// An account in text form: `atto://` and the lower-case base32, without padding, of `algorithm ‖ public key ‖
/// BLAKE2b-40(algorithm ‖ public key)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub PublicKey);

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// It does not start with `atto://`.
    #[error("it does not start with atto://")]
    Scheme,
    /// The text after the scheme is not 61 characters of lower-case base32.
    #[error("the text after atto:// is not 61 characters of a-z and 2-7")]
    Encoding,
    /// The algorithm byte is not V1's.
    #[error("its algorithm is unknown")]
    Algorithm,
    /// The checksum does not match the key, usually because of a typing error.
    #[error("its checksum does not match: mistyped?")]
    Checksum,
}

fn checksum(key: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    Blake2b::<U5>::digest(key).into()
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; KEY_LENGTH + CHECKSUM_LENGTH];
        let (key, sum) = bytes.split_at_mut(KEY_LENGTH);
        key[0] = ALGORITHM_V1;
        key[1..].copy_from_slice(&self.0.0);
        sum.copy_from_slice(&checksum(key));
        let mut text = BASE32_NOPAD.encode(&bytes);
        text.make_ascii_lowercase();
        write!(formatter, "{SCHEME}{text}")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let encoded = text.strip_prefix(SCHEME).ok_or(AddressError::Scheme)?;
        if encoded.contains(|character: char| character.is_ascii_uppercase()) {
            return Err(AddressError::Encoding);
        }
        let bytes: [u8; KEY_LENGTH + CHECKSUM_LENGTH] = BASE32_NOPAD
            .decode(encoded.to_ascii_uppercase().as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(AddressError::Encoding)?;
        let (key, sum) = bytes.split_at(KEY_LENGTH);
        if key[0] != ALGORITHM_V1 {
            return Err(AddressError::Algorithm);
        }
        if sum != checksum(key) {
            return Err(AddressError::Checksum);
        }
        let mut public_key = [0; 32];
        public_key.copy_from_slice(&key[1..]);
        Ok(Self(PublicKey(public_key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "atto://aa5wuj54z23killcuounaktpbvzwkmqvo4o6eq5ghlaerimllhnctwl5g2ekm";

    #[test]
    fn an_address_is_read_and_written_alike() {
        let address: Address = ADDRESS.parse().unwrap();
        assert_eq!(
            address.0.to_string(),
            "3B6A27BCCEB6A42D62A3A8D02A6F0D73653215771DE243A63AC048A18B59DA29"
        );
        assert_eq!(address.to_string(), ADDRESS);
    }

    #[test]
    fn a_mistyped_address_is_told_from_a_broken_one() {
        assert_eq!("nano://aa".parse::<Address>(), Err(AddressError::Scheme));
        assert_eq!("atto://aa".parse::<Address>(), Err(AddressError::Encoding));
        assert_eq!(
            ADDRESS.to_uppercase().replace("ATTO", "atto").parse::<Address>(),
            Err(AddressError::Encoding)
        );
        assert_eq!(
            ADDRESS.replace("wuj5", "wuj6").parse::<Address>(),
            Err(AddressError::Checksum)
        );
        assert_eq!(
            ADDRESS.replace("//aa", "//ai").parse::<Address>(),
            Err(AddressError::Algorithm)
        );
    }
}
