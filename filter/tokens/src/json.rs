//! JSON that every parser reads alike: what is accepted here has one meaning.
//!
//! `serde_json` does the parsing; this module decides what is refused beyond the grammar (RFC 8259): text that is not
//! UTF-8, a member that comes twice (RFC 8259 §4 leaves its meaning open; an attacker shows one reader the first and
//! another the second), numbers outside I-JSON (RFC 7493 §2.2), and whatever exceeds the caller's bounds.
//!
//! `-0` is a number in RFC 7493 and RFC 8785 (§3.2.2.3 writes it as `0`), so it is read, as positive zero. A fraction is
//! read as the nearest IEEE 754 double; more digits than a double holds are not refused.
//!
//! [`exact`] keeps numbers as they are written, of any size and precision, and leaves it to whoever reads one whether it is exact
//! enough.
//!
//! It never repairs, never drops and never lets one of two readings win.
//!
//! ```
//! use countersign_tokens::json::{parse, JsonError, Limits};
//!
//! assert_eq!(parse(br#"{"amount": 5}"#, &Limits::DEFAULT).unwrap()["amount"], 5);
//! // The second name is the first one, escaped.
//! let twice = br#"{"amount": 5, "amoun\u0074": 5000}"#;
//! assert_eq!(parse(twice, &Limits::DEFAULT), Err(JsonError::DuplicateMember));
//! ```

use std::cell::{Cell, RefCell};
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

mod numeral;
mod tree;

pub use numeral::Numeral;
use numeral::Numerals;
pub use tree::{Json, Members, Written, canonical, finite, members_of, members_to_value, written};

/// The largest integer that is exact in every reader: 2^53 − 1 (RFC 7493 §2.2).
pub const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// The deepest nesting there is, whatever [`Limits::depth`] says; below `serde_json`'s own bound of 127.
pub const MAX_DEPTH: usize = 64;

/// How much is read before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Arrays and objects inside each other; at most [`MAX_DEPTH`].
    pub depth: usize,
    /// Length of the text.
    pub bytes: usize,
    /// Values of any kind, containers included.
    pub nodes: usize,
}

impl Limits {
    /// 64 levels, 1 MiB, 65,536 values.
    pub const DEFAULT: Self = Self { depth: MAX_DEPTH, bytes: 1 << 20, nodes: 1 << 16 };

    /// For a text whose length is bounded already: as many values for each byte as [`Self::DEFAULT`] has, and no fewer than it.
    pub const fn of(bytes: usize) -> Self {
        let scaled = bytes / (Self::DEFAULT.bytes / Self::DEFAULT.nodes);
        let nodes = if scaled > Self::DEFAULT.nodes { scaled } else { Self::DEFAULT.nodes };
        Self { bytes, nodes, ..Self::DEFAULT }
    }
}

/// Why a text was refused; never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Longer than [`Limits::bytes`].
    #[error("JSON text is longer than {limit} bytes")]
    TooLarge {
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
    /// Not UTF-8 (RFC 8259 §8.1).
    #[error("JSON text is not UTF-8")]
    InvalidUtf8,
    /// Not JSON: grammar, trailing data, a byte order mark, an unpaired surrogate escape (RFC 8259, RFC 7493 §2.1).
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 before the first.
        column: usize,
    },
    /// Two members of one object have the same name after unescaping (RFC 7493 §2.3).
    #[error("an object has two members of the same name")]
    DuplicateMember,
    /// Nested deeper than [`Limits::depth`] (RFC 8259 §9).
    #[error("arrays and objects are nested deeper than {limit} levels")]
    TooDeep {
        /// The limit that was exceeded.
        limit: usize,
    },
    /// More values than [`Limits::nodes`] (RFC 8259 §9).
    #[error("more than {limit} values")]
    TooManyNodes {
        /// The limit that was exceeded.
        limit: usize,
    },
    /// An integer beyond ±(2^53 − 1), or no finite double (RFC 7493 §2.2); where numbers are kept as written, only an exponent of
    /// more than 15 digits.
    #[error("a number is outside the range that every reader keeps exact")]
    Number,
}

/// Reads one JSON text, all of it; every number is one that every reader keeps.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    exact(bytes, limits)?.into_value()
}

