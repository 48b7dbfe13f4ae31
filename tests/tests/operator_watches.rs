//! With any fault of its watches, the operator notices every change, and does not overload the API server with
//! requests.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::everyday::{self, Picture, STAGES, Stage};
use tests::faulty_api::{End, Expiry, Fault, FaultyApi, For, Verb, Which};
use tests::operated::{Operated, Place, SOON, VOTER, binding, with};
use tests::{ControlPlane, chart, eventually};

/// Two rounds of all watches of the operator.
const TWICE_EACH: For = For::Calls(12);

/// The watched resources.
const KINDS: [&str; 5] = ["signerbindings", "deployments", "services", "pods", "serviceaccounts"];

struct Watches {
    plane: &'static ControlPlane,
    api: FaultyApi,
    operated: &'static Operated,
    expected: [Picture; 3],
}

impl Watches {
    async fn start() -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let (api, operated) = Operated::behind_faults(plane).await?;
        Ok(Self {
            expected: everyday::without_a_fault(&Place::on(operated, "none").await?).await?,
            plane,
            api,
            operated,
        })
    }

    /// A voter gets its signer, in one write.
    async fn injects(&self, name: &str) -> Result<()> {
        let place = Place::on(self.operated, name).await?;
        everyday::enter(&place, Stage::Applied).await?;
        everyday::comes_to(&place, Stage::Applied, &self.expected[0]).await
    }

    /// The everyday changes of a voter.
    async fn everyday(&self, name: &str) -> Result<()> {
        let place = Place::on(self.operated, name).await?;
        for (stage, expected) in STAGES.into_iter().zip(&self.expected) {
            everyday::enter(&place, stage).await?;
            everyday::comes_to(&place, stage, expected).await?;
        }
        everyday::was_written_once(&place)
    }

    /// A voter gets its signer, in one write, while re-established watches have this fault.
    async fn injects_with(&self, name: &str, fault: Fault, calls: For) -> Result<()> {
        let rule = self.api.rule(Which::all(&[Verb::Watch]), fault, calls);
        self.api.cut_watches(End::Clean);
        self.injects(name).await?;
        ensure!(rule.met() > 0, "{name}: no watch met the fault");
        rule.lift();
        Ok(())
    }

    /// The version of an object that was written just now. All watches are at an earlier version.
    async fn version(&self) -> Result<u64> {
        let name = self.plane.namespace("newer").await?;
        let path = "jsonpath={.metadata.resourceVersion}";
        let get = ["get", "namespace", &name, "-o", path];
        Ok(self.plane.admin().kubectl_ok(&get).await?.parse()?)
    }

    async fn expire(&self, expiry: Expiry) -> Result<()> {
        self.api.expire(self.version().await?, expiry);
        self.api.cut_watches(End::Clean);
        Ok(())
    }

    /// The number of renewals of the operator's Lease, which serves as a clock.
    fn renewals(&self) -> Result<usize> {
        self.plane.count(chart::OPERATOR, "update", "leases")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_watch_meets_the_voter_comes_to_the_same() -> Result<()> {
    let watches = Watches::start().await?;
    for (name, end) in [
        ("cut", End::Clean),
        ("cut-in-a-line", End::InALine),
        ("cut-broken", End::Broken),
    ] {
        watches.api.cut_watches(end);
        watches.injects(name).await?;
    }
    watches.injects_with("closed", Fault::Closed, TWICE_EACH).await?;
    watches
        .injects_with("closed-after-one", Fault::ClosedAfterOne, For::Ever)
        .await?;
    watches.injects_with("truncated", Fault::Truncated, TWICE_EACH).await?;
    watches.injects_with("broken", Fault::Broken, TWICE_EACH).await?;
    watches.injects_with("dropped", Fault::Dropped, TWICE_EACH).await?;
    watches.injects_with("429", Fault::Answered(429), TWICE_EACH).await?;
    watches.injects_with("500", Fault::Answered(500), TWICE_EACH).await?;
    for (name, expiry) in [("expired", Expiry::Status), ("expired-by-event", Expiry::Event)] {
        watches.expire(expiry).await?;
        watches.injects(name).await?;
    }
    a_binding_that_no_watch_has_brought_keeps_its_signer(&watches).await?;
    a_list_that_is_never_answered_is_asked_for_again(&watches).await?;
    lists_that_are_refused_are_asked_for_less_and_less(&watches).await?;
    a_watch_that_always_ends_at_once_is_not_asked_for_in_a_hurry(&watches).await
}

async fn a_list_that_is_never_answered_is_asked_for_again(watches: &Watches) -> Result<()> {
    let lists = Which::of(&[Verb::List], "signerbindings").within("");
    let rule = watches.api.rule(lists, Fault::Silent, For::Calls(2));
    watches.expire(Expiry::Status).await?;
    watches.injects("silent-list").await?;
    assert_eq!(rule.met(), 2, "both watches of bindings list anew");
    Ok(())
}

/// The operator does not send every list five times a second to an API server that has just restarted, or that refuses
/// requests because of its load.
async fn lists_that_are_refused_are_asked_for_less_and_less(watches: &Watches) -> Result<()> {
    for code in [503, 429] {
        let rules = KINDS.map(|kind| {
            let lists = Which::of(&[Verb::List], kind).within("");
            (kind, watches.api.rule(lists, Fault::Answered(code), For::Ever))
        });
        watches.expire(Expiry::Status).await?;
        let renewals = watches.renewals()?;
        eventually(SOON, "seven renewals of the Lease", async || {
            ensure!(watches.renewals()? >= renewals + 7, "not yet");
            Ok(())
        })
        .await?;
        for (kind, rule) in rules {
            let met = rule.met();
            rule.lift();
            // A new namespace has a ServiceAccount, so this watch need not begin again.
            let least = if kind == "serviceaccounts" { 0 } else { 3 };
            ensure!(
                (least..40).contains(&met),
                "{code}: {met} lists of {kind} within some 20 seconds"
            );
        }
        watches.injects(&format!("lists-{code}")).await?;
    }
    Ok(())
}

/// The new binding is for the Deployment of another binding, which is then deleted. The voter must not lose its signer
/// in between.
async fn a_binding_that_no_watch_has_brought_keeps_its_signer(watches: &Watches) -> Result<()> {
    let place = Place::on(watches.operated, "unseen").await?;
    everyday::enter(&place, Stage::Applied).await?;
    everyday::comes_to(&place, Stage::Applied, &watches.expected[0]).await?;
    let before = place.deployment().await?;
    let watch = Which::of(&[Verb::Watch], "signerbindings");
    let watch = watches.api.rule(watch, Fault::Dropped, For::Ever);
    let list = Which::of(&[Verb::List], "signerbindings").within("");
    let list = watches.api.rule(list, Fault::Silent, For::Ever);
    watches.api.cut_watches(End::Clean);
    eventually(SOON, "a watch of bindings that fails", async || {
        ensure!(watch.met() > 0, "none was asked for");
        Ok(())
    })
    .await?;
    place.apply(&with(binding(), "/metadata/name", json!("z-heir"))).await?;
    place.kubectl_ok(&["delete", "sb", VOTER, "--wait=false"]).await?;
    place.kubectl_ok(&["label", "deployment", VOTER, "look=again"]).await?;
    place
        .kubectl_ok(&["wait", "sb", VOTER, "--for=delete", "--timeout=60s"])
        .await?;
    let after = place.deployment().await?;
    assert_eq!(after["spec"], before["spec"], "the voter has lost its signer");
    watch.lift();
    list.lift();
    place.condition_of("z-heir", "Injected", "True", "Injected").await?;
    let after = place.deployment().await?;
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    Ok(())
}

/// Without pacing, the operator would send thousands of requests between two renewals of its Lease.
async fn a_watch_that_always_ends_at_once_is_not_asked_for_in_a_hurry(watches: &Watches) -> Result<()> {
    let rule = watches.api.rule(Which::all(&[Verb::Watch]), Fault::Closed, For::Ever);
    let renewals = watches.renewals()?;
    watches.api.cut_watches(End::Clean);
    eventually(SOON, "two renewals of the Lease", async || {
        ensure!(
            watches.renewals()? >= renewals + 2,
            "there were {}",
            watches.renewals()? - renewals
        );
        Ok(())
    })
    .await?;
    assert!(rule.met() < 200, "{} watches were asked for meanwhile", rule.met());
    rule.lift();
    watches.everyday("no-hurry").await
}
