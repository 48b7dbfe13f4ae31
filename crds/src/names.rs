//! Names that are part of the contract with other programs, manifests and people.

/// API group of the `SignerBinding`.
pub const GROUP: &str = "signer.atto.cash";

/// Field manager under which the operator applies everything it writes.
pub const FIELD_MANAGER: &str = "signer-operator";

/// Name of the injected native sidecar.
pub const SIGNER_CONTAINER: &str = "signer";

/// Name of the node container if `spec.target.container` is not set and the pod has a container with this name.
pub const DEFAULT_NODE_CONTAINER: &str = "node";

/// Prefix of every label and annotation key of the operator.
pub const KEY_PREFIX: &str = "signer.atto.cash/";

/// Pod-template annotation with the hash of the rendering.
pub const HASH_ANNOTATION: &str = "signer.atto.cash/hash";

/// Annotation of a Deployment that was created paused until its signer is injected. Its value is the name of the binding. A
/// Deployment that a person paused does not have it.
pub const HELD_ANNOTATION: &str = "signer.atto.cash/held";

/// Pod-template label by which the Service and the pod watch find injected pods.
pub const DEPLOYMENT_LABEL: &str = "signer.atto.cash/deployment";

/// Annotation of a binding that names the approved `status.plan.hash`.
pub const APPROVE_ANNOTATION: &str = "signer.atto.cash/approve";

/// Finalizer of a binding whose `deletionPolicy` is `Remove`.
pub const FINALIZER: &str = "signer.atto.cash/remove";

/// Port of the signer's API if `spec.signer.ports.api` is not set.
pub const DEFAULT_API_PORT: u16 = 9090;

/// Port of the signer's management endpoints if `spec.signer.ports.management` is not set.
pub const DEFAULT_MANAGEMENT_PORT: u16 = 9091;

/// The variables of the node container that belong to a binding.
pub const NODE_VARIABLES: [&str; 3] = [
    "ATTO_SIGNER_BACKEND",
    "ATTO_SIGNER_REMOTE_URL",
    "ATTO_SIGNER_REMOTE_TOKEN",
];

/// Annotation of a Kubernetes ServiceAccount that names the Google service account which its pods act as.
/// Source: <https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity>
pub const GCP_ACCOUNT_ANNOTATION: &str = "iam.gke.io/gcp-service-account";

/// Annotation of a Kubernetes ServiceAccount that names the IAM role of its pods, which a webhook of EKS gives each of their containers.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html>
pub const AWS_ACCOUNT_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// Volume with the ServiceAccount token with which the signer authenticates to its key service. No other container
/// mounts it.
pub const IDENTITY_VOLUME: &str = "signer-identity";

/// Mount path of that volume in the signer's container. By default, the signer reads the file `token` there.
pub const IDENTITY_PATH: &str = "/var/run/secrets/signer.atto.cash/identity";

/// Volume with the certificates of a key service's certificate authorities.
pub const CA_VOLUME: &str = "signer-ca";

/// Mount path of that volume in the signer's container.
pub const CA_PATH: &str = "/var/run/secrets/signer.atto.cash/ca";

/// The volumes that the operator adds to a pod.
pub const VOLUMES: [&str; 2] = [IDENTITY_VOLUME, CA_VOLUME];

/// The signer's variable for its key service.
pub const BACKEND_VARIABLE: &str = "ATTO_SIGNER_BACKEND";

/// The signer's variables for the server of a key in Vault: address and namespace.
pub const VAULT_VARIABLES: [&str; 2] = ["ATTO_SIGNER_VAULT_ADDRESS", "ATTO_SIGNER_VAULT_NAMESPACE"];

/// The signer's variable for its key.
pub const KEY_VARIABLE: &str = "ATTO_SIGNER_KEY";

/// The signer's variable for the token.
pub const TOKEN_VARIABLE: &str = "ATTO_SIGNER_TOKEN";

/// The node's own variable for a private key, which a binding replaces.
pub const PRIVATE_KEY_VARIABLE: &str = "ATTO_PRIVATE_KEY";
