//! The one loop between a gateway and a [`Session`]: what happens on a stream goes in, and what the session wants is done.
//!
//! Holding, letting go and ending a stream happen here only, in whatever it runs: the filter, the tests' drivers, `explain`. A
//! request is let go for a [`Forward`] alone. Where a gateway does what a session has no input for, the stream is reset.

mod flow;
mod host;

use std::sync::Arc;

use countersign_facts::calls::{CallId, CallOutcome};
use countersign_facts::headers::{HeaderEdit, Headers};

use crate::forward::Forward;
use crate::io::{Cut, Input, Step, Tick};
use crate::reply::Reply;
use crate::session::Session;
pub use flow::Flow;
use flow::Phase;
pub use host::{Complaint, Host, Leg, Unable};

/// Body bytes handed to a session at a time.
const SLICE: usize = 64 * 1024;

/// One stream under way: its session, and how far it got.
///
/// Every method takes one event of the stream and says how the stream goes on.
pub struct Drive {
    session: Session,
    phase: Phase,
    /// What the gateway has of the body, and how many bytes of it were handed to the session.
    offered: Offered,
    fed: usize,
    /// What the gateway had received at the head, until the body comes: for [`Drive::body_withheld`].
    received_at_head: Option<u64>,
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

impl Drive {
    /// Of a new stream, about which `session` decides.
    pub fn new(session: Session) -> Self {
        let (phase, offered, fed, received_at_head) = (Phase::Deciding, Offered::default(), 0, None);
        Self { session, phase, offered, fed, received_at_head, replacement: None }
    }

    /// Whether there is no decision yet.
    pub fn is_undecided(&self) -> bool {
        self.phase == Phase::Deciding
    }

    /// Whether outcomes of calls or the passing of time can still matter to it.
    pub fn is_held(&self) -> bool {
        self.is_undecided() || (self.phase == Phase::Forwarded && self.session.observes())
    }

    /// Whether it has to hear that time passes.
    pub fn wants_ticks(&self) -> bool {
        matches!(self.phase, Phase::Deciding | Phase::Forwarded) && self.session.is_waiting()
    }

    /// The request's head is there; `end`, if nothing follows it.
    pub fn head(&mut self, host: &mut impl Host, end: bool) -> Flow {
        let Ok(head) = host.request_head(end, self.session.reads_route()) else { return self.cannot_go_on(host) };
        let flow = self.feed(host, Input::Head(head));
        if flow == Flow::Hold && !end {
            self.received_at_head = host.received();
        }
        flow
    }

    /// More of the request's body is there. `size` is that of all the gateway holds: while the stream is held, its buffer grows
    /// from event to event.
    pub fn body(&mut self, host: &mut impl Host, size: usize, end: bool) -> Flow {
        self.received_at_head = None;
        self.offered = Offered { size, end: if end { End::Here } else { End::Open } };
        self.hand_over(host)
    }

    /// The request's trailers are there. They end the body (ARCHITECTURE H7), and follow one that was streamed past us.
    pub fn trailers(&mut self, host: &mut impl Host) -> Flow {
        self.received_at_head = None;
        match (self.phase.flow(), host.request_trailers()) {
            (Flow::Stop, _) => Flow::Stop,
            (Flow::Hold, Ok(trailers)) => {
                self.offered.end = End::Trailers(trailers);
                self.hand_over(host)
            }
            (Flow::Release | Flow::Run, Ok(trailers)) => self.feed(host, Input::Trailers(trailers)),
            (_, Err(Unable)) => self.cannot_go_on(host),
        }
    }

    /// The head of a response is there. That it began matters to every session, what it says only to some; a response to anything
    /// but a forwarded request is not the upstream's, and passes.
    pub fn response_head(&mut self, host: &mut impl Host, end: bool) -> Flow {
        if self.phase != Phase::Forwarded {
            return Flow::Run;
        }
        let headers = if self.session.observes() { host.response_head() } else { Ok(Headers::default()) };
        match headers {
            Ok(headers) => self.feed(host, Input::ResponseHead { headers, end }),
            Err(Unable) => self.cannot_go_on(host),
        }
    }

