//! A held request whose token only its issuer can read: it asks, or listens to what is answered to somebody else.

use countersign_facts::calls::{CallId, CallOutcome};
use countersign_facts::reason::Reason;
use countersign_tokens::UnixTime;
use countersign_trust::carrier::CacheKey;
use countersign_trust::credential::IssuerIndex;
use countersign_trust::introspection::questions::{Ask, Asking, Number};

use super::{CALL_GRACE, NeededFor, Pending, Waiting};
use crate::session::{Next, Turn};

/// The issuer is asked about an opaque token.
pub(super) struct Introspecting {
    pub(super) call: CallId,
    issuer: IssuerIndex,
    pub(super) deadline: UnixTime,
    asking: Asking,
}

/// Somebody else asked its issuer about the same token.
pub(super) struct Listening {
    question: Number,
    token: CacheKey,
    pub(super) deadline: UnixTime,
}

impl Pending {
    pub(super) fn introspect(mut self: Box<Self>, turn: &mut Turn<'_>, issuer: IssuerIndex) -> Next {
        let credential = &self.request.credential;
        let id = turn.call_id();
        let call = credential.introspection(turn.engine.trust(), issuer, id);
        let Some((call, token)) = call.zip(credential.token_key()) else {
            return self.deny(turn, Reason::IntrospectionUnavailable);
        };
        let deadline = turn.now.plus(call.timeout).plus(CALL_GRACE);
        match turn.engine.questions.want(token, self.owner(turn), turn.now, self.waited.take()) {
            Ask::Now(asking) => {
                let introspecting = Introspecting { call: id, issuer, deadline, asking };
                self.waiting = Waiting::Introspection(Box::new(introspecting));
                self.call(turn, call)
            }
            Ask::Wait(question) => {
                self.waiting = Waiting::Listening(Box::new(Listening { question, token, deadline }));
                self.wait(turn)
            }
            Ask::Refused(reason) => self.deny(turn, reason),
            Ask::Over(over) => {
                self.account.detail = Some(over.to_string());
                self.deny(turn, over.reason())
            }
        }
    }

    pub(super) fn issuer_answered(mut self: Box<Self>, turn: &mut Turn<'_>, outcome: &CallOutcome) -> Next {
        let Waiting::Introspection(asked) = std::mem::replace(&mut self.waiting, Waiting::Body(NeededFor::Decision))
        else {
            return self.deny(turn, Reason::Internal);
        };
        let Introspecting { issuer, asking, .. } = *asked;
        match self.request.credential.introspected(turn.engine.trust(), issuer, outcome, turn.now) {
            Ok(()) => self.advance(turn),
            Err((reason, fault)) => {
                self.account.detail = fault.map(|fault| fault.detail(turn.engine.trust()));
                asking.refused(reason, turn.now);
                self.deny(turn, reason)
            }
        }
    }

    /// What somebody else asked is answered, or never will be: decides with what is known now.
    pub(super) fn told(mut self: Box<Self>, turn: &mut Turn<'_>) -> Next {
        let Waiting::Listening(listening) = std::mem::replace(&mut self.waiting, Waiting::Body(NeededFor::Decision))
        else {
            return self.deny(turn, Reason::Internal);
        };
        self.waited = Some(listening.question);
        self.advance(turn)
    }
}

impl Listening {
    pub(super) fn is_under_way(&self, turn: &Turn<'_>) -> bool {
        turn.engine.questions.is_under_way(self.token, self.question)
    }
}
