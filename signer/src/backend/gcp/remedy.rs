use crate::backend::fault::Cause;

/// What a person can do about a failure.
pub const fn remedy(cause: Cause) -> &'static str {
    match cause {
        Cause::PermissionDenied => {
            "grant it: gcloud kms keys add-iam-policy-binding KEY --keyring=RING --location=LOCATION --project=PROJECT \
             --member=MEMBER --role=ROLE with the roles roles/cloudkms.publicKeyViewer and roles/cloudkms.signer; grants \
             take up to some minutes to work"
        }
        Cause::NotFound => {
            "compare ATTO_SIGNER_KEY with: gcloud kms keys versions list --key=KEY --keyring=RING --location=LOCATION \
             --project=PROJECT --format='value(name)'"
        }
        Cause::FailedPrecondition => {
            "look at the state of the key version: gcloud kms keys versions describe VERSION --key=KEY --keyring=RING \
             --location=LOCATION --project=PROJECT; a disabled one comes back with gcloud kms keys versions enable"
        }
        Cause::Credentials | Cause::Unauthenticated => {
            "check the identity of the pod: its Kubernetes service account and Workload Identity Federation for GKE; outside \
             of Google Cloud set GOOGLE_APPLICATION_CREDENTIALS to a key file"
        }
        Cause::ResourceExhausted => "raise the quota of cryptographic requests of Cloud KMS in the key's project",
        Cause::InvalidArgument => "compare ATTO_SIGNER_KEY with the name that gcloud kms keys versions list shows",
        Cause::Check => "what came back is not what KMS sent: look for a proxy in between",
        Cause::Io | Cause::Timeout | Cause::DeadlineExceeded => {
            "check that the pod reaches cloudkms.googleapis.com:443 (network policy, DNS, firewall)"
        }
        Cause::Aborted | Cause::Internal | Cause::Unavailable => {
            "wait; https://status.cloud.google.com tells of outages"
        }
        Cause::Other => {
            "look at the lines before: a bundle of authorities that cannot be read (SSL_CERT_FILE) is one cause; \
             https://status.cloud.google.com tells of outages"
        }
    }
}
