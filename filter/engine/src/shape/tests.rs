//! What is read of schemas that were written to be hard to read: it ends, and what ends it is unreadable, nothing else.

use serde_json::{Value, json};

use super::{InputSchema, Shape, Why};

fn argument<'s>(schema: &'s InputSchema, name: &str) -> Option<&'s Shape> {
    schema.argument(name)
}

#[test]
fn references_are_followed_so_far() {
    // Each leads to the next twice: without a bound that is 2^64 schemas.
    let mut definitions = serde_json::Map::new();
    for at in 0..64 {
        let next = json!({ "$ref": format!("#/$defs/d{}", at + 1) });
        let one = json!({ "type": "object", "properties": { "a": next, "b": next } });
        definitions.insert(format!("d{at}"), one);
    }
    definitions.insert("d64".to_owned(), json!({ "type": "string" }));
    let schema = json!({ "type": "object", "$defs": definitions, "properties": {
        "deep": { "$ref": "#/$defs/d0" }, "plain": { "type": "string" } } });
    let schema = InputSchema::from(schema);
    let why = argument(&schema, "deep").and_then(Shape::unreadable).map(|unreadable| &unreadable.why);
    assert_eq!(why, Some(&Why::TooLarge));
}

#[test]
fn loops_end() {
    let schema = InputSchema::from(json!({ "type": "object", "$defs": {
        "a": { "$ref": "#/$defs/b" }, "b": { "allOf": [{ "$ref": "#/$defs/a" }] },
        "node": { "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] } } },
    }, "properties": { "a": { "$ref": "#/$defs/a" }, "list": { "$ref": "#/$defs/node" }, "s": { "type": "string" } } }));
    let why = |name: &str| argument(&schema, name).and_then(Shape::unreadable).map(ToString::to_string);
    assert_eq!(why("a").as_deref(), Some("/$defs/b/allOf/0/$ref: the reference leads back to itself"));
    assert_eq!(
        why("list").as_deref(),
        Some("/$defs/node/properties/next/anyOf/0/$ref: the reference leads back to itself")
    );
    assert_eq!(argument(&schema, "s"), Some(&Shape::String(None)));
}

#[test]
fn nothing_nests_deeper_than_is_read() {
    let mut schema = json!({ "type": "string" });
    for _ in 0..100 {
        schema = json!({ "type": "array", "items": schema });
    }
    let schema = InputSchema::from(json!({ "type": "object", "properties": { "p": schema } }));
    assert!(matches!(argument(&schema, "p"), Some(Shape::Opaque(unreadable)) if unreadable.why == Why::TooLarge));
    assert_eq!(schema.written().pointer("/type"), Some(&Value::from("object")));
}
