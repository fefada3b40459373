//! A module whose operators are charged as builtins are: what they read goes through [`READ`] or [`KEY`] first.
//!
//! Operators on what is written in the module itself are as short as that, and stay as they are. So does what takes a step for
//! each thing that it looks at. Nothing else of the text changes.

use serde_json::Value;

use super::builtins::{KEY, READ};
use super::check::bound;

/// Where a text is put into a module.
struct Insertion {
    offset: usize,
    text: String,
}

/// `text` with charges, of which `module` is the tree.
pub(super) fn charged(module: &Value, text: &str) -> String {
    let mut insertions = Vec::new();
    walk(module, &mut insertions);
    // Of two at one place the order is that in which they were found: an outer operand begins before an inner one.
    insertions.sort_by_key(|insertion| insertion.offset);
    let (mut charged, mut end) = (String::new(), 0);
    for Insertion { offset, text: inserted } in insertions {
        charged.push_str(text.get(end..offset).unwrap_or_default());
        charged.push_str(&inserted);
        end = offset;
    }
    charged.push_str(text.get(end..).unwrap_or_default());
    charged
}

fn walk(node: &Value, insertions: &mut Vec<Insertion>) {
    match node {
        Value::Object(members) => {
            for (kind, below) in members {
                let operand = |name: &str| below.get(name).filter(|operand| !is_written(operand));
                let charges = match kind.as_str() {
                    // What is compared with something short is read as far as that.
                    "BoolExpr" => [operand("rhs").and(operand("lhs")).map(|operand| (operand, READ)), None],
                    "BinExpr" | "ArithExpr" => ["lhs", "rhs"].map(|side| operand(side).map(|operand| (operand, READ))),
                    "Membership" => [operand("collection").map(|operand| (operand, READ)), None],
                    "SetCompr" => [operand("term").map(|operand| (operand, KEY)), None],
                    "ObjectCompr" | "Set" => [operand("key").map(|operand| (operand, KEY)), None],
                    _ => [None, None],
                };
                for (operand, name) in charges.into_iter().flatten() {
                    charge(operand, name, insertions);
                }
                walk(below, insertions);
            }
        }
        Value::Array(items) => items.iter().for_each(|below| walk(below, insertions)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn charge(operand: &Value, name: &str, insertions: &mut Vec<Insertion>) {
    if let (Some(start), Some(end)) = (bound(operand, "start"), bound(operand, "end")) {
        insertions.push(Insertion { offset: start, text: format!("{name}(") });
        insertions.push(Insertion { offset: end, text: ")".to_owned() });
    }
}

/// Whether all of it is written in the module.
fn is_written(operand: &Value) -> bool {
    let Some((kind, below)) = operand.as_object().and_then(|members| members.iter().next()) else { return false };
    match kind.as_str() {
        "String" | "RawString" | "Number" | "Bool" | "Null" => true,
        "Array" | "Set" => {
            below.get("items").and_then(Value::as_array).is_some_and(|items| items.iter().all(is_written))
        }
        _ => false,
    }
}
