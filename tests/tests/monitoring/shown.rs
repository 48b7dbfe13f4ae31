//! The metrics of the real programs: of a signer that has signed with a KMS, and of an operator with a binding.

use anyhow::Result;
use tests::fake_kms::FakeKms;
use tests::monitoring::Exposed;
use tests::node_client::random_vote;
use tests::operated::Place;
use tests::signer_process::{SignerProcess, TOKEN, get, in_kms, post};
use tokio::task::spawn_blocking;

pub async fn shown() -> Result<Exposed> {
    let kms = FakeKms::start([47; 32])?;
    let (endpoint, vote) = (kms.endpoint(), random_vote(&kms.verifying_key()));
    let signer = spawn_blocking(move || {
        let signer = SignerProcess::start(&in_kms(&endpoint))?;
        assert_eq!(post(signer.port(), vote.path, TOKEN, &vote.body)?.status, 200);
        get(signer.management_port(), "/prometheus")
    })
    .await??;
    let place = Place::new("monitoring").await?;
    place.injected().await?;
    let operator = place.operated.get("/metrics").await?;
    let rare = not_shown_by_one_that_is_well()?;
    Ok(Exposed::of([
        signer.body.as_str(),
        operator.body.as_str(),
        rare.as_str(),
    ]))
}

/// Series with names that do not apply to a healthy binding, from their own descriptions.
fn not_shown_by_one_that_is_well() -> Result<String> {
    let metrics = operator::telemetry::Metrics::new()?;
    let rare = [
        "atto_signer_operator_binding_deployment_held",
        "atto_signer_operator_orphan",
    ];
    let lines = metrics.collectors();
    let described = lines.iter().flat_map(|collector| collector.desc());
    let found = described.filter(|described| rare.contains(&described.fq_name.as_str()));
    let lines: Vec<_> = found
        .map(|described| {
            let labels = described.variable_labels.iter().map(|label| format!("{label}=\"\""));
            format!("{}{{{}}} 1\n", described.fq_name, labels.collect::<Vec<_>>().join(","))
        })
        .collect();
    anyhow::ensure!(lines.len() == rare.len(), "{lines:?}");
    Ok(lines.concat())
}
