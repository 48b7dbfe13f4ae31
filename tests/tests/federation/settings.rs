//! The signer refuses invalid settings.

use anyhow::{Result, ensure};
use tests::fake_sts::{ACCOUNT, PROVIDER};
use tests::signer_process::{environment, in_kms, run};

fn refused(changes: &[(&str, &str)], told: &[&str]) -> Result<()> {
    let mut settings = environment("1", "2");
    settings.extend_from_slice(changes);
    let output = run(&[], &settings)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(78),
        "{changes:?}: {:?} {said}",
        output.status
    );
    for told in told {
        ensure!(said.contains(told), "{changes:?}: {told:?} is not in {said}");
    }
    Ok(())
}

#[test]
fn each_wrong_setting_is_named_with_what_to_write() -> Result<()> {
    let kms = in_kms("https://cloudkms.example");
    let gcp = |more: &[(&'static str, &'static str)]| [&kms[..], more].concat();
    refused(
        &gcp(&[
            (
                "ATTO_SIGNER_GCP_PROVIDER",
                "projects/my-project/locations/global/workloadIdentityPools/p/providers/c",
            ),
            ("ATTO_SIGNER_GCP_SERVICE_ACCOUNT", "signer@example.com"),
            ("ATTO_SIGNER_GCP_STS_ENDPOINT", "https://sts.example.com"),
        ]),
        &[
            "ATTO_SIGNER_GCP_PROVIDER",
            "//iam.googleapis.com/projects/NUMBER",
            "ATTO_SIGNER_GCP_SERVICE_ACCOUNT",
            "ATTO_SIGNER_GCP_STS_ENDPOINT",
            "loopback",
        ],
    )?;
    refused(
        &gcp(&[("ATTO_SIGNER_GCP_SERVICE_ACCOUNT", ACCOUNT)]),
        &["ATTO_SIGNER_GCP_SERVICE_ACCOUNT", "without ATTO_SIGNER_GCP_PROVIDER"],
    )?;
    refused(
        &gcp(&[("ATTO_SIGNER_IDENTITY_TOKEN_FILE", "/token")]),
        &["ATTO_SIGNER_IDENTITY_TOKEN_FILE", "unset it"],
    )?;
    let plain = in_kms("http://127.0.0.1:1");
    let beside = [&plain[..], &[("ATTO_SIGNER_GCP_PROVIDER", PROVIDER)]].concat();
    refused(&beside, &["ATTO_SIGNER_GCP_ENDPOINT", "which would expose its tokens"])?;
    refused(
        &[("ATTO_SIGNER_GCP_PROVIDER", PROVIDER)],
        &["ATTO_SIGNER_GCP_PROVIDER", "ATTO_SIGNER_BACKEND=LOCAL"],
    )
}
