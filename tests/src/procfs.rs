//! Reads process data from Linux.

use std::fs;

use anyhow::{Context, Result};

/// The unit of `/proc`, which is the same for every program, independent of the kernel's own.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU that the process has used, user and system, in seconds.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    ticks(&text)
        .with_context(|| format!("{path} has no utime and stime"))
        .map(|ticks| ticks / TICKS_PER_SECOND)
}

/// The process' memory in RAM.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS")
}

/// The process' maximum memory in RAM so far.
pub fn peak_resident_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM")
}

fn status_bytes(pid: u32, field: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    kibibytes(&text, field)
        .map(|kibibytes| kibibytes * 1_024)
        .with_context(|| format!("{path} has no {field}"))
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Fields 14 and 15 of `/proc/PID/stat`. The name in field 2 may contain any character, so fields are counted from its last `)`.
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

    #[test]
    fn memory_is_found_by_its_field() {
        let status = "Name:\ta\nVmHWM:\t   20480 kB\nVmRSS:\t    4 kB\n";
        assert_eq!(
            (kibibytes(status, "VmHWM"), kibibytes(status, "VmRSS")),
            (Some(20_480), Some(4))
        );
        assert_eq!(kibibytes(status, "Vm"), None);
    }
}
