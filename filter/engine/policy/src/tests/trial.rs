//! Policies in audit change nothing, and what they would have changed is known.

use countersign_facts::reason::Reason;
use countersign_facts::rollout::{Cause, Flip};
use countersign_protocols::action::Action;
use serde_json::json;

use super::{Outcome, World, call, compile, decide, http, say, spell};
use crate::{CedarPolicy, Unknown};

const PERMIT: &str = r#"@id("all") permit(principal, action, resource);"#;
const STEP_UP: &str = r#"@id("ask") @step_up("manager") forbid(principal, action == Action::"payments/transfer", resource) when { context.args.amount > 10 } unless { context has approval };"#;
const TRIED: &str = r#"@mode("audit") @id("tried")"#;

fn transfer(amount: i64) -> Action {
    call("payments", "transfer", json!({ "amount": amount }))
}

fn flip(policy: &CedarPolicy, action: &Action) -> String {
    let world = World::new();
    let facts = world.facts(action);
    let flip = policy.flip(&facts, [action].into_iter(), &policy.decide(&facts));
    flip.map_or_else(|| "-".to_owned(), |flip| spell_flip(&flip))
}

fn spell_flip(Flip { cause, from, to, reason }: &Flip) -> String {
    let policies = match cause {
        Cause::Mode => String::new(),
        Cause::Policies(ids) => ids.join(" "),
    };
    let reason = reason.map(|reason| format!(" {}", reason.row().code)).unwrap_or_default();
    format!("[{policies}] {} {}{reason}", from.name(), to.name())
}

#[test]
fn what_is_tried_changes_nothing_and_its_flip_is_known() -> Outcome {
    let overflow = "context.args.amount * 9223372036854775807 > 0";
    let on_transfer = r#"(principal, action == Action::"payments/transfer", resource)"#;
    let broken = format!("@id(\"broken\") forbid{on_transfer} when {{ {overflow} }};");
    let cases = [
        // A permit grants nothing.
        (String::new(), format!("permit{on_transfer};"), 5, "[tried] deny allow"),
        (PERMIT.to_owned(), format!("permit{on_transfer};"), 5, "-"),
        (format!("{PERMIT}{STEP_UP}"), format!("permit{on_transfer};"), 11, "-"),
        (STEP_UP.to_owned(), format!("permit{on_transfer};"), 11, "[tried] deny step_up"),
        // A forbid denies nothing.
        (PERMIT.to_owned(), format!("forbid{on_transfer};"), 5, "[tried] allow deny"),
        (format!("{PERMIT}{STEP_UP}"), format!("forbid{on_transfer};"), 11, "[tried] step_up deny"),
        (
            format!("{PERMIT}{STEP_UP}"),
            format!("forbid{on_transfer} when {{ context has approval }};"),
            11,
            "[tried] step_up deny",
        ),
        (String::new(), format!("forbid{on_transfer};"), 5, "-"),
        // A step-up asks nobody.
        (
            PERMIT.to_owned(),
            format!("@step_up(\"x\") forbid{on_transfer} unless {{ context has approval }};"),
            5,
            "[tried] allow step_up",
        ),
        // An error denies nothing, and is a flip whatever was decided.
        (PERMIT.to_owned(), format!("forbid{on_transfer} when {{ {overflow} }};"), 2, "[tried] allow error"),
        (PERMIT.to_owned(), format!("permit{on_transfer} when {{ {overflow} }};"), 2, "[tried] allow error"),
        (String::new(), format!("permit{on_transfer} when {{ {overflow} }};"), 2, "[tried] deny error"),
        (broken.clone(), format!("permit{on_transfer} when {{ {overflow} }};"), 2, "[tried] deny error"),
        // That of another policy is not theirs.
        (format!("{PERMIT}{broken}"), format!("permit{on_transfer};"), 2, "-"),
    ];
    for (enforced, tried, amount, expected) in cases {
        let text = format!("{enforced} {TRIED} {tried}");
        let policy = compile(&text)?;
        let action = transfer(amount);
        assert_eq!(spell(&decide(&policy, &action)), say(&enforced, &action)?, "{text}");
        assert_eq!(flip(&policy, &action), expected, "{text}");
    }
    Ok(())
}

#[test]
fn bodies_lists_and_questions_are_as_without_what_is_tried() -> Outcome {
    let tried = [
        "permit(principal, action, resource);",
        "forbid(principal, action, resource);",
        r#"@step_up("x") forbid(principal, action == Action::"payments/transfer", resource) when { context.args.amount > 1 } unless { context has approval };"#,
    ];
    let world = World::new();
    for enforced in [String::new(), PERMIT.to_owned(), format!("{PERMIT}{STEP_UP}")] {
        for tried in tried {
            let (with, without) = (compile(&format!("{enforced} {TRIED} {tried}"))?, compile(&enforced)?);
            for action in [transfer(11), call("crm", "other", json!({})), http("files", "PUT")] {
                assert_eq!(with.may_step_up(&action), without.may_step_up(&action), "{enforced} {tried}");
                assert_eq!(with.reads_arguments(&action), without.reads_arguments(&action), "{enforced} {tried}");
                let facts = world.facts(&action);
                let could = |policy: &CedarPolicy| policy.could_allow(&facts, Unknown::Arguments);
                assert_eq!(could(&with), could(&without), "{enforced} {tried}");
            }
        }
    }
    Ok(())
}

#[test]
fn only_where_it_can_apply_is_anything_tried() -> Outcome {
    let text = format!(
        r#"{PERMIT} {TRIED} forbid(principal, action == Action::"payments/transfer", resource) when {{ context.args.amount > 1 }};"#
    );
    let policy = compile(&text)?;
    assert!(policy.has_audited() && policy.tries(&transfer(1)) && policy.tries_arguments(&transfer(1)));
    let elsewhere = call("payments", "ping", json!({}));
    assert!(!policy.tries(&elsewhere) && !policy.tries_arguments(&elsewhere));
    assert!(!compile(PERMIT)?.has_audited());
    Ok(())
}

#[test]
fn what_cannot_be_had_is_a_flip_of_all_that_read_it() -> Outcome {
    let text = format!(
        r#"{PERMIT} {TRIED} forbid(principal, action == Action::"payments/transfer", resource) when {{ context.args.amount > 1 }};"#
    );
    let policy = compile(&text)?;
    let verdict = decide(&policy, &transfer(1));
    let untried = policy.untried(&transfer(1), &verdict, Reason::BodyTooLarge).ok_or("none")?;
    assert_eq!(spell_flip(&untried), "[tried] allow error body_too_large");
    assert_eq!(policy.untried(&http("files", "PUT"), &verdict, Reason::BodyTooLarge), None);
    Ok(())
}

#[test]
fn a_mode_can_be_stated() -> Outcome {
    let text = r#"@mode("enforce") @id("all") permit(principal, action, resource);"#;
    assert_eq!(say(text, &transfer(1))?, "allow [all]");
    Ok(())
}
