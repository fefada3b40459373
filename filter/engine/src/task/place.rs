//! Where in the arguments a constraint of a grant holds, what approvers are not shown or where a call goes: an RFC 6901 pointer
//! in which `*` stands for every item of a list.
//!
//! A pointer into one item is about that item and looks as if it were about all of them. It is an error, but for lists whose
//! schema gives each position a type of its own.

use std::fmt;

use countersign_tokens::json::{Json, Members};

use crate::fold::is_same;
use crate::pointer::Pointer;
use crate::shape::{InputSchema, Record, Rest, Shape, Why};

/// Stands for every item of a list.
const EVERY: &str = "*";

/// A place, or several, in arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentPlace {
    written: Pointer,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object, or a position in a list that has a type for each.
    Name(String),
    Every,
}

impl ArgumentPlace {
    /// As a grant writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Pointer::parse(text).map(Self::from)
    }

    /// The pointer it is written as.
    pub fn pointer(&self) -> &Pointer {
        &self.written
    }

    /// Whether `holds` of what is there, of each item where it is every item. Where nothing is, or an empty list, it does not.
    pub fn all(&self, arguments: &Members, holds: &dyn Fn(&Json) -> bool) -> bool {
        match self.steps.split_first() {
            Some((Step::Name(name), rest)) => arguments.get(name).is_some_and(|value| all(rest, value, holds)),
            Some((Step::Every, _)) | None => false,
        }
    }

    /// All that is there. What is no list counts as its only item: nothing is overlooked for being written otherwise.
    pub fn find<'v>(&self, arguments: &'v Members) -> Vec<&'v Json> {
        let mut found = Vec::new();
        if let Some((Step::Name(name), rest)) = self.steps.split_first()
            && let Some(value) = arguments.get(name)
        {
            find(rest, value, &mut found);
        }
        found
    }

    /// Puts `other` in place of all that [is there](Self::find).
    pub fn replace(&self, arguments: &mut Members, other: &Json) {
        if let Some((Step::Name(name), rest)) = self.steps.split_first()
            && let Some(value) = arguments.get_mut(name)
        {
            replace(rest, value, other);
        }
    }

    /// Whether something that `schema` declares could be there.
    pub fn could_be_in(&self, schema: &InputSchema) -> bool {
        schema.types().is_ok_and(|record| could_be_below(&self.steps, record))
    }

    /// Where `arguments` carry beside what `schema` declares, if it is there, what this place is about: the same name, or one
    /// that a reader which does not mind case takes for it.
    ///
    /// Where the schema itself admits what it does not name, and where there is none, whoever asks for this very name reads
    /// it: it is only another spelling then.
    pub fn beside(&self, arguments: &Members, schema: Option<&InputSchema>) -> Option<String> {
        let unknown = Record::open();
        let record = schema.and_then(|schema| schema.types().ok()).map_or(&unknown, AsRef::as_ref);
        beside(&self.steps, arguments, record)
    }

    /// Whether there may be several.
    pub fn may_be_several(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// Whether it may lead into one item of a list.
    pub fn may_be_one_item(&self) -> bool {
        self.steps.iter().skip(1).any(Step::is_position)
    }

    /// Whether it leads nowhere but to what `schema` declares by this name or position.
    pub fn is_declared(&self, schema: &InputSchema) -> bool {
        schema.types().is_ok_and(|record| is_declared(&self.steps, record))
    }
}

impl From<Pointer> for ArgumentPlace {
    fn from(written: Pointer) -> Self {
        let step = |token: String| if token == EVERY { Step::Every } else { Step::Name(token) };
        let steps = written.tokens().map(step).collect();
        Self { written, steps }
    }
}

impl fmt::Display for ArgumentPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(out)
    }
}

impl Step {
    /// The item of `items` that it is.
    fn item(&self, items: usize) -> Option<usize> {
        let Self::Name(name) = self else { return None };
        // As RFC 6901 §4 writes positions.
        let plain = name == "0" || !name.starts_with(['0', '+']);
        name.parse::<usize>().ok().filter(|at| plain && *at < items)
    }

