//! Condition types and reasons. They are part of the contract: scripts wait for them, and alerts use them.

/// Condition types, in the order in which a binding reaches them.
pub mod types {
    /// The operator accepts the binding.
    pub const ACCEPTED: &str = "Accepted";
    /// The Secret with the shared token exists and contains a usable token.
    pub const TOKEN_READY: &str = "TokenReady";
    /// The pods can prove their identity to the key service: a signer has signed with the key. Until then it is
    /// `Unknown`, and the message has the identity as Kubernetes shows it.
    pub const IDENTITY_READY: &str = "IdentityReady";
    /// The Deployment's pod template contains the signer that the binding asks for.
    pub const INJECTED: &str = "Injected";
    /// The running pods have the injected template.
    pub const ROLLED_OUT: &str = "RolledOut";
    /// The signers in the pods report that they sign.
    pub const SIGNING: &str = "Signing";
    /// All of the above are true; `Signing` only if it is known.
    pub const READY: &str = "Ready";
    /// The operator or the cluster is still working towards the state that the binding asks for.
    pub const RECONCILING: &str = "Reconciling";
    /// User action is required.
    pub const STALLED: &str = "Stalled";
    /// The operator would render the injected fields differently from the present ones, and holds that change back.
    pub const UPDATE_AVAILABLE: &str = "UpdateAvailable";

    /// The conditions that `Ready` depends on, in the order in which a binding reaches them.
    pub const STEPS: [&str; 7] = [
        ACCEPTED,
        TOKEN_READY,
        IDENTITY_READY,
        INJECTED,
        ROLLED_OUT,
        SIGNING,
        READY,
    ];

    /// All condition types.
    pub const ALL: [&str; 10] = [
        ACCEPTED,
        TOKEN_READY,
        IDENTITY_READY,
        INJECTED,
        ROLLED_OUT,
        SIGNING,
        READY,
        RECONCILING,
        STALLED,
        UPDATE_AVAILABLE,
    ];
}

/// Declares names once: as constants, and as the list that the runbook is checked against.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// All names of this list.
        pub const ALL: &[&str] = &[$($text),*];
    };
}

