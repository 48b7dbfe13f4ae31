//! The signing API's connections: the allowed requests, the maximum number, and the reasons for which they are closed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde_json::json;
use tests::signer_process::{Answer, PUBLIC_KEY, SignerProcess, TOKEN, connect, exchange, get, head, parse, post};
use tests::sockets::is_read;

/// More than there is room for.
const CROWD: usize = 1_800;
const MAX_MEMORY_KIB: u64 = 64 * 1024;

fn vote() -> String {
    let hash = "AB".repeat(32);
    json!({ "target": {
        "version": 0, "algorithm": "V1", "publicKey": PUBLIC_KEY, "blockAlgorithm": "V1", "blockHash": hash, "timestamp": 1,
    } })
    .to_string()
}

#[test]
fn what_is_under_way_is_answered_after_sigterm() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    let mut stream = connect(signer.port())?;
    stream.write_all(head("/votes", TOKEN, vote().len(), "").as_bytes())?;
    signer.eventually("it waits for the body", |_| is_read(&stream))?;
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
fn a_first_request_that_comes_after_sigterm_is_signed() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    let mut stream = connect(signer.port())?;
    // So that the other connection is accepted as well.
    assert_eq!(post(signer.port(), "/votes", TOKEN, &vote())?.status, 200);
    signer.signal(Signal::SIGTERM)?;
    signer.eventually("the signal is heard", |signer| Ok(signer.log().contains("SIGTERM")))?;
    stream.write_all(format!("{}{}", head("/votes", TOKEN, vote().len(), ""), vote()).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert_eq!(parse(&answer)?.status, 200, "{answer}");
    assert!(signer.stop()?.success());
    Ok(())
}

#[test]
fn connections_that_wait_to_be_taken_at_sigterm_are_served() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    signer.signal(Signal::SIGSTOP)?;
    let mut waiting = crowd(signer.port(), std::iter::repeat_n("", 100))?;
    for stream in &mut waiting {
        let request = head("/votes", TOKEN, vote().len(), "");
        stream.write_all(format!("{request}{}", vote()).as_bytes())?;
    }
    signer.signal(Signal::SIGTERM)?;
    signer.signal(Signal::SIGCONT)?;
    for (number, stream) in waiting.iter_mut().enumerate() {
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .with_context(|| format!("number {number}"))?;
        assert_eq!(parse(&answer)?.status, 200, "number {number}: {answer}");
    }
    assert!(signer.stop()?.success());
    Ok(())
}

#[test]
fn large_bodies_and_heads_get_their_answer_before_the_connection_closes() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    let body = "x".repeat(1024 * 1024);
    assert_eq!(post(signer.port(), "/votes", TOKEN, &body)?.status, 413);
    assert_eq!(post(signer.port(), "/votes", "wrong", &body)?.status, 401);
    assert_eq!(post(signer.port(), "/nowhere", TOKEN, &body)?.status, 404);
    let chunked = format!(
        "POST /votes HTTP/1.1\r\nHost: localhost\r\nAuthorization: {TOKEN}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n100000\r\n{body}\r\n0\r\n\r\n"
    );
    assert_eq!(exchange(signer.port(), chunked.as_bytes())?.status, 413);
    let long = format!("X: {}\r\n", "x".repeat(15 * 1024));
    let answer = exchange(signer.port(), head("/votes", TOKEN, 0, &long.repeat(2)).as_bytes())?;
    assert_eq!(answer.status, 431);
    assert_eq!(post(signer.port(), "/votes", TOKEN, &vote())?.status, 200);
    Ok(())
}

#[test]
fn a_body_that_stops_halfway_is_408() -> Result<()> {
    let signer = SignerProcess::start(&[])?;
    let answer = exchange(
        signer.port(),
        format!("{}{{", head("/votes", TOKEN, 100, "")).as_bytes(),
    )?;
    assert_eq!(answer.status, 408);
    Ok(())
}

