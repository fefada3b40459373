//! Notes about who is meant: entries that an earlier one shadows, or that no issuer's credentials can be in; what an entry may do
//! and nothing offers; denials of nobody.

use countersign_engine::config::{Config, Issuer};
use countersign_engine::task::{Grant, Grants};
use countersign_engine::workload::register::{Entry, WorkloadMatch};
use serde_json::Value;

use super::note;
use crate::validate::Finding;

pub(super) fn notes(config: &Config, document: &Value) -> Vec<Finding> {
    let entries = &config.workloads.entries;
    let mut notes = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        notes.extend(shadowed(number, entry, entries).or_else(|| unreachable(number, entry, config)));
        let grants = entry.governed.actions().map(Grants::as_slice).unwrap_or_default();
        notes.extend(grants.iter().enumerate().filter_map(|(at, grant)| unused(number, at, grant, config)));
    }
    notes.extend(denied(config, document));
    notes
}

/// An entry that an earlier one leaves nobody for.
fn shadowed(number: usize, entry: &Entry, entries: &[Entry]) -> Option<Finding> {
    let earlier = entries.iter().take(number).position(|earlier| earlier.matching.covers(&entry.matching))?;
    let cause = format!("never holds: whoever it matches is in `/workloads/{earlier}`, which comes first");
    Some(note(format!("/workloads/{number}"), cause, format!("put it before `/workloads/{earlier}`, or remove it")))
}

/// An entry that no configured issuer's credentials can be in.
fn unreachable(number: usize, entry: &Entry, config: &Config) -> Option<Finding> {
    let WorkloadMatch { issuer, subject: _, machine, trust_domain, client_id: _, claim: _ } = &entry.matching;
    let place = |member: &str| format!("/workloads/{number}/match/{member}");
    let vouches = |one: &&Issuer| trust_domain.as_ref().is_none_or(|domain| one.trust_domain() == Some(domain));
    let named = |one: &&Issuer| issuer.as_ref().is_none_or(|name| *name == one.name);
    if trust_domain.is_some() && !config.issuers.iter().any(|issuer| vouches(&issuer)) {
        let cause = "no issuer vouches for this trust domain: only somebody in an actor chain can be meant";
        return Some(note(place("trust_domain"), cause, "correct it, or add the issuer with this `trust_domain`"));
    }
    let mut meant = config.issuers.iter().filter(named).filter(vouches);
    if machine.is_some() && !meant.any(|issuer| issuer.rules.machine_claim().is_some()) {
        let cause = "never holds: no issuer that is meant names machines";
        return Some(note(
            place("machine"),
            cause,
            "write `machine_claim: client_id` on the issuer, or match by `subject`",
        ));
    }
    None
}

/// What an entry may do and nothing offers.
fn unused(number: usize, at: usize, grant: &Grant, config: &Config) -> Option<Finding> {
    let never = grant.never(&config.resources)?;
    let remedy = "correct it, declare what it is about under `resources`, or remove it";
    Some(note(format!("/workloads/{number}/actions/{at}"), never.to_string(), remedy))
}

/// Denials of workloads that no configured issuer names so. They are read as they are written: sorted they have no places.
fn denied(config: &Config, document: &Value) -> Vec<Finding> {
    let listed = document.pointer("/denied/workloads").and_then(Value::as_array).into_iter().flatten();
    let told = listed.enumerate().filter_map(|(number, entry)| {
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let issuer = text("/issuer")?;
        let Some(known) = config.issuers.iter().find(|known| known.rules.is_issuer(issuer)) else {
            let meant = config.issuers.iter().find(|known| known.name == issuer);
            let remedy = match meant {
                Some(meant) => format!("write what its credentials say: `{}`", meant.rules.issuer()),
                None => "write the `iss` of its credentials, or add the issuer".to_owned(),
            };
            let cause = format!("no issuer is `{issuer}`: only somebody in an actor chain can be meant");
            return Some(note(format!("/denied/workloads/{number}/issuer"), cause, remedy));
        };
        let claim = text("/machine/claim").filter(|claim| known.rules.machine_claim() != Some(claim))?;
        let (cause, remedy) = match known.rules.machine_claim() {
            Some(other) => (
                format!("nobody is denied: `{}` names machines by `{other}`", known.name),
                format!("write `claim: {other}`"),
            ),
            None => (
                format!("nobody is denied: `{}` names no machines", known.name),
                format!("write `machine_claim: {claim}` on the issuer, or deny a `subject`"),
            ),
        };
        Some(note(format!("/denied/workloads/{number}/machine/claim"), cause, remedy))
    });
    told.collect()
}
