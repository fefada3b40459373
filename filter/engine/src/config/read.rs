//! Reads a JSON document strictly and completely: a mistake is noted with its place and reading goes on,
//! so that all mistakes are reported at once. `None` means that a mistake was noted; it never means absence.
//!
//! Nothing is coerced, except that a whole number may be written as a double: that is how
//! `google.protobuf.Struct` delivers every number.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::mistakes::{ConfigError, ConfigErrors};
use countersign_facts::pointer::Pointer;
use countersign_tokens::Scalar;
use serde_json::{Map, Value};

use super::key::{Defaulted, Key, Notation, Required};
use super::text;

/// The mistakes noted so far.
#[derive(Debug, Default)]
pub(super) struct Report(RefCell<Vec<ConfigError>>);

impl Report {
    /// What was read, unless a mistake was noted.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, ConfigErrors> {
        let errors = self.0.into_inner();
        match read {
            Some(read) if errors.is_empty() => Ok(read),
            // Nothing is refused without a reason: an unexplained refusal would be a mistake in the reader.
            None if errors.is_empty() => Err(ConfigError::new("", "unreadable for no stated reason").into()),
            Some(_) | None => Err(errors.into()),
        }
    }

    fn note(&self, pointer: &str, message: String) {
        self.0.borrow_mut().push(ConfigError::new(pointer, message));
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    value: &'a Value,
    pointer: String,
    report: &'a Report,
}

impl<'a> Node<'a> {
    /// The whole document.
    pub(super) fn root(value: &'a Value, report: &'a Report) -> Self {
        Self { value, pointer: String::new(), report }
    }

    /// The value as it stands.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// The place of the value.
    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Notes that the value is unusable.
    pub(super) fn refuse<T>(&self, message: impl Into<String>) -> Option<T> {
        self.report.note(&self.pointer, message.into());
        None
    }

    /// Notes that the member `key` of this object is unusable.
    pub(super) fn refuse_member<T>(&self, key: &str, message: impl Into<String>) -> Option<T> {
        self.report.note(&place(&self.pointer, key), message.into());
        None
    }

    /// Notes that what is at `path` below this value (RFC 6901 without the first `/`) is unusable.
    pub(super) fn refuse_below<T>(&self, path: &str, message: impl Into<String>) -> Option<T> {
        self.report.note(&format!("{}/{path}", self.pointer), message.into());
        None
    }

    /// Notes that the value is of the wrong type.
    pub(super) fn mismatch<T>(&self, expected: &str, remedy: &str) -> Option<T> {
        self.refuse(format!("found {} where {expected} belongs; {remedy}", kind(self.value)))
    }

