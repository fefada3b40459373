//! The step-up of a held request: asked once, answered at any time, and worth something only while policy asks just that.

use countersign_facts::calls::{CallId, CallOutcome};
use countersign_facts::reason::Reason;
use countersign_policy::StepUp;

use super::wait::{self, Wait};
use super::{NeededFor, Pending, Waiting};
use crate::session::approval::{Approved, Asked};
use crate::session::{Next, Turn};

/// How far it is.
#[derive(Default)]
pub(super) enum StepUpState {
    /// Nobody is asked.
    #[default]
    Unasked,
    /// The approver is asked, and may have answered while something else was waited for.
    Asked(Box<Asked>, Option<CallOutcome>),
    Approved(Box<Approved>),
}

impl StepUpState {
    pub(super) fn approved(&self) -> Option<&Approved> {
        match self {
            Self::Approved(approved) => Some(approved),
            Self::Unasked | Self::Asked(..) => None,
        }
    }

    /// The question that is under way.
    pub(super) fn call(&self) -> Option<CallId> {
        match self {
            Self::Asked(asked, None) => Some(asked.call),
            Self::Unasked | Self::Asked(_, Some(_)) | Self::Approved(_) => None,
        }
    }

    /// Bytes of memory that it takes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Asked(_, Some(CallOutcome::Response { body, .. })) => body.len(),
            Self::Unasked | Self::Asked(..) | Self::Approved(_) => 0,
        }
    }
}

impl Pending {
    /// Policy wants `step_up`: goes on with the question that was put already if that is the same, or puts it.
    pub(super) fn step_up(mut self: Box<Self>, turn: &mut Turn<'_>, step_up: StepUp) -> Next {
        match std::mem::take(&mut self.step_up) {
            StepUpState::Asked(asked, answer) if asked.is_about(&self.account, &step_up) => {
                self.account.challenge = Some(asked.challenge().to_owned());
                if let Some(outcome) = answer {
                    return self.take_answer(turn, *asked, &outcome);
                }
                let wait = asked.wait();
                self.step_up = StepUpState::Asked(asked, None);
                self.wait_for(turn, wait)
            }
            StepUpState::Asked(asked, _) => {
                turn.withdraw(&asked);
                self.ask(turn, step_up)
            }
            StepUpState::Unasked | StepUpState::Approved(_) => self.ask(turn, step_up),
        }
    }

    fn ask(mut self: Box<Self>, turn: &mut Turn<'_>, step_up: StepUp) -> Next {
        let (asked, call) = match turn.ask(&self.request, &self.account, step_up) {
            Ok(asked) => asked,
            Err(reason) => return self.deny(turn, reason),
        };
        // It could be asked; about what is only watched nobody is.
        if let Some(observed) = turn.observe_held(&self.request, &self.account, Reason::ApprovalNeeded) {
            return observed;
        }
        let (challenge, subject, lapses) = (asked.challenge().to_owned(), asked.subject(), asked.lapses());
        self.waiting = Waiting::Outside(asked.wait());
        self.step_up = StepUpState::Asked(Box::new(asked), None);
        self.held(turn, |mut held, turn| {
            if let Err(reason) = turn.open(&mut held.account, subject, lapses) {
                return held.deny(turn, reason);
            }
            held.account.challenge = Some(challenge);
            Next::Call(held, call)
        })
    }

    /// The approver answered while something else is waited for. That has to come first: who asks may no longer be known.
    pub(super) fn approver_was_early(mut self: Box<Self>, turn: &mut Turn<'_>, outcome: &CallOutcome) -> Next {
        if let StepUpState::Asked(_, answer) = &mut self.step_up {
            *answer = Some(outcome.clone());
        }
        self.wait(turn)
    }

    fn take_answer(mut self: Box<Self>, turn: &mut Turn<'_>, asked: Asked, outcome: &CallOutcome) -> Next {
        let subject = asked.subject();
        let answer = turn.approved(&mut self.account, asked, outcome);
        turn.settle(subject, answer.as_ref().map_err(|reason| *reason));
        match answer {
            Ok(approved) => {
                self.waiting = Waiting::Body(NeededFor::Decision);
                self.step_up = StepUpState::Approved(Box::new(approved));
                self.advance(turn)
            }
            Err(reason) => self.deny(turn, reason),
        }
    }
}

/// The approver's answer is waited for, and nothing else.
struct Answering;

impl Asked {
    fn wait(&self) -> Wait {
        Wait::until(self.deadline, self.call, Reason::ApprovalTimeout, Answering)
    }
}

impl wait::Asked for Answering {
    fn answered(self: Box<Self>, mut pending: Box<Pending>, turn: &mut Turn<'_>, outcome: &CallOutcome) -> Next {
        match std::mem::take(&mut pending.step_up) {
            StepUpState::Asked(asked, _) => pending.take_answer(turn, *asked, outcome),
            StepUpState::Unasked | StepUpState::Approved(_) => pending.deny(turn, Reason::Internal),
        }
    }
}
