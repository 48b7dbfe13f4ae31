//! A queue of faults, in the order in which they occur.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// For how many calls a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// This many.
    Calls(u64),
    /// All calls until the script is cleared.
    Ever,
}

/// A queue of faults. Each call takes one from its front. Clones share it.
#[derive(Debug)]
pub struct Script<F>(Arc<Mutex<VecDeque<(F, For)>>>);

impl<F> Clone for Script<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> Default for Script<F> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<F: Clone> Script<F> {
    /// Adds a fault for one call.
    pub fn next(&self, fault: F) {
        self.push(fault, For::Calls(1));
    }

    /// Adds a fault for this many calls.
    pub fn push(&self, fault: F, calls: For) {
        self.queue().push_back((fault, calls));
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.queue().clear();
    }

    /// Whether all faults have occurred.
    pub fn is_empty(&self) -> bool {
        self.queue().is_empty()
    }

    /// The fault of this call.
    pub fn take(&self) -> Option<F> {
        let mut queue = self.queue();
        let (fault, calls) = queue.front_mut()?;
        let fault = fault.clone();
        if let For::Calls(left) = calls {
            *left = left.saturating_sub(1);
            if *left == 0 {
                queue.pop_front();
            }
        }
        Some(fault)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(F, For)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_happen_in_their_order_and_end() {
        let script = Script::default();
        assert_eq!(script.take(), None);
        script.push('a', For::Calls(2));
        script.next('b');
        assert_eq!(
            [script.take(), script.take(), script.take(), script.take()],
            [Some('a'), Some('a'), Some('b'), None]
        );
        script.push('c', For::Ever);
        script.next('d');
        assert_eq!([script.take(), script.take()], [Some('c'), Some('c')]);
        script.clear();
        assert_eq!(script.take(), None);
        assert!(script.is_empty());
    }
}
