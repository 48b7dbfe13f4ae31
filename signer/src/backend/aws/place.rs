//! Which key, where it is asked for, and as whom.

use super::{endpoint::Endpoints, key_arn::KeyArn, source::Source};

/// Settings that are checked.
#[derive(Clone, Debug)]
pub struct AwsPlace {
    pub key: KeyArn,
    pub endpoints: Endpoints,
    pub source: Source,
}
