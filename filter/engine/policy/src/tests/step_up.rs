//! When people are asked.

use countersign_protocols::catalogue::Risk;
use serde_json::json;

use super::{Failure, Outcome, World, among, call, catalogue, compile, http, lines, say, spell};
use crate::{CedarPolicy, StepUp, Verdict};

const PERMIT: &str = r#"@id("all") permit(principal, action, resource);"#;
const ASK: &str = r#"@id("ask") @step_up("manager") @reason("external payment")
    forbid(principal, action == Action::"payments/transfer", resource) when { context.args.amount > 10 } unless { context has approval };"#;

fn transfer(amount: i64) -> countersign_protocols::action::Action {
    call("payments", "transfer", json!({ "amount": amount }))
}

fn approved(text: &str, amount: i64) -> Result<String, Failure> {
    Ok(spell(&compile(text)?.decide(&World::approved().facts(&transfer(amount)))))
}

#[test]
fn an_approval_is_asked_for_where_it_leads_to_an_allow() -> Outcome {
    let text = format!("{PERMIT}{ASK}");
    assert_eq!(say(&text, &transfer(10))?, "allow [all]");
    assert_eq!(say(&text, &transfer(11))?, "step_up [ask] manager external payment");
    assert_eq!(approved(&text, 11)?, "allow [all]");
    Ok(())
}