    /// An object: `read` asks for its members, whatever it did not ask for is unknown.
    ///
    /// `read` must ask for every member it knows before it returns, mistakes or not.
    pub(super) fn object<T>(&self, read: impl FnOnce(&mut Object<'a>) -> Option<T>) -> Option<T> {
        let Value::Object(members) = self.value else {
            return self.mismatch("an object", "write keys and values");
        };
        let mut object = Object { node: self.clone(), members, known: Vec::new() };
        let read = read(&mut object);
        if object.note_unknown() { None } else { read }
    }

    /// A list: `read` is called for every item, mistakes or not.
    pub(super) fn list<T>(&self, mut read: impl FnMut(&Node<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(items) = self.value else {
            return self.mismatch("a list", "write it in brackets, even for one item");
        };
        let read: Vec<Option<T>> =
            items.iter().enumerate().map(|(index, item)| read(&self.below(&index.to_string(), item))).collect();
        read.into_iter().collect()
    }

    /// An object whose keys are names: `read` is called for every member, mistakes or not.
    pub(super) fn map<T>(&self, mut read: impl FnMut(&'a str, &Node<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Object(members) = self.value else {
            return self.mismatch("an object", "write names and what they stand for");
        };
        let read: Vec<Option<T>> = members.iter().map(|(name, value)| read(name, &self.below(name, value))).collect();
        read.into_iter().collect()
    }

    /// A list with at least one item.
    pub(super) fn filled<T>(&self, what: &str, read: impl FnMut(&Node<'a>) -> Option<T>) -> Option<Vec<T>> {
        if self.value.as_array().is_some_and(Vec::is_empty) {
            return self.refuse(format!("empty; name at least one {what}"));
        }
        self.list(read)
    }

    /// Text that is not empty.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value.as_str() {
            Some("") => self.refuse("empty; write some text, or leave the key out"),
            Some(text) => Some(text),
            None => self.mismatch("text", "write it in quotes"),
        }
    }

    /// Text, or a whole number, which is another value than the text of its digits.
    pub(super) fn scalar(&self) -> Option<Scalar> {
        match self.value {
            Value::Number(_) => Scalar::of(self.value)
                .or_else(|| self.refuse("not a whole number from 0 to 2^53 - 1; nothing has such an id")),
            Value::String(_) => self.text().map(|text| Scalar::Text(text.to_owned())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.mismatch("text or a number", "write it as the credential has it, text in quotes")
            }
        }
    }

    /// Text in a notation of its own; `parse` answers with `<cause>; <remedy>` when it cannot read it.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&'a str) -> Result<T, String>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(message) => self.refuse(message),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        match self.value.as_bool() {
            Some(flag) => Some(flag),
            None => self.mismatch("a boolean", "write `true` or `false`, without quotes"),
        }
    }

    /// A whole number.
    pub(super) fn count(&self, bounds: &RangeInclusive<u64>) -> Option<u64> {
        let Some(count) = whole(self.value) else {
            return match self.value.as_number() {
                Some(number) => self.refuse(format!("`{number}` is not a count; write a whole number")),
                None => self.mismatch("a whole number", "write it without quotes"),
            };
        };
        if bounds.contains(&count) {
            return Some(count);
        }
        self.refuse(format!("`{count}` is out of bounds; choose {} to {}", bounds.start(), bounds.end()))
    }

    /// A duration such as `30s`.
    pub(super) fn duration(&self, bounds: &RangeInclusive<Duration>) -> Option<Duration> {
        if !self.value.is_string() {
            return self.mismatch("a duration", "write a whole number and a unit, such as `30s`");
        }
        self.parse(|text| text::duration(text, bounds))
    }

    /// A number of bytes such as `256KiB`.
    pub(super) fn size(&self, bounds: &RangeInclusive<usize>) -> Option<usize> {
        if !self.value.is_string() {
            return self.mismatch("a size", "write a whole number and a unit, such as `256KiB`");
        }
        self.parse(|text| text::size(text, bounds))
    }

    /// One of several words; `what` says what they are.
    pub(super) fn choice<T: Copy>(&self, what: &str, choices: &[(&'static str, T)]) -> Option<T> {
        let words = || choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let Value::String(text) = self.value else {
            return self.mismatch(&format!("a {what}"), &format!("write one of {}", words()));
        };
        match choices.iter().find(|(word, _)| word == text) {
            Some((_, choice)) => Some(*choice),
            None => self.refuse(format!("unknown {what} {text:?} ({})", words())),
        }
    }

    fn below(&self, token: &str, value: &'a Value) -> Self {
        Self { value, pointer: place(&self.pointer, token), report: self.report }
    }
}

/// The members of an object, and which of them are known.
#[derive(Debug)]
pub(super) struct Object<'a> {
    node: Node<'a>,
    members: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    /// The object itself, to note mistakes that are in no single member.
    pub(super) fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// The value of `key`, if it is there.
    pub(super) fn member(&mut self, key: &(impl Key + ?Sized)) -> Option<Node<'a>> {
        self.named(key.name())
    }

    /// A key that must be there; `remedy` says what to write.
    pub(super) fn required<N: Notation>(&mut self, key: &Required<N>, remedy: &str) -> Option<N::Value> {
        self.demanded(key, remedy, |node| key.read(node))
    }

    /// A key that must be there, read by a function of its own.
    pub(super) fn required_with<N, T>(
        &mut self,
        key: &Required<N>,
        remedy: &str,
        read: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> Option<T> {
        self.demanded(key, remedy, read)
    }

    /// A key that must be there because of what other keys say.
    pub(super) fn demanded<T>(
        &mut self,
        key: &(impl Key + ?Sized),
        remedy: &str,
        read: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.member(key) {
            Some(node) => read(&node),
            None => self.node.refuse(format!("`{}` is missing; {remedy}", key.name())),
        }
    }

    /// A key that may be absent.
    #[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
    pub(super) fn optional<K: Key<Notation: Notation>>(
        &mut self,
        key: &K,
    ) -> Option<Option<<K::Notation as Notation>::Value>> {
        self.optional_with(key, |node| key.read(node))
    }

    /// A key that may be absent, read by a function of its own.
    #[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
    pub(super) fn optional_with<T>(
        &mut self,
        key: &impl Key,
        read: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.member(key).map_or(Some(None), |node| read(&node).map(Some))
    }

    /// A key that has a default.
    pub(super) fn or<N: Notation<Value: Clone>>(&mut self, key: &Defaulted<N>) -> Option<N::Value> {
        self.or_with(key, |node| key.read(node))
    }

    /// A key that has a default, read by a function of its own.
    pub(super) fn or_with<N: Notation<Value: Clone>>(
        &mut self,
        key: &Defaulted<N>,
        read: impl FnOnce(&Node<'a>) -> Option<N::Value>,
    ) -> Option<N::Value> {
        self.member(key).map_or_else(|| Some(key.default.clone()), |node| read(&node))
    }

    /// A key whose default is worked out.
    pub(super) fn or_else<T>(
        &mut self,
        key: &impl Key,
        default: T,
        read: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> Option<T> {
        self.member(key).map_or(Some(default), |node| read(&node))
    }

    /// Keys that have no meaning here, and why.
    pub(super) fn forbid(&mut self, keys: &[&'static str], why: &str) -> Option<()> {
        let mut absent = Some(());
        for key in keys {
            if let Some(node) = self.named(key) {
                absent = node.refuse(why);
            }
        }
        absent
    }

    /// A key that had a meaning once, and what to do about it.
    pub(super) fn retired(&mut self, key: &'static str, remedy: &str) -> Option<()> {
        // It is not among the keys that are suggested.
        if self.members.contains_key(key) { self.forbid(&[key], remedy) } else { Some(()) }
    }

    fn named(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.known.push(key);
        self.members.get(key).map(|value| self.node.below(key, value))
    }

    /// Notes every unknown member; whether there were any.
    fn note_unknown(&self) -> bool {
        let mut found = false;
        for (key, value) in self.members.iter().filter(|(key, _)| !self.known.contains(&key.as_str())) {
            let _: Option<()> = self.node.below(key, value).refuse(self.unknown_key(key));
            found = true;
        }
        found
    }

    fn unknown_key(&self, key: &str) -> String {
        let nearest = self.known.iter().map(|known| (strsim::osa_distance(key, known), known)).min();
        match nearest {
            // Up to a third of the word, or one letter: more is a different word.
            Some((distance, known)) if distance <= (known.len() / 3).max(1) => {
                format!("unknown key; did you mean `{known}`?")
            }
            Some(_) | None => format!("unknown key; the keys here are {}", self.known.join(", ")),
        }
    }
}

/// The place of a member or item (RFC 6901 §3).
fn place(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", Pointer::escaped(token))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A whole number, also when written as a double (`1.0`), up to 2^53 - 1.
fn whole(value: &Value) -> Option<u64> {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    let Value::Number(number) = value else { return None };
    if let Some(whole) = number.as_u64() {
        return Some(whole);
    }
    let double = number.as_f64()?;
    if double.fract() != 0.0 || !(0.0..=LARGEST).contains(&double) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between 0 and 2^53 - 1, checked above"
    )]
    Some(double as u64)
}
