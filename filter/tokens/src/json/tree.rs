//! JSON as it is written: its numbers are kept whole.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{JsonError, Limits, MAX_INTEGER, Numeral, exact};

/// The members of an object.
pub type Members = BTreeMap<String, Json>;

/// A JSON value. Unlike [`Value`] it holds every number as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Json {
    #[default]
    Null,
    Bool(bool),
    Number(Numeral),
    String(String),
    Array(Vec<Json>),
    Object(Members),
}

impl Json {
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    pub const fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    pub const fn as_number(&self) -> Option<&Numeral> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub const fn as_object(&self) -> Option<&Members> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    pub const fn as_object_mut(&mut self) -> Option<&mut Members> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The member `name` of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// What is at `pointer` (RFC 6901), which is empty or begins with `/`.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |value, token| {
            let token = token.replace("~1", "/").replace("~0", "~");
            match value {
                Self::Object(members) => members.get(&token),
                Self::Array(items) => items.get(index(&token)?),
                Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => None,
            }
        })
    }

    /// This value in the types of `serde_json`, if they hold every number exactly ([`Numeral::as_number`]).
    pub fn to_value(&self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.as_number()?),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect::<Option<_>>()?),
            Self::Object(members) => Value::Object(members_to_value(members)?),
        })
    }

    /// This value for people: a number that `serde_json` does not hold becomes its text.
    pub fn shown(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => number.as_number().map_or_else(|| number.to_string().into(), Value::Number),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => items.iter().map(Self::shown).collect(),
            Self::Object(members) => members.iter().map(|(name, value)| (name.clone(), value.shown())).collect(),
        }
    }

    /// This value with numbers as `serde_json` holds them: those that every reader keeps, and others if exactly. For a
    /// number that it does not hold, `beyond` is asked.
    fn into_held<E>(self, beyond: &dyn Fn() -> Result<Value, E>) -> Result<Value, E> {
        let below = |value: Self| value.into_held(beyond);
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Number(number) => match interoperable(&number) {
                Ok(number) => number,
                Err(_) => number.as_number().map_or_else(beyond, |number| Ok(Value::Number(number)))?,
            },
            Self::String(text) => Value::String(text),
            Self::Array(items) => Value::Array(items.into_iter().map(below).collect::<Result<_, _>>()?),
            Self::Object(members) => {
                let member = |(name, value)| Ok((name, below(value)?));
                Value::Object(members.into_iter().map(member).collect::<Result<Map<_, _>, _>>()?)
            }
        })
    }

    /// This value in the types of `serde_json`. A number that they do not hold becomes something that nobody asks for.
    pub(crate) fn into_tolerant(self) -> Value {
        let nothing = || Ok::<_, Infallible>(Value::Array(vec![Value::Null]));
        let Ok(value) = self.into_held(&nothing);
        value
    }

    /// This value in the types of `serde_json`, if they hold all of its numbers.
    pub(super) fn into_exact(self) -> Result<Value, JsonError> {
        self.into_held(&|| Err(JsonError::Number))
    }

    /// Whether each number is one that every reader keeps.
    pub(crate) fn is_interoperable(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::String(_) => true,
            Self::Number(number) => interoperable(number).is_ok(),
            Self::Array(items) => items.iter().all(Self::is_interoperable),
            Self::Object(members) => members.values().all(Self::is_interoperable),
        }
    }

    /// This value, if every number in it is one that every reader keeps (RFC 7493 §2.2): an integer up to 2^53 − 1, or a
    /// smaller fraction, as the nearest double.
    pub(super) fn into_value(self) -> Result<Value, JsonError> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Number(number) => interoperable(&number)?,
            Self::String(text) => Value::String(text),
            Self::Array(items) => Value::Array(items.into_iter().map(Self::into_value).collect::<Result<_, _>>()?),
            Self::Object(members) => {
                let member = |(name, value): (String, Self)| Ok((name, value.into_value()?));
                Value::Object(members.into_iter().map(member).collect::<Result<Map<_, _>, _>>()?)
            }
        })
    }
}

/// These members in the types of `serde_json`, if they hold every number exactly.
pub fn members_to_value(members: &Members) -> Option<Map<String, Value>> {
    members.iter().map(|(name, value)| Some((name.clone(), value.to_value()?))).collect()
}

/// A place in an array: `0`, or digits that do not begin with it.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with(['0', '+']) && !token.is_empty());
    token.parse().ok().filter(|_| plain)
}

