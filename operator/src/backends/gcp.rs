//! A key version in Google Cloud KMS.

use crds::conditions::warnings;
use crds::names::{BACKEND_VARIABLE, GCP_ACCOUNT_ANNOTATION, KEY_VARIABLE};
use crds::{Federation, GcpKey, Source};
use serde_json::{Value, json};

use super::backend::{AccountNeeds, GivenKey, Grantee, KeyBackend, Mounts, Noted};
use super::files;
use crate::model::deployment::LiveDeployment;

/// The role that allows signing and reading the public key.
const ROLE: &str = "roles/cloudkms.signerVerifier";

impl KeyBackend for GcpKey {
    fn field(&self) -> &'static str {
        "spec.key.gcp.keyVersion"
    }

    fn variables(&self) -> [Value; 2] {
        [
            json!({ "name": BACKEND_VARIABLE, "value": Source::Gcp(self).backend() }),
            json!({ "name": KEY_VARIABLE, "value": self.key_version }),
        ]
    }

    fn access(&self) -> Vec<Value> {
        let Some(Federation {
            provider,
            service_account,
        }) = &self.federation
        else {
            return vec![];
        };
        let acts_as = service_account.iter();
        let acts_as = acts_as.map(|account| json!({ "name": "ATTO_SIGNER_GCP_SERVICE_ACCOUNT", "value": account }));
        std::iter::once(json!({ "name": "ATTO_SIGNER_GCP_PROVIDER", "value": provider }))
            .chain(acts_as)
            .collect()
    }

    fn is_given<'a>(&self, found: &GivenKey<'_>, _variable: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        *found == GivenKey::Value(&self.key_version)
    }

    fn mounts(&self) -> Mounts {
        let audience = self.audience();
        audience.map(|audience| files::identity(&audience)).unwrap_or_default()
    }

    fn audience(&self) -> Option<String> {
        Some(self.federation.as_ref()?.provider.clone())
    }

    fn is_same_key(&self, other: &Source<'_>) -> bool {
        matches!(other, Source::Gcp(other) if other.key_version == self.key_version)
    }

    fn account(&self) -> Option<AccountNeeds> {
        Some(match self.federation {
            Some(_) => AccountNeeds::Token,
            None => AccountNeeds::Pod {
                annotation: GCP_ACCOUNT_ANNOTATION,
            },
        })
    }

    fn grants(&self, grantee: &Grantee<'_>) -> String {
        let Some(key) = KmsKey::parse(&self.key_version) else {
            return String::new();
        };
        match &self.federation {
            Some(federation) => federated(&key, federation, grantee),
            None => both_styles(&key, grantee),
        }
    }

    fn warnings(&self, live: &LiveDeployment) -> Vec<Noted> {
        if self.federation.is_some() {
            return vec![];
        }
        let pod = &live.raw()["spec"]["template"]["spec"];
        let on_the_host = (pod["hostNetwork"] == true).then(|| {
            (
                warnings::HOST_NETWORK,
                "Pod template: found hostNetwork true, expected false. On the host's network, GKE's metadata server gives the identity of the Kubernetes node instead of the pod's, and the signer would use the wrong one. Remove hostNetwork".to_owned(),
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

/// The parts of a provider's resource name.
struct Provider<'a> {
    project: &'a str,
    pool: &'a str,
    name: &'a str,
}

impl<'a> Provider<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<_> = text.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            [
                _,
                "projects",
                project,
                "locations",
                "global",
                "workloadIdentityPools",
                pool,
                "providers",
                name,
            ] => Some(Self { project, pool, name }),
            _ => None,
        }
    }
}

