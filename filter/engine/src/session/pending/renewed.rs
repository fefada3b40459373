//! A held request under a newer configuration: read again from its head, and decided as if it had just arrived.
//!
//! Keeps its body and the question that was put to people, if the same approver is still to be asked just that; what an
//! issuer or a decision point was asked is asked again. Never lets anything go on that the newest configuration does not
//! allow.

use countersign_rights::workload::Owner;

use super::step_up::StepUpState;
use super::{Pending, State};
use crate::engine::Engine;
use crate::io::Input;
use crate::session::request::Arrival;
use crate::session::{Next, Turn};
use crate::shares::Held;

impl Pending {
    /// Decides again by the turn's engine, which is newer than `older`, and then takes `input`.
    pub(in crate::session) fn renewed(self: Box<Self>, turn: &mut Turn<'_>, older: &Engine, input: Input<'_>) -> Next {
        let (pending, call) = match self.read_again(turn, older) {
            Next::Wait(State::Pending(pending)) => (pending, None),
            Next::Call(pending, call) => (pending, Some(call)),
            decided @ (Next::Wait(_) | Next::Done(_) | Next::Run(..)) => return decided,
        };
        match (pending.handle(turn, input), call) {
            (Next::Wait(State::Pending(pending)), Some(call)) => Next::Call(pending, call),
            (next, _) => next,
        }
    }

    fn read_again(self: Box<Self>, turn: &mut Turn<'_>, older: &Engine) -> Next {
        let Self { request, account, held, step_up, .. } = *self;
        let request = match request.read_again(turn.engine) {
            Arrival::Request(request) => *request,
            Arrival::Metadata(described) => return turn.describe(&described),
            Arrival::Unmatched(outsider) => return turn.unmatched(&outsider),
            Arrival::Refused(refused) => return turn.refuse(&refused),
        };
        let step_up = match step_up {
            StepUpState::Asked(asked, answer) if older.config.step_up == turn.engine.config.step_up => {
                StepUpState::Asked(asked, answer)
            }
            StepUpState::Asked(asked, _) => {
                turn.withdraw(&asked);
                StepUpState::Unasked
            }
            // Given for what an older policy asked, by whom it wanted to ask.
            StepUpState::Unasked | StepUpState::Approved(_) => StepUpState::Unasked,
        };
        let (held, over) = match held.carried_to(&turn.engine.shares) {
            Ok(held) => (held, None),
            Err(over) => (Held::nothing(&turn.engine.shares, Owner::Unknown), Some(over)),
        };
        let mut pending = Box::new(Self { step_up, ..Self::of(request, held) });
        pending.account.rpc_id = account.rpc_id;
        match over {
            Some(over) => pending.over(turn, over),
            None => pending.advance(turn),
        }
    }
}
