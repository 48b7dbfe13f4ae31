//! YAML as kubectl reads and writes it.
//!
//! kubectl reads YAML 1.1 (`yes` and `0400` are a boolean and the number 256), converts each document to JSON, and has habits of its own
//! about documents and lists. The libraries of this language read YAML 1.2. So the syntax is read by one of them, event by event, and what
//! a scalar means is decided here as Kubernetes' own library decides it. A corpus of documents is tried on both, see
//! `tests/tests/as_kubectl`.

mod nodes;
mod numbers;
mod objects;
mod older;
mod print;
mod scalar;
mod stream;
mod text;
mod tree;

pub use objects::objects;
pub use print::print;
pub use stream::documents;
pub use text::decode;
pub use tree::document;
