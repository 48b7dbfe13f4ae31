//! The node container of a paused Deployment may be renamed. While the operator owns variables of the old container, server-side
//! apply keeps it as a container without an image and refuses the manifest, so the operator gives them up first. Its other fields
//! stay, and with them the guard: the Deployment cannot be resumed before the new container has the variables.

use crds::SignerBinding;
use crds::conditions::reasons;

use super::removal;
use super::writer::Writer;
use crate::model::binding::has_injected;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::reason::Reason;
use crate::template::voter::is_its_voter;

/// Gives up the variables of the old container if the binding names a container that does not exist yet.
pub async fn make_way(
    writer: &Writer,
    binding: &SignerBinding,
    live: Option<&LiveDeployment>,
    refusal: &Reason,
) -> Result<Option<LiveDeployment>, Error> {
    match live {
        Some(live) if refusal.code == reasons::CONTAINER_NOT_FOUND && is_renamed(binding, live) => {
            removal::release_variables(writer, live).await.map(Some)
        }
        other => Ok(other.cloned()),
    }
}

/// Whether the container of this binding's own voter is being renamed: the binding names another container than the one that has
/// the variables. This does not apply if the binding names no container, or did not inject this signer.
fn is_renamed(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    let Some(wanted) = &binding.spec.target.container else {
        return false;
    };
    let pointed = live.ours().map(|ours| ours.containers_with_variables());
    live.is_paused()
        && pointed.is_some_and(|pointed| pointed.iter().any(|name| name != wanted))
        && is_its_own(binding, live)
}

fn is_its_own(binding: &SignerBinding, live: &LiveDeployment) -> bool {
    has_injected(binding, live.name()) || is_its_voter(binding, live)
}
