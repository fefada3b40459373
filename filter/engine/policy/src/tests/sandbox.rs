//! Where what is allowed goes: into the one sandbox that its permits name, or nowhere.

use countersign_protocols::action::Action;
use serde_json::json;

use super::{Failure, Outcome, World, among, call, catalogue, lines, mcp, spell};
use crate::{CedarPolicy, Sandbox, Surroundings, Verdict};

const ALL: &str = r#"@id("all") permit(principal, action, resource);"#;
const LAB: &str = r#"@id("lab") @sandbox("lab") permit(principal, action, resource) when { context.risk == "high" };"#;
const CELL: &str =
    r#"@id("cell") @sandbox("cell") permit(principal, action == Action::"payments/transfer", resource);"#;

fn compile(text: &str) -> Result<CedarPolicy, Failure> {
    let resources = catalogue();
    let sandboxes = ["lab", "cell"].map(|name| Sandbox { name: name.to_owned(), strip_headers: Vec::new() });
    let around = Surroundings { sandboxes: &sandboxes, ..among(&resources) };
    CedarPolicy::compile(text, &around).map_err(|errors| lines(&errors).into())
}

fn place(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(allow) => format!("{} in {}", spell(verdict), allow.sandbox().unwrap_or("-")),
        Verdict::Deny(_) | Verdict::StepUp(_) => spell(verdict),
    }
}

#[test]
fn the_stricter_permit_wins_and_two_sandboxes_are_none() -> Outcome {
    let transfer = call("payments", "transfer", json!({ "amount": 1 }));
    for (text, expected) in [
        (ALL.to_owned(), "allow [all] in -"),
        (LAB.to_owned(), "allow [lab] in lab"),
        (format!("{ALL}{LAB}"), "allow [all lab] in lab"),
        (format!("{LAB}{}", LAB.replace(r#"@id("lab")"#, r#"@id("lab too")"#)), "allow [lab lab too] in lab"),
        (format!("{ALL}{LAB}{CELL}"), "deny policy_error [all cell lab] it is for two sandboxes"),
        // One that does not permit this names nothing.
        (format!("{ALL}{}", LAB.replace("high", "low")), "allow [all] in -"),
        // Nor does one that is only tried.
        (format!("{ALL}{}", LAB.replace("@id", r#"@mode("audit") @id"#)), "allow [all] in -"),
    ] {
        let world = World::new();
        assert_eq!(place(&compile(&text)?.decide(&world.facts(&transfer))), expected, "{text}");
    }
    Ok(())
}

#[test]
fn parts_of_one_request_are_for_one_place() -> Outcome {
    let policy = compile(
        r#"@id("a") @sandbox("lab") permit(principal, action == Action::"mcp:resources/read", resource) when { context.request has target && context.request.target == "file:///a" };
        @id("b") @sandbox("cell") permit(principal, action == Action::"mcp:resources/read", resource) when { context.request has target && context.request.target == "file:///b" };
        @id("c") permit(principal, action == Action::"mcp:resources/read", resource) when { context.request has target && context.request.target == "file:///c" };"#,
    )?;
    let world = World::new();
    let decide = |targets: &[&str]| {
        let parts: Vec<Action> = targets.iter().map(|target| mcp("crm", "resources/read", Some(target))).collect();
        parts.first().map(|first| place(&policy.decide_all(&world.facts(first), parts.iter())))
    };
    assert_eq!(decide(&["file:///c", "file:///c"]).as_deref(), Some("allow [c] in -"));
    assert_eq!(decide(&["file:///a", "file:///c"]).as_deref(), Some("allow [a c] in lab"));
    let two = decide(&["file:///a", "file:///b"]);
    assert_eq!(two.as_deref(), Some("deny policy_error [a b] it is for two sandboxes"));
    Ok(())
}
