//! Keys that cannot sign for a voter, or not now.

use anyhow::Result;

use crate::support::{Place, Signer, preflight, with_keys};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_of_another_kind_is_refused_with_what_to_create() -> Result<()> {
    let place = Place::new().await?;
    for (spec, usage, expected) in [
        ("ECC_NIST_P256", "SIGN_VERIFY", 78),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", 78),
        ("RSA_2048", "SIGN_VERIFY", 78),
        ("HMAC_256", "GENERATE_VERIFY_MAC", 69),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", 69),
    ] {
        let key = place.kms.create_key_of(spec, usage)?;
        let (code, says) = preflight(&with_keys(&key, &place.front.url())).await;
        assert_eq!(code, Some(expected), "{spec}: {says}");
        let command =
            "aws kms create-key --region eu-central-1 --key-spec ECC_NIST_EDWARDS25519 --key-usage SIGN_VERIFY";
        assert!(says.contains(command), "{spec}: {says}");
    }
    let unknown = format!("{}x", place.key);
    let (code, says) = preflight(&with_keys(&unknown, &place.front.url())).await;
    assert!(
        code == Some(77) && says.contains("NOT_FOUND: NotFoundException") && says.contains("aws kms list-keys"),
        "{says}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_disabled_or_to_be_deleted_is_told_and_signs_when_it_is_back() -> Result<()> {
    let place = Place::new().await?;
    let mut signer = Signer::ready(&place.with_keys()).await?;
    let key = place.kms.public_key(&place.key)?;
    for (code, is_deleted) in [("DisabledException", false), ("KMSInvalidStateException", true)] {
        if is_deleted {
            place.kms.set_deletion(&place.key, true)?;
        } else {
            place.kms.set_enabled(&place.key, false)?;
        }
        let vote = tests::node_client::random_vote(&key);
        let port = signer.port();
        let ask = || {
            tests::signer_process::post(port, vote.path, tests::signer_process::TOKEN, &vote.body)
                .unwrap()
                .status
        };
        signer
            .until(code, |signer| {
                assert_eq!(ask(), 429, "{code}");
                let (found, message) = signer.backend()?;
                Ok(
                    found == "FAILED_PRECONDITION"
                        && message.starts_with(&format!("{code}: "))
                        && !signer.is_ready()?,
                )
            })
            .await;
        assert!(signer.is_alive()?);
        if is_deleted {
            place.kms.set_deletion(&place.key, false)?;
        }
        place.kms.set_enabled(&place.key, true)?;
        signer
            .until(&format!("{code}: signed again"), |_| Ok(ask() == 200))
            .await;
    }
    Ok(())
}
