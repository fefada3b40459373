//! The HTTP context: brings the gateway's callbacks to the engine's loop, and what that says back to the gateway.
//!
//! Pause, Continue and resume are here only, and follow from the loop's [`Flow`].

use std::cell::RefCell;
use std::rc::Rc;

use countersign_engine::Session;
use countersign_engine::drive::{Drive, Flow};
use countersign_facts::calls::{CallId, CallOutcome};
use countersign_facts::ids::DecisionId;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::calls::Owner;
use crate::gateway::Gateway;
use crate::host;
use crate::stats::Metric;
use crate::worker::{Waiting, Worker};

/// One stream as the gateway sees it.
pub(crate) struct HttpStream {
    context: u32,
    worker: Rc<Worker>,
    /// None where there was no configuration when it began.
    stream: Option<Rc<RefCell<Stream>>>,
}

/// One stream with its session.
pub(crate) struct Stream {
    drive: Drive,
    gateway: Gateway,
    /// Whether it is counted as waiting, and whether it was held for long enough to be.
    waiting: bool,
    lingers: bool,
}

impl HttpStream {
    /// A new stream.
    pub(crate) fn new(context: u32, worker: Rc<Worker>) -> Self {
        let stream = Stream::new(context, &worker).map(|stream| Rc::new(RefCell::new(stream)));
        Self { context, worker, stream }
    }

    /// Feeds a callback of the request; what the gateway is to do with it.
    fn request(&self, feed: impl FnOnce(&mut Drive, &mut Gateway) -> Flow) -> Action {
        let Some(stream) = &self.stream else { return Action::Pause };
        let flow = stream.borrow_mut().feed(feed);
        if stream.borrow().drive.is_held() {
            self.worker.enlist(self.context, Rc::<RefCell<Stream>>::clone(stream));
        }
        action(flow)
    }

    /// Feeds a callback of the response.
    fn response(&self, feed: impl FnOnce(&mut Drive, &mut Gateway) -> Flow) -> Action {
        let Some(stream) = &self.stream else { return Action::Continue };
        action(stream.borrow_mut().feed(feed))
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

fn action(flow: Flow) -> Action {
    if flow.goes_on() { Action::Continue } else { Action::Pause }
}

impl HttpContext for HttpStream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        if self.stream.is_none() {
            return self.refuse();
        }
        self.request(|drive, gateway| drive.head(gateway, end))
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.request(|drive, gateway| drive.body(gateway, size, end))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.request(Drive::trailers)
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        self.response(|drive, gateway| drive.response_head(gateway, end))
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.response(|drive, gateway| drive.response_body(gateway, size, end))
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
    fn new(context: u32, worker: &Rc<Worker>) -> Option<Self> {
        let engine = worker.engine()?;
        let gateway = Gateway::new(context, Rc::clone(worker), &engine);
        let drive = Drive::new(Session::new(engine, DecisionId::from_random(host::random()?)));
        Some(Self { drive, gateway, waiting: false, lingers: false })
    }

    /// The stream is over, which the gateway says twice (ARCHITECTURE H16).
    fn close(&mut self) {
        let held = self.drive.is_held();
        self.drive.close(&mut self.gateway);
        self.settle(held);
        if self.gateway.was_asked() {
            self.gateway.worker.abandon(Owner::Stream(self.gateway.context));
        }
    }

    /// Feeds what did not come by a callback of the stream; here alone a stream is resumed.
    fn outside(&mut self, feed: impl FnOnce(&mut Drive, &mut Gateway) -> Flow) {
        match self.feed(feed) {
            Flow::Release => host::resume(),
            Flow::Hold | Flow::Run | Flow::Stop => {}
        }
    }

    fn feed(&mut self, feed: impl FnOnce(&mut Drive, &mut Gateway) -> Flow) -> Flow {
        let held = self.drive.is_held();
        let flow = feed(&mut self.drive, &mut self.gateway);
        self.settle(held);
        flow
    }

    /// Keeps the table and the gauge in step with how far the stream is, which was `held` before.
    fn settle(&mut self, held: bool) {
        // Most requests are held for less than a tick: to count them in and out would cost each of them two hostcalls.
        let waiting = self.drive.is_undecided() && (self.lingers || self.gateway.was_asked());
        if waiting != self.waiting {
            self.waiting = waiting;
            self.gateway.worker.stats.add(Metric::Waiting, if waiting { 1 } else { -1 });
        }
        if held && !self.drive.is_held() {
            self.gateway.worker.delist(self.gateway.context);
        }
    }
}

impl Waiting for Stream {
    fn answered(&mut self, id: CallId, outcome: CallOutcome) {
        self.outside(|drive, gateway| drive.answered(gateway, id, outcome));
    }

    fn tick(&mut self) {
        self.lingers = true;
        self.outside(Drive::tick);
    }

    fn wants_ticks(&self) -> bool {
        self.drive.wants_ticks()
    }
}
