//! Spent things in the gateway's shared data: one memory for all workers of a gateway process.
//!
//! The store has neither expiry nor listing nor locks (DESIGN H8). Entries therefore live in a fixed number of
//! buckets chosen by workload, each one value: expired entries are dropped whenever a bucket is written, a bucket is
//! written only if nobody else did in between, and both a bucket and a workload's share of it are bounded.
//! Never decides, and never guesses: a value it cannot read is [`LedgerError::Unavailable`], not empty.

use countersign_engine::UnixTime;
use countersign_engine::board::{Board, Posted, Posting};
use countersign_engine::ledger::{Entry, Ledger, LedgerError, Spent};

/// How many buckets there are; with [`BUCKET_ENTRIES`] and [`ENTRY_BYTES`] this bounds the store to 44 MiB.
const BUCKETS: u16 = 1024;

/// Live entries of one bucket.
const BUCKET_ENTRIES: usize = 1024;

/// Workload tag, key digest, end, count.
const ENTRY_BYTES: usize = 8 + 24 + 8 + 4;

/// First bytes of every bucket: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"csl2";

/// A CAS no value has: `set` creates with it if absent and refuses otherwise. 0 would overwrite (DESIGN H8).
const CREATE: u32 = u32::MAX;

/// How often a bucket may change under a writer before it gives up.
const ATTEMPTS: usize = 8;

/// A value with the number that changes whenever it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Versioned {
    pub(crate) value: Vec<u8>,
    pub(crate) cas: u32,
}

/// A key-value store with compare-and-set, shared by concurrent writers.
pub(crate) trait Store {
    /// The value of `key`, if there is one.
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError>;

    /// Writes `key` if its number is still `cas`.
    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError>;
}

/// Why a store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// Somebody else wrote the key.
    Changed,
    /// Anything else.
    Failed,
}

/// The ledger over such a store.
#[derive(Debug)]
pub(crate) struct SharedLedger<S> {
    store: S,
    share: usize,
}

impl<S: Store> SharedLedger<S> {
    /// A ledger in which each workload may have `share` live entries, and never more than a bucket holds.
    pub(crate) fn new(store: S, share: usize) -> Self {
        Self { store, share }
    }

    fn bucket(&self, key: &str) -> Result<(Vec<Slot>, u32), LedgerError> {
        match self.store.fetch(key) {
            Ok(Some(found)) => Ok((decode(&found.value).ok_or(LedgerError::Unavailable)?, found.cas)),
            Ok(None) => Ok((Vec::new(), CREATE)),
            Err(StoreError::Changed | StoreError::Failed) => Err(LedgerError::Unavailable),
        }
    }
}

impl<S: Store> Board for SharedLedger<S> {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        match self.store.fetch(&board_key(name)) {
            Ok(found) => Ok(found.map(|Versioned { value, cas }| Posted { document: value, version: cas })),
            Err(StoreError::Changed | StoreError::Failed) => Err(LedgerError::Unavailable),
        }
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        match self.store.write(&board_key(name), document, version.unwrap_or(CREATE)) {
            Ok(()) => Ok(Posting::Done),
            Err(StoreError::Changed) => Ok(Posting::Changed),
            Err(StoreError::Failed) => Err(LedgerError::Unavailable),
        }
    }
}

fn board_key(name: &str) -> String {
    format!("countersign/board/{name}")
}

impl<S: Store> Ledger for SharedLedger<S> {
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError> {
        let key = bucket_key(entry);
        let slot = Slot::new(entry, until);
        for _ in 0..ATTEMPTS {
            let (mut slots, cas) = self.bucket(&key)?;
            slots.retain(|slot| slot.until > now);
            if uses(&slots, &slot, now) >= entry.limit {
                return Ok(Spent::Before);
            }
            if let Some(same) = slots.iter_mut().find(|other| other.is(&slot) && other.until == until) {
                same.count = same.count.saturating_add(1);
            } else {
                let share = slots.iter().filter(|other| other.workload == slot.workload).count();
                if share >= self.share || slots.len() >= BUCKET_ENTRIES {
                    return Err(LedgerError::Full);
                }
                slots.push(slot);
            }
            match self.store.write(&key, &encode(&slots), cas) {
                Ok(()) => return Ok(Spent::Now),
                Err(StoreError::Changed) => {}
                Err(StoreError::Failed) => return Err(LedgerError::Unavailable),
            }
        }
        Err(LedgerError::Unavailable)
    }

    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError> {
        let (slots, _) = self.bucket(&bucket_key(entry))?;
        Ok(uses(&slots, &Slot::new(entry, now), now) >= entry.limit)
    }
}

/// How often what `slot` is about was used, as far as that is still remembered.
fn uses(slots: &[Slot], slot: &Slot, now: UnixTime) -> u32 {
    let live = slots.iter().filter(|other| other.is(slot) && other.until > now);
    live.map(|other| other.count).fold(0, u32::saturating_add)
}

/// One entry as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    workload: [u8; 8],
    key: [u8; 24],
    until: UnixTime,
    count: u32,
}

impl Slot {
    /// One use.
    fn new(entry: &Entry, until: UnixTime) -> Self {
        let [_, _, w0, w1, w2, w3, w4, w5, w6, w7, ..] = entry.partition;
        let mut key = [0; 24];
        key.iter_mut().zip(entry.key).for_each(|(stored, digest)| *stored = digest);
        Self { workload: [w0, w1, w2, w3, w4, w5, w6, w7], key, until, count: 1 }
    }

    fn is(&self, other: &Self) -> bool {
        self.workload == other.workload && self.key == other.key
    }
}

/// The bucket of a workload. The bytes that pick it are not those of the tag.
fn bucket_key(entry: &Entry) -> String {
    let [high, low, ..] = entry.partition;
    format!("countersign/ledger/{}", u16::from_be_bytes([high, low]) % BUCKETS)
}

fn encode(slots: &[Slot]) -> Vec<u8> {
    let mut value = Vec::with_capacity(MAGIC.len().saturating_add(slots.len().saturating_mul(ENTRY_BYTES)));
    value.extend_from_slice(&MAGIC);
    for Slot { workload, key, until, count } in slots {
        value.extend_from_slice(workload);
        value.extend_from_slice(key);
        value.extend_from_slice(&until.millis().to_le_bytes());
        value.extend_from_slice(&count.to_le_bytes());
    }
    value
}

/// `None` for anything [`encode`] cannot have written.
fn decode(value: &[u8]) -> Option<Vec<Slot>> {
    let slots = value.strip_prefix(&MAGIC)?.chunks(ENTRY_BYTES).map(decode_slot).collect::<Option<Vec<_>>>()?;
    (slots.len() <= BUCKET_ENTRIES).then_some(slots)
}

fn decode_slot(bytes: &[u8]) -> Option<Slot> {
    let (workload, rest) = bytes.split_first_chunk()?;
    let (key, rest) = rest.split_first_chunk()?;
    let (until, rest) = rest.split_first_chunk()?;
    let count = u32::from_le_bytes(*rest.first_chunk()?);
    let until = UnixTime::from_millis(u64::from_le_bytes(*until));
    (bytes.len() == ENTRY_BYTES).then_some(Slot { workload: *workload, key: *key, until, count })
}

#[cfg(test)]
mod tests;
