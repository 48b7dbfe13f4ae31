//! The source of credentials: the one that the SDK's own chain would use, determined once, so that a message can name it.

use super::{environment::Environment, key_arn::KeyArn, near::is_safe, role_arn::RoleArn};
use crate::{
    backend::identity_token::IdentityTokenFile,
    settings::{ConfigError, Errors, excerpt},
};

const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const ROLE: &str = "AWS_ROLE_ARN";
const SESSION: &str = "AWS_ROLE_SESSION_NAME";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const NO_METADATA: &str = "AWS_EC2_METADATA_DISABLED";
const PROFILES: [&str; 3] = ["AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
/// The variable with the pod's name.
const HOST: &str = "HOSTNAME";
/// Maximum length of a session name.
const MAX_SESSION: usize = 64;

/// The source of credentials.
#[derive(Clone, Debug)]
pub enum Source {
    /// Access keys in the environment.
    Keys,
    /// A Kubernetes token, which STS exchanges for a session of a role.
    WebIdentity {
        /// The role of the session.
        role: RoleArn,
        /// The session name, which CloudTrail shows.
        session: String,
        /// The token.
        file: IdentityTokenFile,
    },
    /// An agent on this host: EKS Pod Identity or ECS.
    Container,
    /// The role of this host, from its metadata service.
    Instance,
}

impl Source {
    /// The caller's identity according to the settings. The ID of an access key is never shown.
    pub fn identity(&self) -> String {
        match self {
            Self::Keys => "the owner of the key in AWS_ACCESS_KEY_ID".to_owned(),
            Self::WebIdentity { role, .. } => role.as_str().to_owned(),
            Self::Container => "the role that the agent of EKS Pod Identity or ECS gives this pod".to_owned(),
            Self::Instance => "the role of this instance, from its metadata".to_owned(),
        }
    }

    /// The first configured source in the SDK's order. `common` is the token file that all key services share.
    pub fn read(
        environment: &Environment<'_>,
        key: Option<&KeyArn>,
        common: Common,
        errors: &mut Errors,
        warnings: &mut Vec<String>,
    ) -> Option<Self> {
        let (has_id, has_secret) = (environment.has(KEY_ID), environment.has(SECRET));
        let has_role = environment.has(ROLE);
        if has_id || has_secret {
            for (is_there, variable, other) in [(has_id, KEY_ID, SECRET), (has_secret, SECRET, KEY_ID)] {
                if !is_there {
                    errors.push(ConfigError::new(
                        variable,
                        format!("no value, while {other} is set"),
                        "both or neither of them",
                    ));
                }
            }
            if has_role {
                warnings.push(format!(
                    "{ROLE}: the signer does not assume this role, because {KEY_ID} takes precedence in every AWS SDK. Unset one of the two"
                ));
            }
            return (has_id && has_secret).then_some(Self::Keys);
        }
        if let Some(variable) = PROFILES.iter().find(|variable| environment.has(variable)) {
            let expected = "none: the signer reads no profile files; if the AWS CLI has the credentials, set them with eval \"$(aws \
            configure export-credentials --format env)\"";
            errors.push(ConfigError::new(*variable, "a value", expected));
            return None;
        }
        if has_role || environment.has(TOKEN_FILE) || matches!(common, Common::Set(_)) {
            return Self::web_identity(environment, key, common, errors);
        }
        if environment.has(FULL_URI) || environment.has(RELATIVE_URI) {
            return Self::container(environment, errors);
        }
        Self::instance(environment, errors)
    }

    fn web_identity(
        environment: &Environment<'_>,
        key: Option<&KeyArn>,
        common: Common,
        errors: &mut Errors,
    ) -> Option<Self> {
        let (file_variable, file) = match (environment.text(TOKEN_FILE, errors), common) {
            (Some(path), _) => (TOKEN_FILE, Some(IdentityTokenFile::named(TOKEN_FILE, path))),
            (None, Common::Set(file)) => ("ATTO_SIGNER_IDENTITY_TOKEN_FILE", errors.take(file)),
            (None, Common::Default(file)) => (TOKEN_FILE, errors.take(file)),
        };
        let role = errors.take(role(environment, key, file_variable));
        let session = errors.take(session(environment));
        Some(Self::WebIdentity {
            role: role?,
            session: session?,
            file: file?,
        })
    }

    fn container(environment: &Environment<'_>, errors: &mut Errors) -> Option<Self> {
        // In the SDK's order.
        if let Some(path) = environment.text(RELATIVE_URI, errors) {
            if path.starts_with('/') {
                return Some(Self::Container);
            }
            errors.push(ConfigError::new(
                RELATIVE_URI,
                excerpt(&path),
                "a path that starts with a slash",
            ));
            return None;
        }
        let url = environment.text(FULL_URI, errors)?;
        if is_safe(&url) {
            return Some(Self::Container);
        }
        let expected = "a URL that starts with https://, or with http:// and the address of an agent on this host (169.254.170.23 and \
        [fd00:ec2::23] for EKS Pod Identity, 169.254.170.2 for ECS, loopback)";
        errors.push(ConfigError::new(FULL_URI, excerpt(&url), expected));
        None
    }

    fn instance(environment: &Environment<'_>, errors: &mut Errors) -> Option<Self> {
        // The SDK treats any value except `true` as no.
        let is_off = environment.text(NO_METADATA, errors);
        if is_off.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            let expected = "credentials, or the instance metadata allowed: set AWS_ROLE_ARN, AWS_CONTAINER_CREDENTIALS_FULL_URI or \
            AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY";
            errors.push(ConfigError::new(NO_METADATA, "true, and no credentials", expected));
            return None;
        }
        if let Some(url) = environment.text(METADATA, errors)
            && !is_safe(&url)
        {
            let expected = "http://169.254.169.254, http://[fd00:ec2::254], a loopback address, or https://";
            errors.push(ConfigError::new(METADATA, excerpt(&url), expected));
            return None;
        }
        Some(Self::Instance)
    }
}

