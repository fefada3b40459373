//! What could be allowed before all of a call is known: never less than what can be, and no more where that is certain.

use serde_json::json;

use super::*;
use crate::Unknown;

const TRANSFER: &str = r#"action == Action::"payments/transfer""#;

/// Policies about `transfer`, which has arguments, and whether some call could be allowed.
fn cases() -> Vec<(&'static str, bool)> {
    vec![
        ("permit (principal, ACTION, resource);", true),
        ("permit (principal, ACTION, resource) when { context.kind == \"automation\" };", false),
        ("permit (principal, action == Action::\"payments/ping\", resource);", false),
        ("permit (principal in Kind::\"agent\", ACTION, resource);", true),
        ("permit (principal in Kind::\"automation\", ACTION, resource);", false),
        ("permit (principal in Issuer::\"platform\", ACTION, resource) when { context.args.amount < 5 };", true),
        (
            "permit (principal, ACTION, resource) when { context.args.amount < 5 }; forbid (principal in Kind::\"agent\", ACTION, resource);",
            false,
        ),
        (
            "permit (principal, ACTION, resource) when { context.args.amount < 5 }; forbid (principal in Kind::\"automation\", ACTION, resource);",
            true,
        ),
        // Who reads arguments could say anything.
        ("permit (principal, ACTION, resource) when { context.args.amount < 5 };", true),
        (
            "permit (principal, ACTION, resource); forbid (principal, ACTION, resource) when { context.args.amount > 5 };",
            true,
        ),
        // A forbid that reads none of them denies whatever they are.
        (
            "permit (principal, ACTION, resource) when { context.args.amount < 5 }; forbid (principal, ACTION, resource);",
            false,
        ),
        (
            "permit (principal, ACTION, resource); forbid (principal, ACTION, resource) when { context.risk == \"high\" };",
            false,
        ),
        (
            "permit (principal, ACTION, resource); forbid (principal, ACTION, resource) when { context.risk == \"low\" };",
            true,
        ),
        // A permit that holds for nobody is not helped by a forbid that reads arguments.
        (
            "permit (principal, ACTION, resource) when { context.depth > 9 }; forbid (principal, ACTION, resource) when { context.args.amount > 5 };",
            false,
        ),
        // What an approval lifts can be called.
        (
            "permit (principal, ACTION, resource); @step_up(\"boss\") forbid (principal, ACTION, resource) unless { context has approval };",
            true,
        ),
        (
            "permit (principal, ACTION, resource) when { context.args.amount < 5 }; @step_up(\"boss\") forbid (principal, ACTION, resource) unless { context has approval };",
            true,
        ),
        (
            "permit (principal, ACTION, resource); @step_up(\"boss\") forbid (principal, ACTION, resource) unless { context has approval }; forbid (principal, ACTION, resource);",
            false,
        ),
        (
            "permit (principal, ACTION, resource); @step_up(\"boss\") forbid (principal, ACTION, resource) unless { context has approval && context.approval.approver == \"bob\" };",
            false,
        ),
        // An approval asked for by somebody who reads arguments may be what a permit waits for.
        (
            "permit (principal, ACTION, resource) when { context has approval }; @step_up(\"boss\") forbid (principal, ACTION, resource) when { context.args.amount > 5 } unless { context has approval };",
            true,
        ),
        ("permit (principal, ACTION, resource) when { context has approval };", false),
        // An error denies every call.
        (
            "permit (principal, ACTION, resource); forbid (principal, ACTION, resource) when { context.now + 9223372036854775807 > 0 };",
            false,
        ),
    ]
}

#[test]
fn tools() -> Outcome {
    for (text, expected) in cases() {
        let policy = compile(&text.replace("ACTION", TRANSFER))?;
        let world = World::new();
        let action = call("payments", "transfer", json!({}));
        assert_eq!(policy.could_allow(&world.facts(&action), Unknown::Arguments), expected, "{text}");
    }
    Ok(())
}

/// Whatever arguments are allowed or asked about, the tool could be called.
#[test]
fn nothing_is_hidden_that_could_be_called() -> Outcome {
    for (text, could) in cases() {
        let policy = compile(&text.replace("ACTION", TRANSFER))?;
        let world = World::new();
        let callable = [-1, 0, 4, 5, 6, 1000].into_iter().any(|amount| {
            let action = call("payments", "transfer", json!({ "amount": amount }));
            !matches!(policy.decide(&world.facts(&action)), Verdict::Deny(_))
        });
        assert_eq!(callable, could, "{text}");
    }
    Ok(())
}

#[test]
fn what_names_no_arguments_is_decided() -> Outcome {
    let policy = compile(
        r#"
        permit (principal, action, resource);
        forbid (principal, action == Action::"mcp:resources/read", resource)
        when { context.request has target && context.request.target like "file:*" };
        forbid (principal, action == Action::"mcp:prompts/get", resource in Resource::"crm");
        forbid (principal, action == Action::"mcp:tools/call", resource == Tool::"payments/hidden");
        "#,
    )?;
    let world = World::new();
    let could = |action: &Action, unknown| policy.could_allow(&world.facts(action), unknown);
    let read = |uri| mcp("crm", "resources/read", Some(uri));
    assert!(could(&read("https://a"), Unknown::Arguments));
    assert!(!could(&read("file:///a"), Unknown::Arguments));
    assert!(could(&read("file:///{a}"), Unknown::Target), "nobody knows the whole of it");
    assert!(could(&mcp("payments", "prompts/get", Some("p")), Unknown::Arguments));
    assert!(!could(&mcp("crm", "prompts/get", Some("p")), Unknown::Arguments));
    assert!(could(&call("payments", "undeclared", json!({})), Unknown::Arguments));
    assert!(!could(&call("payments", "hidden", json!({})), Unknown::Arguments));
    assert!(!could(&call("nowhere", "ping", json!({})), Unknown::Arguments));
    Ok(())
}
