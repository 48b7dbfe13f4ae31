//! Errors of AWS, or of a server in its place, may repeat the request: a wrongly signed request is quoted with its headers,
//! including the session token.

use aws_credential_types::Credentials;

/// The secrets of credentials. The access key ID is not a secret, but is not shown either.
pub fn secrets(credentials: &Credentials) -> [&str; 3] {
    [
        credentials.secret_access_key(),
        credentials.session_token().unwrap_or_default(),
        credentials.access_key_id(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::redaction::hide;

    #[test]
    fn a_message_that_quotes_the_request_loses_its_secrets() {
        let credentials = Credentials::new(
            "ASIA5EC2E7ID",
            "5ec2e7/secret+key",
            Some("5ec2e7token".to_owned()),
            None,
            "test",
        );
        let text = "The Canonical String should have been 'POST / x-amz-security-token:5ec2e7token' for ASIA5EC2E7ID 5ec2e7/secret+key";
        let hidden = hide(text, secrets(&credentials));
        assert_eq!(
            hidden,
            "The Canonical String should have been 'POST / x-amz-security-token:[hidden]' for [hidden] [hidden]"
        );
        let without = Credentials::new("", "", None, None, "test");
        assert_eq!(hide("as it was", secrets(&without)), "as it was");
    }
}
