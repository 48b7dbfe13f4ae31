//! The signer exchanges a Kubernetes token for a token of OpenBao once for all calls, and again before it expires.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use tests::ControlPlane;
use tests::key_front::KeyFront;
use tests::node_client::Load;
use tests::openbao::{Method, OpenBao};

use super::support::{PATIENCE, Settings, Signer, Voter, is_login, is_sign};

const AUDIENCE: &str = "https://openbao.example.com";

/// An OpenBao that trusts the API server, with a key, a role for it, and its voter's token in a file.
struct Cluster {
    bao: OpenBao,
    front: KeyFront,
    key: VerifyingKey,
    namespace: String,
    file: PathBuf,
    method: Method,
}

impl Cluster {
    async fn new(method: Method, ttl: &str) -> Result<Self> {
        let cluster = ControlPlane::shared().await?;
        let namespace = cluster.namespace("vault").await?;
        cluster.create_account(&namespace, "voter").await?;
        let bao = OpenBao::start().await?;
        bao.trust(method, cluster).await?;
        let key = bao.create_key("voter")?;
        bao.allow_voter("voter")?;
        bao.allow_account(method, "atto-voter", &namespace, AUDIENCE, "voter", ttl)?;
        let file = bao.folder().join("identity");
        fs::write(&file, cluster.token(&namespace, "voter", AUDIENCE).await?)?;
        Ok(Self {
            front: KeyFront::start(bao.address())?,
            bao,
            key,
            namespace,
            file,
            method,
        })
    }

    fn settings(&self) -> Settings {
        Settings::of(&self.front.url(), "voter").role(self.method, "atto-voter", &self.file)
    }

    fn logins(&self) -> usize {
        self.front.count(is_login)
    }

    fn role(&self) -> String {
        format!("auth/{}/role/atto-voter", self.method.name())
    }

    fn allow(&self, ttl: &str) -> Result<()> {
        self.bao
            .allow_account(self.method, "atto-voter", &self.namespace, AUDIENCE, "voter", ttl)
    }

    /// Revokes all tokens that logins have issued.
    fn revoke(&self) -> Result<()> {
        let prefix = format!("auth/{}/login", self.method.name());
        self.bao
            .bao(&["lease", "revoke", "-prefix", "-sync", &prefix])
            .map(|_| ())
    }
}

