//! What Kubernetes shows of the pods' identity, and the commands that grant it the key. Only a signing pod proves IAM.

use crds::conditions::reasons;

use crate::backends;
use crate::controller::status::state::State;
use crate::model::identity::PodIdentity;
use crate::model::observed::Observed;
use crate::model::reason::Reason;

/// The state of `IdentityReady` of one Deployment. `injected` says that the annotation was written where it had to be.
pub fn state(observed: &Observed, identity: &Result<PodIdentity, Reason>, injected: bool) -> State {
    let identity = match identity {
        Ok(identity) => identity,
        Err(refusal) => return State::no(refusal.clone()),
    };
    let commands = |account: &str, google: &str| {
        let namespace = observed.binding.metadata.namespace.as_deref().unwrap_or_default();
        let backend = backends::of(&observed.binding.spec.key);
        backend
            .map(|backend| backend.grants(&observed.project, namespace, account, google))
            .unwrap_or_default()
    };
    match identity {
        PodIdentity::NotNeeded => State::yes(reasons::IDENTITY_NOT_NEEDED, "the key is not in Google Cloud"),
        PodIdentity::NotKnown => State::unknown(reasons::DEPLOYMENT_NOT_FOUND, "see the condition Injected"),
        PodIdentity::Direct { account, annotated } => {
            let shown = match annotated {
                None => format!("the pods use the ServiceAccount {account} as itself"),
                Some(google) => {
                    format!("the pods use the ServiceAccount {account}, whose annotation lets them act as {google}")
                }
            };
            let google = annotated.as_deref().unwrap_or("GOOGLE_SERVICE_ACCOUNT");
            State::yes(
                reasons::DIRECT_GRANT,
                format!("{shown}; a signing pod proves the grant. {}", commands(account, google)),
            )
        }
        PodIdentity::ActsAs {
            account,
            google,
            is_annotated,
        } if *is_annotated || injected => State::yes(
            reasons::SERVICE_ACCOUNT_ANNOTATED,
            format!(
                "the ServiceAccount {account} is annotated to act as {google}; a signing pod proves the grant. {}",
                commands(account, google)
            ),
        ),
        PodIdentity::ActsAs { account, .. } => State::unknown(
            reasons::NOT_INJECTED,
            format!(
                "the ServiceAccount {account} is annotated together with the injection, see the condition Injected"
            ),
        ),
    }
}