#[test]
fn a_client_that_expects_an_interim_answer_gets_the_final_one_alone() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    let body = vote();
    let mut stream = connect(signer.port())?;
    for (more, whole) in [("", false), ("", true), ("Connection: close\r\n", true)] {
        let head = head("/votes", TOKEN, body.len(), &format!("Expect: 100-continue\r\n{more}"));
        if whole {
            stream.write_all(format!("{head}{body}").as_bytes())?;
        } else {
            stream.write_all(head.as_bytes())?;
            signer.eventually("it waits for the body", |_| is_read(&stream))?;
            stream.write_all(body.as_bytes())?;
        }
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers)?;
    let statuses: Vec<_> = answers.lines().filter(|line| line.contains("HTTP/1.1")).collect();
    assert!(
        statuses.len() == 3 && statuses.iter().all(|line| line.ends_with("HTTP/1.1 200 OK")),
        "{answers}"
    );
    let refused = head("/votes", "wrong", body.len(), "Expect: 100-continue\r\n");
    assert_eq!(exchange(signer.port(), refused.as_bytes())?.status, 401);
    Ok(())
}

/// Opens as many connections as there are beginnings, and sends each of them.
fn crowd<'a>(port: u16, beginnings: impl Iterator<Item = &'a str>) -> Result<Vec<TcpStream>> {
    beginnings
        .map(|beginning| {
            let mut stream = connect(port)?;
            stream.write_all(beginning.as_bytes())?;
            Ok(stream)
        })
        .collect()
}

/// A vote as the node sends it. The node tries again if it gets no answer.
fn sign(signer: &mut SignerProcess) -> Result<()> {
    let port = signer.port();
    let mut answer: Option<Answer> = None;
    signer.eventually("a vote is answered", |_| {
        answer = post(port, "/votes", TOKEN, &vote()).ok();
        Ok(answer.is_some())
    })?;
    let answer = answer.context("an answer")?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(())
}

#[test]
fn silent_dripping_and_half_done_connections_keep_nobody_from_signing() -> Result<()> {
    let mut signer = SignerProcess::start(&[])?;
    let half_head = "POST /votes HTTP/1.1\r\nHost: localhost\r\n";
    let half_body = format!("{}{{", head("/votes", TOKEN, 100, ""));
    let beginnings = ["", half_head, &half_body];
    let mut crowd = crowd(signer.port(), beginnings.into_iter().cycle().take(CROWD))?;
    for drop in "X-Drip: x".chars() {
        for stream in &mut crowd {
            // The connections that made room are closed.
            let _ = write!(stream, "{drop}");
        }
        sign(&mut signer)?;
        assert_eq!(get(signer.management_port(), "/health")?.status, 200);
    }
    let status = signer.proc("status")?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory: u64 = memory.context("VmRSS")?.trim().trim_end_matches(" kB").parse()?;
    assert!(memory < MAX_MEMORY_KIB, "{memory} KiB");
    assert!(signer.stop()?.success());
    Ok(())
}

#[test]
fn with_few_file_descriptors_it_signs_and_answers_probes_all_the_same() -> Result<()> {
    let mut signer = SignerProcess::start_limited("-n 64")?;
    let silent = |port| crowd(port, std::iter::repeat_n("", 100));
    let crowds = [silent(signer.port())?, silent(signer.management_port())?];
    sign(&mut signer)?;
    let management = signer.management_port();
    signer.eventually("the probe is answered", |_| {
        Ok(get(management, "/health/liveness").is_ok_and(|answer| answer.status == 200))
    })?;
    drop(crowds);
    Ok(())
}

#[test]
fn the_limit_of_open_files_is_raised() -> Result<()> {
    let signer = SignerProcess::start_limited("-Sn 100")?;
    let limits = signer.proc("limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let numbers: Vec<_> = line.context("the limit")?.split_ascii_whitespace().collect();
    assert_eq!(numbers[0], numbers[1], "soft and hard limit in {limits}");
    assert_ne!(numbers[0], "100");
    Ok(())
}
