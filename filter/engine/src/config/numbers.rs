//! Which numbers a configuration may have: those that every reader keeps (RFC 7493 §2.2), since what hands it over rounds others.
//!
//! Schemas of tools are written by others, who bound integers of 64 bits: a bound there that is rounded is one beside it, and refuses
//! nothing that a double holds.

use countersign_facts::pointer::Pointer;
use countersign_tokens::json::MAX_INTEGER;
use serde_json::{Number, Value};

use super::read::Node;

/// Where the schemas are.
const SCHEMA: &str = "input_schema";

/// Notes every number outside of schemas that is not one of those.
pub(super) fn check(document: &Node<'_>) -> Option<()> {
    let mut places = Vec::new();
    find(document.value(), &mut places);
    let noted = places.iter().map(|path| {
        let path: Vec<&str> = path.iter().rev().map(String::as_str).collect();
        document.refuse_below(&path.join("/"), "beyond ±(2^53 - 1), where gateways round numbers; write a smaller one")
    });
    noted.fold(Some(()), Option::and)
}

/// The places of such numbers in `value`, innermost name first.
fn find(value: &Value, places: &mut Vec<Vec<String>>) {
    let mut below = |name: &dyn Fn() -> String, value: &Value| {
        let known = places.len();
        find(value, places);
        places.iter_mut().skip(known).for_each(|path| path.push(name()));
    };
    match value {
        Value::Number(number) if !is_kept(number) => places.push(Vec::new()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| below(&|| at.to_string(), item)),
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != SCHEMA);
            members.for_each(|(name, value)| below(&|| Pointer::escaped(name), value));
        }
    }
}

fn is_kept(number: &Number) -> bool {
    const END: f64 = 9_007_199_254_740_992.0;
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => integer.unsigned_abs() <= MAX_INTEGER,
        (None, double) => number.is_f64() && double.is_some_and(|double| double.abs() < END),
    }
}
