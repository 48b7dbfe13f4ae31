//! The promises of the signer: one list, tested with each key service.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod calls;
mod credentials;
mod faults;
mod outages;
mod table;

use anyhow::Result;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tests::key_services::KeyService;

/// A promise in words, and its test with a service that no other test uses.
pub struct Promise {
    pub text: &'static str,
    pub is_kept: fn(&dyn KeyService) -> LocalBoxFuture<'_, Result<()>>,
}

/// All promises.
pub const PROMISES: [Promise; 14] = [
    Promise {
        text: "it starts, signs, and asks for each hash once",
        is_kept: |it| calls::one_call_per_hash(it).boxed_local(),
    },
    Promise {
        text: "equal votes at once are one call",
        is_kept: |it| calls::equal_votes_are_one_call(it).boxed_local(),
    },
    Promise {
        text: "two signatures of one text are compared at the start",
        is_kept: |it| calls::the_start_signs_twice(it).boxed_local(),
    },
    Promise {
        text: "the API is closed until the key has signed",
        is_kept: |it| faults::closed_until_it_signs(it).boxed_local(),
    },
    Promise {
        text: "no answer of the service is a 5xx, and no vote is lost",
        is_kept: |it| faults::no_answer_is_a_5xx(it).boxed_local(),
    },
    Promise {
        text: "a signature that is wrong is passed on to nobody",
        is_kept: |it| faults::wrong_signatures_stay_here(it).boxed_local(),
    },
    Promise {
        text: "health names the cause",
        is_kept: |it| faults::health_names_the_cause(it).boxed_local(),
    },
    Promise {
        text: "if the key stays missing or forbidden, the start ends with a remedy",
        is_kept: |it| faults::the_start_ends_with_a_remedy(it).boxed_local(),
    },
    Promise {
        text: "a service that throttles is asked no more for it",
        is_kept: |it| faults::throttling_makes_no_storm(it).boxed_local(),
    },
    Promise {
        text: "a slow service costs no vote",
        is_kept: |it| outages::slow(it).boxed_local(),
    },
    Promise {
        text: "a silent service costs no vote",
        is_kept: |it| outages::silent(it).boxed_local(),
    },
    Promise {
        text: "an absent service costs no vote",
        is_kept: |it| outages::absent(it).boxed_local(),
    },
    Promise {
        text: "credentials that are missing at the start are waited for",
        is_kept: |it| credentials::missing_at_the_start(it).boxed_local(),
    },
    Promise {
        text: "one login serves all votes, and nothing secret is told",
        is_kept: |it| credentials::one_login(it).boxed_local(),
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_backend_keeps_every_promise() -> Result<()> {
    table::all().await
}
