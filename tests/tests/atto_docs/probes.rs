//! A model of the probes of the kubelet and of compose, and of the restarts that follow from them.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

/// One probe as a document has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub path: String,
    pub port: u16,
    /// The time before the first probe.
    pub delay: Duration,
    /// Failures do not count in this time.
    pub grace: Duration,
    pub period: Duration,
    /// An answer that takes longer is a failure.
    pub timeout: Duration,
    /// Consecutive failures after which the container is restarted.
    pub failures: u32,
}

impl Probe {
    /// Probes from `start` on, until the container counts as failed, or until `end`. With `until_success`, the first
    /// success also ends it. Returns the time of its end, and whether the container failed.
    async fn run(
        &self,
        start: Instant,
        end: Instant,
        until_success: bool,
        ask: &mut impl AsyncFnMut(&str) -> u16,
    ) -> (Instant, bool) {
        let (mut due, mut failed) = (start + self.delay, 0);
        while due < end {
            sleep_until(due).await;
            let answer = timeout(self.timeout, ask(&self.path)).await;
            // The kubelet and `curl -f` treat a redirection as a success.
            if answer.is_ok_and(|status| (200..400).contains(&status)) {
                failed = 0;
                if until_success {
                    return (Instant::now(), false);
                }
            } else if due >= start + self.grace {
                failed += 1;
                if failed == self.failures {
                    return (Instant::now(), true);
                }
            }
            due += self.period;
        }
        (end, false)
    }
}

/// Number of restarts until `end`. After each restart, the probes begin again.
pub async fn restarts(
    startup: Option<&Probe>,
    liveness: &Probe,
    end: Instant,
    mut ask: impl AsyncFnMut(&str) -> u16,
) -> u32 {
    let (mut restarts, mut start) = (0, Instant::now());
    while start < end {
        if let Some(startup) = startup {
            let (over, given_up) = startup.run(start, end, true, &mut ask).await;
            start = over;
            if given_up {
                restarts += 1;
                continue;
            }
        }
        let (over, given_up) = liveness.run(start, end, false, &mut ask).await;
        start = over;
        restarts += u32::from(given_up);
    }
    restarts
}

fn probe(seconds: u64, failures: u32) -> Probe {
    Probe {
        path: "/health".to_owned(),
        port: 9091,
        delay: Duration::ZERO,
        grace: Duration::ZERO,
        period: Duration::from_secs(seconds),
        timeout: Duration::from_secs(1),
        failures,
    }
}

/// Restarts in an hour in which the answer depends on the minute.
async fn in_an_hour(startup: Option<&Probe>, liveness: &Probe, status: impl Fn(u64) -> u16) -> u32 {
    let start = Instant::now();
    let end = start + Duration::from_hours(1);
    restarts(startup, liveness, end, async |_| status(start.elapsed().as_secs() / 60)).await
}

#[tokio::test(start_paused = true)]
async fn the_model_gives_up_what_the_kubelet_gives_up() {
    let (startup, liveness) = (probe(1, 180), probe(60, 5));
    assert_eq!(in_an_hour(Some(&startup), &liveness, |_| 200).await, 0);
    let failing = |from: u64, to: u64| move |minute| if (from..to).contains(&minute) { 503 } else { 200 };
    assert_eq!(
        in_an_hour(Some(&startup), &liveness, failing(10, 14)).await,
        0,
        "four failures"
    );
    assert_eq!(
        in_an_hour(Some(&startup), &liveness, failing(10, 15)).await,
        1,
        "five failures"
    );
    assert_eq!(
        in_an_hour(Some(&startup), &liveness, failing(0, 2)).await,
        0,
        "a slow start"
    );
    assert_eq!(
        in_an_hour(Some(&startup), &liveness, failing(0, 4)).await,
        1,
        "a start of four minutes"
    );
    assert_eq!(in_an_hour(None, &liveness, |_| 503).await, 14, "each four minutes");
    let patient = Probe {
        grace: Duration::from_mins(10),
        ..liveness.clone()
    };
    assert_eq!(
        in_an_hour(None, &patient, failing(0, 14)).await,
        0,
        "ten minutes do not count"
    );
    let start = Instant::now();
    let hangs = restarts(None, &liveness, start + Duration::from_mins(8), async |_| {
        std::future::pending().await
    });
    assert_eq!(hangs.await, 1, "no answer is a failure");
}
