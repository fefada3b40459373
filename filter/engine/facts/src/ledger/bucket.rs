//! One bucket of the ledger: what is stored in it, and who may have more of it.
//!
//! Pure: bytes in, bytes out. A value that this version cannot have written is not read as anything.
//!
//! | bytes of a bucket | what |
//! |---|---|
//! | 4 | `csl3` |
//! | 5 | the latest end of what was dropped from it, in hundredths of a second since 1970 |
//! | 18 each | entries: 4 whose, 6 which thing, 5 its end in hundredths of a second, rounded up, 3 how often it was used |

use std::time::Duration;

use countersign_tokens::UnixTime;

use super::{Ends, Entry, Room};
use crate::board::LedgerError;

/// Buckets of a ledger. Part of the format: another number puts the same thing elsewhere.
pub(super) const BUCKETS: u16 = 16_384;

/// First bytes of every bucket: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"csl3";
const TIME_BYTES: usize = 5;
const HEAD_BYTES: usize = MAGIC.len() + TIME_BYTES;
const OWNER_BYTES: usize = 4;
const TAG_BYTES: usize = 6;
const COUNT_BYTES: usize = 3;
const SLOT_BYTES: usize = OWNER_BYTES + TAG_BYTES + TIME_BYTES + COUNT_BYTES;

/// The most uses that one slot counts.
const MOST_COUNTED: u32 = (1 << (8 * COUNT_BYTES)) - 1;
/// The last time that can be written: in the year 2318.
const LAST: u64 = (1 << (8 * TIME_BYTES)) - 1;
const MICROS_PER_HUNDREDTH: u64 = 10_000;

/// What a gateway spends on a value beside its bytes: the key, its place in the table, what the allocator rounds up.
const BYTES_BESIDE: usize = 272;

/// Slots of the largest bucket that is read: of the largest ledger that can be configured.
const MOST_SLOTS: usize = 512;

/// One in so many slots is for what is [`Room::Spare`].
const SPARE: usize = 8;

/// How long what is over is kept: clocks of workers differ, and are set back, by less.
const GRACE: Duration = Duration::from_secs(2);

/// How much a ledger remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    slots: usize,
}

impl Capacity {
    /// In so many bytes of the gateway's memory.
    pub const fn of_bytes(bytes: usize) -> Self {
        let value = (bytes / BUCKETS as usize).saturating_sub(BYTES_BESIDE + HEAD_BYTES);
        Self::of_slots(value / SLOT_BYTES)
    }

    /// So many entries in each bucket.
    pub(crate) const fn of_slots(slots: usize) -> Self {
        Self { slots: if slots < MOST_SLOTS { slots } else { MOST_SLOTS } }
    }

    fn of(self, room: Room) -> usize {
        let spare = self.slots / SPARE;
        match room {
            Room::Needed => self.slots.saturating_sub(spare),
            Room::Spare => spare,
        }
    }
}

/// What a thing is called in a bucket. Whose it is says what it takes the room of, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    owner: [u8; OWNER_BYTES],
    tag: [u8; TAG_BYTES],
}

/// Where a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: u16,
    pub(super) name: Name,
}

impl Place {
    /// Of `entry`, by hashes that nobody can compute who does not know `key`: who chooses what is spent cannot choose where.
    pub(super) fn of(entry: &Entry, key: &[u8; 32]) -> Self {
        let room = match entry.room {
            Room::Needed => 0,
            Room::Spare => 1,
        };
        let whose = [&[room], entry.partition.as_slice()].concat();
        let [o0, o1, o2, o3, ..] = *blake3::keyed_hash(key, &whose).as_bytes();
        let thing = blake3::keyed_hash(key, &[whose.as_slice(), &entry.key].concat());
        let [b0, b1, t0, t1, t2, t3, t4, t5, ..] = *thing.as_bytes();
        Self {
            bucket: u16::from_be_bytes([b0, b1]) % BUCKETS,
            name: Name { owner: [o0 & !1 | room, o1, o2, o3], tag: [t0, t1, t2, t3, t4, t5] },
        }
    }
}

impl Name {
    fn room(&self) -> Room {
        let [first, ..] = self.owner;
        if first & 1 == 0 { Room::Needed } else { Room::Spare }
    }
}

/// What is in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bucket<'a> {
    forgotten: Hundredths,
    /// Whole slots.
    slots: &'a [u8],
}

impl<'a> Bucket<'a> {
    /// With nothing in it.
    pub(super) const EMPTY: Self = Self { forgotten: Hundredths(0), slots: &[] };

    /// `None` for anything that [`Self::with`] cannot have written.
    pub(super) fn read(value: &'a [u8]) -> Option<Self> {
        let (forgotten, slots) = value.strip_prefix(&MAGIC)?.split_first_chunk()?;
        let whole = slots.len() % SLOT_BYTES == 0 && slots.len() / SLOT_BYTES <= MOST_SLOTS;
        whole.then_some(Self { forgotten: Hundredths::read(*forgotten), slots })
    }

