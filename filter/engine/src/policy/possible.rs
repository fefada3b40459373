//! What could be allowed, before all of a call is known: the arguments of a tool, the URI that a template becomes.
//!
//! Policies that read what is unknown could say anything, so only the others are asked. Where they deny for certain the
//! answer is no; where one of the policies left out could turn it, the answer is yes. So nothing is hidden that could be
//! called, and nothing is shown that none of the policies asked could ever allow.

use cedar_policy::{Effect, PolicySet, PolicySetError};

use super::attributes;
use super::cedar::CedarPolicy;
use super::decide::{Outcome, hypothetical};
use super::index::{Candidates, Panel, Slot};
use super::load::Rule;
use super::{Deny, Facts};

/// What of a call is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The arguments of a tool or an event, and where that is delivered.
    Arguments,
    /// What an MCP method names.
    Target,
}

impl Unknown {
    /// The attributes of the context that are not known.
    const fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Arguments => &["args", attributes::DELIVERY],
            Self::Target => &["request"],
        }
    }
}

/// The candidates that do not read what is unknown, and what was left out.
#[derive(Clone, Debug)]
pub(super) struct Certain {
    policies: PolicySet,
    /// Whether a permit was left out, and whether a step-up was.
    permit: bool,
    step_up: bool,
}

impl Certain {
    /// Those of `rules` that can be asked while `unknown` is not known; none where that is all of them.
    pub(super) fn of(rules: &[&Rule], unknown: Unknown) -> Result<Option<Self>, Box<PolicySetError>> {
        let reads = |rule: &&Rule| unknown.attributes().iter().any(|name| rule.reads.context.contains(name));
        let (left_out, certain): (Vec<&Rule>, Vec<&Rule>) = rules.iter().copied().partition(reads);
        if left_out.is_empty() {
            return Ok(None);
        }
        let policies = PolicySet::from_policies(certain.iter().map(|rule| rule.policy.clone())).map_err(Box::new)?;
        Ok(Some(Self {
            policies,
            permit: left_out.iter().any(|rule| rule.policy.effect() == Effect::Permit),
            step_up: left_out.iter().any(|rule| rule.step_up.is_some()),
        }))
    }
}

impl CedarPolicy {
    /// Whether what `facts` describe could be allowed, at once or after an approval, whatever `unknown` turns out to be.
    pub fn could_allow(&self, facts: &Facts<'_>, unknown: Unknown) -> bool {
        let slot = self.index.slot(facts.action).filter(|slot| !slot.candidates.policies.is_empty());
        // An error in a policy that is asked denies every call.
        slot.is_some_and(|slot| self.possible(slot, facts, unknown).unwrap_or(false))
    }

    fn possible(&self, slot: &Slot, facts: &Facts<'_>, unknown: Unknown) -> Result<bool, Deny> {
        let Candidates { policies, reads, certain_without_arguments, certain_without_target, .. } =
            slot.candidates.as_ref();
        let certain = match unknown {
            Unknown::Arguments => certain_without_arguments.as_ref(),
            Unknown::Target => certain_without_target.as_ref(),
        };
        let panel = Panel { policies: certain.map_or(policies, |certain| &certain.policies), reads };
        let permit = certain.is_some_and(|certain| certain.permit);
        let step_up = certain.is_some_and(|certain| certain.step_up);
        let open = |outcome: &Outcome| outcome.allow || (outcome.determining.is_empty() && permit);

        let first = self.evaluate(slot, panel, facts, None, None)?;
        if open(&first) {
            return Ok(true);
        }
        let asks = if first.determining.is_empty() { step_up } else { self.only_step_ups(&first.determining) };
        Ok(asks && open(&self.evaluate(slot, panel, facts, Some(&hypothetical(facts)), None)?))
    }
}
