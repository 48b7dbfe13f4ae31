//! Where a tool deletes by a null key what is there, the API server puts our part back: that takes a policy that changes objects.

use anyhow::Result;

#[tokio::test]
async fn a_key_that_is_null_takes_nothing_of_ours() -> Result<()> {
    super::run(super::cells(true)).await
}
