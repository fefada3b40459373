//! The engine in this process: no gateway, a clock that only moves when it is told to, servers that are functions.
//!
//! It does what the shell does, in the order in which a gateway would make it: body pieces as they come, a tick now and
//! then, answers when they are due, a 504 of the gateway's own for a call that is never answered.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use countersign_engine::config::Secrets;
use countersign_engine::forward::HeaderEdit;
use countersign_engine::headers::Headers;
use countersign_engine::io::{Call, CallFailure, CallId, CallOutcome, Input, RequestHead, Step, Tick};
use countersign_engine::ledger::MemoryLedger;
use countersign_engine::possession::{Peer, xfcc};
use countersign_engine::record::Line;
use countersign_engine::reply::Reply;
use countersign_engine::{Background, BackgroundInput, DecisionId, Effect, Engine, Session, UnixTime};

use serde_json::Value;

use super::{Answer, Deployed, Deployment, Driver, Exchange, Observed, Received, SECRETS};
use crate::scenario::approver::{Asked, Reaction};
use crate::scenario::format::{DriverKind, Fault, KeyServer};
use crate::scenario::request::Request;
use crate::scenario::upstream::Response;

/// How often a gateway's root ticks.
const TICK: Duration = Duration::from_millis(200);

/// Longer than any wait a scenario configures.
const PATIENCE: Duration = Duration::from_mins(1);

/// The secrets of the scenarios' configurations.
#[derive(Clone, Copy, Debug)]
pub struct ScenarioSecrets;

impl Secrets for ScenarioSecrets {
    fn secret(&self, name: &str) -> Option<String> {
        SECRETS.iter().find(|(known, _)| *known == name).map(|(_, secret)| (*secret).to_owned())
    }
}

/// The engine under `configuration`, with the usual keys.
pub fn ready(configuration: &str, now: UnixTime) -> anyhow::Result<Arc<Engine>> {
    let engine = Arc::new(Engine::load(configuration.as_bytes(), &ScenarioSecrets)?.seeded([7; 32]));
    let mut background = Background::new(Arc::clone(&engine), 0);
    let mut ledger = MemoryLedger::new(1);
    for effect in background.handle(now, BackgroundInput::Start, &mut ledger) {
        if let Effect::Call(call) = effect {
            let outcome = outcome(KeyServer::default().react(&call.path)?);
            let effects = background.handle(now, BackgroundInput::CallDone(call.id, outcome), &mut ledger);
            ensure!(effects.is_empty(), "the keys are not installed: {effects:?}");
        }
    }
    Ok(engine)
}

/// What the caller gets where `reaction` is there at once.
pub fn outcome(reaction: Reaction) -> CallOutcome {
    match reaction {
        Reaction::Answer { status, headers, body, after: _ } => {
            let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
            CallOutcome::Response { status, headers, body }
        }
        Reaction::Reset | Reaction::Silence => CallOutcome::Failed(CallFailure::NoAnswer),
    }
}

/// The driver.
pub struct Native {
    now: UnixTime,
    deployed: Option<Worker>,
}

/// One configured worker.
struct Worker {
    keys: KeyServer,
    engine: Arc<Engine>,
    background: Background,
    ledger: MemoryLedger,
    due: Vec<Due>,
    asked: Vec<Asked>,
    log: Vec<String>,
}

/// An answer on its way.
struct Due {
    at: UnixTime,
    to: Caller,
    id: CallId,
    outcome: CallOutcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Background,
    Stream,
}

/// One stream under way.
struct Stream<'a> {
    exchange: &'a Exchange<'a>,
    session: Session,
    observed: Observed,
    /// The request's header fields as they go upstream, once they may.
    forwarded: Option<Vec<(String, Vec<u8>)>>,
    /// Its trailers, as they go upstream.
    trailers: Vec<(String, Vec<u8>)>,
    over: bool,
    /// What of the body the session had no room for yet, and how it ends once that is known.
    kept: Vec<u8>,
    end: Option<End>,
    /// What the client gets in place of the chunk handed over.
    replacement: Option<Vec<u8>>,
    /// Nothing more of the upstream's answer is passed.
    response_over: bool,
}

/// How a request's body ends.
enum End {
    Here,
    Trailers(Headers),
}

impl Native {
    /// At `now_secs` since the epoch.
    pub fn at(now_secs: u64) -> Self {
        Self { now: UnixTime::from_secs(now_secs), deployed: None }
    }

