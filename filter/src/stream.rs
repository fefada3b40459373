//! The HTTP context, and the one loop between the gateway and a session: Pause, Continue and resume are here only.
//!
//! Never lets a request go but for a [`Forward`]. Whatever the gateway does that a session has no input for is
//! answered 503 or reset.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use countersign_engine::forward::{Forward, HeaderEdit};
use countersign_engine::headers::Headers;
use countersign_engine::io::{CallId, CallOutcome, Cut, Input, RequestHead, Step, Tick};
use countersign_engine::ledger::StoredLedger;
use countersign_engine::record::Line;
use countersign_engine::reply::Reply;
use countersign_engine::{DecisionId, Session};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

use crate::calls::Owner;
use crate::host;
use crate::phase::{Phase, Turn};
use crate::stats::Metric;
use crate::worker::Worker;

/// Body bytes handed to a session at a time.
const SLICE: usize = 64 * 1024;

const WITHHELD: &str = "countersign: this gateway withholds request bodies while headers are held; set \
    `allow_on_headers_stop_iteration: true` in the Wasm PluginConfig (Envoy 1.35 or newer). \
    Until then requests whose body must be read are answered 503.";

/// One stream as the gateway sees it.
pub(crate) struct HttpStream {
    context: u32,
    worker: Rc<Worker>,
    stream: Option<Rc<RefCell<Stream>>>,
}

/// One stream with its session.
pub(crate) struct Stream {
    context: u32,
    worker: Rc<Worker>,
    session: Session,
    ledger: StoredLedger<host::SharedData>,
    phase: Phase,
    /// What the gateway has of the body, and how many bytes of it were handed to the session.
    offered: Offered,
    fed: usize,
    /// What the gateway had received at the head, until the body comes: for [`Stream::body_withheld`].
    received_at_head: Option<u64>,
    /// Whether it is counted as waiting, and whether it was held for long enough to be.
    waiting: bool,
    lingers: bool,
    /// Whether it ever made a call.
    asked: bool,
    /// What the client gets in place of the response chunk being handed over.
    replacement: Option<Vec<u8>>,
}

/// What the gateway has of a request's body while it holds it.
#[derive(Default)]
struct Offered {
    size: usize,
    end: End,
}

/// How a body ends, if that is known.
#[derive(Default)]
enum End {
    #[default]
    Open,
    /// With its last byte.
    Here,
    /// With these trailers, which were not handed over.
    Trailers(Headers),
}

impl HttpStream {
    /// A new stream; without a session where none can be had.
    pub(crate) fn new(context: u32, worker: Rc<Worker>) -> Self {
        let stream = Stream::new(context, Rc::clone(&worker)).map(|stream| Rc::new(RefCell::new(stream)));
        Self { context, worker, stream }
    }

    /// Feeds a callback of the request; what the gateway is to do with it.
    fn request(&self, feed: impl FnOnce(&mut Stream) -> Turn) -> Action {
        let Some(stream) = &self.stream else { return Action::Pause };
        let turn = feed(&mut stream.borrow_mut());
        if stream.borrow().is_held() {
            self.worker.enlist(self.context, Rc::clone(stream));
        }
        action(turn)
    }

    /// Feeds a callback of the response of a forwarded request; any other response is not the upstream's.
    fn response(&self, feed: impl FnOnce(&mut Stream) -> Turn) -> Action {
        match self.stream.as_ref().filter(|stream| stream.borrow().phase == Phase::Forwarded) {
            Some(stream) => action(feed(&mut stream.borrow_mut())),
            None => Action::Continue,
        }
    }

    /// There is no session: answers once, without a decision.
    fn refuse(&self) -> Action {
        self.worker.stats.add(Metric::Refused, 1);
        let text = "countersign: requests are refused: no configuration is loaded";
        self.worker.complain(host::now(), text);
        host::refuse();
        Action::Pause
    }
}

fn action(turn: Turn) -> Action {
    if turn.goes_on() { Action::Continue } else { Action::Pause }
}

impl HttpContext for HttpStream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        if self.stream.is_none() {
            return self.refuse();
        }
        self.request(|stream| stream.head(end))
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.request(|stream| stream.body(size, end))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.request(Stream::trailers)
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        self.response(|stream| stream.response_head(end))
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.response(|stream| stream.response_body(size, end))
    }

    fn on_log(&mut self) {
        if let Some(stream) = &self.stream {
            stream.borrow_mut().close();
        }
    }
}

