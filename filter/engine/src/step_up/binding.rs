//! What an approval is tied to: one call, whole (invariant 7).
//!
//! A change of anything in here is another call, which the approval is not for.

use countersign_facts::digest::{self, NotCanonical};
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Risk;
use countersign_rights::task::Task;
use countersign_rights::workload::{Identity, Workload};
use countersign_tokens::{Machine, Subject};
use serde_json::{Value, json};

/// Everything an approval is tied to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BindingFacts<'a> {
    /// Its subject and actor chain.
    pub workload: &'a Workload,
    /// Its id.
    pub task: &'a Task,
    /// All of it.
    pub action: &'a Action,
    /// As the approver is told: an approval of less is none of more.
    pub risk: Risk,
    /// SHA-256 over the determining policies and the catalogue entry ([`countersign_policy::StepUp::basis`]).
    pub basis: &'a [u8; 32],
}

/// The digests that stand for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Of everything but the body's bytes: the same when the same call is tried again.
    pub call: [u8; 32],
    /// Of the body's bytes; of none when there is no body.
    pub body: [u8; 32],
}

impl BindingFacts<'_> {
    /// The digests of these facts.
    pub(crate) fn binding(&self) -> Result<Binding, NotCanonical> {
        let Self { workload, task, action, risk, basis } = *self;
        let Action { resource, operation: _, method, authority, port: _, target, body_digest, carried: _ } = action;
        let call = digest::of_json(&json!({
            "subject": identity(&workload.identity),
            "actors": actors(workload),
            "task": task.id,
            "authority": authority,
            "method": method,
            "target": target,
            "resource": resource,
            "operation": action.name(),
            "object": action.object(),
            "arguments": action.arguments_digest().map(ToString::to_string),
            "risk": risk.name(),
            "basis": digest::text(basis),
        }))?;
        Ok(Binding { call, body: body_digest.unwrap_or_else(|| digest::of_bytes(b"")) })
    }
}

/// `{iss, sub}`; of a machine `{iss, machine: {claim, id}}`.
pub(super) fn identity(identity: &Identity) -> Value {
    let Identity { issuer, subject } = identity;
    match subject {
        Subject::Sub(sub) => json!({"iss": issuer, "sub": sub}),
        Subject::Machine(Machine { claim, id }) => json!({"iss": issuer, "machine": {"claim": claim, "id": id}}),
    }
}

/// The chain, the current actor first.
pub(super) fn actors(workload: &Workload) -> Vec<Value> {
    workload.actors.iter().map(|actor| identity(&actor.identity)).collect()
}
