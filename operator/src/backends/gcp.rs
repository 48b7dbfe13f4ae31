//! A key version in Google Cloud KMS.

use crds::conditions::warnings;
use crds::names::GCP_ACCOUNT_ANNOTATION;
use crds::{GcpKey, Source};
use serde_json::{Value, json};

use super::backend::{AccountNeeds, GivenKey, KeyBackend, Noted};
use crate::gke::Project;
use crate::model::deployment::LiveDeployment;

/// The role that may sign and read the public key.
const ROLE: &str = "roles/cloudkms.signerVerifier";

impl KeyBackend for GcpKey {
    fn field(&self) -> &'static str {
        "spec.key.gcp.keyVersion"
    }

    fn variables(&self) -> [Value; 2] {
        [
            json!({ "name": "ATTO_SIGNER_BACKEND", "value": "GCP" }),
            json!({ "name": "ATTO_SIGNER_KEY", "value": self.key_version }),
        ]
    }

    fn is_given(&self, found: &GivenKey<'_>) -> bool {
        *found == GivenKey::Value(&self.key_version)
    }

    fn is_same_key(&self, other: &Source<'_>) -> bool {
        *other == Source::Gcp(self)
    }

    fn account(&self) -> Option<AccountNeeds> {
        Some(AccountNeeds {
            annotation: GCP_ACCOUNT_ANNOTATION,
        })
    }

    fn grants(&self, project: &Project, namespace: &str, account: &str, acts_as: &str) -> String {
        let key = KmsKey::parse(&self.key_version);
        key.map(|key| both_styles(&key, project, namespace, account, acts_as))
            .unwrap_or_default()
    }

    fn warnings(&self, live: &LiveDeployment) -> Vec<Noted> {
        let pod = &live.raw()["spec"]["template"]["spec"];
        let on_the_host = (pod["hostNetwork"] == true).then(|| {
            (
                warnings::HOST_NETWORK,
                "the pod uses the host's network, where GKE's metadata server gives the identity of the machine and not of the pod: the signer would use the wrong one. Remove hostNetwork".to_owned(),
            )
        });
        on_the_host.into_iter().collect()
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
