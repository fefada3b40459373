//! What is read of schemas that were written to be hard to read: it ends, and what ends it is unreadable, nothing else.

use serde_json::{Value, json};

use super::{Effort, InputSchema, Limits, Shape, Why};

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

/// Alternatives are one type with the bounds of each: which of them go together is not enforced, and is said.
#[test]
fn alternatives_that_differ_in_one_place_are_enforced() {
    let object = |kind: &str, most: u32| {
        json!({ "type": "object", "required": ["kind"], "properties": {
            "kind": { "const": kind }, "amount": { "type": "integer", "maximum": most } } })
    };
    let bounded = |most: u32| json!({ "type": "integer", "maximum": most });
    let list = |item: Value| json!({ "type": "array", "items": item });
    for (alternatives, enforced) in [
        (vec![bounded(5), bounded(9)], true),
        (vec![json!({ "const": "a" }), json!({ "const": "b" })], true),
        (vec![bounded(5), json!({ "type": "null" })], true),
        (vec![object("a", 5), object("b", 5)], true),
        (vec![object("a", 5), object("a", 9)], true),
        (vec![object("a", 5)], true),
        (vec![object("a", 5), object("b", 9)], false),
        // Each differs from the next in one place.
        (vec![object("a", 5), object("b", 5), object("b", 9)], false),
        (vec![list(bounded(5)), list(bounded(9))], false),
        (vec![list(bounded(5)), list(bounded(5))], true),
        (
            vec![
                json!({ "type": "object", "properties": { "o": object("a", 5) } }),
                json!({ "type": "object", "properties": { "o": object("b", 9) } }),
            ],
            false,
        ),
    ] {
        let schema = InputSchema::from(json!({ "type": "object", "properties": { "p": { "anyOf": alternatives } } }));
        let expected: &[String] = if enforced { &[] } else { &["/properties/p/anyOf".to_owned()] };
        assert_eq!(schema.not_enforced(), expected, "{alternatives:?}");
    }
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

/// An agent that sends what a pattern takes long for is refused before it took long; who sends much that does not is not.
#[test]
fn patterns_are_looked_for_in_so_much_text() -> Result<(), &'static str> {
    let bounds = |pattern: &str| {
        let schema = json!({ "type": "object", "properties": { "p": { "type": "string", "pattern": pattern } } });
        let schema = InputSchema::from(schema);
        let record = schema.types().ok()?;
        schema.not_enforced().is_empty().then(|| record.member("p").map(|property| property.limits.clone()))?
    };
    let fits = |limits: &Limits, text: &str, effort: &Effort| limits.broken(&text.into(), effort).is_none();
    // Where the `a` are, of so many letters, is another state at each of them.
    let slow = bounds("a[ab]{300}c").ok_or("not enforced")?;
    let letters = (0..4_000_u64).scan(1_u64, |state, _| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(if *state >> 63 == 0 { 'a' } else { 'b' })
    });
    let (text, effort) = (format!("{}a{}c", letters.collect::<String>(), "b".repeat(300)), Effort::default());
    let looked_at = (0..1_000).take_while(|_| fits(&slow, &text, &effort)).count();
    assert!((1..20).contains(&looked_at), "{looked_at}");
    assert!(fits(&slow, &text, &Effort::default()));

    for (pattern, text, many) in [
        ("^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", "6f0c5b3e-9d0a-4a53-8a11-0f6f3c1e2d4b", 5_000),
        ("^[A-Z]{3}$", "EUR", 50_000),
        ("^\\S+@\\S+\\.\\S+$", "erin@example.com", 2_000),
        (r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$", "tools.example.com", 500),
        // Names of people in more letters than those of ASCII, as many as a body can hold.
        (r"^\p{L}+$", "Świętosława", 20_000),
        (r"^[\p{L}\p{M}' .-]+$", "Nguyễn Thị Minh Khai", 20_000),
        (r"^\p{Lu}[\p{L}\p{N}_-]*( \p{Lu}[\p{L}\p{N}_-]*)*$", "Αλέξανδρος Παπαδόπουλος", 20_000),
        ("[a-z]{1,400}[0-9]", "the quick brown fox jumps over the lazy dog1", 5_000),
    ] {
        let (limits, effort) = (bounds(pattern).ok_or(pattern)?, Effort::default());
        assert!((0..many).all(|_| fits(&limits, text, &effort)), "{pattern}");
    }
    Ok(())
}

