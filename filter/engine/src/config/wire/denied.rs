//! What is not let in any more.

use std::collections::BTreeSet;

use countersign_rights::workload::{Denied, Identity};
use countersign_tokens::{IssuerTemplate, Machine, Scalar, Subject};

use super::{distinct, distinct_scalars};
use crate::config::read::Node;

/// The value of `denied`.
pub(super) fn denied(node: &Node<'_>) -> Option<Denied> {
    node.object(|object| {
        let tokens = object.or("tokens", Vec::new(), |node| distinct_scalars(node, Node::scalar));
        let tasks = object.or("tasks", Vec::new(), texts);
        let workloads = object.or("workloads", Vec::new(), |node| node.list(workload));
        let tokens: BTreeSet<Scalar> = tokens?.into_iter().collect();
        Some(Denied { tokens, tasks: tasks?.into_iter().collect(), workloads: workloads?.into_iter().collect() })
    })
}

fn texts(node: &Node<'_>) -> Option<Vec<String>> {
    distinct(node, |node| node.text().map(str::to_owned))
}

fn workload(node: &Node<'_>) -> Option<Identity> {
    node.object(|object| {
        let issuer = object.required("issuer", "write the `iss` of its credentials", |node| {
            let issuer = node.text()?;
            if IssuerTemplate::is_meant(issuer) {
                return node.refuse("is of many tenants; write the `iss` of the one that is meant");
            }
            Some(issuer.to_owned())
        });
        let subject = match object.member("machine") {
            Some(node) => {
                let alone =
                    object.forbid(&["subject"], "is for credentials with `sub`, `machine` for those without; keep one");
                let machine = node.object(|object| {
                    let remedy = "write the claim that names it, such as client_id";
                    let claim = object.required("claim", remedy, |node| node.text().map(str::to_owned));
                    let id = object.required("id", "write what that claim says", |node| node.text().map(str::to_owned));
                    Some(Machine { claim: claim?, id: id? })
                });
                alone.and(machine).map(Subject::Machine)
            }
            None => {
                object.required("subject", "write the `sub` of its credentials", |node| node.text().map(Subject::from))
            }
        };
        Some(Identity { issuer: issuer?, subject: subject? })
    })
}