    /// Whether a list would take it for a position.
    fn is_position(&self) -> bool {
        match self {
            Self::Name(name) => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Every => false,
        }
    }
}

fn all(steps: &[Step], value: &Json, holds: &dyn Fn(&Json) -> bool) -> bool {
    match (steps.split_first(), value) {
        (None, value) => holds(value),
        (Some((Step::Every, rest)), Json::Array(items)) => {
            !items.is_empty() && items.iter().all(|item| all(rest, item, holds))
        }
        (Some((Step::Name(name), rest)), Json::Object(members)) => {
            members.get(name).is_some_and(|value| all(rest, value, holds))
        }
        (Some((step, rest)), Json::Array(items)) => {
            step.item(items.len()).and_then(|at| items.get(at)).is_some_and(|item| all(rest, item, holds))
        }
        (Some(_), _) => false,
    }
}

fn find<'v>(steps: &[Step], value: &'v Json, found: &mut Vec<&'v Json>) {
    let Some((step, rest)) = steps.split_first() else { return found.push(value) };
    match (step, value) {
        (Step::Every, Json::Array(items)) => items.iter().for_each(|item| find(rest, item, found)),
        (Step::Every, only) => find(rest, only, found),
        (Step::Name(name), Json::Object(members)) => {
            if let Some(value) = members.get(name) {
                find(rest, value, found);
            }
        }
        (Step::Name(_), Json::Array(items)) => {
            if let Some(item) = step.item(items.len()).and_then(|at| items.get(at)) {
                find(rest, item, found);
            }
        }
        (Step::Name(_), _) => {}
    }
}

fn replace(steps: &[Step], value: &mut Json, other: &Json) {
    let Some((step, rest)) = steps.split_first() else { return value.clone_from(other) };
    match (step, value) {
        (Step::Every, Json::Array(items)) => items.iter_mut().for_each(|item| replace(rest, item, other)),
        (Step::Every, only) => replace(rest, only, other),
        (Step::Name(name), Json::Object(members)) => {
            if let Some(value) = members.get_mut(name) {
                replace(rest, value, other);
            }
        }
        (Step::Name(_), Json::Array(items)) => {
            if let Some(item) = step.item(items.len()).and_then(|at| items.get_mut(at)) {
                replace(rest, item, other);
            }
        }
        (Step::Name(_), _) => {}
    }
}

/// [`ArgumentPlace::could_be_in`].
fn could_be_below(steps: &[Step], record: &Record) -> bool {
    let Some((Step::Name(name), rest)) = steps.split_first() else { return false };
    match record.member(name) {
        Some(property) => could_be_within(rest, &property.shape),
        None => matches!(record.rest, Rest::Open(_)),
    }
}

fn could_be_within(steps: &[Step], shape: &Shape) -> bool {
    let Some((_, rest)) = steps.split_first() else { return true };
    match shape {
        Shape::Record(record) => could_be_below(steps, record),
        Shape::Set(item) => could_be_within(rest, &item.shape),
        Shape::Opaque(_) => true,
        Shape::Boolean | Shape::Long | Shape::Decimal | Shape::String(_) => false,
    }
}

/// [`ArgumentPlace::beside`], as a pointer.
fn beside(steps: &[Step], members: &Members, record: &Record) -> Option<String> {
    let (Step::Name(name), rest) = steps.split_first()? else { return None };
    let below = |found: String| format!("/{}{found}", Pointer::escaped(name));
    if let (Some(property), Some(value)) = (record.member(name), members.get(name)) {
        return beside_in(rest, value, &property.shape).map(below);
    }
    let is_declared = |name: &String| record.properties.contains_key(name);
    let apart = |other: &String| is_declared(name) && is_declared(other);
    let meant = |other: &&String| match &record.rest {
        Rest::Unasked => is_same(other, name) && !apart(other),
        Rest::Open(_) | Rest::Map(..) => *other != name && is_same(other, name) && !apart(other),
        // Whatever it is, it is refused.
        Rest::Refused => false,
    };
    let found = members.keys().find(meant);
    found.map(|found| format!("/{}", Pointer::escaped(found)))
}

