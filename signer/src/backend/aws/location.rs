use std::sync::Arc;

use super::{endpoint::Endpoints, key_arn::KeyArn, session::AwsSession, source::Source};
use crate::backend::vendor::{Location, Session};

/// In `ATTO_SIGNER_BACKEND`.
pub const NAME: &str = "AWS";

/// Which key, where it is asked for, and as whom.
#[derive(Clone, Debug)]
pub struct AwsLocation {
    pub key: KeyArn,
    pub endpoints: Endpoints,
    pub source: Source,
    /// What is allowed, and may not be what was meant.
    pub warnings: Vec<String>,
}

impl Location for AwsLocation {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    fn reads_identity_token(&self) -> bool {
        matches!(self.source, Source::WebIdentity { .. })
    }

    fn open(&self) -> Arc<dyn Session> {
        Arc::new(AwsSession::new(self.clone()))
    }
}
