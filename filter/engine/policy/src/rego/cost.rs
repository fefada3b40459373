//! What a builtin costs: the bytes that it reads and those that it may make, worked out from its arguments before it runs.
//!
//! Formulas are for the worst arguments there are, in the code of the library as it is: what goes through one argument for each
//! byte of another costs their product, however quick it is as a rule. What has no such formula is not offered.

use regorus::Value;

use super::check::has_long_digits;

/// Bytes of a value besides the text in it.
const VALUE: u64 = 8;
/// States that a pattern can have before the library refuses it (100 KiB), at least.
const MOST_STATES: u64 = 4096;
/// Of making a pattern ready to search with: by itself, and for each state.
const PATTERN: u64 = 16 * 1024;
const STATE: u64 = 64;
/// Of a text that is an item of its own.
const ITEM: u64 = 64;

/// How a builtin's cost comes from its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It looks at what kind of value there is.
    Kind,
    /// It goes through all arguments: so often for every byte.
    Bytes(u64),
    /// It looks a key up.
    Key,
    /// It goes through one of two for every byte of the other.
    Product,
    /// As [`Cost::Product`], and the second may not be empty, nor have an empty array in it: the library would panic.
    Windows,
    /// It copies what it has for every item.
    Items,
    /// It puts the first between the items of the second.
    Join,
    /// The third for each place where the second may be in the first.
    Replace,
    /// As [`Cost::Replace`], for each member of the second, which is an object, one after the other.
    ReplaceEach,
    /// It reads numbers, and what long ones cost grows faster than they do.
    Numbers,
    /// It multiplies numbers.
    Multiply,
    /// A regular expression is made ready; it is this argument.
    Pattern(usize),
    /// One is searched for in a text, once.
    Search { pattern: usize, text: usize },
    /// One is searched for in a text again and again; what is found becomes a value, or this argument.
    SearchAll { pattern: usize, text: usize, by: Option<usize> },
    /// A glob, its delimiters and a text.
    Glob,
    /// A format and what goes into it.
    Format,
}

impl Cost {
    /// Bytes, or `most` where it is more; none where nobody knows.
    pub(super) fn of(self, arguments: &[Value], most: u64) -> Option<u64> {
        let bytes = |at: usize| arguments.get(at).map_or(0, |argument| size(argument, most));
        let all = || (0..arguments.len()).map(bytes).fold(0, u64::saturating_add);
        let product = || bytes(0).saturating_mul(bytes(1));
        let cost = match self {
            Self::Kind => VALUE,
            Self::Bytes(times) => all().saturating_mul(times),
            Self::Key => bytes(1).saturating_mul(16),
            Self::Windows if arguments.get(1).is_some_and(has_empty) => return None,
            Self::Product | Self::Windows => product().saturating_add(all()),
            Self::Items => all().saturating_mul(items(arguments, 0)).saturating_mul(4),
            Self::Join => bytes(0).saturating_mul(items(arguments, 1)).saturating_add(bytes(1)),
            Self::Replace => {
                let places = length(arguments, 0) / length(arguments, 1).max(1) + 1;
                places.saturating_mul(bytes(2)).saturating_add(all())
            }
            Self::ReplaceEach => replace_each(arguments).saturating_add(all()),
            Self::Numbers => {
                let digits = longest_number(text(arguments, 0));
                digits.saturating_mul(digits).saturating_add(all().saturating_mul(16))
            }
            Self::Multiply => all().saturating_mul(all()) / 8,
            Self::Pattern(pattern) => prepared(text(arguments, pattern)),
            Self::Search { pattern, text: searched } => {
                let pattern = text(arguments, pattern);
                prepared(pattern).saturating_add(states(pattern).saturating_mul(bytes(searched)))
            }
            Self::SearchAll { pattern, text: searched, by } => {
                let (pattern, searched) = (text(arguments, pattern), bytes(searched));
                // From every place the search may go to the end and find nothing.
                let search = searched.saturating_mul(searched.saturating_add(states(pattern)));
                let found = searched.saturating_mul(by.map_or(ITEM, |by| bytes(by).saturating_mul(2)));
                prepared(pattern).saturating_add(search).saturating_add(found)
            }
            Self::Glob => {
                let delimited = items(arguments, 1).saturating_mul(2).saturating_add(1);
                let pattern = length(arguments, 0).saturating_mul(delimited);
                let searched = bytes(2).saturating_mul(delimited);
                PATTERN.saturating_add(pattern.saturating_mul(STATE)).saturating_add(pattern.saturating_mul(searched))
            }
            Self::Format if has_long_digits(text(arguments, 0)) => return None,
            Self::Format => all().saturating_mul(16).saturating_add(length(arguments, 0).saturating_mul(1000)),
        };
        Some(cost.min(most))
    }
}

/// Bytes of `value`, of which `most` are counted.
pub(super) fn size(value: &Value, most: u64) -> u64 {
    let mut left = most;
    count(value, &mut left);
    most - left
}

