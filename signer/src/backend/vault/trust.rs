//! The trusted certificate authorities.

use std::{fs::File, io::Read, path::Path};

use reqwest::Certificate;

use crate::{
    backend::fault::{Cause, Fault},
    one_line::cut,
};

/// The variable that names the file, for messages.
pub const VARIABLE: &str = "ATTO_SIGNER_VAULT_CA_FILE";
/// The expected value.
pub const EXPECTED: &str = "a readable file with the PEM of one or more certificates (-----BEGIN CERTIFICATE-----), 1 MiB at most, of \
                            the authority that issued the server's certificate";
const MAX_LENGTH: u64 = 1024 * 1024;

/// The certificates in the file, or a description of what was found instead. Blocks.
pub fn read(path: &Path) -> Result<Vec<Certificate>, String> {
    let file = cut(&path.to_string_lossy(), 120);
    let unreadable = |error: std::io::Error| format!("nothing readable in {file} ({error})");
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("something other than a file in {file}"));
    }
    let mut pem = Vec::new();
    let length = File::open(path).and_then(|file| file.take(MAX_LENGTH + 1).read_to_end(&mut pem));
    if length.map_err(unreadable)? as u64 > MAX_LENGTH {
        return Err(format!("more than 1 MiB in {file}"));
    }
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|_| format!("a damaged PEM of a certificate in {file}"))?;
    if certificates.is_empty() {
        return Err(format!("no PEM of a certificate in {file}"));
    }
    // Only building a client detects other content in a PEM.
    let tried = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only(certificates.clone())
        .build();
    tried.map_err(|_| format!("a PEM that is not a certificate in {file}"))?;
    Ok(certificates)
}

/// Reads the file again while the signer runs, because it may change.
pub async fn reread(path: &Path) -> Result<Vec<Certificate>, Fault> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&path)).await;
    let found = match reading {
        Ok(Ok(certificates)) => return Ok(certificates),
        Ok(Err(found)) => found,
        Err(_) => "unreadable content".to_owned(),
    };
    Err(Fault::new(
        Cause::Credentials,
        format!("{VARIABLE}: found {found}, expected the PEM of certificates"),
    ))
}
