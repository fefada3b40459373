//! What there is to know of an action, whatever its protocol.

use std::borrow::Cow;

use countersign_facts::digest::SentDigest;
use countersign_tokens::json::Members;
use serde_json::Value;

use super::mcp::Answer;
use super::method::Spelled;
use super::{Action, Class, Delivery, McpOperation, Operation, a2a, grpc, http, mcp};
use crate::catalogue::{Endpoint, Protocol, Resource, Tool};
use crate::route;

/// Which entry of an index of what a resource can be asked for an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// That of a tool, an endpoint or a gRPC method of this name.
    Tool(&'a str),
    /// That of the event which may be declared under this name; where none is, that of its method.
    Event(&'a str),
    /// That of its method.
    Method,
}

/// Where the arguments of an action are declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredIn {
    /// The `input_schema` of what it calls; of A2A its own.
    Schema,
    /// That and the metadata of its method: they are header fields.
    Metadata,
    /// The endpoint that its path is not yet.
    Endpoint,
    /// Nothing: what it names cannot be declared.
    Nothing,
}

impl Action {
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
            Operation::ToolCall(_) => mcp::CALL.action.to_owned(),
            Operation::Grpc(_) => grpc::CALL.action.to_owned(),
            Operation::Http { .. }
            | Operation::Endpoint(_)
            | Operation::Event(_)
            | Operation::Mcp(_)
            | Operation::A2a(_) => {
                let Spelled { protocol, method } = self.spelled();
                [protocol.name(), ":", method].concat()
            }
        }
    }

    /// Which entry of an index of what a resource can be asked for it is.
    pub fn key(&self) -> Key<'_> {
        match &self.operation {
            Operation::ToolCall(call) => Key::Tool(&call.tool),
            Operation::Grpc(call) => Key::Tool(&call.method),
            Operation::Endpoint(call) => Key::Tool(&call.endpoint),
            Operation::Event(call) => Key::Event(&call.declared),
            Operation::Http { .. } | Operation::Mcp(_) | Operation::A2a(_) => Key::Method,
        }
    }

    /// Its protocol and method.
    pub fn spelled(&self) -> Spelled<'_> {
        let (protocol, method) = match &self.operation {
            Operation::Http { method, .. } => (Protocol::Http, method.as_str()),
            Operation::Endpoint(call) => (Protocol::Http, call.method.as_str()),
            Operation::ToolCall(_) => (Protocol::Mcp, mcp::CALL.name),
            Operation::Event(call) => (Protocol::Mcp, call.method),
            Operation::Mcp(operation) => (Protocol::Mcp, operation.method),
            Operation::A2a(operation) => (Protocol::A2a, operation.method),
            Operation::Grpc(_) => (Protocol::Grpc, grpc::CALL.name),
        };
        Spelled { protocol, method }
    }

    /// What kind of thing it does.
    pub fn class(&self) -> Class {
        match &self.operation {
            Operation::Http { method, .. } => http::class(method),
            Operation::Endpoint(call) => http::class(&call.method),
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
        match self.key() {
            Key::Tool(name) | Key::Event(name) => Some(name),
            Key::Method => None,
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

    /// The path, without query.
    pub fn path(&self) -> &str {
        match &self.operation {
            Operation::Http { path, .. } => path,
            Operation::Endpoint(_)
            | Operation::ToolCall(_)
            | Operation::Event(_)
            | Operation::Mcp(_)
            | Operation::A2a(_)
            | Operation::Grpc(_) => self.target.split_once('?').map_or(&self.target, |(path, _)| path),
        }
    }

    /// What is acted on, unless that is the path.
    pub fn object_beside_path(&self) -> Option<&str> {
        if let Operation::Http { .. } = &self.operation { None } else { self.object() }
    }

    /// What its message is about, unless that is a tool: a prompt, a task, an event, a URI.
    pub fn topic(&self) -> Option<&str> {
        match &self.operation {
            Operation::Event(call) => Some(&call.event),
            Operation::Mcp(operation) => operation.target.as_deref(),
            Operation::A2a(operation) => operation.target.as_deref(),
            Operation::Http { .. } | Operation::Endpoint(_) | Operation::ToolCall(_) | Operation::Grpc(_) => None,
        }
    }

    /// Whether path and query may hold arguments of it.
    pub fn has_arguments_in_target(&self) -> bool {
        matches!(&self.operation, Operation::Endpoint(_))
    }

    /// Where its arguments are declared.
    pub fn declared_in(&self) -> DeclaredIn {
        match &self.operation {
            Operation::Endpoint(_) | Operation::ToolCall(_) | Operation::Event(_) | Operation::A2a(_) => {
                DeclaredIn::Schema
            }
            Operation::Grpc(_) => DeclaredIn::Metadata,
            Operation::Http { .. } => DeclaredIn::Endpoint,
            Operation::Mcp(_) => DeclaredIn::Nothing,
        }
    }

    /// Whether what it names may be URIs.
    pub fn names_uris(&self) -> bool {
        matches!(&self.operation, Operation::Mcp(operation) if mcp::names_uris(operation))
    }

    /// Whether it names a URI with user information, of a scheme of which everybody knows that it is not the host (RFC 9110 §4.2.4):
    /// to whoever does not name it whole, it shows another place than it leads to.
    pub fn names_user(&self) -> bool {
        matches!(&self.operation, Operation::Mcp(operation) if mcp::has_user(operation))
    }

    /// Whether it opens a session.
    pub fn opens_session(&self) -> bool {
        self.answer() == Answer::Session
    }

    /// The version that it offers where it opens a session, if that can be repeated in an answer.
    pub(crate) fn offered(&self) -> Option<&str> {
        if let Operation::Mcp(operation) = &self.operation { operation.offered.as_deref() } else { None }
    }

    /// The task of an A2A agent that it sends a message to, if it names it.
    pub fn messaged_task(&self) -> Option<&str> {
        if let Operation::A2a(operation) = &self.operation { a2a::messaged_task(operation) } else { None }
    }

    /// Whether its answer is about one task of an A2A agent.
    pub(crate) fn is_told_of_task(&self) -> bool {
        matches!(&self.operation, Operation::A2a(operation) if a2a::tells_of_task(operation))
    }

    /// What of the answer of an MCP server to it is read.
    pub(crate) fn answer(&self) -> Answer {
        match &self.operation {
            Operation::ToolCall(_) | Operation::Event(_) => Answer::Response,
            Operation::Mcp(operation) => mcp::answer(operation),
            Operation::Http { .. } | Operation::Endpoint(_) | Operation::A2a(_) | Operation::Grpc(_) => Answer::Nothing,
        }
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
