//! Shared data as Envoy keeps it: per process, so several hosts (workers) can have the same.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Values with the number that changes on every write. Clones are the same data.
#[derive(Clone, Debug, Default)]
pub struct SharedData(Rc<RefCell<Values>>);

#[derive(Debug, Default)]
struct Values {
    entries: BTreeMap<String, (Vec<u8>, u32)>,
    last_number: u32,
    conflicts: usize,
}

impl SharedData {
    /// The next `times` writes find that somebody else was faster.
    pub fn conflict(&self, times: usize) {
        self.0.borrow_mut().conflicts = times;
    }

    /// Puts `value` there, as another worker would.
    pub fn put(&self, key: &str, value: &[u8]) {
        self.set(key, value, 0);
    }

    /// The keys in use.
    pub fn keys(&self) -> Vec<String> {
        self.0.borrow().entries.keys().cloned().collect()
    }

    pub(super) fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.0.borrow().entries.get(key).cloned()
    }

    /// Whether it was written: `cas` is the current number, or 0, or nothing is there (ARCHITECTURE H8).
    pub(super) fn set(&self, key: &str, value: &[u8], cas: u32) -> bool {
        let mut data = self.0.borrow_mut();
        if cas != 0 && data.conflicts > 0 {
            data.conflicts = data.conflicts.saturating_sub(1);
            return false;
        }
        if cas != 0 && data.entries.get(key).is_some_and(|(_, number)| *number != cas) {
            return false;
        }
        data.last_number = data.last_number.wrapping_add(1);
        let number = data.last_number;
        data.entries.insert(key.to_owned(), (value.to_vec(), number));
        true
    }
}
