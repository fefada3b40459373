//! Policies in audit: what they would have changed, had they been enforced.
//!
//! The decision is made without them. Then everything is decided once more as if they were enforced, where one of them can
//! apply at all, and of that second verdict only the difference leaves this file: its allow permits nothing.

use countersign_facts::reason::Reason;
use countersign_facts::rollout::{Cause, Effect, Flip, Mode};
use countersign_protocols::action::Action;

use super::cedar::CedarPolicy;
use super::index::Trial;
use super::{Deny, Facts, Verdict};

impl CedarPolicy {
    /// Whether any policy is in audit.
    pub fn has_audited(&self) -> bool {
        self.audits
    }

    /// Whether a policy in audit could apply to `action`.
    pub fn tries(&self, action: &Action) -> bool {
        self.trial(action).is_some()
    }

    /// Whether one that could reads its arguments.
    pub fn tries_arguments(&self, action: &Action) -> bool {
        self.trial(action).is_some_and(|trial| trial.reads.context.contains("args"))
    }

    /// How policies in audit would have turned `verdict`, which is about all of `parts`; none where they would not.
    pub fn flip<'a>(
        &self,
        facts: &Facts<'a>,
        parts: impl Iterator<Item = &'a Action>,
        verdict: &Verdict,
    ) -> Option<Flip> {
        let trial = self.trial(facts.action)?;
        let from = done(verdict);
        let (to, determining) = match self.decide_all_in(Mode::Audit, facts, parts) {
            Verdict::Allow(allow) => (Effect::Allow, allow.determining),
            Verdict::StepUp(step_up) => (Effect::StepUp, step_up.determining),
            Verdict::Deny(Deny { reason, determining, detail: _, mend: _ }) => {
                // What others cannot answer is no error of theirs.
                let failed = reason == Reason::PolicyError && (determining.is_empty() || trial.any(&determining));
                (if failed { Effect::Error } else { Effect::Deny }, determining)
            }
        };
        let cause = Cause::Policies(trial.named(determining));
        (to != from).then_some(Flip { cause, from, to, reason: None })
    }

    /// That policies in audit could not be tried, because what they read cannot be had.
    pub fn untried(&self, action: &Action, verdict: &Verdict, reason: Reason) -> Option<Flip> {
        let cause = Cause::Policies(self.trial(action)?.named(Vec::new()));
        Some(Flip { cause, from: done(verdict), to: Effect::Error, reason: Some(reason) })
    }

    fn trial(&self, action: &Action) -> Option<&Trial> {
        self.index.slot(action).filter(|_| self.audits)?.candidates.trial.as_ref()
    }
}

impl Trial {
    fn any(&self, ids: &[String]) -> bool {
        ids.iter().any(|id| self.ids.contains(id))
    }

    /// Those of `determining` that are in audit; where none is, all that were tried: one of them made the difference.
    fn named(&self, mut determining: Vec<String>) -> Vec<String> {
        determining.retain(|id| self.ids.contains(id));
        if determining.is_empty() { self.ids.clone() } else { determining }
    }
}

/// What comes of `verdict`: a policy that cannot be evaluated denies.
fn done(verdict: &Verdict) -> Effect {
    match verdict {
        Verdict::Allow(_) => Effect::Allow,
        Verdict::Deny(_) => Effect::Deny,
        Verdict::StepUp(_) => Effect::StepUp,
    }
}
