use super::{key_arn::KeyArn, place::AwsPlace, source::Source, trouble::Trouble};
use crate::backend::fault::Cause;

/// The remedy for a failure. `trouble` is the last failure of the credentials.
pub fn remedy(cause: Cause, trouble: Option<Trouble>, place: &AwsPlace) -> String {
    let AwsPlace { key, endpoints, source } = place;
    let describe = |query: &str| describe(key, query);
    match cause {
        Cause::PermissionDenied => permission(key, source),
        Cause::NotFound => format!(
            "compare ATTO_SIGNER_KEY with the keys of that account and Region: aws kms list-keys --region {} --query 'Keys[].KeyArn'",
            key.region
        ),
        Cause::FailedPrecondition => format!(
            "check the state and the type of the key: {}; expected Enabled, ECC_NIST_EDWARDS25519 and SIGN_VERIFY. Unless \
            it was disabled on purpose, enable a disabled key with aws kms enable-key --region {region} --key-id {key}. Restore a key with a \
            scheduled deletion with aws kms cancel-key-deletion --region {region} --key-id {key} and then \
            enable-key. A key of another type never signs: create one with aws kms create-key --region \
            {region} --key-spec ECC_NIST_EDWARDS25519 --key-usage SIGN_VERIFY",
            describe("KeyMetadata.[KeyState,KeySpec,KeyUsage]"),
            region = key.region
        ),
        Cause::Unauthenticated => format!(
            "compare the clock of this host with another one (date -u): AWS accepts a signature that is at most 5 minutes old; {}",
            again(source)
        ),
        Cause::Credentials => credentials(trouble, place),
        Cause::ResourceExhausted => format!(
            "wait, or raise the quota of cryptographic operations with elliptic-curve keys of this account and Region: aws \
             service-quotas list-service-quotas --service-code kms --region {} --query \
             'Quotas[?contains(QuotaName, `ECC`)].[QuotaName,QuotaCode,Value]'",
            key.region
        ),
        Cause::InvalidArgument => format!(
            "compare ATTO_SIGNER_KEY with what KMS shows: {}; if AWS_ENDPOINT_URL_KMS is set, check that it names KMS and nothing else",
            describe("KeyMetadata.[Arn,KeySpec,KeyUsage]")
        ),
        Cause::Check => {
            "the answer was changed on its way from KMS: check for a proxy in between, and that AWS_ENDPOINT_URL_KMS names KMS".to_owned()
        }
        Cause::Io | Cause::Timeout => format!(
            "check that the pod reaches {} (network policy, DNS, firewall, VPC endpoint, HTTPS_PROXY)",
            endpoints.kms_host(key)
        ),
        Cause::Aborted | Cause::DeadlineExceeded | Cause::Internal | Cause::Unavailable => {
            "wait; https://health.aws.amazon.com/health/status reports outages".to_owned()
        }
        Cause::Other => {
            "see the log lines before: an unreadable certificate bundle (SSL_CERT_FILE) is one cause; \
            https://health.aws.amazon.com/health/status reports outages"
                .to_owned()
        }
    }
}

fn describe(key: &KeyArn, query: &str) -> String {
    format!(
        "aws kms describe-key --region {} --key-id {key} --query '{query}'",
        key.region
    )
}

/// The minimum permission for the caller to use the key.
fn permission(key: &KeyArn, source: &Source) -> String {
    let (name, look) = match source {
        Source::WebIdentity { role, .. } => (role.name(), ""),
        Source::Keys => ("ROLE", "print the identity: aws sts get-caller-identity; "),
        Source::Container | Source::Instance => ("ROLE", "the message of KMS names the role; "),
    };
    format!(
        "{look}unless it was revoked on purpose, grant it: aws iam put-role-policy --role-name {name} --policy-name sign-as-the-voter --policy-document \
        '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"kms:GetPublicKey\",\"Resource\":\"{key}\"}},{{\"Effect\":\"Allow\",\"Action\":\"kms:Sign\",\"Resource\":\"{key}\",\"Condition\":{{\"StringEquals\":{{\"kms:SigningAlgorithm\":\"ED25519_SHA_512\",\"kms:MessageType\":\"RAW\"}}}}}}]}}', \
        and check that the key policy allows it: aws kms get-key-policy --region {} --key-id {key} --query Policy \
        --output text",
        key.region
    )
}

/// The remedy if KMS refuses the credentials.
const fn again(source: &Source) -> &'static str {
    match source {
        Source::Keys => {
            "otherwise check that the key in AWS_ACCESS_KEY_ID is active (aws iam list-access-keys), and that \
            AWS_SESSION_TOKEN is of the same session"
        }
        Source::WebIdentity { .. } | Source::Container | Source::Instance => {
            "the signer requests new credentials automatically"
        }
    }
}

