//! What cannot be loaded, in whole error texts.

use serde_json::{Value, json};

use super::{catalogue, compile, errors, lines, resource, tool};
use crate::catalogue::Protocol;
use crate::policy::CedarPolicy;

#[test]
fn every_rule_has_its_error() {
    let cases = [
        ("permit(principal, action, resource)", ""),
        ("permit(principal, action, resource) when { context.nothing == 1 };", ""),
        (
            "permit(principal, action in Action::\"mcp:tools/call\", resource) when { context.args has amount };\npermit(principal == ?principal, action, resource);",
            "",
        ),
        ("permit(principal, action == Action::\"mcp:tools/call\", resource) when { context.args.amount > 1 };", ""),
        ("permit(principal, action == Action::\"payments/ping\", resource) when { context.args.amount > 1 };", ""),
        ("permit(principal, action == Action::\"crm/lookup\", resource) when { context.args.amount > 1 };", ""),
        ("permit(principal, action == Action::\"payments/transfer\", resource) when { context.args.memo == \"\" };", ""),
        ("permit(principal, action == Action::\"payments/trasnfer\", resource);", ""),
        ("@id(\"x\") permit(principal, action, resource) when { false };", ""),
        ("@id(\"x\") permit(principal, action, resource);\n\n  @id(\"x\")\n  forbid(principal, action, resource);", ""),
        ("@id(\"policy1\") permit(principal, action, resource);\nforbid(principal, action, resource);", ""),
        ("@id(\"\") @mode(\"audit\") @sandbox(\"s\") permit(principal, action, resource);", ""),
        ("@step_up(\"manager\") permit(principal, action, resource) unless { context has approval };", ""),
        ("@step_up forbid(principal, action, resource) unless { context has approval };", ""),
        ("@step_up(\"manager\") forbid(principal, action, resource);", ""),
        ("forbid(principal, action, resource == Resource::\"paymnts\");\nforbid(principal, action, resource) when { resource in Resource::\"CRM\" || resource == Tool::\"nowhere\" };", ""),
        ("permit(principal, action == Action::\"payments/transfer\", resource == Tool::\"payments/trasnfer\");", ""),
        ("permit(principal, action == Action::\"payments/transfer\", resource == Resource::\"payments\");", ""),
        ("permit(principal, action, resource) when { context.request.host == \"раypal.example\" };", ""),
    ];
    for (text, expected) in cases {
        eprintln!("CASE {text}\n{}\n", errors(text));
        let _ = expected;
    }
}

#[test]
fn unusable_schemas() {
    let cases: Vec<Value> = vec![
        json!("object"),
        json!({}),
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "type": ["object", "null"] }),
        json!({ "type": "object", "anyOf": [{ "required": ["a"] }] }),
        json!({ "$ref": "#/$defs/a", "$defs": {} }),
        json!({ "type": "object", "properties": [] }),
        json!({ "type": "object", "properties": { "a/b": { "type": "strnig" }, "c": 1, "d": { "type": 3 }, "e": { "type": "array", "items": { "type": "object", "properties": { "f": false } } } } }),
        json!({ "type": "object", "required": "a" }),
        json!({ "type": "object", "required": ["a", "b"], "properties": { "b": {} } }),
    ];
    for schema in cases {
        let mut resources = catalogue();
        resources.push(resource("x", Protocol::Mcp, vec![tool("t", Some(schema.clone()))]));
        let text = CedarPolicy::compile("", &resources).map_or_else(|errors| lines(&errors), |_| "no error".to_owned());
        eprintln!("CASE {schema}\n{text}\n");
    }
}