#[test]
fn nobody_is_asked_about_what_would_be_refused_anyway() -> Outcome {
    let ask = "deny policy_denied [ask] external payment";
    // No permit.
    assert_eq!(say(ASK, &transfer(11))?, ask);
    // Another forbid that no approval lifts.
    let plain = format!(r#"{PERMIT}{ASK} @id("no") forbid(principal, action, resource);"#);
    assert_eq!(say(&plain, &transfer(11))?, "deny policy_denied [ask no] external payment");
    // A permit that an approval takes away, and a forbid that it brings.
    let lost = format!("{ASK} permit(principal, action, resource) unless {{ context has approval }};");
    assert_eq!(say(&lost, &transfer(11))?, ask);
    let brought = format!("{PERMIT}{ASK} forbid(principal, action, resource) when {{ context has approval }};");
    assert_eq!(say(&brought, &transfer(11))?, ask);
    // Reads the approval, and is not lifted by it.
    let never = ASK.replace(
        "unless { context has approval }",
        "unless { context has approval && context.approval.expires < context.now }",
    );
    assert_eq!(say(&format!("{PERMIT}{never}"), &transfer(11))?, ask);
    // Cannot be evaluated with an approval.
    let broken = format!(
        r#"{PERMIT}{ASK} @id("broken") forbid(principal, action, resource) when {{ context has approval && context.approval.expires * 9223372036854775807 > 0 }};"#
    );
    assert_eq!(say(&broken, &transfer(11))?, "deny policy_error [broken] policy `broken`: integer overflow");
    Ok(())
}

#[test]
fn the_hypothetical_approval_has_not_expired() -> Outcome {
    let fresh = ASK.replace("context has approval", "context has approval && context.approval.expires > context.now && context.approval.expires - context.now <= 60");
    assert_eq!(say(&format!("{PERMIT}{fresh}"), &transfer(11))?, "step_up [ask] manager external payment");
    assert_eq!(approved(&format!("{PERMIT}{fresh}"), 11)?, "allow [all]");
    Ok(())
}

#[test]
fn nobody_is_asked_twice() -> Outcome {
    let other = ASK.replace("context has approval", r#"context has approval && context.approval.approver != "carol""#);
    let text = format!("{PERMIT}{other}");
    assert_eq!(say(&text, &transfer(11))?, "step_up [ask] manager external payment");
    assert_eq!(approved(&text, 11)?, "deny policy_denied [ask] external payment");
    Ok(())
}

#[test]
fn all_who_must_approve_are_named() -> Outcome {
    let second = r#"@id("also") @step_up("auditor") @reason("night") forbid(principal, action, resource) unless { context has approval };
        @id("third") @step_up("manager") forbid(principal, action, resource) unless { context has approval };"#;
    let said = say(&format!("{PERMIT}{ASK}{second}"), &transfer(11))?;
    assert_eq!(said, "step_up [also ask third] auditor,manager night,external payment");
    Ok(())
}

#[test]
fn unfit_arguments_are_refused_before_anybody_is_asked() -> Outcome {
    let said = say(&format!("{PERMIT}{ASK}"), &call("payments", "transfer", json!({ "amount": 11.5 })))?;
    assert_eq!(said, "deny arguments_unfit [] argument `/amount`: not an integer");
    Ok(())
}

#[test]
fn the_basis_changes_with_policies_and_catalogue() -> Outcome {
    let basis =
        |text: &str, change: &dyn Fn(&mut countersign_protocols::catalogue::Tool)| -> Result<[u8; 32], Failure> {
            let mut resources = catalogue();
            resources.iter_mut().filter_map(|resource| resource.tools.get_mut("transfer")).for_each(change);
            let policy = CedarPolicy::compile(text, &among(&resources)).map_err(|errors| lines(&errors))?;
            match policy.decide(&World::new().facts(&transfer(11))) {
                Verdict::StepUp(StepUp { basis, .. }) => Ok(basis),
                other @ (Verdict::Allow(_) | Verdict::Deny(_)) => Err(spell(&other).into()),
            }
        };
    let text = format!("{PERMIT}{ASK}");
    let first = basis(&text, &|_| {})?;
    // Other policies, and the order of all, are none of its business.
    assert_eq!(first, basis(&format!("{ASK}\n{PERMIT}"), &|_| {})?);
    assert_eq!(
        first,
        basis(&format!("{ASK}{PERMIT}permit(principal, action == Action::\"payments/ping\", resource);"), &|_| {})?
    );
    assert_ne!(first, basis(&text.replace("> 10", "> 9"), &|_| {})?);
    assert_ne!(first, basis(&text, &|tool| tool.risk = Risk::Critical)?);
    assert_ne!(first, basis(&text, &|tool| tool.labels.clear())?);
    assert_ne!(first, basis(&text, &|tool| tool.redact.push("/to".to_owned()))?);
    assert_ne!(
        first,
        basis(&text, &|tool| {
            let mut written = tool.input_schema.take().map(|schema| schema.written().clone()).unwrap_or_default();
            if let Some(schema) = written.as_object_mut() {
                schema.insert("title".to_owned(), json!("t"));
            }
            tool.input_schema = Some(written.into());
        })?
    );
    Ok(())
}

#[test]
fn bodies_are_held_only_where_a_step_up_can_apply() -> Outcome {
    let may = |text: &str| -> Result<Vec<bool>, Failure> {
        let policy = compile(text)?;
        let actions = [transfer(1), call("crm", "other", json!({})), http("files", "PUT"), http("nowhere", "PUT")];
        Ok(actions.iter().map(|action| policy.may_step_up(action)).collect())
    };
    assert_eq!(may(PERMIT)?, [false, false, false, false]);
    assert_eq!(may(&format!("{PERMIT}{ASK}"))?, [true, false, false, false]);
    assert_eq!(may(ASK)?, [false, false, false, false]);
    let undeclared = r#"@step_up("x") forbid(principal, action == Action::"mcp:tools/call", resource == Tool::"crm/other") unless { context has approval };"#;
    assert_eq!(may(&format!("{PERMIT}{undeclared}"))?, [false, true, false, false]);
    let any = r#"@step_up("x") forbid(principal, action, resource) unless { context has approval };"#;
    assert_eq!(may(&format!("{PERMIT}{any}"))?, [true, true, true, false]);
    let files = r#"@step_up("x") forbid(principal, action, resource is Resource) when { action == Action::"http:PUT" } unless { context has approval };"#;
    assert_eq!(
        may(&format!("permit(principal, action in Action::\"http\", resource == Resource::\"files\");{files}"))?,
        [false, false, true, false]
    );
    Ok(())
}