/// Takes the bytes of `value` off `left`; whether there were so many.
fn count(value: &Value, left: &mut u64) -> bool {
    let own = match value {
        Value::Null | Value::Bool(_) | Value::Undefined | Value::Array(_) | Value::Set(_) | Value::Object(_) => VALUE,
        Value::Number(number) => {
            let small = number.as_i64().is_some() || number.as_u64().is_some() || !number.is_integer();
            let words = if small { 0 } else { number.as_big().map_or(0, |number| number.bits() / 64) };
            // Arithmetic goes through one for every word of the other.
            words.saturating_mul(words).saturating_add(VALUE)
        }
        Value::String(text) => text.len() as u64 + VALUE,
    };
    let enough = own <= *left;
    *left = left.saturating_sub(own);
    enough
        && match value {
            Value::Array(items) => items.iter().all(|item| count(item, left)),
            Value::Set(items) => items.iter().all(|item| count(item, left)),
            Value::Object(members) => members.iter().all(|(key, value)| count(key, left) && count(value, left)),
            Value::Null | Value::Bool(_) | Value::Undefined | Value::Number(_) | Value::String(_) => true,
        }
}

/// Whether it is empty, or there is an empty array in it.
fn has_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty_array),
        Value::Object(_) => has_empty_array(value),
        Value::Set(_) | Value::Null | Value::Bool(_) | Value::Undefined | Value::Number(_) => false,
    }
}

fn has_empty_array(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty_array),
        Value::Object(members) => members.iter().any(|(_, value)| has_empty_array(value)),
        Value::Set(_) | Value::String(_) | Value::Null | Value::Bool(_) | Value::Undefined | Value::Number(_) => false,
    }
}

fn text(arguments: &[Value], at: usize) -> &str {
    arguments.get(at).and_then(|argument| argument.as_string().ok()).map_or("", AsRef::as_ref)
}

fn length(arguments: &[Value], at: usize) -> u64 {
    text(arguments, at).len() as u64
}

/// How many there are in an argument, itself among them.
fn items(arguments: &[Value], at: usize) -> u64 {
    1 + match arguments.get(at) {
        Some(Value::Array(items)) => items.len() as u64,
        Some(Value::Set(items)) => items.len() as u64,
        Some(Value::Object(members)) => members.len() as u64,
        Some(Value::Null | Value::Bool(_) | Value::Undefined | Value::Number(_) | Value::String(_)) | None => 0,
    }
}

/// All the texts that come one out of the other, each as long as it can get.
fn replace_each(arguments: &[Value]) -> u64 {
    let Some(Value::Object(members)) = arguments.first() else { return 0 };
    let mut length = length(arguments, 1);
    members.iter().fold(0, |cost: u64, (_, by)| {
        let by = by.as_string().map_or(0, |by| by.len() as u64);
        length = (length + 1).saturating_mul(by.max(1));
        cost.saturating_add(length)
    })
}

/// Characters of the longest run that may be one number.
fn longest_number(text: &str) -> u64 {
    let of_a_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    text.as_bytes().split(|byte| !of_a_number(byte)).map(|run| run.len() as u64).max().unwrap_or(0)
}

fn prepared(pattern: &str) -> u64 {
    PATTERN + states(pattern) * STATE
}

/// States of a pattern: its length as often as it is repeated in itself.
fn states(pattern: &str) -> u64 {
    let repeated = pattern.split('{').skip(1).filter_map(|rest| {
        let bounds = rest.split('}').next()?;
        bounds.split(',').filter_map(|bound| bound.trim().parse::<u64>().ok()).max()
    });
    let times = repeated.fold(1, |times: u64, most| times.saturating_mul(most.max(1)));
    (pattern.len() as u64 + 1).saturating_mul(times).min(MOST_STATES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(cost: Cost, arguments: &str) -> Result<Option<u64>, anyhow::Error> {
        let arguments = Value::from_json_str(arguments)?;
        Ok(cost.of(arguments.as_array()?.as_slice(), 1_000_000))
    }

    #[test]
    fn what_is_read_and_made() -> Result<(), anyhow::Error> {
        for (of, arguments, expected) in [
            (Cost::Kind, r#"["long long long"]"#, Some(8)),
            (Cost::Bytes(2), r#"["ab", 1]"#, Some(2 * (10 + 8))),
            (Cost::Bytes(1), r#"[[1, {"a": null}]]"#, Some(8 + 8 + 8 + 9 + 8)),
            (Cost::Product, r#"["ab", "abcd"]"#, Some(10 * 12 + 22)),
            (Cost::Windows, r#"["ab", ""]"#, None),
            (Cost::Windows, r"[[], [1, []]]", None),
            (Cost::Windows, r#"[{}, {"a": {"b": []}}]"#, None),
            (Cost::Windows, r"[{}, {}]", Some(8 * 8 + 16)),
            (Cost::Join, r#"[", ", ["a", "b"]]"#, Some(10 * 3 + 26)),
            (Cost::Replace, r#"["aaaa", "a", "bb"]"#, Some(5 * 10 + 31)),
            (Cost::ReplaceEach, r#"[{"a": "bb", "b": "cc"}, "aa"]"#, Some(6 + 14 + 8 + 9 + 10 + 9 + 10 + 10)),
            (Cost::Numbers, r#"["[123, 1e9]"]"#, Some(3 * 3 + 18 * 16)),
            (Cost::Format, r#"["%9999999d", []]"#, None),
            (Cost::Bytes(1_000_000), "[1]", Some(1_000_000)),
        ] {
            assert_eq!(cost(of, arguments)?, expected, "{of:?} {arguments}");
        }
        Ok(())
    }

    #[test]
    fn patterns_that_repeat_themselves_have_many_states() {
        assert_eq!(states("^[a-z]{1,63}$"), 14 * 63);
        assert_eq!(states("((a{9}){9}){9}"), 4096);
        assert_eq!(states("a"), 2);
    }
}
