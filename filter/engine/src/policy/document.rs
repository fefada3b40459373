//! The decision document: the facts as JSON, for engines that are asked with text. The fields are those of
//! [`policy`](super), under the same names.
//!
//! Everything is in it: what is asked elsewhere is not known here, so nothing can be left out.

use countersign_tokens::UnixTime;
use serde_json::{Map, Value, json};

use super::Facts;
use super::context::path_and_target;
use super::schema::ActionName;
use crate::catalogue::Resource;
use crate::clock;
use crate::route;
use crate::step_up::Approval;
use crate::workload::{Actor, Identity, Kind};

/// The member of the context that says what time it is: all others say what is asked.
const NOW: &str = "now";

/// The question whether `facts` are to be allowed, as AuthZEN 1.0 §5 puts it: `subject`, `action`, `resource`, `context`.
/// Without the time: with it no two questions would be the same.
pub(super) fn document(resource: &Resource, facts: &Facts<'_>) -> Map<String, Value> {
    let name = ActionName::of_action(resource, facts.action);
    let document = json!({
        "subject": { "type": "Agent", "id": facts.workload.id(), "properties": subject(facts) },
        "action": { "name": name.id, "properties": { "groups": name.groups, "operation": facts.action.name() } },
        "resource": object(resource, facts),
        "context": context(facts),
    });
    match document {
        Value::Object(document) => document,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// `document` as it is asked at a time.
pub(super) fn asked_at(mut document: Map<String, Value>, now: UnixTime) -> Map<String, Value> {
    if let Some(context) = document.get_mut("context").and_then(Value::as_object_mut) {
        context.insert(NOW.to_owned(), now.secs().into());
    }
    document
}

/// The attributes of the context, the time among them.
pub(super) fn attributes(facts: &Facts<'_>) -> Map<String, Value> {
    let mut context = context(facts);
    add(&mut context, NOW, Some(facts.now.secs()));
    if let Value::Object(attributes) = context { attributes } else { Map::new() }
}

/// What policies read of `principal`, and what of the context is about who calls.
fn subject(facts: &Facts<'_>) -> Value {
    let workload = facts.workload;
    let mut properties = json!({
        "issuer": workload.identity.issuer,
        "issuer_name": workload.issuer_name,
        "subject": workload.identity.subject,
        "kind": workload.kind.name(),
        "traits": traits(facts),
        "classified": workload.classified,
    });
    add(&mut properties, "client_id", workload.client_id.as_ref());
    add(&mut properties, "trust_domain", workload.trust_domain.as_ref());
    properties
}

/// What is acted on: a `Tool` in its resource, or the `Resource` itself.
fn object(resource: &Resource, facts: &Facts<'_>) -> Value {
    let mut properties = json!({ "resource": resource.name, "risk": facts.risk.name(), "labels": facts.labels });
    // Engines that read attributes of the resource and no context can decide about arguments all the same.
    add(&mut properties, "args", facts.action.arguments());
    match facts.action.tool() {
        Some(tool) => {
            json!({ "type": "Tool", "id": format!("{}/{tool}", resource.name), "properties": properties })
        }
        None => json!({ "type": "Resource", "id": resource.name, "properties": properties }),
    }
}

/// As in Cedar, but for the time.
fn context(facts: &Facts<'_>) -> Value {
    let workload = facts.workload;
    let mut context = json!({
        "task": task(facts),
        "token": token(facts),
        "actors": workload.actors.iter().map(|actor| identity(&actor.identity)).collect::<Vec<_>>(),
        "depth": workload.actors.len(),
        "kind": workload.kind.name(),
        "traits": traits(facts),
        "classified": workload.classified,
        "findings": facts.findings.iter().map(|finding| finding.name()).collect::<Vec<_>>(),
        "request": request(facts),
        "risk": facts.risk.name(),
        "labels": facts.labels,
    });
    add(&mut context, "args", facts.action.arguments());
    add(&mut context, "actor", workload.actors.first().map(actor));
    add(&mut context, "approval", facts.approval.map(approval));
    context
}

fn traits(facts: &Facts<'_>) -> Vec<&'static str> {
    facts.workload.traits.iter().map(|has| has.name()).collect()
}

fn task(facts: &Facts<'_>) -> Value {
    let mut task = json!({ "id": facts.task.id, "expires": facts.task.expires.secs() });
    add(&mut task, "purpose", facts.task.purpose.as_ref());
    task
}

fn token(facts: &Facts<'_>) -> Value {
    let token = facts.token;
    let mut value = json!({ "algorithm": token.algorithm, "expires": token.expires.secs() });
    add(&mut value, "id", token.id.as_ref());
    add(&mut value, "key_id", token.key_id.as_ref());
    add(&mut value, "acr", token.authentication.class.as_ref());
    add(&mut value, "auth_time", token.authentication.time.map(UnixTime::secs));
    add(&mut value, "issued", token.issued.map(UnixTime::secs));
    add(&mut value, "lifetime", token.issued.map(|issued| token.expires.since(issued).as_secs()));
    value
}

fn request(facts: &Facts<'_>) -> Value {
    let action = facts.action;
    let (path, target) = path_and_target(action);
    let mut request = json!({
        "method": action.method,
        "host": action.authority.to_ascii_lowercase(),
        "domain": action.host().unwrap_or_default(),
        "port": action.port,
        "path": path,
    });
    add(&mut request, "target", target);
    add(&mut request, "source", facts.source.and_then(route::address).map(|source| source.to_string()));
    request
}

fn identity(identity: &Identity) -> Value {
    json!({ "issuer": identity.issuer, "subject": identity.subject })
}

fn actor(actor: &Actor) -> Value {
    let mut value = identity(&actor.identity);
    add(&mut value, "profile", actor.profile.as_ref());
    add(&mut value, "kind", actor.kind.map(Kind::name));
    value
}

/// Under our names and, for who knows those only, under AuthZEN's (Access Request and Approval Profile, draft 1).
fn approval(approval: &Approval) -> Value {
    let mut value = json!({
        "challenge": approval.challenge,
        "approver_issuer": approval.approver.issuer,
        "approver": approval.approver.subject,
        "expires": approval.expires.secs(),
        "id": approval.challenge,
    });
    add(&mut value, "approved_until", clock::format(approval.expires));
    value
}

fn add(object: &mut Value, name: &str, value: Option<impl serde::Serialize>) {
    let value = value.and_then(|value| serde_json::to_value(value).ok());
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}
