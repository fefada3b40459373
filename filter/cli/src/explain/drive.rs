//! A session for one request, driven as the filter drives it until it has decided or asks somebody.

use std::sync::Arc;

use countersign_engine::io::{Input, Step};
use countersign_engine::ledger::MemoryLedger;
use countersign_engine::reason::Reason;
use countersign_engine::record::Line;
use countersign_engine::rollout::Mode;
use countersign_engine::{DecisionId, Engine, Session, UnixTime};
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

/// What a session says that gets all of `request` at `now`.
pub(super) fn drive(engine: &Arc<Engine>, now: UnixTime, request: &Request, ledger: &mut MemoryLedger) -> Outcome {
    // Random in the filter; nothing here depends on it but what the record calls the decision.
    let mut session = Session::new(Arc::clone(engine), DecisionId::from_random([0; 16]));
    let mut step = session.handle(engine, now, Input::Head(request.head.clone()), ledger);
    if let (Step::Wait, Some(body), true) = (&step, &request.body, session.awaits_body()) {
        step = session.handle(engine, now, Input::Body { chunk: body, end: true }, ledger);
    }
    match step {
        Step::Forward(forward) => decided(&forward.line, None),
        Step::Reply(reply) => decided(&reply.line, Some(reply.status)),
        Step::Cut(cut) => decided(&cut.line, None),
        Step::Wait
        | Step::Call(_)
        | Step::EditTrailers(_)
        | Step::EditResponse(_)
        | Step::ReplaceChunk(_)
        | Step::AnswerInstead(_) => Outcome::Held,
    }
}

fn decided(line: &Line, status: Option<u16>) -> Outcome {
    Outcome::Decided {
        reason: line.reason,
        status,
        mode: line.mode,
        record: serde_json::from_str(&line.json).unwrap_or_default(),
    }
}
