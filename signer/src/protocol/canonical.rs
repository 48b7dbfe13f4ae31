/// Canonical bytes of a block or a vote, stored on the stack.
#[derive(Clone, Debug)]
pub struct Canonical {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Canonical {
    /// The length of the longest message, a SEND block.
    pub const CAPACITY: usize = 134;

    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; Self::CAPACITY],
            length: 0,
        }
    }

    pub(super) fn put(mut self, part: &[u8]) -> Self {
        let end = self.length + part.len();
        self.bytes[self.length..end].copy_from_slice(part);
        self.length = end;
        self
    }
}

impl AsRef<[u8]> for Canonical {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
