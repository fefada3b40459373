//! What was spent, for as long as it matters, in this gateway process (DESIGN §9).
//!
//! The ledger never decides: it answers [`Spent`], and whatever it cannot answer denies.

use std::collections::BTreeMap;

use countersign_tokens::UnixTime;

use crate::board::{Board, Posted, Posting};

/// Memory of spent things shared by all sessions, and the [`Board`] beside it. Implementations are bounded and partitioned per
/// workload, so that one workload can fill only its own share (DESIGN H8).
pub trait Ledger: Board {
    /// Spends `entry` until `until`; of any number of concurrent callers exactly one gets [`Spent::Now`].
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError>;

    /// Whether `entry` is spent, without spending it.
    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError>;
}

/// One thing that can be used once. Both parts are SHA-256 digests, so nothing readable is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Digest of the workload the thing belongs to: (iss, sub).
    pub partition: [u8; 32],
    /// Digest of what is spent, its kind included (`approval:…`, `token:…`).
    pub key: [u8; 32],
}

/// The answer to [`Ledger::spend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was unspent and is spent from now on.
    Now,
    /// It had been spent before.
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

/// A ledger in this process's memory: for tests, the command line and single-threaded hosts.
#[derive(Debug)]
pub struct MemoryLedger {
    share: usize,
    partitions: BTreeMap<[u8; 32], BTreeMap<[u8; 32], UnixTime>>,
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
        self.partitions.retain(|_, entries| {
            entries.retain(|_, until| *until > now);
            !entries.is_empty()
        });
        let entries = self.partitions.entry(entry.partition).or_default();
        if entries.contains_key(&entry.key) {
            return Ok(Spent::Before);
        }
        if entries.len() >= self.share {
            return Err(LedgerError::Full);
        }
        entries.insert(entry.key, until);
        Ok(Spent::Now)
    }

    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError> {
        let until = self.partitions.get(&entry.partition).and_then(|entries| entries.get(&entry.key));
        Ok(until.is_some_and(|until| *until > now))
    }
}
