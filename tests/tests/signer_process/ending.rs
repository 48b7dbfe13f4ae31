//! The signer's end, and its restart.

use anyhow::Result;
use nix::sys::signal::Signal;
use tests::signer_process::{SignerProcess, TOKEN, post};

use crate::support::vote;

#[test]
fn sigint_ends_it_as_well() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    signer.signal(Signal::SIGINT)?;
    signer.eventually("it ends", |signer| Ok(signer.log().contains("SIGINT")))?;
    assert!(signer.stop()?.success());
    Ok(())
}

#[test]
fn killed_and_started_again_it_signs_on_the_same_port() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    let before = post(signer.port(), "/votes", TOKEN, &vote())?;
    let port = signer.port();
    let signer = signer.kill_and_start_again()?;
    assert_eq!(signer.port(), port);
    assert_eq!(post(port, "/votes", TOKEN, &vote())?.body, before.body);
    Ok(())
}
