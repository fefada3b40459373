//! One recorded decision, judged again: what came of it then, and what the checks, the catalogue and policies would make of it now.

use std::collections::BTreeSet;

use countersign_engine::config::Config;
use countersign_facts::check::Check;
use countersign_facts::reason::{LineKind, Reason};
use countersign_facts::rollout::Effect;
use countersign_policy::{self as policy, CedarPolicy, Facts, Judgement, Missing};
use countersign_protocols::catalogue::{Demand, Resource};

use super::Switch;
use super::ahead::{self, Ahead};
use super::facts::Known;
use super::record::Record;

/// What came of it.
pub(super) enum Outcome {
    Same,
    Flips(Switch),
    /// These are not recorded.
    Undetermined(BTreeSet<Missing>),
    /// Nothing was decided, or it ends as it did where policy has no part in it.
    NotJudged,
}

/// What records are judged by.
pub(super) struct Judge<'c> {
    config: &'c Config,
    policy: Option<&'c CedarPolicy>,
    /// Names its policies and catalogue, as records do.
    revision: String,
}

impl<'c> Judge<'c> {
    pub(super) fn new(config: &'c Config, policy: Option<&'c CedarPolicy>) -> Self {
        Self { config, policy, revision: policy::revision(&config.parts()) }
    }

    /// What comes of `record`. Decisions count as enforced, whatever mode is configured.
    pub(super) fn judge(&self, record: &Record) -> Outcome {
        let Some(reason) = record.reason() else { return Outcome::NotJudged };
        let Some(from) = done(record, reason) else { return Outcome::NotJudged };
        let (to, again, policies) = match self.again(record, reason) {
            Judgement::Decided { effect, reason, policies } => (effect, reason, policies),
            Judgement::Open(missing) => return Outcome::Undetermined(missing),
        };
        if from == to {
            let apart = again == Some(reason) && !is_policys(reason);
            return if apart { Outcome::NotJudged } else { Outcome::Same };
        }
        Outcome::Flips(Switch {
            from,
            to,
            reason: again.map(|reason| reason.row().code),
            policies,
            was: reason.row().code,
            watched: record.is_watched(),
            before: record.policies.to_vec(),
        })
    }

    fn again(&self, record: &Record, reason: Reason) -> Judgement {
        let (resource, target) = match ahead::of(record, reason, self.config) {
            // The same catalogue knew the route.
            Ahead::Ends(Judgement::Open(_)) if self.says_the_same(record, reason) => {
                return self.as_then(record, reason);
            }
            Ahead::Ends(judgement) => return judgement,
            Ahead::Reaches(resource, target) => (resource, target),
        };
        if self.says_the_same(record, reason) {
            return self.as_then(record, reason);
        }
        if self.is_still_unanswered(reason) {
            return deny(reason);
        }
        let Some(known) = Known::of(record, resource, &target, self.config) else {
            return open("what was done, by whom and for which task");
        };
        if resource.interface.closed && known.action.entry(resource).is_none() {
            return deny(Reason::Undeclared);
        }
        let demand = resource.demand(known.action.entry(resource));
        if reason == Reason::AuthenticationInsufficient && demand.is_some() {
            return deny(reason);
        }
        let unfit = reason == Reason::ArgumentsUnfit && !known.has_all_arguments();
        let judgement = self.beside(self.ask(record, resource, &known), demand, unfit);
        self.with_what_followed(record, reason, judgement)
    }

    /// What policies say about what is `known` of `record`.
    fn ask(&self, record: &Record, resource: &Resource, known: &Known) -> Judgement {
        let Some(policy) = self.policy else { return Judgement::Open(self.others()) };
        let facts = Facts {
            now: record.now(),
            workload: &known.workload,
            token: &known.token,
            findings: &known.findings,
            task: &known.task,
            action: &known.action,
            risk: known.risk,
            labels: known.action.labels(resource),
            source: record.source.as_deref(),
            approval: None,
        };
        policy.judge(&facts, known.action.parts().iter().map(AsRef::as_ref), known)
    }

    /// What else has to hold besides policy: who authenticated, that arguments fit, that somebody can be asked.
    fn beside(&self, judgement: Judgement, demand: Option<&Demand>, unfit: bool) -> Judgement {
        let (effect, reason, policies) = match judgement {
            Judgement::Decided { effect, reason, policies } => (effect, reason, policies),
            open @ Judgement::Open(_) => return open,
        };
        if effect == Effect::Deny {
            return Judgement::Decided { effect, reason, policies };
        }
        let mut names = BTreeSet::new();
        if let Some(Demand { classes, max_age }) = demand {
            names.extend((!classes.is_empty()).then(|| Missing::read(&["context", "token", "acr"])));
            names.extend(max_age.map(|_| Missing::read(&["context", "token", "auth_time"])));
        }
        // They did not fit then; whether they do now only all of them say.
        names.extend(unfit.then(|| Missing::read(&["context", "args"])));
        names.extend(self.others());
        if !names.is_empty() {
            return Judgement::Open(names);
        }
        if effect == Effect::StepUp { self.asked_about(policies) } else { decided(effect, reason, policies) }
    }

