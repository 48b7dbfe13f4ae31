use std::collections::{BTreeMap, HashMap};

use super::key::Key;
use crate::backend::Signature;

/// The signatures asked for last.
#[derive(Debug)]
pub struct Cache {
    capacity: usize,
    uses: u64,
    entries: HashMap<Key, (Signature, u64)>,
    // By the moment of their last use, the oldest first.
    order: BTreeMap<u64, Key>,
}

impl Cache {
    /// Keeps this many.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            uses: 0,
            entries: HashMap::new(),
            order: BTreeMap::new(),
        }
    }

    /// The signature over this hash, which counts as a use.
    pub fn get(&mut self, key: &[u8]) -> Option<Signature> {
        let (signature, used) = self.entries.get_mut(key)?;
        let key = self.order.remove(used)?;
        self.uses += 1;
        *used = self.uses;
        self.order.insert(self.uses, key);
        Some(*signature)
    }

    /// Keeps a verified signature, in the place of the one that was not used for the longest time.
    pub fn put(&mut self, key: Key, signature: Signature) {
        self.uses += 1;
        if let Some((_, used)) = self.entries.insert(key.clone(), (signature, self.uses)) {
            self.order.remove(&used);
        }
        self.order.insert(self.uses, key);
        if self.entries.len() > self.capacity
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let key = |number: u8| Key::from([number; 32]);
        let mut cache = Cache::new(2);
        cache.put(key(1), [1; 64]);
        cache.put(key(2), [2; 64]);
        cache.put(key(2), [2; 64]);
        assert_eq!(cache.get(&key(1)), Some([1; 64]));
        cache.put(key(3), [3; 64]);
        assert_eq!(cache.get(&key(2)), None);
        assert_eq!(cache.get(&key(1)), Some([1; 64]));
        assert_eq!(cache.get(&key(3)), Some([3; 64]));
        assert_eq!((cache.entries.len(), cache.order.len()), (2, 2));
    }
}
