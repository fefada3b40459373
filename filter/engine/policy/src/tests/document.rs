//! The decision document says what Cedar reads, under the same names.

use std::collections::BTreeMap;

use cedar_policy::Context;
use countersign_protocols::action::Action;
use countersign_rights::claims::DeclaredClaims;
use countersign_tokens::json::{self, Members};
use serde_json::{Map, Value, json};

use super::{Failure, Outcome, World, call, catalogue, http, mcp};
use crate::arguments::AskedFor;
use crate::catalogue::catalogue as catalogue_types;
use crate::document::{asked_at, document};
use crate::reads::Names;
use crate::schema::{self, ActionName, Types};
use crate::{Facts, context};

fn of(facts: &Facts<'_>) -> Result<Map<String, Value>, Failure> {
    let question = asked_at(question(facts)?, facts.now);
    Ok(json::members_to_value(&question).ok_or("a number that is not held")?)
}

fn timeless(facts: &Facts<'_>) -> Result<Map<String, Value>, Failure> {
    Ok(json::members_to_value(&question(facts)?).ok_or("a number that is not held")?)
}

fn question(facts: &Facts<'_>) -> Result<Members, Failure> {
    let resources = catalogue();
    let resource = resources.iter().find(|resource| resource.name == facts.action.resource);
    Ok(document(resource.ok_or("no such resource")?, facts)?)
}

fn spelled(context: Context) -> BTreeMap<String, String> {
    context.into_iter().map(|(name, value)| (name, format!("{value:?}"))).collect()
}

/// The context in `document`, read with Cedar's own types of it.
fn as_cedar(mut context: Value, action: &Action) -> Result<BTreeMap<String, String>, Failure> {
    let resources = catalogue();
    let (declared, _) = catalogue_types(&resources);
    let schema =
        schema::resolved(schema::written(&resources, &declared, &AskedFor::default(), &DeclaredClaims::default())?)?;
    let resource = resources.iter().find(|resource| resource.name == action.resource).ok_or("no such resource")?;
    let uid = Types::new()?.action(&ActionName::of_action(resource, action).id);
    // What it has beside that is AuthZEN's.
    if let Some(approval) = context.pointer_mut("/approval").and_then(Value::as_object_mut) {
        approval.remove("id");
        approval.remove("approved_until");
    }
    Ok(spelled(Context::from_json_value(context, Some((&schema, &uid)))?))
}

#[test]
fn the_context_is_cedars() -> Outcome {
    let actions = [
        call("payments", "transfer", json!({ "amount": 5, "to": "bob" })),
        mcp("payments", "resources/read", Some("file:///a")),
        http("files", "GET"),
    ];
    for world in [World::new(), World::bare(), World::approved()] {
        for action in &actions {
            let facts = world.facts(action);
            let context = of(&facts)?.remove("context").ok_or("no context")?;
            let mut theirs = as_cedar(context, action)?;
            let ours =
                context::context(&facts, facts.approval, None, &Names::All).map_err(|error| error.to_string())?;
            // Arguments are compared where they are read.
            assert_eq!(theirs.remove("args").is_some(), action.arguments().is_some());
            assert_eq!(theirs, spelled(ours), "{action:?}");
        }
    }
    Ok(())
}

#[test]
fn only_the_time_is_no_part_of_the_question() -> Outcome {
    let (world, action) = (World::new(), call("payments", "transfer", json!({ "amount": 5 })));
    let facts = world.facts(&action);
    let later = Facts { now: facts.now.plus(std::time::Duration::from_secs(9)), ..facts };
    assert_ne!(of(&facts)?, of(&later)?);
    assert_eq!(timeless(&facts)?, timeless(&later)?);
    let other = call("payments", "transfer", json!({ "amount": 6 }));
    assert_ne!(timeless(&facts)?, timeless(&world.facts(&other))?);
    let approved = World::approved();
    assert_ne!(timeless(&facts)?, timeless(&approved.facts(&action))?);
    Ok(())
}

#[test]
fn the_call_as_subject_action_and_resource() -> Outcome {
    let (world, action) = (World::bare(), call("payments", "other", json!({ "x": [1.5, null] })));
    let mut document = of(&world.facts(&action))?;
    document.remove("context");
    let expected = json!({
        "subject": { "type": "Agent", "id": "platform/alice", "properties": {
            "issuer": "https://sts", "issuer_name": "platform", "subject": "alice", "claims": {},
            "kind": "agent", "traits": ["browsing"], "classified": true,
        } },
        "action": {
            "name": "mcp:tools/call",
            "properties": { "groups": ["mcp:execute"], "operation": "mcp:tools/call" },
        },
        "resource": { "type": "Tool", "id": "payments/other", "properties": {
            "resource": "payments", "risk": "high", "labels": ["external"], "args": { "x": [1.5, null] },
        } },
    });
    assert_eq!(Value::Object(document), expected);
    Ok(())
}
