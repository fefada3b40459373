//! What the host knows: streams, calls, metrics, and what it is told to get wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::shared::SharedData;

/// Header fields in order, duplicates kept, values as bytes.
pub type Pairs = Vec<(String, Vec<u8>)>;

/// A status of the ABI, for [`ScriptedHost::fail`](super::ScriptedHost::fail).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is no such thing.
    NotFound = 1,
    /// It cannot be done with these arguments, or not now.
    BadArgument = 2,
    /// Somebody else wrote the value.
    CasMismatch = 8,
    /// The gateway failed.
    InternalFailure = 10,
    /// The gateway does not have this call. SDK 0.2.5 does not know the status.
    Unimplemented = 12,
}

/// How the gateway is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Body bytes are not handed over while headers are held: `allow_on_headers_stop_iteration` is missing
    /// (ARCHITECTURE H1).
    pub withholds_bodies: bool,
    /// What other workers of the same process share with this one.
    pub shared: SharedData,
    /// The route chosen for every request, if the gateway says.
    pub route: Option<String>,
    /// The peer's address, if the gateway says.
    pub source: Option<String>,
    /// The certificate of the connection's other end: SHA-256 in hexadecimal, first URI.
    pub certificate: Option<(String, Option<String>)>,
    /// The plugin has no name.
    pub unnamed: bool,
    /// The gateway knows no foreign function.
    pub no_foreign_functions: bool,
    /// Wall clock at the start, since 1970.
    pub now: Duration,
}

/// Names one stream of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamHandle(pub(super) u32);

/// A call the module made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// Names the call; never used again.
    pub token: u32,
    /// Where it goes.
    pub cluster: String,
    /// Pseudo-headers included.
    pub headers: Pairs,
    /// Empty when there is none.
    pub body: Vec<u8>,
    /// After which a gateway would give up.
    pub timeout: Duration,
    /// The stream it was made for; none for the background's.
    pub stream: Option<StreamHandle>,
}

/// How a call ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An answer arrives.
    Response {
        /// Sent as `:status`.
        status: u16,
        /// Without `:status`.
        headers: Pairs,
        /// In one piece.
        body: Vec<u8>,
    },
    /// The connection fails: no headers, no body, no trailers (ARCHITECTURE H2).
    Reset,
    /// The gateway gives up and answers 504 itself (ARCHITECTURE H2).
    Timeout,
}

/// What went upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Pseudo-headers included, after the module's edits.
    pub headers: Pairs,
    /// As far as it went.
    pub body: Vec<u8>,
    /// If there were any.
    pub trailers: Option<Pairs>,
    /// Whether the request is complete.
    pub ended: bool,
}

/// The answer the module sent itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The HTTP status.
    pub status: u32,
    /// Without `:status`.
    pub headers: Pairs,
    /// Empty when there is none.
    pub body: Vec<u8>,
}

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line was logged: level (0 trace to 5 critical) and text.
    Log(u32, String),
    /// A request's headers went upstream.
    Forward(StreamHandle),
    /// A request was answered.
    Reply(StreamHandle),
    /// A stream was reset.
    Reset(StreamHandle),
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its headers are in the module's hands.
    Held,
    /// Its headers went upstream.
    Upstream,
    /// Answered or reset.
    Ended,
}

/// What of a response a callback is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    ResponseHead,
    ResponseBody,
}

/// What the client got of a response, as far as it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Pseudo-headers included, after the module's edits; empty before the head.
    pub headers: Pairs,
    pub body: Vec<u8>,
    /// How often the module read the body.
    pub read: usize,
    /// Whether the response is complete.
    pub ended: bool,
}

