//! One stream of the native driver: the gateway of a [`Drive`], with an upstream that is a function.

use std::sync::Arc;

use anyhow::{Context, ensure};
use countersign_engine::drive::{Complaint, Drive, Flow, Host, Leg, Unable};
use countersign_engine::record::Line;
use countersign_engine::reply::Reply;
use countersign_engine::{Engine, Session};
use countersign_facts::calls::{Call, CallFailure, CallId, CallOutcome};
use countersign_facts::headers::{HeaderEdit, Headers, Peer, RequestHead};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::Ledger;
use countersign_tokens::UnixTime;
use countersign_trust::possession::xfcc;
use serde_json::Value;

use super::{Caller, Worker, asked};
use crate::drivers::{Answer, Exchange, Observed, Received};
use crate::scenario::format::Fault;
use crate::scenario::request::Request;
use crate::scenario::upstream::Response;

type Fields = Vec<(String, Vec<u8>)>;

/// One stream under way.
pub(super) struct Stream<'a> {
    drive: Drive,
    sides: Sides<'a>,
}

/// What client and upstream sent, and what each of them got.
struct Sides<'a> {
    exchange: &'a Exchange<'a>,
    observed: Observed,
    /// What came of the request's body.
    body: Vec<u8>,
    /// The request's header fields and trailers, as they go upstream.
    head: Fields,
    trailers: Fields,
    /// What the upstream answers, and the chunk of it that is passing.
    response: Response,
    chunk: Vec<u8>,
    /// Nothing more of the upstream's answer is passed.
    response_over: bool,
    /// What no gateway would do was asked for.
    broken: anyhow::Result<()>,
}

/// The gateway of one stream at one moment.
pub(super) struct Gateway<'s, 'a> {
    sides: &'s mut Sides<'a>,
    worker: &'s mut Worker,
    now: UnixTime,
}

impl<'a> Stream<'a> {
    /// Of `exchange`, decided by `engine`.
    pub(super) fn new(exchange: &'a Exchange<'a>, engine: &Arc<Engine>) -> Self {
        let id = DecisionId::from_random(uuid::Uuid::new_v4().into_bytes());
        let request = exchange.request;
        let fields = |(name, value): &(String, String)| (name.clone(), value.clone().into_bytes());
        let sides = Sides {
            exchange,
            observed: Observed::default(),
            body: Vec::new(),
            head: request.head().into_iter().filter(|(name, _)| !name.starts_with(':')).collect(),
            trailers: request.trailers.iter().map(fields).collect(),
            response: exchange.upstream.cloned().unwrap_or_else(Response::of_gateway),
            chunk: Vec::new(),
            response_over: false,
            broken: Ok(()),
        };
        Self { drive: Drive::new(Session::new(Arc::clone(engine), id)), sides }
    }