    /// Moves the clock to the next tick or answer, and delivers what is due. Ticks reach `stream` too.
    fn pass(&mut self, step: Duration, mut stream: Option<&mut Stream<'_>>) -> anyhow::Result<()> {
        let tick = self.now.plus(step);
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        let next = worker.due.iter().map(|due| due.at).min().filter(|at| *at < tick);
        self.now = next.unwrap_or(tick).max(self.now);
        while let Some(index) = worker.due.iter().position(|due| due.at <= self.now) {
            let Due { at: _, to, id, outcome } = worker.due.remove(index);
            match (to, stream.as_deref_mut()) {
                (Caller::Background, _) => {
                    worker.background(self.now, BackgroundInput::CallDone(id, outcome))?;
                }
                (Caller::Stream, Some(stream)) => {
                    stream.answered(worker, self.now, id, &outcome)?;
                    stream.hand_over(worker, self.now)?;
                }
                (Caller::Stream, None) => {}
            }
        }
        worker.background(self.now, BackgroundInput::Tick)?;
        match stream {
            Some(stream) => {
                stream.feed(worker, self.now, Input::Tick(Tick::default()))?;
                stream.hand_over(worker, self.now)
            }
            None => Ok(()),
        }
    }

    /// What the scenario lets go wrong; what only a host can do is not for this driver.
    fn check_faults(exchange: &Exchange<'_>) -> anyhow::Result<()> {
        let known = |fault: &Fault| [Fault::AnswersTwice, Fault::StrayAnswers].contains(fault);
        ensure!(exchange.faults.iter().all(known), "there is no host here that could fail so");
        Ok(())
    }

    fn wait(&mut self, by: Duration, mut stream: Option<&mut Stream<'_>>) -> anyhow::Result<()> {
        let end = self.now.plus(by);
        let step = if by > PATIENCE { Duration::from_secs(1) } else { TICK };
        while self.now < end && stream.as_ref().is_none_or(|stream| !stream.over) {
            self.pass(step.min(end.since(self.now)), stream.as_deref_mut())?;
        }
        Ok(())
    }

    fn feed(&mut self, stream: &mut Stream<'_>, input: Input<'_>) -> anyhow::Result<()> {
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        stream.feed(worker, self.now, input)
    }

    /// The request's body, in its pieces, until the client leaves.
    fn body(&mut self, stream: &mut Stream<'_>) -> anyhow::Result<()> {
        let request = stream.exchange.request;
        if let Some(stalls) = request.stalls {
            self.wait(stalls, Some(stream))?;
        }
        let pieces = request.pieces().count();
        for (index, chunk) in request.pieces().enumerate() {
            if request.leaves_after_chunks.is_some_and(|chunks| index >= chunks) {
                return Ok(());
            }
            // What streams past the session is of no interest to it.
            if stream.over {
                break;
            }
            stream.kept.extend_from_slice(chunk);
            stream.end = (index + 1 == pieces && request.trailers.is_empty()).then_some(End::Here);
            self.hand_over(stream)?;
        }
        if !request.trailers.is_empty() {
            let trailers = request.trailers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes()));
            stream.end = Some(End::Trailers(trailers.collect()));
            self.hand_over(stream)?;
        }
        Ok(())
    }

    fn hand_over(&mut self, stream: &mut Stream<'_>) -> anyhow::Result<()> {
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        stream.hand_over(worker, self.now)
    }

    /// What the upstream gets and answers, and what of that the client gets.
    fn upstream(&mut self, stream: &mut Stream<'_>, headers: Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
        stream.observed.upstream_touched = true;
        stream.observed.upstream.push(received(stream.exchange.request, headers, std::mem::take(&mut stream.trailers)));
        let response = stream.exchange.upstream.cloned().unwrap_or_else(Response::of_gateway);
        let headers = if stream.session.observes() { Headers::new(response.head()) } else { Headers::default() };
        let status = response.status;
        stream.observed.answer = Some(Answer { status, headers: response.headers.clone(), ..Answer::default() });
        self.feed(stream, Input::ResponseHead { headers, end: response.body.is_empty() })?;
        let mut sent = 0;
        for piece in response.pieces() {
            if stream.response_over {
                return Ok(());
            }
            sent += piece.len();
            // What does not matter is not even handed over.
            if stream.session.observes() {
                self.feed(stream, Input::ResponseBody { chunk: piece, end: sent == response.body.len() })?;
            }
            stream.deliver(piece);
        }
        stream.check_length()
    }
}

impl Driver for Native {
    fn kind(&self) -> DriverKind {
        DriverKind::Native
    }

