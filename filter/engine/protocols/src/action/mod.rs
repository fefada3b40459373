//! What the request is about to do, read exactly as the server behind the gateway will read it.
//!
//! Four protocols behind one face. `read` takes a request, `following` says what of its body that needs, `method` lists what each
//! protocol can be asked for and how actions are called, and `about` has what there is to know of an action. Code of another
//! room that matches on a protocol or an [`Operation`] is a sign that something is missing here.
//!
//! Never decides: whatever cannot be read one way only is a [`Reason`](countersign_facts::reason::Reason), which denies.

pub mod a2a;
mod about;
mod following;
pub mod grpc;
pub mod http;
mod listing;
pub mod mcp;
mod method;
mod outline;
mod read;
mod rpc;
mod strict;

use countersign_facts::digest::SentDigest;
use countersign_tokens::json::Members;
use serde_json::Value;

use crate::catalogue::Resource;
use crate::route::{self, Target};
pub use about::{DeclaredIn, Key};
pub use following::Following;
pub use listing::Listing;
pub use method::{Method, Spelled};
pub use outline::Outline;
pub use read::Beside;
pub use rpc::Rejection;

/// What this request does.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The configured name of the protected resource.
    pub resource: String,
    /// Protocol and operation.
    pub operation: Operation,
    /// The HTTP method as received.
    pub method: String,
    /// `:authority` as received.
    pub authority: String,
    /// The port in `:authority`, else that of the scheme.
    pub port: u16,
    /// Path and query as received.
    pub target: String,
    /// SHA-256 of the body bytes, when the body was held.
    pub body_digest: Option<[u8; 32]>,
    /// Names that it carries where arguments are, as far as somebody asks for them, and that nothing declares: no policy sees
    /// what they stand for. Of prompts, of paths that are no endpoint, of gRPC metadata.
    pub carried: Vec<String>,
}

/// Protocol and operation, with what the operation names.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A plain HTTP request: `method` on `path` (without query).
    Http {
        /// As received.
        method: String,
        /// As received.
        path: String,
    },
    /// A request for a declared endpoint of an HTTP API.
    Endpoint(EndpointCall),
    /// An MCP `tools/call`.
    ToolCall(ToolCall),
    /// An MCP request about an event.
    Event(EventCall),
    /// Any other MCP message or leg.
    Mcp(McpOperation),
    /// An A2A operation.
    A2a(A2aOperation),
    /// A gRPC call.
    Grpc(GrpcCall),
}

/// A request for a declared endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointCall {
    /// Its configured name.
    pub endpoint: String,
    /// As received.
    pub method: String,
    /// As received.
    pub path: String,
    /// None where nothing needed them to be read.
    pub arguments: Option<Members>,
    /// Their digest.
    pub digest: Option<SentDigest>,
}

/// An MCP `tools/call`.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The tool's name after JSON unescaping.
    pub tool: String,
    /// `params.arguments`, empty when absent.
    pub arguments: Members,
    /// Digest of `arguments`; where the call comes with answers to the server's questions or with
    /// state that the server wants to be reminded of (2026-07-28), of all three.
    pub digest: SentDigest,
    /// The JSON-RPC id, to answer with.
    pub id: Value,
}

/// An MCP request about an event: a subscription to it, the end of one, or what happened (SEP-3415).
#[derive(Clone, Debug, PartialEq)]
pub struct EventCall {
    /// The JSON-RPC method: `events/subscribe`.
    pub method: &'static str,
    /// What kind of thing the method does.
    pub class: Class,
    /// The event's name after JSON unescaping.
    pub event: String,
    /// The name under which the catalogue may declare it: the method, `/` and the event.
    pub declared: String,
    /// `params.arguments`, empty when absent.
    pub arguments: Members,
    /// Where what happens is sent, of a subscription with a webhook.
    pub delivery: Option<Delivery>,
    /// Digest of `params`, without `_meta` and the secret that deliveries are signed with.
    pub digest: SentDigest,
    /// The JSON-RPC id, to answer with.
    pub id: Value,
}

