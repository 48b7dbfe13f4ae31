//! Measures and writes the file of figures, and the pages that contain them. An argument names a part; the default is all parts.
//! `read PART FILE COMMIT DATE` reads a part's earlier output.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};
use tests::figures::{self, File, PARTS, Part, Program, tables};
use tests::workspace;

/// As the page states.
const STEADY_SECONDS: &str = "600";

const PROGRAMS: [&str; 3] = ["operator", "signer", "kubectl-atto_signer"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("figures: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match &arguments[..] {
        ["read", part, file, commit, date] => {
            let (name, ..) = figures::of(part)?;
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
            keep(name, &text, commit, date)?;
        }
        [] => measure(&PARTS.map(|(name, ..)| name))?,
        parts => measure(parts)?,
    }
    figures::write().map(drop)
}

/// A failed part keeps its earlier figures, and does not prevent the others.
fn measure(parts: &[&str]) -> Result<()> {
    let parts = parts.iter().map(|part| figures::of(part)).collect::<Result<Vec<_>>>()?;
    let (commit, date) = (commit()?, said("date", &["-u", "+%Y-%m-%d"])?);
    let mut failed = vec![];
    for (name, program, command) in parts {
        eprintln!("== {name}: {command}");
        match printed(name, program) {
            Ok(text) => keep(name, &text, &commit, &date)?,
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    if !failed.is_empty() {
        figures::write()?;
        bail!("not measured, and left as they were:\n{}", failed.join("\n"));
    }
    Ok(())
}

fn keep(name: &str, text: &str, commit: &str, date: &str) -> Result<()> {
    let tables = tables(text);
    ensure!(!tables.is_empty(), "{name} has printed no table");
    // Before the first run, the file is incomplete.
    let mut file: File = std::fs::read_to_string(figures::path())
        .ok()
        .map_or_else(|| Ok(File::default()), |text| serde_json::from_str(&text))?;
    let part = Part {
        commit: commit.to_owned(),
        date: date.to_owned(),
        machine: machine()?,
        tables,
    };
    file.parts.insert(name.to_owned(), part);
    file.write()
}

/// The output of a part, which is also shown to the person.
fn printed(name: &str, program: Program) -> Result<String> {
    let mut command = match program {
        Program::Sizes => return sizes(),
        Program::Bench => Command::new(beside_us("bench")?),
        Program::Soak => Command::new(beside_us("soak")?),
    };
    if program == Program::Bench {
        command.arg(name).env("BENCH_STEADY_SECONDS", STEADY_SECONDS);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot be started")?;
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        println!("{line}");
        text += &line;
        text.push('\n');
    }
    let status = child.wait()?;
    ensure!(status.success(), "ended with {status}");
    Ok(text)
}

/// Sizes of the release programs, as Markdown.
fn sizes() -> Result<String> {
    let mut text = "| program | measured |\n|---|---|\n".to_owned();
    for program in PROGRAMS {
        let path = beside_us(program)?;
        let size = std::fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let tenths = size.len() * 10 / (1 << 20);
        writeln!(text, "| {program} | {}.{} MiB |", tenths / 10, tenths % 10)?;
    }
    print!("{text}");
    Ok(text)
}

fn beside_us(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// The measured commit. Files that contain the figures may differ from it.
fn commit() -> Result<String> {
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"])?;
    let written: Vec<_> = figures::pages()?.into_iter().map(|page| page.path).collect();
    let file = "docs/figures.json".to_owned();
    let mut others = changed.lines().filter_map(|line| line.get(3..));
    let other = others.find(|path| !written.iter().chain([&file]).any(|own| own == path));
    if let Some(other) = other {
        bail!("working tree: found changes in {other}, expected none: figures name a commit. Commit the changes first");
    }
    said("git", &["rev-parse", "--short=7", "HEAD"])
}

fn machine() -> Result<String> {
    let processors = std::thread::available_parallelism()?;
    let text = std::fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes: u64 = total
        .and_then(|rest| rest.split_whitespace().next())
        .context("no MemTotal")?
        .parse()?;
    Ok(format!(
        "{processors} processors, {} GiB of memory",
        (kibibytes + (1 << 19)) >> 20
    ))
}

fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(workspace::root()).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
