//! A key in AWS KMS.

use crds::conditions::warnings;
use crds::names::{AWS_ACCOUNT_ANNOTATION, BACKEND_VARIABLE, KEY_VARIABLE};
use crds::{AwsKey, Source};
use serde_json::{Value, json};

use super::backend::{AccountNeeds, GivenKey, Grantee, KeyBackend, Mounts, Noted};
use super::files;

/// The default audience of AWS' own tools.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html>
const AUDIENCE: &str = "sts.amazonaws.com";

/// Prefix of the ID that replicas of one key in several regions share.
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html>
const MULTI_REGION: &str = "mrk-";

impl KeyBackend for AwsKey {
    fn field(&self) -> &'static str {
        "spec.key.aws.keyArn"
    }

    fn variables(&self) -> [Value; 2] {
        [
            json!({ "name": BACKEND_VARIABLE, "value": Source::Aws(self).backend() }),
            json!({ "name": KEY_VARIABLE, "value": self.key_arn }),
        ]
    }

    fn access(&self) -> Vec<Value> {
        let region = Arn::parse(&self.key_arn).map(|arn| json!({ "name": "AWS_REGION", "value": arn.region }));
        let role = self.role_arn.iter().flat_map(|role| {
            [
                json!({ "name": "AWS_ROLE_ARN", "value": role }),
                json!({ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": files::token_file() }),
            ]
        });
        region.into_iter().chain(role).collect()
    }

    fn is_given<'a>(&self, found: &GivenKey<'_>, _variable: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        matches!(found, GivenKey::Value(found) if are_one_key(&self.key_arn, found))
    }

    fn mounts(&self) -> Mounts {
        self.audience()
            .map(|audience| files::identity(&audience))
            .unwrap_or_default()
    }

    fn audience(&self) -> Option<String> {
        self.role_arn.as_ref().map(|_| AUDIENCE.to_owned())
    }

    fn is_same_key(&self, other: &Source<'_>) -> bool {
        matches!(other, Source::Aws(other) if are_one_key(&self.key_arn, &other.key_arn))
    }

    fn account(&self) -> Option<AccountNeeds> {
        Some(match self.role_arn {
            Some(_) => AccountNeeds::Token,
            None => AccountNeeds::Pod {
                annotation: AWS_ACCOUNT_ANNOTATION,
            },
        })
    }

    fn grants(&self, grantee: &Grantee<'_>) -> String {
        match &self.role_arn {
            Some(role) => with_a_token(&self.key_arn, role, grantee),
            None => of_the_pod(&self.key_arn, grantee),
        }
    }

    fn account_warning(&self, account: &str, annotations: &Value) -> Option<Noted> {
        let has_both = self.role_arn.is_some() && !annotations[AWS_ACCOUNT_ANNOTATION].is_null();
        has_both.then(|| {
            (
                warnings::TOKEN_IN_OTHER_CONTAINER,
                format!(
                    "ServiceAccount {account} has the annotation {AWS_ACCOUNT_ANNOTATION}, for which EKS gives each container of the pod a token with the audience {AUDIENCE}: code in any of them can assume the role of the signer. Remove the annotation, and restart the pods"
                ),
            )
        })
    }
}

/// The parts of a key's ARN.
struct Arn<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    id: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (_, partition, _, region, account, resource) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let id = resource.strip_prefix("key/")?;
        Some(Self {
            partition,
            region,
            account,
            id,
        })
    }
}

/// Whether two ARNs name the same key, or replicas of the same key.
fn are_one_key(left: &str, right: &str) -> bool {
    let are_replicas = || {
        let (left, right) = (Arn::parse(left)?, Arn::parse(right)?);
        let same = (left.partition, left.account, left.id) == (right.partition, right.account, right.id);
        Some(same && left.id.starts_with(MULTI_REGION))
    };
    left == right || are_replicas().unwrap_or_default()
}

/// The command that lets a role read the public key and sign raw bytes. `role` is the name from the role's ARN.
fn permission(role: &str, key: &str) -> String {
    format!(
        r#"aws iam put-role-policy --role-name {role} --policy-name sign-as-the-voter --policy-document '{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"kms:GetPublicKey","Resource":"{key}"}},{{"Effect":"Allow","Action":"kms:Sign","Resource":"{key}","Condition":{{"StringEquals":{{"kms:SigningAlgorithm":"ED25519_SHA_512","kms:MessageType":"RAW"}}}}}}]}}'"#
    )
}

