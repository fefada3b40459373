//! How much memory something takes, so that it can be counted: never less than it does, and no more than a small factor above.

use countersign_tokens::json::{Json, Members};
use serde_json::{Map, Value};

use crate::headers::Headers;

/// What one piece of memory costs beyond its length.
const PIECE: usize = 16;

/// One node of a map, which holds up to eleven members and may hold five.
const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 12 * size_of::<usize>();
const SENT_NODE: usize = 11 * (size_of::<String>() + size_of::<Json>()) + 12 * size_of::<usize>();
const LEAST_MEMBERS: usize = 5;

/// What a number that is kept as it is written takes beside its digits.
const NUMBER: usize = 10 * size_of::<usize>();

/// Of `text`, wherever it is.
pub const fn of_text(text: &str) -> usize {
    text.len().saturating_add(PIECE)
}

/// Of what `value` holds, without the value itself.
pub fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => of_text(text),
        Value::Array(items) => {
            let places = items.capacity().saturating_mul(size_of::<Value>()).saturating_add(PIECE);
            items.iter().map(of_value).fold(places, usize::saturating_add)
        }
        Value::Object(members) => of_members(members),
    }
}

/// Of what `members` hold.
pub fn of_members(members: &Map<String, Value>) -> usize {
    if members.is_empty() {
        return 0;
    }
    let nodes = (members.len() / LEAST_MEMBERS).saturating_add(1).saturating_mul(NODE);
    let member = |(name, value): (&String, &Value)| of_text(name).saturating_add(of_value(value));
    members.iter().map(member).fold(nodes, usize::saturating_add)
}

/// Of what `members` hold, where an agent sent them.
pub fn of_sent(members: &Members) -> usize {
    if members.is_empty() {
        return 0;
    }
    let nodes = (members.len() / LEAST_MEMBERS).saturating_add(1).saturating_mul(SENT_NODE);
    let member = |(name, value): (&String, &Json)| of_text(name).saturating_add(of_json(value));
    members.iter().map(member).fold(nodes, usize::saturating_add)
}

fn of_json(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 0,
        Json::Number(number) if number.as_plain_integer().is_some() => 0,
        // As it is written, and its digits.
        Json::Number(number) => of_text(&number.text()).saturating_mul(2).saturating_add(NUMBER),
        Json::String(text) => of_text(text),
        Json::Array(items) => {
            let places = items.capacity().saturating_mul(size_of::<Json>()).saturating_add(PIECE);
            items.iter().map(of_json).fold(places, usize::saturating_add)
        }
        Json::Object(members) => of_sent(members),
    }
}

/// Of what `headers` hold.
pub fn of_headers(headers: &Headers) -> usize {
    let field = |(name, value): (&str, &[u8])| {
        let place = size_of::<(String, Vec<u8>)>();
        of_text(name).saturating_add(value.len()).saturating_add(PIECE).saturating_add(place)
    };
    headers.iter().map(field).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An object with one member takes a node that has room for eleven.
    #[test]
    fn what_is_read_of_a_body_weighs_more_than_its_text() {
        let many = json!(vec![json!({ "": 0 }); 1000]);
        assert!(of_value(&many) > 1000 * 11 * (size_of::<String>() + size_of::<Value>()));
        assert_eq!(of_value(&json!({})), 0);
        assert!(of_value(&json!("x".repeat(1000))) >= 1000);
    }
}
