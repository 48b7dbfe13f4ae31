//! The two servers as processes, with the operating system's data about them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{TOKEN, load};
use crate::process::Port;
use crate::procfs;
use crate::signer_process::in_kms;

/// Number of starts. The median and the maximum are printed.
const STARTS: usize = 9;

/// Time limit for a server to become ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server, ended when dropped. It stays in this process group, so Ctrl-C ends it as well.
pub struct Server {
    child: Child,
    api: Port,
    ready_after: Duration,
    _management: Option<Port>,
}

impl Server {
    /// The signer with a LOCAL key and this `ATTO_SIGNER_AUDIT`.
    pub fn local(audit: &str) -> Result<Self> {
        Self::signer(local_settings(audit, &local_key()))
    }

    /// The signer with its key in the KMS at this endpoint.
    pub fn gcp(endpoint: &str) -> Result<Self> {
        Self::signer(in_kms(endpoint))
    }

    /// The signer with a LOCAL key and no audit trail, as a program that counts its heap calls.
    pub fn counted_local() -> Result<Self> {
        let mut command = counted()?;
        command.arg("signer");
        Self::configured(command, local_settings("off", &local_key()))
    }

    /// The signer as the operator configures it, with this backend.
    pub fn signer<'a>(backend: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        Self::configured(quiet(beside_us("signer")?), backend)
    }

    fn configured<'a>(mut command: Command, backend: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let (api, management) = (Port::reserve()?, Port::reserve()?);
        command
            .env_clear()
            .env("ATTO_SIGNER_TOKEN", TOKEN)
            .env("ATTO_SIGNER_CAPABILITIES", "CHALLENGE,VOTE")
            .env("ATTO_SIGNER_ADDRESS", "0.0.0.0")
            .env("ATTO_SIGNER_PORT", api.number().to_string())
            .env("ATTO_SIGNER_MANAGEMENT_PORT", management.number().to_string())
            .envs(backend);
        let asked = management.number();
        Self::start(command, api, Some(management), || {
            load::get(asked, "/health/readiness").is_ok_and(|(status, _)| status == "200")
        })
    }

    /// This program as the bare server.
    pub fn bare() -> Result<Self> {
        Self::bare_in(quiet(std::env::current_exe()?))
    }

    /// The bare server as a program that counts its heap calls.
    pub fn counted_bare() -> Result<Self> {
        Self::bare_in(counted()?)
    }

    fn bare_in(mut command: Command) -> Result<Self> {
        let api = Port::reserve()?;
        command.env_clear().arg("bare").arg(api.number().to_string());
        let asked = api.number();
        Self::start(command, api, None, || load::get(asked, "/").is_ok())
    }

    fn start(mut command: Command, api: Port, management: Option<Port>, is_ready: impl Fn() -> bool) -> Result<Self> {
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut server = Self {
            child,
            api,
            ready_after: Duration::ZERO,
            _management: management,
        };
        while !is_ready() {
            if let Some(status) = server.child.try_wait()? {
                bail!(
                    "{} ended with {status} instead of serving",
                    command.get_program().display()
                );
            }
            if started.elapsed() > PATIENCE {
                bail!(
                    "{} was not ready after {} s",
                    command.get_program().display(),
                    PATIENCE.as_secs()
                );
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    pub fn port(&self) -> u16 {
        self.api.number()
    }

    /// From its start to its readiness.
    pub const fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Heap calls so far of a program that counts them.
    pub fn heap_calls(&mut self) -> Result<u64> {
        let (Some(stdin), Some(stdout)) = (&mut self.child.stdin, &mut self.child.stdout) else {
            bail!("no pipe to the server");
        };
        stdin.write_all(b"\n")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        line.trim()
            .parse()
            .with_context(|| format!("heap calls: found {line:?}, expected a number"))
    }

    /// CPU that the process has used, user and system, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        procfs::cpu_seconds(self.child.id())
    }

    /// The process' memory in RAM.
    pub fn resident_bytes(&self) -> Result<u64> {
        procfs::resident_bytes(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn local_key() -> String {
    "07".repeat(32)
}

fn local_settings<'a>(audit: &'a str, key: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("ATTO_SIGNER_BACKEND", "LOCAL"),
        ("ATTO_SIGNER_KEY", key),
        ("ATTO_SIGNER_AUDIT", audit),
    ]
}

/// Seconds from exec to a readiness answer of 200, for sequential starts.
pub fn start_times() -> Result<Vec<f64>> {
    (0..STARTS)
        .map(|_| Ok(Server::local("decisions")?.ready_after.as_secs_f64()))
        .collect()
}

/// Size of the released signer program in bytes.
pub fn program_bytes() -> Result<u64> {
    let program = beside_us("signer")?;
    let found = fs::metadata(&program).with_context(|| format!("cannot read {}", program.display()))?;
    Ok(found.len())
}

fn quiet(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn counted() -> Result<Command> {
    let mut command = quiet(beside_us("counted")?);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

fn beside_us(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    if !program.is_file() {
        bail!("{} is not built: run `make bench`, which builds it", program.display());
    }
    Ok(program)
}
