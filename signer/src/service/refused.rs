//! Hashes that the backend has refused recently. Each is sent again after one second at the earliest, however often it is
//! requested.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{key::Key, tries::Tries};

/// After this time, a request starts from the beginning.
const MEMORY: Duration = Duration::from_secs(5);
/// Maximum number of remembered hashes. The oldest are dropped.
const CAPACITY: usize = 4_096;

/// The refusals of the last seconds.
#[derive(Debug, Default)]
pub struct Refused {
    by_key: HashMap<Key, (Instant, Tries)>,
    // In order of arrival. For a hash that was refused repeatedly, the last entry counts.
    order: VecDeque<(Instant, Key)>,
}

impl Refused {
    /// Remembers the attempts for a hash until its refusal.
    pub fn put(&mut self, key: Key, tries: Tries) {
        let now = Instant::now();
        self.order.push_back((now, key.clone()));
        self.by_key.insert(key, (now, tries));
        while let Some((refused, key)) = self.order.front() {
            if self.order.len() <= CAPACITY && now < *refused + MEMORY {
                break;
            }
            if self.by_key.get(key).is_some_and(|(last, _)| last == refused) {
                self.by_key.remove(key);
            }
            self.order.pop_front();
        }
    }

    /// The attempts for this hash, which is removed here.
    pub fn take(&mut self, key: &[u8]) -> Option<Tries> {
        let (refused, tries) = self.by_key.remove(key)?;
        (Instant::now() < refused + MEMORY).then_some(tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_forgets_after_5_s_and_when_there_are_too_many() {
        let key = |number: usize| Key::from(number.to_le_bytes());
        let mut refused = Refused::default();
        refused.put(key(0), Tries::default());
        tokio::time::sleep(MEMORY).await;
        assert!(refused.take(&key(0)).is_none());
        for number in 0..=CAPACITY {
            refused.put(key(number), Tries::default());
        }
        assert!(refused.take(&key(0)).is_none());
        assert!(refused.take(&key(1)).is_some());
        assert!(refused.by_key.len() <= CAPACITY && refused.order.len() <= CAPACITY);
    }
}