impl Context for HttpStream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _trailers: usize) {
        self.worker.answered(token, headers, body_size);
    }

    fn on_done(&mut self) -> bool {
        if let Some(stream) = &self.stream {
            stream.borrow_mut().close();
        }
        true
    }
}

impl Drop for HttpStream {
    /// For gateways that delete a context without saying that it is done.
    fn drop(&mut self) {
        self.worker.delist(self.context);
    }
}

impl Stream {
    fn new(context: u32, worker: Rc<Worker>) -> Option<Self> {
        let engine = worker.engine()?;
        let ledger = StoredLedger::new(host::SharedData, engine.limits().ledger, worker.agreed.clone());
        let session = Session::new(engine, DecisionId::from_random(host::random()?));
        let (phase, offered, fed, received_at_head) = (Phase::Deciding, Offered::default(), 0, None);
        let (waiting, lingers, asked) = (false, false, false);
        Some(Self {
            context,
            worker,
            session,
            ledger,
            phase,
            offered,
            fed,
            received_at_head,
            waiting,
            lingers,
            asked,
            replacement: None,
        })
    }

    /// The outcome of a call of this stream's, late or not. The stream is the effective context.
    pub(crate) fn answered(&mut self, id: CallId, outcome: CallOutcome) {
        self.outside(Input::CallDone(id, outcome));
    }

    /// Time passed. The stream is the effective context.
    pub(crate) fn tick(&mut self) {
        self.lingers = true;
        let body_withheld = self.body_withheld();
        if body_withheld {
            self.worker.complain(host::now(), WITHHELD);
        }
        self.outside(Input::Tick(Tick { body_withheld }));
    }

    /// Whether time matters to it.
    pub(crate) fn wants_ticks(&self) -> bool {
        matches!(self.phase, Phase::Deciding | Phase::Forwarded) && self.session.is_waiting()
    }

    fn is_held(&self) -> bool {
        self.phase == Phase::Deciding || self.observes()
    }

    fn observes(&self) -> bool {
        self.phase == Phase::Forwarded && self.session.observes()
    }

    fn head(&mut self, end: bool) -> Turn {
        let Ok(headers) = host::request_headers() else { return self.cannot_go_on() };
        let route = if self.session.reads_route() { host::route() } else { None };
        let (source, peer) = (host::source(), host::peer());
        let head = RequestHead { headers, end, source, route, peer };
        let turn = self.drive(Input::Head(head));
        if turn == Turn::Hold && !end {
            self.received_at_head = host::received();
        }
        turn
    }

    /// `size` is that of all the gateway holds: while the stream is held, the buffer grows from callback to callback.
    fn body(&mut self, size: usize, end: bool) -> Turn {
        self.received_at_head = None;
        self.offered = Offered { size, end: if end { End::Here } else { End::Open } };
        self.hand_over()
    }

    /// Hands over what the session has room for; the gateway keeps the rest.
    fn hand_over(&mut self) -> Turn {
        let size = self.offered.size;
        let mut turn = self.phase.turn();
        while turn == Turn::Hold {
            let Some(rest) = size.checked_sub(self.fed) else { return self.cannot_go_on() };
            let length = rest.min(SLICE).min(self.session.room());
            let last = length == rest && matches!(self.offered.end, End::Here);
            if length == 0 && !last {
                break;
            }
            let Some(chunk) = host::request_body(self.fed, length) else { return self.cannot_go_on() };
            self.fed = self.fed.saturating_add(length);
            turn = self.drive(Input::Body { chunk: &chunk, end: last });
            if last {
                break;
            }
        }
        self.then_trailers(turn)
    }

    /// What follows `turn`: trailers that waited for the body before them, or until nobody waits for that any more.
    fn then_trailers(&mut self, turn: Turn) -> Turn {
        if turn == Turn::Stop || (turn == Turn::Hold && self.withholds()) {
            return turn;
        }
        match std::mem::take(&mut self.offered.end) {
            End::Open | End::Here => turn,
            End::Trailers(trailers) => match (turn, self.drive(Input::Trailers(trailers))) {
                (Turn::Release, Turn::Run) => Turn::Release,
                (Turn::Hold | Turn::Release | Turn::Run | Turn::Stop, turn) => turn,
            },
        }
    }

