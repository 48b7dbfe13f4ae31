//! Condition types and reasons. They are part of the contract: people wait for them and alert on them.

/// Condition types, in the order in which a binding reaches them.
pub mod types {
    /// The operator can act on the binding as it is written.
    pub const ACCEPTED: &str = "Accepted";
    /// The Secret with the shared token is there and holds a usable token.
    pub const TOKEN_READY: &str = "TokenReady";
    /// The pods can prove their identity to the key service: a signer has signed with the key. Until then it is `Unknown`, with what
    /// Kubernetes shows of the identity.
    pub const IDENTITY_READY: &str = "IdentityReady";
    /// The Deployment's pod template carries the signer as the binding asks.
    pub const INJECTED: &str = "Injected";
    /// The pods that run are those of the injected template.
    pub const ROLLED_OUT: &str = "RolledOut";
    /// The signers in the pods sign, as they say themselves.
    pub const SIGNING: &str = "Signing";
    /// All of the above; `Signing` only where it is known.
    pub const READY: &str = "Ready";
    /// The operator or the cluster is still on its way to what the binding asks for.
    pub const RECONCILING: &str = "Reconciling";
    /// It does not get there unless a person mends something.
    pub const STALLED: &str = "Stalled";
    /// The operator would write its own part otherwise than it is, and holds that back.
    pub const UPDATE_AVAILABLE: &str = "UpdateAvailable";

    /// Those that lead to `Ready`, in the order in which a binding reaches them.
    pub const STEPS: [&str; 7] = [
        ACCEPTED,
        TOKEN_READY,
        IDENTITY_READY,
        INJECTED,
        ROLLED_OUT,
        SIGNING,
        READY,
    ];

    /// All of them.
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

        /// All of them.
        pub const ALL: &[&str] = &[$($text),*];
    };
}