    pub(super) fn request(&self) -> &'a Request {
        self.sides.exchange.request
    }

    pub(super) fn is_undecided(&self) -> bool {
        self.drive.is_undecided()
    }

    /// Brings one event to the loop.
    pub(super) fn feed(
        &mut self,
        worker: &mut Worker,
        now: UnixTime,
        event: impl FnOnce(&mut Drive, &mut Gateway<'_, 'a>) -> Flow,
    ) -> anyhow::Result<()> {
        let undecided = self.drive.is_undecided();
        let flow = event(&mut self.drive, &mut Gateway { sides: &mut self.sides, worker, now });
        // What is let go was held, and what is held was never let go.
        let sound = match flow {
            Flow::Release => undecided && !self.drive.is_undecided(),
            Flow::Hold => self.drive.is_undecided(),
            Flow::Run | Flow::Stop => !self.drive.is_undecided(),
        };
        ensure!(sound, "{flow:?} of a stream that was {}", if undecided { "held" } else { "decided" });
        if flow == Flow::Release {
            self.sides.observed.upstream_touched = true;
        }
        std::mem::replace(&mut self.sides.broken, Ok(()))
    }

    pub(super) fn head(&mut self, worker: &mut Worker, now: UnixTime) -> anyhow::Result<()> {
        let end = self.request().is_head_only();
        self.feed(worker, now, |drive, gateway| drive.head(gateway, end))
    }

    /// A piece of the request's body comes.
    pub(super) fn body(&mut self, worker: &mut Worker, now: UnixTime, piece: &[u8], end: bool) -> anyhow::Result<()> {
        self.sides.body.extend_from_slice(piece);
        let size = self.sides.body.len();
        self.feed(worker, now, |drive, gateway| drive.body(gateway, size, end))
    }

    /// The outcome of a call: once, or as often and as late as the scenario says.
    pub(super) fn answered(
        &mut self,
        worker: &mut Worker,
        now: UnixTime,
        id: CallId,
        outcome: &CallOutcome,
    ) -> anyhow::Result<()> {
        let faults = self.sides.exchange.faults;
        if faults.contains(&Fault::StrayAnswers) {
            for stray in [CallId(id.0.wrapping_add(1)), CallId(u32::MAX)] {
                // A session that takes one of these for an answer is found out.
                let failed = CallOutcome::Failed(CallFailure::NoAnswer);
                self.feed(worker, now, |drive, gateway| drive.answered(gateway, stray, failed))?;
            }
        }
        let times = if faults.contains(&Fault::AnswersTwice) { 2 } else { 1 };
        for _ in 0..times {
            let outcome = outcome.clone();
            self.feed(worker, now, |drive, gateway| drive.answered(gateway, id, outcome))?;
        }
        Ok(())
    }

    /// Where the request was let go: what the upstream gets and answers, and what of that the client gets.
    pub(super) fn upstream(&mut self, worker: &mut Worker, now: UnixTime) -> anyhow::Result<()> {
        if !self.sides.observed.upstream_touched {
            return Ok(());
        }
        let received = self.sides.received();
        self.sides.observed.upstream.push(received);
        let response = self.sides.response.clone();
        let (status, headers) = (response.status, response.headers.clone());
        self.sides.observed.answer = Some(Answer { status, headers, ..Answer::default() });
        let end = response.body.is_empty();
        self.feed(worker, now, |drive, gateway| drive.response_head(gateway, end))?;
        let mut sent = 0;
        for piece in response.pieces() {
            if self.sides.response_over {
                return Ok(());
            }
            sent += piece.len();
            let (size, end) = (piece.len(), sent == response.body.len());
            piece.clone_into(&mut self.sides.chunk);
            self.feed(worker, now, |drive, gateway| drive.response_body(gateway, size, end))?;
            self.sides.deliver();
        }
        self.sides.check_length()
    }

    /// The stream is over; a gateway says so twice.
    pub(super) fn close(mut self, worker: &mut Worker, now: UnixTime) -> anyhow::Result<Observed> {
        for _ in 0..2 {
            self.drive.close(&mut Gateway { sides: &mut self.sides, worker, now });
        }
        self.sides.broken?;
        Ok(self.sides.observed)
    }
}

impl Host for Gateway<'_, '_> {
    fn now(&self) -> UnixTime {
        self.now
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        Some(Arc::clone(&self.worker.engine))
    }

    fn ledger(&mut self) -> &mut dyn Ledger {
        &mut self.worker.ledger
    }

    fn request_head(&mut self, end: bool, route: bool) -> Result<RequestHead, Unable> {
        let request = self.sides.exchange.request;
        let peer = request.certificate.as_ref();
        Ok(RequestHead {
            headers: Headers::new(request.head()),
            end,
            source: Some("127.0.0.1:40000".to_owned()),
            route: route.then(|| "tools".to_owned()),
            peer: peer.map(|shown| Peer { sha256: xfcc::digest(&shown.sha256), uri: shown.uri.clone() }),
        })
    }

    fn request_trailers(&mut self) -> Result<Headers, Unable> {
        Ok(Headers::new(self.sides.trailers.clone()))
    }

    fn response_head(&mut self) -> Result<Headers, Unable> {
        Ok(Headers::new(self.sides.response.head()))
    }

    fn body(&mut self, leg: Leg, start: usize, length: usize) -> Result<Vec<u8>, Unable> {
        let held = match leg {
            Leg::Request => &self.sides.body,
            Leg::Response => &self.sides.chunk,
        };
        held.get(start..).and_then(|rest| rest.get(..length)).map(<[u8]>::to_vec).ok_or(Unable)
    }

    fn received(&mut self) -> Option<u64> {
        None
    }

    fn write(&mut self, line: &Line) {
        if let Err(error) = self.sides.record(line) {
            self.sides.broken = Err(error);
        }
    }

