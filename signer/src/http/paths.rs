/// Where the key is told.
pub const PUBLIC_KEYS: &str = "/public-keys";
/// Where blocks are signed.
pub const BLOCKS: &str = "/blocks";
/// Where votes are signed.
pub const VOTES: &str = "/votes";
/// Where challenges are signed.
pub const CHALLENGES: &str = "/challenges";