fn credentials(trouble: Option<Trouble>, place: &AwsPlace) -> String {
    match &place.source {
        Source::Keys => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN with temporary keys".to_owned(),
        Source::WebIdentity { role, file, .. } => {
            let file = file.path().display();
            let show = format!("aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument", role.name());
            match trouble {
                Some(Trouble::Token) => format!(
                    "mount a projected token with the audience sts.amazonaws.com into the signer's container, at {file}, \
                    as a SignerBinding with key.aws.roleArn does; and check the clock of this host \
                    (date -u)"
                ),
                Some(Trouble::Trust) => format!(
                    "let the role trust the token: the policy that {show} prints must allow sts:AssumeRoleWithWebIdentity \
                    to the OIDC provider of this cluster, with sub \
                    system:serviceaccount:NAMESPACE:SERVICEACCOUNT and aud sts.amazonaws.com; aws iam \
                    update-assume-role-policy changes it"
                ),
                Some(Trouble::Issuer) => "register the cluster's issuer in the account of the role, with the audience sts.amazonaws.com: aws iam \
                list-open-id-connect-providers; aws iam create-open-id-connect-provider --url ISSUER \
                --client-id-list sts.amazonaws.com; kubectl get --raw /.well-known/openid-configuration \
                prints the issuer, whose keys AWS must be able to reach"
                    .to_owned(),
                Some(Trouble::Role) => format!(
                    "compare AWS_ROLE_ARN with aws iam get-role --role-name {} --query Role.Arn",
                    role.name()
                ),
                Some(Trouble::Region) => format!(
                    "activate STS in {} for the account (IAM, account settings), or set AWS_ENDPOINT_URL_STS to that of another Region",
                    place.key.region
                ),
                Some(Trouble::Service | Trouble::Way) | None => format!(
                    "check that the pod reaches {} (network policy, DNS, firewall, VPC endpoint, HTTPS_PROXY)",
                    place.endpoints.sts_host(&place.key)
                ),
            }
        }
        Source::Container => match trouble {
            Some(Trouble::Token) => "check that the pod was created after the association of its service account (aws eks \
            list-pod-identity-associations --cluster-name CLUSTER), which mounts that token"
                .to_owned(),
            _ => "check the association of the pod's service account with a role (aws eks list-pod-identity-associations \
                 --cluster-name CLUSTER), and that the agent runs on this node (kubectl -n kube-system get pods -l \
                 app.kubernetes.io/name=eks-pod-identity-agent)"
                .to_owned(),
        },
        Source::Instance => "give the pod an identity of its own: key.aws.roleArn in the SignerBinding, an EKS Pod Identity association, or \
        AWS_ROLE_ARN with a token; the instance role is for tests, and reaches pods only with a hop limit of 2 \
        (aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2)"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{
        aws::{endpoint::Endpoints, role_arn::RoleArn},
        identity_token::IdentityTokenFile,
    };

    const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/voter";

    fn place(source: Source) -> AwsPlace {
        AwsPlace {
            key: KeyArn::read(Some(&KEY.into())).unwrap(),
            endpoints: Endpoints::default(),
            source,
        }
    }

    fn web_identity() -> Source {
        Source::WebIdentity {
            role: RoleArn::parse("arn:aws:iam::123456789012:role/atto/voter").unwrap(),
            session: "atto-signer".to_owned(),
            file: IdentityTokenFile::named("AWS_WEB_IDENTITY_TOKEN_FILE", "/token".to_owned()),
        }
    }

    #[test]
    fn commands_name_this_key_and_this_role() {
        let web = place(web_identity());
        for (cause, expected) in [
            (Cause::PermissionDenied, "put-role-policy --role-name voter "),
            (
                Cause::PermissionDenied,
                "\"Action\":\"kms:Sign\",\"Resource\":\"arn:aws:kms:eu-central-1:",
            ),
            (Cause::PermissionDenied, "\"kms:SigningAlgorithm\":\"ED25519_SHA_512\""),
            (Cause::NotFound, "list-keys --region eu-central-1"),
            (
                Cause::FailedPrecondition,
                "enable-key --region eu-central-1 --key-id arn:aws:kms:",
            ),
            (
                Cause::InvalidArgument,
                "describe-key --region eu-central-1 --key-id arn:aws:kms:",
            ),
            (Cause::Unauthenticated, "(date -u)"),
            (Cause::ResourceExhausted, "service-quotas"),
            (Cause::Io, "kms.eu-central-1.amazonaws.com:443"),
            (Cause::Timeout, "kms.eu-central-1.amazonaws.com:443"),
        ] {
            let told = remedy(cause, None, &web);
            assert!(told.contains(expected), "{cause:?}: {told}");
        }
    }

    #[test]
    fn credentials_are_mended_where_they_come_from() {
        let web = place(web_identity());
        for (trouble, expected) in [
            (Trouble::Token, "at /token"),
            (
                Trouble::Trust,
                "get-role --role-name voter --query Role.AssumeRolePolicyDocument",
            ),
            (Trouble::Issuer, "create-open-id-connect-provider"),
            (Trouble::Role, "compare AWS_ROLE_ARN"),
            (Trouble::Region, "activate STS in eu-central-1"),
            (Trouble::Way, "sts.eu-central-1.amazonaws.com:443"),
            (Trouble::Service, "sts.eu-central-1.amazonaws.com:443"),
        ] {
            let told = remedy(Cause::Credentials, Some(trouble), &web);
            assert!(told.contains(expected), "{trouble:?}: {told}");
        }
        for (source, expected) in [
            (Source::Keys, "set AWS_ACCESS_KEY_ID"),
            (Source::Container, "list-pod-identity-associations"),
            (Source::Instance, "key.aws.roleArn"),
        ] {
            let told = remedy(Cause::Credentials, None, &place(source));
            assert!(told.contains(expected), "{told}");
        }
    }
}
