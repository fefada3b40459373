//! What is looked at for a request: no more than what can apply, and of the context no more than that reads.

use std::fmt::Write as _;

use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Protocol;
use serde_json::json;

use super::{Failure, Outcome, among, call, catalogue, compile, http, lines, mcp, resource, say, tool};
use crate::CedarPolicy;

const POLICIES: usize = 1_000;

fn candidates(policy: &CedarPolicy, action: &Action) -> Result<usize, Failure> {
    Ok(policy.index.slot(action).ok_or("no slot")?.candidates.policies.num_of_policies())
}

#[test]
fn policies_on_other_things_are_not_evaluated() -> Outcome {
    let mut resources = catalogue();
    let tools = (0..100).map(|number| tool(&format!("t{number}"), None)).collect();
    resources.push(resource("many", Protocol::Mcp, tools));
    let mut text = r#"permit(principal, action == Action::"payments/transfer", resource); permit(principal, action in Action::"mcp:list", resource);"#.to_owned();
    for number in 0..POLICIES {
        match number % 3 {
            0 => write!(
                text,
                "forbid(principal == Agent::\"{number}\", action == Action::\"many/t{}\", resource);",
                number % 100
            )?,
            1 => write!(
                text,
                "forbid(principal == Agent::\"{number}\", action, resource == Tool::\"many/t{}\");",
                number % 100
            )?,
            _ => write!(
                text,
                "permit(principal, action == Action::\"mcp:tools/call\", resource == Tool::\"crm/u{number}\");"
            )?,
        }
    }
    let policy = CedarPolicy::compile(&text, &among(&resources)).map_err(|errors| lines(&errors))?;
    assert_eq!(candidates(&policy, &call("payments", "transfer", json!({ "amount": 1 })))?, 1);
    assert_eq!(candidates(&policy, &call("payments", "ping", json!({})))?, 0);
    assert_eq!(candidates(&policy, &call("crm", "u2", json!({})))?, 1);
    assert_eq!(candidates(&policy, &call("crm", "u3", json!({})))?, 0);
    assert_eq!(candidates(&policy, &mcp("crm", "tools/list", None))?, 1);
    assert_eq!(candidates(&policy, &http("files", "GET"))?, 0);
    Ok(())
}

#[test]
fn only_what_is_read_is_built() -> Outcome {
    let reads = |text: &str| -> Result<_, Failure> {
        let policy = compile(text)?;
        let slot = policy.index.slot(&call("payments", "transfer", json!({ "amount": 1 }))).ok_or("no slot")?.clone();
        let reads = slot.candidates.reads.clone();
        Ok(format!("{:?} {:?} {}", reads.context, reads.arguments, reads.principal))
    };
    let transfer = |condition: &str| {
        format!(
            "permit(principal == Agent::\"platform/alice\", action == Action::\"payments/transfer\", resource) when {{ {condition} }};"
        )
    };
    let cases = [
        ("true", "Only({}) Only({}) false"),
        ("context.args.amount > 1", r#"Only({"args"}) Only({"amount"}) false"#),
        (r#"context.args["amount"] > 1"#, r#"Only({"args"}) Only({"amount"}) false"#),
        ("context.args has memo || context.now > 1", r#"Only({"args", "now"}) Only({"memo"}) false"#),
        ("context has args.memo", r#"Only({"args"}) Only({"memo"}) false"#),
        ("context.args == context.args", r#"Only({"args"}) All false"#),
        ("context == context", "All All false"),
        ("(if context.now > 1 then context else context).args.amount > 1", "All All false"),
        (r#"principal == Agent::"platform/alice" && {a: principal.subject}.a == "x""#, "Only({}) Only({}) true"),
        (r#"Agent::"platform/alice" in Kind::"agent""#, "Only({}) Only({}) true"),
        (r#"resource in Resource::"payments""#, "Only({}) Only({}) false"),
        ("context.task.id == context.request.path", r#"Only({"request", "task"}) Only({}) false"#),
    ];
    for (condition, expected) in cases {
        assert_eq!(reads(&transfer(condition))?, expected, "{condition}");
    }
    let scopes = [
        ("principal", "false"),
        ("principal is Agent", "false"),
        (r#"principal == Agent::"platform/alice""#, "false"),
        (r#"principal in Kind::"agent""#, "true"),
        (r#"principal is Agent in Issuer::"platform""#, "true"),
    ];
    for (principal, expected) in scopes {
        let text = format!("permit({principal}, action == Action::\"payments/transfer\", resource);");
        assert_eq!(reads(&text)?, format!("Only({{}}) Only({{}}) {expected}"), "{principal}");
    }
    let union = format!(
        "{} {}",
        transfer("context.args.amount > 1"),
        transfer("context.args has memo && context.risk == \"low\"")
    );
    assert_eq!(reads(&union)?, r#"Only({"args", "risk"}) Only({"amount", "memo"}) false"#);
    // Opposite branches read what either reads.
    assert_eq!(
        say(
            &transfer("if context has actor then context.actor.subject == \"planner\" else context.args has memo"),
            &call("payments", "transfer", json!({ "amount": 1 }))
        )?,
        "allow [policy0]"
    );
    Ok(())
}