    /// Whether the gateway has bytes of the body that were not handed over.
    fn withholds(&self) -> bool {
        self.fed < self.offered.size
    }

    /// Trailers end the body (DESIGN H7), and follow one that was streamed past us.
    fn trailers(&mut self) -> Turn {
        self.received_at_head = None;
        match (self.phase.turn(), host::request_trailers()) {
            (Turn::Stop, _) => Turn::Stop,
            (Turn::Hold, Ok(trailers)) => {
                self.offered.end = End::Trailers(trailers);
                self.hand_over()
            }
            (Turn::Release | Turn::Run, Ok(trailers)) => self.drive(Input::Trailers(trailers)),
            (_, Err(_)) => self.cannot_go_on(),
        }
    }

    /// That the response began matters to every session, what it says only to some.
    fn response_head(&mut self, end: bool) -> Turn {
        let headers = if self.session.observes() { host::response_headers() } else { Ok(Headers::default()) };
        match headers {
            Ok(headers) => self.drive(Input::ResponseHead { headers, end }),
            Err(_) => self.cannot_go_on(),
        }
    }

    /// `size` is that of this chunk: responses are never held, and replaced in the chunks they come in.
    fn response_body(&mut self, size: usize, end: bool) -> Turn {
        if !self.session.observes() {
            return self.phase.turn();
        }
        let (mut start, mut passed, mut changed) = (0, Vec::new(), false);
        loop {
            let length = size.saturating_sub(start).min(SLICE);
            let Some(chunk) = host::response_body(start, length) else { return self.cannot_go_on() };
            start = start.saturating_add(length);
            let turn = self.drive(Input::ResponseBody { chunk: &chunk, end: end && start == size });
            if turn != Turn::Run {
                return turn;
            }
            let replacement = self.replacement.take();
            changed |= replacement.is_some();
            passed.extend(replacement.unwrap_or(chunk));
            if start >= size {
                break;
            }
        }
        let differs = changed && !(size == 0 && passed.is_empty());
        if differs && host::replace_response_body(size, &passed).is_err() {
            return self.cannot_go_on();
        }
        Turn::Run
    }

    /// The stream is over. The gateway says so twice (DESIGN H16); the session hears it once.
    fn close(&mut self) {
        if self.phase == Phase::Closed {
            return;
        }
        let step = self.handle(Input::Closed);
        self.phase = Phase::Closed;
        match step {
            Step::Cut(Cut { line, reset: _ }) => self.write(&line),
            // There is nobody left to let go, to answer or to ask for.
            Step::Wait
            | Step::Call(_)
            | Step::Forward(_)
            | Step::Reply(_)
            | Step::EditTrailers(_)
            | Step::EditResponse(_)
            | Step::ReplaceChunk(_)
            | Step::AnswerInstead(_) => {}
        }
        self.settle();
        if self.asked {
            self.worker.abandon(Owner::Stream(self.context));
        }
    }

    /// Feeds what did not come by a callback of the stream; here alone a stream is resumed.
    fn outside(&mut self, input: Input<'_>) {
        if self.phase == Phase::Closed {
            return;
        }
        let turn = match self.drive(input) {
            Turn::Hold if self.withholds() => self.hand_over(),
            turn @ (Turn::Hold | Turn::Release | Turn::Run | Turn::Stop) => self.then_trailers(turn),
        };
        match turn {
            Turn::Release => host::resume(),
            Turn::Hold | Turn::Run | Turn::Stop => {}
        }
    }

    /// The one loop: feeds an input and does what the session asks for until it waits or the stream moves on.
    fn drive(&mut self, input: Input<'_>) -> Turn {
        let mut step = self.handle(input);
        if !matches!(step, Step::Wait) {
            self.worker.count_move();
        }
        let turn = loop {
            match step {
                Step::Wait => break self.phase.turn(),
                Step::Call(call) => match self.worker.dispatch(Owner::Stream(self.context), &call) {
                    Ok(()) => {
                        self.asked = true;
                        break self.phase.turn();
                    }
                    // A refused dispatch is an outcome like any other.
                    Err(failure) => step = self.handle(Input::CallDone(call.id, CallOutcome::Failed(failure))),
                },
                Step::Forward(forward) => break self.forward(&forward),
                Step::Reply(reply) => break self.reply(&reply),
                Step::Cut(cut) => break self.cut(&cut),
                Step::EditTrailers(edits) => break self.edit_trailers(&edits),
                Step::EditResponse(edits) => break self.edit_response(&edits),
                Step::ReplaceChunk(bytes) => {
                    self.replacement = Some(bytes);
                    break self.phase.turn();
                }
                Step::AnswerInstead(reply) => break self.answer_instead(&reply),
            }
        };
        self.settle();
        turn
    }

