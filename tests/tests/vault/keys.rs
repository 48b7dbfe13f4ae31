//! Only the pinned version signs, and no key of another kind.

use anyhow::Result;
use data_encoding::BASE64;
use serde_json::json;
use tests::fake_server::For;
use tests::key_front::{KeyFront, answer};
use tests::openbao::{OpenBao, voter_policy};

use super::support::{Settings, Signer, Voter, is_sign};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_request_names_the_version_and_a_rotation_changes_nothing() -> Result<()> {
    let Voter {
        bao,
        front,
        key,
        settings,
    } = Voter::new().await?;
    let signer = Signer::ready(&settings).await?;
    signer.signs(&key).await?;
    assert_eq!(signer.node().public_key().await?, key);
    bao.rotate("voter")?;
    let newer = bao.public_key("voter", 2)?;
    assert_ne!(newer, key);
    signer.signs(&key).await?;
    for asked in front.asked().iter().filter(|asked| is_sign(asked)) {
        assert_eq!(asked.path, "/v1/transit/sign/voter");
        let body = asked.json();
        let input = body["input"].as_str().unwrap();
        assert_eq!(
            body,
            json!({ "input": input, "key_version": 1 }),
            "nothing that asks for Ed25519ph"
        );
        assert!(BASE64.decode(input.as_bytes()).is_ok_and(|input| !input.is_empty()));
        assert_eq!(asked.header("x-vault-request"), "true");
    }

    // The new version would change the voter's identity. It is used only if its number is set.
    let told = settings.run(&["preflight"])?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{told:?}");
    for line in [
        "credentials ok: token with the policies default, voter",
        "public key  ok: readable, type ed25519 without derivation, version 2 is the newest; 1 is pinned and continues to sign",
        "determinism ok",
        "signatures  ok: 50 made and verified",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let other = settings.with("ATTO_SIGNER_KEY", "transit/keys/voter/versions/2");
    let told = other.run(&["public-key"])?;
    let text = String::from_utf8_lossy(&told.stdout).to_lowercase();
    assert!(
        text.contains(&data_encoding::HEXLOWER.encode(newer.as_bytes())),
        "{told:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_can_never_be_a_voters_ends_the_start() -> Result<()> {
    let bao = OpenBao::start().await?;
    let file = bao.folder().join("root");
    std::fs::write(&file, bao.root())?;
    for (name, settings, told) in [
        (
            "p256",
            vec!["type=ecdsa-p256"],
            "found a key of the type ecdsa-p256, expected the type ed25519",
        ),
        (
            "rsa",
            vec!["type=rsa-2048"],
            "found a key of the type rsa-2048, expected the type ed25519",
        ),
        (
            "aes",
            vec!["type=aes256-gcm96"],
            "found a key of the type aes256-gcm96, expected the type ed25519",
        ),
        (
            "derived",
            vec!["type=ed25519", "derived=true"],
            "found a key with derivation (derived=true)",
        ),
    ] {
        bao.create_key_with(name, &settings)?;
        let text = Settings::of(&bao.url(), name).token(&file).ends_with(78)?;
        assert!(
            text.contains(told) && text.contains("bao write -f transit/keys/NAME type=ed25519"),
            "{text}"
        );
    }
    bao.create_key("voter")?;
    let of = |name: &str| Settings::of(&bao.url(), name).token(&file);
    let none = of("nobody").ends_with(77)?;
    assert!(
        none.contains("NOT_FOUND") && none.contains("bao list transit/keys"),
        "{none}"
    );
    let second = of("voter")
        .with("ATTO_SIGNER_KEY", "transit/keys/voter/versions/2")
        .ends_with(77)?;
    assert!(
        second.contains("found the versions 1 to 1 of transit/keys/voter, expected version 2"),
        "{second}"
    );
    let elsewhere = of("voter")
        .with("ATTO_SIGNER_KEY", "elsewhere/keys/voter/versions/1")
        .ends_with(77)?;
    assert!(
        elsewhere.contains("NOT_FOUND") && elsewhere.contains("bao secrets list"),
        "{elsewhere}"
    );
    let namespace = of("voter").with("ATTO_SIGNER_VAULT_NAMESPACE", "nobody");
    let mut signer = Signer::start(&namespace)?;
    signer.logs("-namespace=nobody").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_below_its_minimum_is_told_and_comes_back() -> Result<()> {
    let Voter {
        bao,
        key,
        settings,
        front: _front,
    } = Voter::new().await?;
    let mut signer = Signer::ready(&settings).await?;
    bao.rotate("voter")?;
    bao.configure_key("voter", &["min_encryption_version=2"])?;
    let told = signer.fails_with("FAILED_PRECONDITION", Some(&key)).await?;
    assert!(told.contains("less than the minimum"), "{told}");
    // A signer that starts now waits, and reports the reason.
    let mut late = Signer::start(&settings)?;
    late.logs("version 1 of transit/keys/voter is below its min_encryption_version, 2")
        .await?;
    late.logs("bao write transit/keys/voter/config min_decryption_version=1")
        .await?;
    bao.configure_key("voter", &["min_encryption_version=0"])?;
    signer.signs(&key).await?;
    late.until("the late one is ready", Signer::is_ready).await?;
    // OpenBao does not even show a version below the minimum decryption version.
    bao.configure_key("voter", &["min_decryption_version=2"])?;
    signer.fails_with("FAILED_PRECONDITION", Some(&key)).await?;
    bao.configure_key("voter", &["min_decryption_version=1"])?;
    signer.signs(&key).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_is_not_the_keys_is_never_passed_on() -> Result<()> {
    let Voter {
        bao,
        front,
        key,
        settings,
    } = Voter::new().await?;
    let mut signer = Signer::ready(&settings).await?;
    bao.rotate("voter")?;
    let signature = |text: String| json!({ "data": { "signature": text } }).to_string();
    let zeros = BASE64.encode(&[0; 64]);
    for (what, body) in [
        ("another version", signature(format!("vault:v2:{zeros}"))),
        ("another signature", signature(format!("vault:v1:{zeros}"))),
        (
            "a short one",
            signature(format!("vault:v1:{}", BASE64.encode(&[0; 63]))),
        ),
        ("no base64", signature("vault:v1:?".to_owned())),
        ("no prefix", signature(zeros)),
        ("no JSON", "<html>hello</html>".to_owned()),
        ("nothing", String::new()),
        ("too much", signature("x".repeat(1_100_000))),
    ] {
        front.on(is_sign, answer(http::StatusCode::OK, &[], body), For::Ever);
        let told = signer.fails_with("CHECK", Some(&key)).await?;
        assert!(told.len() < 1_500, "{what}: {told}");
        front.clear();
        signer.signs(&key).await?;
        signer
            .until("it is up again", |signer| {
                signer.vote(&key)?;
                let backend = signer.backend()?;
                anyhow::ensure!(backend["status"] == "UP", "{what}: {backend}");
                Ok(())
            })
            .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_in_a_namespace_is_asked_for_there() -> Result<()> {
    let bao = OpenBao::start().await?;
    let front = KeyFront::start(bao.address())?;
    let namespace = "-namespace=team-a";
    bao.bao(&["namespace", "create", "team-a"])?;
    bao.bao(&["secrets", "enable", namespace, "-path=keys/of/voters", "transit"])?;
    bao.bao(&["write", "-f", namespace, "keys/of/voters/keys/voter", "type=ed25519"])?;
    let policy = bao.folder().join("team-a.hcl");
    std::fs::write(&policy, voter_policy("voter").replace("transit/", "keys/of/voters/"))?;
    bao.bao(&["policy", "write", namespace, "voter", policy.to_str().unwrap()])?;
    let file = bao.token_file("token", "voter", &["-ttl=1h", namespace])?;
    let settings = Settings::of(&front.url(), "voter")
        .token(&file)
        .with("ATTO_SIGNER_KEY", "keys/of/voters/keys/voter/versions/1")
        .with("ATTO_SIGNER_VAULT_NAMESPACE", "team-a/");
    let signer = Signer::ready(&settings).await?;
    let key = signer.node().public_key().await?;
    signer.signs(&key).await?;
    let asked = front.asked();
    assert!(
        asked.iter().all(|asked| asked.header("x-vault-namespace") == "team-a"),
        "{asked:?}"
    );
    assert!(asked.iter().any(|asked| asked.path == "/v1/keys/of/voters/sign/voter"));
    Ok(())
}
