//! What a held request waits for besides its own body: its own call, or what somebody else does.
//!
//! A further question to somebody outside is one [`Awaited`] in a file of its own, and a [`Halt`](crate::session::decide::Halt) that asks for it.

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
    /// Whose outcome ends it, if it is for a call of its own.
    call: Option<CallId>,
    /// When it has lasted for too long, and what the request is denied with then; none where what is waited for ends by itself.
    deadline: Option<(UnixTime, Reason)>,
    /// What it is for.
    awaited: Box<dyn Awaited>,
}

/// What is waited for, and what happens then. The request goes on as if nothing were waited for.
pub(super) trait Awaited {
    /// The outcome of its call.
    fn answered(self: Box<Self>, pending: Box<Pending>, turn: &mut Turn<'_>, _outcome: &CallOutcome) -> Next {
        self.over(pending, turn)
    }

    /// Whether it is over without a call of its own. Asked at every tick.
    fn is_over(&self, _turn: &mut Turn<'_>) -> bool {
        false
    }

    /// It is over without a call of its own: decides with what is known now.
    fn over(self: Box<Self>, pending: Box<Pending>, turn: &mut Turn<'_>) -> Next {
        pending.advance(turn)
    }

    /// Bytes of memory that it takes.
    fn weight(&self) -> usize {
        0
    }
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
    pub(super) fn for_call(call: &Call, now: UnixTime, late: Reason, awaited: impl Awaited + 'static) -> Self {
        Self::until(now.plus(call.timeout).plus(CALL_GRACE), call.id, late, awaited)
    }

    /// For the answer to `call`, for which there is time until the `deadline`.
    pub(super) fn until(deadline: UnixTime, call: CallId, late: Reason, awaited: impl Awaited + 'static) -> Self {
        Self { call: Some(call), deadline: Some((deadline, late)), awaited: Box::new(awaited) }
    }

    /// The same where somebody else made that call: it ends, or lasts for too long, like one of its own.
    pub(super) fn of_another(self) -> Self {
        Self { call: None, ..self }
    }

    /// For what somebody else does and always ends.
    pub(super) fn for_others(awaited: impl Awaited + 'static) -> Self {
        Self { call: None, deadline: None, awaited: Box::new(awaited) }
    }

    /// The call that is in flight for it.
    pub(super) fn call(&self) -> Option<CallId> {
        self.call
    }

    pub(super) fn passed(&self, turn: &mut Turn<'_>) -> Passed {
        match self.deadline {
            Some((deadline, late)) if deadline <= turn.now => Passed::Late(late),
            Some(_) | None if self.awaited.is_over(turn) => Passed::Over,
            Some(_) | None => Passed::On,
        }
    }

    /// What was waited for.
    pub(super) fn done(self) -> Box<dyn Awaited> {
        self.awaited
    }

    /// Bytes of memory that it takes.
    pub(super) fn weight(&self) -> usize {
        self.awaited.weight()
    }
}