    fn deploy(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Deployed> {
        let engine = match Engine::load(deployment.configuration.as_bytes(), &ScenarioSecrets) {
            Ok(engine) => Arc::new(engine.seeded([7; 32])),
            Err(errors) => return Ok(Deployed::Refused(errors.to_string().lines().map(str::to_owned).collect())),
        };
        let mut worker = Worker {
            keys: deployment.keys.clone(),
            background: Background::new(Arc::clone(&engine), 0),
            ledger: MemoryLedger::of(engine.limits().ledger),
            engine,
            due: Vec::new(),
            asked: Vec::new(),
            log: Vec::new(),
        };
        worker.background(self.now, BackgroundInput::Start)?;
        self.deployed = Some(worker);
        self.pass(Duration::ZERO, None)?;
        Ok(Deployed::Running)
    }

    fn now_secs(&self) -> u64 {
        self.now.secs()
    }

    fn advance(&mut self, by: Duration) -> anyhow::Result<()> {
        self.wait(by, None)
    }

    fn set_back(&mut self, by: Duration) -> anyhow::Result<()> {
        self.now = self.now.minus(by);
        Ok(())
    }

    fn serve_keys(&mut self, keys: &KeyServer) -> anyhow::Result<()> {
        self.deployed.as_mut().context("nothing is deployed")?.keys = keys.clone();
        Ok(())
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) -> anyhow::Result<Observed> {
        Self::check_faults(exchange)?;
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        worker.asked.clear();
        worker.log.clear();
        worker.due.retain(|due| due.to == Caller::Background);
        let id = DecisionId::from_random(uuid::Uuid::new_v4().into_bytes());
        let session = Session::new(Arc::clone(&worker.engine), id);
        let mut stream = Stream {
            exchange,
            session,
            observed: Observed::default(),
            forwarded: None,
            trailers: exchange
                .request
                .trailers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into()))
                .collect(),
            over: false,
            kept: Vec::new(),
            end: None,
            replacement: None,
            response_over: false,
        };
        self.feed(&mut stream, Input::Head(head(exchange.request)))?;
        self.body(&mut stream)?;
        let leaves = exchange.request.leaves_after_chunks.is_some();
        self.wait(if leaves { TICK } else { PATIENCE }, Some(&mut stream))?;
        ensure!(leaves || stream.over, "the request is still held after {PATIENCE:?}");
        if let Some(headers) = stream.forwarded.take() {
            self.upstream(&mut stream, headers)?;
        }
        self.feed(&mut stream, Input::Closed)?;
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        stream.observed.asked = std::mem::take(&mut worker.asked);
        stream.observed.log = std::mem::take(&mut worker.log);
        Ok(stream.observed)
    }
}

impl Worker {
    /// Takes an input, and loads at once what a gateway would load between requests.
    fn background(&mut self, now: UnixTime, input: BackgroundInput) -> anyhow::Result<()> {
        self.take(now, input)?;
        while self.background.is_loading() {
            self.take(now, BackgroundInput::Load)?;
        }
        Ok(())
    }

    fn take(&mut self, now: UnixTime, input: BackgroundInput) -> anyhow::Result<()> {
        for effect in self.background.handle(now, input, &mut self.ledger) {
            match effect {
                Effect::Call(call) => {
                    let reaction = self.keys.react(&call.path)?;
                    self.dispatch(now, &call, Caller::Background, reaction);
                }
                Effect::Log(notice) => self.log.push(notice.text),
                Effect::Install { engine, revision: _ } => self.engine = engine,
                Effect::Refused | Effect::BundleAge(_) => {}
            }
        }
        Ok(())
    }

    /// Notes the call and when its answer comes.
    fn dispatch(&mut self, now: UnixTime, call: &Call, to: Caller, reaction: Reaction) {
        self.asked.push(asked(call));
        let (after, outcome) = match reaction {
            Reaction::Answer { after, .. } if after.unwrap_or_default() < call.timeout => {
                (after.unwrap_or_default(), outcome(reaction))
            }
            Reaction::Answer { .. } | Reaction::Silence => {
                let outcome = CallOutcome::Response { status: 504, headers: Headers::default(), body: Vec::new() };
                (call.timeout, outcome)
            }
            Reaction::Reset => (Duration::ZERO, outcome(reaction)),
        };
        self.due.push(Due { at: now.plus(after), to, id: call.id, outcome });
    }
}

