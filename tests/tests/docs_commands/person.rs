//! A person who follows a page at a terminal.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tests::docs::{Block, Page};
use tests::process::Directory;
use tests::{ControlPlane, assets, workspace};
use tokio::process::Command;

use crate::transcript;

/// Maximum duration of a page in seconds, on a busy computer. It also ends a page that waits in vain.
const LIMIT: &str = "300";

/// Number of a page's output lines in the message of a failure.
const LINES_TOLD: usize = 30;

pub struct Person {
    home: Directory,
}

impl Person {
    /// A person with kubectl, helm and this repository's programs in PATH, and no settings of their own.
    pub fn new(plane: &ControlPlane) -> Result<Self> {
        let home = Directory::new()?;
        let programs = home.path().join("bin");
        fs::create_dir(&programs)?;
        symlink(&assets::kubernetes()?.kubectl, programs.join("kubectl"))?;
        symlink(assets::helm()?, programs.join("helm"))?;
        for name in ["operator", "signer"] {
            symlink(workspace::program(name)?, programs.join(name))?;
        }
        // A page may change its context.
        fs::copy(plane.admin().path(), home.path().join("kubeconfig"))?;
        Ok(Self { home })
    }

    /// Runs these blocks of a page in one shell, and stops at the first failed command.
    pub async fn types(&self, page: &Page, blocks: &[&Block]) -> Result<()> {
        let home = self.home.path();
        let [text, failed] = ["page.sh", "failed"].map(|name| home.join(name));
        fs::write(&text, script(page, blocks))?;
        let mut path = home.join("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut shell = Command::new("timeout");
        shell.args(["--kill-after=5", LIMIT, "bash", "-eu"]).arg(&text);
        shell.current_dir(workspace::root()).env("PATH", path).env("HOME", home);
        shell.env("KUBECONFIG", home.join("kubeconfig")).env("FAILED", &failed);
        // Its discovery cache is keyed by server address, and ports are reused.
        shell.env("KUBECACHEDIR", home.join("cache"));
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            shell.env_remove(proxy);
        }
        let done = shell.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let done = done.context("cannot run bash")?;
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() {
            return transcript::compare(page, blocks, &printed);
        }
        bail!(
            "{}",
            told(
                page,
                done.status.code(),
                &fs::read_to_string(&failed).unwrap_or_default(),
                &printed
            )
        )
    }
}

/// The page with blank lines instead of everything except these blocks, so that bash reports the page's line numbers.
fn script(page: &Page, blocks: &[&Block]) -> String {
    let mut lines = vec![""; page.text.lines().count()];
    for line in blocks.iter().flat_map(|block| &block.lines) {
        lines[line.line - 1] = &line.text;
    }
    // On the line of a block's closing fence.
    let ends: Vec<_> = blocks.iter().map(|block| transcript::end(block)).collect();
    for (line, command) in &ends {
        lines[*line - 1] = command;
    }
    // On the first line, which is the page's title.
    let prelude = r#"exec 2>&1; set -E; trap 'echo "$LINENO: $BASH_COMMAND" >"$FAILED"' ERR"#;
    lines[0] = prelude;
    lines.join("\n") + "\n"
}

fn told(page: &Page, code: Option<i32>, failed: &str, printed: &str) -> String {
    let why = match code {
        Some(124 | 137) => format!("it took longer than {LIMIT} s"),
        Some(code) => format!("exit code {code}"),
        None => "it was killed".to_owned(),
    };
    let mut text = format!("{}:{} ({why})", page.path, failed.trim());
    let lines: Vec<_> = transcript::lines(printed).collect();
    for line in &lines[lines.len().saturating_sub(LINES_TOLD)..] {
        let _ = write!(text, "\n    {line}");
    }
    text
}

#[test]
fn a_failing_command_is_told_with_its_line() -> Result<()> {
    let page = Page::parse("x.md", "# X\n\n```sh\ntrue\necho out; false\necho never\n```\n");
    let folder = Directory::new()?;
    let [text, failed] = ["page.sh", "failed"].map(|name| folder.path().join(name));
    fs::write(&text, script(&page, &page.blocks.iter().collect::<Vec<_>>()))?;
    let mut bash = std::process::Command::new("bash");
    let done = bash.arg("-eu").arg(&text).env("FAILED", &failed).output()?;
    let printed = String::from_utf8_lossy(&done.stdout);
    let told = told(&page, done.status.code(), &fs::read_to_string(&failed)?, &printed);
    assert_eq!(told, "x.md:5: false (exit code 1)\n    out");
    Ok(())
}
