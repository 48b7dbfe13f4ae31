//! Settings of the operating system at the start.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Prevents core dumps and debuggers of the same user from reading the key, and allows as many connections as the
/// system does. Must be called before anything secret is read. Returns a message for each step that was not possible.
pub fn prepare() -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(forbid_dumps().err());
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        warnings.push(format!("the limit of open files was not raised: {error}"));
    }
    warnings
}

#[cfg(target_os = "linux")]
fn forbid_dumps() -> Result<(), String> {
    nix::sys::prctl::set_dumpable(false)
        .map_err(|error| format!("the process's memory can be dumped: PR_SET_DUMPABLE failed ({error})"))
}

/// For development, such as `make demo` on macOS: other systems can only prevent core dumps.
#[cfg(not(target_os = "linux"))]
fn forbid_dumps() -> Result<(), String> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)
        .map_err(|error| format!("the process's memory can be dumped: RLIMIT_CORE was not lowered ({error})"))
}

/// The number of files, including connections, that this process may have open.
pub fn open_files() -> usize {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    usize::try_from(limit).unwrap_or(usize::MAX)
}
