//! A claim that issuers write as a text or as a whole number, which are two: `7` is never `"7"`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::json::MAX_INTEGER;

/// A text or a whole number, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scalar {
    /// A JSON string.
    Text(String),
    /// A JSON number from 0 to 2^53 − 1, beyond which two ids could be read as one.
    Number(u64),
}

impl Scalar {
    /// What `value` is, if it is one; `7.0` is the number 7 (RFC 8785 §3.2.2.3).
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => {
                let whole = number.as_u64().or_else(|| whole(number.as_f64()?));
                whole.filter(|whole| *whole <= MAX_INTEGER).map(Self::Number)
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// It, if it is a text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }

    /// It, if it is a number.
    pub const fn number(&self) -> Option<u64> {
        match self {
            Self::Text(_) => None,
            Self::Number(number) => Some(*number),
        }
    }

    /// It as a word of a list, where it has no type.
    pub fn word(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }

    /// As JSON has it.
    pub fn json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::of(&value).ok_or_else(|| D::Error::custom("neither a text nor a whole number from 0 to 2^53 - 1"))
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
        }
    }
}

fn whole(number: f64) -> Option<u64> {
    const END: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let whole = number as u64;
    ((0.0..END).contains(&number) && number.fract() == 0.0).then_some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_texts_are_two() {
        let number = |number| Some(Scalar::Number(number));
        for (value, expected) in [
            (json!("7"), Some(Scalar::Text("7".to_owned()))),
            (json!(7), number(7)),
            (json!(7.0), number(7)),
            (json!(0), number(0)),
            (json!(9_007_199_254_740_991_u64), number(9_007_199_254_740_991)),
            (json!(9_007_199_254_740_992_u64), None),
            (json!(9_007_199_254_740_992.0), None),
            (json!(u64::MAX), None),
            (json!(7.5), None),
            (json!(-7), None),
            (json!(null), None),
            (json!(true), None),
            (json!([7]), None),
        ] {
            assert_eq!(Scalar::of(&value), expected, "{value}");
        }
        assert_ne!(Scalar::of(&json!(7)), Scalar::of(&json!("7")));
        assert_eq!(Scalar::of(&json!(7)).map(|seven| seven.json()), Some(json!(7)));
        assert_eq!(json!([Scalar::Number(7), Scalar::from("7")]), json!([7, "7"]));
    }
}
