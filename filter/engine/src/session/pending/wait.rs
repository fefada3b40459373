//! What a held request waits for besides its own body: its own call, or what somebody else does.
//!
//! A further question to somebody outside is one [`Asked`] in a file of its own, and a [`Halt`](crate::session::decide::Halt) that asks for it.

use std::time::Duration;

use countersign_facts::calls::{Call, CallId, CallOutcome};
use countersign_facts::reason::Reason;
use countersign_tokens::UnixTime;

use super::Pending;
use crate::session::{Next, Turn};

/// How much longer than its call an answer is waited for: the gateway ends the call by itself, this is for one that does not.
const CALL_GRACE: Duration = Duration::from_secs(1);

/// One wait.
pub(super) struct Wait {
    /// When it has lasted for too long, and what the request is denied with then; none where what is waited for always ends.
    deadline: Option<(UnixTime, Reason)>,
    awaited: Awaited,
}

/// What ends it.
enum Awaited {
    Answer(CallId, Box<dyn Asked>),
    Others(Box<dyn Ending>),
}

/// A call of its own is waited for. The request goes on as if nothing were waited for.
pub(super) trait Asked {
    /// The outcome of the call.
    fn answered(self: Box<Self>, pending: Box<Pending>, turn: &mut Turn<'_>, outcome: &CallOutcome) -> Next;

    /// Bytes of memory that it takes.
    fn weight(&self) -> usize {
        0
    }
}

/// What somebody else does is waited for. The request goes on as if nothing were waited for.
pub(super) trait Ending {
    /// Whether it is over. Asked at every tick.
    fn is_over(&self, turn: &mut Turn<'_>) -> bool;

    /// It is: decides with what is known now.
    fn over(self: Box<Self>, pending: Box<Pending>, turn: &mut Turn<'_>) -> Next;
}

/// What the time that passed means for a wait.
pub(super) enum Passed {
    /// It goes on.
    On,
    /// What was waited for is there.
    Over,
    /// It has lasted for too long.
    Late(Reason),
}

impl Wait {
    /// For the answer to `call`, which begins `now`; the request is denied with `late` if it does not come.
    pub(super) fn for_call(call: &Call, now: UnixTime, late: Reason, asked: impl Asked + 'static) -> Self {
        Self::until(patience(call, now), call.id, late, asked)
    }

    /// For the answer to `call`, for which there is time until the `deadline`.
    pub(super) fn until(deadline: UnixTime, call: CallId, late: Reason, asked: impl Asked + 'static) -> Self {
        Self { deadline: Some((deadline, late)), awaited: Awaited::Answer(call, Box::new(asked)) }
    }

    /// For what somebody else does, which may take until the `deadline` if there is one.
    pub(super) fn for_others(deadline: Option<(UnixTime, Reason)>, ending: impl Ending + 'static) -> Self {
        Self { deadline, awaited: Awaited::Others(Box::new(ending)) }
    }

    /// The call that is in flight for it.
    pub(super) fn call(&self) -> Option<CallId> {
        match &self.awaited {
            Awaited::Answer(call, _) => Some(*call),
            Awaited::Others(_) => None,
        }
    }

    pub(super) fn passed(&self, turn: &mut Turn<'_>) -> Passed {
        match (self.deadline, &self.awaited) {
            (Some((deadline, late)), _) if deadline <= turn.now => Passed::Late(late),
            (_, Awaited::Others(ending)) if ending.is_over(turn) => Passed::Over,
            (_, Awaited::Answer(..) | Awaited::Others(_)) => Passed::On,
        }
    }

    /// Its call came to `outcome`.
    pub(super) fn answered(self, pending: Box<Pending>, turn: &mut Turn<'_>, outcome: &CallOutcome) -> Next {
        match self.awaited {
            Awaited::Answer(_, asked) => asked.answered(pending, turn, outcome),
            Awaited::Others(_) => pending.again(self),
        }
    }

    /// What somebody else did is over.
    pub(super) fn over(self, pending: Box<Pending>, turn: &mut Turn<'_>) -> Next {
        match self.awaited {
            Awaited::Answer(..) => pending.again(self),
            Awaited::Others(ending) => ending.over(pending, turn),
        }
    }

    /// Bytes of memory that it takes.
    pub(super) fn weight(&self) -> usize {
        match &self.awaited {
            Awaited::Answer(_, asked) => asked.weight(),
            Awaited::Others(_) => 0,
        }
    }
}

/// Until when `call`, which begins `now`, is waited for.
pub(super) fn patience(call: &Call, now: UnixTime) -> UnixTime {
    now.plus(call.timeout).plus(CALL_GRACE)
}
