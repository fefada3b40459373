//! What the task of a case's token may do: exactly what the case tries, and no more, unless its findings say otherwise.
//!
//! Policies are only asked about what grants cover. A grant that is wider than the call, or for what is not there, is itself a
//! finding that policies can read: so a call that only such a grant covers is one whose case has to say so.

use countersign_protocols::action::Action;
use countersign_rights::hygiene::Finding;
use serde_json::{Value, json};

use super::said::Said;

/// The value of the claim.
pub(super) fn of(said: &Said<'_>, action: &Action) -> Vec<Value> {
    let (name, resource) = (action.name(), &action.resource);
    let object = match action.object() {
        _ if said.finds(Finding::WildcardGrant) => None,
        // Lists and the session need any grant on the resource; this one is for nothing that exists.
        None if action.class().is_incidental() => Some("nothing"),
        object => object,
    };
    let mut grants = match object {
        Some(object) => vec![json!({ "action": name, "resource": resource, "object": object })],
        None => vec![json!({ "action": name, "resource": resource })],
    };
    if said.finds(Finding::DeadGrant) {
        grants.push(json!({ "action": "http:GET", "resource": "retired", "object": "/retired" }));
    }
    grants
}
