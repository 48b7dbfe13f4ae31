//! Compares all data of the oracle with the signer's protocol and program.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};
use ed25519_dalek::VerifyingKey;
use futures::{TryStreamExt, stream};
use signer::protocol::{Address, PublicKey};
use tokio::time::timeout;

use super::{Document, Key, Request, message};
use crate::node_client::{Message, NodeClient, Outcome};
use crate::signer_process::{SignerProcess, TOKEN};

/// Time limit of an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Signs all requests with a real signer for each key, through the model of the node. Returns the number of requests.
///
/// # Errors
/// With the first mismatch, and its request.
pub async fn check(document: &Document) -> Result<usize> {
    let mut signers = Vec::new();
    for key in &document.keys {
        let signer = SignerProcess::start(&[("ATTO_SIGNER_KEY", &key.private_key)])?;
        let client = NodeClient::new(&format!("http://localhost:{}", signer.port()), TOKEN)?;
        let known = timeout(PATIENCE, client.public_key()).await??;
        same("public key", &HEXUPPER.encode(known.as_bytes()), &key.public_key)?;
        addresses(&key.public_key, &key.address)?;
        signers.push((signer, client, known));
    }
    stream::iter(document.requests.iter().map(anyhow::Ok))
        .try_for_each_concurrent(32, async |request| {
            let key = document.keys.get(request.key).context("a key that there is")?;
            let (_, client, verifying) = signers.get(request.key).context("a signer for each key")?;
            compare(request, key, client, verifying)
                .await
                .with_context(|| format!("{} {}", request.path, request.body))
        })
        .await?;
    Ok(document.requests.len())
}

async fn compare(request: &Request, key: &Key, client: &NodeClient, verifying: &VerifyingKey) -> Result<()> {
    addresses(&request.stranger.public_key, &request.stranger.address)?;
    let hash = message::hash(request, public_key(&key.public_key)?)?;
    same("hash", &HEXUPPER.encode(&hash), &request.hash)?;
    let path = match request.path.as_str() {
        "/blocks" => "/blocks",
        "/votes" => "/votes",
        "/challenges" => "/challenges",
        path => bail!("there is no {path}"),
    };
    let body = request.body.clone();
    let Outcome { result, .. } = timeout(PATIENCE, client.sign(&Message { path, body, hash }, verifying)).await?;
    match result {
        Ok(signature) => same("signature", &HEXUPPER.encode(&signature), &request.signature),
        Err(loss) => bail!("not signed: {loss:?}"),
    }
}

fn addresses(hex: &str, address: &str) -> Result<()> {
    let key = public_key(hex)?;
    same("address", &Address(key).to_string(), address)?;
    ensure!(
        address.parse() == Ok(Address(key)),
        "{address} is read as another key than {hex}"
    );
    Ok(())
}

fn public_key(hex: &str) -> Result<PublicKey> {
    let bytes = HEXUPPER_PERMISSIVE.decode(hex.as_bytes())?;
    Ok(PublicKey(bytes.try_into().ok().context("a public key has 32 bytes")?))
}

fn same(what: &str, ours: &str, theirs: &str) -> Result<()> {
    ensure!(ours == theirs, "{what}: the signer has {ours}, Atto's library {theirs}");
    Ok(())
}
