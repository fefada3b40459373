//! What places in arguments are to the schema of these arguments.

use countersign_facts::fold::is_same;
use countersign_facts::pointer::Pointer;
use countersign_tokens::json::{Json, Members};

use super::{InputSchema, Record, Rest, Shape, Why};
use crate::bounds::{ArgumentPlace, Step};

impl InputSchema {
    /// Whether something that it declares could be at `place`.
    pub fn could_have(&self, place: &ArgumentPlace) -> bool {
        self.types().is_ok_and(|record| could_be_below(place.steps(), record))
    }

    /// Whether `place` leads nowhere but to what it declares by this name or position.
    pub fn declares(&self, place: &ArgumentPlace) -> bool {
        self.types().is_ok_and(|record| is_declared(place.steps(), record))
    }
}

/// Where `arguments` carry beside what `schema` declares, if it is there, what `place` is about: the same name, or one
/// that a reader which does not mind case takes for it.
///
/// Where the schema itself admits what it does not name, and where there is none, whoever asks for this very name reads
/// it: it is only another spelling then.
pub fn beside(place: &ArgumentPlace, arguments: &Members, schema: Option<&InputSchema>) -> Option<String> {
    let unknown = Record::open();
    let record = schema.and_then(|schema| schema.types().ok()).map_or(&unknown, AsRef::as_ref);
    beside_below(place.steps(), arguments, record)
}

/// [`InputSchema::could_have`].
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

/// [`beside`], as a pointer.
fn beside_below(steps: &[Step], members: &Members, record: &Record) -> Option<String> {
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
        (Json::Object(members), Shape::Record(record)) => beside_below(steps, members, record),
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
            let told = ArgumentPlace::parse(place).map(|place| (place.may_be_one_item(), schema.declares(&place)));
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
            let beside = |schema: Option<&InputSchema>| beside(&ArgumentPlace::parse(place)?, &members, schema);
            assert_eq!(beside(Some(&admitting)).as_deref(), of_admitting, "{place}");
            assert_eq!(beside(None).as_deref(), of_none, "{place}");
            let of_closed = of_admitting.filter(|found| found.starts_with("/open") || found.starts_with("/m"));
            assert_eq!(beside(Some(&as_it_is)).as_deref(), of_closed, "{place}");
        }
    }
}
