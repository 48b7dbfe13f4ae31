use std::fmt;

use data_encoding::HEXUPPER;

/// The code of the only algorithm, `V1` (Ed25519 keys, `BLAKE2b` hashes).
pub const ALGORITHM_V1: u8 = 0;

/// An Ed25519 public key of algorithm V1. Displayed as 64 upper-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXUPPER.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({self})")
    }
}