/// Reasons of conditions.
pub mod reasons {
    names! {
        /// `Accepted`: the operator manages the binding.
        ACCEPTED = "Accepted";
        /// `Accepted`: the signer image does not begin with an allowed prefix.
        IMAGE_NOT_ALLOWED = "ImageNotAllowed";
        /// `Accepted`: `deletionPolicy: Remove`, while the operator's rights may end before the binding of a namespace that is
        /// being deleted.
        REMOVE_NEEDS_CLUSTER_ROLE = "RemoveNeedsClusterRole";
        /// `Accepted`: an older binding already names the Deployment.
        TARGET_TAKEN = "TargetTaken";
        /// `Accepted`: the selector matches more Deployments than a status has room for.
        TOO_MANY_TARGETS = "TooManyTargets";
        /// `TokenReady`: the token exists.
        TOKEN_FOUND = "TokenFound";
        /// `TokenReady`: the token exists, but is shorter than 32 bytes.
        TOKEN_SHORT = "TokenShort";
        /// `TokenReady`: no Secret of that name.
        SECRET_NOT_FOUND = "SecretNotFound";
        /// `TokenReady`: the Secret has no such key.
        SECRET_KEY_NOT_FOUND = "SecretKeyNotFound";
        /// `TokenReady`: the value is empty.
        TOKEN_EMPTY = "TokenEmpty";
        /// `TokenReady`: the value is shorter than 16 bytes.
        TOKEN_WEAK = "TokenWeak";
        /// `TokenReady`: the value cannot be sent in an HTTP header.
        TOKEN_INVALID = "TokenInvalid";

        /// `TokenReady`: the token was changed in place, and the rollout that would give it to both containers is held.
        ROTATION_PENDING = "RotationPending";

        /// `IdentityReady`: the key is in a Secret, so the pods need no identity.
        IDENTITY_NOT_NEEDED = "IdentityNotNeeded";
        /// `IdentityReady`: the key is granted to the pods' ServiceAccount directly; the message has the commands.
        DIRECT_GRANT = "DirectGrant";
        /// `IdentityReady`: only the signer has a token of the ServiceAccount; the message has the commands.
        PROJECTED_TOKEN = "ProjectedToken";
        /// `IdentityReady`: the ServiceAccount has the annotation; the message has the commands.
        SERVICE_ACCOUNT_ANNOTATED = "ServiceAccountAnnotated";
        /// `IdentityReady`: the pods use the ServiceAccount `default`.
        NO_SERVICE_ACCOUNT = "NoServiceAccount";
        /// `IdentityReady`: there is no ServiceAccount of that name.
        SERVICE_ACCOUNT_NOT_FOUND = "ServiceAccountNotFound";
        /// `IdentityReady`: pods of other owners also use the ServiceAccount.
        SERVICE_ACCOUNT_SHARED = "ServiceAccountShared";

        /// `Injected`: the pod template contains the signer.
        INJECTED = "Injected";
        /// `Injected`: no Deployment of that name, or none that the selector matches.
        DEPLOYMENT_NOT_FOUND = "DeploymentNotFound";
        /// `Injected`: the Deployment is being deleted.
        DEPLOYMENT_TERMINATING = "DeploymentTerminating";
        /// `Injected`: the pod has no container of that name, or several and none called `node`.
        CONTAINER_NOT_FOUND = "ContainerNotFound";
        /// `Injected`: the container with the signer's variables runs, and the binding asks for another one.
        CONTAINER_CHANGE_PENDING = "ContainerChangePending";
        /// `Injected`: another container declares a port of the signer.
        PORT_CONFLICT = "PortConflict";
        /// `Injected`: a container called `signer` that is not the operator's.
        FOREIGN_SIGNER = "ForeignSigner";
        /// `Injected`: a Secret that the signer needs, for a LOCAL key, certificates or a variable, does not exist or has no such
        /// key.
        KEY_NOT_FOUND = "KeyNotFound";
        /// `Injected`: the spec has a value that the schema cannot check and the signer would not start with, such as a mistyped
        /// address.
        INVALID = "Invalid";
        /// `Injected`: the Deployment has the signer of another binding, with another key or token.
        TAKE_OVER_PENDING = "TakeOverPending";
        /// `Injected`, `IdentityReady`: another field manager sets one of the operator's fields to another value.
        FIELD_CONFLICT = "FieldConflict";
        /// `Injected`, `IdentityReady`: another field manager keeps changing the operator's fields. `Accepted`: another operator
        /// writes the binding.
        CONTESTED = "Contested";
        /// `Injected`, `IdentityReady`: the API server refused the change.
        REJECTED = "Rejected";
        /// `Injected`: the API server refuses a pod with the signer (dry run).
        POD_REJECTED = "PodRejected";
        /// `Injected`: the pod has a volume with a reserved name that is not the operator's.
        VOLUME_CONFLICT = "VolumeConflict";
        /// `Injected`: a Service with the name that the operator needs, which is not the operator's. Only the first
        /// injection waits for it.
        SERVICE_CONFLICT = "ServiceConflict";
        /// `Injected`: the injected signer has something that the binding does not ask for, or another container has its token, and
        /// the operator does not remove it.
        SIGNER_ALTERED = "SignerAltered";
        /// `Injected`: `spec.suspend` is true.
        SUSPENDED = "Suspended";
        /// `Injected`: `spec.rollout` is Manual and the plan is not approved.
        APPROVAL_PENDING = "ApprovalPending";
        /// `Injected`: the limit of `--max-rollouts` is reached.
        ROLLOUT_QUEUED = "RolloutQueued";
        /// `UpdateAvailable`: the operator would render the injected fields differently.
        UPDATE_AVAILABLE = "UpdateAvailable";
        /// `UpdateAvailable`: the operator would render the injected fields as they are.
        UP_TO_DATE = "UpToDate";

        /// `Injected`: the token is not ready, see `TokenReady`.
        TOKEN_NOT_READY = "TokenNotReady";
        /// `Injected`: the identity is not ready, see `IdentityReady`.
        IDENTITY_NOT_READY = "IdentityNotReady";
        /// `Injected`: the binding is not accepted, see `Accepted`.
        NOT_ACCEPTED = "NotAccepted";

        /// A Deployment in `status.targets`: it has the signer of this binding, but the binding no longer selects it.
        NO_LONGER_SELECTED = "NoLongerSelected";

        /// `RolledOut`: all wanted pods run the injected template.
        ROLLED_OUT = "RolledOut";
        /// `RolledOut`: pods are being replaced. `Injected`: a failed write is tried again.
        PROGRESSING = "Progressing";
        /// `RolledOut`: the rollout passed the Deployment's deadline.
        PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded";
        /// `RolledOut`: the ReplicaSet cannot create pods; the message has the cause.
        PODS_NOT_CREATED = "PodsNotCreated";
        /// `RolledOut`: the Deployment is paused and pods of an older template run.
        DEPLOYMENT_PAUSED = "DeploymentPaused";
        /// `RolledOut`: a new Deployment is held until its signer is injected; the message says what it waits for.
        HELD_FOR_SIGNER = "HeldForSigner";
        /// `RolledOut`, `IdentityReady`, `Signing`, `UpdateAvailable`: not injected, see `Injected`.
        NOT_INJECTED = "NotInjected";
        /// `RolledOut`, `Ready`: the Deployment wants no pods.
        SCALED_TO_ZERO = "ScaledToZero";

        /// `RolledOut`, `Ready`: the image of a container cannot be pulled.
        IMAGE_PULL_BACK_OFF = "ImagePullBackOff";
        /// `RolledOut`, `Ready`: the name of an image is not valid.
        INVALID_IMAGE_NAME = "InvalidImageName";
        /// `RolledOut`, `Ready`: an image that must not be pulled is not on the Kubernetes node.
        ERR_IMAGE_NEVER_PULL = "ErrImageNeverPull";
        /// `RolledOut`, `Ready`: an object that a container refers to, such as a Secret, does not exist.
        CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError";
        /// `RolledOut`, `Ready`: the container runtime cannot create or start a container.
        CREATE_CONTAINER_ERROR = "CreateContainerError";
        /// `RolledOut`, `Ready`: a container ends repeatedly.
        CRASH_LOOP_BACK_OFF = "CrashLoopBackOff";
        /// `RolledOut`, `Ready`: a container waits for another reason, which the message names.
        CONTAINER_WAITING = "ContainerWaiting";

        /// `Signing`: every running signer reports that it signs.
        SIGNING = "Signing";
        /// `Signing`: no signer has been asked yet.
        NOT_ASKED = "NotAsked";
        /// `Signing`: the operator cannot reach the signers.
        UNREACHABLE = "Unreachable";
        /// `Signing`: a signer cannot use its key.
        BACKEND_DOWN = "BackendDown";
        /// `Signing`: the node sends another token than the signer has.
        WRONG_TOKEN = "WrongToken";
        /// `Signing`: the node requests signatures of another key.
        OTHER_PUBLIC_KEY = "OtherPublicKey";
        /// `Signing`: the node requests signatures that the capabilities do not allow.
        MISSING_CAPABILITY = "MissingCapability";
        /// `Signing`: a signer has another key than `spec.key.expectedAddress`.
        UNEXPECTED_KEY = "UnexpectedKey";

        /// `Reconciling`, `Stalled`: nothing is in progress, and nothing needs to be fixed.
        SETTLED = "Settled";

        /// `Ready`: pods of the injected template run, but not all of them are ready.
        PODS_NOT_READY = "PodsNotReady";
        /// `Ready`: the pods run with their signer.
        READY = "Ready";
    }
}

