//! Child processes that never outlive their owner, even if it is killed.

mod directory;
mod ports;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use directory::Directory;
pub(crate) use directory::random_suffix;
pub use ports::Port;

/// How long a program may take after SIGTERM before it is killed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Processes live as long as one copy of it is open.
#[derive(Debug)]
pub struct Lifeline(PipeWriter);

impl Lifeline {
    fn try_clone(&self) -> Result<Self> {
        Ok(Self(self.0.try_clone().context("cannot share a lifeline")?))
    }
}

/// A program with its output in a file. It is stopped (SIGTERM, after 15 seconds SIGKILL) when this value is dropped or its owner
/// ends.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lifeline: Option<Lifeline>,
    log: PathBuf,
}

impl Process {
    /// Starts `program`, with its output appended to `log`. It ends before the processes of `outlived_by`.
    ///
    /// # Errors
    /// If the program is not a file or the operating system refuses.
    pub fn start(
        program: &Path,
        log: &Path,
        outlived_by: Option<&Lifeline>,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        if !program.is_file() {
            anyhow::bail!("{} is not there", program.display());
        }
        let (reader, writer) = io::pipe().context("cannot open a pipe")?;
        let held = match outlived_by {
            Some(lifeline) => Stdio::from(lifeline.try_clone()?.0),
            None => Stdio::null(),
        };
        let name = program
            .file_name()
            .and_then(OsStr::to_str)
            .unwrap_or("program")
            .to_owned();
        let mut command = Command::new("/bin/sh");
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/process/lifeline.sh"))
            .arg(log);
        command.arg((PATIENCE.as_millis() / 100).to_string()).arg(program);
        prepare(&mut command);
        // A separate group: Ctrl-C in a terminal only reaches the owner, which stops everything in order.
        command
            .stdin(reader)
            .stdout(held)
            .stderr(Stdio::null())
            .process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name,
            child,
            lifeline: Some(Lifeline(writer)),
            log: log.to_owned(),
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).context("a process id")?;
        kill(Pid::from_raw(pid), signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// A copy of the lifeline of this process.
    pub(crate) fn lifeline_of_its_own(&self) -> Result<Lifeline> {
        self.lifeline.as_ref().context("it has been told to end")?.try_clone()
    }

    /// The lifeline of this process, for another one that must end before it.
    pub fn lifeline(&self) -> Option<&Lifeline> {
        self.lifeline.as_ref()
    }

    /// An error with the last lines of its log if the process has ended.
    pub fn still_runs(&mut self) -> Result<()> {
        match self
            .child
            .try_wait()
            .with_context(|| format!("cannot ask after {}", self.name))?
        {
            None => Ok(()),
            Some(status) => anyhow::bail!("{} ended with {status}:\n{}", self.name, self.last_lines()),
        }
    }

    /// The last 25 lines of the log, indented.
    pub fn last_lines(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().map(|line| format!("    {line}")).collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// Waits until the program ends by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.child
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name))
    }

    /// Asks the program to end and waits until it has.
    pub fn stop(mut self) -> Result<ExitStatus> {
        drop(self.lifeline.take());
        self.child
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.lifeline.take().is_some() {
            // The watcher kills a process that does not end, so this wait ends. An error cannot be reported.
            let _ = self.child.wait();
        }
    }
}

/// The output of a program, which must succeed.
///
/// # Errors
/// The program fails. The error contains its error output.
pub async fn printed(command: &mut tokio::process::Command, what: &str) -> Result<String> {
    let done = command.kill_on_drop(true).output().await;
    let done = done.with_context(|| format!("cannot run {what}"))?;
    ensure!(
        done.status.success(),
        "{what}: {}{}",
        String::from_utf8_lossy(&done.stderr),
        String::from_utf8_lossy(&done.stdout)
    );
    String::from_utf8(done.stdout).with_context(|| format!("{what} printed no UTF-8"))
}
