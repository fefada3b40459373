//! What goes into a [`Session`](crate::Session) and what comes out: effects as data.
//!
//! The shell owns every hostcall; nothing here knows a gateway.

use countersign_facts::calls::{Call, CallId, CallOutcome};
use countersign_facts::headers::{HeaderEdit, Headers, RequestHead};

use crate::forward::Forward;
use crate::record::Line;
use crate::reply::Reply;

/// One thing that happened to a stream.
#[derive(Debug)]
pub enum Input<'a> {
    /// The request's header section, held by the gateway.
    Head(RequestHead),
    /// The next bytes of the body, in any chunking; `end` on the last.
    Body { chunk: &'a [u8], end: bool },
    /// The request's trailers: they end the body too (ARCHITECTURE H7).
    Trailers(Headers),
    /// The outcome of a [`Call`] this session asked for. An unknown or repeated id changes nothing.
    CallDone(CallId, CallOutcome),
    /// Time passed while the session waited.
    Tick(Tick),
    /// The response's header section.
    ResponseHead { headers: Headers, end: bool },
    /// The next bytes of the response body.
    ResponseBody { chunk: &'a [u8], end: bool },
    /// The stream is over, for whatever reason; nothing can be sent on it any more.
    Closed,
}

/// What the shell saw while nothing arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// The gateway received body bytes and did not hand them over: it lacks
    /// `allow_on_headers_stop_iteration` (ARCHITECTURE H1).
    pub body_withheld: bool,
}

/// What the shell must do next.
#[must_use]
#[derive(Debug)]
pub enum Step {
    /// Hold the stream (before the decision) or let it run (after it); nothing else to do.
    Wait,
    /// Hold the stream and make this call.
    Call(Call),
    /// Write the record, apply the edits, let the request go upstream.
    Forward(Forward),
    /// Write the record, answer the client; nothing went upstream.
    Reply(Reply),
    /// The stream is over or must be ended without an answer; write the line.
    Cut(Cut),
    /// In answer to [`Input::Trailers`] of a request that went upstream before: edit them and let them follow.
    EditTrailers(Vec<HeaderEdit>),
    /// In answer to [`Input::ResponseHead`]: edit the response's headers, in order, and let it run.
    EditResponse(Vec<HeaderEdit>),
    /// In answer to [`Input::ResponseBody`]: the client gets these bytes in place of the chunk. There may be none.
    ReplaceChunk(Vec<u8>),
    /// In answer to [`Input::ResponseHead`]: write the line and answer the client in place of the upstream, nothing of
    /// whose response has reached it.
    AnswerInstead(Reply),
}

impl Step {
    /// What is to be written of it, if anything is.
    pub(crate) fn line_mut(&mut self) -> Option<&mut Line> {
        match self {
            Self::Forward(forward) => Some(&mut forward.line),
            Self::Reply(reply) | Self::AnswerInstead(reply) => Some(&mut reply.line),
            Self::Cut(cut) => Some(&mut cut.line),
            Self::Wait | Self::Call(_) | Self::EditTrailers(_) | Self::EditResponse(_) | Self::ReplaceChunk(_) => None,
        }
    }
}

/// The stream is over without an answer of ours.
#[derive(Debug)]
pub struct Cut {
    /// What to write: the decision when the client left before it, `ended` after it.
    pub line: Line,
    /// Whether the gateway must reset the stream (it is still open).
    pub reset: bool,
}
