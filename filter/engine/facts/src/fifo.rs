//! A bounded memory: first in, first out.

use std::collections::{BTreeMap, VecDeque};

/// At most so many values by key. The oldest key goes first; a value that is replaced keeps its key's age.
#[derive(Debug)]
pub struct Fifo<K, V> {
    capacity: usize,
    values: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Copy + Ord, V> Fifo<K, V> {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, values: BTreeMap::new(), order: VecDeque::new() }
    }

    pub fn get(&self, key: K) -> Option<&V> {
        self.values.get(&key)
    }

    pub fn insert(&mut self, key: K, value: V) {
        if self.values.insert(key, value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.capacity {
            let Some(oldest) = self.order.pop_front() else { return };
            self.values.remove(&oldest);
        }
    }
}
