//! The signer makes the same signatures as Atto's own library. `make oracle` compares many more requests.

use std::collections::BTreeMap;

use anyhow::Result;
use tests::oracle;

#[tokio::test(flavor = "multi_thread")]
async fn hashes_addresses_and_signatures_are_those_of_attos_own_library() -> Result<()> {
    let document = oracle::read(oracle::SAMPLE)?;
    let mut kinds = BTreeMap::new();
    for request in &document.requests {
        *kinds.entry(request.kind.as_str()).or_insert(0) += 1;
    }
    let names: Vec<_> = kinds.keys().copied().collect();
    assert_eq!(names, ["CHALLENGE", "CHANGE", "OPEN", "RECEIVE", "SEND", "VOTE"]);
    assert!(kinds.values().all(|count| *count >= 50), "{kinds:?}");
    assert_eq!(oracle::check(&document).await?, oracle::SAMPLED);
    Ok(())
}
