//! Whose certificate the server may have.

use std::fs;

use anyhow::Result;
use tests::fake_server::TlsFront;
use tests::openbao::OpenBao;

use super::support::{Settings, Signer};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_a_server_of_the_authority_that_is_set_is_asked() -> Result<()> {
    let bao = OpenBao::start_with_tls().await?;
    let key = bao.create_key("voter")?;
    bao.allow_voter("voter")?;
    let file = bao.token_file("token", "voter", &["-ttl=1h"])?;
    let settings = Settings::of(&bao.url(), "voter").token(&file);
    let base = settings.clone();
    let of = |file: &std::path::Path| {
        base.clone()
            .with("ATTO_SIGNER_VAULT_CA_FILE", file.display().to_string())
    };
    let signer = Signer::ready(&of(&bao.authority())).await?;
    signer.signs(&key).await?;

    let stranger = TlsFront::start(bao.address().to_string()).await?;
    let other = bao.folder().join("other.pem");
    fs::write(&other, stranger.authority())?;
    let mut wrong = Signer::start(&of(&other))?;
    wrong.logs("invalid peer certificate: UnknownIssuer").await?;
    wrong.logs("ATTO_SIGNER_VAULT_CA_FILE").await?;
    // The file may change while the signer runs.
    fs::copy(bao.authority(), &other)?;
    wrong.until("it is ready", Signer::is_ready).await?;
    wrong.signs(&key).await?;

    // Without the file the authorities of the system count, of which this one is none.
    let system = bao.folder().join("system.pem");
    fs::write(&system, stranger.authority())?;
    let mut none = Signer::start(&settings.with("SSL_CERT_FILE", system.display().to_string()))?;
    none.logs("invalid peer certificate").await?;
    let bytes = bao.folder().join("bytes.pem");
    for (text, told) in [
        ("secret", "found no PEM of a certificate in"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "found a PEM that is no certificate in",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n!\n",
            "found a damaged PEM of a certificate in",
        ),
    ] {
        fs::write(&bytes, text)?;
        let said = of(&bytes).ends_with(78)?;
        assert!(
            said.contains("ATTO_SIGNER_VAULT_CA_FILE") && said.contains(told),
            "{said}"
        );
    }
    let said = of(&bao.folder().join("nobody.pem")).ends_with(78)?;
    assert!(
        said.contains("ATTO_SIGNER_VAULT_CA_FILE: found nothing that can be read in"),
        "{said}"
    );
    Ok(())
}
