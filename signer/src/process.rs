//! What the operating system is asked for at the start.

use nix::sys::{
    prctl,
    resource::{Resource, getrlimit, setrlimit},
};

/// No core dump and no debugger of the same user may read the key; as many connections as the system allows. To be called before
/// anything secret is read. Says what was not available.
pub fn prepare() -> Vec<String> {
    let mut warnings = Vec::new();
    if let Err(error) = prctl::set_dumpable(false) {
        warnings.push(format!(
            "the process's memory can be dumped: PR_SET_DUMPABLE failed ({error})"
        ));
    }
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        warnings.push(format!("the limit of open files was not raised: {error}"));
    }
    warnings
}

/// How many files this process may have open, connections among them.
pub fn open_files() -> usize {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    usize::try_from(limit).unwrap_or(usize::MAX)
}
