//! The operator with many bindings.

mod bare;
mod change;
mod fleet;
mod requests;
mod steady;
mod take_over;

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::memory::mebibytes;
use super::{milliseconds, row, table, worst};
use crate::control_plane::Request;
use crate::operator_process::OperatorProcess;
use crate::{ControlPlane, chart, procfs};
use bare::Bare;
use change::Changes;
use fleet::Fleet;
use steady::float;

/// Bindings, with two Deployments each.
const SMALL: usize = 500;
const LARGE: usize = 2_500;

const CHANGES: usize = 200;
const TAKE_OVERS: usize = 5;
/// Lines of the operator's log that are shown after a failure.
const LOG_END: usize = 30;

/// From the operator's start until the last binding is Injected.
struct Cold {
    seconds: f64,
    cpu_seconds: f64,
    peak_bytes: u64,
    requests: Vec<Request>,
}

/// Measures many running voters, and prints a table.
pub async fn scale() -> Result<()> {
    println!(
        "operator with {SMALL} bindings, {} Deployments each, with a pod each; a Secret each\n",
        fleet::EACH
    );
    let plane = plane().await?;
    under_way("making them");
    let fleet = Fleet::new(&plane, SMALL, 1).await?;
    under_way("starting");
    let (operator, cold) = cold(&plane, &fleet).await?;
    fleet.is_rolled_out().await?;
    under_way("new Deployments");
    let changes = change::changes(&plane, &fleet, CHANGES).await;
    let changes = changes.with_context(|| format!("the operator's log ends with:\n{}", log_end(&operator)))?;
    under_way("taking over");
    let (operator, take_overs) = take_over::take_overs(&plane, operator, TAKE_OVERS).await?;
    let status = operator.stop()?;
    ensure!(status.success(), "SIGTERM ended the operator with {status}");
    under_way("the writes bare");
    let bare = replay(&plane, &fleet, &cold).await?;
    table::print(&small_rows(&cold, &changes, &take_overs, &bare));
    Ok(())
}

/// Measures five times as many, and prints the result. Their steady state is observed for this long.
pub async fn growth(steady_for: Duration) -> Result<()> {
    println!(
        "operator with {SMALL} and {LARGE} bindings, {} Deployments each, scaled to zero; a Secret each\n",
        fleet::EACH
    );
    let small_plane = plane().await?;
    let (_, _, cold, changes) = started(&small_plane, SMALL).await?;
    drop(small_plane);
    let plane = plane().await?;
    let (fleet, operator, larger, larger_changes) = started(&plane, LARGE).await?;
    table::print(&growth_rows([&cold, &larger], [&changes, &larger_changes]));
    println!();
    under_way("the steady state");
    let rows = steady::steady(&plane, &fleet, &operator, steady_for).await?;
    println!(
        "{} s of steady state with {} Deployments\n",
        steady_for.as_secs(),
        fleet.deployments()
    );
    table::print(&rows);
    Ok(())
}

/// An injected fleet, with the cost of its start and of further Deployments.
async fn started(plane: &ControlPlane, bindings: usize) -> Result<(Fleet, OperatorProcess, Cold, Changes)> {
    under_way("making them");
    let fleet = Fleet::new(plane, bindings, 0).await?;
    under_way("starting");
    let (operator, cold) = cold(plane, &fleet).await?;
    fleet.is_rolled_out().await?;
    under_way("new Deployments");
    let changes = change::changes(plane, &fleet, CHANGES).await?;
    Ok((fleet, operator, cold, changes))
}

/// The last lines of the operator's log.
fn log_end(operator: &OperatorProcess) -> String {
    let log = operator.log();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_END)..].join("\n")
}

/// Progress for a long run. The standard output only gets tables.
fn under_way(what: &str) {
    eprintln!("bench: {what}");
}

/// A separate control plane, so that leftovers of other benchmarks have no effect.
async fn plane() -> Result<ControlPlane> {
    let plane = ControlPlane::start().await?;
    chart::install(plane.admin(), &[]).await?;
    Ok(plane)
}

async fn cold(plane: &ControlPlane, fleet: &Fleet) -> Result<(OperatorProcess, Cold)> {
    let before = plane.requests()?.len();
    let injected = tokio::spawn(fleet.injected());
    let operator = OperatorProcess::start(plane, &[]).await?;
    let done = injected.await??;
    let cold = Cold {
        seconds: (done - operator.started()).as_secs_f64(),
        cpu_seconds: procfs::cpu_seconds(operator.pid())?,
        peak_bytes: procfs::peak_resident_bytes(operator.pid())?,
        requests: requests::since(plane, before)?,
    };
    Ok((operator, cold))
}

