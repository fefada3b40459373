//! Where in the arguments a constraint of a grant holds: an RFC 6901 pointer in which `*` stands for every item of a list.
//!
//! A pointer into one item binds that item and looks as if it bound all of them. It is an error, but for lists whose schema
//! gives each position a type of its own.

use std::fmt;

use serde_json::{Map, Value};

use super::pointer::Pointer;
use crate::shape::{InputSchema, Record, Shape, Why};

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
    pub fn all(&self, arguments: &Map<String, Value>, holds: &dyn Fn(&Value) -> bool) -> bool {
        match self.steps.split_first() {
            Some((Step::Name(name), rest)) => arguments.get(name).is_some_and(|value| all(rest, value, holds)),
            Some((Step::Every, _)) | None => false,
        }
    }

    /// Whether it may lead into one item of a list.
    pub fn may_be_one_item(&self) -> bool {
        self.steps.iter().skip(1).any(Step::is_position)
    }

    /// Whether it leads nowhere but to what `schema` declares by this name or position.
    pub(super) fn is_declared(&self, schema: &InputSchema) -> bool {
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
    /// Whether a list would take it for a position.
    fn is_position(&self) -> bool {
        match self {
            Self::Name(name) => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Every => false,
        }
    }
}

fn all(steps: &[Step], value: &Value, holds: &dyn Fn(&Value) -> bool) -> bool {
    match (steps.split_first(), value) {
        (None, value) => holds(value),
        (Some((Step::Every, rest)), Value::Array(items)) => {
            !items.is_empty() && items.iter().all(|item| all(rest, item, holds))
        }
        (Some((Step::Name(name), rest)), Value::Object(members)) => {
            members.get(name).is_some_and(|value| all(rest, value, holds))
        }
        (Some((Step::Name(name), rest)), Value::Array(items)) => {
            // As RFC 6901 §4 writes positions.
            let plain = name == "0" || !name.starts_with(['0', '+']);
            let item = name.parse::<usize>().ok().filter(|_| plain).and_then(|at| items.get(at));
            item.is_some_and(|item| all(rest, item, holds))
        }
        (Some(_), _) => false,
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
            (Step::Every, Some(Shape::Set(item))) => Some(item),
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
        let members = document.as_object().cloned().unwrap_or_default();
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
            let is_one = |value: &Value| value.as_str().is_some_and(|text| letters.contains(text));
            let found = ArgumentPlace::parse(place).map(|place| place.all(&members, &is_one));
            assert_eq!(found, Some(expected), "{place} {letters}");
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
}
