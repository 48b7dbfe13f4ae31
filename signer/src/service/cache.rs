use std::collections::{BTreeMap, HashMap};

use super::key::Key;

/// The most recently used entries.
#[derive(Debug)]
pub struct Cache<V> {
    capacity: usize,
    uses: u64,
    entries: HashMap<Key, (V, u64)>,
    // By the moment of last use, oldest first.
    order: BTreeMap<u64, Key>,
}

impl<V: Copy> Cache<V> {
    /// A cache with this capacity.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            uses: 0,
            entries: HashMap::new(),
            order: BTreeMap::new(),
        }
    }

    /// The entry of this hash. Counts as a use.
    pub fn get(&mut self, key: &[u8]) -> Option<V> {
        let (value, used) = self.entries.get_mut(key)?;
        let key = self.order.remove(used)?;
        self.uses += 1;
        *used = self.uses;
        self.order.insert(self.uses, key);
        Some(*value)
    }

    /// Adds an entry, and drops the least recently used one.
    pub fn put(&mut self, key: Key, value: V) {
        self.uses += 1;
        if let Some((_, used)) = self.entries.insert(key.clone(), (value, self.uses)) {
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
