//! JSON that every reader reads alike, whatever protocol it is in.
//!
//! Beyond JSON's own rules, two members of one object may not differ in case only: decoders that match member names without
//! case (Go's `encoding/json`) would take the other one. Names have one spelling.

use std::collections::BTreeSet;

use countersign_facts::fold::fold;
use countersign_facts::reason::Reason;
use countersign_tokens::json::{self, Json, Limits, Members};
use unicode_normalization::is_nfc;

/// So many members are compared with each other.
const FEW: usize = 16;

/// The value in `body`; whether its objects have one reading is not looked at yet. How long it may be was said when it was held.
pub(super) fn parse(body: &[u8]) -> Result<Json, Reason> {
    json::exact(body, &Limits::of(body.len())).map_err(|_| Reason::MalformedJson)
}

/// The members of the object that `body` is.
pub(super) fn object(body: &[u8]) -> Result<Members, Reason> {
    let members = parse(body).and_then(members)?;
    if has_one_reading(&members) { Ok(members) } else { Err(Reason::MalformedJson) }
}

/// The members of the object that `value` is.
pub(super) fn members(value: Json) -> Result<Members, Reason> {
    match value {
        Json::Object(members) => Ok(members),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Err(Reason::MalformedMessage)
        }
    }
}

/// Whether no two members of an object are the same to a reader that does not mind case, at any depth.
///
/// Depth is bounded by the parser, which also refuses numbers that readers round differently.
fn has_one_reading(members: &Members) -> bool {
    are_distinct(members) && members.values().all(is_unambiguous)
}

/// [`has_one_reading`] of every object in `value`.
pub(super) fn is_unambiguous(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => true,
        Json::Array(items) => items.iter().all(is_unambiguous),
        Json::Object(members) => has_one_reading(members),
    }
}

/// A name with one spelling: no control characters, and composed (Unicode NFC) so that a server that normalises
/// reads the same.
pub(super) fn name(value: Option<&Json>, longest: usize) -> Result<&str, Reason> {
    value.and_then(Json::as_str).filter(|name| is_name(name, longest)).ok_or(Reason::MalformedMessage)
}

/// Whether `text` is such a name.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.chars().count() <= longest
        && !text.chars().any(char::is_control)
        && (text.is_ascii() || is_nfc(text))
}

fn are_distinct(members: &Members) -> bool {
    // Nearly every object: to fold each of its names would cost more than all the rest of reading it.
    if members.len() <= FEW && members.keys().all(|key| key.is_ascii()) {
        let twice = |(at, key): (usize, &String)| {
            members.keys().skip(at.saturating_add(1)).any(|other| other.eq_ignore_ascii_case(key))
        };
        return !members.keys().enumerate().any(twice);
    }
    let mut seen = BTreeSet::new();
    members.keys().all(|key| seen.insert(fold(key)))
}
