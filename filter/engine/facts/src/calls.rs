//! Calls to clusters that the gateway knows, and how they end. Nothing here makes one, or judges what came of it.

use std::time::Duration;

use crate::headers::Headers;

/// Names one call of one session or of the background; never reused within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// One HTTP request to a cluster the gateway knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub id: CallId,
    /// The gateway's name for the destination.
    pub cluster: String,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// `http` or `https`.
    pub scheme: String,
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Further header fields, lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
}

impl Call {
    /// To `endpoint`, for as long as it is given.
    pub fn to(
        endpoint: &Endpoint,
        id: CallId,
        method: &'static str,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Self {
        let Endpoint { cluster, scheme, authority, path, timeout } = endpoint.clone();
        Self { id, cluster, method, scheme, authority, path, headers, body, timeout }
    }
}

/// How a call ended. Success is decided by whoever asked, from status and body; never by the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// An answer with a status arrived. A gateway's own 504 for a timeout is one too (ARCHITECTURE H2).
    Response { status: u16, headers: Headers, body: Vec<u8> },
    /// No answer: the dispatch was refused, the connection failed or was reset.
    Failed(CallFailure),
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// The gateway would not send it (unknown cluster, too many calls).
    NotDispatched,
    /// It was sent and no answer came (connection refused, reset, gateway timeout without a status).
    NoAnswer,
    /// The answer's body is larger than the shell reads.
    TooLarge,
}

/// An HTTP address and the gateway's name for the way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub cluster: String,
    /// `http` or `https`.
    pub scheme: String,
    pub authority: String,
    /// Path and query, at least `/`.
    pub path: String,
    pub timeout: Duration,
}
