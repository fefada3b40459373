//! Notes about policies: approvals that nobody is asked for, or that one person gives for two; what nothing permits; sandboxes
//! into which nothing is sent.

use std::collections::BTreeSet;

use countersign_policy::Described;

use super::note;
use crate::validate::{CEDAR, Finding, Loaded};

/// Those about the policies of `loaded`, whose text is `text`.
pub(super) fn notes(loaded: &Loaded, text: Option<&str>) -> Vec<Finding> {
    let (Some(cedar), Some(text)) = (&loaded.cedar, text) else { return Vec::new() };
    let policies = cedar.policies(text);
    let mut notes = Vec::new();
    if loaded.config.step_up.is_none() {
        notes.extend(policies.iter().filter_map(unasked));
    }
    let find = |id: &str| policies.iter().find(|policy| policy.id == id);
    for (one, other) in cedar.joined(&loaded.config.resources) {
        notes.extend(find(&one).zip(find(&other)).and_then(|(one, other)| joined(one, other)));
    }
    notes.extend(unpermitted(loaded));
    notes.extend(unused(loaded, &policies));
    notes
}

fn in_policy(policy: &Described<'_>, cause: String, remedy: &str) -> Finding {
    let Described { id, line, column, .. } = policy;
    let (line, column) = (Some(*line), Some(*column));
    Finding { line, column, policy: Some((*id).to_owned()), ..note(CEDAR.to_owned(), cause, remedy) }
}

/// A step-up where nobody can be asked.
fn unasked(policy: &Described<'_>) -> Option<Finding> {
    let approver = policy.step_up?;
    let cause = format!(
        "asks `{approver}` for an approval, but there is no `step_up` to ask with: every call that it applies to is denied (403 `approval_unavailable`)"
    );
    Some(in_policy(policy, cause, "configure `step_up`, or remove `@step_up` so that the policy says what it does"))
}

/// Two step-ups about the same call.
fn joined(one: &Described<'_>, other: &Described<'_>) -> Option<Finding> {
    let cause = format!(
        "can apply to the same call as `{}`; then one approval lifts both, that of `{}` or that of `{}`",
        one.id, one.step_up?, other.step_up?
    );
    let remedy = "write conditions that never hold together, or name in both the approver who may approve both";
    Some(in_policy(other, cause, remedy))
}

/// Resources on which nothing is permitted; all of them together, if it is all.
fn unpermitted(loaded: &Loaded) -> Vec<Finding> {
    let Some(cedar) = &loaded.cedar else { return Vec::new() };
    let resources = loaded.config.resources.iter().enumerate();
    let denied: Vec<(usize, &str)> = resources
        .filter(|(_, resource)| !cedar.permits_on(resource))
        .map(|(index, resource)| (index, resource.name.as_str()))
        .collect();
    let remedy = "write a `permit` for what agents may do there, or remove the resource";
    if denied.len() == loaded.config.resources.len() {
        let cause = "permits nothing: every request is denied (403 `policy_denied`)";
        return vec![note(CEDAR.to_owned(), cause, "write a `permit` for what agents may do")];
    }
    let told = denied.into_iter().map(|(index, name)| {
        let cause =
            format!("no policy permits anything on `{name}`: every request for it is denied (403 `policy_denied`)");
        note(format!("/resources/{index}"), cause, remedy)
    });
    told.collect()
}

/// Sandboxes that no policy names. Rego may name one that is not written out.
fn unused(loaded: &Loaded, policies: &[Described<'_>]) -> Vec<Finding> {
    if loaded.rego.is_some() {
        return Vec::new();
    }
    let named: BTreeSet<&str> = policies.iter().filter_map(|policy| policy.sandbox).collect();
    let sandboxes = loaded.config.sandboxes.iter().enumerate();
    let unused = sandboxes.filter(|(_, sandbox)| !named.contains(sandbox.name.as_str()));
    let told = unused.map(|(index, sandbox)| {
        let cause = format!("no policy sends anything into the sandbox `{}`", sandbox.name);
        let name = &sandbox.name;
        let remedy = format!("put `@sandbox(\"{name}\")` on the permit for what belongs there, or remove the sandbox");
        note(format!("/sandboxes/{index}"), cause, remedy)
    });
    told.collect()
}
