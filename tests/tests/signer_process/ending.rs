//! How it ends, and comes back.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::Result;
use nix::sys::signal::Signal;
use tests::signer_process::{SignerProcess, TOKEN, connect, head, parse, post};

use crate::support::vote;

#[test]
fn what_is_under_way_is_answered_after_sigterm() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    let mut stream = connect(signer.port())?;
    stream.write_all(head("/votes", TOKEN, vote().len(), "Expect: 100-continue\r\n").as_bytes())?;
    // The signer waits for the body now.
    let mut line = [0; 25];
    stream.read_exact(&mut line)?;
    assert_eq!(&line, b"HTTP/1.1 100 Continue\r\n\r\n");
    signer.signal(Signal::SIGTERM)?;
    signer.eventually("the signal is heard", |signer| Ok(signer.log().contains("SIGTERM")))?;
    signer.eventually("the port is closed", |signer| {
        Ok(TcpStream::connect(("127.0.0.1", signer.port())).is_err())
    })?;
    stream.write_all(vote().as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let answer = parse(&answer)?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(signer.stop()?.success());
    Ok(())
}

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