fn interoperable(number: &Numeral) -> Result<Value, JsonError> {
    // Every double from 2^53 on is an integer, however it was written.
    const END: f64 = 9_007_199_254_740_992.0;
    let text = number.text();
    if !text.contains(['.', 'e', 'E']) {
        let integer = number.as_i64().filter(|integer| integer.unsigned_abs() <= MAX_INTEGER);
        return integer.map(Value::from).ok_or(JsonError::Number);
    }
    // Adding zero turns -0 into 0 and nothing else into anything else.
    let double = text.parse::<f64>().map_err(|_| JsonError::Number)? + 0.0;
    serde_json::Number::from_f64(double).filter(|_| double.abs() < END).map(Value::Number).ok_or(JsonError::Number)
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(flag),
            Value::Number(number) => Self::Number(Numeral::from(&number)),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => Self::Object(members_of(members)),
        }
    }
}

/// The members of an object that `serde_json` has.
pub fn members_of(members: Map<String, Value>) -> Members {
    members.into_iter().map(|(name, value)| (name, value.into())).collect()
}

impl From<Members> for Json {
    fn from(members: Members) -> Self {
        Self::Object(members)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

/// A value, or the members of an object, for a serializer of JSON text. To any other serializer its numbers would not be numbers,
/// so that [`Json`] itself is not serialized.
#[derive(Clone, Copy, Debug)]
pub struct Written<'j> {
    of: Of<'j>,
    numbers: Numbers,
}

#[derive(Clone, Copy, Debug)]
enum Of<'j> {
    Value(&'j Json),
    Members(&'j Members),
}

#[derive(Clone, Copy, Debug)]
enum Numbers {
    AsWritten,
    /// So, but one that no double holds is its text: many readers of JSON read nothing that has one.
    Finite,
    /// All are integers or doubles with a canonical form.
    Canonical,
    /// As the nearest double.
    Rounded,
}

impl Json {
    /// For a serializer of JSON text.
    pub const fn written(&self) -> Written<'_> {
        Written { of: Of::Value(self), numbers: Numbers::AsWritten }
    }

    /// For a serializer of RFC 8785, if the form that a number has there (§3.2.2.3) has exactly the value that is written here.
    pub fn canonical(&self) -> Option<Written<'_>> {
        self.is_canonical().then_some(Written { of: Of::Value(self), numbers: Numbers::Canonical })
    }

    /// For a serializer of RFC 8785, as who reads numbers as doubles has it; one that is as large as none does not serialize.
    pub const fn rounded(&self) -> Written<'_> {
        Written { of: Of::Value(self), numbers: Numbers::Rounded }
    }

    fn is_canonical(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::String(_) => true,
            Self::Number(number) => number.as_double().is_some(),
            Self::Array(items) => items.iter().all(Self::is_canonical),
            Self::Object(members) => members.values().all(Self::is_canonical),
        }
    }
}

/// The members of an object, for a serializer of JSON text.
pub const fn written(members: &Members) -> Written<'_> {
    Written { of: Of::Members(members), numbers: Numbers::AsWritten }
}

/// The members of an object, for most readers of JSON: a number that is larger than every double becomes its text.
pub const fn finite(members: &Members) -> Written<'_> {
    Written { of: Of::Members(members), numbers: Numbers::Finite }
}

/// The members of an object, for a serializer of RFC 8785, as [`Json::canonical`].
pub fn canonical(members: &Members) -> Option<Written<'_>> {
    let all = members.values().all(Json::is_canonical);
    all.then_some(Written { of: Of::Members(members), numbers: Numbers::Canonical })
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { of, numbers } = *self;
        let below = |value| Written { of: Of::Value(value), numbers };
        match of {
            Of::Value(Json::Null) => serializer.serialize_unit(),
            Of::Value(Json::Bool(flag)) => serializer.serialize_bool(*flag),
            Of::Value(Json::Number(number)) => match numbers {
                Numbers::Finite if !number.is_finite() => serializer.serialize_str(&number.text()),
                Numbers::AsWritten | Numbers::Finite => number.written(serializer),
                Numbers::Canonical => number.canonical(serializer),
                Numbers::Rounded => number.rounded(serializer),
            },
            Of::Value(Json::String(text)) => serializer.serialize_str(text),
            Of::Value(Json::Array(items)) => serializer.collect_seq(items.iter().map(below)),
            Of::Value(Json::Object(members)) | Of::Members(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, below(value))))
            }
        }
    }
}

/// From JSON text only.
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        exact(raw.get().as_bytes(), &Limits::of(raw.get().len())).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for Json {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&serde_json::to_string(&self.written()).map_err(|_| std::fmt::Error)?)
    }
}
