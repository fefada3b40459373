//! What was spent, for as long as it matters, in this gateway process (DESIGN §9).
//!
//! The ledger never decides: it answers [`Spent`], and whatever it cannot answer denies.

use std::collections::BTreeMap;

use countersign_tokens::UnixTime;

use crate::board::{Board, Posted, Posting};

/// Memory of spent things shared by all sessions, and the [`Board`] beside it. Implementations are bounded and partitioned per
/// workload, so that one workload can fill only its own share (DESIGN H8).
pub trait Ledger: Board {
    /// Uses `entry` once more, which is remembered until `until`; of any number of concurrent callers no more than
    /// [`Entry::limit`] get [`Spent::Now`] before the first of them is forgotten.
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError>;

    /// Whether `entry` is used up, without using it.
    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError>;
}

/// One thing that can be used so often. Names are SHA-256 digests, so nothing readable is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Digest of the workload the thing belongs to: (iss, sub).
    pub partition: [u8; 32],
    /// Digest of what is spent, its kind included (`approval:…`, `token:…`).
    pub key: [u8; 32],
    /// How often it can be used; at least once.
    pub limit: u32,
}

/// The answer to [`Ledger::spend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was not used up, and is used once more from now on.
    Now,
    /// It had been used up before.
    Before,
}

/// The ledger cannot say; the request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The workload's share holds as many live entries as it may.
    #[error("the workload's share of the ledger is full")]
    Full,
    /// The store behind the ledger failed or kept changing under concurrent writers.
    #[error("the ledger's store did not answer")]
    Unavailable,
}

/// What is remembered of a thing: so many uses until then.
#[derive(Clone, Copy, Debug)]
struct Use {
    key: [u8; 32],
    until: UnixTime,
    count: u32,
}

/// A ledger in this process's memory: for tests, the command line and single-threaded hosts.
#[derive(Debug)]
pub struct MemoryLedger {
    share: usize,
    partitions: BTreeMap<[u8; 32], Vec<Use>>,
    board: BTreeMap<String, Posted>,
}

impl MemoryLedger {
    /// A ledger in which each workload may have `share` live entries.
    pub fn new(share: usize) -> Self {
        Self { share, partitions: BTreeMap::new(), board: BTreeMap::new() }
    }
}

impl Board for MemoryLedger {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        Ok(self.board.get(name).cloned())
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        let current = self.board.get(name).map(|posted| posted.version);
        if current != version {
            return Ok(Posting::Changed);
        }
        let version = version.map_or(1, |version| version.wrapping_add(1));
        self.board.insert(name.to_owned(), Posted { document: document.to_vec(), version });
        Ok(Posting::Done)
    }
}

impl Ledger for MemoryLedger {
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError> {
        self.partitions.retain(|_, uses| {
            uses.retain(|one| one.until > now);
            !uses.is_empty()
        });
        let uses = self.partitions.entry(entry.partition).or_default();
        if count(uses, entry, now) >= entry.limit {
            return Ok(Spent::Before);
        }
        if let Some(one) = uses.iter_mut().find(|one| one.key == entry.key && one.until == until) {
            one.count = one.count.saturating_add(1);
            return Ok(Spent::Now);
        }
        if uses.len() >= self.share {
            return Err(LedgerError::Full);
        }
        uses.push(Use { key: entry.key, until, count: 1 });
        Ok(Spent::Now)
    }

    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError> {
        Ok(self.partitions.get(&entry.partition).is_some_and(|uses| count(uses, entry, now) >= entry.limit))
    }
}

fn count(uses: &[Use], entry: &Entry, now: UnixTime) -> u32 {
    let live = uses.iter().filter(|one| one.key == entry.key && one.until > now);
    live.map(|one| one.count).fold(0, u32::saturating_add)
}
