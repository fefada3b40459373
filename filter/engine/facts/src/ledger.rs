//! What was spent, for as long as it matters, in this gateway process (ARCHITECTURE, "Where state lives").
//!
//! The ledger never decides: it answers [`Spent`], and whatever it cannot answer denies. This file is the port; how it is kept is
//! in [`StoredLedger`], over any store with compare-and-set, and what a test or the command line needs of it is [`MemoryLedger`].

mod bucket;
mod memory;
mod store;
mod stored;

use countersign_tokens::UnixTime;

use crate::board::{Board, LedgerError};

pub use self::bucket::Capacity;
pub use self::memory::MemoryLedger;
pub use self::store::{Store, StoreError, Versioned};
pub use self::stored::{Agreed, StoredLedger};

/// Memory of spent things shared by all sessions, and the [`Board`] beside it. Implementations are bounded, and who holds most is
/// refused first (ARCHITECTURE H8, invariant 13).
pub trait Ledger: Board {
    /// Uses `entry` once more, which is remembered until `until`; of any number of concurrent callers no more than
    /// [`Entry::limit`] get [`Spent::Now`] before the first of them is forgotten.
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError>;

    /// Takes back a use of `entry` that was just made until `until`, because what it was for is not done. Where there is none any
    /// more there is nothing to take back; where it fails, the use stays.
    fn give_back(&mut self, entry: &Entry, until: UnixTime) -> Result<(), LedgerError>;

    /// Whether `entry` is used up, without using it.
    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError>;

    /// An input is dealt with: forgets what was looked at for it, so that a stream that waits takes no memory for it.
    fn rest(&mut self) {}
}

/// One thing that can be used so often. Names are SHA-256 digests, so nothing readable is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Digest of whose it is: (iss, sub). All that is one workload's counts together.
    pub partition: [u8; 32],
    /// Digest of what is spent, its kind included (`approval:…`, `token:…`).
    pub key: [u8; 32],
    /// How often it can be used; at least once.
    pub limit: u32,
    /// What is known of until when its uses are remembered.
    pub ends: Ends,
    /// What it takes the room of.
    pub room: Room,
}

/// Until when uses of one thing are remembered. It matters when the clock was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ends {
    /// Every use of it until then, whenever it is used.
    At(UnixTime),
    /// Each use until another time.
    Variously,
}

/// What an entry takes the room of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Room {
    /// What cannot be remembered is refused.
    Needed,
    /// What cannot be remembered is only not known. It never takes the room of what is needed.
    Spare,
}

/// The answer to [`Ledger::spend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was not used up, and is used once more from now on.
    Now,
    /// It had been used up before.
    Before,
}

#[cfg(test)]
mod tests;