    /// How often `name` was used, as far as that still matters.
    pub(super) fn uses(&self, name: Name, now: UnixTime) -> u32 {
        let live = self.slots().filter(|slot| slot.name == name && slot.end.time() > now);
        live.map(|slot| slot.count).fold(0, u32::saturating_add)
    }

    /// Whether nothing was forgotten here that may have been a use of `entry` and that, at `now`, would still matter: when the
    /// clock was set back.
    pub(super) fn can_tell(&self, entry: &Entry, now: UnixTime) -> bool {
        match entry.ends {
            // What was over when it came is held, and was not forgotten because of the clock.
            Ends::At(end) => end <= now || Hundredths::at_least(end) > self.forgotten,
            Ends::Variously => self.forgotten.time() <= now,
        }
    }

    /// The value with one more use of `name` until `until`, and without what is long over.
    ///
    /// Who holds most is refused first: nobody holds more than half of what is free.
    pub(super) fn with(
        &self,
        name: Name,
        until: UnixTime,
        now: UnixTime,
        capacity: Capacity,
    ) -> Result<Vec<u8>, LedgerError> {
        let end = Hundredths::at_least(until);
        let mut kept = Vec::with_capacity(HEAD_BYTES + self.slots.len() + SLOT_BYTES);
        kept.extend_from_slice(&MAGIC);
        kept.extend_from_slice(&self.forgotten.bytes());
        let (mut forgotten, mut counted, mut taken, mut held) = (self.forgotten, false, 0_usize, 0_usize);
        for mut slot in self.slots() {
            if slot.end.time().plus(GRACE) <= now {
                forgotten = forgotten.max(slot.end);
                continue;
            }
            if !counted && slot.name == name && slot.end == end && slot.count < MOST_COUNTED {
                slot.count += 1;
                counted = true;
            }
            taken += usize::from(slot.name.room() == name.room());
            held += usize::from(slot.name.owner == name.owner);
            slot.write(&mut kept);
        }
        if !counted {
            let free = capacity.of(name.room()).saturating_sub(taken);
            match (held, free) {
                (0, 0) => return Err(LedgerError::Unavailable),
                (held, free) if 2 * held >= free => return Err(LedgerError::Full),
                _ => {}
            }
            Slot { name, end, count: 1 }.write(&mut kept);
        }
        let time = kept.iter_mut().skip(MAGIC.len()).zip(forgotten.bytes());
        time.for_each(|(stored, byte)| *stored = byte);
        Ok(kept)
    }

    /// The value with one use of `name` until `until` less; none where there is none.
    pub(super) fn without(&self, name: Name, until: UnixTime) -> Option<Vec<u8>> {
        let end = Hundredths::at_least(until);
        let mut kept = Vec::with_capacity(HEAD_BYTES + self.slots.len());
        kept.extend_from_slice(&MAGIC);
        kept.extend_from_slice(&self.forgotten.bytes());
        let mut given_back = false;
        for mut slot in self.slots() {
            if !given_back && slot.name == name && slot.end == end {
                given_back = true;
                slot.count = slot.count.saturating_sub(1);
                if slot.count == 0 {
                    continue;
                }
            }
            slot.write(&mut kept);
        }
        given_back.then_some(kept)
    }

    fn slots(&self) -> impl Iterator<Item = Slot> + use<'a> {
        self.slots.chunks_exact(SLOT_BYTES).filter_map(Slot::read)
    }
}

/// One entry as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    name: Name,
    end: Hundredths,
    count: u32,
}

impl Slot {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (owner, rest) = bytes.split_first_chunk()?;
        let (tag, rest) = rest.split_first_chunk()?;
        let (end, rest) = rest.split_first_chunk()?;
        let [c0, c1, c2] = *rest.first_chunk::<COUNT_BYTES>()?;
        let name = Name { owner: *owner, tag: *tag };
        Some(Self { name, end: Hundredths::read(*end), count: u32::from_le_bytes([c0, c1, c2, 0]) })
    }

    fn write(&self, into: &mut Vec<u8>) {
        let Self { name: Name { owner, tag }, end, count } = self;
        let [c0, c1, c2, _] = count.to_le_bytes();
        into.extend_from_slice(owner);
        into.extend_from_slice(tag);
        into.extend_from_slice(&end.bytes());
        into.extend_from_slice(&[c0, c1, c2]);
    }
}

/// A time as stored: hundredths of a second since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hundredths(u64);

impl Hundredths {
    /// The first that is not before `time`, or the last one there is.
    fn at_least(time: UnixTime) -> Self {
        Self(time.micros().div_ceil(MICROS_PER_HUNDREDTH).min(LAST))
    }

    fn time(self) -> UnixTime {
        UnixTime::from_micros(self.0.saturating_mul(MICROS_PER_HUNDREDTH))
    }

    fn read([b0, b1, b2, b3, b4]: [u8; TIME_BYTES]) -> Self {
        Self(u64::from_le_bytes([b0, b1, b2, b3, b4, 0, 0, 0]))
    }

    fn bytes(self) -> [u8; TIME_BYTES] {
        let [b0, b1, b2, b3, b4, ..] = self.0.to_le_bytes();
        [b0, b1, b2, b3, b4]
    }
}

#[cfg(test)]
mod tests;
