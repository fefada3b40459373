//! Readers of JSON that are not ours: `serde_json`, where the last of two members counts, one where the first does, and one that
//! takes members for the same whatever their case.

use std::fmt;

use countersign_facts::digest::SentDigest;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Whether `body` has a number that no double holds: `serde_json` reads none of it.
pub(crate) fn is_beyond_doubles(body: &[u8]) -> bool {
    let read = serde_json::from_slice::<Value>(body);
    read.is_err_and(|error| error.to_string().starts_with("number out of range"))
}

/// Whether `digest` is that of `value`, as far as a reader that has doubles can tell.
pub(crate) fn is_digest_of(digest: &SentDigest, value: &Value) -> bool {
    digest.to_string().starts_with("sha-256-exact:") || *digest == SentDigest::of(&value.clone().into())
}

/// All that other readers make of `body`: where the last of two members counts, where the first does, and where case does not.
pub(crate) fn readings(body: &[u8]) -> Option<[Value; 3]> {
    let last = serde_json::from_slice::<Value>(body).ok()?;
    let First(first) = serde_json::from_slice::<First<false>>(body).ok()?;
    let First(folded) = serde_json::from_slice::<First<true>>(body).ok()?;
    Some([last, first, folded])
}

/// JSON as a reader sees it for which the first of two members counts; with `FOLDED`, of two in any case.
struct First<const FOLDED: bool>(Value);

impl<'de, const FOLDED: bool> Deserialize<'de> for First<FOLDED> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader::<FOLDED>).map(Self)
    }
}

struct Reader<const FOLDED: bool>;

/// `ſ` and the Kelvin sign are `s` and `k` to such a reader.
fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

impl<'de, const FOLDED: bool> Visitor<'de> for Reader<FOLDED> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(First::<FOLDED>(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(read.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some((key, First::<FOLDED>(value))) = members.next_entry::<String, _>()? {
            let twin = |known: &String| if FOLDED { folded(known) == folded(&key) } else { *known == key };
            if !read.keys().any(twin) {
                read.insert(key, value);
            }
        }
        Ok(read.into())
    }
}
