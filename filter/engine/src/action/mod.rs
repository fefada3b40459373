//! What the request is about to do, read exactly as the server behind the gateway will read it.
//!
//! Never decides: whatever cannot be read one way only is a [`Reason`](crate::reason::Reason), which denies.

pub mod http;
pub mod mcp;

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::catalogue::Resource;
use crate::route::Target;

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
    /// Path and query as received.
    pub target: String,
    /// SHA-256 of the body bytes, when the body was held.
    pub body_digest: Option<[u8; 32]>,
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
    /// An MCP `tools/call`.
    ToolCall(ToolCall),
    /// Any other MCP message or leg.
    Mcp(McpOperation),
}

/// An MCP `tools/call`.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The tool's name after JSON unescaping.
    pub tool: String,
    /// `params.arguments`, empty when absent.
    pub arguments: Map<String, Value>,
    /// SHA-256 of the RFC 8785 form of `arguments`; where the call comes with answers to the server's questions or with
    /// state that the server wants to be reminded of (2026-07-28), of all three.
    pub digest: [u8; 32],
    /// The JSON-RPC id, to answer with.
    pub id: Value,
}

/// Any MCP operation but `tools/call`.
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
    /// SHA-256 of the RFC 8785 form of `params` (of a response: its result or error), when there are any.
    pub digest: Option<[u8; 32]>,
    /// The JSON-RPC id of a request; none for notifications, responses and legs.
    pub id: Option<Value>,
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

impl Action {
    pub(crate) fn new(
        resource: &Resource,
        target: &Target,
        operation: Operation,
        body_digest: Option<[u8; 32]>,
    ) -> Self {
        Self {
            resource: resource.name.clone(),
            operation,
            method: target.method.clone(),
            authority: target.authority.clone(),
            target: target.target.clone(),
            body_digest,
        }
    }

    /// The operation as records, grants and policies spell it: `mcp:tools/call`, `mcp:GET`, `http:POST`.
    pub fn name(&self) -> String {
        match &self.operation {
            Operation::Http { method, .. } => format!("http:{method}"),
            Operation::ToolCall(_) => "mcp:tools/call".to_owned(),
            Operation::Mcp(operation) => format!("mcp:{}", operation.method),
        }
    }

    /// What is acted on, below the resource's name: the tool, the path, the URI; if anything is named.
    pub fn object(&self) -> Option<&str> {
        match &self.operation {
            Operation::Http { path, .. } => Some(path),
            Operation::ToolCall(call) => Some(&call.tool),
            Operation::Mcp(operation) => operation.target.as_deref(),
        }
    }

    /// The action for each thing it names, where it names more than one.
    pub fn parts(&self) -> Vec<Cow<'_, Self>> {
        match &self.operation {
            Operation::Mcp(operation) if !operation.several.is_empty() => {
                let part = |name: &String| {
                    let one = McpOperation { target: Some(name.clone()), several: Vec::new(), ..operation.clone() };
                    Cow::Owned(Self { operation: Operation::Mcp(one), ..self.clone() })
                };
                operation.several.iter().map(part).collect()
            }
            Operation::Http { .. } | Operation::ToolCall(_) | Operation::Mcp(_) => vec![Cow::Borrowed(self)],
        }
    }

    /// The arguments policies and grants can read; none outside `tools/call`.
    pub fn arguments(&self) -> Option<&Map<String, Value>> {
        match &self.operation {
            Operation::ToolCall(call) => Some(&call.arguments),
            Operation::Http { .. } | Operation::Mcp(_) => None,
        }
    }

    /// The JSON-RPC id to answer with, if the request had one.
    pub fn rpc_id(&self) -> Option<&Value> {
        match &self.operation {
            Operation::ToolCall(call) => Some(&call.id),
            Operation::Mcp(operation) => operation.id.as_ref(),
            Operation::Http { .. } => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod test_support;
