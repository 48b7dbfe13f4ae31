//! The signer reports all invalid settings at once, and sends no request.

use crate::support::{ACCESS_KEY, SECRET, Variables, command, with_keys};

const KEY: &str = "arn:aws:kms:eu-central-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn refused(variables: &Variables) -> String {
    let (code, says) = command("preflight", variables);
    assert_eq!(code, Some(78), "{says}");
    says
}

#[test]
fn each_bad_setting_is_named_with_what_to_write() {
    let right = || with_keys(KEY, "http://127.0.0.1:1");
    for (name, value, told) in [
        (
            "ATTO_SIGNER_KEY",
            "alias/voter",
            "aws kms describe-key --key-id alias/voter",
        ),
        (
            "ATTO_SIGNER_KEY",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "aws kms describe-key --key-id 1234abcd",
        ),
        (
            "ATTO_SIGNER_KEY",
            "arn:aws:iam::000000000000:role/voter",
            "a name in the service iam",
        ),
        (
            "ATTO_SIGNER_KEY",
            "arn:aws-cn:kms:eu-central-1:000000000000:key/a",
            "in the partition aws and not in aws-cn",
        ),
        ("ATTO_SIGNER_KEY", "projects/p/locations/l", "may be a secret"),
        (
            "AWS_ENDPOINT_URL_KMS",
            "http://kms.eu-central-1.amazonaws.com",
            "https://, or with http:// and a loopback",
        ),
        (
            "AWS_ENDPOINT_URL_KMS",
            "https://kms.eu-west-1.amazonaws.com",
            "in the Region of the key, eu-central-1 (aws)",
        ),
        (
            "AWS_ENDPOINT_URL_KMS",
            "https://kms.cn-north-1.amazonaws.com.cn",
            "which is in cn-north-1",
        ),
        (
            "AWS_ENDPOINT_URL_STS",
            "sts",
            "https://, or with http:// and a loopback",
        ),
        ("AWS_USE_FIPS_ENDPOINT", "on", "true or false"),
        ("AWS_USE_FIPS_ENDPOINT", "true", "one of the two"),
        ("AWS_SECRET_ACCESS_KEY", "", "no value, while AWS_ACCESS_KEY_ID is set"),
        ("ATTO_SIGNER_KEY_FILE", "/key", "the key is in AWS"),
        (
            "ATTO_SIGNER_GCP_ENDPOINT",
            "http://127.0.0.1:1",
            "the signer sends no requests to Google Cloud",
        ),
    ] {
        let mut variables = right();
        variables.push((name, value.to_owned()));
        let says = refused(&variables);
        assert!(
            says.starts_with(&format!("{name}: found ")) && says.contains(told),
            "{says}"
        );
        assert_eq!(says.lines().count(), 1, "{says}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_nothing_secret() {
    let mut variables = with_keys("alias/voter", "http://10.0.0.1");
    variables.extend([
        ("AWS_USE_FIPS_ENDPOINT", "on".to_owned()),
        ("AWS_ENDPOINT_URL_STS", format!("http://{ACCESS_KEY}:{SECRET}@sts")),
        ("AWS_ACCESS_KEY_ID", String::new()),
    ]);
    let says = refused(&variables);
    for name in [
        "ATTO_SIGNER_KEY",
        "AWS_ENDPOINT_URL_KMS",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ACCESS_KEY_ID",
    ] {
        assert_eq!(
            says.lines()
                .filter(|line| line.starts_with(&format!("{name}: found ")))
                .count(),
            1,
            "{says}"
        );
    }
}

#[test]
fn without_anything_that_says_who_asks_nobody_is_asked() {
    let without = || crate::support::without_credentials(KEY, "http://127.0.0.1:1");
    assert!(refused(&without()).starts_with("AWS_EC2_METADATA_DISABLED: found true, and no credentials"));
    for (variables, told) in [
        (
            &[("AWS_PROFILE", "prod")][..],
            "AWS_PROFILE: found a value, expected none",
        ),
        (
            &[("AWS_ROLE_ARN", "voter")],
            "AWS_ROLE_ARN: found voter, expected the role",
        ),
        (
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")],
            "AWS_ROLE_ARN: found no value, while AWS_WEB_IDENTITY_TOKEN_FILE is set",
        ),
        (
            &[("ATTO_SIGNER_IDENTITY_TOKEN_FILE", "/token")],
            "AWS_ROLE_ARN: found no value, while ATTO_SIGNER_IDENTITY_TOKEN_FILE is set",
        ),
        (
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/x")],
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: found http://10.0.0.1/x",
        ),
    ] {
        let mut all = without();
        all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let says = refused(&all);
        assert!(says.starts_with(told), "{says}");
    }
}
