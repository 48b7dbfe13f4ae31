//! A voter that is recreated from the manifest in Git, on a Kubernetes that can hold it. On an older version, `make
//! unit` leaves this module out by its name, and says so.

use anyhow::Result;

use super::guarded::row::{Row, Step, run};
use super::guarded::{place, plain};
use super::steps::kubectl;

#[tokio::test]
async fn a_voter_that_is_made_again_starts_with_its_signer() -> Result<()> {
    let first = place().await?;
    tests::hold::holds(first.operated).await?;
    let delete = || kubectl(["delete", "deployment/voter"]);
    run(vec![
        Row::let_through("delete, then apply of the manifest", plain, Step::Apply(plain)).after([delete()]),
        Row::let_through(
            "delete, then server-side apply of the manifest",
            plain,
            Step::ApplyServerSide(plain),
        )
        .after([delete()]),
        Row::let_through("delete, then create", plain, Step::Create(plain)).after([delete()]),
        Row::let_through("replace --force with the manifest", plain, Step::ReplaceByForce(plain)),
    ])
    .await
}
