//! The CEL rules that several fields share. A rule for a single field is written at the field, in `spec.rs` and the
//! files next to it. The message of a rule is a whole sentence: if a rule refuses an object, `kubectl apply` prints the
//! message after the field's path.

use kube::core::Rule;

const DNS_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/// An `atto://` address of algorithm V1: 38 bytes in base32, the first of them zero, and one unused bit. The operator checks
/// the checksum.
const ADDRESS: &str = "^atto://a[a-d][a-z2-7]{58}[acegikmoqsuwy246]$";

pub(crate) fn matches(pattern: &str, message: &str) -> Rule {
    Rule::new(format!("self.matches(r'{pattern}')")).message(message)
}

fn all_match(pattern: &str, message: &str) -> Rule {
    Rule::new(format!("self.all(x, x.matches(r'{pattern}'))")).message(message)
}

/// A name in the form of an RFC 1123 subdomain, as Deployments and Secrets have it.
pub fn object_name(what: &str) -> Rule {
    matches(
        &format!(r"^{DNS_LABEL}(\.{DNS_LABEL})*$"),
        &format!(
            "must be the name of {what}: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
        ),
    )
}

pub fn container_name() -> Rule {
    matches(
        &format!("^{DNS_LABEL}$"),
        "must be the name of a container: lower-case letters, digits and '-', beginning and ending with a letter or digit",
    )
}

pub fn container_is_not_ours() -> Rule {
    Rule::new("self != 'signer'").message(
        "must not be 'signer', which is the container that the operator injects: name the container of the node",
    )
}

pub fn secret_key() -> Rule {
    matches(
        r"^[-._a-zA-Z0-9]+$",
        "must be a key of the Secret: letters, digits, '-', '_' and '.'",
    )
}

pub fn config_map_key() -> Rule {
    matches(
        r"^[-._a-zA-Z0-9]+$",
        "must be a key of the ConfigMap: letters, digits, '-', '_' and '.'",
    )
}

pub fn key_version() -> Rule {
    matches(
        r"^projects/[a-z0-9][-a-z0-9.:]*/locations/[a-z0-9][-a-z0-9]*/keyRings/[-_a-zA-Z0-9]{1,63}/cryptoKeys/[-_a-zA-Z0-9]{1,63}/cryptoKeyVersions/[1-9][0-9]*$",
        "must be the full resource ID of a key version: projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/NUMBER (gcloud kms keys versions list prints it)",
    )
}

pub fn address() -> Rule {
    matches(
        ADDRESS,
        "must be an Atto address: atto:// and 61 characters a-z and 2-7",
    )
}

pub fn addresses() -> Rule {
    all_match(
        ADDRESS,
        "every item must be an Atto address: atto:// and 61 characters a-z and 2-7",
    )
}

pub fn amount() -> Rule {
    Rule::new("self.matches(r'^(0|[1-9][0-9]{0,19})$') && (size(self) < 20 || self <= '18000000000000000000')")
        .message("must be an amount in raw units as a decimal string, from \"0\" to \"18000000000000000000\"")
}

pub fn challenge_uri_prefix() -> Rule {
    matches(
        r"^[!-~]+$",
        "must be the beginning of a URI, in printable ASCII without blanks",
    )
}

pub fn service_account_email() -> Rule {
    matches(
        r"^[a-z0-9][-a-z0-9]*@([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+gserviceaccount\.com$",
        "must be the e-mail address of a Google service account: NAME@PROJECT.iam.gserviceaccount.com",
    )
}

pub fn image() -> Rule {
    matches(
        r"^[a-z0-9]([-._a-zA-Z0-9:/]*[a-zA-Z0-9])?(@sha256:[0-9a-f]{64})?$",
        "must be a container image reference: REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST",
    )
}

pub fn variable_name() -> Rule {
    matches(
        r"^[-._a-zA-Z][-._a-zA-Z0-9]*$",
        "must be the name of a variable: letters, digits, '_', '-' and '.', not beginning with a digit",
    )
}

pub fn variable_is_not_ours() -> Rule {
    Rule::new("!self.startsWith('ATTO_SIGNER_')").message(
        "must not begin with ATTO_SIGNER_: the operator sets these variables from the other fields of the binding",
    )
}

pub fn no_variable_of_aws() -> Rule {
    Rule::new(
        "!has(self.key.aws) || !has(self.signer) || !has(self.signer.env) || self.signer.env.all(e, !(e.name in ['AWS_REGION', 'AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE']))",
    )
    .message(
        "signer.env must not set AWS_REGION, AWS_ROLE_ARN or AWS_WEB_IDENTITY_TOKEN_FILE: the operator sets them from key.aws (keyArn, roleArn)",
    )
}

pub fn no_credentials_beside_a_role() -> Rule {
    Rule::new(
        "!has(self.key.aws) || !has(self.key.aws.roleArn) || !has(self.signer) || !has(self.signer.env) || self.signer.env.all(e, !(e.name in ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE', 'AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']))",
    )
    .message(
        "signer.env must not set credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE) together with key.aws.roleArn: the SDK would use them instead of the role; leave out one of the two",
    )
}

pub fn value_refers_to_nothing_of_ours() -> Rule {
    Rule::new("!self.contains('$(ATTO_SIGNER_')").message(
        "must not refer to a variable of the signer, $(ATTO_SIGNER_…): the token and the key are only for the signer",
    )
}

pub fn field_path() -> Rule {
    Rule::new(
        r#"self in ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'] || self.matches(r"^metadata[.](labels|annotations)\['[^']+'\]$")"#,
    )
    .message("must be a field that a variable can have: metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP or status.podIPs")
}

pub fn not_root(field: &str) -> Rule {
    Rule::new("self >= 1").message(&*format!(
        "{field} must not be less than 1: the signer does not run as root; leave it out if the platform chooses it"
    ))
}

pub fn label_keys() -> Rule {
    all_match(
        &format!(r"^({DNS_LABEL}(\.{DNS_LABEL})*/)?[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$"),
        "every key must be a label key: an optional DNS prefix and '/', then letters, digits, '-', '_' and '.'",
    )
}

pub fn label_key() -> Rule {
    matches(
        &format!(r"^({DNS_LABEL}(\.{DNS_LABEL})*/)?[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$"),
        "must be a label key: an optional DNS prefix and '/', then letters, digits, '-', '_' and '.'",
    )
}

pub fn label_values() -> Rule {
    all_match(
        LABEL_VALUE,
        "every item must be a label value: letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
    )
}

pub fn label_map_values() -> Rule {
    Rule::new(format!("self.all(k, self[k].matches(r'{LABEL_VALUE}'))")).message(
        "every value must be a label value: letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
    )
}

const LABEL_VALUE: &str = r"^([a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?)?$";

pub fn resource_names() -> Rule {
    Rule::new("self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'])")
        .message("resources are cpu, memory and ephemeral-storage")
}

pub fn resource_quantities() -> Rule {
    Rule::new(
        "self.all(k, type(self[k]) == int ? self[k] >= 0 : (isQuantity(self[k]) && quantity(self[k]).compareTo(quantity('0')) >= 0))",
    )
    .message("every value must be a quantity that is not negative, such as \"50m\", \"128Mi\" or 1")
}
