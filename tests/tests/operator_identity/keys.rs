//! A key of each key service, used with the signer's own token.

use serde_json::{Value, json};
use tests::operated::{binding, voter, with};

/// A kind of key, and the expected rendering.
pub struct Kind {
    pub name: &'static str,
    pub key: Value,
    pub audience: &'static str,
    /// The signer's variables in addition to backend and key.
    pub variables: &'static [(&'static str, &'static str)],
    /// The commands of `IdentityReady`, without the namespace.
    pub commands: &'static [&'static str],
    pub has_certificates: bool,
}

pub const PROVIDER: &str =
    "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/atto-voters/providers/cluster-1";
pub const ARN: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A key in Vault with one field changed.
pub fn vault(field: &str, value: Value) -> Value {
    let key = json!({
        "address": "https://vault.example.com:8200", "key": "voter", "version": 1,
        "auth": {"kubernetes": {"role": "atto-voter"}},
    });
    json!({"vault": with(key, &format!("/{field}"), value)})
}

pub fn kinds() -> Vec<Kind> {
    let version = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    vec![
        Kind {
            name: "federation",
            key: json!({"gcp": {"keyVersion": version, "federation": {"provider": PROVIDER, "serviceAccount": "signer@p.iam.gserviceaccount.com"}}}),
            audience: PROVIDER,
            variables: &[
                ("ATTO_SIGNER_BACKEND", "GCP"),
                ("ATTO_SIGNER_GCP_PROVIDER", PROVIDER),
                ("ATTO_SIGNER_GCP_SERVICE_ACCOUNT", "signer@p.iam.gserviceaccount.com"),
            ],
            commands: &[
                "gcloud iam workload-identity-pools providers create-oidc cluster-1 --workload-identity-pool=atto-voters ",
                "workloadIdentityPools/atto-voters/subject/system:serviceaccount:NAMESPACE:voter\"",
            ],
            has_certificates: false,
        },
        Kind {
            name: "aws",
            key: json!({"aws": {"keyArn": ARN, "roleArn": "arn:aws:iam::123456789012:role/atto-voter"}}),
            audience: "sts.amazonaws.com",
            variables: &[
                ("ATTO_SIGNER_BACKEND", "AWS"),
                ("ATTO_SIGNER_KEY", ARN),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/atto-voter"),
                (
                    "AWS_WEB_IDENTITY_TOKEN_FILE",
                    "/var/run/secrets/signer.atto.cash/identity/token",
                ),
            ],
            commands: &[
                "aws iam create-role --role-name atto-voter --assume-role-policy-document '{",
                ":sub\":\"system:serviceaccount:NAMESPACE:voter\"",
            ],
            has_certificates: false,
        },
        Kind {
            name: "vault",
            key: vault("caSecretRef", json!({"name": "key", "key": "value"})),
            audience: "https://vault.example.com:8200",
            variables: &[
                ("ATTO_SIGNER_BACKEND", "VAULT"),
                ("ATTO_SIGNER_KEY", "transit/keys/voter/versions/1"),
                ("ATTO_SIGNER_VAULT_ADDRESS", "https://vault.example.com:8200"),
                ("ATTO_SIGNER_VAULT_AUTH", "kubernetes"),
                ("ATTO_SIGNER_VAULT_ROLE", "atto-voter"),
                (
                    "ATTO_SIGNER_VAULT_CA_FILE",
                    "/var/run/secrets/signer.atto.cash/ca/ca.crt",
                ),
            ],
            commands: &[
                "bao write auth/kubernetes/role/atto-voter bound_service_account_names=voter bound_service_account_namespaces=NAMESPACE audience=https://vault.example.com:8200 ",
            ],
            has_certificates: true,
        },
        Kind {
            name: "jwt",
            key: vault(
                "auth",
                json!({"jwt": {"role": "r", "mount": "jwt-atto", "audience": "vault"}}),
            ),
            audience: "vault",
            variables: &[
                ("ATTO_SIGNER_VAULT_AUTH", "jwt"),
                ("ATTO_SIGNER_VAULT_AUTH_MOUNT", "jwt-atto"),
            ],
            commands: &["bound_subject=system:serviceaccount:NAMESPACE:voter bound_audiences=vault "],
            has_certificates: false,
        },
    ]
}

/// A binding with this key that restores the Deployment when it is deleted.
pub fn removing(key: &Value) -> Value {
    let binding = with(binding(), "/spec/key", key.clone());
    with(binding, "/spec/deletionPolicy", json!("Remove"))
}

/// A voter with a ServiceAccount of its own and a volume of its own.
pub fn voter_with_account() -> Value {
    let mut voter = with(voter(), "/spec/template/spec/serviceAccountName", json!("voter"));
    voter["spec"]["strategy"] = json!({"type": "Recreate"});
    voter["spec"]["template"]["spec"]["automountServiceAccountToken"] = json!(false);
    voter["spec"]["template"]["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    voter["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/data"}]);
    voter
}
