//! What is not let in any more.

use std::collections::BTreeSet;

use countersign_rights::workload::{Denied, Identity};
use countersign_tokens::{IssuerTemplate, Machine, Scalar, Subject};
#[cfg(test)]
use serde_json::json;

use super::distinct_scalars;
use crate::config::key::{Defaulted, Distinct, Optional, Own, Required, Text};
use crate::config::key::{defaulted, distinct, keys, optional, required};
use crate::config::read::Node;
#[cfg(test)]
use crate::config::schema::reference;

keys! {
    /// What is not let in any more, however good its credential is.
    pub(super) struct DeniedKeys;

    /// Credentials by their id (`jti`; of transaction tokens `txn`), written as they have it: `7` is not `"7"`.
    const TOKENS: Optional<Own> = optional("tokens", Own) => json!({
        "type": "array",
        "uniqueItems": true,
        "items": { "anyOf": [reference("text"), reference("whole")] },
        "default": []
    });

    /// Tasks by their id.
    const TASKS: Defaulted<Distinct<Text>> = defaulted("tasks", distinct(Text), Vec::new());

    /// Workloads, as subject or anywhere in the actor chain.
    const WORKLOADS: Optional<Own> = optional("workloads", Own)
        => json!({ "type": "array", "default": [], "items": IdentityKeys::schema() });
}

keys! {
    struct IdentityKeys => json!({ "oneOf": [{ "required": ["subject"] }, { "required": ["machine"] }] });

    /// The `iss` of its credentials; of one tenant where there are many.
    const ISSUER: Required<Text> = required("issuer", Text) => json!({ "pattern": "^[^{}]*$" });

    /// The `sub` of its credentials.
    const SUBJECT: Optional<Text> = optional("subject", Text);

    const MACHINE: Optional<Own> = optional("machine", Own) => MachineKeys::schema();
}

keys! {
    /// Instead of a subject: what names it in credentials without `sub`.
    struct MachineKeys;

    /// The claim that names it.
    const CLAIM: Required<Text> = required("claim", Text) => json!({ "examples": ["client_id"] });

    /// What that claim says.
    const ID: Required<Text> = required("id", Text);
}

/// The value of `denied`.
pub(super) fn denied(node: &Node<'_>) -> Option<Denied> {
    node.object(|object| {
        let tokens = object.or_else(&DeniedKeys::TOKENS, Vec::new(), |node| distinct_scalars(node, Node::scalar));
        let tasks = object.or(&DeniedKeys::TASKS);
        let workloads = object.or_else(&DeniedKeys::WORKLOADS, Vec::new(), |node| node.list(workload));
        let tokens: BTreeSet<Scalar> = tokens?.into_iter().collect();
        Some(Denied { tokens, tasks: tasks?.into_iter().collect(), workloads: workloads?.into_iter().collect() })
    })
}

fn workload(node: &Node<'_>) -> Option<Identity> {
    node.object(|object| {
        let issuer = object.required_with(&IdentityKeys::ISSUER, "write the `iss` of its credentials", |node| {
            let issuer = node.text()?;
            if IssuerTemplate::is_meant(issuer) {
                return node.refuse("is of many tenants; write the `iss` of the one that is meant");
            }
            Some(issuer.to_owned())
        });
        let subject = match object.member(&IdentityKeys::MACHINE) {
            Some(node) => {
                let why = "is for credentials with `sub`, `machine` for those without; keep one";
                let alone = object.forbid(&[IdentityKeys::SUBJECT.name], why);
                let machine = node.object(|object| {
                    let remedy = "write the claim that names it, such as client_id";
                    let claim = object.required(&MachineKeys::CLAIM, remedy);
                    let id = object.required(&MachineKeys::ID, "write what that claim says");
                    Some(Machine { claim: claim?, id: id? })
                });
                alone.and(machine).map(Subject::Machine)
            }
            None => object.demanded(&IdentityKeys::SUBJECT, "write the `sub` of its credentials", |node| {
                node.text().map(Subject::from)
            }),
        };
        Some(Identity { issuer: issuer?, subject: subject? })
    })
}