/// The token file that all key services share: the configured one, or the operator's mount path.
pub enum Common {
    Set(Result<IdentityTokenFile, ConfigError>),
    Default(Result<IdentityTokenFile, ConfigError>),
}

fn role(environment: &Environment<'_>, key: Option<&KeyArn>, file_variable: &str) -> Result<RoleArn, ConfigError> {
    const EXPECTED: &str = "the role to assume with the token, arn:aws:iam::ACCOUNT:role/NAME (aws iam get-role --role-name NAME --query \
    Role.Arn --output text)";
    let mut errors = Errors::default();
    let Some(text) = environment.text(ROLE, &mut errors) else {
        return Err(ConfigError::new(
            ROLE,
            format!("no value, while {file_variable} is set"),
            EXPECTED,
        ));
    };
    let role = RoleArn::parse(&text).ok_or_else(|| ConfigError::new(ROLE, excerpt(&text), EXPECTED))?;
    match key {
        Some(key) if key.partition != role.partition => {
            let expected = format!("a role in the partition of the key, {}", key.partition);
            Err(ConfigError::new(ROLE, excerpt(&text), expected))
        }
        _ => Ok(role),
    }
}

/// The name of the session: the configured one, otherwise the pod's.
fn session(environment: &Environment<'_>) -> Result<String, ConfigError> {
    let is_fit = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
    let mut errors = Errors::default();
    if let Some(text) = environment.text(SESSION, &mut errors) {
        let is_name = (2..=MAX_SESSION).contains(&text.len()) && text.chars().all(is_fit);
        return if is_name {
            Ok(text)
        } else {
            Err(ConfigError::new(
                SESSION,
                excerpt(&text),
                "2 to 64 letters, digits and any of _+=,.@-",
            ))
        };
    }
    let host = environment.text(HOST, &mut errors).unwrap_or_default();
    let name = ["atto-signer", &*host].join("-");
    let name: String = name
        .chars()
        .filter(|character| is_fit(*character))
        .take(MAX_SESSION)
        .collect();
    Ok(name.trim_end_matches('-').to_owned())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    const MINE: &str = "arn:aws:iam::123456789012:role/voter";

    fn read_with(variables: &[(&str, &str)], is_set: bool) -> (Option<Source>, String, Vec<String>) {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let (mut errors, mut warnings) = (Errors::default(), Vec::new());
        let key = KeyArn::read(Some(&"arn:aws:kms:eu-central-1:123456789012:key/a".into())).unwrap();
        let common = Ok(IdentityTokenFile::named(
            "ATTO_SIGNER_IDENTITY_TOKEN_FILE",
            "/common".to_owned(),
        ));
        let common = if is_set {
            Common::Set(common)
        } else {
            Common::Default(common)
        };
        let source = Source::read(&Environment(&get), Some(&key), common, &mut errors, &mut warnings);
        (source, errors.to_string(), warnings)
    }

    fn read(variables: &[(&str, &str)]) -> (Option<Source>, String) {
        let (source, errors, warnings) = read_with(variables, false);
        assert!(warnings.is_empty(), "{warnings:?}");
        (source, errors)
    }

    #[test]
    fn the_first_in_the_order_of_every_sdk_is_taken() {
        let keys = [(KEY_ID, "AKIA"), (SECRET, "s")];
        let role = [(ROLE, MINE), (TOKEN_FILE, "/token"), (HOST, "voter-0")];
        let agent = [(FULL_URI, "http://169.254.170.23/v1/credentials")];
        let all = [&keys[..], &agent, &role].concat();
        let (source, errors, warnings) = read_with(&all, true);
        assert!(matches!(source, Some(Source::Keys)) && errors.is_empty(), "{errors}");
        assert!(
            warnings[0].starts_with("AWS_ROLE_ARN: the signer does not assume this role"),
            "{warnings:?}"
        );
        let (source, errors) = read(&[&agent[..], &role].concat());
        let Some(Source::WebIdentity { role, session, file }) = source else {
            panic!("{source:?} {errors}");
        };
        assert_eq!((role.as_str(), &*session), (MINE, "atto-signer-voter-0"));
        assert_eq!(file.path().to_str(), Some("/token"));
        let (source, errors) = read(&agent);
        assert!(
            matches!(source, Some(Source::Container)) && errors.is_empty(),
            "{errors}"
        );
        let (source, errors) = read(&[(KEY_ID, " "), (ROLE, "")]);
        assert!(
            matches!(source, Some(Source::Instance)) && errors.is_empty(),
            "{errors}"
        );
    }

    #[test]
    fn a_role_takes_the_token_that_all_key_services_share() {
        for is_set in [true, false] {
            let (source, errors, _) = read_with(&[(ROLE, MINE), (SESSION, "me@x")], is_set);
            let Some(Source::WebIdentity { session, file, .. }) = source else {
                panic!("{source:?} {errors}");
            };
            assert_eq!((file.path().to_str(), &*session), (Some("/common"), "me@x"));
        }
        let (_, errors, _) = read_with(&[], true);
        assert!(
            errors.starts_with(
                "AWS_ROLE_ARN: found no value, while ATTO_SIGNER_IDENTITY_TOKEN_FILE is set, expected the role"
            ),
            "{errors}"
        );
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let long = "x".repeat(65);
        for (variables, told) in [
            (
                &[(KEY_ID, "AKIA")][..],
                "AWS_SECRET_ACCESS_KEY: found no value, while AWS_ACCESS_KEY_ID is set",
            ),
            (
                &[(SECRET, "s")],
                "AWS_ACCESS_KEY_ID: found no value, while AWS_SECRET_ACCESS_KEY is set",
            ),
            (
                &[(TOKEN_FILE, "/t")],
                "AWS_ROLE_ARN: found no value, while AWS_WEB_IDENTITY_TOKEN_FILE is set",
            ),
            (&[(ROLE, "voter")], "AWS_ROLE_ARN: found voter, expected the role"),
            (
                &[(ROLE, "arn:aws-cn:iam::123456789012:role/voter")],
                "AWS_ROLE_ARN: found arn:aws-cn:iam::123456789012:role/voter, expected a role in the partition of the key, aws",
            ),
            (
                &[(ROLE, MINE), (SESSION, "a b")],
                "AWS_ROLE_SESSION_NAME: found a b, expected 2 to 64",
            ),
            (&[(ROLE, MINE), (SESSION, &long)], "AWS_ROLE_SESSION_NAME: found xxx"),
            (
                &[("AWS_PROFILE", "prod")],
                "AWS_PROFILE: found a value, expected none: the signer reads no profile files",
            ),
            (
                &[(FULL_URI, "http://10.0.0.1/x")],
                "AWS_CONTAINER_CREDENTIALS_FULL_URI: found http://10.0.0.1/x, expected a URL",
            ),
            (
                &[(RELATIVE_URI, "x")],
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: found x, expected a path",
            ),
            (
                &[(NO_METADATA, "True")],
                "AWS_EC2_METADATA_DISABLED: found true, and no credentials",
            ),
            (
                &[(METADATA, "http://10.0.0.1")],
                "AWS_EC2_METADATA_SERVICE_ENDPOINT: found http://10.0.0.1, expected http://169",
            ),
        ] {
            let (source, errors) = read(variables);
            assert!(source.is_none() && errors.starts_with(told), "{told}: {errors}");
        }
    }

    #[test]
    fn a_session_has_a_name_that_sts_takes() {
        for (host, expected) in [
            ("", "atto-signer".to_owned()),
            ("voter 0/x\u{e9}", "atto-signer-voter0x".to_owned()),
            (&"v".repeat(80), format!("atto-signer-{}", "v".repeat(52))),
        ] {
            let get = |name: &str| (name == HOST).then(|| OsString::from(host));
            assert_eq!(session(&Environment(&get)), Ok(expected));
        }
    }
}
