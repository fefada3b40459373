//! What holding a request takes, asked for before it is taken: in the name of whoever sent it, once that is known.

use countersign_facts::calls::{Call, CallId};
use countersign_facts::reason::Reason;
use countersign_rights::workload::Owner;

use super::wait::Wait;
use super::{Pending, Waiting};
use crate::config::Limits;
use crate::session::{Next, Turn};
use crate::shares::{Each, Over};

/// Bytes of a body that are held of whoever is not verified yet.
const UNVERIFIED_BODY: usize = 64 * 1024;

impl Pending {
    /// How many bytes of the body it takes now; the gateway keeps what comes after them.
    pub(in crate::session) fn room(&self, limits: &Limits) -> usize {
        // One byte beyond the limit is enough to refuse it.
        let most = limits.body_bytes.saturating_add(1);
        let most = if self.is_verified() { most } else { most.min(UNVERIFIED_BODY) };
        most.saturating_sub(self.request.length())
    }

    /// Whether it is known who asks, now or when it was looked at before.
    pub(super) fn is_verified(&self) -> bool {
        self.held.owner().is_verified()
    }

    /// Waits for something outside from now on, if there is room for what is held then.
    pub(super) fn wait_for(mut self: Box<Self>, turn: &mut Turn<'_>, wait: Wait) -> Next {
        self.waiting = Waiting::Outside(wait);
        self.wait(turn)
    }

    /// Waits for the answer to `call`, likewise.
    pub(super) fn wait_for_call(mut self: Box<Self>, turn: &mut Turn<'_>, wait: Wait, call: Call) -> Next {
        self.waiting = Waiting::Outside(wait);
        self.held(turn, |held, _| Next::Call(held, call))
    }

    /// Waits from now on, if there is room for what is held then.
    pub(super) fn wait(self: Box<Self>, turn: &mut Turn<'_>) -> Next {
        self.held(turn, |held, _| held.keep())
    }

    /// Goes on with `then` once there is room for what it holds, and the proof that it came with is used up.
    pub(super) fn held(
        mut self: Box<Self>,
        turn: &mut Turn<'_>,
        then: impl FnOnce(Box<Self>, &mut Turn<'_>) -> Next,
    ) -> Next {
        if let Err(over) = self.hold(turn) {
            return self.over(turn, over);
        }
        match turn.show_proof(&mut self.request, &self.account) {
            Ok(()) => then(self, turn),
            Err(reason) => self.unspent(turn, reason),
        }
    }

    /// In whose name it is held: of whoever sent it, once that is known.
    pub(super) fn owner(&self, turn: &Turn<'_>) -> Owner {
        match &self.account.verified {
            Some(verified) => verified.owner(),
            None if self.is_verified() => self.held.owner(),
            None => {
                let known = self.request.credential.known(turn.engine.trust());
                known.unwrap_or_else(|| Owner::at(self.request.head.source.as_deref()))
            }
        }
    }

    /// Asks for what it holds.
    pub(super) fn hold(&mut self, turn: &Turn<'_>) -> Result<(), Over> {
        let owner = self.owner(turn);
        let held_bytes = [self.request.weight(), self.account.weight(), self.waiting.weight(), self.step_up.weight()];
        let held_bytes = held_bytes.into_iter().fold(0, usize::saturating_add);
        // The approver may be asked while something else is waited for.
        let (call, approver) = (self.waiting.call(), self.step_up.call().filter(|id| self.waiting.call() != Some(*id)));
        let calls = [call, approver].into_iter().flatten().count();
        self.held.hold(owner, Each { held_bytes, held_streams: 1, calls, ..Each::default() })
    }

    pub(super) fn over(mut self: Box<Self>, turn: &mut Turn<'_>, over: Over) -> Next {
        self.account.detail = Some(over.to_string());
        self.without_body(turn, over.reason())
    }

    pub(super) fn body(mut self: Box<Self>, turn: &mut Turn<'_>, chunk: &[u8], end: bool) -> Next {
        let (limit, beyond) = match (turn.engine.config.limits.body_bytes, self.is_verified()) {
            (limit, true) => (limit, Reason::BodyTooLarge),
            // Gateways that ask how much there is room for never get here.
            (limit, false) => (limit.min(UNVERIFIED_BODY), Reason::Overloaded),
        };
        let Some(more) = self.request.growth(chunk, limit) else { return self.without_body(turn, beyond) };
        if more > 0
            && let Err(over) = self.held.more_bytes(more)
        {
            return self.over(turn, over);
        }
        self.request.absorb(chunk, end, more);
        self.body_arrived(turn)
    }
}

impl Waiting {
    /// The call that is in flight for it.
    pub(super) fn call(&self) -> Option<CallId> {
        match self {
            Self::Body(_) => None,
            Self::Outside(wait) => wait.call(),
        }
    }

    /// Bytes of memory that it takes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Body(_) => 0,
            Self::Outside(wait) => wait.weight(),
        }
    }
}
