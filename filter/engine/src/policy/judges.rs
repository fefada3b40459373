//! Who decides: Cedar in here, a decision point elsewhere, or both, and then both must allow.
//!
//! Cedar is asked first: what it denies nobody else is asked about.

use std::borrow::Cow;

use countersign_tokens::UnixTime;

use super::pdp::{Given, MOST_QUESTIONS, Pdp, PdpConfig, Question};
use super::{CedarPolicy, Deny, Facts, LoadError, Unknown, Verdict, basis, several};
use crate::action::Action;
use crate::catalogue::Resource;
use crate::io::{Call, CallId, CallOutcome};
use crate::reason::Reason;

/// What decides about every action; at least one of the two.
#[derive(Debug)]
pub(crate) struct Judges {
    cedar: Option<CedarPolicy>,
    pdp: Option<Pdp>,
    /// Whether somebody can be asked for an approval at all.
    approvals: bool,
    revision: String,
}

/// What they say.
pub(crate) enum Opinion {
    Verdict(Verdict),
    /// The decision point is yet to be asked this.
    Ask(Question),
}

impl Judges {
    /// Compiles `cedar` for `resources`, or says everything that is wrong with either.
    pub(crate) fn new(
        cedar: Option<&str>,
        pdp: Option<&PdpConfig>,
        approvals: bool,
        resources: &[Resource],
    ) -> Result<Self, Vec<LoadError>> {
        let policy = cedar.map(|text| CedarPolicy::compile(text, resources)).transpose()?;
        let elsewhere =
            pdp.map(|pdp| format!("{} {}{}", pdp.dialect.name(), pdp.endpoint.authority, pdp.endpoint.path));
        let revision = match (&policy, &elsewhere) {
            (Some(policy), None) => policy.revision().to_owned(),
            _ => basis::revision(&[cedar, elsewhere.as_deref()].map(Option::unwrap_or_default).join("\n"), resources),
        };
        Ok(Self { cedar: policy, pdp: pdp.cloned().map(Pdp::new), approvals, revision })
    }

    /// What they say about all of `parts` of an action, each with the other `facts`.
    pub(crate) fn decide(
        &self,
        resource: &Resource,
        facts: &Facts<'_>,
        parts: &[Cow<'_, Action>],
        given: &[Given],
    ) -> Opinion {
        let mut verdicts = Vec::new();
        if let Some(cedar) = &self.cedar {
            let verdict = cedar.decide_all(facts, parts.iter().map(AsRef::as_ref));
            if matches!(verdict, Verdict::Deny(_)) {
                return Opinion::Verdict(verdict);
            }
            verdicts.push(verdict);
        }
        if let Some(pdp) = &self.pdp {
            if parts.len() > MOST_QUESTIONS {
                let detail =
                    Some(format!("it names more than {MOST_QUESTIONS} things, which are asked about one by one"));
                return Opinion::Verdict(Verdict::Deny(Deny {
                    reason: Reason::PolicyError,
                    determining: Vec::new(),
                    detail,
                }));
            }
            for action in parts {
                match pdp.decide(resource, &Facts { action, ..*facts }, given) {
                    Ok(verdict) => verdicts.push(verdict),
                    Err(question) => return Opinion::Ask(question),
                }
            }
        }
        Opinion::Verdict(several::all(verdicts))
    }

    /// The call that asks `question`.
    pub(crate) fn call(&self, id: CallId, question: &Question, decision: &str) -> Option<Call> {
        self.pdp.as_ref().map(|pdp| pdp.call(id, question, decision))
    }

    /// Takes the answer to `question`.
    pub(crate) fn answered(&self, question: &Question, outcome: &CallOutcome, now: UnixTime) -> Result<Given, Reason> {
        self.pdp.as_ref().ok_or(Reason::Internal)?.answered(question, outcome, now)
    }

    /// Whether a step-up could be asked for `action`: its whole body must be held.
    pub(crate) fn may_step_up(&self, action: &Action) -> bool {
        (self.pdp.is_some() && self.approvals) || self.cedar.as_ref().is_some_and(|cedar| cedar.may_step_up(action))
    }

    /// Whether the arguments of `action` can matter.
    pub(crate) fn reads_arguments(&self, action: &Action) -> bool {
        self.pdp.is_some() || self.cedar.as_ref().is_some_and(|cedar| cedar.reads_arguments(action))
    }

    /// Whether what `facts` describe could be allowed, whatever `unknown` turns out to be. A decision point is not asked about
    /// what is only shown: it decides when it is called.
    pub(crate) fn could_allow(&self, facts: &Facts<'_>, unknown: Unknown) -> bool {
        self.cedar.as_ref().is_none_or(|cedar| cedar.could_allow(facts, unknown))
    }

    /// Names texts and catalogue: 16 hexadecimal digits of a SHA-256.
    pub(crate) fn revision(&self) -> &str {
        &self.revision
    }
}
