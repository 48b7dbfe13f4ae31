/// Path of the public key.
pub const PUBLIC_KEYS: &str = "/public-keys";
/// Path for signing blocks.
pub const BLOCKS: &str = "/blocks";
/// Path for signing votes.
pub const VOTES: &str = "/votes";
/// Path for signing challenges.
pub const CHALLENGES: &str = "/challenges";
