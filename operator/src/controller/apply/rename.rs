//! On a paused Deployment the node container may be renamed. As long as we hold variables of the old one, server-side apply
//! keeps it as a container without an image and refuses the manifest, so they are given up first. All else of the operator stays, and
//! with it the guard: the Deployment cannot be resumed before the new container has them.

use crds::SignerBinding;
use crds::conditions::reasons;

use super::removal;
use super::writer::Writer;
use crate::model::binding::has_injected;
use crate::model::deployment::LiveDeployment;
use crate::model::error::Error;
use crate::model::reason::Reason;
use crate::template::voter::is_its_voter;

/// Gives up the variables of the old container where the binding names one that is not there yet.
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

/// Whether somebody renames the container of this binding's own voter: the binding names another one than we have pointed at
/// the signer. A binding that names none means none in particular, and one that has not injected this signer has nothing to
/// give up.
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
