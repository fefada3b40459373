//! How long a worker needs to load policies: estimated before it begins, because it takes half of its time meanwhile.
//!
//! Cedar types every policy for every action there is, and reads all of it for those that its scope is about. What is said here
//! was measured in a gateway with one policy to several hundred and tools to two thousand; it is right within a factor of two.
//! What cannot be parsed takes no time: loading it says why.

use std::time::Duration;

use cedar_policy::{ActionConstraint, EntityUid, PolicySet};
use serde_json::Value;

use super::{Parts, dead};

/// Of a tool: its schema, its entity, its place in the index.
const TOOL: Duration = Duration::from_micros(1_500);
/// Of a policy and an action that it may be about.
const PAIR: Duration = Duration::from_micros(8);
/// Of a byte of a policy for each action that its scope is about.
const BYTE: Duration = Duration::from_nanos(100);
/// Actions besides those of tools.
const OTHERS: usize = 100;

/// About how long loading the policies of `parts` takes.
pub fn effort(parts: &Parts<'_>) -> Duration {
    let tools: usize = parts.resources.iter().map(|resource| resource.tools.len()).sum();
    let actions = tools.saturating_add(OTHERS);
    let set: PolicySet = parts.policy.cedar.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default();
    let questions = |json: Option<Value>| json.and_then(|json| Some(dead::questions(json.get("conditions")?)));
    let written = set.policies().map(|policy| {
        (policy.action_constraint(), policy.to_string().len(), questions(policy.to_json().ok()).unwrap_or_default())
    });
    let templates = set.templates().map(|template| {
        (
            template.action_constraint(),
            template.to_string().len(),
            questions(template.to_json().ok()).unwrap_or_default(),
        )
    });
    let links = parts.policy.links.as_ref().map_or(0, Vec::len);
    let (mut pairs, mut bytes) = (actions.saturating_mul(links), 0_usize);
    for (constraint, length, questions) in written.chain(templates) {
        // Each part that could be dead is typed as the policy is.
        pairs = pairs.saturating_add(actions.saturating_mul(questions.saturating_add(1)));
        bytes = bytes.saturating_add(length.saturating_mul(about(&constraint, tools, actions)));
    }
    times(TOOL, tools).saturating_add(times(PAIR, pairs)).saturating_add(times(BYTE, bytes))
}

/// For how many actions there may be something to read.
fn about(constraint: &ActionConstraint, tools: usize, actions: usize) -> usize {
    // What is no tool's own may be a group of them.
    let each = |uid: &EntityUid| if uid.id().unescaped().contains('/') && !is_method(uid) { 1 } else { tools.max(1) };
    match constraint {
        ActionConstraint::Any => actions,
        ActionConstraint::Eq(_) => 1,
        ActionConstraint::In(uids) => uids.iter().map(each).fold(0, usize::saturating_add).min(actions),
    }
}

/// Whether it is named by its protocol: `mcp:tools/call`.
fn is_method(uid: &EntityUid) -> bool {
    uid.id().unescaped().split('/').next().is_some_and(|start| start.contains(':'))
}

fn times(one: Duration, number: usize) -> Duration {
    one.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use countersign_protocols::action::test_support::{resource, tool};
    use countersign_rights::risk::RiskRules;

    use super::*;
    use crate::PolicyConfig;

    fn seconds(tools: usize, policies: usize, scope: &str) -> f64 {
        let mut many = resource();
        many.tools = (0..tools).map(|at| (format!("t{at}"), tool(&format!("t{at}"), None))).collect();
        let policy =
            |at| format!("@id(\"p{at}\") forbid (principal, {scope}, resource) when {{ context.risk == \"high\" }};\n");
        let cedar = Some((0..policies).map(policy).collect());
        let parts = Parts {
            policy: &PolicyConfig { cedar, ..PolicyConfig::default() },
            resources: &[many],
            sandboxes: &[],
            issuers: Vec::new(),
            risk: &RiskRules::default(),
            approvals: false,
        };
        effort(&parts).as_secs_f64()
    }

    #[test]
    fn what_is_for_every_action_takes_longest() {
        for (tools, policies, scope, bounds) in [
            (0, 1, "action", 0.0..0.01),
            (20, 50, "action", 0.0..0.3),
            (1_000, 1, "action", 1.4..2.0),
            (1_000, 1_000, "action == Action::\"payments/t1\"", 8.0..15.0),
            (1_000, 1_000, "action in Action::\"mcp:tools/call\"", 12.0..40.0),
            (1_000, 1_000, "action", 12.0..40.0),
            // A test of a type in what is excepted is asked about once more.
            (
                1_000,
                1_000,
                "action == Action::\"payments/t1\", resource) unless { principal in Kind::\"automation\" }; forbid (principal, action == Action::\"payments/t1\"",
                24.0..45.0,
            ),
        ] {
            let told = seconds(tools, policies, scope);
            assert!(bounds.contains(&told), "{tools} {policies} {scope}: {told}");
        }
    }
}
