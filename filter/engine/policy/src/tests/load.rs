//! What cannot be loaded, in whole error texts.

use countersign_protocols::catalogue::Protocol;
use serde_json::{Value, json};

use super::{Failure, Outcome, among, catalogue, compile, errors, lines, resource, tool};
use crate::{CedarPolicy, basis};

#[test]
fn cedar_errors_have_their_place() {
    let nothing = errors("permit(principal, action, resource) when { context.nothing == 1 };");
    let others = 8 + Protocol::Mcp.methods().len() + Protocol::A2a.methods().len() + 3;
    let start = r#"1:44: policy `policy0`: attribute `nothing` in context for Action::"a2a:AgentCard" not found (did you mean `findings`?)"#;
    assert_eq!(nothing, format!("{start}, and {others} more like this"));
    let cases = [
        ("permit(principal, action, resource)", "1:36: unexpected end of input"),
        (
            r#"@id("off") permit(principal, action, resource) when { false };"#,
            "1:1: policy `off`: policy is impossible: `when { false }` never holds",
        ),
        (
            r#"permit(principal, action == Action::"payments/trasnfer", resource);"#,
            r#"1:1: policy `policy0`: policy is impossible: no action in its scope is asked about such a principal and resource
1:1: policy `policy0`: unable to find an applicable action given the policy scope constraints
1:29: policy `policy0`: unrecognized action `Action::"payments/trasnfer"` (did you mean `Action::"payments/transfer"`?)"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), expected, "{text}");
    }
}

#[test]
fn how_a_text_looks_is_doubtful_and_no_mistake() -> Outcome {
    let doubtful = |condition: &str| -> Result<String, Failure> {
        let policy = compile(&format!("permit(principal, action, resource) when {{ {condition} }};"))?;
        let doubtful: Vec<String> = policy.doubtful().iter().map(ToString::to_string).collect();
        Ok(doubtful.join("\n"))
    };
    assert_eq!(
        doubtful("context.request.host == \"р\u{430}ypal.example\"")?,
        "1:68: policy `policy0`: string `\"р\u{430}ypal.example\"` contains mixed scripts"
    );
    for (condition, says) in [
        ("context.request.host != \"Müller & Мир\"", "contains mixed scripts"),
        ("[\"\u{2067}a\", \"b\"].contains(context.request.host)", "contains BIDI control characters"),
    ] {
        let told = doubtful(condition)?;
        assert!(told.ends_with(says) && told.lines().count() == 1, "{condition}: {told}");
    }
    for condition in ["context.request.host == \"ünï.example\"", "context.request.host == \"мир\""] {
        assert_eq!(doubtful(condition)?, "", "{condition}");
    }
    // With a mistake beside it, the mistake alone is told.
    let text = "permit(principal, action, resource) when { context.request.hots == \"р\u{430}ypal\" };";
    assert!(!errors(text).contains("scripts"), "{}", errors(text));
    Ok(())
}

#[test]
fn arguments_are_typed_by_tool() {
    let cases = [
        (
            r#"permit(principal, action == Action::"mcp:tools/call", resource) when { context.args.amount > 1 };"#,
            r#"1:72: policy `policy0`: attribute `args` in context for Action::"mcp:tools/call" not found (did you mean `risk`?)"#,
        ),
        (
            r#"permit(principal, action == Action::"payments/ping", resource) when { context.args.amount > 1 };"#,
            r#"1:71: policy `policy0`: attribute `args` in context for Action::"payments/ping" not found (did you mean `risk`?)"#,
        ),
        (
            r#"permit(principal, action == Action::"crm/lookup", resource)
  when { context.args has amount && context.args.amount > 1 };"#,
            "2:37: policy `policy0`: unexpected type: expected Long but saw String",
        ),
        (
            r#"permit(principal, action == Action::"payments/transfer", resource) when { context.args.memo == "" };"#,
            r#"1:75: policy `policy0`: unable to guarantee safety of access to optional attribute `args.memo` in context for Action::"payments/transfer" (try testing for the attribute's presence with `context.args has memo && ..`)"#,
        ),
        (
            r#"permit(principal, action == Action::"payments/transfer", resource) when { context.args.amount > 1 };"#,
            "no error",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), expected, "{text}");
    }
}

