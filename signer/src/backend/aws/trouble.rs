//! Failures of credentials.

/// The last failure of the credentials, as far as it determines the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The Kubernetes token is unusable.
    Token,
    /// The role does not trust the token.
    Trust,
    /// The account does not know the token's issuer, or cannot reach it.
    Issuer,
    /// The role's name is wrong.
    Role,
    /// STS is not active for this account in the Region.
    Region,
    /// The service is unreachable.
    Way,
    /// Another error of the service.
    Service,
}
