//! Divides the files that the process may open among the parts of the program, so that none exhausts them.

use crate::http::server::MAX_CONNECTIONS;

/// Streams, event queues, files that are read repeatedly, and the sockets of credentials.
const OWN: usize = 32;
/// An event queue, its waker, its signal receiver, and a listener of each family.
const THREAD: usize = 5;
/// Probes, a scraper and the operator need a few.
const MANAGEMENT: usize = 128;
/// Up to 100 hashes at a remote backend, with three attempts each.
const BACKEND: usize = 300;
/// Maximum concurrent requests of a node.
const NODE: usize = 100;

/// The connection limits of both ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Connections of the signing API.
    pub api: usize,
    /// Connections of the management port.
    pub management: usize,
}

impl Budget {
    /// Divides this many open files among this many threads of the API and the rest.
    pub fn of(open_files: usize, threads: usize, is_remote: bool) -> Self {
        let rest = open_files.saturating_sub(OWN + THREAD * threads).max(8);
        let management = MANAGEMENT.min(rest / 4);
        let rest = rest - management;
        let backend = if is_remote { BACKEND.min(rest.div_ceil(2)) } else { 0 };
        Self {
            api: MAX_CONNECTIONS.min(rest - backend),
            management,
        }
    }

    /// A warning if that is less than a node may need.
    pub fn warning(self, open_files: usize) -> Option<String> {
        (self.api < NODE).then(|| {
            format!(
                "the limit of open files is {open_files}, so the signing API accepts at most {} connections, and a node \
                may have {NODE}: raise the hard limit (`ulimit -Hn`) to 1024",
                self.api
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_out_is_never_more_than_there_is() {
        for (open_files, threads) in (0..5_000).flat_map(|more| [(74 + more, 2), (384 + more, 64)]) {
            for is_remote in [false, true] {
                let Budget { api, management } = Budget::of(open_files, threads, is_remote);
                assert!(api >= 8 && management >= 8, "{open_files}");
                // The backend gets its full share if possible, otherwise as much as the API.
                let backend = if is_remote { BACKEND.min(api) } else { 0 };
                let own = OWN + THREAD * threads;
                assert!(own + api + management + backend <= open_files, "{open_files}");
            }
        }
        let usual = Budget {
            api: MAX_CONNECTIONS,
            management: MANAGEMENT,
        };
        assert_eq!(Budget::of(usize::MAX, 2, true), usual);
        assert_eq!(usual.warning(usize::MAX), None);
        assert!(Budget::of(1024, 2, true).warning(1024).is_none());
        assert!(Budget::of(128, 2, false).warning(128).is_some());
    }
}
