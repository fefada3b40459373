//! What fuzz targets share, here and in the engine: good inputs, and what is done to them.
//!
//! `cargo test` runs a bounded number of inputs of each target; `cargo bolero test <target>` (on nightly) goes on for as long
//! as wanted, guided by coverage. What failed once is kept in a file, and tried first from then on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bolero::TypeGenerator;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Inputs of one target in one run.
pub(crate) const INPUTS: usize = 20_000;

/// A run ends with its inputs; this is for machines that are very slow.
pub(crate) const LONGEST: Duration = Duration::from_mins(1);

/// At most so many changes, and as often only one, so that what follows the first check is reached.
const CHANGES: u8 = 6;

/// Runs a target: so many inputs of a type, and before them what it failed on earlier.
macro_rules! fuzz {
    ($target:literal, $input:ty, $inputs:expr, $test:expr) => {
        bolero::check!()
            .with_type::<$input>()
            .with_test_time($crate::spoil::LONGEST)
            .with_iterations($inputs)
            .for_each($crate::spoil::Target($target).keeps::<$input>($test))
    };
}
pub(crate) use fuzz;

/// A fuzz target whose failing inputs are kept.
pub(crate) struct Target(pub(crate) &'static str);

impl Target {
    /// `test`, which was done on whatever the target failed on before. What it fails on from now on is written to
    /// `fuzz-failures/<target>/new.json` of the crate, the smallest input last; under another name it is kept for good.
    #[expect(clippy::expect_used, reason = "a target has no way to fail but to panic")]
    pub(crate) fn keeps<T: Serialize + DeserializeOwned>(self, test: impl Fn(&T)) -> impl Fn(&T) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-failures").join(self.0);
        for file in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let input = fs::read(file.path()).expect("a kept input is readable");
            test(&serde_json::from_slice(&input).expect("a kept input is of this target"));
        }
        move |input| {
            let _kept = Kept { folder: &folder, input };
            test(input);
        }
    }
}

/// Writes its input where a test on it panics.
struct Kept<'i, T: Serialize> {
    folder: &'i Path,
    input: &'i T,
}

impl<T: Serialize> Drop for Kept<'_, T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let written = serde_json::to_vec(self.input).map_err(Into::into).and_then(|text| {
            fs::create_dir_all(self.folder)?;
            fs::write(self.folder.join("new.json"), text)
        });
        if let Err(error) = written {
            eprintln!("the input that failed is not kept: {error}");
        }
    }
}

/// What is done to a seed.
#[derive(Clone, Debug, Deserialize, Serialize, TypeGenerator)]
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
    /// A piece that means something, where the next member of an object may begin, so that the rest stays JSON.
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
#[derive(Clone, Debug, Deserialize, Serialize, TypeGenerator)]
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
