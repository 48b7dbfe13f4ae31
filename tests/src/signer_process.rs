//! The signer program on free loopback ports, with plain HTTP requests to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::fake_kms::KEY_VERSION;
use crate::process::{Directory, Port, Process};

/// Thirty-two zero bytes: public data, like the vectors.
pub const KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";
pub const PUBLIC_KEY: &str = "3B6A27BCCEB6A42D62A3A8D02A6F0D73653215771DE243A63AC048A18B59DA29";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// The signer program, built once per process with the profile of the running test.
///
/// # Errors
/// If the build fails.
pub fn program() -> Result<PathBuf> {
    crate::workspace::program("signer")
}

/// A complete environment with a LOCAL key and all capabilities; later entries replace earlier ones.
pub fn environment<'a>(port: &'a str, management: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("ATTO_SIGNER_BACKEND", "LOCAL"),
        ("ATTO_SIGNER_KEY", KEY),
        ("ATTO_SIGNER_TOKEN", TOKEN),
        ("ATTO_SIGNER_CAPABILITIES", "BLOCK,VOTE,CHALLENGE"),
        ("ATTO_SIGNER_ADDRESS", "localhost"),
        ("ATTO_SIGNER_MANAGEMENT_ADDRESS", "localhost"),
        ("ATTO_SIGNER_PORT", port),
        ("ATTO_SIGNER_MANAGEMENT_PORT", management),
    ]
}

/// Changes of [`environment`] for a signer with its key in the fake KMS at this endpoint.
pub fn in_kms(endpoint: &str) -> [(&str, &str); 3] {
    [
        ("ATTO_SIGNER_BACKEND", "GCP"),
        ("ATTO_SIGNER_KEY", KEY_VERSION),
        ("ATTO_SIGNER_GCP_ENDPOINT", endpoint),
    ]
}

/// Runs the signer with exactly this environment until it ends. Kills it after the time limit.
///
/// # Errors
/// The signer cannot be started, or still runs after 20 seconds.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Output> {
    let mut child = Command::new(program()?)
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            let output = child.wait_with_output()?;
            bail!("the signer did not end:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(child.wait_with_output()?)
}

/// A running signer.
#[derive(Debug)]
pub struct SignerProcess {
    process: Process,
    directory: Directory,
    ports: [Port; 2],
}

impl SignerProcess {
    /// Starts a signer with [`environment`] and `changes`, and waits until it is ready.
    ///
    /// # Errors
    /// The signer ends, or is not ready within 20 seconds. The error contains its log.
    pub fn start(changes: &[(&str, &str)]) -> Result<Self> {
        Self::start_on([Port::reserve()?, Port::reserve()?], &program()?, &[], changes)
    }

    /// Starts a signer in a shell's `ulimit` with these arguments.
    ///
    /// # Errors
    /// As with [`Self::start`].
    pub fn start_limited(ulimit: &str) -> Result<Self> {
        let script = format!("ulimit {ulimit} && exec \"$0\"");
        let program = program()?;
        let program = program.to_str().context("the program's path is not UTF-8")?;
        let ports = [Port::reserve()?, Port::reserve()?];
        Self::start_on(ports, Path::new("/bin/sh"), &["-c", &script, program], &[])
    }

    fn start_on(ports: [Port; 2], program: &Path, arguments: &[&str], changes: &[(&str, &str)]) -> Result<Self> {
        let [port, management] = ports.each_ref().map(|port| port.number().to_string());
        let directory = Directory::new()?;
        let log = directory.path().join("signer.log");
        let process = Process::start(program, &log, directory.lifeline(), |command| {
            command
                .args(arguments)
                .env_clear()
                .envs(environment(&port, &management))
                .envs(changes.iter().copied());
        })?;
        let mut signer = Self {
            process,
            directory,
            ports,
        };
        signer.eventually("it is ready", |signer| {
            signer.process.still_runs()?;
            Ok(
                get(signer.management_port(), "/health/readiness").is_ok_and(|answer| answer.status == 200)
                    && TcpStream::connect((Ipv4Addr::LOCALHOST, signer.port())).is_ok(),
            )
        })?;
        Ok(signer)
    }

    /// Polls until the condition holds.
    ///
    /// # Errors
    /// After 20 seconds, with the log.
    pub fn eventually(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self)? {
            if Instant::now() > deadline {
                bail!("{what}: not within {PATIENCE:?}; the signer's log:\n{}", self.log());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    pub fn port(&self) -> u16 {
        self.ports[0].number()
    }

    pub fn management_port(&self) -> u16 {
        self.ports[1].number()
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The signer's whole log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.process.log()).unwrap_or_default()
    }

    /// The content of this file of `/proc/PID`.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.process.pid());
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Sends SIGTERM, and returns the exit status.
    pub fn stop(self) -> Result<ExitStatus> {
        let Self { process, directory, .. } = self;
        let status = process.stop();
        drop(directory);
        status
    }

    /// Stops it with SIGTERM, and starts another one on the same ports with these changes.
    pub fn stop_and_start_again(self, changes: &[(&str, &str)]) -> Result<(ExitStatus, Self)> {
        let Self {
            process,
            directory,
            ports,
        } = self;
        let status = process.stop()?;
        drop(directory);
        Ok((status, Self::start_on(ports, &program()?, &[], changes)?))
    }

    /// Kills it with SIGKILL, and starts another one on the same ports.
    pub fn kill_and_start_again(self) -> Result<Self> {
        self.signal(Signal::SIGKILL)?;
        let Self {
            process,
            directory,
            ports,
        } = self;
        process.stop()?;
        drop(directory);
        Self::start_on(ports, &program()?, &[], &[])
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// A GET on a separate connection.
pub fn get(port: u16, path: &str) -> Result<Answer> {
    exchange(
        port,
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

/// A POST like the node's: bare token, separate connection.
pub fn post(port: u16, path: &str, token: &str, body: &str) -> Result<Answer> {
    exchange(
        port,
        format!("{}{body}", head(path, token, body.len(), "Connection: close\r\n")).as_bytes(),
    )
}

/// The head of a POST with these additional header lines.
pub fn head(path: &str, token: &str, length: usize, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
    )
}

/// Sends these bytes and reads until the other side closes the connection.
pub fn exchange(port: u16, request: &[u8]) -> Result<Answer> {
    let mut stream = connect(port)?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    parse(&answer)
}

/// A connection whose reads and writes end after 20 seconds.
pub fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Parses an answer.
pub fn parse(answer: &str) -> Result<Answer> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("no HTTP answer: {answer:?}"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("no status: {head:?}"))?;
    Ok(Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    })
}
