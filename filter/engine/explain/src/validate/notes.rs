//! What can be loaded and is likely not meant: rules that nothing meets, entries that nobody reaches, approvals that nobody can give.
//!
//! Each note says where, why and what to do. None is certain to be a mistake, so none keeps a gateway from starting.

mod policies;
#[cfg(test)]
mod tests;
mod workloads;

use countersign_engine::config::Config;
use countersign_rights::risk::{RiskRule, When};
use serde_json::Value;

use super::{Finding, Loaded};

/// Those about `loaded`, which is written in `document`, whose policy is `text`.
pub(super) fn notes(loaded: &Loaded, document: &Value, text: Option<&str>) -> Vec<Finding> {
    let config = &loaded.config;
    let mut notes = workloads::notes(config, document);
    notes.extend(rules(config));
    notes.extend(policies::notes(loaded, text));
    notes
}

fn note(pointer: String, cause: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { remedy: Some(remedy.into()), ..Finding::at(pointer, cause.into()) }
}

/// Risk rules that never hold.
fn rules(config: &Config) -> impl Iterator<Item = Finding> + '_ {
    let could_hold = |when: &When| when.could_hold(&config.resources, &config.workloads);
    config.risk.0.iter().enumerate().filter_map(move |(number, RiskRule { name, raise_to: _, when })| {
        if could_hold(when) {
            return None;
        }
        let mut members = when.each();
        let (place, cause) = match members.find(|(_, alone)| !could_hold(alone)) {
            Some((member, _)) => (format!("/risk/{number}/when/{member}"), why(member)),
            None => (format!("/risk/{number}/when"), "nothing under `resources` meets all of its conditions at once"),
        };
        let cause = format!("rule `{name}` never holds: {cause}");
        Some(note(place, cause, "correct it, declare what it is about under `resources`, or remove the rule"))
    })
}

/// Why a rule that states `member` alone never holds.
fn why(member: &str) -> &'static str {
    match member {
        "kinds" => "no entry of `workloads` has one of these kinds",
        "labels" => "no tool, endpoint, method or event has one of these labels",
        "paths" => "no resource has one of these paths",
        "destinations" | "outside" => {
            "nothing under `resources` says where its arguments lead (`destinations`) or is a way out (`egress`)"
        }
        "tools" => "no tool, endpoint or method has one of these names",
        "classes" => "nothing under `resources` can be one of these",
        _ => "nothing under `resources` has one of these",
    }
}