/// Reasons of `status.warnings`.
pub mod warnings {
    names! {
        /// The private key is in a Secret.
        LOCAL_KEY = "LocalKey";
        /// Another binding in the cluster names the same key, or pods without a binding sign with it.
        SHARED_KEY_VERSION = "SharedKeyVersion";
        /// The pod still has `ATTO_PRIVATE_KEY`.
        PRIVATE_KEY_IN_POD = "PrivateKeyInPod";
        /// The Deployment wants more than one pod.
        SEVERAL_REPLICAS = "SeveralReplicas";
        /// During a rollout, the old and the new pod run at the same time.
        SURGE_STRATEGY = "SurgeStrategy";
        /// An old pod with the same key still runs alongside the new one.
        OLD_POD_RUNNING = "OldPodRunning";
        /// The Deployment wants no pods, and another owner runs pods with its signer and its key.
        RUNS_ELSEWHERE = "RunsElsewhere";
        /// An init container runs before the signer and seems to wait for it. The signer starts only after that container has
        /// ended.
        INIT_CONTAINER_BEFORE_SIGNER = "InitContainerBeforeSigner";
        /// Pods of other owners use the ServiceAccount that the key is granted to, or any pod of the namespace may use it.
        IDENTITY_SHARED = "IdentityShared";
        /// The audience of the signer's token is that of the cluster's API server.
        AUDIENCE_OF_API_SERVER = "AudienceOfApiServer";
        /// Another container has a token that the key service also accepts.
        TOKEN_IN_OTHER_CONTAINER = "TokenInOtherContainer";
        /// In addition to the signer's own token, each container gets the token for the API server.
        ACCOUNT_TOKEN_MOUNTED = "AccountTokenMounted";
        /// The pod uses the host's network together with a key in Google Cloud KMS.
        HOST_NETWORK = "HostNetwork";
        /// The Service for the metrics of the signer cannot be written.
        SERVICE_NOT_WRITTEN = "ServiceNotWritten";
        /// The API server refuses a write that no Deployment depends on.
        WRITE_REFUSED = "WriteRefused";
    }
}
