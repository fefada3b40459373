//! What a grant demands of one argument. Whatever cannot be compared exactly does not satisfy.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::mapping::TaskError;

/// A demand on one argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// The same JSON value; `1` and `1.0` are the same.
    Equals(Value),
    /// The same as one of these.
    OneOf(Vec<Value>),
    /// A number, at least this.
    Min(Number),
    /// A number, at most this.
    Max(Number),
    /// A string that starts with this and does not climb out of it (see [`is_below`]).
    Prefix(String),
}

impl Constraint {
    /// The constraint `kind` with its `operand`, as a claim spells them.
    pub(super) fn parse(kind: &str, operand: &Value) -> Result<Self, TaskError> {
        match (kind, operand) {
            ("equals", value) => Ok(Self::Equals(value.clone())),
            ("one_of", Value::Array(values)) if !values.is_empty() => Ok(Self::OneOf(values.clone())),
            ("min", Value::Number(number)) => Ok(Self::Min(number.clone())),
            ("max", Value::Number(number)) => Ok(Self::Max(number.clone())),
            ("prefix", Value::String(prefix)) => Ok(Self::Prefix(prefix.clone())),
            ("one_of" | "min" | "max" | "prefix", _) => {
                Err(TaskError::unusable(format!("operand of constraint `{kind}`")))
            }
            _ => Err(TaskError::UnsupportedConstraint(kind.to_owned())),
        }
    }

    /// Whether `argument` meets it.
    pub fn admits(&self, argument: &Value) -> bool {
        match self {
            Self::Equals(expected) => same(expected, argument),
            Self::OneOf(expected) => expected.iter().any(|expected| same(expected, argument)),
            Self::Min(least) => number(argument).and_then(|number| compare(number, least)).is_some_and(Ordering::is_ge),
            Self::Max(most) => number(argument).and_then(|number| compare(number, most)).is_some_and(Ordering::is_le),
            Self::Prefix(prefix) => argument.as_str().is_some_and(|argument| is_below(prefix, argument)),
        }
    }
}

/// Whether `text` starts with `prefix` and what follows cannot lead out of it.
///
/// What follows may hold no `.` or `..` between slashes (of either kind), however often it is percent-encoded: files,
/// URIs and paths are resolved by servers only after a filter has looked.
pub(super) fn is_below(prefix: &str, text: &str) -> bool {
    let Some(rest) = text.strip_prefix(prefix) else { return false };
    // The segment that the prefix ends in goes on in `rest`.
    let start = prefix.rfind(['/', '\\']).and_then(|at| prefix.get(at + 1..)).unwrap_or(prefix);
    let tail = unescape(format!("{start}{rest}"));
    !tail.contains('\0') && !tail.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."))
}

/// Undoes the escapes that matter to segments until there are none; every round shortens the text.
fn unescape(mut text: String) -> String {
    loop {
        let lower = text.to_ascii_lowercase();
        let next = [("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%00", "\0"), ("%25", "%")]
            .iter()
            .fold(lower.clone(), |text, (escape, plain)| text.replace(escape, plain));
        if next.len() == lower.len() {
            return next;
        }
        text = next;
    }
}