/// One stream.
#[derive(Debug)]
pub(super) struct StreamState {
    pub(super) place: Place,
    pub(super) headers: Pairs,
    pub(super) head_bytes: usize,
    pub(super) received: usize,
    /// What is held: grows until the request goes.
    pub(super) held: Vec<u8>,
    /// What a body callback sees.
    pub(super) visible: Vec<u8>,
    pub(super) request_ended: bool,
    pub(super) trailers: Option<Pairs>,
    pub(super) response_headers: Option<Pairs>,
    pub(super) response_chunk: Vec<u8>,
    pub(super) shows: Option<Shown>,
    pub(super) delivered: Delivered,
    pub(super) forwarded: Option<Forwarded>,
    pub(super) reply: Option<LocalReply>,
    pub(super) was_reset: bool,
    pub(super) filter_state: BTreeMap<String, Vec<u8>>,
}

/// What a hostcall asked for that happens after the callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deferred {
    Resume(StreamHandle),
    Reply(StreamHandle),
}

/// One metric.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) value: i64,
    pub(super) samples: Vec<u64>,
}

/// Everything.
pub(super) struct State {
    pub(super) options: Options,
    pub(super) now: Duration,
    /// What passes between two looks at the clock.
    pub(super) passing: Duration,
    pub(super) configuration: Vec<u8>,
    /// The contexts of the plugin, the one that gets new streams last.
    pub(super) roots: Vec<u32>,
    pub(super) environment: Vec<(String, String)>,
    /// The context hostcalls are about.
    pub(super) effective: u32,
    pub(super) streams: BTreeMap<u32, StreamState>,
    /// Streams that are over, for those who want to look.
    pub(super) past: BTreeMap<u32, StreamState>,
    pub(super) calls: BTreeMap<u32, HttpCall>,
    pub(super) next_token: u32,
    /// The answer being delivered.
    pub(super) answer: Option<(Pairs, Vec<u8>)>,
    pub(super) metrics: Vec<Metric>,
    pub(super) events: Vec<Event>,
    pub(super) failing: BTreeMap<String, Status>,
    pub(super) refused_clusters: BTreeSet<String>,
    pub(super) refuses_calls: bool,
    pub(super) deferred: Vec<Deferred>,
    pub(super) violation: Option<String>,
    pub(super) tick_period: Option<Duration>,
    pub(super) random: u64,
    pub(super) hostcalls: u64,
}

impl State {
    pub(super) fn new(configuration: &[u8], environment: &[(&str, &str)], options: Options) -> Self {
        Self {
            now: options.now,
            passing: Duration::ZERO,
            options,
            configuration: configuration.to_vec(),
            roots: Vec::new(),
            environment: environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            effective: 0,
            streams: BTreeMap::new(),
            past: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_token: 1,
            answer: None,
            metrics: Vec::new(),
            events: Vec::new(),
            failing: BTreeMap::new(),
            refused_clusters: BTreeSet::new(),
            refuses_calls: false,
            deferred: Vec::new(),
            violation: None,
            tick_period: None,
            random: 0,
            hostcalls: 0,
        }
    }

    /// Notes that the module made a hostcall.
    pub(super) fn made(&mut self) {
        self.hostcalls = self.hostcalls.saturating_add(1);
    }

    /// The stream hostcalls are about, if they are about one.
    pub(super) fn stream(&mut self) -> Option<&mut StreamState> {
        self.streams.get_mut(&self.effective)
    }

    /// Notes the first breach of the protocol; the error that unwinds the module.
    pub(super) fn breach(&mut self, what: &str) -> wasmtime::Error {
        let text = format!("{what} (context {})", self.effective);
        self.violation.get_or_insert(text.clone());
        wasmtime::Error::msg(text)
    }
}

impl StreamState {
    pub(super) fn new(headers: Pairs, request_ended: bool) -> Self {
        let head_bytes = headers.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
        Self {
            place: Place::Held,
            headers,
            head_bytes,
            received: 0,
            held: Vec::new(),
            visible: Vec::new(),
            request_ended,
            trailers: None,
            response_headers: None,
            response_chunk: Vec::new(),
            shows: None,
            delivered: Delivered::default(),
            forwarded: None,
            reply: None,
            was_reset: false,
            filter_state: BTreeMap::new(),
        }
    }
}
