//! What a [`Drive`](super::Drive) needs of whatever it runs in.

use std::sync::Arc;

use countersign_facts::calls::{Call, CallFailure};
use countersign_facts::headers::{HeaderEdit, Headers, RequestHead};
use countersign_facts::ledger::Ledger;
use countersign_tokens::UnixTime;

use crate::engine::Engine;
use crate::record::Line;
use crate::reply::Reply;

/// One stream's gateway: what is read from it and what is done with it.
///
/// A [`Drive`](super::Drive) asks for a section or for bytes only while the gateway has them: in the event that brings them, and
/// for the request's body as long as the stream is held.
pub trait Host {
    /// The wall clock.
    fn now(&self) -> UnixTime;

    /// The engine that new streams get at the moment; `None` where there is none, and then a stream keeps its own.
    fn engine(&self) -> Option<Arc<Engine>>;

    /// What is spent, and what workers share.
    fn ledger(&mut self) -> &mut dyn Ledger;

    /// The request's head. `route` says whether the gateway's name for the route can matter; `end`, that neither body nor trailers
    /// follow.
    fn request_head(&mut self, end: bool, route: bool) -> Result<RequestHead, Unable>;

    /// The request's trailers.
    fn request_trailers(&mut self) -> Result<Headers, Unable>;

    /// The header fields of the upstream's response.
    fn response_head(&mut self) -> Result<Headers, Unable>;

    /// Exactly `length` bytes from `start`: of all that the gateway holds of the request's body, or of the chunk of the response's
    /// body that is passing.
    fn body(&mut self, leg: Leg, start: usize, length: usize) -> Result<Vec<u8>, Unable>;

    /// How many bytes of the request the gateway has received, head included, if it says.
    fn received(&mut self) -> Option<u64>;

    /// Writes a line of the record, and counts it. Always comes before what the line is about is done.
    fn write(&mut self, line: &Line);

    /// Sends a call, whose outcome goes to [`Drive::answered`](super::Drive::answered).
    fn dispatch(&mut self, call: &Call) -> Result<(), CallFailure>;

    /// Edits the request's header fields and trailers while it is held or while its trailers pass; or the response's header fields
    /// in the event that brings them.
    fn edit(&mut self, leg: Leg, edits: &[HeaderEdit]) -> Result<(), Unable>;

    /// Lets `bytes` pass in place of the chunk of the response's body, which is `size` bytes.
    fn replace(&mut self, size: usize, bytes: &[u8]) -> Result<(), Unable>;

    /// Answers the client, once for a stream: while the request is held, or in place of a response of which only the head has come.
    fn reply(&mut self, reply: &Reply);

    /// Ends the stream without an answer: before anything of it went upstream, or after.
    fn reset(&mut self, leg: Leg);

    /// Tells the operator what is wrong with the gateway.
    fn complain(&mut self, complaint: Complaint);
}

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    Request,
    Response,
}

/// The gateway does not do what was asked of it. The stream is then reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unable;

/// What an operator has to know of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// It has body bytes and does not hand them over.
    BodyWithheld,
    /// It did what it never should, or a session did.
    ImpossibleState,
}

impl Complaint {
    /// For its log.
    pub fn text(self) -> &'static str {
        match self {
            Self::BodyWithheld => {
                "countersign: this gateway withholds request bodies while headers are held; set \
                 `allow_on_headers_stop_iteration: true` in the Wasm PluginConfig (Envoy 1.35 or newer). \
                 Until then requests whose body must be read are answered 503."
            }
            Self::ImpossibleState => "countersign: a stream in an impossible state was reset",
        }
    }
}
