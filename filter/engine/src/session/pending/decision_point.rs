//! A held request about which a decision point elsewhere is asked.

use countersign_facts::calls::CallOutcome;
use countersign_facts::reason::Reason;
use countersign_policy::{MOST_QUESTIONS, Question};

use super::Pending;
use super::wait::{Asked, Wait};
use crate::session::{Next, Turn};

/// It was asked this.
struct Consulting(Question);

impl Pending {
    pub(super) fn consult(self: Box<Self>, turn: &mut Turn<'_>, question: Question) -> Next {
        // Once before an approval and once after it; what still asks again is not going to end.
        if self.answers.len() >= 2 * MOST_QUESTIONS {
            return self.deny(turn, Reason::PdpUnavailable);
        }
        let id = turn.call_id();
        let Some(call) = turn.engine.policy.call(id, &question, &turn.id.to_string()) else {
            return self.deny(turn, Reason::Internal);
        };
        let wait = Wait::for_call(&call, turn.now, Reason::PdpUnavailable, Consulting(question));
        self.wait_for_call(turn, wait, call)
    }
}

impl Asked for Consulting {
    fn answered(self: Box<Self>, mut pending: Box<Pending>, turn: &mut Turn<'_>, outcome: &CallOutcome) -> Next {
        match turn.engine.policy.answered(&self.0, outcome, turn.now) {
            Ok(given) => {
                pending.answers.push(given);
                pending.advance(turn)
            }
            Err(reason) => pending.deny(turn, reason),
        }
    }

    fn weight(&self) -> usize {
        self.0.weight()
    }
}
