//! Where in the arguments a constraint of a grant holds, what approvers are not shown or where a call goes: an RFC 6901 pointer
//! in which `*` stands for every item of a list.
//!
//! A pointer into one item is about that item and looks as if it were about all of them. It is an error, but for lists whose
//! schema gives each position a type of its own.

use std::fmt;

use countersign_facts::pointer::Pointer;
use countersign_tokens::json::{Json, Members};

/// Stands for every item of a list.
const EVERY: &str = "*";

/// A place, or several, in arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentPlace {
    written: Pointer,
    steps: Vec<Step>,
}

/// One step of the way to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A member of an object, or a position in a list that has a type for each.
    Name(String),
    Every,
}

impl ArgumentPlace {
    /// As a grant writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Pointer::parse(text).map(Self::from)
    }

    /// The steps that lead there.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The argument that it is in.
    pub fn name(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Name(name)) => Some(name),
            Some(Step::Every) | None => None,
        }
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

    /// Whether there may be several.
    pub fn may_be_several(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// Whether it may lead into one item of a list.
    pub fn may_be_one_item(&self) -> bool {
        self.steps.iter().skip(1).any(Step::is_position)
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
    pub(crate) fn item(&self, items: usize) -> Option<usize> {
        let Self::Name(name) = self else { return None };
        // As RFC 6901 §4 writes positions.
        let plain = name == "0" || !name.starts_with(['0', '+']);
        name.parse::<usize>().ok().filter(|at| plain && *at < items)
    }

    /// Whether a list would take it for a position.
    pub(crate) fn is_position(&self) -> bool {
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
}
