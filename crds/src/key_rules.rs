//! The CEL rules of keys in AWS KMS and Vault.

use kube::core::Rule;

use crate::cel_rules::matches;

/// Each partition of AWS except `aws`, with the prefix of its regions' names.
/// Source: the regions' patterns in the endpoint rules of the AWS SDK (`partitions.json`).
const PARTITIONS: [(&str, &str); 7] = [
    ("aws-cn", "cn-"),
    ("aws-us-gov", "us-gov-"),
    ("aws-iso", "us-iso-"),
    ("aws-iso-b", "us-isob-"),
    ("aws-iso-e", "eu-isoe-"),
    ("aws-iso-f", "us-isof-"),
    ("aws-eusc", "eusc-"),
];
const PARTITION: &str = "aws(-cn|-us-gov|-iso|-iso-b|-iso-e|-iso-f|-eusc)?";

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

/// Another rule refuses an alias.
pub fn key_arn() -> Rule {
    Rule::new(format!(
        "self.contains('alias/') || self.matches(r'^arn:{PARTITION}:kms:[a-z]+(-[a-z]+)+-[0-9]{{1,2}}:[0-9]{{12}}:key/[-0-9a-zA-Z]{{1,128}}$')"
    ))
    .message(
        "must be the ARN of a key in AWS KMS: arn:aws:kms:REGION:ACCOUNT:key/ID (aws kms describe-key --key-id ID --query KeyMetadata.Arn prints it)",
    )
}

pub fn partition_of_region() -> Rule {
    // One rule per partition: the API server estimates the cost of a list of texts as if the texts had no length limit.
    let pairs = PARTITIONS
        .map(|(partition, region)| format!("self.startsWith('arn:{partition}:') == self.contains(':kms:{region}')"));
    let told = PARTITIONS.map(|(partition, region)| format!("arn:{partition} for {region}…"));
    Rule::new(pairs.join(" && ")).message(&*format!(
        "must have the partition of its region: {}, and arn:aws for every other region",
        told.join(", ")
    ))
}

/// Path and name have at most 576 characters: IAM allows 512 and 64.
pub fn role_arn() -> Rule {
    Rule::new(format!(
        "self.matches(r'^arn:{PARTITION}:iam::[0-9]{{12}}:role/([-+=,.@_a-zA-Z0-9]+/)*[-+=,.@_a-zA-Z0-9]{{1,64}}$') && self.size() - self.indexOf('/') <= 577"
    ))
    .message(
        "must be the ARN of an IAM role: arn:aws:iam::ACCOUNT:role/NAME (aws iam get-role --role-name NAME --query Role.Arn prints it)",
    )
}

/// Another rule refuses text that is not the ARN of a key.
pub fn one_partition() -> Rule {
    Rule::new(
        "!has(self.roleArn) || !self.roleArn.contains(':iam:') || !self.keyArn.contains(':kms:') || self.roleArn.startsWith(self.keyArn.substring(0, self.keyArn.indexOf(':kms:')) + ':')",
    )
    .message("keyArn and roleArn must be of one partition, the word after arn: (aws, aws-cn, aws-us-gov): a role of another partition cannot use the key")
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
        "version must be a number from 1: 0 would be the latest version, and a rotation would change the voter's identity (bao read transit/keys/NAME prints the versions)",
    )
}

pub fn vault_path(field: &str) -> Rule {
    Rule::new(
        "self.matches(r'^[-._a-zA-Z0-9]{1,128}(/[-._a-zA-Z0-9]{1,128})*$') && self.split('/').all(part, part != '.' && part != '..')",
    )
    .message(&*format!(
        "{field} must be a path as the server has it: letters, digits, '-', '_' and '.', its parts divided by '/' and not longer than 128 characters, without a '/' at its beginning or end"
    ))
}

/// Vault prints the paths of its auth methods with `auth/`, but expects them without.
pub fn auth_mount() -> Rule {
    Rule::new("!self.startsWith('auth/')").message(
        "mount must be a path as the server has it, without auth/ before it, such as kubernetes or clusters/blue",
    )
}

pub fn audience() -> Rule {
    matches(
        "^[-._~:/?#@=+%a-zA-Z0-9]+$",
        "audience must only have characters of a URI: letters, digits and -._~:/?#@=+%",
    )
}
