//! JSON for people: what fits on a line is on one, and members keep their order.

use serde_json::Value;

const WIDTH: usize = 120;
const STEP: usize = 2;

/// The document, with a line feed at the end.
pub(super) fn text(document: &Value) -> String {
    format!("{}\n", value(document, 0, 0))
}

/// A value whose line is indented by `indent`, with `before` characters in front of it and behind it.
fn value(value: &Value, indent: usize, before: usize) -> String {
    let line = on_one_line(value);
    if indent + before + line.chars().count() <= WIDTH {
        return line;
    }
    let below = indent + STEP;
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| {
                let name = Value::from(name.as_str()).to_string();
                let behind = self::value(member, below, name.len() + ": ,".len());
                format!("{name}: {behind}")
            });
            lines('{', members, '}', indent)
        }
        Value::Array(items) => lines('[', items.iter().map(|item| self::value(item, below, ",".len())), ']', indent),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => line,
    }
}

fn lines(open: char, items: impl Iterator<Item = String>, close: char, indent: usize) -> String {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + STEP));
    let items: Vec<String> = items.map(|item| format!("{inner}{item}")).collect();
    format!("{open}\n{}\n{outer}{close}", items.join(",\n"))
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let member =
                |(name, member): (&String, &Value)| format!("{}: {}", Value::from(name.as_str()), on_one_line(member));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