fn beside_in(steps: &[Step], value: &Json, shape: &Shape) -> Option<String> {
    match (value, shape) {
        (Json::Object(members), Shape::Record(record)) => beside(steps, members, record),
        (Json::Array(items), Shape::Set(item)) => {
            let (step, rest) = steps.split_first()?;
            let meant = |at: usize| matches!(step, Step::Every) || step.item(items.len()) == Some(at);
            let mut meant = items.iter().enumerate().filter(|(at, _)| meant(*at));
            meant.find_map(|(at, value)| Some(format!("/{at}{}", beside_in(rest, value, &item.shape)?)))
        }
        _ => None,
    }
}

/// Whether positions among `steps` are members, or positions in a list that has a type for each.
fn is_declared(steps: &[Step], record: &Record) -> bool {
    let mut shape = match steps.split_first() {
        Some((Step::Name(name), _)) => record.member(name).map(|property| &property.shape),
        Some((Step::Every, _)) | None => None,
    };
    let mut rest = steps.iter().skip(1).peekable();
    while let Some(step) = rest.peek() {
        shape = match (step, shape) {
            (Step::Every, Some(Shape::Set(item))) => Some(&item.shape),
            (Step::Name(name), Some(Shape::Record(record))) => match record.member(name) {
                Some(property) => Some(&property.shape),
                None => return !rest.any(Step::is_position),
            },
            (Step::Name(_), Some(Shape::Opaque(unreadable))) if unreadable.why == Why::Tuple => {
                // Nothing is known of what lies in it.
                return !rest.skip(1).any(Step::is_position);
            }
            _ => return !rest.any(Step::is_position),
        };
        rest.next();
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_is_every_item() {
        let document = json!({ "l": ["a", "b"], "e": [], "o": [{ "p": "a", "q": ["a"] }, { "p": "b", "q": ["b", "a"] }], "m": { "*": "a", "0": "a" }, "n": [["a"], []] });
        let members = Json::from(document).as_object().cloned().unwrap_or_default();
        for (place, letters, expected) in [
            ("/l/*", "ab", true),
            ("/l/*", "a", false),
            ("/e/*", "ab", false),
            ("/o/*/p", "ab", true),
            ("/o/*/p", "a", false),
            ("/o/*/q/*", "ab", true),
            ("/o/*/q/*", "b", false),
            ("/o/*/none", "ab", false),
            // Of what is no list nothing is every item.
            ("/m/*", "a", false),
            ("/*", "a", false),
            ("/m/0", "a", true),
            ("/l/0", "a", true),
            ("/l/1", "a", false),
            ("/l/01", "ab", false),
            ("/l/-", "ab", false),
            ("/n/*/*", "a", false),
        ] {
            let is_one = |value: &Json| value.as_str().is_some_and(|text| letters.contains(text));
            let found = ArgumentPlace::parse(place).map(|place| place.all(&members, &is_one));
            assert_eq!(found, Some(expected), "{place} {letters}");
        }
    }

    #[test]
    fn all_that_is_there_is_found_and_can_be_replaced() {
        let document = json!({ "l": ["a", "b"], "o": [{ "p": 1, "q": [2, 3] }, { "p": 4 }, 5], "s": "x", "m": { "p": 6, "*": 7 }, "e": [] });
        let members = Json::from(document).as_object().cloned().unwrap_or_default();
        for (place, expected) in [
            ("/l/*", json!(["a", "b"])),
            ("/l", json!([["a", "b"]])),
            ("/l/1", json!(["b"])),
            ("/l/01", json!([])),
            ("/l/2", json!([])),
            ("/o/*/p", json!([1, 4])),
            ("/o/*/q/*", json!([2, 3])),
            // What is no list is its only item.
            ("/s/*", json!(["x"])),
            ("/m/*/p", json!([6])),
            ("/e/*", json!([])),
            ("/*", json!([])),
            ("/none/*", json!([])),
        ] {
            let parsed = ArgumentPlace::parse(place);
            let found = parsed.as_ref().map(|place| place.find(&members).into_iter().map(Json::shown).collect());
            assert_eq!(found, Some(expected), "{place}");
            let mut shown = members.clone();
            if let Some(place) = &parsed {
                place.replace(&mut shown, &Json::from("hidden"));
            }
            let left = parsed.map(|place| place.find(&shown).into_iter().all(|value| value.as_str() == Some("hidden")));
            assert_eq!(left, Some(true), "{place}");
        }
    }

    #[test]
    fn positions_are_only_where_the_schema_has_them() {
        let schema = InputSchema::from(json!({ "type": "object", "properties": {
            "l": { "type": "array", "items": { "type": "string" } },
            "t": { "type": "array", "prefixItems": [{ "type": "integer" }] },
            "old": { "type": "array", "items": [{ "type": "integer" }] },
            "m": { "type": "object", "additionalProperties": { "type": "string" } },
            "o": { "type": "object", "properties": { "7": { "type": "string" }, "t": { "type": "array", "prefixItems": [true] } } },
            "x": true,
        } }));
        for (place, one_item, declared) in [
            ("/l/0", true, false),
            ("/l/*", false, true),
            ("/t/0", true, true),
            ("/t/0/1", true, false),
            ("/old/0", true, true),
            ("/m/0", true, true),
            ("/o/7", true, true),
            ("/o/8", true, false),
            ("/o/t/0", true, true),
            ("/x/0", true, false),
            ("/l/*/0", true, false),
            ("/7", false, true),
            ("/none/0", true, false),
        ] {
            let told = ArgumentPlace::parse(place).map(|place| (place.may_be_one_item(), place.is_declared(&schema)));
            assert_eq!(told, Some((one_item, declared)), "{place}");
        }
    }

    #[test]
    fn what_is_meant_and_not_declared_is_found() {
        let written = json!({ "type": "object", "properties": {
            "a": { "type": "string" },
            "u": { "type": "string" },
            "m": { "type": "object", "additionalProperties": { "type": "string" } },
            "o": { "type": "object", "properties": { "a": { "type": "string" } } },
            "l": { "type": "array", "items": { "type": "object", "properties": { "a": { "type": "string" } } } },
            "open": { "type": "object", "properties": {}, "additionalProperties": true },
        } });
        let (as_it_is, admitting) =
            (InputSchema::from(written.clone()), InputSchema::from(written).admitting_additional());
        let all = json!({ "a": "x", "B": 1, "U": "x", "m": { "key": "x" }, "o": { "b": 1 }, "l": [{ "a": "x" }, { "B": 2 }], "open": { "B": 1 } });
        let members = Json::from(all).as_object().cloned().unwrap_or_default();
        for (place, of_admitting, of_none) in [
            ("/a", None, None),
            ("/A", Some("/a"), Some("/a")),
            ("/b", Some("/B"), Some("/B")),
            ("/B", Some("/B"), None),
            ("/o/b", Some("/o/b"), None),
            ("/l/*/b", Some("/l/1/B"), None),
            ("/l/0/b", None, None),
            ("/open/b", Some("/open/B"), None),
            ("/open/B", None, None),
            ("/u", Some("/U"), Some("/U")),
            ("/m/Key", Some("/m/key"), None),
            ("/m/key", None, None),
            ("/z", None, None),
        ] {
            let beside = |schema: Option<&InputSchema>| ArgumentPlace::parse(place)?.beside(&members, schema);
            assert_eq!(beside(Some(&admitting)).as_deref(), of_admitting, "{place}");
            assert_eq!(beside(None).as_deref(), of_none, "{place}");
            let of_closed = of_admitting.filter(|found| found.starts_with("/open") || found.starts_with("/m"));
            assert_eq!(beside(Some(&as_it_is)).as_deref(), of_closed, "{place}");
        }
    }
}
