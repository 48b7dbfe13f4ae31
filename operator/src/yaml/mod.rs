//! YAML as kubectl reads and writes it.
//!
//! kubectl reads YAML 1.1 (`yes` is a boolean, `0400` is the number 256), converts each document to JSON, and treats documents
//! and lists in its own way. Rust's libraries read YAML 1.2. Therefore one of them reads the syntax, event by event, and this
//! module interprets scalars as Kubernetes' own library does. A corpus of documents is compared with kubectl, see
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
