//! Keys of each key service: accepted ones, and refused ones with the expected message for the person.

use serde_json::{Value, json};

use crate::cluster::{Change, merge};

const PROVIDER: &str =
    "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/atto-voters/providers/cluster-1";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::123456789012:role/atto-voter";
const TEXTS: [&str; 3] = ["a-b", "A_b.1", "x"];
/// Each partition, with a region of it.
const PARTITIONS: [(&str, &str); 8] = [
    ("aws", "us-east-1"),
    ("aws-cn", "cn-northwest-1"),
    ("aws-us-gov", "us-gov-east-1"),
    ("aws-iso", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-west-1"),
    ("aws-iso-f", "us-isof-south-1"),
    ("aws-eusc", "eusc-de-east-1"),
];
const ADDRESSES: [&str; 27] = [
    "https://vault",
    "https://Vault.Example.com:8200/",
    "https://VAULT.EXAMPLE.COM",
    "https://vault-0.vault_internal.svc.cluster.local:8200",
    "https://3.vault",
    "https://10-0-0-1",
    "https://1password.example.3com",
    "https://xn--bcher-kva.example",
    "https://vault.example.com:1",
    "https://vault.example.com:65535",
    "https://vault.example.com:443/",
    "https://10.0.0.1:8200",
    "https://255.255.255.255",
    "https://[fd00::1]:8200",
    "https://[::]",
    "https://[2001:DB8:0:0:0:0:0:1]:8200/",
    "https://[1:2:3:4:5:6:7::]",
    "https://[::2:3:4:5:6:7:8]/vault",
    "https://proxy.example.com/vault",
    "https://proxy.example.com/Team-A/vault_1.x/",
    "https://proxy.example.com/v1.2/uis",
    "http://127.0.0.1:8200",
    "http://127.255.255.255",
    "http://localhost:8200/",
    "http://LocalHost",
    "http://[::1]:8200",
    "http://127.0.0.1:8200/vault",
];

fn federated(change: &Change) -> Change {
    let mut federation = json!({"provider": PROVIDER});
    merge(&mut federation, change);
    json!({"key": {"gcp": {"federation": federation}}})
}

fn aws(change: &Change) -> Change {
    let mut key = json!({"keyArn": KEY});
    merge(&mut key, change);
    json!({"key": {"gcp": null, "aws": key}})
}

fn vault(change: &Change) -> Change {
    let mut key = json!({
        "address": "https://vault.example.com:8200", "key": "voter", "version": 1,
        "auth": {"kubernetes": {"role": "atto-voter"}},
    });
    merge(&mut key, change);
    json!({"key": {"gcp": null, "vault": key}})
}

fn and(mut one: Change, other: &Change) -> Change {
    for (field, value) in other.as_object().into_iter().flatten() {
        one[field] = value.clone();
    }
    one
}

fn with_env(key: Change, names: &[&str]) -> Change {
    let env: Vec<Value> = names.iter().map(|name| json!({"name": name, "value": "x"})).collect();
    and(key, &json!({"signer": {"env": env}}))
}

#[rustfmt::skip]
pub fn valid() -> Vec<(&'static str, Change)> {
    let mut cases = vec![
        ("a federation", federated(&json!({}))),
        ("a federation with a service account", federated(&json!({"serviceAccount": "signer@atto-prod.iam.gserviceaccount.com"}))),
        ("a key in AWS", aws(&json!({}))),
        ("a key in AWS with a role", aws(&json!({"roleArn": ROLE}))),
        ("a role with a path", aws(&json!({"roleArn": "arn:aws:iam::123456789012:role/teams/voters/atto.voter+1=a,b@c_d"}))),
        ("a replica of a key of several regions", aws(&json!({"keyArn": "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"}))),
        ("a key in China", aws(&json!({"keyArn": "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "roleArn": "arn:aws-cn:iam::123456789012:role/voter"}))),
        ("a key of the government", aws(&json!({"keyArn": "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}))),
        ("a region of two digits", aws(&json!({"keyArn": "arn:aws:kms:ap-southeast-12:123456789012:key/a"}))),
        ("an ID of 128 characters", aws(&json!({"keyArn": format!("arn:aws:kms:eu-central-1:123456789012:key/{}", "a".repeat(128))}))),
        ("the longest path of a role", aws(&json!({"roleArn": format!("arn:aws:iam::123456789012:role/{}/{}", "p".repeat(510), "n".repeat(64))}))),
        ("an endpoint of a VPC", and(aws(&json!({"roleArn": ROLE})), &json!({"signer": {"env": [
            {"name": "AWS_ENDPOINT_URL_KMS", "value": "https://vpce-0a1b.kms.eu-central-1.vpce.amazonaws.com"}, {"name": "AWS_ROLE_SESSION_NAME", "value": "voter"}]}}))),
        ("the endpoint of FIPS", and(aws(&json!({})), &json!({"signer": {"env": [{"name": "AWS_USE_FIPS_ENDPOINT", "value": "true"}]}}))),
        ("credentials of a development cluster", with_env(aws(&json!({})), &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])),
        ("variables of AWS beside another key service", with_env(vault(&json!({})), &["AWS_REGION"])),
        ("a key in Vault", vault(&json!({}))),
        ("everything of Vault", vault(&json!({"mount": "teams/transit-1", "namespace": "admin/team-a", "version": i32::MAX, "caSecretRef": {"name": "vault-ca", "key": "ca.crt"},
            "auth": {"kubernetes": null, "jwt": {"role": "atto-voter", "mount": "jwt/cluster_1", "audience": "https://vault.example.com"}}}))),
        ("the outermost names of a federation", federated(&json!({"provider": format!("//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/{}/providers/pool", "a".repeat(32)), "serviceAccount": format!("{}@{}.iam.gserviceaccount.com", "a".repeat(30), "p".repeat(30))}))),
        ("the longest parts of paths", vault(&json!({"address": format!("https://vault/{}", "a".repeat(128)), "mount": "m".repeat(128), "namespace": format!("{}/{}", "a".repeat(128), "b".repeat(127)), "key": "k".repeat(128),
            "auth": {"kubernetes": {"role": "r".repeat(128), "mount": "a".repeat(128), "audience": "a".repeat(512)}}}))),
        ("names that other parts have too", vault(&json!({"mount": "a/keys/versions", "key": "keys", "namespace": "root", "auth": {"kubernetes": {"mount": "clusters/auth/kubernetes"}}}))),
        ("certificates of an address on loopback", vault(&json!({"address": "https://127.0.0.1:8200", "caSecretRef": {"name": "ca", "key": "ca.crt"}}))),
        ("certificates of a ConfigMap", vault(&json!({"caConfigMapRef": {"name": "kube-root-ca.crt", "key": "ca.crt"}}))),
    ];
    for address in ADDRESSES {
        cases.push((address, vault(&json!({"address": address}))));
    }
    for (partition, region) in PARTITIONS {
        let arns = json!({"keyArn": format!("arn:{partition}:kms:{region}:123456789012:key/a"), "roleArn": format!("arn:{partition}:iam::123456789012:role/voter")});
        cases.push((region, aws(&arns)));
    }
    for name in TEXTS {
        cases.push((name, vault(&json!({"key": name, "auth": {"kubernetes": {"role": name}}}))));
    }
    cases
}

const ONE: &str = "spec.key: Invalid value: …set exactly one of gcp, aws, vault and local";
const IS_NO_PROVIDER: &str = "spec.key.gcp.federation.provider: Invalid value: …must be the full resource name of a provider: //iam.googleapis.com/projects/PROJECT_NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
const ALIAS: &str = "spec.key.aws.keyArn: Invalid value: …must not be an alias, which can be pointed to another key: write the ARN of the key itself (aws kms describe-key";
const IS_NO_KEY: &str =
    "spec.key.aws.keyArn: Invalid value: …must be the ARN of a key in AWS KMS: arn:aws:kms:REGION:ACCOUNT:key/ID";
const IS_NO_ROLE: &str =
    "spec.key.aws.roleArn: Invalid value: …must be the ARN of an IAM role: arn:aws:iam::ACCOUNT:role/NAME";
const TWO_PARTITIONS: &str = "spec.key.aws: Invalid value: …keyArn and roleArn must be of one partition";
const OF_THE_OPERATOR: &str = "spec: Invalid value: …signer.env must not set AWS_REGION, AWS_ROLE_ARN or AWS_WEB_IDENTITY_TOKEN_FILE: the operator sets them from key.aws";
const ADDRESS: &str = "spec.key.vault.address: Invalid value: …must be the address of the server: https://HOST:PORT, with the host as a name, an IPv4 address or an IPv6 address in brackets, and a port from 1 to 65535; http:// only on a loopback address";
const PATH: &str =
    "spec.key.vault.address: Invalid value: …must be the address of the server only, without /v1, /ui and what follows";
const PLAIN: &str = "spec.key.vault: Invalid value: …caSecretRef and caConfigMapRef must not be set with an http:// address, whose server has no certificate: leave them out, or use an address that starts with https://";
const AUTH_MOUNT: &str = "spec.key.vault.auth.kubernetes.mount: Invalid value: …mount must be a path as the server has it, without auth/ before it, such as kubernetes or clusters/blue";
const VERSION: &str = "spec.key.vault.version: Invalid value: …version must be a number from 1: 0 would be the latest version, and a rotation would change the voter's identity";
const KEY_NAME: &str = "spec.key.vault.key: Invalid value: …key must be a name as the server has it";
const MOUNT: &str = "spec.key.vault.mount: Invalid value: …mount must be a path as the server has it";

#[allow(clippy::too_many_lines, reason = "a table")]
#[rustfmt::skip]
pub fn invalid() -> Vec<(&'static str, Change, String)> {
    let mut cases = Vec::new();
    let mut case = |name, change, message: &str| cases.push((name, change, message.to_owned()));

    case("keys of two services", json!({"key": {"aws": {"keyArn": KEY}}}), ONE);
    case("keys of Google and Vault", json!({"key": {"vault": vault(&json!({}))["key"]["vault"]}}), ONE);
    case("three keys", json!({"key": {"aws": {"keyArn": KEY}, "local": {"secretRef": {"name": "a", "key": "b"}}}}), ONE);

    case("an empty federation", json!({"key": {"gcp": {"federation": {}}}}), "spec.key.gcp.federation.provider: Required value");
    case("a provider by its short name", federated(&json!({"provider": "cluster-1"})), IS_NO_PROVIDER);
    case("a provider without the host", federated(&json!({"provider": PROVIDER.trim_start_matches("//iam.googleapis.com/")})), IS_NO_PROVIDER);
    case("a provider with a scheme", federated(&json!({"provider": format!("https:{PROVIDER}")})), IS_NO_PROVIDER);
    case("a project by its ID", federated(&json!({"provider": PROVIDER.replace("123456789012", "atto-prod")})), IS_NO_PROVIDER);
    case("a pool without a provider", federated(&json!({"provider": PROVIDER.trim_end_matches("/providers/cluster-1")})), IS_NO_PROVIDER);
    case("a provider of people", federated(&json!({"provider": "//iam.googleapis.com/locations/global/workforcePools/p/providers/q"})), IS_NO_PROVIDER);
    case("a service account that is none", federated(&json!({"serviceAccount": "voter"})), "spec.key.gcp.federation.serviceAccount: Invalid value: …must be the e-mail address of a Google service account");
    case("a service account of 256 characters", federated(&json!({"serviceAccount": format!("{}@p.iam.gserviceaccount.com", "a".repeat(230))})), "spec.key.gcp.federation.serviceAccount: Too long: may not be …255");
    case("federation and workload identity", and(federated(&json!({})), &json!({"workloadIdentity": {"gcpServiceAccount": "signer@p.iam.gserviceaccount.com"}})), "spec: Invalid value: …set at most one of workloadIdentity and key.gcp.federation");
    case("workload identity of Google beside AWS", and(aws(&json!({})), &json!({"workloadIdentity": {"gcpServiceAccount": "signer@p.iam.gserviceaccount.com"}})), "spec: Invalid value: …workloadIdentity is only for key.gcp");

    case("no ARN", json!({"key": {"gcp": null, "aws": {}}}), "spec.key.aws.keyArn: Required value");
    case("an alias", aws(&json!({"keyArn": "alias/voter"})), ALIAS);
    case("the ARN of an alias", aws(&json!({"keyArn": "arn:aws:kms:eu-central-1:123456789012:alias/voter"})), ALIAS);
    case("the ID of a key", aws(&json!({"keyArn": "1234abcd-12ab-34cd-56ef-1234567890ab"})), IS_NO_KEY);
    case("an ARN of another service", aws(&json!({"keyArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:voter"})), IS_NO_KEY);
    case("an ARN without a region", aws(&json!({"keyArn": "arn:aws:kms::123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"})), IS_NO_KEY);
    case("an ARN without an account", aws(&json!({"keyArn": "arn:aws:kms:eu-central-1::key/1234abcd-12ab-34cd-56ef-1234567890ab"})), IS_NO_KEY);
    case("an ARN with a newline", aws(&json!({"keyArn": format!("{KEY}\n")})), IS_NO_KEY);
    for arn in ["arn:aws-foo:kms:eu-central-1:123456789012:key/a", "arn:aws:kms:eu-central-123:123456789012:key/a", "arn:aws:kms:central-1:123456789012:key/a", "arn:aws:kms:eu-central-1:123456789012:key/a/b", "arn:gcp:kms:eu-central-1:123456789012:key/a"] {
        case(arn, aws(&json!({"keyArn": arn})), IS_NO_KEY);
    }
    case("an ID of 129 characters", aws(&json!({"keyArn": format!("arn:aws:kms:eu-central-1:123456789012:key/{}", "a".repeat(129))})), IS_NO_KEY);
    case("a path of a role that IAM has not", aws(&json!({"roleArn": format!("arn:aws:iam::123456789012:role/{}/voter", "p".repeat(571))})), IS_NO_ROLE);
    case("a role of no partition", aws(&json!({"roleArn": "arn:aws-foo:iam::123456789012:role/voter"})), IS_NO_ROLE);
    for arn in ["arn:aws:kms:cn-north-1:123456789012:key/a", "arn:aws-cn:kms:eu-central-1:123456789012:key/a", "arn:aws:kms:us-gov-west-1:123456789012:key/a",
        "arn:aws:kms:us-iso-east-1:123456789012:key/a", "arn:aws-iso:kms:us-isob-east-1:123456789012:key/a", "arn:aws-iso-b:kms:us-iso-east-1:123456789012:key/a", "arn:aws:kms:eu-isoe-west-1:123456789012:key/a", "arn:aws:kms:us-isof-south-1:123456789012:key/a", "arn:aws:kms:eusc-de-east-1:123456789012:key/a", "arn:aws-eusc:kms:eu-central-1:123456789012:key/a"] {
        case(arn, aws(&json!({"keyArn": arn})), "spec.key.aws.keyArn: Invalid value: …must have the partition of its region");
    }
    case("the ARN of a user", aws(&json!({"roleArn": "arn:aws:iam::123456789012:user/voter"})), IS_NO_ROLE);
    case("the name of a role", aws(&json!({"roleArn": "atto-voter"})), IS_NO_ROLE);
    case("a role that was assumed", aws(&json!({"roleArn": "arn:aws:sts::123456789012:assumed-role/atto-voter/session"})), IS_NO_ROLE);
    case("a role of another partition", aws(&json!({"roleArn": "arn:aws-cn:iam::123456789012:role/atto-voter"})), TWO_PARTITIONS);
    case("a key of another partition", aws(&json!({"keyArn": "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "roleArn": ROLE})), TWO_PARTITIONS);
    case("a region of its own", aws(&json!({"region": "eu-central-1"})), "unknown field \"spec.key.aws.region\"");
    for name in ["AWS_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        case(name, with_env(aws(&json!({})), &[name]), OF_THE_OPERATOR);
    }
    case("credentials beside a role", with_env(aws(&json!({"roleArn": ROLE})), &["AWS_ACCESS_KEY_ID"]), "spec: Invalid value: …signer.env must not set credentials (AWS_ACCESS_KEY_ID, …) together with key.aws.roleArn");
    case("a variable of Vault", with_env(vault(&json!({})), &["ATTO_SIGNER_VAULT_ADDRESS"]), "must not begin with ATTO_SIGNER_");

    for address in ["http://vault.example.com:8200", "http://10.0.0.1:8200", "http://localhost.example.com", "http://127.0.0.1.example.com", "vault.example.com:8200", "ftp://vault", "https://", "https://user:password@vault", "https://vault:8200?x=y", "https://vault example", "HTTPS://vault", "https://vault#x",
        "http://127.300.0.1:8200", "https://127.300.0.1", "https://10.0.0", "https://10.0.0.0.1", "https://010.0.0.1", "https://256.0.0.1", "https://vault.1", "https://0x7f.0.0.1", "https://vault.0X", "https://vault..example.com", "https://-vault", "https://vault-", "https://vault.",
        "https://[fd00::1", "https://[fd00:::1]", "https://[1:2:3:4:5:6:7]", "https://[1:2:3:4:5:6:7:8:9]", "https://[fd00::1::2]", "https://[12345::]", "https://[g::1]", "https://[10.0.0.1]", "http://[::2]:8200", "https://fd00::1",
        "https://vault:0", "https://vault:65536", "https://vault:99999", "https://vault:08200", "https://vault:", "https://vault:x", "http://127.0.0.1:0"] {
        case(address, vault(&json!({"address": address})), ADDRESS);
    }
    for address in ["https://vault/v1", "https://vault/v1/", "https://vault/ui", "https://vault/ui/vault/secrets", "https://proxy/vault/v1/transit", "https://vault//", "https://proxy//vault", "https://proxy/a~b", "https://proxy/a%20b", "https://proxy/a b", "https://proxy/..", "https://proxy/./vault", "https://vault/ä", "http://localhost:8200/v1"] {
        case(address, vault(&json!({"address": address})), PATH);
    }
    let long = "a".repeat(129);
    case("a part of 129 characters behind the address", vault(&json!({"address": format!("https://vault/{long}")})), PATH);
    case("a part of 129 characters in a namespace", vault(&json!({"namespace": format!("team/{long}")})), "spec.key.vault.namespace: Invalid value: …namespace must be a path as the server has it");
    case("a Secret's certificates beside plain http", vault(&json!({"address": "http://127.0.0.1:8200", "caSecretRef": {"name": "a", "key": "b"}})), PLAIN);
    case("a ConfigMap's certificates beside plain http", vault(&json!({"address": "http://localhost", "caConfigMapRef": {"name": "a", "key": "b"}})), PLAIN);
    case("an auth mount with auth/", vault(&json!({"auth": {"kubernetes": {"mount": "auth/kubernetes"}}})), AUTH_MOUNT);
    case("an auth mount of jwt with auth/", vault(&json!({"auth": {"kubernetes": null, "jwt": {"role": "a", "mount": "auth/jwt/blue"}}})), "spec.key.vault.auth.jwt.mount: Invalid value: …without auth/ before it");
    case("no address", vault(&json!({"address": null})), "spec.key.vault.address: Required value");
    case("a key as a path", vault(&json!({"key": "transit/keys/voter"})), KEY_NAME);
    case("a key with its version", vault(&json!({"key": "voter:v1"})), KEY_NAME);
    case("a key that ends in a dot", vault(&json!({"key": "voter."})), KEY_NAME);
    case("no version", vault(&json!({"version": null})), "spec.key.vault.version: Required value");
    case("version 0", vault(&json!({"version": 0})), VERSION);
    case("a negative version", vault(&json!({"version": -1})), VERSION);
    case("the latest version", vault(&json!({"version": "latest"})), "spec.key.vault.version: Invalid value: …must be of type integer");
    case("a version as text", vault(&json!({"version": "1"})), "spec.key.vault.version: Invalid value: …must be of type integer");
    for mount in ["/transit", "transit/", "a//b", "a b", "..", "a/../b", "transit\n", "tränsit", "a?b"] {
        case(mount, vault(&json!({"mount": mount})), MOUNT);
    }
    case("a namespace with a blank", vault(&json!({"namespace": "team a"})), "spec.key.vault.namespace: Invalid value: …namespace must be a path as the server has it");
    case("no way to log in", vault(&json!({"auth": {"kubernetes": null}})), "spec.key.vault.auth: Invalid value: …set exactly one of kubernetes and jwt");
    case("two ways to log in", vault(&json!({"auth": {"jwt": {"role": "a"}}})), "spec.key.vault.auth: Invalid value: …set exactly one of kubernetes and jwt");
    case("a token written into the binding", vault(&json!({"auth": {"kubernetes": null, "token": "hvs.x"}})), "unknown field \"spec.key.vault.auth.token\"");
    case("no role", vault(&json!({"auth": {"kubernetes": {"role": null}}})), "spec.key.vault.auth.kubernetes.role: Required value");
    case("a role as a path", vault(&json!({"auth": {"kubernetes": {"role": "auth/kubernetes/role/a"}}})), "spec.key.vault.auth.kubernetes.role: Invalid value: …role must be a name as the server has it");
    case("an auth mount with a slash at its end", vault(&json!({"auth": {"kubernetes": {"mount": "kubernetes/"}}})), "spec.key.vault.auth.kubernetes.mount: Invalid value: …mount must be a path as the server has it");
    case("an audience with a quote", vault(&json!({"auth": {"kubernetes": {"audience": "a'b"}}})), "spec.key.vault.auth.kubernetes.audience: Invalid value: …audience must only have characters of a URI");
    case("two certificates", vault(&json!({"caSecretRef": {"name": "a", "key": "b"}, "caConfigMapRef": {"name": "a", "key": "b"}})), "spec.key.vault: Invalid value: …set at most one of caSecretRef and caConfigMapRef");
    case("a ConfigMap in capitals", vault(&json!({"caConfigMapRef": {"name": "CA", "key": "b"}})), "spec.key.vault.caConfigMapRef.name: Invalid value: …must be the name of a ConfigMap");
    cases
}
