//! What can be wrong with credentials.

/// What was wrong with the credentials last, as far as it decides what a person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The token of Kubernetes.
    Token,
    /// The role does not trust it.
    Trust,
    /// The account does not know who issued it, or does not reach them.
    Issuer,
    /// The role's name.
    Role,
    /// STS does not serve this account in the Region.
    Region,
    /// The service was not reached.
    Way,
    /// Whatever else the service says.
    Service,
}
