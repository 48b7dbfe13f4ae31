//! What can go wrong in a reconcile and is worth another try.

use thiserror::Error;

/// A reconcile that did not come to its end.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot {attempt}: {source}")]
    Request {
        attempt: &'static str,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("cannot {attempt}: no answer from the API server within {seconds} s")]
    Deadline { attempt: &'static str, seconds: u64 },
    #[error("cannot encode an object: {0}")]
    Encode(#[source] serde_json::Error),
    #[error("the list of SignerBindings is not there yet: {0}")]
    NotSynced(#[source] kube::runtime::reflector::store::WriterDropped),
    #[error("{0} changed while it was being written")]
    Changed(&'static str),
    #[error("{0}: the object is not a SignerBinding: {1}")]
    Undecodable(String, String),
}

impl Error {
    /// A finite name for metrics.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Request { .. } => "request",
            Self::Deadline { .. } => "deadline",
            Self::Encode(_) => "encode",
            Self::NotSynced(_) => "not_synced",
            Self::Changed(_) => "changed",
            Self::Undecodable(..) => "undecodable",
        }
    }

    /// What the API server answered, if it answered.
    pub fn response(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Request { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn is_not_found(&self) -> bool {
        self.response().is_some_and(kube::core::Status::is_not_found)
    }

    pub fn is_forbidden(&self) -> bool {
        self.response().is_some_and(kube::core::Status::is_forbidden)
    }

    pub fn is_conflict(&self) -> bool {
        self.response().is_some_and(kube::core::Status::is_conflict)
    }
}
