//! Which arguments fit, and what of them policies see.

use std::collections::BTreeMap;

use countersign_protocols::bounds::{Bounds, TaskError};
use countersign_protocols::catalogue::{Protocol, Tool};
use countersign_protocols::shape::InputSchema;
use serde_json::{Value, json};

use super::{
    Failure, Outcome, World, among, call, catalogue, decide, holds, lines, resource, say, spell, tool, written,
};
use crate::{CedarPolicy, Deny, Verdict};

/// What `condition` makes of a call of a tool with this schema.
fn judge(schema: Value, condition: &str, arguments: Value) -> Result<String, Failure> {
    let mut resources = catalogue();
    resources.push(resource("x", Protocol::Mcp, vec![tool("t", Some(schema))]));
    let text = format!("permit(principal, action == Action::\"x/t\", resource) when {{ {condition} }};");
    let policy = CedarPolicy::compile(&text, &among(&resources)).map_err(|errors| lines(&errors))?;
    Ok(spell(&decide(&policy, &call("x", "t", arguments))))
}

/// What `condition` makes of a call whose schema has the one property `p`.
fn property(schema: &Value, condition: &str, value: &Value) -> Result<String, Failure> {
    let schema = json!({ "type": "object", "properties": { "p": schema } });
    judge(schema, &format!("context.args has p && {condition}"), json!({ "p": value }))
}

const ALLOW: &str = "allow [policy0]";
const ASKED_FOR: &str = "a policy asks for it and nothing declares it; declare it in `input_schema`";
const DENY: &str = "deny policy_denied [] -";

fn unfit(what: &str) -> String {
    format!("deny arguments_unfit [] argument `{what}")
}

