//! Files for a key service, mounted only into the signer's container.

use crds::names::{CA_PATH, CA_VOLUME, IDENTITY_PATH, IDENTITY_VOLUME};
use crds::{ConfigMapKeyRef, SecretKeyRef};
use serde_json::{Value, json};

use super::backend::Mounts;

/// The lifetime of a token, in seconds. The kubelet replaces it after 80 percent of that time.
const LIFE_SECONDS: i64 = 3600;

/// File name of the token in its volume.
const TOKEN: &str = "token";

/// File name of the certificates in their volume.
const CA: &str = "ca.crt";

/// Path of the token in the signer's container.
pub fn token_file() -> String {
    format!("{IDENTITY_PATH}/{TOKEN}")
}

/// Path of the certificates in the signer's container.
pub fn ca_file() -> String {
    format!("{CA_PATH}/{CA}")
}

/// A token of the pods' ServiceAccount for one audience.
pub fn identity(audience: &str) -> Mounts {
    mounted(
        json!({
            "name": IDENTITY_VOLUME,
            "projected": { "sources": [{ "serviceAccountToken": {
                "audience": audience, "expirationSeconds": LIFE_SECONDS, "path": TOKEN,
            } }] },
        }),
        IDENTITY_PATH,
    )
}

/// Certificates from a Secret.
pub fn ca_of_secret(SecretKeyRef { name, key }: &SecretKeyRef) -> Mounts {
    let items = json!([{ "key": key, "path": CA }]);
    mounted(
        json!({ "name": CA_VOLUME, "secret": { "secretName": name, "items": items } }),
        CA_PATH,
    )
}

/// Certificates from a ConfigMap.
pub fn ca_of_config_map(ConfigMapKeyRef { name, key }: &ConfigMapKeyRef) -> Mounts {
    let items = json!([{ "key": key, "path": CA }]);
    mounted(
        json!({ "name": CA_VOLUME, "configMap": { "name": name, "items": items } }),
        CA_PATH,
    )
}

impl Mounts {
    /// Combines both.
    #[must_use]
    pub fn and(mut self, other: Option<Self>) -> Self {
        let Self { volumes, volume_mounts } = other.unwrap_or_default();
        self.volumes.extend(volumes);
        self.volume_mounts.extend(volume_mounts);
        self
    }
}

fn mounted(volume: Value, path: &str) -> Mounts {
    let mount = json!({ "name": volume["name"], "mountPath": path, "readOnly": true });
    Mounts {
        volumes: vec![volume],
        volume_mounts: vec![mount],
    }
}
