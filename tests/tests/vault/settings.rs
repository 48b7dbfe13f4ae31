//! The signer reports all invalid settings at once, each with the found and the expected value.

use anyhow::Result;

use super::support::Settings;

#[test]
fn everything_that_is_wrong_is_told_at_once_and_nothing_secret() -> Result<()> {
    let settings = Settings::of("http://10.0.0.1:8200", "voter")
        .with("ATTO_SIGNER_KEY", "transit/keys/voter/versions/latest")
        .with("ATTO_SIGNER_VAULT_AUTH", "kubernetes")
        .with("ATTO_SIGNER_VAULT_AUTH_MOUNT", "auth/kubernetes")
        .with("ATTO_SIGNER_VAULT_NAMESPACE", "a b")
        .with("ATTO_SIGNER_VAULT_CA_FILE", "/nobody/ca.crt")
        .with("ATTO_SIGNER_VAULT_TOKEN_FILE", "/token")
        .with("ATTO_SIGNER_KEY_FILE", "/key")
        .with("ATTO_SIGNER_GCP_ENDPOINT", "https://x");
    let text = settings.ends_with(78)?;
    for line in [
        "ATTO_SIGNER_KEY: found transit/keys/voter/versions/latest, expected MOUNT/keys/NAME/versions/N with the number",
        "ATTO_SIGNER_VAULT_ADDRESS: found http://10.0.0.1:8200, expected a URL that starts with https://",
        "ATTO_SIGNER_VAULT_AUTH_MOUNT: found auth/kubernetes, expected where the login method is mounted, without auth/",
        "ATTO_SIGNER_VAULT_NAMESPACE: found a b, expected a namespace",
        "ATTO_SIGNER_VAULT_CA_FILE: found nothing readable in /nobody/ca.crt",
        "ATTO_SIGNER_VAULT_TOKEN_FILE: found a file, with ATTO_SIGNER_VAULT_AUTH=kubernetes, expected none",
        "ATTO_SIGNER_VAULT_ROLE: found nothing, expected with ATTO_SIGNER_VAULT_AUTH=kubernetes the role",
        "ATTO_SIGNER_KEY_FILE: found a file, with ATTO_SIGNER_BACKEND=VAULT",
        "ATTO_SIGNER_GCP_ENDPOINT: found a value, with ATTO_SIGNER_BACKEND=VAULT, expected none: the signer sends no requests to Google Cloud",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    Ok(())
}

#[test]
fn each_setting_says_what_to_write() -> Result<()> {
    let good = || {
        Settings::of("http://127.0.0.1:1", "voter")
            .with("ATTO_SIGNER_VAULT_AUTH", "token")
            .with("ATTO_SIGNER_VAULT_TOKEN_FILE", "/nobody/token")
    };
    let key = "ATTO_SIGNER_KEY";
    let address = "ATTO_SIGNER_VAULT_ADDRESS";
    let auth = "ATTO_SIGNER_VAULT_AUTH";
    for (variable, value, told) in [
        (
            key,
            "transit/keys/voter",
            "found transit/keys/voter, without a version, expected MOUNT/keys/NAME/versions/N",
        ),
        (
            key,
            "transit/keys/voter/versions/0",
            "found transit/keys/voter/versions/0, expected MOUNT/keys/NAME/versions/N",
        ),
        (key, "v1//transit/keys/voter/versions/1", "without v1/"),
        (
            key,
            "hvs.secret",
            "found another value (not shown, because it may be a secret)",
        ),
        (
            key,
            "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "found another value (not shown",
        ),
        (address, "vault.example.com", "expected a URL that starts with https://"),
        (
            address,
            "https://vault.example.com/v1",
            "expected the address of the server alone, without /v1",
        ),
        (
            address,
            "https://user:hvs.secret@vault.example.com",
            "(not shown, because it may contain a secret)",
        ),
        (auth, "approle", "found approle, expected kubernetes, jwt or token"),
        (
            "ATTO_SIGNER_VAULT_ROLE",
            "x",
            "expected none: there is no login with a token",
        ),
        (
            "ATTO_SIGNER_IDENTITY_TOKEN_FILE",
            "/token",
            "which is not read with these settings of ATTO_SIGNER_BACKEND=VAULT",
        ),
        (
            "ATTO_SIGNER_VAULT_CA_FILE",
            "/ca.crt",
            "a file, with an ATTO_SIGNER_VAULT_ADDRESS of plain http",
        ),
    ] {
        let text = good().with(variable, value).ends_with(78)?;
        assert!(
            text.contains(&format!("{variable}: ")) && text.contains(told),
            "{value}: {told}\n{text}"
        );
        assert!(!text.contains("hvs.secret"), "{text}");
    }
    let local = good().with("ATTO_SIGNER_BACKEND", "LOCAL").ends_with(78)?;
    assert!(
        local.contains("the signer sends no requests to OpenBao or Vault; unset it"),
        "{local}"
    );
    assert!(
        local.contains("the name of a key version of OpenBao or Vault"),
        "{local}"
    );
    Ok(())
}