async fn replay(plane: &ControlPlane, fleet: &Fleet, cold: &Cold) -> Result<Bare> {
    let other = Fleet::new(plane, fleet.bindings, 1).await?;
    let operator = plane.service_account(chart::NAMESPACE, chart::SERVICE_ACCOUNT).await?;
    let of_bindings = |request: &&Request| request.is_write() && requests::about_bindings(request);
    let writes: Vec<_> = cold.requests.iter().filter(of_bindings).cloned().collect();
    bare::replay(&writes, fleet, &other, &operator.client().await?)
        .await
        .context("the writes could not be made bare")
}

fn small_rows(cold: &Cold, changes: &Changes, take_overs: &[f64], bare: &Bare) -> Vec<Vec<String>> {
    let writes = cold.requests.iter().filter(|request| request.is_write()).count();
    vec![
        row([&format!("operator, {SMALL} bindings"), "measured", "aim"]),
        row([
            "a new Deployment to the injected one, median",
            &milliseconds(changes.percentile(50)),
            "",
        ]),
        row(["  99 of 100", &milliseconds(changes.percentile(99)), "under 1000 ms"]),
        row([
            "cold start until all are Injected",
            &seconds(cold.seconds),
            "under 60 s",
        ]),
        row(["  CPU of the operator", &seconds(cold.cpu_seconds), ""]),
        row(["  most memory", &mebibytes(cold.peak_bytes), "under 150 MiB"]),
        row([&format!("  its {writes} writes bare"), &seconds(bare.writes), ""]),
        row(["  its token hashes bare", &seconds(bare.hashes), ""]),
        row([
            "  times as long as both",
            &format!("{:.2}", cold.seconds / bare.together()),
            "at most 1.5",
        ]),
        row([
            &format!("take-over after kill -9, worst of {}", take_overs.len()),
            &seconds(worst(take_overs)),
            "under 20 s",
        ]),
    ]
}

fn growth_rows(cold: [&Cold; 2], changes: [&Changes; 2]) -> Vec<Vec<String>> {
    let sizes = [SMALL, LARGE].map(|bindings| float(bindings * fleet::EACH));
    let pair = |what: &str, of: [f64; 2], decimals: usize, aim: &str| {
        let [small, large] = of.map(|value| format!("{value:.decimals$}"));
        row([what, &small, &large, &format!("{:.2}", of[1] / of[0]), aim])
    };
    let per_deployment = |count: &dyn Fn(&Cold) -> f64| [count(cold[0]) / sizes[0], count(cold[1]) / sizes[1]];
    let mut rows = vec![
        row([
            "operator",
            &format!("{} Deployments", sizes[0]),
            &format!("{}", sizes[1]),
            "ratio",
            "aim",
        ]),
        pair(
            "a new Deployment to the injected one, 99 of 100, ms",
            changes.map(|changes| changes.percentile(99) * 1_000.0),
            0,
            "under 1000 ms at 500 bindings",
        ),
        pair(
            "cold start until all are Injected, s",
            cold.map(|cold| cold.seconds),
            1,
            "under 60 s at 500 bindings; 5, linear",
        ),
        pair(
            "  ms a Deployment",
            per_deployment(&|cold| cold.seconds * 1_000.0),
            1,
            "1, constant",
        ),
        pair(
            "  CPU ms a Deployment",
            per_deployment(&|cold| cold.cpu_seconds * 1_000.0),
            1,
            "1, constant",
        ),
    ];
    let mut kinds: Vec<_> = cold
        .iter()
        .flat_map(|cold| requests::count(&cold.requests).into_keys())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds
        .into_iter()
        .filter(|(verb, resource)| verb != "watch" && resource != "leases")
    {
        let name = format!("  {} {} a Deployment", kind.0, kind.1);
        let of = |cold: &Cold| float(requests::count(&cold.requests).get(&kind).copied().unwrap_or(0));
        rows.push(pair(&name, per_deployment(&of), 2, ""));
    }
    rows.push(pair(
        "  requests a Deployment, all",
        per_deployment(&|cold| float(cold.requests.iter().filter(|one| requests::about_bindings(one)).count())),
        2,
        "1, constant",
    ));
    rows.push(pair(
        "requests a new Deployment, median",
        changes.map(|changes| changes.requests),
        0,
        "1, constant",
    ));
    rows.push(pair(
        "most memory, MiB",
        cold.map(|cold| float(usize::try_from(cold.peak_bytes).unwrap_or(0)) / 1_048_576.0),
        1,
        "under 150 MiB at 500 bindings",
    ));
    rows
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}
