//! What could be allowed, before all of a call is known: the arguments of a tool, the URI that a template becomes.
//!
//! Policies that read what is unknown could say anything, so only the others are asked. Where they deny for certain the
//! answer is no; where one of the policies left out could turn it, the answer is yes. So nothing is hidden that could be
//! called, and nothing is shown that none of the policies asked could ever allow.

use super::cedar::CedarPolicy;
use super::certain::Unknown;
use super::decide::{Outcome, hypothetical};
use super::index::{Candidates, Panel, Slot};
use super::{Deny, Facts};

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
