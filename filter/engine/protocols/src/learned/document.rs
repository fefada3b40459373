//! A document of sights: who saw what, until when that holds, and in which order it was seen.
//!
//! Bounded, with a share for each viewer. What speaks against a tool is kept or refused; what does not gives way to it.

use std::time::Duration;

use countersign_facts::board::{self, Board, Change, LedgerError};
use countersign_tokens::UnixTime;

use super::Viewer;

/// How long something holds after it was seen last. Clients list tools when a session begins: longer than most sessions, short
/// enough that a server that was repaired is not held to what it was.
pub(super) const LIFETIME: Duration = Duration::from_hours(24);

/// What is seen again is not written again before this has passed.
const RENEWAL: Duration = Duration::from_hours(1);

/// Entries of one document; with [`SHARES`](super::SHARES) and [`ENTRY_BYTES`] this bounds a resource to 6 MiB.
pub(super) const MOST: usize = 1024;
/// Those of one viewer.
pub(super) const SHARE: usize = 256;

const VIEWER_BYTES: usize = 8;
const KEY_BYTES: usize = 24;
/// Viewer, key, end, order.
pub(super) const ENTRY_BYTES: usize = VIEWER_BYTES + KEY_BYTES + 8 + 8;

/// First bytes of every document, before the order that it counts: anything else was not written by this version.
pub(super) const MAGIC: [u8; 4] = *b"cst2";

/// What was seen of which tool: a code, and a digest but for its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u8; KEY_BYTES]);

/// Something that somebody saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) viewer: Viewer,
    pub(super) key: Key,
    pub(super) until: UnixTime,
    /// Later is higher, within a document that others go by.
    pub(super) order: u64,
}

/// A document as it is at a time: without what lapsed.
#[derive(Debug, Default)]
pub(super) struct Document {
    order: u64,
    entries: Vec<Entry>,
    changed: bool,
}

impl Key {
    pub(super) fn new(code: u8, about: &[u8; 32]) -> Self {
        let mut key = [code; KEY_BYTES];
        key.iter_mut().zip(about).skip(1).for_each(|(stored, byte)| *stored = *byte);
        Self(key)
    }

    /// How much it says against the tool; nothing: 0.
    pub(super) fn degree(&self) -> u8 {
        let Self([code, ..]) = self;
        code & 0x0f
    }

    /// Whether it is about a tool that is looked at in this way.
    pub(super) fn is_way(&self, way: u8) -> bool {
        let Self([code, ..]) = self;
        code & 0xf0 == way
    }

    /// Whether it is about the same tool, looked at in the same way.
    pub(super) fn is_of_same(&self, other: &Self) -> bool {
        let (Self([one, ones @ ..]), Self([two, twos @ ..])) = (self, other);
        one & 0xf0 == two & 0xf0 && ones == twos
    }
}

impl Entry {
    /// Whether it was written not long ago.
    pub(super) fn is_fresh(&self, now: UnixTime) -> bool {
        self.until > now.plus(LIFETIME).minus(RENEWAL)
    }
}

impl Document {
    /// The document called `name` as it is `now`; an empty one if there is none.
    pub(super) fn read(board: &mut dyn Board, now: UnixTime, name: &str) -> Result<Self, LedgerError> {
        board.read(name)?.map_or_else(|| Ok(Self::default()), |posted| Self::decode(&posted.document, now))
    }

    /// Reads the document called `name`, and replaces it if `change` changed it.
    pub(super) fn change<T>(
        board: &mut dyn Board,
        now: UnixTime,
        name: &str,
        mut change: impl FnMut(&mut Self) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let changed = board::update(board, name, |posted| {
            let mut document = posted.map_or_else(|| Ok(Self::default()), |posted| Self::decode(posted, now))?;
            let made = change(&mut document)?;
            let becomes = if document.changed { Change::Post(document.encode()) } else { Change::Keep };
            Ok((made, becomes))
        });
        changed.flatten()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// What is about the same as `key`.
    pub(super) fn of_same(&self, key: &Key) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.key.is_of_same(key))
    }

    /// How many sights it has counted.
    pub(super) fn order(&self) -> u64 {
        self.order
    }

    /// Counts one more.
    pub(super) fn next_order(&mut self) -> u64 {
        self.order = self.order.saturating_add(1);
        self.order
    }

    /// Removes what `is_meant`.
    pub(super) fn remove(&mut self, is_meant: impl Fn(&Entry) -> bool) {
        self.entries.retain(|entry| !is_meant(entry));
    }

    /// Adds `entry`. Where its viewer's share, or the document, is full, it takes the place of what speaks against nothing; what
    /// itself speaks against nothing is then left out.
    pub(super) fn add(&mut self, entry: Entry) -> Result<(), LedgerError> {
        self.changed = true;
        let is_viewers = |other: &Entry| other.viewer == entry.viewer;
        let full = [
            (self.entries.iter().filter(|other| is_viewers(other)).count() >= SHARE, Some(entry.viewer)),
            (self.entries.len() >= MOST, None),
        ];
        for (_, whose) in full.into_iter().filter(|(full, _)| *full) {
            if entry.key.degree() == 0 {
                return Ok(());
            }
            let gives_way = |other: &Entry| other.key.degree() == 0 && whose.is_none_or(|whose| other.viewer == whose);
            let oldest = self.entries.iter().filter(|other| gives_way(other)).min_by_key(|other| other.until).copied();
            let oldest = oldest.ok_or(LedgerError::Full)?;
            self.remove(|other| *other == oldest);
        }
        self.entries.push(entry);
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut document = Vec::with_capacity(self.entries.len().saturating_mul(ENTRY_BYTES).saturating_add(12));
        document.extend_from_slice(&MAGIC);
        document.extend_from_slice(&self.order.to_le_bytes());
        for Entry { viewer: Viewer(viewer), key: Key(key), until, order } in &self.entries {
            document.extend_from_slice(viewer);
            document.extend_from_slice(key);
            document.extend_from_slice(&until.millis().to_le_bytes());
            document.extend_from_slice(&order.to_le_bytes());
        }
        document
    }

    /// What [`Self::encode`] wrote, but for what lapsed; an error for anything that it cannot have written.
    fn decode(document: &[u8], now: UnixTime) -> Result<Self, LedgerError> {
        let counted = document.strip_prefix(&MAGIC).and_then(<[u8]>::split_first_chunk);
        let (order, entries) = counted.ok_or(LedgerError::Unavailable)?;
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() || entries.len() > MOST {
            return Err(LedgerError::Unavailable);
        }
        let entries = entries.iter().filter_map(entry).filter(|entry| entry.until > now).collect();
        Ok(Self { order: u64::from_le_bytes(*order), entries, changed: false })
    }
}

fn entry(bytes: &[u8; ENTRY_BYTES]) -> Option<Entry> {
    let (viewer, rest) = bytes.split_first_chunk()?;
    let (key, rest) = rest.split_first_chunk()?;
    let (until, rest) = rest.split_first_chunk()?;
    let (order, _) = rest.split_first_chunk()?;
    Some(Entry {
        viewer: Viewer(*viewer),
        key: Key(*key),
        until: UnixTime::from_millis(u64::from_le_bytes(*until)),
        order: u64::from_le_bytes(*order),
    })
}