    /// A chunk of the response's body is there, of `size` bytes: responses are never held, and replaced in the chunks they come in.
    pub fn response_body(&mut self, host: &mut impl Host, size: usize, end: bool) -> Flow {
        if self.phase != Phase::Forwarded || !self.session.observes() {
            return Flow::Run;
        }
        let (mut start, mut passed, mut changed) = (0, Vec::new(), false);
        loop {
            let length = size.saturating_sub(start).min(SLICE);
            let Ok(chunk) = host.body(Leg::Response, start, length) else { return self.cannot_go_on(host) };
            start = start.saturating_add(length);
            let flow = self.feed(host, Input::ResponseBody { chunk: &chunk, end: end && start == size });
            if flow != Flow::Run {
                return flow;
            }
            let replacement = self.replacement.take();
            changed |= replacement.is_some();
            passed.extend(replacement.unwrap_or(chunk));
            if start >= size {
                break;
            }
        }
        let differs = changed && !(size == 0 && passed.is_empty());
        if differs && host.replace(size, &passed).is_err() {
            return self.cannot_go_on(host);
        }
        Flow::Run
    }

    /// How a call of this stream's ended, late or not.
    pub fn answered(&mut self, host: &mut impl Host, id: CallId, outcome: CallOutcome) -> Flow {
        self.outside(host, Input::CallDone(id, outcome))
    }

    /// Time passed.
    pub fn tick(&mut self, host: &mut impl Host) -> Flow {
        let body_withheld = self.body_withheld(host);
        if body_withheld {
            host.complain(Complaint::BodyWithheld);
        }
        self.outside(host, Input::Tick(Tick { body_withheld }))
    }

