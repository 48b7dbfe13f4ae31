//! `operator render`: the same steps as a reconcile, without a cluster.

mod input;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use crds::SignerBinding;
use serde_json::Value;

use super::failure::Failure;
use crate::backends;
use crate::config::ImageArgs;
use crate::controller::render;
use crate::controller::validate;
use crate::exit;
use crate::model::deployment::LiveDeployment;
use crate::model::observed::{
    Account, LocalKeySecret, Observed, ObservedTarget, SameKey, SecretVersions, Selection, Token,
};
use crate::model::reason::Reason;
use crate::model::settings::Settings;
use crate::model::surroundings::Surroundings;
use crate::template::merge;
use crate::yaml;

/// Flags of `operator render`.
#[derive(Args, Debug)]
pub struct RenderArgs {
    /// A file with a SignerBinding, a Deployment, or both, or a folder of such files. Can be repeated. `-` reads standard input.
    #[arg(short, long = "filename", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub images: ImageArgs,
}

/// The output of `operator render`.
///
/// # Errors
/// A file is invalid, or the operator would refuse the Deployment.
pub fn rendered(RenderArgs { files, images }: RenderArgs) -> Result<String, Failure> {
    render(&files, &images.into()).map_err(|error| Failure::new(exit::DATA, error))
}

/// Renders the Deployment with its signer.
///
/// # Errors
/// Names the invalid file or field, or the reason for which the operator would refuse.
pub fn render(files: &[PathBuf], settings: &Settings) -> Result<String, String> {
    let (binding, deployment) = input::read(files)?;
    let live = LiveDeployment::new(deployment);
    let observed = observed(binding, &live);
    let verdict = validate::validate(&observed, settings);
    verdict.accepted.clone().map_err(refused)?;
    let rendered = render::render_all(&verdict)
        .pop()
        .ok_or("nothing was rendered")?
        .map_err(refused)?;
    if let Some(refusal) = rendered.needs_approval {
        return Err(refused(refusal));
    }
    let mut object = live.raw().clone();
    merge::apply(&mut object["spec"], &rendered.deployment["spec"]);
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    yaml::print(&object)
}

/// The binding and the Deployment, with the cluster state that rendering needs.
pub(crate) fn observed(binding: SignerBinding, live: &LiveDeployment) -> Observed {
    let uses_local = backends::of(&binding.spec.key).is_some_and(|backend| backend.secret().is_some());
    Observed {
        binding: Arc::new(binding),
        targets: vec![ObservedTarget {
            name: live.name().to_owned(),
            deployment: Some(live.clone()),
            service: None,
            rivals: vec![],
            pods: vec![],
            running: vec![],
            selection: Selection::Selected,
        }],
        // The Secret is in the cluster, so its contribution to the hash is unknown here.
        token: Token::Found {
            fingerprint: "token".to_owned(),
            bytes: usize::MAX,
        },
        local_key: if uses_local {
            LocalKeySecret::Found
        } else {
            LocalKeySecret::NotUsed
        },
        missing_sources: vec![],
        secret_versions: SecretVersions::new(),
        same_key: SameKey::default(),
        // The ServiceAccount is in the cluster too.
        accounts: vec![Account {
            name: live.service_account().to_owned(),
            live: Some(Value::Null),
            outsider: None,
            needed_by: None,
        }],
        leftovers: vec![],
        deleted: vec![],
        other_operator: None,
        surroundings: Surroundings::default(),
    }
}

fn refused(Reason { code, message }: Reason) -> String {
    format!("the operator would refuse ({code}): {message}")
}
