use std::sync::Arc;

use super::{place::AwsPlace, session::AwsSession, source::Source};
use crate::backend::vendor::{Location, Session};

/// The value in `ATTO_SIGNER_BACKEND`.
pub const NAME: &str = "AWS";

/// The location of the key.
#[derive(Clone, Debug)]
pub struct AwsLocation {
    pub place: AwsPlace,
    /// Settings that are allowed, but may be a mistake.
    pub warnings: Vec<String>,
}

impl Location for AwsLocation {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn reads_identity_token(&self) -> bool {
        matches!(self.place.source, Source::WebIdentity { .. })
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    fn open(&self) -> Arc<dyn Session> {
        Arc::new(AwsSession::new(self.place.clone()))
    }
}