fn federated(key: &KmsKey<'_>, federation: &Federation, grantee: &Grantee<'_>) -> String {
    let Some(Provider { project, pool, name }) = Provider::parse(&federation.provider) else {
        return String::new();
    };
    let id = format!("$(gcloud projects describe {project} --format='value(projectId)')");
    let (issuer, unknown) = (grantee.issuer(), grantee.how_to_find_the_issuer());
    let subject = grantee.subject();
    let principal = format!(
        "principal://iam.googleapis.com/projects/{project}/locations/global/workloadIdentityPools/{pool}/subject/{subject}"
    );
    let grant = match &federation.service_account {
        None => key.grant(&principal),
        Some(google) => {
            let owner = owner(google);
            let owner = owner.map(|project| format!(" --project={project}")).unwrap_or_default();
            format!(
                "{}\ngcloud iam service-accounts add-iam-policy-binding {google}{owner} --role=roles/iam.workloadIdentityUser --member=\"{principal}\"",
                key.grant(&format!("serviceAccount:{google}"))
            )
        }
    };
    format!(
        "Once for the cluster:\ngcloud iam workload-identity-pools create {pool} --location=global --project=\"{id}\"\ngcloud iam workload-identity-pools providers create-oidc {name} --workload-identity-pool={pool} --location=global --project=\"{id}\" --issuer-uri=\"{issuer}\" --attribute-mapping=\"google.subject=assertion.sub\"\nFor this ServiceAccount:\n{grant}\nWhere Google cannot reach the issuer from the internet, add --jwk-json-path=jwks.json to create-oidc, with what kubectl get --raw /openid/v1/jwks prints.{unknown}"
    )
}

fn both_styles(key: &KmsKey<'_>, grantee: &Grantee<'_>) -> String {
    let Grantee {
        project,
        namespace,
        account,
        acts_as,
        ..
    } = grantee;
    let google = acts_as.unwrap_or("GOOGLE_SERVICE_ACCOUNT");
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

/// The project in the address of a Google service account. In the address of an account of a project with a domain, domain and
/// project are in reverse order.
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
    use crate::gke::Project;

    #[test]
    fn prints_the_exact_commands_of_both_styles() {
        let key = KmsKey::parse("projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1").unwrap();
        let project = Project {
            id: Some("cluster".to_owned()),
            number: Some("123".to_owned()),
        };
        let grantee = Grantee {
            project: &project,
            issuer: None,
            namespace: "atto",
            account: "voter",
            acts_as: Some("signer@p.iam.gserviceaccount.com"),
        };
        let text = both_styles(&key, &grantee);
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

    #[test]
    fn prints_the_exact_commands_of_a_federation() {
        let project = Project::default();
        let of = |service_account: Option<&str>, issuer| {
            let key = GcpKey {
                key_version: "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1".to_owned(),
                federation: Some(Federation {
                    provider:
                        "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/pool/providers/cluster"
                            .to_owned(),
                    service_account: service_account.map(str::to_owned),
                }),
            };
            key.grants(&Grantee {
                project: &project,
                issuer,
                namespace: "atto",
                account: "voter",
                acts_as: None,
            })
        };
        let principal = "principal://iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/pool/subject/system:serviceaccount:atto:voter";
        let plain = of(None, Some("https://oidc.example.com"));
        for command in [
            "gcloud iam workload-identity-pools providers create-oidc cluster --workload-identity-pool=pool --location=global --project=\"$(gcloud projects describe 42 --format='value(projectId)')\" --issuer-uri=\"https://oidc.example.com\" --attribute-mapping=\"google.subject=assertion.sub\"",
            &format!(
                "gcloud kms keys add-iam-policy-binding k --keyring=r --location=global --project=p --role=roles/cloudkms.signerVerifier --member=\"{principal}\""
            ),
        ] {
            assert!(
                plain.lines().any(|line| line == command),
                "`{command}` is missing in:\n{plain}"
            );
        }
        let acting = of(Some("signer@p.iam.gserviceaccount.com"), None);
        let member = format!("--role=roles/iam.workloadIdentityUser --member=\"{principal}\"");
        assert!(
            acting.contains(&member) && acting.contains("https://ISSUER"),
            "{acting}"
        );
    }
}
