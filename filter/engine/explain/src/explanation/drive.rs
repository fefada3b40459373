//! One request through the engine's loop, until it is decided or somebody else has to be asked.

use std::sync::Arc;

use countersign_engine::drive::{Complaint, Drive, Flow, Host, Leg, Unable};
use countersign_engine::record::Line;
use countersign_engine::reply::Reply;
use countersign_engine::{Engine, Session};
use countersign_facts::calls::{Call, CallFailure};
use countersign_facts::headers::{HeaderEdit, Headers, RequestHead};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::{Ledger, MemoryLedger};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_tokens::UnixTime;
use serde_json::Value;

use super::request::Request;

/// How far it came.
pub(super) enum Outcome {
    Decided {
        reason: Reason,
        /// Of the answer, if one was sent.
        status: Option<u16>,
        mode: Mode,
        record: Value,
    },
    /// It waits for somebody else.
    Held,
}

/// What the engine says that gets all of `request` at `now`.
pub(super) fn drive(engine: &Arc<Engine>, now: UnixTime, request: &Request, ledger: &mut MemoryLedger) -> Outcome {
    let mut desk = Desk { engine, now, request, ledger, decided: None, status: None };
    // Random in the filter; nothing here depends on it but what the record calls the decision.
    let mut drive = Drive::new(Session::new(Arc::clone(engine), DecisionId::from_random([0; 16])));
    let mut flow = drive.head(&mut desk, request.head.end);
    if let (Flow::Hold, Some(body)) = (flow, &request.body) {
        flow = drive.body(&mut desk, body.len(), true);
    }
    let Desk { decided: Some(line), status, .. } = desk else { return Outcome::Held };
    debug_assert_ne!(flow, Flow::Hold, "decided and held");
    Outcome::Decided {
        reason: line.reason,
        status,
        mode: line.mode,
        record: serde_json::from_str(&line.json).unwrap_or_default(),
    }
}

/// A gateway that hands over one request and notes what is decided.
struct Desk<'a> {
    engine: &'a Arc<Engine>,
    now: UnixTime,
    request: &'a Request,
    ledger: &'a mut MemoryLedger,
    decided: Option<Line>,
    /// Of the answer.
    status: Option<u16>,
}

impl Host for Desk<'_> {
    fn now(&self) -> UnixTime {
        self.now
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        Some(Arc::clone(self.engine))
    }

    fn ledger(&mut self) -> &mut dyn Ledger {
        self.ledger
    }

    fn request_head(&mut self, _end: bool, _route: bool) -> Result<RequestHead, Unable> {
        Ok(self.request.head.clone())
    }

    fn request_trailers(&mut self) -> Result<Headers, Unable> {
        Err(Unable)
    }

    fn response_head(&mut self) -> Result<Headers, Unable> {
        Err(Unable)
    }

    fn body(&mut self, leg: Leg, start: usize, length: usize) -> Result<Vec<u8>, Unable> {
        let body = self.request.body.as_deref().filter(|_| leg == Leg::Request);
        body.and_then(|body| body.get(start..)?.get(..length)).map(<[u8]>::to_vec).ok_or(Unable)
    }

    fn received(&mut self) -> Option<u64> {
        None
    }

    fn write(&mut self, line: &Line) {
        self.decided = Some(line.clone());
    }

    /// It is noted by whoever explains that somebody has to be asked; nobody is.
    fn dispatch(&mut self, _call: &Call) -> Result<(), CallFailure> {
        Ok(())
    }

    fn edit(&mut self, _leg: Leg, _edits: &[HeaderEdit]) -> Result<(), Unable> {
        Ok(())
    }

    fn replace(&mut self, _size: usize, _bytes: &[u8]) -> Result<(), Unable> {
        Err(Unable)
    }

    fn reply(&mut self, reply: &Reply) {
        self.status = Some(reply.status);
    }

    fn reset(&mut self, _leg: Leg) {}

    fn complain(&mut self, _complaint: Complaint) {}
}
