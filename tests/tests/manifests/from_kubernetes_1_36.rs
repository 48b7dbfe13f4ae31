//! If a tool's null key deletes the present fields, the API server restores the operator's fields. This needs a policy
//! that changes objects.

use anyhow::Result;

#[tokio::test]
async fn a_key_that_is_null_takes_nothing_of_ours() -> Result<()> {
    super::run(super::cells(true)).await
}