fn with_a_token(key: &str, role: &str, grantee: &Grantee<'_>) -> String {
    let issuer = grantee.issuer();
    let provider = issuer.trim_start_matches("https://");
    let subject = grantee.subject();
    let (of_account, path) = role.split_once(":role/").unwrap_or((role, role));
    let (path, name) = match path.rsplit_once('/') {
        Some((path, name)) => (format!(" --path /{path}/"), name),
        None => (String::new(), path),
    };
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{of_account}:oidc-provider/{provider}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{provider}:aud":"{AUDIENCE}","{provider}:sub":"{subject}"}}}}}}]}}"#
    );
    let unknown = grantee.how_to_find_the_issuer();
    let permission = permission(name, key);
    format!(
        "Once for the cluster, unless IAM knows its issuer, as that of EKS with an OIDC provider:\naws iam create-open-id-connect-provider --url {issuer} --client-id-list {AUDIENCE}\nFor this ServiceAccount:\naws iam create-role --role-name {name}{path} --assume-role-policy-document '{trust}'\n{permission}\nIAM has to reach the issuer from the internet.{unknown}"
    )
}

fn of_the_pod(key: &str, grantee: &Grantee<'_>) -> String {
    let Grantee {
        namespace,
        account,
        acts_as,
        ..
    } = grantee;
    let role = acts_as.unwrap_or("ROLE_ARN");
    let name = role.rsplit('/').next().unwrap_or(role);
    let name = if acts_as.is_some() { name } else { "ROLE" };
    format!(
        "To let the role use the key:\n{}\nTo give it to the pods by EKS Pod Identity:\naws eks create-pod-identity-association --cluster-name CLUSTER --namespace {namespace} --service-account {account} --role-arn {role}\nEach container of the pod has that identity; with spec.key.aws.roleArn the signer alone has one",
        permission(name, key)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gke::Project;

    const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn key(role: Option<&str>) -> AwsKey {
        AwsKey {
            key_arn: KEY.to_owned(),
            role_arn: role.map(str::to_owned),
        }
    }

    fn commands(role: Option<&str>, issuer: Option<&str>, acts_as: Option<&str>) -> String {
        let project = Project::default();
        key(role).grants(&Grantee {
            project: &project,
            issuer,
            namespace: "atto",
            account: "voter",
            acts_as,
        })
    }

    #[test]
    fn prints_the_exact_commands() {
        let text = commands(
            Some("arn:aws:iam::123456789012:role/voters/atto"),
            Some("https://oidc.example.com/id/1"),
            None,
        );
        for command in [
            "aws iam create-open-id-connect-provider --url https://oidc.example.com/id/1 --client-id-list sts.amazonaws.com",
            r#"aws iam create-role --role-name atto --path /voters/ --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"oidc.example.com/id/1:aud":"sts.amazonaws.com","oidc.example.com/id/1:sub":"system:serviceaccount:atto:voter"}}}]}'"#,
            &permission("atto", KEY),
        ] {
            assert!(
                text.lines().any(|line| line == command),
                "`{command}` is missing in:\n{text}"
            );
        }
        let unknown = commands(Some("arn:aws:iam::123456789012:role/atto"), None, None);
        assert!(unknown.contains("--role-name atto --assume-role"), "{unknown}");
        assert!(unknown.contains("openid-configuration"), "{unknown}");
        let of_pod = commands(None, None, Some("arn:aws:iam::123456789012:role/atto"));
        assert!(
            of_pod.contains("--role-arn arn:aws:iam::123456789012:role/atto\n"),
            "{of_pod}"
        );
        assert!(of_pod.contains("put-role-policy --role-name atto "), "{of_pod}");
    }

    #[test]
    fn a_role_brings_a_token_and_the_region_is_the_keys() {
        let names = |key: &AwsKey| -> Vec<String> {
            let access = key.access();
            let texts = access
                .iter()
                .map(|entry| format!("{}={}", entry["name"], entry["value"]));
            texts.map(|text| text.replace('"', "")).collect()
        };
        assert_eq!(names(&key(None)), ["AWS_REGION=eu-central-1"]);
        assert!(key(None).mounts().volumes.is_empty());
        let role = key(Some("arn:aws:iam::123456789012:role/atto"));
        assert_eq!(
            names(&role),
            [
                "AWS_REGION=eu-central-1",
                "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/atto",
                "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/signer.atto.cash/identity/token",
            ]
        );
        assert_eq!(
            role.mounts().volumes,
            [
                json!({"name": "signer-identity", "projected": {"sources": [{"serviceAccountToken": {
                    "audience": "sts.amazonaws.com", "expirationSeconds": 3600, "path": "token",
                }}]}})
            ]
        );
    }
}