/// Votes at a fixed rate, all of which must be signed.
async fn load(signer: &Signer, key: &VerifyingKey, seconds: u64) -> Result<()> {
    let load = Load {
        rate: 50,
        count: None,
        duration: Some(Duration::from_secs(seconds)),
        patience: PATIENCE,
    };
    let report = load.run(&signer.node(), key).await?;
    let is_fine = report.wished > 0 && report.signed == report.wished;
    ensure!(is_fine, "{report:?}\n{}", signer.log());
    ensure!(report.statuses.keys().all(|status| *status < 500), "{report:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_projected_token_becomes_a_verified_signature_with_one_login() -> Result<()> {
    for method in [Method::Kubernetes, Method::Jwt] {
        let place = Cluster::new(method, "1h").await?;
        let mut signer = Signer::ready(&place.settings()).await?;
        load(&signer, &place.key, 2).await?;
        assert_eq!(place.logins(), 1, "{method:?}: {}", signer.log());
        signer.logs("role atto-voter with the policies default, voter").await?;
        // The log contains neither the token that was sent to the server nor the one that it issued.
        let token = fs::read_to_string(&place.file)?;
        let (_, signature) = token.rsplit_once('.').unwrap();
        let asked = place.front.asked();
        let given = asked
            .iter()
            .find(|asked| is_sign(asked))
            .unwrap()
            .header("x-vault-token")
            .to_owned();
        let log = signer.log();
        assert!(
            !given.is_empty() && !log.contains(&given) && !log.contains(signature),
            "{log}"
        );

        let told = place.settings().run(&["preflight"])?;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success(), "{told:?}");
        assert!(
            text.contains("the role atto-voter") || text.contains("/voter in the role atto-voter"),
            "{text}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_lives_for_seconds_is_renewed_in_time_under_load() -> Result<()> {
    let place = Cluster::new(Method::Jwt, "3s").await?;
    let signer = Signer::ready(&place.settings()).await?;
    load(&signer, &place.key, 8).await?;
    let renewals = place.front.count(|asked| asked.path.ends_with("/renew-self"));
    assert_eq!(place.logins(), 1, "{}", signer.log());
    assert!(renewals >= 2, "{renewals}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_cannot_be_renewed_any_more_is_replaced_before_its_end() -> Result<()> {
    let place = Cluster::new(Method::Jwt, "3s").await?;
    // Renewed at most once, because then its maximum lifetime is over.
    place.bao.bao(&[
        "write",
        &place.role(),
        "role_type=jwt",
        "user_claim=sub",
        "token_max_ttl=5s",
        "token_ttl=3s",
        &format!("bound_audiences={AUDIENCE}"),
        "token_policies=voter",
    ])?;
    let signer = Signer::ready(&place.settings()).await?;
    load(&signer, &place.key, 10).await?;
    let logins = place.logins();
    assert!((2..=8).contains(&logins), "{logins}: {}", signer.log());

    // Tokens that the server does not store are never renewed.
    place.bao.bao(&[
        "write",
        &place.role(),
        "role_type=jwt",
        "user_claim=sub",
        "token_max_ttl=0",
        "token_ttl=3s",
        "token_type=batch",
        &format!("bound_audiences={AUDIENCE}"),
        "token_policies=voter",
    ])?;
    let before = place.logins();
    let batch = Signer::ready(&place.settings()).await?;
    load(&batch, &place.key, 6).await?;
    assert!(place.logins() > before + 1, "{}", batch.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_was_revoked_is_replaced_once_whatever_the_load() -> Result<()> {
    let place = Cluster::new(Method::Jwt, "1h").await?;
    let signer = Signer::ready(&place.settings()).await?;
    signer.signs(&place.key).await?;
    place.revoke()?;
    load(&signer, &place.key, 4).await?;
    assert_eq!(place.logins(), 2, "{}", signer.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_ended_while_the_server_was_sealed_is_replaced() -> Result<()> {
    let place = Cluster::new(Method::Jwt, "3s").await?;
    let mut signer = Signer::ready(&place.settings()).await?;
    place.bao.seal()?;
    signer.logs("could not be renewed, trying again").await?;
    signer.logs("the credentials no longer give a token").await?;
    let told = signer.fails_with("UNAVAILABLE", Some(&place.key)).await?;
    ensure!(told.contains("sealed"), "{told}");
    place.bao.unseal().await?;
    signer.signs(&place.key).await?;
    signer.is_ready()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_role_that_is_gone_is_told_and_comes_back() -> Result<()> {
    let place = Cluster::new(Method::Kubernetes, "1h").await?;
    let mut signer = Signer::ready(&place.settings()).await?;
    place.bao.bao(&["delete", &place.role()])?;
    // The present token continues to work.
    signer.signs(&place.key).await?;
    place.revoke()?;
    let told = signer.fails_with("CREDENTIALS", Some(&place.key)).await?;
    ensure!(!told.contains("eyJ"), "{told}");
    let mut late = Signer::start(&place.settings())?;
    late.logs("invalid role name").await?;
    late.logs("bao read auth/kubernetes/role/atto-voter").await?;
    place.allow("1h")?;
    signer.signs(&place.key).await?;
    late.until("the late one is ready", Signer::is_ready).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_of_kubernetes_that_is_no_good_is_told_by_what_it_is() -> Result<()> {
    let place = Cluster::new(Method::Kubernetes, "1h").await?;
    let good = fs::read_to_string(&place.file)?;
    let jwt = |claims: serde_json::Value| {
        let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        format!(
            "{}.{}.{}",
            part(r#"{"alg":"RS256"}"#),
            part(&claims.to_string()),
            part("signature")
        )
    };
    let file = place.bao.folder().join("other");
    let settings = Settings::of(&place.front.url(), "voter").role(Method::Kubernetes, "atto-voter", &file);
    let cluster = ControlPlane::shared().await?;
    let of_another_audience = cluster.token(&place.namespace, "voter", "somebody-else").await?;
    // No token is mounted.
    let mut signer = Signer::start(&settings)?;
    signer.logs("found nothing readable (No such file").await?;
    for (token, told) in [
        (
            good.get(..good.len() / 2).unwrap().to_owned(),
            "found no JWT (three parts between dots), or a part of one,",
        ),
        (String::new(), "found an empty file"),
        (
            jwt(serde_json::json!({ "exp": 1_000_000_000 })),
            " days ago by the clock of this host; check it: date -u",
        ),
        (
            jwt(serde_json::json!({ "exp": 9_000_000_000_u64, "nbf": 8_000_000_000_u64 })),
            "/other begins in ",
        ),
        (
            of_another_audience,
            "login with the role atto-voter at auth/kubernetes/login",
        ),
    ] {
        put(&file, &token)?;
        // A signer that starts now reports at once why it waits.
        signer = Signer::start(&settings)?;
        signer.logs(told).await?;
        let log = signer.log();
        ensure!(token.is_empty() || !log.contains(&token), "{log}");
        ensure!(signer.is_ready().is_err());
        if told.starts_with("found") {
            assert_eq!(place.logins(), 0, "it is no token: {log}");
        }
    }
    assert!(signer.log().contains("(date -u)"), "{}", signer.log());
    put(&file, &format!("{good}\n"))?;
    signer.until("it is ready", Signer::is_ready).await?;
    signer.signs(&place.key).await
}

/// The clock of this computer may be wrong. The server decides by its own clock, here with the role's leeway.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_only_the_clock_of_this_machine_speaks_against_logs_in() -> Result<()> {
    let Voter { bao, front, key, .. } = Voter::new().await?;
    let issuer = SigningKey::from_bytes(&[9; 32]);
    let prefix = HEXLOWER.decode(b"302a300506032b6570032100")?;
    let spki = [&prefix[..], issuer.verifying_key().as_bytes()].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        BASE64.encode(&spki)
    );
    bao.bao(&["auth", "enable", "jwt"])?;
    bao.bao(&["write", "auth/jwt/config", &format!("jwt_validation_pubkeys={pem}")])?;
    let role = [
        "role_type=jwt",
        "user_claim=sub",
        &format!("bound_audiences={AUDIENCE}"),
        "token_policies=voter",
        "expiration_leeway=7200",
        "not_before_leeway=7200",
        "clock_skew_leeway=7200",
    ];
    bao.bao(&[&["write", "auth/jwt/role/atto-voter"][..], &role].concat())?;
    let now = jiff::Timestamp::now().as_second();
    for (begin, end) in [(now - 4_200, now - 600), (now + 600, now + 4_200)] {
        let part = |value: serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let claims = serde_json::json!({ "aud": AUDIENCE, "sub": "voter", "iat": begin, "nbf": begin, "exp": end });
        let text = format!("{}.{}", part(serde_json::json!({ "alg": "EdDSA" })), part(claims));
        let signature = BASE64URL_NOPAD.encode(&issuer.sign(text.as_bytes()).to_bytes());
        let file = bao.folder().join("other");
        put(&file, &format!("{text}.{signature}"))?;
        let settings = Settings::of(&front.url(), "voter").role(Method::Jwt, "atto-voter", &file);
        Signer::ready(&settings).await?.signs(&key).await?;
    }
    Ok(())
}

fn put(file: &Path, text: &str) -> Result<()> {
    let unfinished = file.with_extension("unfinished");
    fs::write(&unfinished, text)?;
    Ok(fs::rename(&unfinished, file)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_in_a_file_is_renewed_and_one_that_is_dead_is_read_anew() -> Result<()> {
    let Voter {
        bao,
        front,
        key,
        settings,
    } = Voter::new().await?;
    let file = bao.token_file("agent", "voter", &["-ttl=3s"])?;
    let settings = settings.token(&file);
    let mut signer = Signer::ready(&settings).await?;
    load(&signer, &key, 5).await?;
    assert!(front.count(|asked| asked.path.ends_with("/renew-self")) >= 1);
    bao.bao(&["token", "revoke", fs::read_to_string(&file)?.trim()])?;
    let told = signer.fails_with("CREDENTIALS", Some(&key)).await?;
    ensure!(!told.contains("s."), "a token begins so: {told}");
    put(&file, &bao.token("voter", &["-ttl=1h"])?)?;
    signer.signs(&key).await?;
    for (text, told) in [
        ("two tokens", "found blanks or other invalid characters"),
        ("s.dead", "found a token that the server does not accept"),
    ] {
        put(&file, text)?;
        let mut late = Signer::start(&settings)?;
        late.logs(told).await?;
        ensure!(!late.log().contains(text), "{}", late.log());
    }
    put(&file, &bao.token("voter", &["-ttl=1h", "-use-limit=5"])?)?;
    let mut late = Signer::start(&settings)?;
    late.logs("expected one without a limit").await
}