/// Where a server sends what happens: an address that the client chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// An `https` URL in normal form.
    pub url: String,
    /// Its host, lower case.
    pub host: String,
    pub port: u16,
    /// For how many seconds it asks to be sent to; absent where its server is to say, or where it asks for no end.
    pub ttl: Option<u64>,
}

impl Delivery {
    /// The one at `authority`, of which no more is known.
    pub fn at(authority: &str) -> Self {
        let (host, port) = route::split_port(authority);
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(HTTPS);
        Self { url: format!("https://{authority}"), host: host.to_owned(), port, ttl: None }
    }

    /// Host and port, as an authority spells them.
    pub fn authority(&self) -> String {
        if self.port == HTTPS { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// The port of `https`.
pub(crate) const HTTPS: u16 = 443;

/// Any MCP operation but `tools/call` and those about events.
#[derive(Clone, Debug, PartialEq)]
pub struct McpOperation {
    /// The JSON-RPC method, or `GET` / `DELETE` for the transport's legs (MCP Streamable HTTP).
    pub method: &'static str,
    /// What kind of thing the method does.
    pub class: Class,
    /// What the method names: a prompt, a resource URI, a task; if it names one thing.
    pub target: Option<String>,
    /// What it names if that is more than one thing: all of them. Each is decided by itself ([`Action::parts`]).
    pub several: Vec<String>,
    /// Digest of `params` (of a response: its result or error), when there are any.
    pub digest: Option<SentDigest>,
    /// The version that `initialize` offers, if that can be repeated in an answer.
    pub offered: Option<String>,
    /// The JSON-RPC id of a request; none for notifications, responses and legs.
    pub id: Option<Value>,
}

/// An A2A operation, whichever binding and version it came in.
#[derive(Clone, Debug, PartialEq)]
pub struct A2aOperation {
    /// Its name in A2A 1.0, or `AgentCard`.
    pub method: &'static str,
    /// What kind of thing it does.
    pub class: Class,
    /// The task it names, or the context.
    pub target: Option<String>,
    /// What of its parameters policies and grants can read; see [`a2a`].
    pub arguments: Members,
    /// Digest of all parameters, when there are any.
    pub digest: Option<SentDigest>,
    /// The JSON-RPC id, where it came so.
    pub id: Option<Value>,
}

/// A gRPC call.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcCall {
    /// `package.Service/Method`.
    pub method: String,
    /// The metadata that is declared to be arguments; none where nothing is declared.
    pub arguments: Option<Members>,
    /// Their digest.
    pub digest: Option<SentDigest>,
}

/// What kind of thing a method does, coarsely: what grants and policies speak about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Session plumbing: `initialize`, `ping`, notifications, the GET and DELETE legs. Covered by any grant on the resource.
    Control,
    /// Lists what exists. Covered by any grant on the resource.
    List,
    /// Reads something named: needs a grant.
    Read,
    /// Changes something named that goes on by itself, such as a task: needs a grant.
    Write,
    /// Runs something: needs a grant.
    Execute,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 5] = [Self::Control, Self::List, Self::Read, Self::Write, Self::Execute];

    /// As configuration spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
        }
    }

    /// Whether any grant on the resource covers it.
    pub const fn is_incidental(self) -> bool {
        match self {
            Self::Control | Self::List => true,
            Self::Read | Self::Write | Self::Execute => false,
        }
    }
}

impl Action {
    pub fn new(resource: &Resource, target: &Target, operation: Operation, body_digest: Option<[u8; 32]>) -> Self {
        Self {
            resource: resource.name.clone(),
            operation,
            method: target.method.clone(),
            authority: target.authority.clone(),
            port: target.port,
            target: target.target.clone(),
            body_digest,
            carried: Vec::new(),
        }
    }
}

#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