    /// What the session says to an input. How long a decision took is known once it is there: deciding takes time, too.
    fn handle(&mut self, input: Input<'_>) -> Step {
        let newest = self.worker.engine().unwrap_or_else(|| Arc::clone(self.session.engine()));
        let mut step = self.session.handle(&newest, host::now(), input, &mut self.ledger);
        self.ledger.rest();
        if let Some(line) = step.line_mut() {
            line.finish(host::now());
        }
        step
    }

    fn forward(&mut self, forward: &Forward) -> Turn {
        if self.phase != Phase::Deciding {
            return self.cannot_go_on();
        }
        self.write(&forward.line);
        if forward.edits.iter().any(|edit| host::edit(edit).is_err()) {
            return self.cannot_go_on();
        }
        self.phase = Phase::Forwarded;
        Turn::Release
    }

    fn reply(&mut self, reply: &Reply) -> Turn {
        if self.phase != Phase::Deciding {
            return self.cannot_go_on();
        }
        self.write(&reply.line);
        self.phase = Phase::Answered;
        host::reply(reply);
        Turn::Stop
    }

    /// Only while they are in our hands: in their own callback.
    fn edit_trailers(&mut self, edits: &[HeaderEdit]) -> Turn {
        if self.phase != Phase::Forwarded || edits.iter().any(|edit| host::edit(edit).is_err()) {
            return self.cannot_go_on();
        }
        self.phase.turn()
    }

    fn edit_response(&mut self, edits: &[HeaderEdit]) -> Turn {
        if self.phase != Phase::Forwarded || edits.iter().any(|edit| host::edit_response(edit).is_err()) {
            return self.cannot_go_on();
        }
        self.phase.turn()
    }

    /// Only while the response's head is in our hands: nothing of it has reached the client.
    fn answer_instead(&mut self, reply: &Reply) -> Turn {
        if self.phase != Phase::Forwarded {
            return self.cannot_go_on();
        }
        self.write(&reply.line);
        self.phase = Phase::Answered;
        host::reply(reply);
        Turn::Stop
    }

    fn cut(&mut self, cut: &Cut) -> Turn {
        self.write(&cut.line);
        // Without a decision it would be held for ever.
        if cut.reset || self.phase == Phase::Deciding { self.reset() } else { self.phase.turn() }
    }

    /// The gateway did what it never should, or the session did: the stream ends here, and nothing more goes upstream.
    fn cannot_go_on(&mut self) -> Turn {
        host::log(LogLevel::Error, "countersign: a stream in an impossible state was reset");
        let turn = self.reset();
        self.settle();
        turn
    }

    fn reset(&mut self) -> Turn {
        match self.phase {
            Phase::Deciding => host::reset_request(),
            Phase::Forwarded => host::reset_response(),
            Phase::Answered | Phase::Closed => {}
        }
        self.phase = Phase::Answered;
        Turn::Stop
    }

    /// The record goes out before anything else does.
    fn write(&self, line: &Line) {
        host::log(LogLevel::Info, &line.json);
        self.worker.stats.line(line);
        for (name, value) in &line.fields {
            host::expose(name, value);
        }
    }

    /// Keeps the table and the gauge in step with the phase.
    fn settle(&mut self) {
        // Most requests are held for less than a tick: to count them in and out would cost each of them two hostcalls.
        let waiting = self.phase == Phase::Deciding && (self.lingers || self.asked);
        if waiting != self.waiting {
            self.waiting = waiting;
            self.worker.stats.add(Metric::Waiting, if waiting { 1 } else { -1 });
        }
        if !self.is_held() {
            self.worker.delist(self.context);
        }
    }

    /// Bytes came after the head and were not handed over (DESIGN H1). A slow client looks different: nothing came.
    fn body_withheld(&self) -> bool {
        self.session.awaits_body()
            && self.received_at_head.is_some_and(|head| host::received().is_some_and(|now| now > head))
    }
}