fn number(value: &Value) -> Option<&Number> {
    match value {
        Value::Number(number) => Some(number),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b).is_some_and(Ordering::is_eq),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Exact, or none: an integer that a double cannot hold is not compared with one.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (a_integer, b_integer) => double(a, a_integer)?.partial_cmp(&double(b, b_integer)?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn double(number: &Number, integer: Option<i128>) -> Option<f64> {
    let exact = integer.is_none_or(|integer| integer.unsigned_abs() <= 1 << 53);
    number.as_f64().filter(|double| exact && double.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admits(kind: &str, operand: &Value, argument: &Value) -> Result<bool, TaskError> {
        Constraint::parse(kind, operand).map(|constraint| constraint.admits(argument))
    }

    #[test]
    fn each_kind() -> Result<(), TaskError> {
        for (kind, operand, inside, outside) in [
            ("equals", json!("EUR"), vec![json!("EUR")], vec![json!("eur"), json!(["EUR"]), json!(null)]),
            ("equals", json!(1), vec![json!(1), json!(1.0)], vec![json!("1"), json!(true), json!(1.000_000_1)]),
            (
                "equals",
                json!({"a": [1]}),
                vec![json!({"a": [1.0]})],
                vec![json!({"a": [1], "b": 2}), json!({"a": [1, 1]}), json!({"b": [1]})],
            ),
            ("equals", json!(null), vec![json!(null)], vec![json!(0), json!("")]),
            (
                "one_of",
                json!(["EUR", 2]),
                vec![json!("EUR"), json!(2.0)],
                vec![json!("USD"), json!("2"), json!(["EUR"])],
            ),
            (
                "min",
                json!(5),
                vec![json!(5), json!(5.0), json!(1e300)],
                vec![json!(4.999), json!(-6), json!("6"), json!(null), json!([6])],
            ),
            (
                "max",
                json!(500),
                vec![json!(500), json!(-1e300)],
                vec![json!(500.01), json!(501), json!("1"), json!(true)],
            ),
            ("max", json!(0.3), vec![json!(0.3), json!(0)], vec![json!(0.300_000_1), json!(1)]),
            (
                "prefix",
                json!("acc-"),
                vec![json!("acc-"), json!("acc-1")],
                vec![json!("ACC-1"), json!("xacc-1"), json!(1), json!(["acc-1"])],
            ),
        ] {
            for argument in inside {
                assert!(admits(kind, &operand, &argument)?, "{kind} {operand} {argument}");
            }
            for argument in outside {
                assert!(!admits(kind, &operand, &argument)?, "{kind} {operand} {argument}");
            }
        }
        Ok(())
    }

    #[test]
    fn large_numbers_are_compared_exactly_or_not_at_all() -> Result<(), TaskError> {
        assert!(!admits("equals", &json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64))?);
        assert!(!admits("equals", &json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992.0))?);
        assert!(!admits("max", &json!(9_007_199_254_740_992.0), &json!(9_007_199_254_740_993_u64))?);
        assert!(admits("max", &json!(u64::MAX), &json!(i64::MIN))?);
        Ok(())
    }

    #[test]
    fn unknown_kinds_and_wrong_operands_are_errors() {
        assert_eq!(
            admits("regex", &json!("."), &json!("a")),
            Err(TaskError::UnsupportedConstraint("regex".to_owned()))
        );
        for (kind, operand) in [
            ("one_of", json!([])),
            ("one_of", json!("a")),
            ("min", json!("5")),
            ("max", json!(null)),
            ("prefix", json!(1)),
        ] {
            let expected = Err(TaskError::unusable(format!("operand of constraint `{kind}`")));
            assert_eq!(admits(kind, &operand, &json!("a")), expected, "{kind} {operand}");
        }
    }

    #[test]
    fn nothing_climbs_out_of_a_prefix() {
        for (prefix, text) in [
            ("/data/", "/data/a"),
            ("/data/", "/data/.hidden"),
            ("/data/", "/data/a..b"),
            ("/data/", "/data/"),
            ("", "a"),
            ("../shared/", "../shared/a"),
            ("/da", "/data/x"),
            ("acc-", "acc-..x"),
            ("/a/.", "/a/.b"),
            ("/d/", "/d/100%"),
        ] {
            assert!(is_below(prefix, text), "{prefix} {text}");
        }
        for (prefix, text) in [
            ("/data/", "/data/../etc"),
            ("/data/", "/data/a/.."),
            ("/data/", "/data/./x"),
            ("/data/", "/data/%2e%2E/x"),
            ("/data/", "/data/a%2f..%2fx"),
            ("/data/", "/data/%252e%252e/x"),
            ("/data/", "/data/%25252e./x"),
            ("/data/", "/data/..\\x"),
            ("/data/", "/data/a%5c..%5cx"),
            ("/data/", "/etc"),
            ("/a/.", "/a/../b"),
            ("", "../x"),
            ("/data/", "/data/a\0"),
            ("/data/", "/data/%00"),
        ] {
            assert!(!is_below(prefix, text), "{prefix} {text}");
        }
    }
}
