//! The calls that IAM and the state of the key version forbid.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::json;

use super::{Code, Method};

/// The states of a key version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyState {
    #[default]
    Enabled,
    Disabled,
    DestroyScheduled,
    Destroyed,
    PendingGeneration,
    PendingImport,
}

impl KeyState {
    const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
            Self::DestroyScheduled => "DESTROY_SCHEDULED",
            Self::Destroyed => "DESTROYED",
            Self::PendingGeneration => "PENDING_GENERATION",
            Self::PendingImport => "PENDING_IMPORT",
        }
    }
}

/// The permissions that a signer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    ViewPublicKey,
    UseToSign,
}

impl Permission {
    const fn name(self) -> &'static str {
        match self {
            Self::ViewPublicKey => "cloudkms.cryptoKeyVersions.viewPublicKey",
            Self::UseToSign => "cloudkms.cryptoKeyVersions.useToSign",
        }
    }
}

/// Everything is allowed unless a field says otherwise.
#[derive(Debug, Default)]
pub struct State {
    pub key: KeyState,
    revoked: Vec<Permission>,
}

impl State {
    pub fn revoke(&mut self, permission: Permission) {
        self.grant(permission);
        self.revoked.push(permission);
    }

    pub fn grant(&mut self, permission: Permission) {
        self.revoked.retain(|revoked| *revoked != permission);
    }

    /// The answer to a forbidden call about `name`, if only the key version `known` exists: IAM first, which does not reveal
    /// whether a key exists.
    pub fn refusal(&self, method: Method, name: &str, known: &str) -> Option<Response<Full<Bytes>>> {
        let permission = match method {
            Method::GetPublicKey => Permission::ViewPublicKey,
            Method::AsymmetricSign => Permission::UseToSign,
        };
        if self.revoked.contains(&permission) {
            let permission = permission.name();
            let message = format!("Permission '{permission}' denied on resource '{name}' (or it may not exist).");
            let details = json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "IAM_PERMISSION_DENIED",
                "domain": "cloudkms.googleapis.com",
                "metadata": { "permission": permission, "resource": name },
            });
            return Some(Code::PermissionDenied.response(&message, &details));
        }
        if name != known {
            return Some(Code::NotFound.response(&format!("CryptoKeyVersion {name} not found."), &json!(null)));
        }
        if self.key == KeyState::Enabled {
            return None;
        }
        let state = self.key.name();
        let details = json!({
            "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
            "violations": [{ "type": format!("KEY_{state}"), "subject": name }],
        });
        let message = format!("{name} is not enabled, current state is: {state}.");
        Some(Code::FailedPrecondition.response(&message, &details))
    }
}
