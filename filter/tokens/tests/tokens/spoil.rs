//! What fuzz targets share, here and in the engine: good inputs, and what is done to them.
//!
//! `cargo test` runs a bounded number of inputs of each target; `cargo bolero test <target>` (on nightly) goes on for as long
//! as wanted, guided by coverage.

use std::time::Duration;

use bolero::TypeGenerator;

/// Inputs of one target in one run.
pub(crate) const INPUTS: usize = 20_000;

/// A run ends with its inputs; this is for machines that are very slow.
pub(crate) const LONGEST: Duration = Duration::from_mins(1);

/// At most so many changes, and as often only one, so that what follows the first check is reached.
const CHANGES: u8 = 6;

/// What is done to a seed.
#[derive(Clone, Debug, TypeGenerator)]
enum Spoil {
    Flip {
        at: u16,
        bit: u8,
    },
    Insert {
        at: u16,
        byte: u8,
    },
    /// A piece that means something.
    Splice {
        at: u16,
        piece: u8,
    },
    /// The same where the next member of an object may begin, so that the rest stays JSON.
    Member {
        at: u16,
        piece: u8,
    },
    Delete {
        at: u16,
        length: u8,
    },
    Repeat {
        at: u16,
        length: u8,
    },
}

/// A seed and what is done to it.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) struct Spoilt {
    seed: u16,
    changes: u8,
    spoils: Vec<Spoil>,
}

impl Spoilt {
    /// The one of `seeds` that this is about.
    pub(crate) fn seed<'s, S>(&self, seeds: &'s [S]) -> Option<&'s S> {
        seeds.get(usize::from(self.seed) % seeds.len().max(1))
    }

    /// One of `seeds`, spoilt.
    pub(crate) fn of(&self, seeds: &[Vec<u8>], pieces: &[&str]) -> Vec<u8> {
        self.seed(seeds).map(|seed| self.done_to(seed, pieces)).unwrap_or_default()
    }

    /// `seed`, spoilt.
    pub(crate) fn done_to(&self, seed: &[u8], pieces: &[&str]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for spoil in self.spoils.iter().take(usize::from(self.changes % CHANGES) + 1) {
            spoil.apply(&mut bytes, pieces);
        }
        bytes
    }
}

impl Spoil {
    fn apply(&self, bytes: &mut Vec<u8>, pieces: &[&str]) {
        let place = |at: u16, bytes: &[u8]| usize::from(at) % (bytes.len() + 1);
        let insert = |bytes: &mut Vec<u8>, at: usize, piece: u8| {
            let piece = pieces.get(usize::from(piece) % pieces.len().max(1)).copied().unwrap_or_default();
            bytes.splice(at..at, piece.bytes());
        };
        match *self {
            Self::Flip { at, bit } => {
                let at = place(at, bytes);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Insert { at, byte } => bytes.insert(place(at, bytes), byte),
            Self::Splice { at, piece } => {
                let at = place(at, bytes);
                insert(bytes, at, piece);
            }
            Self::Member { at, piece } => {
                let start = place(at, bytes);
                let begins = |(_, byte): &(usize, &u8)| [b'{', b','].contains(*byte);
                let begins = bytes.iter().enumerate().skip(start).find(begins);
                insert(bytes, begins.map_or(start, |(at, _)| at + 1), piece);
            }
            Self::Delete { at, length } => {
                let at = place(at, bytes);
                let end = (at + usize::from(length % 16)).min(bytes.len());
                bytes.drain(at..end);
            }
            Self::Repeat { at, length } => {
                let at = place(at, bytes);
                let end = (at + usize::from(length % 16)).min(bytes.len());
                let again = bytes.get(at..end).unwrap_or_default().to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}
