//! What can be wrong with a call.

use std::time::Duration;

use super::Code;

/// What is wrong with one call. "The bytes" are the signature, or the PEM of the public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing, but the answer takes this long.
    Delay(Duration),
    /// This error, with Google's words.
    Code(Code),
    /// An answer of something in between that is no JSON, with this HTTP status.
    Html(u16),
    /// The same with 200 kB, in which lines begin as those of a log do.
    Page(u16),
    /// A 200 whose JSON is cut off.
    BrokenJson,
    /// The connection is closed without an answer. The call was carried out.
    Drop,
    /// There is never an answer, and the connection stays open.
    Hang,
    /// One bit of the bytes is another one, with the checksum of what was meant.
    CorruptBytes,
    /// One bit of the bytes is another one, and the checksum says that all is well.
    CorruptBytesAndChecksum,
    /// A wrong checksum of good bytes.
    WrongChecksum,
    /// No checksum.
    NoChecksum,
    /// The answer is about another key version, which has another key.
    OtherName,
    /// The answer names the project by its number.
    ProjectNumber,
    /// The answer has no name.
    NoName,
    /// Half of the signature, with its checksum; the first half of the PEM, with its checksum.
    Short,
    /// A right signature that is another one each time, as of a key service that does not follow RFC 8032.
    OtherSignature,
    /// `verifiedDataCrc32c` is missing, as when the checksum of the data never arrived. No matter to public keys.
    DataNotVerified,
    /// Another algorithm than Ed25519, of the public key.
    OtherAlgorithm,
}
