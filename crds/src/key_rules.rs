//! The CEL rules of keys in other key services than Google's.

use kube::core::Rule;

use crate::cel_rules::matches;

/// A host and a port behind it, and a path that a proxy may want.
const HOST: &str = r"([a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])";
const LOOPBACK: &str = r"([lL][oO][cC][aA][lL][hH][oO][sS][tT]|127[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}|\[::1\])";
const BEHIND: &str = "(:[0-9]{1,5})?(/[-._~a-zA-Z0-9]+)*/?";

const PARTITION: &str = "aws(-[a-z]+)*";

pub fn provider() -> Rule {
    matches(
        r"^//iam[.]googleapis[.]com/projects/[0-9]+/locations/global/workloadIdentityPools/[-a-z0-9]{4,32}/providers/[-a-z0-9]{4,32}$",
        "must be the full resource name of a provider: //iam.googleapis.com/projects/PROJECT_NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, with the number of the project (gcloud iam workload-identity-pools providers list prints it without //iam.googleapis.com/)",
    )
}

pub fn no_alias() -> Rule {
    Rule::new("!self.contains('alias/')").message(
        "must not be an alias, which can be pointed to another key: write the ARN of the key itself (aws kms describe-key --key-id alias/NAME --query KeyMetadata.Arn prints it)",
    )
}

/// An alias is told by its own rule.
pub fn key_arn() -> Rule {
    Rule::new(format!(
        "self.contains('alias/') || self.matches(r'^arn:{PARTITION}:kms:[a-z]+(-[a-z]+)+-[0-9]+:[0-9]{{12}}:key/[0-9a-zA-Z][-0-9a-zA-Z]*$')"
    ))
    .message(
        "must be the ARN of a key in AWS KMS: arn:aws:kms:REGION:ACCOUNT:key/ID (aws kms describe-key --key-id ID --query KeyMetadata.Arn prints it)",
    )
}

pub fn partition_of_region() -> Rule {
    Rule::new(
        "self.startsWith('arn:aws-cn:') == self.contains(':kms:cn-') && self.startsWith('arn:aws-us-gov:') == self.contains(':kms:us-gov-')",
    )
    .message("must be of the partition that its region is in: arn:aws-cn for cn-…, arn:aws-us-gov for us-gov-…, and neither for another region")
}

pub fn role_arn() -> Rule {
    matches(
        &format!(r"^arn:{PARTITION}:iam::[0-9]{{12}}:role/([-+=,.@_a-zA-Z0-9]+/)*[-+=,.@_a-zA-Z0-9]{{1,64}}$"),
        "must be the ARN of an IAM role: arn:aws:iam::ACCOUNT:role/NAME (aws iam get-role --role-name NAME --query Role.Arn prints it)",
    )
}

/// A key that is none is told by its own rule.
pub fn one_partition() -> Rule {
    Rule::new(
        "!has(self.roleArn) || !self.roleArn.contains(':iam:') || !self.keyArn.contains(':kms:') || self.roleArn.startsWith(self.keyArn.substring(0, self.keyArn.indexOf(':kms:')) + ':')",
    )
    .message("keyArn and roleArn must be of one partition, the word behind arn: (aws, aws-cn, aws-us-gov): a role of another one cannot use the key")
}

pub fn vault_address() -> Rule {
    Rule::new(format!(
        "(self.matches(r'^https://{HOST}{BEHIND}$') || self.matches(r'^http://{LOOPBACK}{BEHIND}$')) && !self.matches(r'/v1/?$')"
    ))
    .message(
        "must be the address of the server: https://HOST:PORT, without /v1; http:// only on a loopback address (localhost, 127.0.0.1, [::1]), because the login would be readable on its way",
    )
}

pub fn vault_name(field: &str) -> Rule {
    matches(
        "^[a-zA-Z0-9_]([-.a-zA-Z0-9_]*[a-zA-Z0-9_])?$",
        &format!(
            "{field} must be a name as the server has it: letters, digits, '_', and '-' and '.' within; no version and no path"
        ),
    )
}

pub fn vault_version() -> Rule {
    Rule::new("self >= 1").message(
        "version must be a number from 1: 0 would be the latest version, which is another voter after a rotation (bao read transit/keys/NAME prints the versions)",
    )
}

pub fn vault_path(field: &str) -> Rule {
    Rule::new(
        "self.matches(r'^[-._a-zA-Z0-9]+(/[-._a-zA-Z0-9]+)*$') && self.split('/').all(part, part != '.' && part != '..')",
    )
    .message(&*format!(
        "{field} must be a path as the server has it: letters, digits, '-', '_' and '.', its parts divided by '/', without a '/' at its beginning or end"
    ))
}

pub fn audience() -> Rule {
    matches(
        "^[-._~:/?#@=+%a-zA-Z0-9]+$",
        "audience must be a text as a URI has it: letters, digits and -._~:/?#@=+%",
    )
}