    /// The stream is over. A gateway may say so twice (ARCHITECTURE H16); the session hears it once.
    pub fn close(&mut self, host: &mut impl Host) {
        if self.phase == Phase::Closed {
            return;
        }
        let step = self.handle(host, Input::Closed);
        self.phase = Phase::Closed;
        match step {
            Step::Cut(Cut { line, reset: _ }) => host.write(&line),
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
    }

    /// Hands over what the session has room for; the gateway keeps the rest.
    fn hand_over(&mut self, host: &mut impl Host) -> Flow {
        let size = self.offered.size;
        let mut flow = self.phase.flow();
        while flow == Flow::Hold {
            let Some(rest) = size.checked_sub(self.fed) else { return self.cannot_go_on(host) };
            let length = rest.min(SLICE).min(self.session.room());
            let last = length == rest && matches!(self.offered.end, End::Here);
            if length == 0 && !last {
                break;
            }
            let Ok(chunk) = host.body(Leg::Request, self.fed, length) else { return self.cannot_go_on(host) };
            self.fed = self.fed.saturating_add(length);
            flow = self.feed(host, Input::Body { chunk: &chunk, end: last });
            if last {
                break;
            }
        }
        self.then_trailers(host, flow)
    }

    /// What follows `flow`: trailers that waited for the body before them, or until nobody waits for that any more.
    fn then_trailers(&mut self, host: &mut impl Host, flow: Flow) -> Flow {
        if flow == Flow::Stop || (flow == Flow::Hold && self.withholds()) {
            return flow;
        }
        match std::mem::take(&mut self.offered.end) {
            End::Open | End::Here => flow,
            End::Trailers(trailers) => match (flow, self.feed(host, Input::Trailers(trailers))) {
                (Flow::Release, Flow::Run) => Flow::Release,
                (Flow::Hold | Flow::Release | Flow::Run | Flow::Stop, flow) => flow,
            },
        }
    }

    /// Whether the gateway has bytes of the body that were not handed over.
    fn withholds(&self) -> bool {
        self.fed < self.offered.size
    }

    /// Bytes came after the head and were not handed over (ARCHITECTURE H1). A slow client looks different: nothing
    /// came.
    fn body_withheld(&self, host: &mut impl Host) -> bool {
        self.session.awaits_body()
            && self.received_at_head.is_some_and(|head| host.received().is_some_and(|now| now > head))
    }

    /// Feeds what did not come on the stream itself.
    fn outside(&mut self, host: &mut impl Host, input: Input<'_>) -> Flow {
        match self.feed(host, input) {
            Flow::Hold if self.withholds() => self.hand_over(host),
            flow @ (Flow::Hold | Flow::Release | Flow::Run | Flow::Stop) => self.then_trailers(host, flow),
        }
    }

    /// Feeds an input and does what the session asks for until it waits or the stream moves on.
    fn feed(&mut self, host: &mut impl Host, input: Input<'_>) -> Flow {
        // What was answered or reset hears only its end: a decision that comes now could not be done.
        if matches!(self.phase, Phase::Answered | Phase::Closed) {
            return Flow::Stop;
        }
        let mut step = self.handle(host, input);
        loop {
            match step {
                Step::Wait => return self.phase.flow(),
                Step::Call(call) => match host.dispatch(&call) {
                    Ok(()) => return self.phase.flow(),
                    // A refused dispatch is an outcome like any other.
                    Err(failure) => {
                        step = self.handle(host, Input::CallDone(call.id, CallOutcome::Failed(failure)));
                    }
                },
                Step::Forward(forward) => return self.forward(host, &forward),
                Step::Reply(reply) => return self.reply(host, Phase::Deciding, &reply),
                Step::Cut(cut) => return self.cut(host, &cut),
                Step::EditTrailers(edits) => return self.edit(host, Leg::Request, &edits),
                Step::EditResponse(edits) => return self.edit(host, Leg::Response, &edits),
                Step::ReplaceChunk(bytes) => {
                    self.replacement = Some(bytes);
                    return self.phase.flow();
                }
                Step::AnswerInstead(reply) => return self.reply(host, Phase::Forwarded, &reply),
            }
        }
    }

    /// What the session says to an input. How long a decision took is known once it is there: deciding takes time, too.
    fn handle(&mut self, host: &mut impl Host, input: Input<'_>) -> Step {
        let newest = host.engine().unwrap_or_else(|| Arc::clone(self.session.engine()));
        let now = host.now();
        let ledger = host.ledger();
        let mut step = self.session.handle(&newest, now, input, ledger);
        ledger.rest();
        if let Some(line) = step.line_mut() {
            line.finish(host.now());
        }
        step
    }

    fn forward(&mut self, host: &mut impl Host, forward: &Forward) -> Flow {
        if self.phase != Phase::Deciding {
            return self.cannot_go_on(host);
        }
        host.write(&forward.line);
        if host.edit(Leg::Request, &forward.edits).is_err() {
            return self.cannot_go_on(host);
        }
        self.phase = Phase::Forwarded;
        Flow::Release
    }

    /// Answers a request that is held, or in place of its response, nothing of which has reached the client: in which `phase` that
    /// is.
    fn reply(&mut self, host: &mut impl Host, phase: Phase, reply: &Reply) -> Flow {
        if self.phase != phase {
            return self.cannot_go_on(host);
        }
        host.write(&reply.line);
        self.phase = Phase::Answered;
        host.reply(reply);
        Flow::Stop
    }

    /// Only of what is in our hands: in its own event.
    fn edit(&mut self, host: &mut impl Host, leg: Leg, edits: &[HeaderEdit]) -> Flow {
        if self.phase != Phase::Forwarded || host.edit(leg, edits).is_err() {
            return self.cannot_go_on(host);
        }
        self.phase.flow()
    }

    fn cut(&mut self, host: &mut impl Host, cut: &Cut) -> Flow {
        host.write(&cut.line);
        // Without a decision it would be held for ever.
        if cut.reset || self.phase == Phase::Deciding { self.reset(host) } else { self.phase.flow() }
    }

    /// The gateway did what it never should, or the session did: the stream ends here, and nothing more goes upstream.
    fn cannot_go_on(&mut self, host: &mut impl Host) -> Flow {
        host.complain(Complaint::ImpossibleState);
        self.reset(host)
    }

    fn reset(&mut self, host: &mut impl Host) -> Flow {
        match self.phase {
            Phase::Deciding => host.reset(Leg::Request),
            Phase::Forwarded => host.reset(Leg::Response),
            Phase::Answered | Phase::Closed => {}
        }
        self.phase = Phase::Answered;
        Flow::Stop
    }
}
