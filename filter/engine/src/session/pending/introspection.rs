//! A held request whose token only its issuer can read: it asks, or listens to what is answered to somebody else.

use countersign_facts::calls::CallOutcome;
use countersign_facts::reason::Reason;
use countersign_trust::carrier::CacheKey;
use countersign_trust::credential::IssuerIndex;
use countersign_trust::introspection::questions::{Ask, Asking, Number};

use super::Pending;
use super::wait::{Asked, Ending, Wait, patience};
use crate::session::{Next, Turn};

/// The issuer is asked about an opaque token.
struct Introspecting {
    issuer: IssuerIndex,
    asking: Asking,
}

/// Somebody else asked its issuer about the same token.
struct Listening {
    question: Number,
    token: CacheKey,
}

impl Pending {
    pub(super) fn introspect(mut self: Box<Self>, turn: &mut Turn<'_>, issuer: IssuerIndex) -> Next {
        const LATE: Reason = Reason::IntrospectionUnavailable;
        let credential = &self.request.credential;
        let id = turn.call_id();
        let call = credential.introspection(turn.engine.trust(), issuer, id);
        let Some((call, token)) = call.zip(credential.token_key()) else { return self.deny(turn, LATE) };
        match turn.engine.questions.want(token, self.owner(turn), turn.now, self.waited.take()) {
            Ask::Now(asking) => {
                let wait = Wait::for_call(&call, turn.now, LATE, Introspecting { issuer, asking });
                self.wait_for_call(turn, wait, call)
            }
            // It takes no longer than if the question were its own.
            Ask::Wait(question) => {
                let deadline = Some((patience(&call, turn.now), LATE));
                self.wait_for(turn, Wait::for_others(deadline, Listening { question, token }))
            }
            Ask::Refused(reason) => self.deny(turn, reason),
            Ask::Over(over) => {
                self.account.detail = Some(over.to_string());
                self.deny(turn, over.reason())
            }
        }
    }
}

impl Asked for Introspecting {
    fn answered(self: Box<Self>, mut pending: Box<Pending>, turn: &mut Turn<'_>, outcome: &CallOutcome) -> Next {
        let Self { issuer, asking } = *self;
        match pending.request.credential.introspected(turn.engine.trust(), issuer, outcome, turn.now) {
            Ok(()) => pending.advance(turn),
            Err((reason, fault)) => {
                pending.account.detail = fault.map(|fault| fault.detail(turn.engine.trust()));
                asking.refused(reason, turn.now);
                pending.deny(turn, reason)
            }
        }
    }
}

impl Ending for Listening {
    /// What somebody else asked is answered, or never will be.
    fn is_over(&self, turn: &mut Turn<'_>) -> bool {
        !turn.engine.questions.is_under_way(self.token, self.question)
    }

    fn over(self: Box<Self>, mut pending: Box<Pending>, turn: &mut Turn<'_>) -> Next {
        pending.waited = Some(self.question);
        pending.advance(turn)
    }
}