/// Reads what others say, of which not every number is for whoever reads it. Beside those that every reader keeps there are others
/// that `serde_json` holds exactly: who reads a number looks at its size. One that it does not hold spoils nothing, and is `[null]`:
/// neither a number nor a text to whoever asks for one.
pub fn tolerant(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    exact(bytes, limits).map(Json::into_tolerant)
}

/// Reads one JSON text, all of it; every number is one that every reader keeps, or that `serde_json` holds exactly.
pub fn held(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    exact(bytes, limits)?.into_exact()
}

/// Reads one JSON text, all of it, and keeps numbers as they are written.
pub fn exact(bytes: &[u8], limits: &Limits) -> Result<Json, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError::TooLarge { limit: limits.bytes });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::InvalidUtf8)?;
    let limits = Limits { depth: limits.depth.min(MAX_DEPTH), ..*limits };
    match read(text, text, &limits) {
        // `serde_json` has no doubles as large as that; what stands for them here is not looked at.
        Err(JsonError::Number) => read(&without_numbers(text)?, text, &limits),
        told => told,
    }
}

/// What `text` says, which differs from the `original` in its numbers only.
fn read(text: &str, original: &str, limits: &Limits) -> Result<Json, JsonError> {
    let reading = Reading {
        limits: *limits,
        numerals: RefCell::new(Numerals::of(original)),
        nodes: Cell::new(0),
        refused: Cell::new(None),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Node { reading: &reading, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| reading.refused.get().unwrap_or_else(|| syntax(&error)))
}

/// `text` with a zero in place of every number, in as many bytes.
fn without_numbers(text: &str) -> Result<String, JsonError> {
    let (mut zeros, mut end) = (String::with_capacity(text.len()), 0);
    for (start, numeral) in Numerals::of(text) {
        Numeral::parse(numeral)?;
        zeros.push_str(text.get(end..start).unwrap_or_default());
        zeros.extend(std::iter::repeat_n(' ', numeral.len().saturating_sub(1)));
        zeros.push('0');
        end = start + numeral.len();
    }
    zeros.push_str(text.get(end..).unwrap_or_default());
    Ok(zeros)
}

fn syntax(error: &serde_json::Error) -> JsonError {
    // serde_json has no public code for a literal like `1e400`; a test holds it to these words.
    if error.to_string().starts_with("number out of range") {
        return JsonError::Number;
    }
    JsonError::Syntax { line: error.line(), column: error.column() }
}

/// What one call of [`parse`] has used up, and why it stopped: serde's error type cannot carry our own.
struct Reading<'t> {
    limits: Limits,
    /// Those that are still to come.
    numerals: RefCell<Numerals<'t>>,
    nodes: Cell<usize>,
    refused: Cell<Option<JsonError>>,
}

impl Reading<'_> {
    fn refuse<E: serde::de::Error>(&self, reason: JsonError) -> E {
        self.refused.set(Some(reason));
        E::custom(reason)
    }
}

#[derive(Clone, Copy)]
struct Node<'a> {
    reading: &'a Reading<'a>,
    /// Containers around this value.
    depth: usize,
}

impl Node<'_> {
    /// The seed for what is inside a container that starts here.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        let limit = self.reading.limits.depth;
        if self.depth >= limit {
            return Err(self.reading.refuse(JsonError::TooDeep { limit }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// The number that is read, as it is written.
    fn numeral<E: serde::de::Error>(self) -> Result<Json, E> {
        let (_, written) = self.reading.numerals.borrow_mut().next().unwrap_or_default();
        Numeral::parse(written).map(Json::Number).map_err(|error| self.reading.refuse(error))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let limit = self.reading.limits.nodes;
        if self.reading.nodes.get() >= limit {
            return Err(self.reading.refuse(JsonError::TooManyNodes { limit }));
        }
        self.reading.nodes.set(self.reading.nodes.get() + 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Json, E> {
        self.numeral()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Json, E> {
        self.numeral()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Json, E> {
        self.numeral()
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(inside)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut members = Members::new();
        while let Some(name) = access.next_key::<String>()? {
            match members.entry(name) {
                Entry::Vacant(entry) => entry.insert(access.next_value_seed(inside)?),
                Entry::Occupied(_) => return Err(self.reading.refuse(JsonError::DuplicateMember)),
            };
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests;
