use crate::backend::fault::Cause;

/// How the identity is proven, which determines what can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With a credential file.
    File,
    /// With a ServiceAccount token, at Google's token service.
    Federation,
    /// With the pod's identity, at the metadata server.
    Pod,
}

/// The remedy for a failure.
pub const fn remedy(cause: Cause, proof: Proof) -> &'static str {
    match cause {
        Cause::PermissionDenied => {
            "unless it was revoked on purpose, grant it: gcloud kms keys add-iam-policy-binding KEY --keyring=RING --location=LOCATION --project=PROJECT \
            --member=MEMBER --role=ROLE with the roles roles/cloudkms.publicKeyViewer and \
            roles/cloudkms.signer; a grant can take some minutes to work"
        }
        Cause::NotFound => {
            "compare ATTO_SIGNER_KEY with: gcloud kms keys versions list --key=KEY --keyring=RING --location=LOCATION \
             --project=PROJECT --format='value(name)'"
        }
        Cause::FailedPrecondition => {
            "check the state of the key version: gcloud kms keys versions describe VERSION --key=KEY --keyring=RING \
            --location=LOCATION --project=PROJECT; unless it was disabled on purpose, enable it with gcloud kms keys versions \
            enable"
        }
        Cause::Unauthenticated if matches!(proof, Proof::File) => {
            "compare the clock of this host with another one (date -u): a credential file creates tokens that are valid \
            for some minutes around the time of this host; otherwise check that the key in \
            GOOGLE_APPLICATION_CREDENTIALS still exists: gcloud iam service-accounts keys list \
            --iam-account=ACCOUNT"
        }
        Cause::Credentials if matches!(proof, Proof::File) => {
            "check the file in GOOGLE_APPLICATION_CREDENTIALS, that the pod reaches the token service that it names \
            (network policy, DNS, firewall, HTTPS_PROXY), and the clock of this host (date -u)"
        }
        Cause::Credentials | Cause::Unauthenticated if matches!(proof, Proof::Federation) => {
            "compare the provider with the cluster: gcloud iam workload-identity-pools providers describe PROVIDER \
            --workload-identity-pool=POOL --location=global --project=PROJECT shows whether it is disabled, \
            its issuer, which must be that of kubectl get --raw /.well-known/openid-configuration, and its \
            audiences, which must include that of the token. With ATTO_SIGNER_GCP_SERVICE_ACCOUNT the subject \
            needs roles/iam.workloadIdentityUser on that account. The pod must reach sts.googleapis.com:443 \
            and iamcredentials.googleapis.com:443"
        }
        Cause::Credentials | Cause::Unauthenticated => {
            "check the identity of the pod: its Kubernetes service account and Workload Identity Federation for GKE; outside \
             of Google Cloud set GOOGLE_APPLICATION_CREDENTIALS to a key file"
        }
        Cause::ResourceExhausted => "raise the quota of cryptographic requests of Cloud KMS in the key's project",
        Cause::InvalidArgument => "compare ATTO_SIGNER_KEY with the name that gcloud kms keys versions list shows",
        Cause::Check => "the answer was changed on its way from KMS: check for a proxy in between",
        Cause::Io | Cause::Timeout | Cause::DeadlineExceeded => {
            "check that the pod reaches cloudkms.googleapis.com:443 (network policy, DNS, firewall)"
        }
        Cause::Aborted | Cause::Internal | Cause::Unavailable => {
            "wait; https://status.cloud.google.com reports outages"
        }
        Cause::Other => {
            "see the log lines before: an unreadable certificate bundle (SSL_CERT_FILE) is one cause; \
            https://status.cloud.google.com reports outages"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_file_that_is_refused_is_most_often_a_wrong_clock() {
        for cause in [Cause::Unauthenticated, Cause::Credentials] {
            assert!(
                remedy(cause, Proof::File).contains("clock of this host")
                    && remedy(cause, Proof::File).contains("(date -u)")
            );
            assert!(remedy(cause, Proof::Pod).contains("Workload Identity"));
        }
        assert_eq!(
            remedy(Cause::NotFound, Proof::File),
            remedy(Cause::NotFound, Proof::Federation)
        );
    }
}