impl Stream<'_> {
    /// What there is room for of the body, then its trailers: those of a request that went upstream before follow it.
    fn hand_over(&mut self, worker: &mut Worker, now: UnixTime) -> anyhow::Result<()> {
        while !self.over {
            let chunk: Vec<u8> = self.kept.drain(..self.kept.len().min(self.session.room())).collect();
            let end = self.kept.is_empty() && matches!(self.end, Some(End::Here));
            if chunk.is_empty() && !end {
                break;
            }
            self.feed(worker, now, Input::Body { chunk: &chunk, end })?;
            if end {
                self.end = None;
                break;
            }
        }
        let due = if self.over { self.forwarded.is_some() } else { self.kept.is_empty() };
        match self.end.take_if(|end| due && matches!(end, End::Trailers(_))) {
            Some(End::Trailers(trailers)) => self.feed(worker, now, Input::Trailers(trailers)),
            Some(End::Here) | None => Ok(()),
        }
    }

    fn feed(&mut self, worker: &mut Worker, now: UnixTime, input: Input<'_>) -> anyhow::Result<()> {
        match self.session.handle(&worker.engine, now, input, &mut worker.ledger) {
            Step::Wait => {}
            Step::Call(call) => {
                let reaction = (self.exchange.approve)(&asked(&call), now.secs());
                worker.dispatch(now, &call, Caller::Stream, reaction);
                if let Some(keys) = self.exchange.meanwhile.filter(|_| call.cluster == "approvals") {
                    keys.clone_into(&mut worker.keys);
                }
            }
            Step::Forward(forward) => {
                self.record(&forward.line)?;
                self.forwarded = Some(edited(self.exchange.request, &forward.edits));
                apply(&mut self.trailers, &of_trailers(&forward.edits));
                self.over = true;
            }
            Step::Reply(reply) => {
                self.reply(reply)?;
                self.over = true;
            }
            Step::Cut(cut) => {
                self.record(&cut.line)?;
                self.over = true;
                self.response_over |= cut.reset;
                if let Some(answer) = self.observed.answer.as_mut().filter(|_| cut.reset) {
                    answer.cut = true;
                }
            }
            Step::EditTrailers(edits) => apply(&mut self.trailers, &of_trailers(&edits)),
            Step::EditResponse(edits) => {
                if let Some(answer) = &mut self.observed.answer {
                    apply(&mut answer.headers, &edits);
                }
            }
            Step::ReplaceChunk(bytes) => self.replacement = Some(bytes),
            Step::AnswerInstead(reply) => {
                self.reply(reply)?;
                self.response_over = true;
            }
        }
        Ok(())
    }

    fn reply(&mut self, reply: Reply) -> anyhow::Result<()> {
        self.record(&reply.line)?;
        let headers = reply.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes()));
        let (status, headers) = (reply.status, headers.collect());
        self.observed.answer = Some(Answer { status, headers, body: reply.body, cut: false });
        Ok(())
    }

    /// The client gets `piece`, or what is there instead.
    fn deliver(&mut self, piece: &[u8]) {
        let replacement = self.replacement.take();
        if let Some(answer) = self.observed.answer.as_mut().filter(|_| !self.response_over) {
            answer.body.extend_from_slice(replacement.as_deref().unwrap_or(piece));
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

    /// The outcome of a call: once, or as often and as late as the scenario says.
    fn answered(
        &mut self,
        worker: &mut Worker,
        now: UnixTime,
        id: CallId,
        outcome: &CallOutcome,
    ) -> anyhow::Result<()> {
        let faults = self.exchange.faults;
        if faults.contains(&Fault::StrayAnswers) {
            for stray in [CallId(id.0.wrapping_add(1)), CallId(u32::MAX)] {
                // Whoever takes one of these for an answer is found out: it is none.
                self.feed(worker, now, Input::CallDone(stray, CallOutcome::Failed(CallFailure::NoAnswer)))?;
            }
        }
        let times = if faults.contains(&Fault::AnswersTwice) { 2 } else { 1 };
        for _ in 0..times {
            self.feed(worker, now, Input::CallDone(id, outcome.clone()))?;
        }
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

fn head(request: &Request) -> RequestHead {
    RequestHead {
        headers: Headers::new(request.head()),
        end: request.is_head_only(),
        source: Some("127.0.0.1:40000".to_owned()),
        route: Some("tools".to_owned()),
        peer: request
            .certificate
            .as_ref()
            .map(|shown| Peer { sha256: xfcc::digest(&shown.sha256), uri: shown.uri.clone() }),
    }
}

fn edited(request: &Request, edits: &[HeaderEdit]) -> Vec<(String, Vec<u8>)> {
    let mut headers = request.head();
    headers.retain(|(name, _)| !name.starts_with(':'));
    apply(&mut headers, edits);
    headers
}

fn apply(headers: &mut Vec<(String, Vec<u8>)>, edits: &[HeaderEdit]) {
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

fn received(request: &Request, headers: Vec<(String, Vec<u8>)>, trailers: Vec<(String, Vec<u8>)>) -> Received {
    Received {
        method: request.method.clone(),
        path: request.path.clone(),
        host: request.host.clone(),
        headers,
        body: request.body.clone().unwrap_or_default(),
        trailers,
    }
}

/// `call` as the server receives it.
pub fn asked(call: &Call) -> Asked {
    Asked {
        cluster: call.cluster.clone(),
        method: call.method.to_owned(),
        path: call.path.clone(),
        headers: call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect(),
        body: call.body.clone(),
    }
}
