//! The certificates that the signer accepts from the server, and proxies before it.

use std::fs;

use anyhow::Result;
use tests::fake_server::{TlsFront, switch};
use tests::openbao::OpenBao;
use tests::process::Directory;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::support::{PATIENCE, Settings, Signer, Voter};

/// With its present token, and long before that token expires.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_with_a_certificate_of_another_authority_is_asked_when_the_file_names_it() -> Result<()> {
    let bao = OpenBao::start().await?;
    let key = bao.create_key("voter")?;
    bao.allow_voter("voter")?;
    let token = bao.token_file("token", "voter", &["-ttl=24h"])?;
    let (old, new) = (
        TlsFront::start(bao.address().to_string()).await?,
        TlsFront::start(bao.address().to_string()).await?,
    );
    let (address, target) = switch(old.address()).await?;
    let authority = bao.folder().join("authority.pem");
    fs::write(&authority, old.authority())?;
    let settings = Settings::of(&address, "voter").token(&token);
    let settings = settings.with("ATTO_SIGNER_VAULT_CA_FILE", authority.display().to_string());
    let mut signer = Signer::ready(&settings).await?;
    signer.signs(&key).await?;
    target.send_replace(new.address());
    signer.fails_with("IO", Some(&key)).await?;
    fs::write(&authority, new.authority())?;
    signer.signs(&key).await
}

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

    // Without the file, the system's authorities apply, and this one is not among them.
    let system = bao.folder().join("system.pem");
    fs::write(&system, stranger.authority())?;
    let mut none = Signer::start(&settings.with("SSL_CERT_FILE", system.display().to_string()))?;
    none.logs("invalid peer certificate").await?;
    let bytes = bao.folder().join("bytes.pem");
    for (text, told) in [
        ("secret", "found no PEM of a certificate in"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "found a PEM that is not a certificate in",
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
        said.contains("ATTO_SIGNER_VAULT_CA_FILE: found nothing readable in"),
        "{said}"
    );
    Ok(())
}

/// The signer uses the proxy of the variables, and warns about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_proxy_before_the_server_is_told_without_its_password() -> Result<()> {
    let proxy = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://somebody:password@{}", proxy.local_addr()?);
    let directory = Directory::new()?;
    let file = directory.path().join("token");
    fs::write(&file, "s.secret")?;
    let settings = Settings::of("https://openbao.example.com:8200", "voter")
        .token(&file)
        .with("HTTPS_PROXY", &address);
    let mut signer = Signer::start(&settings)?;
    signer
        .logs("HTTPS_PROXY or ALL_PROXY: the key service openbao.example.com is asked through that proxy")
        .await?;
    let (mut asked, _) = timeout(PATIENCE, proxy.accept()).await??;
    let mut head = [0; 64];
    asked.read_exact(&mut head).await?;
    let head = String::from_utf8_lossy(&head).into_owned();
    assert!(head.starts_with("CONNECT openbao.example.com:8200 "), "{head}");
    let log = signer.log();
    assert!(!log.contains("password") && !log.contains("s.secret"), "{log}");
    Ok(())
}

/// Plain HTTP on this computer never uses a proxy, which would see the token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_on_this_machine_is_asked_without_a_proxy() -> Result<()> {
    let proxy = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", proxy.local_addr()?);
    let Voter {
        bao,
        front,
        key,
        settings,
    } = Voter::new().await?;
    let settings = settings
        .with("HTTP_PROXY", &address)
        .with("HTTPS_PROXY", &address)
        .with("ALL_PROXY", &address);
    let signer = Signer::ready(&settings).await?;
    signer.signs(&key).await?;
    assert!(!signer.log().contains("PROXY"), "{}", signer.log());
    drop((bao, front));
    Ok(())
}
