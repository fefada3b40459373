//! What would have to be different for a request to be allowed, from what the engine looked at.

use countersign_engine::{Engine, Explained, Listed};
use countersign_facts::check::Check;
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_policy::{Answer, Opined};
use countersign_rights::task::Reach;
use countersign_rights::workload::Voucher;

use super::Decision;

/// One line for each thing, in the order of the checks. What comes after the check that failed is looked at too where that is
/// possible: it would be the next to fail.
pub(super) fn changes(
    explained: &Explained<'_>,
    engine: &Engine,
    reason: Option<Reason>,
    decision: Decision,
) -> Vec<String> {
    match (decision, reason) {
        (Decision::Allow | Decision::Served | Decision::Undecided, _) | (Decision::Deny, None) => Vec::new(),
        (Decision::StepUp, _) => asks(explained).into_iter().collect(),
        (Decision::Deny, Some(reason)) => match reason.row().check {
            Some(Check::Credential) => credential(explained, engine, reason),
            Some(Check::Grants) => [lists(explained), policies(explained)].concat(),
            Some(Check::Policy) => or_words(policies(explained), reason),
            Some(_) | None => vec![reason.row().detail.to_owned()],
        },
    }
}

fn or_words(changes: Vec<String>, reason: Reason) -> Vec<String> {
    if changes.is_empty() { vec![reason.row().detail.to_owned()] } else { changes }
}

fn asks(explained: &Explained<'_>) -> Option<String> {
    let asks = explained.asks.as_ref()?;
    let why = if asks.reasons.is_empty() { String::new() } else { format!(": {}", asks.reasons.join(" ")) };
    Some(format!("{} approves exactly this call{why}", asks.approvers.join(" and ")))
}

fn credential(explained: &Explained<'_>, engine: &Engine, reason: Reason) -> Vec<String> {
    let words = reason.row().detail.to_owned();
    match explained.trouble.as_ref() {
        Some((Some(issuer), _)) => vec![words, accepts(issuer)],
        Some((None, _)) | None if reason == Reason::UnknownIssuer => {
            let names = engine.config().vouchers().map(|issuer| issuer.rules.issuer());
            vec![words, format!("trusted here: {}", names.collect::<Vec<_>>().join(", "))]
        }
        Some((None, _)) | None => vec![words],
    }
}

/// What tokens of `issuer` must be like.
fn accepts(issuer: &Voucher) -> String {
    let rules = &issuer.rules;
    let algorithms: Vec<&str> = rules.algorithms().iter().map(|algorithm| algorithm.name()).collect();
    let lifetime = rules.max_lifetime().map_or_else(String::new, |most| format!(", for at most {} s", most.as_secs()));
    let audiences = rules.audiences().join(", ");
    format!("issuer `{}` is accepted for {audiences}, signed with {}{lifetime}", issuer.name, algorithms.join(", "))
}

/// What a list would have to say that does not cover the action.
fn lists(explained: &Explained<'_>) -> Vec<String> {
    let covers = |list: &&Listed| list.grants.iter().any(|(_, reach)| *reach == Reach::Covers);
    explained.lists.iter().filter(|list| !covers(list)).flat_map(|list| one_list(list, explained)).collect()
}

fn one_list(list: &Listed, explained: &Explained<'_>) -> Vec<String> {
    let whose = list.whose.as_ref().map_or_else(|| "the task".to_owned(), |who| format!("workload `{}`", who.subject));
    let near: Vec<String> = list
        .grants
        .iter()
        .filter_map(|(grant, reach)| match reach {
            Reach::OtherArguments(places) => {
                let places: Vec<String> = places.iter().map(ToString::to_string).collect();
                Some(format!("{} within what grant `{grant}` of {whose} admits", places.join(", ")))
            }
            Reach::OtherCircumstances => {
                Some(format!("a time, an address or a number of actors that grant `{grant}` of {whose} admits"))
            }
            Reach::Covers | Reach::Other => None,
        })
        .collect();
    let used_up = list.grants.iter().any(|(_, reach)| *reach == Reach::Covers);
    let Some(action) = explained.action.as_ref().filter(|_| near.is_empty() && !used_up) else { return near };
    let object = action.object().map(|object| format!(" {object}")).unwrap_or_default();
    vec![format!("a grant `{} {}{object}` for {whose}", action.name(), action.resource)]
}

/// What policies would have to say, or what they read to be. Those in audit say nothing.
fn policies(explained: &Explained<'_>) -> Vec<String> {
    let policies: Vec<&Opined<'_>> = explained.policies.iter().filter(|policy| policy.mode == Mode::Enforce).collect();
    let mut changes = Vec::new();
    for policy in &policies {
        match &policy.answer {
            Answer::Fails(failure) => changes.push(format!("policy `{}` can be evaluated: {failure}", policy.id)),
            Answer::Applies if !policy.permits && !policy.lifted => {
                let why = policy.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                changes.push(format!("policy `{}` does not forbid it{why}", policy.id));
            }
            Answer::Applies if !policy.permits => {
                let who = policy.step_up.unwrap_or_default();
                changes.push(format!("{who} approves it, which lifts policy `{}`", policy.id));
            }
            Answer::Applies | Answer::DoesNotApply => {}
        }
    }
    let permits: Vec<&&Opined<'_>> = policies.iter().filter(|policy| policy.permits).collect();
    if explained.action.is_some() && !permits.iter().any(|policy| policy.answer == Answer::Applies) {
        changes.push(match permits.as_slice() {
            [] => "a policy permits it: none that does is about this".to_owned(),
            several => {
                let names: Vec<String> = several.iter().map(|policy| format!("`{}`", policy.id)).collect();
                format!("one of these policies permits it, whose conditions do not hold: {}", names.join(", "))
            }
        });
    }
    changes
}
