#![doc = include_str!("layout.md")]

use std::sync::{Arc, OnceLock};

use countersign_tokens::UnixTime;

use super::bucket::{Bucket, Capacity, Place};
use super::{Entry, Ledger, Spent, Store, StoreError, Versioned};
use crate::board::{Board, LedgerError, Posted, Posting};

/// Where everything is that this format wrote.
pub(super) const FOLDER: &str = "countersign/ledger/3";

/// First bytes of the key's document: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"csk3";

/// How often a value may change under a writer before it gives up.
pub(super) const ATTEMPTS: usize = 16;

/// Buckets that were looked at and may be written next: a request spends hardly more things than that.
const LOOKED_AT: usize = 4;

/// The key of the hashes, once this worker knows what all workers agreed on. Clones are the same.
#[derive(Clone, Default)]
pub struct Agreed(Arc<OnceLock<[u8; 32]>>);

impl std::fmt::Debug for Agreed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Agreed").finish_non_exhaustive()
    }
}

/// A ledger over such a store.
#[derive(Debug)]
pub struct StoredLedger<S> {
    pub(super) store: S,
    capacity: Capacity,
    agreed: Agreed,
    looked_at: Vec<(u16, Versioned)>,
}

impl<S: Store> StoredLedger<S> {
    /// A ledger that remembers as much as `capacity`.
    pub fn new(store: S, capacity: Capacity, agreed: Agreed) -> Self {
        Self { store, capacity, agreed, looked_at: Vec::new() }
    }

    fn place(&mut self, entry: &Entry) -> Result<Place, LedgerError> {
        let key = match self.agreed.0.get() {
            Some(key) => *key,
            None => self.agree()?,
        };
        Ok(Place::of(entry, &key))
    }

    /// The key of the process: the first worker's.
    fn agree(&mut self) -> Result<[u8; 32], LedgerError> {
        let name = format!("{FOLDER}/key");
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.fetch(&name)? {
                let key = found.value.strip_prefix(&MAGIC).and_then(|key| key.try_into().ok());
                let key = key.ok_or(LedgerError::Unavailable)?;
                return Ok(*self.agreed.0.get_or_init(|| key));
            }
            let key = self.store.random().ok_or(LedgerError::Unavailable)?;
            match self.store.write(&name, &[MAGIC.as_slice(), &key].concat(), S::CREATE) {
                // It is read again: what is there now is what everybody has.
                Ok(()) | Err(StoreError::Changed) => {}
                Err(StoreError::Failed) => return Err(LedgerError::Unavailable),
            }
        }
        Err(LedgerError::Unavailable)
    }

    fn fetch(&self, name: &str) -> Result<Option<Versioned>, LedgerError> {
        self.store.fetch(name).map_err(|_: StoreError| LedgerError::Unavailable)
    }

    fn bucket(&self, bucket: u16) -> Result<Versioned, LedgerError> {
        let found = self.fetch(&name_of(bucket))?;
        Ok(found.unwrap_or_else(|| Versioned { value: Vec::new(), cas: S::CREATE }))
    }
}

impl<S: Store> Ledger for StoredLedger<S> {
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError> {
        let Place { bucket, name } = self.place(entry)?;
        // If it changed since, the store says so.
        let looked_at = self.looked_at.iter().position(|(looked_at, _)| *looked_at == bucket);
        let mut looked_at = looked_at.map(|at| self.looked_at.swap_remove(at).1);
        for _ in 0..ATTEMPTS {
            let (found, fresh) = match looked_at.take() {
                Some(found) => (found, false),
                None => (self.bucket(bucket)?, true),
            };
            let held = read::<S>(&found)?;
            if held.uses(name, now) >= entry.limit {
                // It may have been given back since.
                if fresh {
                    return Ok(Spent::Before);
                }
                continue;
            }
            if !held.can_tell(entry, now) {
                return Err(LedgerError::Unavailable);
            }
            let value = held.with(name, until, now, self.capacity)?;
            match self.store.write(&name_of(bucket), &value, found.cas) {
                Ok(()) => return Ok(Spent::Now),
                Err(StoreError::Changed) => {}
                Err(StoreError::Failed) => return Err(LedgerError::Unavailable),
            }
        }
        Err(LedgerError::Unavailable)
    }

    fn give_back(&mut self, entry: &Entry, until: UnixTime) -> Result<(), LedgerError> {
        let Place { bucket, name } = self.place(entry)?;
        for _ in 0..ATTEMPTS {
            let found = self.bucket(bucket)?;
            let Some(value) = read::<S>(&found)?.without(name, until) else { return Ok(()) };
            match self.store.write(&name_of(bucket), &value, found.cas) {
                Ok(()) => return Ok(()),
                Err(StoreError::Changed) => {}
                Err(StoreError::Failed) => return Err(LedgerError::Unavailable),
            }
        }
        Err(LedgerError::Unavailable)
    }

    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError> {
        let Place { bucket, name } = self.place(entry)?;
        let found = self.bucket(bucket)?;
        let held = read::<S>(&found)?;
        let spent = held.uses(name, now) >= entry.limit;
        if !spent && !held.can_tell(entry, now) {
            return Err(LedgerError::Unavailable);
        }
        self.looked_at.retain(|(looked_at, _)| *looked_at != bucket);
        if !spent && self.looked_at.len() < LOOKED_AT {
            self.looked_at.push((bucket, found));
        }
        Ok(spent)
    }

    fn rest(&mut self) {
        self.looked_at = Vec::new();
    }
}

impl<S: Store> Board for StoredLedger<S> {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        let found = self.fetch(&board_key(name))?;
        Ok(found.map(|Versioned { value, cas }| Posted { document: value, version: cas }))
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        match self.store.write(&board_key(name), document, version.unwrap_or(S::CREATE)) {
            Ok(()) => Ok(Posting::Done),
            Err(StoreError::Changed) => Ok(Posting::Changed),
            Err(StoreError::Failed) => Err(LedgerError::Unavailable),
        }
    }
}

fn board_key(name: &str) -> String {
    format!("countersign/board/{name}")
}

fn name_of(bucket: u16) -> String {
    format!("{FOLDER}/{bucket}")
}

/// What is in it.
fn read<S: Store>(found: &Versioned) -> Result<Bucket<'_>, LedgerError> {
    match found {
        Versioned { value, cas } if value.is_empty() && *cas == S::CREATE => Ok(Bucket::EMPTY),
        Versioned { value, cas: _ } => Bucket::read(value).ok_or(LedgerError::Unavailable),
    }
}
