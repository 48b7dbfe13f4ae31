//! Which key, its service's addresses, and the identity to use.

use super::{endpoint::Endpoints, key_arn::KeyArn, source::Source};

/// The checked settings.
#[derive(Clone, Debug)]
pub struct AwsPlace {
    pub key: KeyArn,
    pub endpoints: Endpoints,
    pub source: Source,
}
