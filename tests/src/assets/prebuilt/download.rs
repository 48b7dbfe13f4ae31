//! Downloads a file over HTTP and checks its sum. The server may be silent.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use reqwest::{Client, Response};
use sha2::{Digest, Sha256, Sha512};
use thiserror::Error;
use tokio::time::timeout;

use super::pins::Sum;

/// No pinned archive is nearly as large. Limits the disk space that a server can fill.
const LONGEST: u64 = 1 << 30;

/// An image manifest has only some kilobytes.
const LONGEST_TEXT: usize = 4 << 20;

/// The network or the server is unavailable, so further files are not tried.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Away(String);

/// Sends requests, and waits at most `silence` for each part of an answer.
pub struct Downloads {
    client: Client,
    silence: Duration,
}

impl Downloads {
    /// Uses the proxy of `HTTPS_PROXY`, as other programs do.
    pub fn new(silence: Duration) -> Result<Self> {
        let client = Client::builder().connect_timeout(silence).build();
        Ok(Self {
            client: client.context("cannot make an HTTP client")?,
            silence,
        })
    }

    /// Writes the file to `path`. After an error, its content must not be used.
    pub async fn file(&self, url: &str, sum: &Sum, path: &Path) -> Result<()> {
        let mut response = self.get(url, None).await?;
        let mut file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut hash = Hash::like(sum);
        let mut length = 0;
        while let Some(piece) = self.answered(url, response.chunk()).await? {
            length += piece.len() as u64;
            ensure!(
                length <= LONGEST,
                "{url}: found more than {LONGEST} bytes, expected an archive"
            );
            hash.update(&piece);
            file.write_all(&piece)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        file.sync_all()
            .with_context(|| format!("cannot write {}", path.display()))?;
        hash.must_be(sum).with_context(|| url.to_owned())
    }

    /// A short text with this SHA-256.
    pub async fn text(&self, url: &str, accept: &str, sha256: &str) -> Result<Vec<u8>> {
        let mut response = self.get(url, Some(accept)).await?;
        let mut text = Vec::new();
        while let Some(piece) = self.answered(url, response.chunk()).await? {
            text.extend_from_slice(&piece);
            ensure!(
                text.len() <= LONGEST_TEXT,
                "{url}: found more than {LONGEST_TEXT} bytes"
            );
        }
        let sum = Sum::Sha256(sha256.to_owned());
        let mut hash = Hash::like(&sum);
        hash.update(&text);
        hash.must_be(&sum).with_context(|| url.to_owned())?;
        Ok(text)
    }

    async fn get(&self, url: &str, accept: Option<&str>) -> Result<Response> {
        let mut request = self.client.get(url);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let response = self.answered(url, request.send()).await?;
        let status = response.status();
        if !status.is_success() {
            bail!("{url}: found HTTP status {}, expected 200", status.as_u16());
        }
        Ok(response)
    }

    async fn answered<T>(&self, url: &str, answer: impl Future<Output = reqwest::Result<T>>) -> Result<T> {
        match timeout(self.silence, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let deepest = anyhow::Error::new(error.without_url());
                Err(Away(format!("{url}: {}", deepest.root_cause())).into())
            }
            Err(_) => {
                let silence = self.silence.as_secs_f32();
                Err(Away(format!("{url}: no answer for {silence} s")).into())
            }
        }
    }
}

enum Hash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hash {
    fn like(sum: &Sum) -> Self {
        match sum {
            Sum::Sha256(_) => Self::Sha256(Sha256::new()),
            Sum::Sha512(_) => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    fn must_be(self, sum: &Sum) -> Result<()> {
        let (kind, found) = match self {
            Self::Sha256(hash) => ("SHA-256", HEXLOWER.encode(&hash.finalize())),
            Self::Sha512(hash) => ("SHA-512", HEXLOWER.encode(&hash.finalize())),
        };
        let (Sum::Sha256(expected) | Sum::Sha512(expected)) = sum;
        ensure!(found == *expected, "found {kind} {found}, expected {expected}");
        Ok(())
    }
}
