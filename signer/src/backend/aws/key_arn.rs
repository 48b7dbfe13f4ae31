//! The ARN of a key.

use std::fmt;

use super::arn::{Arn, PREFIX, is_account, is_region, partition_of};
use crate::settings::{ConfigError, Setting, excerpt, text};

/// Prefix of the key's own ID within the ARN.
const KEY: &str = "key/";
const ALIAS: &str = "alias/";
/// Prefix of the ID of a key with replicas in other Regions.
const MULTI_REGION: &str = "mrk-";
const MAX_ID: usize = 128;

/// The ARN of a key itself. An alias is refused, because moving it to another key would change the voter's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyArn {
    text: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// `eu-central-1`
    pub region: String,
}

impl KeyArn {
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the key has, or may have, replicas in other Regions, which sign as the same voter.
    pub fn is_multi_region(&self) -> bool {
        self.text
            .rsplit_once(KEY)
            .is_some_and(|(_, id)| id.starts_with(MULTI_REGION))
    }

    /// Checks `ATTO_SIGNER_KEY`.
    pub fn read(value: Setting<'_>) -> Result<Self, ConfigError> {
        const VARIABLE: &str = "ATTO_SIGNER_KEY";
        const EXPECTED: &str = "with ATTO_SIGNER_BACKEND=AWS the ARN of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID, which ends in the key's ID";
        let Some(text) = text(VARIABLE, value, EXPECTED)? else {
            return Err(ConfigError::new(VARIABLE, "nothing", EXPECTED));
        };
        Self::parse(text).map_err(|wrong| {
            let expected = wrong.command(text).map_or_else(
                || EXPECTED.to_owned(),
                |command| format!("{EXPECTED}; this prints it: {command}"),
            );
            ConfigError::new(VARIABLE, wrong.found(text), expected)
        })
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let Some(arn) = Arn::parse(text) else {
            return Err(if text.starts_with(ALIAS) {
                Wrong::Alias
            } else if is_key_id(text) {
                Wrong::KeyId
            } else if text.starts_with(PREFIX) {
                Wrong::NoArn
            } else {
                Wrong::Unknown
            });
        };
        if arn.service != "kms" {
            return Err(Wrong::Service(arn.service.to_owned()));
        }
        if arn.what.starts_with(ALIAS) {
            return Err(Wrong::Alias);
        }
        let id = arn.what.strip_prefix(KEY).ok_or(Wrong::NoArn)?;
        let is_id =
            !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_id || !is_region(arn.region) || !is_account(arn.account) {
            return Err(Wrong::NoArn);
        }
        if partition_of(arn.region) != arn.partition {
            return Err(Wrong::Partition {
                found: arn.partition.to_owned(),
                expected: partition_of(arn.region),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            partition: arn.partition.to_owned(),
            region: arn.region.to_owned(),
        })
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The text that was found instead of a key's ARN.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Alias,
    KeyId,
    Service(String),
    Partition { found: String, expected: &'static str },
    NoArn,
    Unknown,
}

impl Wrong {
    fn found(&self, text: &str) -> String {
        let shown = excerpt(text);
        match self {
            Self::Alias => {
                format!("the alias {shown}, which would change the voter's identity if it were moved to another key")
            }
            Self::KeyId => format!("the key ID {shown} without Region and account"),
            Self::Service(service) => format!("{shown}, a name in the service {}", excerpt(service)),
            Self::Partition { found, expected } => {
                format!(
                    "{shown}, whose Region is in the partition {expected} and not in {}",
                    excerpt(found)
                )
            }
            Self::NoArn => shown,
            // It may be a private key that was meant for LOCAL.
            Self::Unknown => "another value (not shown, because it may be a secret)".to_owned(),
        }
    }

    /// A command that prints the ARN.
    fn command(&self, text: &str) -> Option<String> {
        let describe = |id: &str, more: &str| {
            format!("aws kms describe-key --key-id {id}{more} --query KeyMetadata.Arn --output text")
        };
        match self {
            // A shell would split the text at a blank.
            _ if !text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_/:.".contains(&byte)) =>
            {
                None
            }
            Self::Alias => {
                let region = Arn::parse(text).map(|arn| format!(" --region {}", arn.region));
                Some(describe(text, &region.unwrap_or_default()))
            }
            Self::KeyId => Some(describe(text, "")),
            _ => None,
        }
    }
}

/// Whether it is only the ID of a key.
fn is_key_id(text: &str) -> bool {
    let is_hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(id) = text.strip_prefix(MULTI_REGION) {
        return is_hex(id, 32);
    }
    let parts: Vec<_> = text.split('-').collect();
    parts.len() == 5
        && parts
            .iter()
            .zip([8, 4, 4, 4, 12])
            .all(|(part, length)| is_hex(part, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    fn read(text: &str) -> Result<KeyArn, String> {
        KeyArn::read(Some(&text.into())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_arn_of_a_key_has_all_its_parts() {
        for (partition, region, id) in [
            ("aws", "eu-central-1", ID),
            ("aws", "ap-southeast-12", "mrk-1234abcd12ab34cd56ef1234567890ab"),
            ("aws-cn", "cn-north-1", ID),
            ("aws-us-gov", "us-gov-west-1", ID),
            ("aws-iso-b", "us-isob-east-1", ID),
            ("aws-eusc", "eusc-de-east-1", ID),
        ] {
            let text = format!("arn:{partition}:kms:{region}:123456789012:key/{id}");
            let arn = read(&format!(" {text}\n")).unwrap();
            assert_eq!(
                (&*arn.partition, &*arn.region, arn.as_str()),
                (partition, region, &*text)
            );
            assert_eq!(arn.is_multi_region(), id.starts_with("mrk-"), "{text}");
        }
        for wrong in [
            "arn:aws:kms:eu-central-1:123456789012:key/",
            "arn:aws:kms:eu-central-1:123456789012:key/a b",
            "arn:aws:kms:eu-central-1:123456789012:key/a/b",
            "arn:aws:kms:eu-central-1:12345678901:key/a",
            "arn:aws:kms:eu-central-1::key/a",
            "arn:aws:kms::123456789012:key/a",
            "arn:aws:kms:central:123456789012:key/a",
            "arn:aws:kms:eu-central-1:123456789012",
            "arn:gcp:kms:eu-central-1:123456789012:key/a",
            "arn:",
        ] {
            let told = read(wrong).unwrap_err();
            assert!(
                told.starts_with(&format!("ATTO_SIGNER_KEY: found {wrong}, expected with")),
                "{told}"
            );
        }
    }

    #[test]
    fn what_names_a_key_otherwise_is_told_with_the_command_that_prints_its_arn() {
        for (text, found, command) in [
            (
                "alias/voter",
                "the alias alias/voter, ",
                "--key-id alias/voter --query KeyMetadata.Arn",
            ),
            (
                "arn:aws:kms:eu-central-1:123456789012:alias/voter",
                "the alias arn:aws",
                "--key-id arn:aws:kms:eu-central-1:123456789012:alias/voter --region eu-central-1 --query",
            ),
            (
                ID,
                "the key ID 1234abcd",
                "--key-id 1234abcd-12ab-34cd-56ef-1234567890ab --query",
            ),
            (
                "mrk-1234abcd12ab34cd56ef1234567890ab",
                "the key ID mrk-",
                "--key-id mrk-1234abcd12ab34cd56ef1234567890ab --query",
            ),
        ] {
            let told = read(text).unwrap_err();
            let start = format!("ATTO_SIGNER_KEY: found {found}");
            assert!(told.starts_with(&start) && told.contains(command), "{told}");
        }
        for (text, found) in [
            ("arn:aws:iam::123456789012:role/voter", "a name in the service iam"),
            ("arn:aws:s3:::bucket", "a name in the service s3"),
            (
                "arn:aws:kms:cn-north-1:123456789012:key/a",
                "whose Region is in the partition aws-cn and not in aws",
            ),
            (
                "arn:aws-cn:kms:eu-west-1:123456789012:key/a",
                "whose Region is in the partition aws and not in aws-cn",
            ),
        ] {
            let told = read(text).unwrap_err();
            assert!(
                told.contains(found) && told.contains("arn:aws:kms:REGION:ACCOUNT:key/ID"),
                "{told}"
            );
        }
        assert!(!read("alias/a b;c").unwrap_err().contains("describe-key"));
    }

    #[test]
    fn what_might_be_a_private_key_is_not_shown() {
        for text in ["ab".repeat(32), "projects/p/5ec2e7".to_owned()] {
            let told = read(&text).unwrap_err();
            assert!(told.contains("may be a secret") && !told.contains(&text), "{told}");
        }
        assert!(read("").unwrap_err().contains("an empty value"));
        assert!(KeyArn::read(None).unwrap_err().to_string().contains("found nothing"));
    }
}