/// Who compares a `number` with a whole one is told how a decimal is written, wherever they do.
#[test]
fn whole_numbers_are_no_decimals() {
    const REMEDY: &str = "; an argument of the type `number` is a decimal: write `decimal(\"5.0\")` for 5, and compare with \
                          `.lessThan(…)`, `.greaterThanOrEqual(…)` and the like";
    let properties =
        json!({ "price": { "type": "number" }, "prices": { "type": "array", "items": { "type": "number" } } });
    let schema = json!({ "type": "object", "required": ["price", "prices"], "properties": properties });
    let resources = [resource("shop", Protocol::Mcp, vec![tool("buy", Some(schema))])];
    let unlike = |operands: &str, name: &str| {
        format!(
            "1:66: policy `policy0`: the types Long and decimal are not compatible ({operands} to a `{name}` expression \
             must have compatible types. Types must be exactly equal to be compatible)"
        )
    };
    let (sides, elements) = ("both operands", "elements of the first operand and the second operand");
    let long = "1:66: policy `policy0`: unexpected type: expected Long but saw decimal".to_owned();
    for (condition, says) in [
        ("context.args.price > 5", long.clone()),
        ("context.args.price + 1 > 2", long),
        ("context.args.price == 5", unlike(sides, "==")),
        ("context.args.price != 0", unlike(sides, "==")),
        ("context.args.prices.contains(5)", unlike(elements, "contains")),
        ("[1, 2].contains(context.args.price)", unlike(elements, "contains")),
        (
            "context.args.price.lessThan(5)",
            "1:94: policy `policy0`: unexpected type: expected decimal but saw Long".to_owned(),
        ),
    ] {
        let text = format!(r#"permit(principal, action == Action::"shop/buy", resource) when {{ {condition} }};"#);
        let told = CedarPolicy::compile(&text, &among(&resources))
            .map_or_else(|errors| lines(&errors), |_| "no error".to_owned());
        assert_eq!(told, format!("{says}{REMEDY}"), "{condition}");
    }
    // What is written as a decimal is one; and what has nothing to do with decimals is not told of them.
    for (condition, told) in [
        (r#"context.args.price.lessThan(decimal("5.0"))"#, "no error"),
        ("context.risk > 5", "1:66: policy `policy0`: unexpected type: expected Long but saw String"),
    ] {
        let text = format!(r#"permit(principal, action == Action::"shop/buy", resource) when {{ {condition} }};"#);
        let said = CedarPolicy::compile(&text, &among(&resources))
            .map_or_else(|errors| lines(&errors), |_| "no error".to_owned());
        assert_eq!(said, told, "{condition}");
    }
}

#[test]
fn names_and_annotations() {
    let cases = [
        ("permit(principal == ?principal, action, resource);", "1:1: policy `policy0`: a template that no link uses"),
        (
            "@id(\"x\") permit(principal, action, resource);\n\n  @id(\"x\")\n  forbid(principal, action, resource);",
            "3:3: policy `x`: another policy has this `@id`",
        ),
        (
            "@id(\"policy1\") permit(principal, action, resource);\nforbid(principal, action, resource);",
            "2:1: policy `policy1`: another policy has this `@id`",
        ),
        (
            r#"@id("") @mode("watch") @sandbox("s") permit(principal, action, resource);"#,
            "1:1: policy ``: `@id` needs a value
1:1: policy ``: unknown mode `watch` (enforce, audit)
1:1: policy ``: no sandbox is called `s`; declare it in `sandboxes`",
        ),
        (
            r#"@sandbox("s") forbid(principal, action, resource);"#,
            "1:1: policy `policy0`: `@sandbox` belongs on a permit
1:1: policy `policy0`: no sandbox is called `s`; declare it in `sandboxes`",
        ),
        ("@sandbox permit(principal, action, resource);", "1:1: policy `policy0`: `@sandbox` needs a value"),
        (
            r#"@step_up("manager") permit(principal, action, resource) unless { context has approval };"#,
            "1:1: policy `policy0`: `@step_up` belongs on a forbid",
        ),
        (
            "@step_up forbid(principal, action, resource) unless { context has approval };",
            "1:1: policy `policy0`: `@step_up` needs a value",
        ),
        (
            r#"@step_up("manager") forbid(principal, action, resource);"#,
            "1:1: policy `policy0`: no approval could lift this: `@step_up` needs `unless { context has approval }`",
        ),
        (
            r#"@id("a") @maps("ASI02 ASI11 tool") permit(principal, action, resource);"#,
            "1:1: policy `a`: `@maps` names no risk that there is: `ASI11`\n1:1: policy `a`: `@maps` names no risk that there is: `tool`",
        ),
        (
            r#"@id("a") @reason("r") @maps("ASI02 T2") permit(principal, action, resource);
@step_up("manager") forbid(principal, action, resource) unless { context has approval };"#,
            "no error",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), expected, "{text}");
    }
}

#[test]
fn scopes_that_match_nothing() {
    let cases = [
        (
            r#"forbid(principal, action, resource == Resource::"paymnts");
forbid(principal, action, resource) when { resource in Resource::"CRM" || resource == Tool::"nowhere" };"#,
            r#"1:1: policy `policy0`: `Resource::"paymnts"` is in no resource of the catalogue
2:1: policy `policy1`: `Resource::"CRM"` is in no resource of the catalogue
2:1: policy `policy1`: `Tool::"nowhere"` is in no resource of the catalogue"#,
        ),
        (
            r#"permit(principal, action == Action::"payments/transfer", resource == Tool::"payments/trasnfer");"#,
            "1:1: policy `policy0`: no action in its scope is ever asked about its resource",
        ),
        (
            r#"permit(principal, action == Action::"mcp:tools/list", resource == Resource::"files");"#,
            "1:1: policy `policy0`: no action in its scope is ever asked about its resource",
        ),
        (
            r#"forbid(principal, action == Action::"payments/transfer", resource) when { context.depth > 3 && resource == Tool::"crm/lookup" };
forbid(principal, action, resource) when { action == Action::"mcp:tools/list" && resource == Resource::"files" };
forbid(principal, action == Action::"payments/transfer", resource) unless { context.depth < 3 || resource in Resource::"payments" };
forbid(principal, action, resource == Resource::"payments") when { if resource in Resource::"crm" then context.depth > 3 else false };"#,
            "1:1: policy `policy0`: no action in its scope is ever asked about its resource
2:1: policy `policy1`: no action in its scope is ever asked about its resource
3:1: policy `policy2`: no action in its scope is ever asked about its resource
4:1: policy `policy3`: no action in its scope is ever asked about its resource",
        ),
        (
            r#"forbid(principal, action == Action::"payments/transfer", resource) when { resource == Tool::"crm/lookup" || context.depth > 3 };
forbid(principal, action in Action::"mcp:tools/call", resource) when { resource == Tool::"payments/trasnfer" };
forbid(principal, action == Action::"payments/transfer", resource) unless { resource in Resource::"crm" };
forbid(principal, action in Action::"a2a:execute", resource) when { context.depth > 3 };"#,
            "no error",
        ),
        (
            r#"permit(principal in Kind::"script", action, resource);
forbid(principal, action, resource) when { principal in [Kind::"agent", Kind::"Automation"] };
forbid(principal, action, resource in Kind::"agent");"#,
            r#"1:1: policy `policy0`: `Kind::"script"` is no kind of workload (automation, agent)
2:1: policy `policy1`: `Kind::"Automation"` is no kind of workload (automation, agent)
3:1: policy `policy2`: policy is impossible: no action in its scope is asked about such a principal and resource
3:1: policy `policy2`: unable to find an applicable action given the policy scope constraints"#,
        ),
        (
            r#"permit(principal in Group::"agent", action, resource);"#,
            "1:1: policy `policy0`: unable to find an applicable action given the policy scope constraints
1:21: policy `policy0`: unrecognized entity type `Group` (did you mean `Tool`?)",
        ),
        // Nobody may be in them, which only who is asked knows.
        (
            r#"permit(principal in Issuer::"mesh", action, resource); permit(principal in TrustDomain::"a", action, resource);"#,
            "no error",
        ),
        // Not declared, so that the action is the one of undeclared tools.
        (r#"permit(principal, action == Action::"mcp:tools/call", resource == Tool::"payments/other");"#, "no error"),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), expected, "{text}");
    }
}

#[test]
fn all_errors_come_at_once() {
    let mut resources = catalogue();
    resources.push(resource("a/b", Protocol::Http, Vec::new()));
    resources.push(resource("crm", Protocol::Http, Vec::new()));
    resources.push(resource("x", Protocol::Mcp, vec![tool("t", Some(json!({})))]));
    let text = "@mode permit(principal, action, resource);\n@step_up permit(principal, action, resource);";
    let all =
        CedarPolicy::compile(text, &among(&resources)).map_or_else(|errors| lines(&errors), |_| "no error".to_owned());
    assert_eq!(
        all,
        "resources/a/b: a resource's name must have neither `/` nor `:`
resources/crm: another resource has this name
resources/x/tools/t/input_schema: the arguments of a tool are an object: `type` must be `object`
1:1: policy `policy0`: unknown mode `` (enforce, audit)
2:1: policy `policy1`: `@step_up` needs a value
2:1: policy `policy1`: `@step_up` belongs on a forbid"
    );
}

#[test]
fn unusable_schemas() {
    let unlike = "the arguments of a tool are an object: `type` must be `object`";
    let cases: Vec<(Value, String)> = vec![
        (json!("object"), ": not a JSON Schema (an object or `true`)".to_owned()),
        (json!({}), format!(": {unlike}")),
        (json!({ "type": "array", "items": { "type": "string" } }), format!(": {unlike}")),
        (json!({ "type": ["object", "null"] }), format!(": {unlike}")),
        (
            json!({ "required": [], "anyOf": [{ "type": "object" }] }),
            ": `anyOf` hides the types of all arguments".to_owned(),
        ),
        (json!({ "type": "object", "properties": [] }), "/properties: must be an object".to_owned()),
        (
            json!({ "type": "object", "properties": { "a/b": { "type": "strnig" } } }),
            "/properties/a~1b/type: unknown type `strnig` (string, integer, number, boolean, array, object, null)"
                .to_owned(),
        ),
        (
            json!({ "type": "object", "properties": { "c": 1 } }),
            "/properties/c: not a JSON Schema (an object or `true`)".to_owned(),
        ),
        (
            json!({ "type": "object", "properties": { "d": { "type": 3 } } }),
            "/properties/d/type: must be a string or an array of strings".to_owned(),
        ),
        (
            json!({ "type": "object", "properties": { "e": { "type": "array", "items": false } } }),
            "/properties/e/items: not a JSON Schema (an object or `true`)".to_owned(),
        ),
        (json!({ "type": "object", "required": "a" }), "/required: must be an array of strings".to_owned()),
        (json!({ "type": "object", "required": ["a"] }), "/required: `a` is not in `properties`".to_owned()),
    ];
    for (schema, expected) in cases {
        let resources = [resource("x", Protocol::Mcp, vec![tool("t", Some(schema.clone()))])];
        let text = CedarPolicy::compile("", &among(&resources))
            .map_or_else(|errors| lines(&errors), |_| "no error".to_owned());
        assert_eq!(text, format!("resources/x/tools/t/input_schema{expected}"), "{schema}");
    }
}

#[test]
fn the_revision_names_text_and_catalogue() {
    let text = "permit(principal, action, resource);";
    let of = |text| basis::revision(text, &catalogue());
    let revision = of(text);
    assert_eq!(revision.len(), 16);
    assert_eq!(revision, of(text));
    assert_ne!(revision, of("permit(principal, action, resource) ;"));
    let mut resources = catalogue();
    if let Some(tool) = resources.first_mut().and_then(|resource| resource.tools.get_mut("ping")) {
        tool.redact.push("/secret".to_owned());
    }
    assert_ne!(revision, basis::revision(text, &resources));
}

#[test]
fn policies_describe_themselves_in_the_order_of_the_text() -> Outcome {
    let text = "// Two of them.\n@id(\"z\") @maps(\"ASI02  T2\")\npermit (principal, action, resource);\n  @id(\"a\") @reason(\"why\") \
                @step_up(\"boss\")\nforbid (principal, action, resource) unless { context has approval };";
    let policy = compile(text)?;
    let policies = policy.policies(text);
    let told: Vec<_> = policies.iter().map(|one| (one.id, one.line, one.column, one.permits)).collect();
    assert_eq!(told, [("z", 2, 1, true), ("a", 4, 3, false)]);
    let (maps, steps): (Vec<_>, Vec<_>) =
        policies.into_iter().map(|one| (one.maps.to_vec(), (one.reason, one.step_up))).unzip();
    assert_eq!(maps, [vec!["ASI02", "T2"], vec![]]);
    assert_eq!(steps, [(None, None), (Some("why"), Some("boss"))]);
    Ok(())
}

#[test]
fn mistakes_are_those_of_the_text_alone() {
    let text = "@if(\"x\") permit (principal, action, resource in Resource::\"nowhere\");";
    assert_eq!(
        lines(&CedarPolicy::mistakes(text)),
        "1:1: policy `policy0`: unknown annotation `@if` (@id, @maps, @mode, @reason, @sandbox, @step_up)"
    );
    assert!(CedarPolicy::mistakes("permit (principal, action, resource);").is_empty());
    assert!(lines(&CedarPolicy::mistakes("permit (principal")).starts_with("1:"), "Cedar's own words");
}
