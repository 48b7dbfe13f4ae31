//! The two servers as processes, and what the operating system says of them.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{TOKEN, load};
use crate::process::Port;

/// Of a start; the median and the worst are printed.
const STARTS: usize = 9;

/// A server that is not ready by then never will be.
const PATIENCE: Duration = Duration::from_secs(10);

/// Of `/proc`: Linux shows every program this unit, whatever the kernel's own is.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server, ended when dropped. It stays in our process group, so Ctrl-C ends it as well.
pub struct Server {
    child: Child,
    api: Port,
    ready_after: Duration,
    _management: Option<Port>,
}

impl Server {
    /// The signer as the operator configures it, with a LOCAL key.
    pub fn signer() -> Result<Self> {
        let (api, management) = (Port::reserve()?, Port::reserve()?);
        let program = beside_us("signer")?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("ATTO_SIGNER_BACKEND", "LOCAL")
            .env("ATTO_SIGNER_KEY", "07".repeat(32))
            .env("ATTO_SIGNER_TOKEN", TOKEN)
            .env("ATTO_SIGNER_CAPABILITIES", "CHALLENGE,VOTE")
            .env("ATTO_SIGNER_ADDRESS", "localhost")
            .env("ATTO_SIGNER_PORT", api.number().to_string())
            .env("ATTO_SIGNER_MANAGEMENT_PORT", management.number().to_string());
        let asked = management.number();
        Self::start(command, api, Some(management), || {
            load::get(asked, "/health/readiness").is_ok_and(|(status, _)| status == "200")
        })
    }

    /// This program once more, as the bare server.
    pub fn bare() -> Result<Self> {
        let api = Port::reserve()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.env_clear().arg("bare").arg(api.number().to_string());
        let asked = api.number();
        Self::start(command, api, None, || load::get(asked, "/").is_ok())
    }

    fn start(mut command: Command, api: Port, management: Option<Port>, is_ready: impl Fn() -> bool) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
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

    /// CPU that the process has used, user and system, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        ticks(&text)
            .with_context(|| format!("{path} has no utime and stime"))
            .map(|ticks| ticks / TICKS_PER_SECOND)
    }

    /// Memory of the process that is in RAM.
    pub fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        kibibytes
            .map(|kibibytes| kibibytes * 1_024)
            .with_context(|| format!("{path} has no VmRSS"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds from exec to a readiness answer of 200, one start after the other.
pub fn start_times() -> Result<Vec<f64>> {
    (0..STARTS)
        .map(|_| Ok(Server::signer()?.ready_after.as_secs_f64()))
        .collect()
}

fn beside_us(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    if !program.is_file() {
        bail!("{} is not built: run `make bench`, which builds it", program.display());
    }
    Ok(program)
}

/// Fields 14 and 15 of `/proc/PID/stat`; the name in field 2 may contain anything, so count from its last `)`.
#[expect(clippy::cast_precision_loss, reason = "ticks of a short run are far below 2^52")]
fn ticks(stat: &str) -> Option<f64> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some((field(14)? + field(15)?) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "42 (a ) b) S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 9";
        assert_eq!(ticks(stat), Some(300.0));
    }
}
