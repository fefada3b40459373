//! Notes about who is meant: entries that an earlier one shadows, or that no issuer's credentials can be in; what an entry may do
//! and nothing offers; denials of nobody.

use countersign_engine::config::Config;
use countersign_rights::task::{Grant, Grants, Never};
use countersign_rights::workload::Voucher;
use countersign_rights::workload::register::{Entry, WorkloadMatch};
use countersign_tokens::IssuerTemplate;
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
    let cause = format!("never applies: every caller that it matches is matched by `/workloads/{earlier}` before");
    Some(note(format!("/workloads/{number}"), cause, format!("put it before `/workloads/{earlier}`, or remove it")))
}

/// An entry that no configured issuer's credentials can be in.
fn unreachable(number: usize, entry: &Entry, config: &Config) -> Option<Finding> {
    let WorkloadMatch { issuer, subject: _, machine, trust_domain, client_id: _, claim: _ } = &entry.matching;
    let place = |member: &str| format!("/workloads/{number}/match/{member}");
    let vouches = |one: &&Voucher| trust_domain.as_ref().is_none_or(|domain| one.trust_domain() == Some(domain));
    let named = |one: &&Voucher| issuer.as_ref().is_none_or(|name| *name == one.name);
    if trust_domain.is_some() && !config.vouchers().any(|issuer| vouches(&issuer)) {
        let cause = "applies to no caller, at most to an actor in a token's `act`: no issuer has this `trust_domain`";
        return Some(note(place("trust_domain"), cause, "correct it, or add the issuer that has it"));
    }
    let mut meant = config.vouchers().filter(named).filter(vouches);
    if machine.is_some() && !meant.any(|issuer| issuer.rules.machine_claim().is_some()) {
        let which = issuer.as_ref().map_or("no issuer has a".to_owned(), |name| format!("issuer `{name}` has no"));
        let cause = format!("never applies: {which} `machine_claim`, so that no caller is a machine");
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
    Some(note(format!("/workloads/{number}/actions/{at}"), never.to_string(), remedy(&never)))
}

fn remedy(never: &Never) -> String {
    match never {
        Never::Operation(_) => {
            "write the operation as `action.name` of records has it, such as `mcp:tools/call`, or remove the entry"
                .to_owned()
        }
        Never::Protocol { operation: _, resource: _, protocol } => {
            format!(
                "write an operation that begins with `{}:`, name another resource, or remove the entry",
                protocol.name()
            )
        }
        Never::Undeclared { what, name: _, resource } => {
            format!("correct the name, declare it under `{what}` of `{resource}`, or remove the entry")
        }
        Never::Method { endpoint: _, asked, operation: _ } => {
            format!("write `action: \"http:{asked}\"`, name another endpoint, or remove the entry")
        }
        Never::Argument { place: _, name } => {
            format!("correct the pointer, or declare the argument in the `input_schema` of `{name}`")
        }
    }
}

/// Denials of workloads that no configured issuer names so. They are read as they are written: sorted they have no places.
fn denied(config: &Config, document: &Value) -> Vec<Finding> {
    let listed = document.pointer("/denied/workloads").and_then(Value::as_array).into_iter().flatten();
    let told = listed.enumerate().filter_map(|(number, entry)| {
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let issuer = text("/issuer")?;
        let Some(known) = config.vouchers().find(|known| known.rules.is_issuer(issuer)) else {
            let (why, remedy) = match config.vouchers().find(|known| known.name == issuer) {
                Some(meant) => (
                    format!("`{issuer}` is what an issuer is called here, not the `iss` of its credentials"),
                    named(meant),
                ),
                None => (
                    format!("`{issuer}` is not the `iss` of any issuer here"),
                    "write the `iss` of its credentials, or add the issuer".to_owned(),
                ),
            };
            let cause = format!("denies no caller, at most an actor in a token's `act`: {why}");
            return Some(note(format!("/denied/workloads/{number}/issuer"), cause, remedy));
        };
        let claim = text("/machine/claim").filter(|claim| known.rules.machine_claim() != Some(claim))?;
        let (cause, remedy) = match known.rules.machine_claim() {
            Some(other) => (
                format!("denies nobody: the `machine_claim` of issuer `{}` is `{other}`", known.name),
                format!("write `claim: {other}`"),
            ),
            None => (
                format!(
                    "denies nobody: issuer `{}` has no `machine_claim`, so that none of its callers is a machine",
                    known.name
                ),
                format!("write `machine_claim: {claim}` on the issuer, or deny a `subject`"),
            ),
        };
        Some(note(format!("/denied/workloads/{number}/machine/claim"), cause, remedy))
    });
    told.collect()
}

/// How to write the `iss` of the credentials of `issuer`; of one with tenants, that of one of them.
fn named(issuer: &Voucher) -> String {
    let iss = issuer.rules.issuer();
    let template = IssuerTemplate::parse(iss).ok();
    match template.and_then(|template| template.of(issuer.rules.tenants().next()?).ok()) {
        Some(of_tenant) => format!("write the `iss` of the tenant that is meant, such as `{of_tenant}`"),
        None => format!("write `issuer: \"{iss}\"`"),
    }
}