    fn dispatch(&mut self, call: &Call) -> Result<(), CallFailure> {
        let exchange = self.sides.exchange;
        let reaction = (exchange.approve)(&asked(call), self.now.secs());
        self.worker.dispatch(self.now, call, Caller::Stream, reaction);
        if let Some(keys) = exchange.meanwhile.filter(|_| call.cluster == "approvals") {
            keys.clone_into(&mut self.worker.keys);
        }
        Ok(())
    }

    fn edit(&mut self, leg: Leg, edits: &[HeaderEdit]) -> Result<(), Unable> {
        match (leg, &mut self.sides.observed.answer) {
            (Leg::Request, _) => {
                apply(&mut self.sides.head, edits);
                apply(&mut self.sides.trailers, &of_trailers(edits));
            }
            (Leg::Response, Some(answer)) => apply(&mut answer.headers, edits),
            (Leg::Response, None) => return Err(Unable),
        }
        Ok(())
    }

    fn replace(&mut self, size: usize, bytes: &[u8]) -> Result<(), Unable> {
        if size != self.sides.chunk.len() {
            return Err(Unable);
        }
        bytes.clone_into(&mut self.sides.chunk);
        Ok(())
    }

    fn reply(&mut self, reply: &Reply) {
        let headers = reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes()));
        let (status, headers, body) = (reply.status, headers.collect(), reply.body.clone());
        self.sides.observed.answer = Some(Answer { status, headers, body, cut: false });
        self.sides.response_over = true;
    }

    fn reset(&mut self, leg: Leg) {
        self.sides.response_over = true;
        if let (Leg::Response, Some(answer)) = (leg, &mut self.sides.observed.answer) {
            answer.cut = true;
        }
    }

    fn complain(&mut self, complaint: Complaint) {
        self.sides.broken = Err(anyhow::anyhow!("{}", complaint.text()));
    }
}

impl Sides<'_> {
    /// What the upstream gets.
    fn received(&mut self) -> Received {
        let request = self.exchange.request;
        Received {
            method: request.method.clone(),
            path: request.path.clone(),
            host: request.host.clone(),
            headers: std::mem::take(&mut self.head),
            body: request.body.clone().unwrap_or_default(),
            trailers: std::mem::take(&mut self.trailers),
        }
    }

    /// The client gets the chunk as it is now.
    fn deliver(&mut self) {
        if let Some(answer) = self.observed.answer.as_mut().filter(|_| !self.response_over) {
            answer.body.append(&mut self.chunk);
        }
    }

    /// A length that is announced is that of what the client got.
    fn check_length(&self) -> anyhow::Result<()> {
        let Some(answer) = self.observed.answer.as_ref().filter(|_| !self.response_over) else { return Ok(()) };
        let announced = answer.headers.iter().find(|(name, _)| name == "content-length");
        let length = answer.body.len().to_string();
        ensure!(announced.is_none_or(|(_, value)| *value == length.as_bytes()), "the answer is not as long as it says");
        Ok(())
    }

    fn record(&mut self, line: &Line) -> anyhow::Result<()> {
        let record: Value = serde_json::from_str(&line.json).context("a record is no JSON")?;
        // Counters are labelled with the kind and the reason of a line, which must be those on the record.
        let is = |name: &str, label: &str| record.get(name).is_none_or(|said| said == label);
        let counted = (line.kind.name(), line.reason.row().code);
        ensure!(is("kind", counted.0) && is("reason", counted.1), "counted as {counted:?}: {record}");
        self.observed.records.push(record);
        Ok(())
    }
}

fn apply(headers: &mut Fields, edits: &[HeaderEdit]) {
    for edit in edits {
        match edit {
            HeaderEdit::Remove(name) => headers.retain(|(candidate, _)| candidate != name),
            HeaderEdit::RemoveTrailer(_) => {}
            HeaderEdit::Set(name, value) => {
                headers.retain(|(candidate, _)| candidate != name);
                headers.push(((*name).to_owned(), value.clone().into_bytes()));
            }
        }
    }
}

/// The edits of trailers, for the trailers.
fn of_trailers(edits: &[HeaderEdit]) -> Vec<HeaderEdit> {
    let of_trailers = |edit: &HeaderEdit| match edit {
        HeaderEdit::RemoveTrailer(name) => Some(HeaderEdit::Remove(name.clone())),
        HeaderEdit::Remove(_) | HeaderEdit::Set(..) => None,
    };
    edits.iter().filter_map(of_trailers).collect()
}
