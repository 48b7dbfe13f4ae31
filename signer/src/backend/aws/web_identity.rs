//! A session of a role in exchange for a Kubernetes token. The SDK's own provider logs STS' answers, and does not report which
//! file it could not read.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;

use super::{
    fault::{Heard, hear},
    role_arn::RoleArn,
    trouble::Trouble,
};
use crate::backend::{
    fault::{Cause, Fault},
    identity_token::IdentityTokenFile,
    redaction::hide,
    upkeep::Step,
};

/// The provider name of the credentials, in the SDK's own words.
const NAME: &str = "WebIdentityToken";

/// The STS endpoint, and the role of the session.
#[derive(Debug)]
pub struct WebIdentity {
    pub sts: Client,
    pub role: RoleArn,
    pub session: String,
    pub file: IdentityTokenFile,
}

impl WebIdentity {
    /// A new session.
    pub async fn credentials(&self, step: &Step) -> Result<Credentials, (Fault, Trouble)> {
        let token = self.file.token().await.map_err(|fault| (fault, Trouble::Token))?;
        step.set("no answer from STS to AssumeRoleWithWebIdentity");
        let request = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(self.role.as_str())
            .role_session_name(&self.session)
            .web_identity_token(token.as_str());
        let answer = request.send().await.map_err(|error| {
            let Heard { cause, code, text } = hear(&error);
            let text = format!(
                "STS gives no session of {}: {}",
                self.role.as_str(),
                hide(&text, [token.as_str()])
            );
            let fault = token.explain(Fault::new(Cause::Credentials, text));
            (fault, trouble(cause, code.as_deref()))
        })?;
        let wrong = || {
            let fault = Fault::new(Cause::Credentials, "STS answered without credentials that expire");
            (fault, Trouble::Service)
        };
        let session = answer.credentials().ok_or_else(wrong)?;
        let end = SystemTime::try_from(*session.expiration()).map_err(|_| wrong())?;
        Ok(Credentials::new(
            session.access_key_id(),
            session.secret_access_key(),
            Some(session.session_token().to_owned()),
            Some(end),
            NAME,
        ))
    }
}

/// The cause of an error of STS, which determines the remedy. Source: the API reference of STS,
/// `AssumeRoleWithWebIdentity`.
fn trouble(cause: Cause, code: Option<&str>) -> Trouble {
    match code {
        Some("AccessDenied" | "AccessDeniedException" | "IDPRejectedClaim" | "IDPRejectedClaimException") => {
            Trouble::Trust
        }
        Some(
            "InvalidIdentityToken"
            | "InvalidIdentityTokenException"
            | "IDPCommunicationError"
            | "IDPCommunicationErrorException",
        ) => Trouble::Issuer,
        Some("ExpiredToken" | "ExpiredTokenException") => Trouble::Token,
        Some("RegionDisabledException") => Trouble::Region,
        Some("ValidationError" | "ValidationException") => Trouble::Role,
        _ if matches!(cause, Cause::Io | Cause::Timeout) => Trouble::Way,
        _ => Trouble::Service,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_sts_is_somebodys() {
        for (code, expected) in [
            ("AccessDenied", Trouble::Trust),
            ("InvalidIdentityToken", Trouble::Issuer),
            ("IDPCommunicationError", Trouble::Issuer),
            ("IDPRejectedClaim", Trouble::Trust),
            ("ExpiredTokenException", Trouble::Token),
            ("RegionDisabledException", Trouble::Region),
            ("ValidationError", Trouble::Role),
            ("Throttling", Trouble::Service),
            ("InternalFailure", Trouble::Service),
        ] {
            assert_eq!(trouble(Cause::Other, Some(code)), expected, "{code}");
        }
        assert_eq!(trouble(Cause::Io, None), Trouble::Way);
        assert_eq!(trouble(Cause::Unavailable, None), Trouble::Service);
    }
}
