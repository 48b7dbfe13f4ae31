//! The ARN of a session's role.

use super::arn::{Arn, is_account};

/// The ARN of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn {
    text: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
}

impl RoleArn {
    /// The role, if the text is one.
    pub fn parse(text: &str) -> Option<Self> {
        let arn = Arn::parse(text)?;
        let name = arn.what.strip_prefix("role/")?;
        let is_name = !name.is_empty()
            && name.len() <= 576
            && !name.ends_with('/')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&byte));
        let is_role = arn.service == "iam" && arn.region.is_empty() && is_account(arn.account) && is_name;
        is_role.then(|| Self {
            text: text.to_owned(),
            partition: arn.partition.to_owned(),
        })
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The last part, as `aws iam` expects it.
    pub fn name(&self) -> &str {
        self.text.rsplit_once('/').map_or(&*self.text, |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_with_its_account_and_without_a_region() {
        let role = RoleArn::parse("arn:aws-cn:iam::123456789012:role/atto/voter+1@x").unwrap();
        assert_eq!((&*role.partition, role.name()), ("aws-cn", "voter+1@x"));
        assert_eq!(
            RoleArn::parse("arn:aws:iam::123456789012:role/voter").unwrap().name(),
            "voter"
        );
        for wrong in [
            "voter",
            "arn:aws:iam::123456789012:user/voter",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::1234:role/voter",
            "arn:aws:iam:eu-west-1:123456789012:role/voter",
            "arn:aws:sts::123456789012:assumed-role/voter/session",
        ] {
            assert_eq!(RoleArn::parse(wrong), None, "{wrong}");
        }
    }
}
