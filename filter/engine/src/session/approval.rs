//! The step-up of a held request: the question put to the approver, and what its answer is worth.

use countersign_tokens::UnixTime;

use super::Turn;
use super::account::Account;
use super::decide::entry;
use super::request::Request;
use crate::engine::Engine;
use crate::io::{Call, CallId, CallOutcome};
use crate::policy::StepUp;
use crate::reason::Reason;
use crate::step_up::{Answer, Approval, ApprovalRequest, Binding, BindingFacts, Challenge, read_answer, webhook_call};

/// A question under way.
pub(super) struct Asked {
    pub(super) call: CallId,
    pub(super) deadline: UnixTime,
    challenge: Challenge,
    step_up: StepUp,
}

/// An approval and what it was given for.
pub(super) struct Approved {
    pub(super) approval: Approval,
    binding: Binding,
    step_up: StepUp,
}

impl Asked {
    /// The question's name.
    pub(super) fn challenge(&self) -> &str {
        &self.challenge.id
    }
}

impl Approved {
    /// Whether the call decided now is still the one that was approved.
    pub(super) fn binds(&self, account: &Account) -> bool {
        binding_facts(account, &self.step_up).is_some_and(|facts| facts.binding() == Ok(self.binding))
    }
}

impl Turn<'_> {
    /// Puts the call described by `account` to the configured approver.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        account: &Account,
        step_up: StepUp,
    ) -> Result<(Asked, Call), Reason> {
        let config = self.engine.config.step_up.as_ref().ok_or(Reason::ApprovalUnavailable)?;
        let id = self.call_id();
        let facts = binding_facts(account, &step_up).ok_or(Reason::Internal)?;
        let question = ApprovalRequest {
            decision: &self.id.to_string(),
            workload: facts.workload,
            task: facts.task,
            action: facts.action,
            risk: account.rating.as_ref().ok_or(Reason::Internal)?.risk,
            demand: &step_up,
            redact: redactions(self.engine, request, account),
        };
        let (call, challenge) = webhook_call(id, config, &question, self.now)?;
        let deadline = self.now.plus(config.hold);
        Ok((Asked { call: id, deadline, challenge, step_up }, call))
    }

    /// What the approver's answer is worth.
    pub(super) fn approved(
        &mut self,
        account: &mut Account,
        asked: Asked,
        outcome: &CallOutcome,
    ) -> Result<Approved, Reason> {
        if asked.deadline <= self.now {
            return Err(Reason::ApprovalTimeout);
        }
        let config = self.engine.config.step_up.as_ref().ok_or(Reason::Internal)?;
        // Whether the credential is still good is decided next, with everything else.
        let verified = account.verified.clone().ok_or(Reason::Internal)?;
        let now = self.now;
        let mut spent = |challenge: &str| self.ledger.is_spent(now, &entry(&verified, &["approval", challenge]));
        let approval = match read_answer(outcome, &asked.challenge, config, &verified.workload, now, &mut spent)? {
            Answer::Approved(approval) => approval,
            Answer::Denied { approver: _, comment } => {
                account.detail = comment;
                return Err(Reason::ApprovalDenied);
            }
            Answer::Pending => return Err(Reason::ApprovalPending),
        };
        Ok(Approved { approval, binding: asked.challenge.binding, step_up: asked.step_up })
    }
}

fn binding_facts<'a>(account: &'a Account, step_up: &'a StepUp) -> Option<BindingFacts<'a>> {
    Some(BindingFacts {
        workload: &account.verified.as_deref()?.workload,
        task: account.task()?,
        action: account.action.as_ref()?,
        risk: account.rating.as_ref()?.risk,
        basis: &step_up.basis,
    })
}

fn redactions<'a>(engine: &'a Engine, request: &Request, account: &Account) -> &'a [String] {
    engine
        .resource(request.resource)
        .zip(account.action.as_ref())
        .and_then(|(resource, action)| resource.declared(action))
        .map_or(&[], |tool| &tool.redact)
}
