//! A ledger in this process's memory: kept as in a gateway, so that it means the same.

use std::collections::BTreeMap;

use countersign_tokens::UnixTime;

use super::{Agreed, Capacity, Entry, Ledger, Spent, Store, StoreError, StoredLedger, Versioned};
use crate::board::{Board, LedgerError, Posted, Posting};

/// For tests, the command line and single-threaded hosts.
#[derive(Debug)]
pub struct MemoryLedger(StoredLedger<Memory>);

impl MemoryLedger {
    /// A ledger with so many entries in each bucket; 200 and more are as many as a gateway has.
    pub fn new(slots: usize) -> Self {
        Self::of(Capacity::of_slots(slots))
    }

    /// A ledger that remembers as much as `capacity`.
    pub fn of(capacity: Capacity) -> Self {
        Self(StoredLedger::new(Memory::default(), capacity, Agreed::default()))
    }
}

impl Ledger for MemoryLedger {
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError> {
        self.0.spend(now, entry, until)
    }

    fn give_back(&mut self, entry: &Entry, until: UnixTime) -> Result<(), LedgerError> {
        self.0.give_back(entry, until)
    }

    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError> {
        self.0.is_spent(now, entry)
    }
}

impl Board for MemoryLedger {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        self.0.read(name)
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        self.0.post(name, document, version)
    }
}

/// Values by name.
#[derive(Debug, Default)]
struct Memory {
    values: BTreeMap<String, Versioned>,
}

impl Store for Memory {
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        Ok(self.values.get(key).cloned())
    }

    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError> {
        let number = match self.values.get(key) {
            Some(current) if current.cas != cas => return Err(StoreError::Changed),
            Some(current) => current.cas.wrapping_add(1),
            // Somebody wrote it and it is gone: nothing here removes anything.
            None if cas != Self::CREATE => return Err(StoreError::Changed),
            None => 1,
        };
        self.values.insert(key.to_owned(), Versioned { value: value.to_vec(), cas: number });
        Ok(())
    }

    /// Nobody else is here to guess them.
    fn random(&self) -> Option<[u8; 32]> {
        Some([7; 32])
    }
}
