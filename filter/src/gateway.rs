//! What the engine's loop needs of the gateway, for one stream. Decides nothing.

use std::rc::Rc;
use std::sync::Arc;

use countersign_engine::Engine;
use countersign_engine::drive::{Complaint, Host, Leg, Unable};
use countersign_engine::record::Line;
use countersign_engine::reply::Reply;
use countersign_facts::calls::{Call, CallFailure};
use countersign_facts::headers::{HeaderEdit, Headers, RequestHead};
use countersign_facts::ledger::{Ledger, StoredLedger};
use countersign_tokens::UnixTime;
use proxy_wasm::types::{LogLevel, Status};

use crate::calls::Owner;
use crate::host;
use crate::worker::Worker;

/// The gateway as the stream with this context sees it, which is the effective one.
pub(crate) struct Gateway {
    pub(crate) context: u32,
    pub(crate) worker: Rc<Worker>,
    ledger: StoredLedger<host::SharedData>,
    /// Whether the stream ever made a call.
    asked: bool,
}

impl Gateway {
    /// Of the stream with `context`, which `engine` decides about at first.
    pub(crate) fn new(context: u32, worker: Rc<Worker>, engine: &Engine) -> Self {
        let ledger = StoredLedger::new(host::SharedData, engine.limits().ledger, worker.agreed.clone());
        Self { context, worker, ledger, asked: false }
    }

    /// Whether the stream ever made a call.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked
    }
}

impl Host for Gateway {
    fn now(&self) -> UnixTime {
        host::now()
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        self.worker.engine()
    }

    fn ledger(&mut self) -> &mut dyn Ledger {
        &mut self.ledger
    }

    fn request_head(&mut self, end: bool, route: bool) -> Result<RequestHead, Unable> {
        let headers = able(host::request_headers())?;
        let route = if route { host::route() } else { None };
        Ok(RequestHead { headers, end, source: host::source(), route, peer: host::peer() })
    }

    fn request_trailers(&mut self) -> Result<Headers, Unable> {
        able(host::request_trailers())
    }

    fn response_head(&mut self) -> Result<Headers, Unable> {
        able(host::response_headers())
    }

    fn body(&mut self, leg: Leg, start: usize, length: usize) -> Result<Vec<u8>, Unable> {
        let bytes = match leg {
            Leg::Request => host::request_body(start, length),
            Leg::Response => host::response_body(start, length),
        };
        bytes.ok_or(Unable)
    }

    fn received(&mut self) -> Option<u64> {
        host::received()
    }

    fn write(&mut self, line: &Line) {
        self.worker.count_move();
        host::log(LogLevel::Info, &line.json);
        self.worker.stats.line(line);
        for (name, value) in &line.fields {
            host::expose(name, value);
        }
    }

    fn dispatch(&mut self, call: &Call) -> Result<(), CallFailure> {
        self.worker.dispatch(Owner::Stream(self.context), call)?;
        self.worker.count_move();
        self.asked = true;
        Ok(())
    }

    fn edit(&mut self, leg: Leg, edits: &[HeaderEdit]) -> Result<(), Unable> {
        let edit = match leg {
            Leg::Request => host::edit,
            Leg::Response => host::edit_response,
        };
        edits.iter().try_for_each(|one| able(edit(one)))
    }

    fn replace(&mut self, size: usize, bytes: &[u8]) -> Result<(), Unable> {
        able(host::replace_response_body(size, bytes))
    }

    fn reply(&mut self, reply: &Reply) {
        host::reply(reply);
    }

    fn reset(&mut self, leg: Leg) {
        self.worker.count_move();
        match leg {
            Leg::Request => host::reset_request(),
            Leg::Response => host::reset_response(),
        }
    }

    fn complain(&mut self, complaint: Complaint) {
        match complaint {
            // It would come with every request.
            Complaint::BodyWithheld => self.worker.complain(host::now(), complaint.text()),
            Complaint::ImpossibleState => host::log(LogLevel::Error, complaint.text()),
        }
    }
}

fn able<T>(result: Result<T, Status>) -> Result<T, Unable> {
    result.map_err(|_| Unable)
}
