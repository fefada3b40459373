//! What the request is about to do, read exactly as the server behind the gateway will read it.
//!
//! Never decides: whatever cannot be read one way only is a [`Reason`](countersign_facts::reason::Reason), which denies.

pub mod a2a;
mod following;
pub mod grpc;
pub mod http;
pub mod mcp;
mod read;
mod rpc;
mod strict;

use std::borrow::Cow;

use countersign_facts::digest::SentDigest;
use countersign_tokens::json::Members;
use serde_json::Value;

use crate::catalogue::{Endpoint, Resource, Tool};
use crate::route::{self, Target};
pub use following::Following;
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

    /// What kind of thing an HTTP method does (RFC 9110 §9.2.1): what is not known to be safe, writes.
    fn of_http(method: &str) -> Self {
        match method {
            "GET" | "HEAD" | "OPTIONS" => Self::Read,
            _ => Self::Write,
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

    /// The entry in `resource`, which it is for, of the tool, endpoint or method that it is, if it is a declared one.
    pub fn entry<'r>(&self, resource: &'r Resource) -> Option<&'r Tool> {
        self.tool().and_then(|tool| resource.tools.get(tool))
    }

    /// The labels of that entry.
    pub fn labels<'r>(&self, resource: &'r Resource) -> &'r [String] {
        self.entry(resource).map_or(&[], |tool| &tool.labels)
    }

    /// Where it goes; none where the authority is none.
    pub fn host(&self) -> Option<String> {
        route::host_of(&self.authority)
    }

    /// The operation as records, grants and policies spell it: `mcp:tools/call`, `mcp:GET`, `http:POST`.
    pub fn name(&self) -> String {
        match &self.operation {
            Operation::Http { method, .. } => format!("http:{method}"),
            Operation::Endpoint(call) => format!("http:{}", call.method),
            Operation::ToolCall(_) => "mcp:tools/call".to_owned(),
            Operation::Event(call) => format!("mcp:{}", call.method),
            Operation::Mcp(operation) => format!("mcp:{}", operation.method),
            Operation::A2a(operation) => format!("a2a:{}", operation.method),
            Operation::Grpc(_) => grpc::CALL.to_owned(),
        }
    }

    /// What kind of thing it does.
    pub fn class(&self) -> Class {
        match &self.operation {
            Operation::Http { method, .. } => Class::of_http(method),
            Operation::Endpoint(call) => Class::of_http(&call.method),
            Operation::ToolCall(_) | Operation::Grpc(_) => Class::Execute,
            Operation::Event(call) => call.class,
            Operation::Mcp(operation) => operation.class,
            Operation::A2a(operation) => operation.class,
        }
    }

    /// What is acted on, below the resource's name: the tool, the path, the URI; if anything is named.
    pub fn object(&self) -> Option<&str> {
        match &self.operation {
            Operation::Http { path, .. } => Some(path),
            Operation::Endpoint(call) => Some(&call.endpoint),
            Operation::ToolCall(call) => Some(&call.tool),
            Operation::Event(call) => Some(&call.event),
            Operation::Mcp(operation) => operation.target.as_deref(),
            Operation::A2a(operation) => operation.target.as_deref(),
            Operation::Grpc(call) => Some(&call.method),
        }
    }

    /// A second name of what is acted on: of an endpoint its path, which no endpoint's name looks like.
    pub fn other_object(&self) -> Option<&str> {
        match &self.operation {
            Operation::Endpoint(call) => Some(&call.path),
            Operation::Http { .. }
            | Operation::ToolCall(_)
            | Operation::Event(_)
            | Operation::Mcp(_)
            | Operation::A2a(_)
            | Operation::Grpc(_) => None,
        }
    }

    /// The name under which the catalogue may declare it as a tool.
    pub fn tool(&self) -> Option<&str> {
        match &self.operation {
            Operation::Endpoint(call) => Some(&call.endpoint),
            Operation::ToolCall(call) => Some(&call.tool),
            Operation::Event(call) => Some(&call.declared),
            Operation::Grpc(call) => Some(&call.method),
            Operation::Http { .. } | Operation::Mcp(_) | Operation::A2a(_) => None,
        }
    }

    /// The tool of an MCP server that it calls.
    pub fn called_tool(&self) -> Option<&str> {
        if let Operation::ToolCall(call) = &self.operation { Some(&call.tool) } else { None }
    }

    /// The endpoint that it is, of those that `resource` declares.
    pub fn endpoint<'r>(&self, resource: &'r Resource) -> Option<&'r Endpoint> {
        if let Operation::Endpoint(call) = &self.operation { resource.interface.endpoint(&call.endpoint) } else { None }
    }

    /// What it names where that is more than one thing.
    pub fn several(&self) -> &[String] {
        match &self.operation {
            Operation::Mcp(operation) => &operation.several,
            Operation::Http { .. }
            | Operation::Endpoint(_)
            | Operation::ToolCall(_)
            | Operation::Event(_)
            | Operation::A2a(_)
            | Operation::Grpc(_) => &[],
        }
    }

    /// The action for each thing it names, where it names more than one.
    pub fn parts(&self) -> Vec<Cow<'_, Self>> {
        match &self.operation {
            Operation::Mcp(operation) if !operation.several.is_empty() => {
                let Self { resource, operation: _, method, authority, port, target, body_digest, carried } = self;
                let McpOperation { method: called, class, target: _, several: _, digest, offered, id } = operation;
                // Without a copy of all the others in each.
                let part = |name: &String| {
                    Cow::Owned(Self {
                        resource: resource.clone(),
                        operation: Operation::Mcp(McpOperation {
                            method: called,
                            class: *class,
                            target: Some(name.clone()),
                            several: Vec::new(),
                            digest: *digest,
                            offered: offered.clone(),
                            id: id.clone(),
                        }),
                        method: method.clone(),
                        authority: authority.clone(),
                        port: *port,
                        target: target.clone(),
                        body_digest: *body_digest,
                        carried: carried.clone(),
                    })
                };
                operation.several.iter().map(part).collect()
            }
            Operation::Http { .. }
            | Operation::Endpoint(_)
            | Operation::ToolCall(_)
            | Operation::Event(_)
            | Operation::Mcp(_)
            | Operation::A2a(_)
            | Operation::Grpc(_) => vec![Cow::Borrowed(self)],
        }
    }

    /// The arguments policies and grants can read; none where there are none or they were not read.
    pub fn arguments(&self) -> Option<&Members> {
        match &self.operation {
            Operation::Endpoint(call) => call.arguments.as_ref(),
            Operation::ToolCall(call) => Some(&call.arguments),
            Operation::Event(call) => Some(&call.arguments),
            Operation::A2a(operation) => Some(&operation.arguments),
            Operation::Grpc(call) => call.arguments.as_ref(),
            Operation::Http { .. } | Operation::Mcp(_) => None,
        }
    }

    /// Where its server is told to send what happens, if it is told so.
    pub fn delivery(&self) -> Option<&Delivery> {
        match &self.operation {
            Operation::Event(call) => call.delivery.as_ref(),
            Operation::Http { .. }
            | Operation::Endpoint(_)
            | Operation::ToolCall(_)
            | Operation::Mcp(_)
            | Operation::A2a(_)
            | Operation::Grpc(_) => None,
        }
    }

    /// The JSON-RPC id to answer with, if the request had one.
    pub fn rpc_id(&self) -> Option<&Value> {
        match &self.operation {
            Operation::ToolCall(call) => Some(&call.id),
            Operation::Event(call) => Some(&call.id),
            Operation::Mcp(operation) => operation.id.as_ref(),
            Operation::A2a(operation) => operation.id.as_ref(),
            Operation::Http { .. } | Operation::Endpoint(_) | Operation::Grpc(_) => None,
        }
    }

    /// Digest of its arguments or parameters, if it has any.
    pub fn arguments_digest(&self) -> Option<&SentDigest> {
        match &self.operation {
            Operation::Endpoint(call) => call.digest.as_ref(),
            Operation::ToolCall(call) => Some(&call.digest),
            Operation::Event(call) => Some(&call.digest),
            Operation::Mcp(operation) => operation.digest.as_ref(),
            Operation::A2a(operation) => operation.digest.as_ref(),
            Operation::Grpc(call) => call.digest.as_ref(),
            Operation::Http { .. } => None,
        }
    }
}

#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