/// Reasons of conditions.
pub mod reasons {
    names! {
        /// `Accepted`: the operator acts on the binding.
        ACCEPTED = "Accepted";
        /// `Accepted`: the signer image does not begin with an allowed prefix.
        IMAGE_NOT_ALLOWED = "ImageNotAllowed";
        /// `Accepted`: `deletionPolicy: Remove` where nothing allows to let a binding of a dying namespace go.
        REMOVE_NEEDS_CLUSTER_ROLE = "RemoveNeedsClusterRole";
        /// `Accepted`: an older binding already serves the Deployment.
        TARGET_TAKEN = "TargetTaken";
        /// `Accepted`: the selector matches more Deployments than a status has room for.
        TOO_MANY_TARGETS = "TooManyTargets";
        /// `TokenReady`: the token is there.
        TOKEN_FOUND = "TokenFound";
        /// `TokenReady`: the token is there, but shorter than 32 bytes.
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

        /// `TokenReady`: the token was changed in place, and the rollout that would bring it to both containers is held.
        ROTATION_PENDING = "RotationPending";

        /// `IdentityReady`: the key is in a Secret, for which the pods prove no identity.
        IDENTITY_NOT_NEEDED = "IdentityNotNeeded";
        /// `IdentityReady`: the pods use their ServiceAccount as itself; the message has the commands.
        DIRECT_GRANT = "DirectGrant";
        /// `IdentityReady`: the signer, and no other container, has a token of the ServiceAccount; the message has the commands.
        PROJECTED_TOKEN = "ProjectedToken";
        /// `IdentityReady`: the annotation of the ServiceAccount is there; the message has the commands.
        SERVICE_ACCOUNT_ANNOTATED = "ServiceAccountAnnotated";
        /// `IdentityReady`: the pods use the ServiceAccount `default`.
        NO_SERVICE_ACCOUNT = "NoServiceAccount";
        /// `IdentityReady`: there is no ServiceAccount of that name.
        SERVICE_ACCOUNT_NOT_FOUND = "ServiceAccountNotFound";
        /// `IdentityReady`: pods of others use the ServiceAccount as well.
        SERVICE_ACCOUNT_SHARED = "ServiceAccountShared";

        /// `Injected`: the pod template carries the signer.
        INJECTED = "Injected";
        /// `Injected`: no Deployment of that name, or none that the selector matches.
        DEPLOYMENT_NOT_FOUND = "DeploymentNotFound";
        /// `Injected`: the Deployment is being deleted.
        DEPLOYMENT_TERMINATING = "DeploymentTerminating";
        /// `Injected`: the pod has no container of that name, or several and none called `node`.
        CONTAINER_NOT_FOUND = "ContainerNotFound";
        /// `Injected`: the container that has the signer is there, runs, and is not the one that the binding asks for.
        CONTAINER_CHANGE_PENDING = "ContainerChangePending";
        /// `Injected`: another container declares a port of the signer.
        PORT_CONFLICT = "PortConflict";
        /// `Injected`: a container called `signer` that is not ours.
        FOREIGN_SIGNER = "ForeignSigner";
        /// `Injected`: a Secret that the signer needs, for a LOCAL key, certificates or a variable, is not there or has no such key.
        KEY_NOT_FOUND = "KeyNotFound";
        /// `Injected`: the spec has what the signer would not start with and the schema cannot tell, such as an address that is mistyped.
        INVALID = "Invalid";
        /// `Injected`: the Deployment carries the signer of another binding, with another key or token.
        TAKE_OVER_PENDING = "TakeOverPending";
        /// `Injected`, `IdentityReady`: another field manager gives one of our fields another value.
        FIELD_CONFLICT = "FieldConflict";
        /// `Injected`, `IdentityReady`: another field manager keeps changing what is ours. `Accepted`: another operator writes the binding.
        CONTESTED = "Contested";
        /// `Injected`, `IdentityReady`: the API server refused the change.
        REJECTED = "Rejected";
        /// `Injected`: a pod with the signer was tried, and the API server refuses it.
        POD_REJECTED = "PodRejected";
        /// `Injected`: the pod has a volume of our name that is not ours.
        VOLUME_CONFLICT = "VolumeConflict";
        /// `Injected`: a Service of our name that is not ours.
        SERVICE_CONFLICT = "ServiceConflict";
        /// `Injected`: the injected signer has something that the binding does not ask for, or another container has its token, and that is
        /// not taken out.
        SIGNER_ALTERED = "SignerAltered";
        /// `Injected`: `spec.suspend` is true.
        SUSPENDED = "Suspended";
        /// `Injected`: `spec.rollout` is Manual and the plan is not approved.
        APPROVAL_PENDING = "ApprovalPending";
        /// `Injected`: as many Deployments roll as `--max-rollouts` allows.
        ROLLOUT_QUEUED = "RolloutQueued";
        /// `UpdateAvailable`: the operator would write its own part otherwise.
        UPDATE_AVAILABLE = "UpdateAvailable";
        /// `UpdateAvailable`: it would not.
        UP_TO_DATE = "UpToDate";

        /// `Injected`: the token is not ready, see `TokenReady`.
        TOKEN_NOT_READY = "TokenNotReady";
        /// `Injected`: the identity is not ready, see `IdentityReady`.
        IDENTITY_NOT_READY = "IdentityNotReady";
        /// `Injected`: the binding is not accepted, see `Accepted`.
        NOT_ACCEPTED = "NotAccepted";

        /// A Deployment in `status.targets`: it carries the signer of this binding, which does not select it any more.
        NO_LONGER_SELECTED = "NoLongerSelected";

        /// `RolledOut`: all wanted pods run the injected template.
        ROLLED_OUT = "RolledOut";
        /// `RolledOut`: pods are being replaced. `Injected`: a write that failed is tried again.
        PROGRESSING = "Progressing";
        /// `RolledOut`: the rollout passed the Deployment's deadline.
        PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded";
        /// `RolledOut`: the ReplicaSet cannot create pods; the message says why.
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
        /// `RolledOut`, `Ready`: the name of an image is not one.
        INVALID_IMAGE_NAME = "InvalidImageName";
        /// `RolledOut`, `Ready`: an image that must not be pulled is not on the machine.
        ERR_IMAGE_NEVER_PULL = "ErrImageNeverPull";
        /// `RolledOut`, `Ready`: something that a container refers to, such as a Secret, is not there.
        CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError";
        /// `RolledOut`, `Ready`: the container runtime cannot make or start a container.
        CREATE_CONTAINER_ERROR = "CreateContainerError";
        /// `RolledOut`, `Ready`: a container ends again and again.
        CRASH_LOOP_BACK_OFF = "CrashLoopBackOff";
        /// `RolledOut`, `Ready`: a container waits for another reason, which the message names.
        CONTAINER_WAITING = "ContainerWaiting";

        /// `Signing`: every signer that runs says that it signs.
        SIGNING = "Signing";
        /// `Signing`: no signer has been asked yet.
        NOT_ASKED = "NotAsked";
        /// `Signing`: the operator cannot reach the signers, and knows nothing of them.
        UNREACHABLE = "Unreachable";
        /// `Signing`: a signer cannot use its key.
        BACKEND_DOWN = "BackendDown";
        /// `Signing`: the node sends another token than the signer has.
        WRONG_TOKEN = "WrongToken";
        /// `Signing`: the node asks for signatures of another key.
        OTHER_PUBLIC_KEY = "OtherPublicKey";
        /// `Signing`: the node asks for what the capabilities do not allow.
        MISSING_CAPABILITY = "MissingCapability";
        /// `Signing`: a signer has another key than `spec.key.expectedAddress`.
        UNEXPECTED_KEY = "UnexpectedKey";

        /// `Reconciling`, `Stalled`: there is nothing to wait for or to mend.
        SETTLED = "Settled";

        /// `Ready`: pods of the injected template run, and not all of them are ready.
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
        /// Another binding, anywhere in the cluster, names the same key, or pods sign with it that no binding is for.
        SHARED_KEY_VERSION = "SharedKeyVersion";
        /// The pod still carries `ATTO_PRIVATE_KEY`.
        PRIVATE_KEY_IN_POD = "PrivateKeyInPod";
        /// The Deployment wants more than one pod.
        SEVERAL_REPLICAS = "SeveralReplicas";
        /// A rollout has the old and the new pod at the same time.
        SURGE_STRATEGY = "SurgeStrategy";
        /// An old pod with the same key still runs beside the new one.
        OLD_POD_RUNNING = "OldPodRunning";
        /// The Deployment wants no pods, and something else runs pods with its signer and its key.
        RUNS_ELSEWHERE = "RunsElsewhere";
        /// An init container stands before the signer, which starts only when that has ended, and seems to wait for it.
        INIT_CONTAINER_BEFORE_SIGNER = "InitContainerBeforeSigner";
        /// Pods of others have the ServiceAccount that the key is granted to, or any pod of the namespace may.
        IDENTITY_SHARED = "IdentityShared";
        /// The audience of the signer's token is that of the cluster's API server.
        AUDIENCE_OF_API_SERVER = "AudienceOfApiServer";
        /// Another container has a token that the key service takes as well.
        TOKEN_IN_OTHER_CONTAINER = "TokenInOtherContainer";
        /// Beside the signer's own token, each container gets the one for the API server.
        ACCOUNT_TOKEN_MOUNTED = "AccountTokenMounted";
        /// The pod uses the host's network beside a key in Google Cloud KMS.
        HOST_NETWORK = "HostNetwork";
        /// The Service for the metrics of the signer cannot be written.
        SERVICE_NOT_WRITTEN = "ServiceNotWritten";
        /// The API server refuses a write that no Deployment waits for.
        WRITE_REFUSED = "WriteRefused";
    }
}
