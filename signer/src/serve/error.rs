use std::{borrow::Cow, io, net::SocketAddr, path::PathBuf, time::Duration};

use thiserror::Error;

use crate::{
    backend::{BackendError, Fault},
    exit,
    protocol::{Address, PublicKey},
};

/// Why the signer does not serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The key did not pass its self-test.
    #[error("ATTO_SIGNER_KEY: {0}")]
    Key(#[from] BackendError),
    /// The key is not the expected one.
    #[error(
        "ATTO_SIGNER_EXPECTED_PUBLIC_KEY: found a key of {} ({}), expected {} ({}). Correct the key or the expectation",
        Address(*.found), .found, Address(*.expected), .expected
    )]
    OtherKey {
        /// The present key.
        found: PublicKey,
        /// The expected key.
        expected: PublicKey,
    },
    /// The key can never be used, for this reason.
    #[error("ATTO_SIGNER_KEY: {0}")]
    NeverKey(String),
    /// The backend refused for too long.
    #[error("ATTO_SIGNER_KEY: still {fault} after {} s; {remedy}", .waited.as_secs())]
    Refused {
        /// Its last failure.
        fault: Fault,
        /// What to do.
        remedy: Cow<'static, str>,
        /// How long it has refused.
        waited: Duration,
    },
    /// A port is not available.
    #[error("{variable}: cannot listen on {address} ({source}); {}", remedy(.source))]
    Listen {
        /// The variable with the port.
        variable: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The audit file is not available.
    #[error(
        "ATTO_SIGNER_AUDIT_FILE: cannot write {} ({source}). Set a file in an existing directory that this user may \
        write, or unset it", .path.display()
    )]
    Audit {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another failure of the system.
    #[error("the signer could not be started: {0}")]
    System(#[from] io::Error),
    /// A defect: conflicting metrics.
    #[error("the metrics could not be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process uses the port: stop it, or set another port",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: set another port",
        _ => "set another address or port",
    }
}

impl ServeError {
    /// The exit code of the program.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Key(BackendError::Differs)
            | Self::OtherKey { .. }
            | Self::Listen { .. }
            | Self::NeverKey(_)
            | Self::Audit { .. } => exit::CONFIGURATION,
            Self::Refused { .. } => exit::PERMISSION,
            Self::Key(_) | Self::System(_) | Self::Metrics(_) => exit::UNAVAILABLE,
        }
    }
}

/// Accepts only the expected key.
pub fn expect(found: PublicKey, expected: Option<PublicKey>) -> Result<(), ServeError> {
    match expected {
        Some(expected) if expected != found => Err(ServeError::OtherKey { found, expected }),
        _ => Ok(()),
    }
}