/// A pattern of just as many bytes as are read, or that takes just as many bytes compiled, holds; one more is named, and refuses nothing.
#[test]
fn patterns_are_as_large_as_they_may_be() {
    // What of the schema is not enforced, and whether `text` breaks it.
    let read = |pattern: &str, text: &str| {
        let schema = json!({ "type": "object", "properties": { "p": { "type": "string", "pattern": pattern } } });
        let schema = InputSchema::from(schema);
        let limits = schema.types().ok().and_then(|record| Some(record.member("p")?.limits.clone()));
        let broken = limits.is_some_and(|limits| limits.broken(&text.into(), &Effort::default()).is_some());
        (schema.not_enforced().to_vec(), broken)
    };
    let (fits, breaks) = ((Vec::new(), false), (Vec::new(), true));
    let named = (vec!["/properties/p/pattern".to_owned()], false);
    // One range of letters, however often they are written.
    let written = |bytes: usize| format!("^[{}]$", "a".repeat(bytes - 4));
    assert_eq!(read(&written(4 * 1024), "a"), fits);
    assert_eq!(read(&written(4 * 1024), "b"), breaks);
    assert_eq!(read(&written(4 * 1024 + 1), "b"), named);
    // A state of 32 bytes for each letter, of 64 KiB; four of them are for what is around the letters.
    let (compiled, most) = (|letters: usize| format!("^a{{{letters}}}$"), 64 * 1024 / 32 - 4);
    assert_eq!(read(&compiled(most), &"a".repeat(most)), fits);
    assert_eq!(read(&compiled(most), &"a".repeat(most - 1)), breaks);
    assert_eq!(read(&compiled(most + 1), ""), named);
}

/// As ECMA-262 has it: `\b` is between what is a word character of ASCII and what is not.
#[test]
fn patterns_are_those_of_ecma() -> Result<(), &'static str> {
    for (pattern, text, fits) in [
        ("b", "abc", true),
        ("^b", "abc", false),
        ("^(a|b)*$", "", true),
        ("^$", "a", false),
        (r"\bcat\b", "a cat sat", true),
        (r"\bcat\b", "concatenate", false),
        (r"é\b", "é", false),
        (r"é\b", "éa", true),
        (r"é\B", "é", true),
        (r"a\Bb", "ab", true),
        (r"a\B", "a", false),
        (r"^\\b$", r"\b", true),
        (r"^\d{2}$", "٣٤", false),
        ("^.$", "é", true),
        ("^[^a]+$", "ñ\u{1f600}", true),
    ] {
        let schema = json!({ "type": "object", "properties": { "p": { "type": "string", "pattern": pattern } } });
        let schema = InputSchema::from(schema);
        let limits = schema.types().ok().and_then(|record| Some(record.member("p")?.limits.clone()));
        let broken = limits.ok_or(pattern)?.broken(&text.into(), &Effort::default()).is_some();
        assert_eq!(!broken, fits, "{pattern} in {text}");
        // Also by the states that are known by then.
        assert_eq!(schema.not_enforced(), [""; 0], "{pattern}");
    }
    // What looks around or refers back, or is too large, is not enforced, and said to be so.
    for pattern in ["a(?=b)", r"(a)\1", r"^\p{L}{1,200}$", r"\B", r"(x|\B)"] {
        let schema = json!({ "type": "object", "properties": { "p": { "type": "string", "pattern": pattern } } });
        assert_eq!(InputSchema::from(schema).not_enforced(), ["/properties/p/pattern"], "{pattern}");
    }
    Ok(())
}

#[test]
fn what_is_not_enforced_is_named() {
    let schema = InputSchema::from(json!({
        "type": "object",
        "properties": {
            "a": { "type": "string", "format": "email" },
            "any": { "type": "object", "properties": {}, "additionalProperties": {} },
            "several": { "type": "object", "properties": {}, "additionalProperties": { "type": ["string", "number"] } },
            "tuple": { "type": "array", "items": [{ "type": "string" }], "additionalItems": false },
        },
        "dependentRequired": { "a": ["any"] },
        "not": { "required": ["tuple"] },
    }));
    let named = [
        "/dependentRequired",
        "/not",
        "/properties/a/format",
        "/properties/several/additionalProperties",
        "/properties/tuple/additionalItems",
    ];
    assert_eq!(schema.not_enforced(), named);
}
