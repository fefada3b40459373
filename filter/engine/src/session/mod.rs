//! One request from its first byte to its end: the flow of the crate as a state machine.
//!
//! A state is taken by value and whatever decides consumes it, so a second terminal step cannot be
//! expressed. Every wait (body, keys, approval) ends in the same place: everything is decided again
//! with the current time and the newest configuration, because expiry, ledger, keys, policy and who is denied may have
//! changed meanwhile. Once it is decided, a session stays with the configuration that decided it.

mod account;
mod agent_tasks;
mod approval;
mod decide;
mod explain;
mod list_request;
mod observe;
mod outside;
mod pending;
mod rating;
mod remedy;
mod request;
mod response;
mod running;
mod spending;
mod trial;
mod visible;
mod wanted;

use std::sync::Arc;

use countersign_facts::calls::{Call, CallId};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::Ledger;
use countersign_tokens::UnixTime;

use crate::engine::Engine;
use crate::io::{Input, Step};
pub use explain::{Explained, Listed, Waits};
use pending::Pending;
use request::Arrival;
use running::Running;

/// The decision about one stream.
pub struct Session {
    engine: Arc<Engine>,
    id: DecisionId,
    next_call: u32,
    state: State,
}

/// Where a session is. Only a [`Pending`] one can still decide.
enum State {
    /// Nothing arrived yet.
    Fresh,
    /// The request is held.
    Pending(Box<Pending>),
    /// It went upstream.
    Running(Running),
    /// Answered, cut or closed.
    Over,
}

/// What one input led to.
enum Next {
    Wait(State),
    Call(Box<Pending>, Call),
    Done(Step),
    /// Went upstream, now or before, and has something to do.
    Run(Running, Step),
}

/// What a state may use while it takes one input.
struct Turn<'a> {
    engine: &'a Engine,
    id: DecisionId,
    next_call: &'a mut u32,
    /// When the request arrived.
    arrived: UnixTime,
    now: UnixTime,
    ledger: &'a mut dyn Ledger,
}

impl Session {
    /// A session for a new stream. `id` must be random: it names the decision and seeds its challenge.
    pub fn new(engine: Arc<Engine>, id: DecisionId) -> Self {
        Self { engine, id, next_call: 0, state: State::Fresh }
    }

    /// Takes one input and says what to do next. Total: any input in any state, in any order.
    ///
    /// `newest` is the engine for new streams at the moment: what is not decided yet is decided by it.
    pub fn handle(&mut self, newest: &Arc<Engine>, now: UnixTime, input: Input<'_>, ledger: &mut dyn Ledger) -> Step {
        let older = self.renew(newest, &input);
        let arrived = match &self.state {
            State::Pending(pending) => pending.arrived(),
            State::Fresh | State::Running(_) | State::Over => now,
        };
        let mut turn = Turn { engine: &self.engine, id: self.id, next_call: &mut self.next_call, arrived, now, ledger };
        let next = match (std::mem::replace(&mut self.state, State::Over), older) {
            (State::Fresh, _) => turn.arrive(input),
            (State::Pending(pending), None) => pending.handle(&mut turn, input),
            (State::Pending(pending), Some(older)) => pending.renewed(&mut turn, &older, input),
            (State::Running(running), _) => running.handle(&mut turn, &input),
            (State::Over, _) => Next::Wait(State::Over),
        };
        let (state, step) = match next {
            Next::Wait(state) => (state, Step::Wait),
            Next::Call(pending, call) => (State::Pending(pending), Step::Call(call)),
            Next::Run(running, step) => (State::Running(running), step),
            Next::Done(step) => (State::Over, step),
        };
        self.state = state;
        step
    }

    /// Goes over to `newest` if there is still something to decide; the engine it had before, if that is another.
    fn renew(&mut self, newest: &Arc<Engine>, input: &Input<'_>) -> Option<Arc<Engine>> {
        // Who leaves asks for no decision: the record tells what was known.
        let undecided = matches!(self.state, State::Fresh | State::Pending(_)) && !matches!(input, Input::Closed);
        let renewed = undecided && !Arc::ptr_eq(newest, &self.engine);
        renewed.then(|| std::mem::replace(&mut self.engine, Arc::clone(newest)))
    }

    /// What decides it, or decided it.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Whether the decision waits for (more of) the body.
    pub(crate) fn awaits_body(&self) -> bool {
        matches!(&self.state, State::Pending(pending) if pending.awaits_body())
    }

    /// How many bytes of the body it takes now, which are held then; the gateway keeps those that come after them.
    pub fn room(&self) -> usize {
        match &self.state {
            State::Pending(pending) => pending.room(self.engine.limits()),
            State::Fresh | State::Running(_) | State::Over => usize::MAX,
        }
    }

    /// Whether the stream is held, or about to be cut off: it then wants [`Input::Tick`].
    pub fn is_waiting(&self) -> bool {
        match &self.state {
            State::Pending(_) => true,
            State::Running(running) => running.leaves(),
            State::Fresh | State::Over => false,
        }
    }

    /// Whether the gateway's name for the route can matter.
    pub(crate) fn reads_route(&self) -> bool {
        self.engine.reads_route()
    }

    /// Whether the content of the response matters: headers and body chunks must then be handed over.
    pub fn observes(&self) -> bool {
        matches!(&self.state, State::Running(running) if running.observes())
    }
}

impl Turn<'_> {
    fn arrive(&mut self, input: Input<'_>) -> Next {
        match input {
            Input::Head(head) => match Arrival::of(head, self.engine, self.now) {
                Arrival::Request(request) => Pending::begin(*request, self),
                Arrival::Metadata(described) => self.describe(&described),
                Arrival::Unmatched(unmatched) => self.unmatched(&unmatched),
                Arrival::Refused(refused) => self.refuse(&refused),
            },
            // A stream that ends before its head asked for nothing.
            Input::Closed => Next::Wait(State::Over),
            Input::Body { .. }
            | Input::Trailers(_)
            | Input::CallDone(..)
            | Input::Tick(_)
            | Input::ResponseHead { .. }
            | Input::ResponseBody { .. } => Next::Wait(State::Fresh),
        }
    }

    fn call_id(&mut self) -> CallId {
        let id = CallId(*self.next_call);
        *self.next_call = self.next_call.wrapping_add(1);
        id
    }
}