    /// What came after policy then, and does again: what the server had shown, and what the task itself asks for.
    fn with_what_followed(&self, record: &Record, reason: Reason, judgement: Judgement) -> Judgement {
        let lets_through = matches!(judgement, Judgement::Decided { effect: Effect::Allow | Effect::StepUp, .. });
        if reason.row().check == Some(Check::Seen) && reason != Reason::Allowed && lets_through {
            return deny(reason);
        }
        match judgement {
            // The task had asked for the approval, of something that the same policies permit.
            Judgement::Decided { effect: Effect::Allow, reason: _, policies }
                if reason.row().check == Some(Check::Approval)
                    && record.policies.iter().any(|id| policies.contains(id)) =>
            {
                self.asked_about(policies)
            }
            judgement @ (Judgement::Decided { .. } | Judgement::Open(_)) => judgement,
        }
    }

    /// Whether `record` was decided by these policies and this catalogue, and nobody elsewhere can have changed their mind.
    fn says_the_same(&self, record: &Record, reason: Reason) -> bool {
        reason.row().check >= Some(Check::Catalogue)
            && reason != Reason::PolicyStale
            && self.config.policy.pdp.is_none()
            && record.policy_revision.as_deref() == Some(&self.revision)
    }

    /// What was decided, of which only whether somebody can be asked may have changed.
    fn as_then(&self, record: &Record, reason: Reason) -> Judgement {
        let policies = record.policies.to_vec();
        match decided_then(reason) {
            Effect::StepUp => self.asked_about(policies),
            Effect::Deny if reason == Reason::ApprovalUnavailable => self.asked_about(policies),
            Effect::Deny | Effect::Error => decided(Effect::Deny, Some(reason), policies),
            effect @ (Effect::Allow | Effect::Served) => decided(effect, None, policies),
        }
    }

    fn asked_about(&self, policies: Vec<String>) -> Judgement {
        match self.config.step_up {
            Some(_) => decided(Effect::StepUp, None, policies),
            None => decided(Effect::Deny, Some(Reason::ApprovalUnavailable), policies),
        }
    }

    /// Whether nothing could be said for want of others, who may be as silent again.
    fn is_still_unanswered(&self, reason: Reason) -> bool {
        let grows_old = || self.config.bundle.as_ref().is_some_and(|bundle| bundle.max_stale.is_some());
        (reason == Reason::PdpUnavailable && self.config.policy.pdp.is_some())
            || (reason == Reason::PolicyStale && grows_old())
    }

    /// Those that decide besides Cedar: what they read nobody here knows, so nobody can say that it is recorded.
    fn others(&self) -> BTreeSet<Missing> {
        let rego = self.config.policy.rego.as_ref().map(|_| "what Rego reads");
        let elsewhere = self.config.policy.pdp.as_ref().map(|_| "what the decision point elsewhere says");
        rego.into_iter().chain(elsewhere).map(|words| Missing::Other(words.to_owned())).collect()
    }
}

/// What was done; none where the client had left, or the filter answered and refused nothing.
fn done(record: &Record, reason: Reason) -> Option<Effect> {
    if reason == Reason::ClientGone {
        return None;
    }
    match reason.row().kind {
        LineKind::Served | LineKind::Ended => None,
        LineKind::Allow | LineKind::Deny | LineKind::StepUp if record.is_watched() => Some(Effect::Allow),
        LineKind::Allow | LineKind::Deny | LineKind::StepUp => Some(decided_then(reason)),
    }
}

/// What was decided before anybody had answered.
fn decided_then(reason: Reason) -> Effect {
    if reason.row().check == Some(Check::Approval) && reason != Reason::ApprovalUnavailable {
        return Effect::StepUp;
    }
    match reason.row().kind {
        LineKind::Deny => Effect::Deny,
        LineKind::StepUp => Effect::StepUp,
        LineKind::Allow | LineKind::Served | LineKind::Ended => Effect::Allow,
    }
}

/// Whether catalogue or policies ended it.
fn is_policys(reason: Reason) -> bool {
    matches!(reason.row().check, Some(Check::Catalogue | Check::Policy | Check::Approval))
}

pub(super) const fn decided(effect: Effect, reason: Option<Reason>, policies: Vec<String>) -> Judgement {
    Judgement::Decided { effect, reason, policies }
}

pub(super) const fn deny(reason: Reason) -> Judgement {
    decided(Effect::Deny, Some(reason), Vec::new())
}

/// Undecided for want of what these `words` say.
pub(super) fn open(words: &str) -> Judgement {
    Judgement::Open(BTreeSet::from([Missing::Other(words.to_owned())]))
}
