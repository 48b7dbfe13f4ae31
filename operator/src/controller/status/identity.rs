//! What Kubernetes shows of the pods' identity, and the commands that grant it the key. Only a signing pod proves IAM.

use crds::conditions::reasons;

use crate::controller::status::state::State;
use crate::gke::Project;
use crate::model::identity::PodIdentity;
use crate::model::observed::Observed;
use crate::model::reason::Reason;

/// The role that may sign and read the public key.
const ROLE: &str = "roles/cloudkms.signerVerifier";

/// The state of `IdentityReady` of one Deployment. `injected` says that the annotation was written where it had to be.
pub fn state(observed: &Observed, identity: &Result<PodIdentity, Reason>, injected: bool) -> State {
    let identity = match identity {
        Ok(identity) => identity,
        Err(refusal) => return State::no(refusal.clone()),
    };
    let key = observed.binding.spec.key.gcp.as_ref();
    let commands = |account: &str, google: &str| {
        let namespace = observed.binding.metadata.namespace.as_deref().unwrap_or_default();
        let key = key.and_then(|key| KmsKey::parse(&key.key_version));
        key.map(|key| both_styles(&key, &observed.project, namespace, account, google))
            .unwrap_or_default()
    };
    match identity {
        PodIdentity::NotNeeded => State::yes(reasons::IDENTITY_NOT_NEEDED, "the key is not in Google Cloud"),
        PodIdentity::NotKnown => State::unknown(reasons::DEPLOYMENT_NOT_FOUND, "see the condition Injected"),
        PodIdentity::Direct { account, annotated } => {
            let shown = match annotated {
                None => format!("the pods use the ServiceAccount {account} as itself"),
                Some(google) => {
                    format!("the pods use the ServiceAccount {account}, whose annotation lets them act as {google}")
                }
            };
            let google = annotated.as_deref().unwrap_or("GOOGLE_SERVICE_ACCOUNT");
            State::yes(
                reasons::DIRECT_GRANT,
                format!("{shown}; a signing pod proves the grant. {}", commands(account, google)),
            )
        }
        PodIdentity::ActsAs {
            account,
            google,
            is_annotated,
        } if *is_annotated || injected => State::yes(
            reasons::SERVICE_ACCOUNT_ANNOTATED,
            format!(
                "the ServiceAccount {account} is annotated to act as {google}; a signing pod proves the grant. {}",
                commands(account, google)
            ),
        ),
        PodIdentity::ActsAs { account, .. } => State::unknown(
            reasons::NOT_INJECTED,
            format!(
                "the ServiceAccount {account} is annotated together with the injection, see the condition Injected"
            ),
        ),
    }
}

/// The parts of a key version's resource ID.
struct KmsKey<'a> {
    project: &'a str,
    location: &'a str,
    ring: &'a str,
    name: &'a str,
}

impl<'a> KmsKey<'a> {
    fn parse(version: &'a str) -> Option<Self> {
        let parts: Vec<_> = version.split('/').collect();
        match parts.as_slice() {
            [
                "projects",
                project,
                "locations",
                location,
                "keyRings",
                ring,
                "cryptoKeys",
                name,
                ..,
            ] => Some(Self {
                project,
                location,
                ring,
                name,
            }),
            _ => None,
        }
    }

    fn grant(&self, member: &str) -> String {
        let Self {
            project,
            location,
            ring,
            name,
        } = self;
        format!(
            "gcloud kms keys add-iam-policy-binding {name} --keyring={ring} --location={location} --project={project} --role={ROLE} --member=\"{member}\""
        )
    }
}

fn both_styles(key: &KmsKey<'_>, project: &Project, namespace: &str, account: &str, google: &str) -> String {
    let pool = format!("{}.svc.id.goog", project.id());
    let owner = owner(google)
        .map(|project| format!(" --project={project}"))
        .unwrap_or_default();
    let direct = key.grant(&format!(
        "principal://iam.googleapis.com/projects/{}/locations/global/workloadIdentityPools/{pool}/subject/ns/{namespace}/sa/{account}",
        project.number()
    ));
    let acts_as = format!(
        "gcloud iam service-accounts add-iam-policy-binding {google}{owner} --role=roles/iam.workloadIdentityUser --member=\"serviceAccount:{pool}[{namespace}/{account}]\""
    );
    let of_google = key.grant(&format!("serviceAccount:{google}"));
    format!(
        "To grant the key to the pods' ServiceAccount itself:\n{direct}\nTo grant it to the Google service account {google}, and let the pods act as it (spec.workloadIdentity.gcpServiceAccount):\n{of_google}\n{acts_as}"
    )
}

/// The project in the address of a Google service account; one with a domain is written the other way round there.
fn owner(google: &str) -> Option<String> {
    let project = google.split_once('@')?.1.strip_suffix(".iam.gserviceaccount.com")?;
    Some(match project.split_once('.') {
        Some((name, domain)) => format!("{domain}:{name}"),
        None => project.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_exact_commands_of_both_styles() {
        let key = KmsKey::parse("projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1").unwrap();
        let project = Project {
            id: Some("cluster".to_owned()),
            number: Some("123".to_owned()),
        };
        let text = both_styles(&key, &project, "atto", "voter", "signer@p.iam.gserviceaccount.com");
        for command in [
            "gcloud kms keys add-iam-policy-binding k --keyring=r --location=global --project=p --role=roles/cloudkms.signerVerifier --member=\"principal://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/cluster.svc.id.goog/subject/ns/atto/sa/voter\"",
            "gcloud kms keys add-iam-policy-binding k --keyring=r --location=global --project=p --role=roles/cloudkms.signerVerifier --member=\"serviceAccount:signer@p.iam.gserviceaccount.com\"",
            "gcloud iam service-accounts add-iam-policy-binding signer@p.iam.gserviceaccount.com --project=p --role=roles/iam.workloadIdentityUser --member=\"serviceAccount:cluster.svc.id.goog[atto/voter]\"",
        ] {
            assert!(
                text.lines().any(|line| line == command),
                "`{command}` is missing in:\n{text}"
            );
        }
        assert_eq!(
            owner("a@name.example.com.iam.gserviceaccount.com").as_deref(),
            Some("example.com:name")
        );
        assert_eq!(owner("1-compute@developer.gserviceaccount.com"), None);
    }
}
