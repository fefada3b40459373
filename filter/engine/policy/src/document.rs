//! The decision document: the facts as JSON, for engines that are asked with text. The fields are those of
//! [`policy`](super), under the same names.
//!
//! Everything is in it: what is asked elsewhere is not known here, so nothing can be left out.

use countersign_facts::clock;
use countersign_protocols::action::Key;
use countersign_protocols::catalogue::Resource;
use countersign_rights::claims::UnreadableClaim;
use countersign_rights::workload::Identity;
use countersign_tokens::json::{Json, Members};
use countersign_tokens::{Machine, Subject, UnixTime};
use serde_json::{Map, Value, json};

use super::attributes::{self, Attribute};
use super::schema::ActionName;
use super::{Approval, Facts};

/// The member of the context that says what time it is: all others say what is asked.
const NOW: &str = "now";

/// Attributes of the context that are properties of the subject as well: engines may read those only.
const OF_SUBJECTS: [&str; 3] = ["kind", "traits", "classified"];

/// The question whether `facts` are to be allowed, as AuthZEN 1.0 §5 puts it: `subject`, `action`, `resource`, `context`.
/// Without the time: with it no two questions would be the same.
///
/// # Errors
/// Where a claim cannot be read: whoever is asked could take it for absent.
pub(super) fn document(resource: &Resource, facts: &Facts<'_>) -> Result<Members, UnreadableClaim> {
    facts.workload.claims.check(|_| true)?;
    let name = ActionName::of_action(resource, facts.action);
    let document = json!({
        "subject": { "type": "Agent", "id": facts.workload.id(), "properties": subject(facts) },
        "action": { "name": name.id, "properties": { "groups": name.groups, "operation": facts.action.name() } },
        "resource": object(resource, facts),
        "context": context(facts),
    });
    let mut document = Json::from(document);
    if let Some(arguments) = facts.action.arguments() {
        // Engines that read attributes of the resource and no context can decide about arguments all the same.
        for place in [&["context"][..], &["resource", "properties"]] {
            let below = place.iter().try_fold(&mut document, |value, name| value.as_object_mut()?.get_mut(*name));
            if let Some(Json::Object(members)) = below {
                members.insert("args".to_owned(), arguments.clone().into());
            }
        }
    }
    Ok(if let Json::Object(document) = document { document } else { Members::new() })
}

/// `document` as it is asked at a time.
pub(super) fn asked_at(mut document: Members, now: UnixTime) -> Members {
    if let Some(context) = document.get_mut("context").and_then(Json::as_object_mut) {
        context.insert(NOW.to_owned(), Json::from(Value::from(now.secs())));
    }
    document
}

/// The attributes of the context, the time among them, arguments aside.
pub(super) fn attributes(facts: &Facts<'_>) -> Map<String, Value> {
    rows(attributes::CONTEXT, facts)
}

/// The attributes of the caller.
pub(super) fn principal(facts: &Facts<'_>) -> Map<String, Value> {
    rows(attributes::AGENT, facts)
}

/// What policies read of `principal`, and what of the context is about who calls.
fn subject(facts: &Facts<'_>) -> Map<String, Value> {
    let of_context = attributes::CONTEXT.iter().filter(|one| OF_SUBJECTS.contains(&one.name));
    rows(attributes::AGENT.iter().chain(of_context), facts)
}

/// What is acted on: a `Tool` in its resource, or the `Resource` itself.
fn object(resource: &Resource, facts: &Facts<'_>) -> Value {
    let properties = json!({ "resource": resource.name, "risk": facts.risk.name(), "labels": facts.labels });
    let tool = |tool| json!({ "type": "Tool", "id": format!("{}/{tool}", resource.name), "properties": properties });
    match facts.action.key() {
        Key::Tool(name) => tool(name),
        Key::Event(name) if resource.tools.contains_key(name) => tool(name),
        // An event that is not declared is, to policies, something of its resource.
        Key::Event(_) | Key::Method => json!({ "type": "Resource", "id": resource.name, "properties": properties }),
    }
}

/// As in Cedar, but for the time and the arguments.
fn context(facts: &Facts<'_>) -> Map<String, Value> {
    let mut context = attributes(facts);
    context.remove(NOW);
    if let (Some(Value::Object(members)), Some(approval)) = (context.get_mut("approval"), facts.approval) {
        members.extend(of_access_requests(approval));
    }
    context
}

/// An approval as it is called by whoever knows AuthZEN's names only (Access Request and Approval Profile, draft 1).
fn of_access_requests(approval: &Approval) -> impl Iterator<Item = (String, Value)> {
    let until = clock::format(approval.expires).map(|until| ("approved_until".to_owned(), until.into()));
    [("id".to_owned(), approval.challenge.clone().into())].into_iter().chain(until)
}

/// Those of `attributes` that are there, as they are in `facts`.
fn rows<'r>(attributes: impl IntoIterator<Item = &'r Attribute>, facts: &Facts<'_>) -> Map<String, Value> {
    let value = |attribute: &Attribute| Some((attribute.name.to_owned(), value(&attribute.value, facts)?));
    attributes.into_iter().filter_map(value).collect()
}

fn value(value: &attributes::Value, facts: &Facts<'_>) -> Option<Value> {
    match value {
        attributes::Value::Text(text) => text(facts).map(|text| text.into_owned().into()),
        attributes::Value::Number(number) => number(facts).map(Value::from),
        attributes::Value::Flag(flag) => Some(flag(facts).into()),
        attributes::Value::Address(address) => address(facts).map(|address| address.to_string().into()),
        attributes::Value::Texts(texts) => Some(texts(facts).into()),
        attributes::Value::Identities(identities) => Some(identities(facts).into_iter().map(identity).collect()),
        attributes::Value::Record { there, attributes } => there(facts).then(|| rows(*attributes, facts).into()),
        attributes::Value::Claims => {
            let claims = facts.workload.claims.readable();
            Some(claims.map(|(name, claim)| (name.to_owned(), claim.json())).collect::<Map<_, _>>().into())
        }
    }
}

fn identity(identity: &Identity) -> Value {
    let Identity { issuer, subject } = identity;
    match subject {
        Subject::Sub(sub) => json!({ "issuer": issuer, "subject": sub }),
        Subject::Machine(Machine { claim, id }) => json!({ "issuer": issuer, "machine": { "claim": claim, "id": id } }),
    }
}
