//! The possible faults of a call.

use std::time::Duration;

use super::Code;

/// A fault of one call. "The bytes" are the signature, or the PEM of the public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault, but the answer takes this long.
    Delay(Duration),
    /// This error, with Google's text.
    Code(Code),
    /// An answer of a proxy that is not JSON, with this HTTP status.
    Html(u16),
    /// An answer of a proxy with 200 kB, whose lines look like log lines, with this HTTP status.
    Page(u16),
    /// A 200 whose JSON is cut off.
    BrokenJson,
    /// The connection is closed without an answer. The call was executed.
    Drop,
    /// There is no answer, and the connection stays open.
    Hang,
    /// One bit of the bytes is flipped; the checksum is that of the original.
    CorruptBytes,
    /// One bit of the bytes is flipped, with a matching checksum.
    CorruptBytesAndChecksum,
    /// A wrong checksum of correct bytes.
    WrongChecksum,
    /// No checksum.
    NoChecksum,
    /// The answer is about another key version, which has another key.
    OtherName,
    /// The answer contains the project's number.
    ProjectNumber,
    /// The answer has no name.
    NoName,
    /// Half of the signature, with its checksum; the first half of the PEM, with its checksum.
    Short,
    /// A valid but different signature each time, as from a key service that does not follow RFC 8032.
    OtherSignature,
    /// `verifiedDataCrc32c` is missing, as if the checksum of the data never arrived. Has no effect on public keys.
    DataNotVerified,
    /// An algorithm other than Ed25519, for the public key.
    OtherAlgorithm,
}
