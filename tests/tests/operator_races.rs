//! Changes between the operator's read and its write.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use operator::controller::apply;
use operator::controller::context::Context;
use operator::controller::observe;
use operator::controller::render;
use operator::controller::run::controller;
use operator::controller::validate;
use operator::model::applied::{AppliedTarget, Written};
use operator::model::error::Error;
use operator::model::observed::Observed;
use operator::model::plan::{Gate, Planned};
use operator::model::rendered::Rendered;
use operator::model::settings::Settings;
use operator::telemetry::Metrics;
use serde_json::json;
use tests::chart;
use tests::operated::{Operated, Place, VOTER, binding, voter, with};

/// The operator's own steps, one at a time, under the operator's own identity.
async fn context(place: &Place) -> Result<Arc<Context>> {
    let kubeconfig = place
        .operated
        .plane
        .service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT)
        .await?;
    let settings = Settings {
        signer_image: "ghcr.io/attocash/signer-operator/signer:test".to_owned(),
        allowed_signer_images: vec!["ghcr.io/attocash/signer-operator/signer".to_owned()],
        ..Settings::default()
    };
    let (context, _not_running) = controller(
        kubeconfig.client().await?,
        settings,
        None,
        Arc::new(Metrics::new()?),
        std::future::pending(),
    );
    Ok(context)
}

async fn rendered(context: &Context, place: &Place) -> Result<(Observed, Rendered)> {
    let observed = observe::observe(&context.sources, Arc::new(place.binding().await?)).await?;
    let verdict = validate::validate(&observed, &context.settings);
    let rendered = render::render_all(&verdict).pop().context("no target")?;
    let rendered = rendered.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    Ok((observed, rendered))
}

async fn apply(
    context: &Context,
    observed: &Observed,
    rendered: Rendered,
) -> std::result::Result<AppliedTarget, Error> {
    let planned = Planned {
        rendered,
        gate: Gate::Open,
        is_repair: false,
        is_stripped: false,
        is_altered: false,
        is_tried: false,
        is_rotation: false,
    };
    apply::apply_target(&context.writer, observed, &observed.targets[0], Ok(planned)).await
}

/// A place whose binding the running operator does not accept, so that only the test writes.
async fn place_of_our_own(prefix: &str) -> Result<Place> {
    // The guard allows the image, but the running operator does not.
    let allowed = r#"allowedSignerImages=["ghcr.io/attocash/signer-operator/signer","registry.example/not-allowed"]"#;
    let place = Place::on(Operated::with_chart(&["--set-json", allowed]).await?, prefix).await?;
    place.apply(&voter()).await?;
    place
        .apply(&with(
            binding(),
            "/spec/signer",
            json!({"image": "registry.example/not-allowed:1"}),
        ))
        .await?;
    place.condition("Accepted", "False", "ImageNotAllowed").await?;
    Ok(place)
}

async fn steps_of_an_accepted_binding(place: &Place) -> Result<(Arc<Context>, Observed, Rendered)> {
    let mut context = context(place).await?;
    Arc::make_mut(&mut context).settings = Arc::new(Settings {
        allowed_signer_images: vec!["registry.example/not-allowed".to_owned()],
        ..Settings::default()
    });
    let (observed, rendered) = rendered(&context, place).await?;
    Ok((context, observed, rendered))
}

#[tokio::test]
async fn a_deployment_deleted_in_between_is_not_created_again() -> Result<()> {
    let place = place_of_our_own("deleted").await?;
    let (context, observed, rendered) = steps_of_an_accepted_binding(&place).await?;
    place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    let outcome = apply(&context, &observed, rendered).await;
    assert!(
        matches!(outcome, Err(Error::Changed(_) | Error::Request { .. })),
        "{outcome:?}"
    );
    let left = place.kubectl_ok(&["get", "deployments,services", "-o", "name"]).await?;
    assert_eq!(left, "", "something was created");
    Ok(())
}

#[tokio::test]
async fn a_deployment_made_again_in_between_is_not_written_unseen() -> Result<()> {
    let place = place_of_our_own("again").await?;
    let (context, observed, rendered) = steps_of_an_accepted_binding(&place).await?;
    place.kubectl_ok(&["delete", "deployment", VOTER]).await?;
    place.apply(&voter()).await?;
    let before = place.deployment().await?["spec"].clone();
    let outcome = apply(&context, &observed, rendered).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(place.deployment().await?["spec"], before);
    Ok(())
}

#[tokio::test]
async fn a_second_pass_over_the_injected_object_finds_nothing_to_do() -> Result<()> {
    let place = place_of_our_own("twice").await?;
    let (context, observed, first) = steps_of_an_accepted_binding(&place).await?;
    let applied = apply(&context, &observed, first.clone()).await?;
    assert_eq!((applied.written, applied.outcome), (Written::Injection, Ok(())));
    // A context without earlier results, as after a restart.
    let (context, observed, second) = steps_of_an_accepted_binding(&place).await?;
    assert_eq!(second, first, "rendering depends on what was injected");
    let applied = apply(&context, &observed, second).await?;
    assert_eq!((applied.written, applied.outcome), (Written::Nothing, Ok(())));
    Ok(())
}