#[test]
fn values_reach_policies_as_they_are() -> Outcome {
    let cases = [
        (json!({ "type": "string" }), r#"context.args.p == "é\u{1F600}""#, json!("é😀")),
        (json!({ "type": "boolean" }), "context.args.p", json!(true)),
        (json!({ "type": "integer" }), "context.args.p == -9223372036854775808", json!(i64::MIN)),
        (json!({ "type": "integer" }), "context.args.p == 9223372036854775807", json!(i64::MAX)),
        (json!({ "type": "number" }), r#"context.args.p == decimal("12.34")"#, json!(12.34)),
        (json!({ "type": "number" }), r#"context.args.p == decimal("-0.0001")"#, json!(-0.0001)),
        (json!({ "type": "number" }), r#"context.args.p == decimal("5.0")"#, json!(5)),
        (json!({ "type": "number" }), r#"context.args.p == decimal("1000000.0")"#, json!(1e6)),
        (
            json!({ "type": "number" }),
            r#"context.args.p == decimal("-922337203685477.0")"#,
            json!(-922_337_203_685_477_i64),
        ),
        (json!({ "type": "string", "enum": ["a", "b"] }), r#"context.args.p == "b""#, json!("b")),
        (json!({ "enum": ["a", "b"] }), r#"context.args.p == "b""#, json!("b")),
        (json!({ "type": "array", "items": { "type": "integer" } }), "context.args.p == [2, 1]", json!([1, 2, 1])),
        (
            json!({ "type": "object", "properties": { "q": { "type": "string" } }, "required": ["q"] }),
            r#"context.args.p.q == "z""#,
            json!({ "q": "z" }),
        ),
        (
            json!({ "type": "array", "items": { "type": "object", "properties": { "q": { "type": "integer" } }, "required": ["q"] } }),
            "context.args.p.contains({ q: 7 })",
            json!([{ "q": 7 }]),
        ),
        (json!({ "type": "integer", "minimum": 1, "default": 6, "title": "t" }), "context.args.p == 1", json!(1)),
        (json!({ "type": "integer" }), "context.args.p == 1", json!(1.0)),
    ];
    for (schema, condition, value) in cases {
        assert_eq!(property(&schema, condition, &value)?, ALLOW, "{schema} {condition} {value}");
    }
    Ok(())
}

#[test]
fn nothing_is_coerced_or_rounded() -> Outcome {
    let cases = [
        (json!({ "type": "string" }), json!(1), "/p`: not a string"),
        (json!({ "type": "string" }), json!(null), "/p`: not a string"),
        (json!({ "type": "boolean" }), json!("true"), "/p`: not a boolean"),
        (json!({ "type": "boolean" }), json!(1), "/p`: not a boolean"),
        (json!({ "type": "integer" }), json!("1"), "/p`: not an integer"),
        (json!({ "type": "integer" }), json!(1.5), "/p`: not an integer"),
        (json!({ "type": "number" }), json!("1.5"), "/p`: not a number"),
        (json!({ "type": "string", "enum": ["a"] }), json!("A"), "/p`: not one of those listed"),
        (json!({ "type": "array", "items": { "type": "integer" } }), json!([1, "2"]), "/p/1`: not an integer"),
        (json!({ "type": "array", "items": { "type": "integer" } }), json!(1), "/p`: not an array"),
        (json!({ "type": "object", "properties": {} }), json!({ "a/b": 1 }), "/p/a~1b`: not declared"),
        (json!({ "type": "object", "properties": {} }), json!([]), "/p`: not an object"),
    ];
    for (schema, value, expected) in cases {
        assert_eq!(property(&schema, "true", &value)?, unfit(expected), "{schema} {value}");
    }
    Ok(())
}

#[test]
fn null_is_absence_only_where_the_schema_says_so() -> Outcome {
    let nullable = json!({ "type": "object", "properties": { "p": { "type": ["string", "null"], "enum": ["a", null] } }, "required": ["p"] });
    let has = "context.args has p";
    assert_eq!(judge(nullable.clone(), has, json!({ "p": null }))?, DENY);
    assert_eq!(judge(nullable.clone(), has, json!({ "p": "a" }))?, ALLOW);
    assert_eq!(judge(nullable.clone(), has, json!({ "p": "b" }))?, unfit("/p`: not one of those listed"));
    assert_eq!(judge(nullable, has, json!({}))?, unfit("/p`: required"));
    Ok(())
}

#[test]
fn undeclared_members_need_explicit_permission() -> Outcome {
    let declared = json!({ "type": "object", "properties": { "p": { "type": "integer" } } });
    assert_eq!(judge(declared.clone(), "true", json!({ "q": 1 }))?, unfit("/q`: not declared"));
    let with = |extra: Value| {
        let mut schema = declared.clone();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("additionalProperties".to_owned(), extra);
        }
        schema
    };
    assert_eq!(judge(with(json!(true)), "true", json!({ "q": 1 }))?, ALLOW);
    assert_eq!(judge(with(json!(true)), "true", json!({ "q": 1, "p": "x" }))?, unfit("/p`: not an integer"));
    // `{}` is `true` (JSON Schema §4.3.2), and of what cannot be read nothing is known either.
    for any in
        [json!({}), json!({ "title": "x" }), json!({ "type": ["string", "number"] }), json!({ "type": "object" })]
    {
        assert_eq!(judge(with(any.clone()), "true", json!({ "q": 1 }))?, ALLOW, "{any}");
        assert_eq!(judge(with(any.clone()), "true", json!({ "p": "x" }))?, unfit("/p`: not an integer"), "{any}");
        assert_eq!(where_others_declare_it(with(any.clone()))?, unfit(&format!("/q`: {ASKED_FOR}")), "{any}");
    }
    for never in [json!(false), json!({ "not": {} }), json!({ "not": true })] {
        assert_eq!(judge(with(never.clone()), "true", json!({ "q": 1 }))?, unfit("/q`: not declared"), "{never}");
    }
    assert_eq!(judge(json!({ "type": "object" }), "true", json!({ "q": 1 }))?, unfit("/q`: not declared"));
    let open = json!({ "type": "object", "required": ["q"], "additionalProperties": true });
    assert_eq!(judge(open.clone(), "true", json!({ "q": [null] }))?, ALLOW);
    assert_eq!(judge(open, "true", json!({}))?, unfit("/q`: required"));
    let long = "q".repeat(200);
    assert_eq!(
        judge(declared, "true", json!({ long.as_str(): 1 }))?,
        unfit(&format!("/{}`: not declared", "q".repeat(64)))
    );
    Ok(())
}

/// What becomes of a call with `q` of a tool with `schema`, under a policy that also asks another tool for `q`.
fn where_others_declare_it(schema: Value) -> Result<String, Failure> {
    let other = json!({ "type": "object", "properties": { "q": { "type": "integer" } } });
    let resources = [resource("x", Protocol::Mcp, vec![tool("t", Some(schema)), tool("u", Some(other))])];
    let text = r#"permit(principal, action in [Action::"x/t", Action::"x/u"], resource) when { context.args has q };"#;
    let policy = CedarPolicy::compile(text, &among(&resources)).map_err(|errors| lines(&errors))?;
    Ok(spell(&decide(&policy, &call("x", "t", json!({ "q": 1 })))))
}

/// The last of what is listed for `p`.
fn schema_lists(whole: &Value) -> Option<Value> {
    let schema = whole.pointer("/properties/p")?;
    schema.get("const").or_else(|| schema.get("enum")?.as_array()?.last()).cloned()
}

#[test]
fn what_hides_types_hides_the_property() -> Outcome {
    let opaque = [
        (json!(true), ": nothing says what `type` it is"),
        (json!({}), ": nothing says what `type` it is"),
        (json!({ "type": ["string", "integer"] }), "/type: it allows several types besides `null`"),
        (json!({ "type": "null" }), "/type: it is `null` and nothing else"),
        (json!({ "type": "array" }), ": an array without `items`"),
        (json!({ "type": "array", "items": [{ "type": "string" }] }), "/items: an array with a type for each position"),
        (
            json!({ "type": "array", "items": { "type": ["string", "null"] } }),
            "/items: items of the array may be `null`",
        ),
        (json!({ "type": "array", "items": {} }), "/items: nothing says what `type` it is"),
        (json!({ "type": "object" }), ": an object without `properties`"),
        (json!({ "required": ["a"], "anyOf": [{ "minLength": 3 }] }), "/anyOf: this keyword hides the type"),
        (
            json!({ "type": "array", "items": { "type": "string" }, "prefixItems": [{ "type": "integer" }] }),
            "/prefixItems: an array with a type for each position",
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
            "/anyOf: it allows several types besides `null`",
        ),
        (json!({ "not": { "type": "string" } }), "/not: this keyword hides the type"),
        (json!({ "$ref": "#/$defs/x" }), "/$ref: the reference leads to nothing in this schema"),
        (json!({ "$ref": "https://example.com/x" }), "/$ref: the reference leads to nothing in this schema"),
        (json!({ "$ref": "#/properties/p" }), "/$ref: the reference leads back to itself"),
        (json!({ "$ref": "#" }), "/$ref: the reference leads back to itself"),
        (json!({ "type": "string", "enum": ["a", 1] }), "/enum: what is listed is not of one type"),
        (json!({ "enum": ["a", 1] }), "/enum: what is listed is not of one type"),
        (json!({ "const": [1] }), "/const: what is listed is not of one type"),
    ];
    for (schema, why) in opaque {
        let whole = json!({ "type": "object", "properties": { "p": schema } });
        // Of what is listed, the rest is refused.
        let listed = schema_lists(&whole);
        let any = [json!({ "__entity": { "type": "Agent", "id": "root" } }), json!(null), json!([1.23456, "x"])];
        for value in listed.map_or(any.to_vec(), |listed| vec![listed]) {
            assert_eq!(judge(whole.clone(), "true", json!({ "p": value }))?, ALLOW, "{schema}");
        }
        let expected = format!(
            "1:1: policy `policy0`: `context.args.p` cannot be read: resources/x/tools/t/input_schema/properties/p{why}"
        );
        for condition in ["context.args has p", "(context.depth > 3 || context.args has p)", "context.args has p.q"] {
            let error = judge(whole.clone(), condition, json!({ "p": 1 })).err().map(|error| error.to_string());
            assert_eq!(error.map(|error| error.replace("p.q`", "p`")), Some(expected.clone()), "{schema} {condition}");
        }
    }
    let required = json!({ "type": "object", "properties": { "p": {} }, "required": ["p"] });
    assert_eq!(judge(required, "true", json!({}))?, unfit("/p`: required"));
    Ok(())
}

/// All keywords of a schema hold, so that none takes back what `type` says.
#[test]
fn what_stands_beside_a_type_narrows_it() -> Outcome {
    let narrowing = [
        ("anyOf", json!([{ "minLength": 3 }, { "format": "uri" }])),
        ("oneOf", json!([{ "properties": { "q": { "type": "string" } } }, { "required": ["n"] }])),
        ("allOf", json!([{ "$ref": "#/$defs/Other" }, { "title": "x" }])),
        ("not", json!({ "const": "x" })),
        ("if", json!({ "properties": { "n": { "const": 1 } } })),
        ("dependentSchemas", json!({ "n": { "required": ["o"] } })),
        ("$ref", json!("https://example.com/schema")),
    ];
    let typed = [
        (json!({ "type": "string" }), r#"context.args.p like "a*""#, json!("ab"), json!(1), "/p`: not a string"),
        (json!({ "type": "integer" }), "context.args.p == 7", json!(7), json!("7"), "/p`: not an integer"),
        (
            json!({ "type": "object", "properties": { "n": { "type": "integer" } } }),
            "context.args.p has n && context.args.p.n == 7",
            json!({ "n": 7 }),
            json!({ "n": "7" }),
            "/p/n`: not an integer",
        ),
    ];
    for (keyword, value) in narrowing {
        for (schema, condition, fits, other, problem) in typed.clone() {
            let mut schema = schema;
            if let Some(schema) = schema.as_object_mut() {
                schema.insert(keyword.to_owned(), value.clone());
            }
            assert_eq!(property(&schema, condition, &fits)?, ALLOW, "{schema}");
            assert_eq!(property(&schema, "true", &other)?, unfit(problem), "{schema}");
        }
    }
    Ok(())
}

/// What another keyword may declare is not refused; where a policy could ask for it, it is.
#[test]
fn members_that_other_keywords_declare_are_admitted() -> Outcome {
    let with = |keyword: &str, value: Value| json!({ "type": "object", "properties": { "p": { "type": "integer" } }, keyword: value });
    let declaring = [
        with(
            "anyOf",
            json!([{ "properties": { "q": { "type": "integer" } }, "required": ["q"] }, { "required": ["p"] }]),
        ),
        with("oneOf", json!([{ "$ref": "#/$defs/A" }])),
        with("allOf", json!([{ "properties": { "q": true } }, { "required": ["q"] }])),
        with("if", json!({ "properties": { "q": true } })),
        with("then", json!({ "properties": { "q": true } })),
        with("patternProperties", json!({ "^q": { "type": "integer" } })),
        with("$ref", json!("#/$defs/A")),
    ];
    for schema in declaring {
        assert_eq!(judge(schema.clone(), "true", json!({ "p": 1, "q": 1 }))?, ALLOW, "{schema}");
        assert_eq!(judge(schema.clone(), "true", json!({ "p": "1" }))?, unfit("/p`: not an integer"), "{schema}");
        assert_eq!(where_others_declare_it(schema.clone())?, unfit(&format!("/q`: {ASKED_FOR}")), "{schema}");
        let mut closed = schema;
        if let Some(closed) = closed.as_object_mut() {
            closed.insert("additionalProperties".to_owned(), json!(false));
        }
        // What a pattern names is not additional.
        let expected =
            if closed.get("patternProperties").is_some() { ALLOW.to_owned() } else { unfit("/q`: not declared") };
        assert_eq!(judge(closed.clone(), "true", json!({ "q": 1 }))?, expected, "{closed}");
    }
    for only_requiring in
        [with("anyOf", json!([{ "required": ["p"] }, { "required": [] }])), with("not", json!({ "required": ["q"] }))]
    {
        let refused = judge(only_requiring.clone(), "true", json!({ "q": 1 }))?;
        assert_eq!(refused, unfit("/q`: not declared"), "{only_requiring}");
    }
    Ok(())
}

#[test]
fn types_are_read_through_what_generators_write() -> Outcome {
    let definitions = json!({
        "Name": { "type": "string", "title": "Name" },
        "Maybe": { "anyOf": [{ "$ref": "#/$defs/Name" }, { "type": "null" }] },
        "a/b": { "allOf": [{ "$ref": "#/$defs/Name" }] },
        "Tree": { "type": "object", "required": ["value"], "properties": {
            "value": { "type": "integer" }, "children": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } } },
    });
    let like = r#"context.args.p like "*secret*""#;
    let cases = [
        (json!({ "anyOf": [{ "type": "string" }, { "type": "null" }], "default": null }), like, json!("a secret")),
        (json!({ "oneOf": [{ "type": "null" }, { "type": "string" }] }), like, json!("a secret")),
        (json!({ "anyOf": [{ "type": "string", "format": "uri" }, { "type": "string" }] }), like, json!("a secret")),
        (
            json!({ "anyOf": [{ "const": "a" }, { "const": "b", "title": "B" }] }),
            r#"context.args.p == "b""#,
            json!("b"),
        ),
        (
            json!({ "anyOf": [{ "type": "integer" }, { "type": "number" }] }),
            r#"context.args.p == decimal("1.5")"#,
            json!(1.5),
        ),
        (json!({ "$ref": "#/$defs/Name", "description": "who" }), like, json!("a secret")),
        (json!({ "$ref": "#/$defs/Maybe" }), like, json!("a secret")),
        (json!({ "$ref": "#/$defs/a~1b" }), like, json!("a secret")),
        (json!({ "$ref": "#/%24defs/a%7E1b" }), like, json!("a secret")),
        (json!({ "allOf": [{ "$ref": "#/$defs/Maybe" }], "default": null }), like, json!("a secret")),
        (json!({ "type": "string", "const": "x" }), r#"context.args.p == "x""#, json!("x")),
        (json!({ "const": true }), "context.args.p", json!(true)),
        (json!({ "enum": [1, 2] }), "context.args.p == 2", json!(2)),
        (json!({ "enum": ["a", null] }), r#"context.args.p == "a""#, json!("a")),
        (
            json!({ "type": "array", "items": { "$ref": "#/$defs/Name" } }),
            r#"context.args.p.contains("x")"#,
            json!(["x"]),
        ),
        (
            json!({ "$ref": "#/$defs/Tree" }),
            "context.args.p.value == 7",
            json!({ "value": 7, "children": [{ "value": 8 }] }),
        ),
        (
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            r#"context.args.p has PATH && context.args.p.PATH like "*x*""#,
            json!({ "PATH": "axb", "HOME": "y" }),
        ),
        (
            json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "additionalProperties": { "type": "array", "items": { "$ref": "#/$defs/Name" } } }),
            r#"context.args.p has q && context.args.p.q.contains("x") && context.args.p has n && context.args.p.n == 1"#,
            json!({ "n": 1, "q": ["x"] }),
        ),
    ];
    for (schema, condition, value) in cases {
        let whole = json!({ "type": "object", "$defs": definitions, "properties": { "p": schema } });
        let read = judge(whole, &format!("context.args has p && {condition}"), json!({ "p": value }))?;
        assert_eq!(read, ALLOW, "{schema} {condition}");
    }
    Ok(())
}

#[test]
fn nullable_by_alternatives_is_nullable() -> Outcome {
    let schema = json!({ "type": "object", "properties": {
        "p": { "anyOf": [{ "type": "string", "enum": ["a"] }, { "type": "null" }] },
        "m": { "type": "object", "additionalProperties": { "type": "integer" } },
    } });
    assert_eq!(judge(schema.clone(), "context.args has p", json!({ "p": null }))?, DENY);
    assert_eq!(judge(schema.clone(), "true", json!({ "p": "b" }))?, unfit("/p`: not one of those listed"));
    assert_eq!(judge(schema.clone(), "true", json!({ "p": 1 }))?, unfit("/p`: not a string"));
    assert_eq!(judge(schema, "true", json!({ "m": { "x": "1" } }))?, unfit("/m/x`: not an integer"));
    // All arguments may be said to be something else's.
    let whole = json!({ "$ref": "#/definitions/A", "definitions": { "A": { "type": "object", "properties": { "p": { "type": "integer" } } } } });
    assert_eq!(judge(whole, "context.args has p && context.args.p == 1", json!({ "p": 1 }))?, ALLOW);
    Ok(())
}

#[test]
fn entity_and_extension_escapes_are_ordinary_keys() -> Outcome {
    let escapes = [
        json!({ "__entity": { "type": "Agent", "id": "root" } }),
        json!({ "__extn": { "fn": "decimal", "arg": "1.0" } }),
        json!({ "__expr": "principal" }),
    ];
    for escape in escapes {
        assert_eq!(property(&json!({ "type": "string" }), "true", &escape)?, unfit("/p`: not a string"));
        assert_eq!(property(&json!({ "type": "number" }), "true", &escape)?, unfit("/p`: not a number"));
        let key = escape.as_object().and_then(|escape| escape.keys().next()).ok_or("no key")?;
        let closed = json!({ "type": "object", "properties": { "q": { "type": "string" } } });
        assert_eq!(property(&closed, "true", &escape)?, unfit(&format!("/p/{key}`: not declared")));
        let open = json!({ "type": "object", "properties": {}, "additionalProperties": true });
        assert_eq!(property(&open, "context.args has p", &escape)?, ALLOW);
        // Whoever reads all of it reads what nothing declares.
        assert_eq!(property(&open, "context.args.p == {}", &escape)?, unfit(&format!("/p/{key}`: {ASKED_FOR}")));
        assert_eq!(judge(open, "context.args == {}", escape.clone())?, unfit(&format!("/{key}`: {ASKED_FOR}")));
    }
    // Declared, they are read like any other.
    let entity = json!({ "type": "object", "properties": { "type": { "type": "string" }, "id": { "type": "string" } }, "required": ["type", "id"] });
    let schema = json!({ "type": "object", "properties": { "__entity": entity, "__extn": { "type": "string" } }, "required": ["__entity"] });
    let arguments = json!({ "__entity": { "type": "Agent", "id": "alice" }, "__extn": "decimal(\"1.0\")" });
    let condition = r#"context.args["__entity"].id == "alice" && context.args has "__extn" && context.args["__extn"] == "decimal(\"1.0\")""#;
    assert_eq!(judge(schema, condition, arguments)?, ALLOW);
    Ok(())
}

#[test]
fn arguments_are_checked_whether_or_not_a_policy_reads_them() -> Outcome {
    let text = "permit(principal, action, resource);";
    let bad = call("payments", "transfer", json!({ "amount": "1" }));
    assert_eq!(say(text, &bad)?, unfit("/amount`: not an integer"));
    // Without a schema, or undeclared, there is nothing to check.
    assert_eq!(say(text, &call("payments", "ping", json!({ "x": 1.23456 })))?, ALLOW);
    assert_eq!(say(text, &call("payments", "other", json!({ "x": 1.23456 })))?, ALLOW);
    assert!(holds(
        &World::new(),
        "context.args.amount == 1 && !(context.args has memo)",
        json!({ "amount": 1, "memo": null })
    )?);
    Ok(())
}

/// What `text`, a policy for `x/t` with the arguments' `schema`, says of arguments as they are written.
fn of_written(schema: &Value, text: &str, arguments: &str) -> Result<String, Failure> {
    let resources = [resource("x", Protocol::Mcp, vec![tool("t", Some(schema.clone()))])];
    let policy = CedarPolicy::compile(text, &among(&resources)).map_err(|errors| lines(&errors))?;
    Ok(spell(&policy.decide(&World::new().facts(&written("x", "t", arguments)?))))
}

#[test]
fn numbers_of_any_size_pass_where_nobody_reads_them() -> Outcome {
    let schema = json!({ "type": "object", "properties": {
        "n": { "type": "integer" }, "d": { "type": "number" }, "l": { "type": "array", "items": { "type": "number" } },
        "o": { "type": "object", "properties": { "n": { "type": "integer" }, "s": { "type": "string" } } }, "s": { "type": "string" },
    } });
    let numbers = [
        "1e22",
        "123456789012345678901234567890",
        "18446744073709551615",
        "1e400",
        "-1e400",
        "5.0",
        "1e2",
        "-0",
        "9007199254740993",
    ];
    let fractions = ["52.520006599", "100.500000000000001", "1e-400", "0.1234567890123456789"];
    for text in [
        "permit(principal, action, resource);",
        r#"permit(principal, action == Action::"x/t", resource) when { context.args has s && context.args.s == "a" };"#,
    ] {
        for number in numbers {
            let all = format!(r#"{{"n":{number},"d":{number},"l":[1,{number}],"o":{{"n":{number}}},"s":"a"}}"#);
            assert_eq!(of_written(&schema, text, &all)?, ALLOW, "{number}");
        }
        for number in fractions {
            let all = format!(r#"{{"d":{number},"l":[{number}],"s":"a"}}"#);
            assert_eq!(of_written(&schema, text, &all)?, ALLOW, "{number}");
            for (integer, place) in
                [(format!(r#"{{"n":{number}}}"#), "/n"), (format!(r#"{{"o":{{"n":{number}}}}}"#), "/o/n")]
            {
                assert_eq!(
                    of_written(&schema, text, &integer)?,
                    unfit(&format!("{place}`: not an integer")),
                    "{number}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn numbers_that_are_read_are_exact_or_denied() -> Outcome {
    let schema = json!({ "type": "object", "properties": {
        "n": { "type": "integer" }, "d": { "type": "number" }, "l": { "type": "array", "items": { "type": "integer" } },
        "o": { "type": "object", "properties": { "n": { "type": "integer" }, "m": { "type": "integer" } } },
    } });
    let (long, decimal) = (
        "an integer of more than 64 bits, which a policy that reads it cannot hold",
        "a number with more than 4 fraction digits, or beyond ±922337203685477, which a policy that reads it cannot hold",
    );
    for (condition, arguments, expected) in [
        ("context.args has n && context.args.n == 5", r#"{"n":5.0}"#, ALLOW.to_owned()),
        ("context.args has n && context.args.n == 100", r#"{"n":1e2}"#, ALLOW.to_owned()),
        ("context.args has n && context.args.n == 0", r#"{"n":-0}"#, ALLOW.to_owned()),
        ("context.args has n && context.args.n > 5", r#"{"n":1e22}"#, unfit(&format!("/n`: {long}"))),
        // Whoever asks if it is there reads it, under `!` too.
        ("!(context.args has n)", r#"{"n":1e22}"#, unfit(&format!("/n`: {long}"))),
        (r#"context.args has d && context.args.d == decimal("100.5")"#, r#"{"d":100.50}"#, ALLOW.to_owned()),
        (r#"context.args has d && context.args.d == decimal("1.2345")"#, r#"{"d":12345e-4}"#, ALLOW.to_owned()),
        (
            r#"context.args has d && context.args.d == decimal("900000000000000.1234")"#,
            r#"{"d":900000000000000.1234}"#,
            ALLOW.to_owned(),
        ),
        (
            r#"context.args has d && context.args.d == decimal("100.5")"#,
            r#"{"d":100.500000000000001}"#,
            unfit(&format!("/d`: {decimal}")),
        ),
        (
            r#"context.args has d && context.args.d == decimal("1.0")"#,
            r#"{"d":922337203685478}"#,
            unfit(&format!("/d`: {decimal}")),
        ),
        ("context.args has l && context.args.l.contains(1)", r#"{"l":[1,1e22]}"#, unfit(&format!("/l/1`: {long}"))),
        (
            "context.args has o && context.args.o has m && context.args.o.m == 1",
            r#"{"o":{"m":1,"n":1e22}}"#,
            ALLOW.to_owned(),
        ),
        (
            "context.args has o && context.args.o has m && context.args.o.m == 1",
            r#"{"o":{"m":1e22,"n":1}}"#,
            unfit(&format!("/o/m`: {long}")),
        ),
    ] {
        let text = format!("permit(principal, action == Action::\"x/t\", resource) when {{ {condition} }};");
        assert_eq!(of_written(&schema, &text, arguments)?, expected, "{condition} {arguments}");
    }
    Ok(())
}

/// A list that is there is there, whatever of it Cedar cannot hold.
#[test]
fn lists_are_not_absent_for_what_is_in_them() -> Outcome {
    let numbers = json!({ "type": "array", "items": { "type": "number" } });
    let schema = json!({ "type": "object", "properties": {
        "l": numbers, "n": { "type": "array", "items": { "type": "integer" } }, "d": { "type": "array", "items": numbers },
        "o": { "type": "object", "properties": { "l": numbers } },
        "r": { "type": "array", "items": { "type": "object", "properties": { "at": numbers } } },
        "m": { "type": "object", "additionalProperties": numbers },
    } });
    for (asked, arguments) in [
        ("context.args has l", r#"{"l":[0.12345]}"#),
        ("context.args has l", r#"{"l":[1,1e400,2]}"#),
        ("context.args has n", r#"{"n":[9223372036854775808]}"#),
        ("context.args has d", r#"{"d":[[1],[52.520006599]]}"#),
        ("context.args has o && context.args.o has l", r#"{"o":{"l":[1e-400]}}"#),
        ("context.args has r", r#"{"r":[{"at":[0.123456789]}]}"#),
        ("context.args has m && context.args.m has x", r#"{"m":{"x":[0.123456789]}}"#),
    ] {
        let forbidden = format!(
            "permit(principal, action, resource); forbid(principal, action == Action::\"x/t\", resource) when {{ {asked} }};"
        );
        assert_eq!(
            of_written(&schema, &forbidden, arguments)?,
            "deny policy_denied [policy1] -",
            "{asked} {arguments}"
        );
        let permitted = format!("permit(principal, action == Action::\"x/t\", resource) when {{ {asked} }};");
        assert_eq!(of_written(&schema, &permitted, arguments)?, ALLOW, "{asked} {arguments}");
    }
    // Whoever looks at what is in it sees all of it, or nothing.
    for asked in [
        "context.args.l == [decimal(\"1.0\")]",
        "context.args.l.isEmpty()",
        "context.args.l.contains(decimal(\"1.0\"))",
    ] {
        let text =
            format!("permit(principal, action == Action::\"x/t\", resource) when {{ context.args has l && {asked} }};");
        let told = of_written(&schema, &text, r#"{"l":[1,0.12345]}"#)?;
        assert!(told.starts_with(&unfit("/l/1`: a number with more than 4 fraction digits")), "{asked}: {told}");
    }
    Ok(())
}

#[test]
fn bounds_of_single_values_hold() -> Outcome {
    for (schema, inside, outside, problem) in [
        (json!({ "type": "integer", "minimum": 5 }), &["5", "5.0", "1e400"][..], &["4", "-1e400"][..], "less than 5"),
        (
            json!({ "type": "number", "maximum": 0.3 }),
            &["0.3", "0.30", "-1"],
            &["0.30000000000000000001", "1"],
            "more than 0.3",
        ),
        (json!({ "type": "number", "exclusiveMinimum": 0 }), &["1e-400"], &["0", "-0", "-1e-400"], "not more than 0"),
        (
            json!({ "type": "number", "exclusiveMaximum": 1 }),
            &["0.99999999999999999999"],
            &["1", "1.0"],
            "not less than 1",
        ),
        // As draft 4 has it.
        (json!({ "type": "number", "minimum": 0, "exclusiveMinimum": true }), &["1"], &["0"], "not more than 0"),
        (json!({ "type": "number", "minimum": 0, "exclusiveMinimum": false }), &["0"], &["-1"], "less than 0"),
        (json!({ "type": "number", "multipleOf": 0.01 }), &["19.99", "0", "1e400"], &["19.995"], "no multiple of 0.01"),
        (json!({ "type": "integer", "enum": [1, 2.0] }), &["1", "2", "1.0"], &["3"], "not one of those listed"),
        (json!({ "const": 5 }), &["5", "5.0"], &["6"], "not one of those listed"),
        (json!({ "enum": [1, "a"] }), &["1", "\"a\""], &["2", "\"b\"", "null", "[]"], "not one of those listed"),
        (
            json!({ "type": "string", "minLength": 2, "maxLength": 3 }),
            &["\"ää\"", "\"äää\""],
            &["\"ä\""],
            "shorter than 2 characters",
        ),
        (json!({ "type": "string", "maxLength": 3 }), &["\"😀😀😀\""], &["\"aaaa\""], "longer than 3 characters"),
        (
            json!({ "type": "string", "pattern": "^[a-z]+\\d$" }),
            &["\"a1\""],
            &["\"a\"", "\"a٣\"", "\"a1\\n\""],
            "not as `pattern` has it, or more text than it is looked for in",
        ),
        (
            json!({ "type": "array", "items": { "type": "integer" }, "minItems": 1 }),
            &["[1]"],
            &["[]"],
            "fewer than 1 items",
        ),
        (
            json!({ "type": "array", "items": { "type": "integer" }, "maxItems": 1 }),
            &["[]", "[1]"],
            &["[1,2]"],
            "more than 1 items",
        ),
        (
            json!({ "type": "array", "items": { "type": "number" }, "uniqueItems": true }),
            &["[1,2]"],
            &["[1,1.0]", "[0,-0]"],
            "two items are the same",
        ),
        (
            json!({ "anyOf": [{ "type": "integer", "maximum": 5 }, { "type": "null" }] }),
            &["5", "null"],
            &["6"],
            "more than 5",
        ),
        (
            json!({ "anyOf": [{ "type": "integer", "maximum": 5 }, { "type": "integer", "minimum": 9 }] }),
            &["5", "9"],
            &["6"],
            "within the bounds of no alternative",
        ),
        (
            json!({ "anyOf": [
                { "type": "object", "properties": { "q": { "type": "integer", "maximum": 5 } } },
                { "type": "object", "properties": { "q": { "type": "integer", "minimum": 9 } } },
            ] }),
            &["{}", "{\"q\":5}", "{\"q\":9}"],
            &[],
            "",
        ),
        (json!({ "$ref": "#/$defs/small", "minimum": 2 }), &["2", "3"], &["1"], "less than 2"),
        (json!({ "$ref": "#/$defs/small" }), &["1"], &["4"], "more than 3"),
    ] {
        let whole = json!({ "type": "object", "$defs": { "small": { "type": "integer", "maximum": 3 } }, "properties": { "p": schema } });
        let text = "permit(principal, action, resource);";
        for value in inside {
            assert_eq!(of_written(&whole, text, &format!("{{\"p\":{value}}}"))?, ALLOW, "{schema} {value}");
        }
        for value in outside {
            let told = of_written(&whole, text, &format!("{{\"p\":{value}}}"))?;
            assert_eq!(told, unfit(&format!("/p`: {problem}")), "{schema} {value}");
        }
    }
    // In draft 7 and older nothing beside a reference counts.
    let old = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "definitions": { "n": { "type": "integer" } },
        "properties": { "p": { "$ref": "#/definitions/n", "minimum": 2 } } });
    assert_eq!(of_written(&old, "permit(principal, action, resource);", r#"{"p":1}"#)?, ALLOW);
    // In lists and below too.
    let items = json!({ "type": "object", "properties": { "p": { "type": "array", "items": { "type": "integer", "minimum": 5 } } } });
    let text = "permit(principal, action, resource);";
    assert_eq!(of_written(&items, text, r#"{"p":[5,4]}"#)?, unfit("/p/1`: less than 5"));
    let map = json!({ "type": "object", "properties": { "p": { "type": "object", "additionalProperties": { "type": "string", "maxLength": 1 } } } });
    assert_eq!(of_written(&map, text, r#"{"p":{"a":"bb"}}"#)?, unfit("/p/a`: longer than 1 characters"));
    Ok(())
}

#[test]
fn what_configuration_admits_passes_where_nobody_asks_for_it() -> Outcome {
    let item = json!({ "type": "object", "properties": { "p": { "type": "string" } }, "additionalProperties": false });
    let schema = json!({ "type": "object", "properties": {
        "p": { "type": "integer" }, "o": item, "l": { "type": "array", "items": item },
        "m": { "type": "object", "additionalProperties": item }, "s": { "type": "object", "additionalProperties": { "type": "string" } },
    } });
    let judge = |arguments: Value| -> Result<String, Failure> {
        let schema = InputSchema::from(schema.clone()).admitting_additional();
        let other = json!({ "type": "object", "properties": { "q": { "type": "integer" }, "o": { "type": "object", "properties": { "q": { "type": "integer" } } } } });
        let admitting = Tool { input_schema: Some(schema), ..tool("t", None) };
        let resources = [resource("x", Protocol::Mcp, vec![admitting, tool("u", Some(other))])];
        let text = "permit(principal, action, resource);
            forbid(principal, action in Action::\"mcp:tools/call\", resource) when { context has args && context.args has q && context.args.q > 5 };
            forbid(principal, action in Action::\"mcp:tools/call\", resource) when { context has args && context.args has o && context.args.o has q && context.args.o.q > 5 };";
        let policy = CedarPolicy::compile(text, &among(&resources)).map_err(|errors| lines(&errors))?;
        Ok(spell(&decide(&policy, &call("x", "t", arguments))))
    };
    for arguments in [
        json!({ "p": 1, "z": 1 }),
        json!({ "o": { "p": "a", "z": 1 } }),
        json!({ "l": [{ "z": 1 }, { "q": 9 }] }),
        json!({ "m": { "a": { "z": 1, "q": 9 } } }),
    ] {
        assert_eq!(judge(arguments.clone())?, ALLOW, "{arguments}");
    }
    for (arguments, problem) in [
        (json!({ "q": 1 }), format!("/q`: {ASKED_FOR}")),
        (json!({ "Q": null }), format!("/Q`: {ASKED_FOR}")),
        (json!({ "o": { "q": 1 } }), format!("/o/q`: {ASKED_FOR}")),
        (json!({ "z": 1, "p": "1" }), "/p`: not an integer".to_owned()),
        (json!({ "l": [{ "p": 1 }] }), "/l/0/p`: not a string".to_owned()),
        // A map says what its members are.
        (json!({ "s": { "z": 1 } }), "/s/z`: not a string".to_owned()),
    ] {
        assert_eq!(judge(arguments.clone())?, unfit(&problem), "{arguments}");
    }
    Ok(())
}

#[test]
fn who_has_to_mend_a_call_is_told_nothing_of_policies() -> Outcome {
    let open = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "additionalProperties": true });
    let asks = json!({ "type": "object", "properties": { "memo": { "type": "string" } } });
    let resources = [resource("x", Protocol::Mcp, vec![tool("t", Some(open)), tool("u", Some(asks))])];
    let text = "permit(principal, action, resource);
        forbid(principal, action in Action::\"mcp:tools/call\", resource) when { context has args && context.args has memo };
        forbid(principal, action in Action::\"mcp:tools/call\", resource) when { context has args && context.args has n && context.args.n > 5 };";
    let policy = CedarPolicy::compile(text, &among(&resources)).map_err(|errors| lines(&errors))?;
    for (tool, arguments, argument, problem) in [
        ("t", r#"{"memo":1}"#, "/memo", "not an argument here; leave it out"),
        ("u", r#"{"z":1}"#, "/z", "not an argument here; leave it out"),
        ("t", r#"{"n":"1"}"#, "/n", "not an integer"),
        ("t", r#"{"n":1e30}"#, "/n", "an integer of more than 64 bits, which is not read here"),
    ] {
        let verdict = policy.decide(&World::new().facts(&written("x", tool, arguments)?));
        let Verdict::Deny(Deny { mend: Some(mend), .. }) = verdict else { return Err(spell(&verdict).into()) };
        assert_eq!((mend.argument.as_str(), mend.problem.as_str()), (argument, problem), "{arguments}");
    }
    Ok(())
}

#[test]
fn what_is_derived_of_arguments_is_true_or_false() -> Outcome {
    let closed = json!({ "type": "object", "properties": {
        "paths": { "type": "array", "items": { "type": "string" } }, "n": { "type": "integer" },
    } });
    let with = |extra: Value| {
        let mut schema = closed.clone();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("additionalProperties".to_owned(), extra);
        }
        schema
    };
    let policy = |schema: &Value, text: &str| {
        let bounds =
            [("in_data", json!({ "/paths/*": { "prefix": "/data/" } })), ("small", json!({ "/n": { "max": 5 } }))];
        let bounds = bounds.into_iter().map(|(name, bounds)| Ok((name.to_owned(), Bounds::parse(&bounds)?)));
        let bounds = bounds.collect::<Result<BTreeMap<_, _>, TaskError>>().map_err(|error| error.to_string())?;
        let schema = InputSchema::from(schema.clone()).deriving(bounds);
        let resources = [resource("x", Protocol::Mcp, vec![Tool { input_schema: Some(schema), ..tool("t", None) }])];
        CedarPolicy::compile(text, &among(&resources)).map_err(|errors| lines(&errors))
    };
    let judge = |schema: &Value, condition: &str, arguments: Value| -> Result<String, Failure> {
        let text = format!("permit(principal, action == Action::\"x/t\", resource) when {{ {condition} }};");
        Ok(spell(&decide(&policy(schema, &text)?, &call("x", "t", arguments))))
    };
    for (condition, arguments, expected) in [
        ("context.args.in_data", json!({ "paths": ["/data/a", "/data/b/c"] }), ALLOW),
        ("context.args.in_data", json!({ "paths": ["/data/a", "/etc/passwd"] }), DENY),
        ("context.args.in_data", json!({ "paths": ["/data/../etc/passwd"] }), DENY),
        ("context.args.in_data", json!({ "paths": [] }), DENY),
        ("context.args.in_data", json!({}), DENY),
        ("!context.args.in_data", json!({ "paths": ["/etc/passwd"] }), ALLOW),
        ("context.args.in_data && context.args.small", json!({ "paths": ["/data/a"], "n": 5 }), ALLOW),
        ("context.args.in_data && context.args.small", json!({ "paths": ["/data/a"], "n": 6 }), DENY),
        ("context.args has in_data && context.args.in_data", json!({ "paths": ["/data/a"] }), ALLOW),
    ] {
        assert_eq!(judge(&closed, condition, arguments.clone())?, expected, "{condition} {arguments}");
    }
    for extra in [json!(false), json!(true), json!({ "type": "boolean" })] {
        let told = judge(&with(extra.clone()), "context.args.in_data", json!({ "paths": ["/x"], "in_data": true }))?;
        assert_eq!(told, unfit("/in_data`: not declared"), "{extra}");
    }
    // People see it as policies do.
    let permits = "permit(principal, action == Action::\"x/t\", resource) when { context.args.in_data };";
    let (permits, world) = (policy(&closed, permits)?, World::new());
    let action = call("x", "t", json!({ "paths": ["/data/a"] }));
    let reads: Vec<Value> =
        permits.opinions(&world.facts(&action)).into_iter().map(|opinion| Value::Object(opinion.reads)).collect();
    assert_eq!(reads, [json!({ "args.in_data": true })]);
    let misspelt =
        policy(&closed, "forbid(principal, action == Action::\"x/t\", resource) when { context.args has in_date };");
    let expected = "1:1: policy `policy0`: `context.args.in_date` is declared by no action of this policy (in_data, n, paths, small)";
    assert_eq!(misspelt.err().as_deref(), Some(expected));
    Ok(())
}
