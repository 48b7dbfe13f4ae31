use crate::backend::fault::Cause;

/// What a person can do about a failure. Where the credentials are in a file, other things go wrong with them.
pub const fn remedy(cause: Cause, is_from_file: bool) -> &'static str {
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
        Cause::Unauthenticated if is_from_file => {
            "compare the clock of this machine with another one (date -u): a credential file makes tokens that are good for some \
             minutes around its time; else see whether the key in GOOGLE_APPLICATION_CREDENTIALS still exists: gcloud iam \
             service-accounts keys list --iam-account=ACCOUNT"
        }
        Cause::Credentials if is_from_file => {
            "check the file in GOOGLE_APPLICATION_CREDENTIALS, that the pod reaches the token service that it names (network policy, \
             DNS, firewall, HTTPS_PROXY), and the clock of this machine (date -u)"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_file_that_is_refused_is_most_often_a_wrong_clock() {
        for cause in [Cause::Unauthenticated, Cause::Credentials] {
            assert!(remedy(cause, true).contains("clock of this machine") && remedy(cause, true).contains("(date -u)"));
            assert!(remedy(cause, false).contains("Workload Identity"));
        }
        assert_eq!(remedy(Cause::NotFound, true), remedy(Cause::NotFound, false));
    }
}
