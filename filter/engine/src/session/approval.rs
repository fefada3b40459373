//! The step-up of a held request: the question put to the approver, and what its answer is worth.

use countersign_facts::calls::{Call, CallId, CallOutcome};
use countersign_facts::reason::Reason;
use countersign_policy::{Approval, StepUp};
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Template;
use countersign_rights::workload::Owner;
use countersign_tokens::UnixTime;
use countersign_trust::credential::Verified;

use super::Turn;
use super::account::Account;
use super::decide::entry;
use super::request::Request;
use crate::engine::Engine;
use crate::step_up::open::{self, Subject};
use crate::step_up::{ApprovalRequest, ApproverSays, Binding, BindingFacts, Challenge, read_answer, webhook_call};

/// A question under way.
pub(super) struct Asked {
    pub(super) call: CallId,
    pub(super) deadline: UnixTime,
    challenge: Challenge,
    step_up: StepUp,
    /// What it counts as while it is open.
    subject: Subject,
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

    pub(super) fn subject(&self) -> Subject {
        self.subject
    }

    pub(super) fn lapses(&self) -> UnixTime {
        self.challenge.expires
    }

    /// Whether `step_up` asks the same about the call described by `account`.
    pub(super) fn is_about(&self, account: &Account, step_up: &StepUp) -> bool {
        binding_facts(account, step_up).is_some_and(|facts| facts.binding() == Ok(self.challenge.binding))
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
            path: path(self.engine, request, facts.action),
        };
        let (call, challenge) = webhook_call(id, config, &question, self.now)?;
        let deadline = self.now.plus(config.hold);
        let owner = account.verified.as_deref().map(Verified::owner);
        let workload = owner.as_ref().and_then(Owner::workload);
        let subject = Subject::new(workload.ok_or(Reason::Internal)?, &question.task.id, &challenge.binding.call);
        Ok((Asked { call: id, deadline, challenge, step_up, subject }, call))
    }

    /// Counts a question that is about to be asked, unless there are too many.
    pub(super) fn open(&mut self, account: &mut Account, subject: Subject, lapses: UnixTime) -> Result<(), Reason> {
        let bounds = &self.engine.config.limits.open_approvals;
        match open::open(self.ledger, self.now, subject, lapses, bounds) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(full)) => {
                account.detail = Some(full.to_string());
                Err(full.reason())
            }
            Err(_) => Err(Reason::LedgerUnavailable),
        }
    }

    /// Takes note that a question was answered. Where that cannot be noted, it counts until it lapses.
    pub(super) fn settle(&mut self, subject: Subject, answer: Result<&Approved, Reason>) {
        let outcome = match answer {
            Err(Reason::ApprovalPending) => open::Outcome::Pending,
            // Nobody answered: who was asked may still be thinking.
            Err(Reason::ApprovalTimeout) => return,
            Ok(_) | Err(_) => open::Outcome::Closed,
        };
        let _ = open::settle(self.ledger, self.now, subject, outcome);
    }

    /// Takes note that nobody waits for the answer to `asked` any more: it was about another configuration.
    pub(super) fn withdraw(&mut self, asked: &Asked) {
        self.settle(asked.subject(), Err(Reason::ApprovalForOtherCall));
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
            ApproverSays::Approved(approval) => approval,
            ApproverSays::Denied { approver: _, comment } => {
                account.detail = comment;
                return Err(Reason::ApprovalDenied);
            }
            ApproverSays::Pending => return Err(Reason::ApprovalPending),
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

/// Of an endpoint, its path with parameters.
fn path<'a>(engine: &'a Engine, request: &Request, action: &Action) -> Option<&'a Template> {
    action.endpoint(engine.resource(request.resource)?).map(|endpoint| &endpoint.path)
}

fn redactions<'a>(engine: &'a Engine, request: &Request, account: &Account) -> &'a [String] {
    engine
        .resource(request.resource)
        .zip(account.action.as_ref())
        .and_then(|(resource, action)| action.entry(resource))
        .map_or(&[], |tool| &tool.redact)
}
