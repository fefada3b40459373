//! One decision about several actions, for a request that names more than one thing: all of them, or none.

use std::collections::BTreeSet;

use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_protocols::action::Action;

use super::basis::Fields;
use super::decide::one_sandbox;
use super::{Allow, CedarPolicy, Deny, Facts, StepUp, Verdict};

impl CedarPolicy {
    /// What policy says about all of `parts`, each with the other `facts`: the first deny; else one step-up for every
    /// step-up; an allow only if every part is allowed.
    pub fn decide_all<'a>(&self, facts: &Facts<'a>, parts: impl Iterator<Item = &'a Action>) -> Verdict {
        self.decide_all_in(Mode::Enforce, facts, parts)
    }

    /// As [`CedarPolicy::decide_all`], in this mode, which means what it means to [`CedarPolicy::decide_in`].
    pub(super) fn decide_all_in<'a>(
        &self,
        mode: Mode,
        facts: &Facts<'a>,
        parts: impl Iterator<Item = &'a Action>,
    ) -> Verdict {
        let mut verdicts = Vec::new();
        for action in parts {
            match self.decide_in(mode, &Facts { action, ..*facts }) {
                deny @ Verdict::Deny(_) => return deny,
                verdict @ (Verdict::Allow(_) | Verdict::StepUp(_)) => verdicts.push(verdict),
            }
        }
        all(verdicts)
    }
}

/// One verdict for all of `verdicts`: the first deny; else one step-up for every step-up; an allow only if all are, and of
/// nothing none.
pub(super) fn all(verdicts: Vec<Verdict>) -> Verdict {
    let decided = !verdicts.is_empty();
    let (mut determining, mut sandboxes) = (Vec::new(), BTreeSet::new());
    let mut asked: Vec<StepUp> = Vec::new();
    for verdict in verdicts {
        match verdict {
            Verdict::Allow(allow) => {
                determining.extend(allow.determining);
                sandboxes.extend(allow.sandbox);
            }
            Verdict::StepUp(step_up) => asked.push(step_up),
            deny @ Verdict::Deny(_) => return deny,
        }
    }
    if !decided {
        return internal();
    }
    if asked.len() == 1 {
        // As it is, so that an approval holds for the question as it was asked.
        return asked.pop().map_or_else(internal, Verdict::StepUp);
    }
    if asked.is_empty() {
        let determining = once(determining);
        match one_sandbox(sandboxes.into_iter(), &determining) {
            Ok(sandbox) => Verdict::Allow(Allow { determining, sandbox }),
            Err(deny) => Verdict::Deny(deny),
        }
    } else {
        Verdict::StepUp(one(asked))
    }
}

fn internal() -> Verdict {
    Verdict::Deny(Deny::by(Reason::Internal, Vec::new(), None))
}

/// One question for all of them.
fn one(asked: Vec<StepUp>) -> StepUp {
    let mut basis = Fields::default();
    let (mut determining, mut approvers, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for step_up in asked {
        basis.add(step_up.basis);
        determining.extend(step_up.determining);
        approvers.extend(step_up.approvers);
        reasons.extend(step_up.reasons);
    }
    StepUp { determining: once(determining), approvers: once(approvers), reasons: once(reasons), basis: basis.digest() }
}

fn once(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}
