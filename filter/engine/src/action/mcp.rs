//! MCP over Streamable HTTP, revisions 2025-06-18 and 2025-11-25: one message or one leg per request.
//!
//! Reads what the server will read or refuses: no batch, no second media type, no method that is not in the
//! table, no header that names another thing than the body. Whether the operation may run is not decided here.
//!
//! Source: modelcontextprotocol/modelcontextprotocol, `docs/specification/2025-11-25/basic/transports.mdx`
//! and `schema/2025-11-25/schema.ts`.

mod fields;
mod message;
mod methods;

use serde_json::{Map, Value};

pub use methods::METHODS;

use self::message::{Kind, Message};
use self::methods::Method;
use super::{Action, McpOperation, Operation, ToolCall};
use crate::catalogue::Resource;
use crate::digest;
use crate::headers::Headers;
use crate::reason::Reason;
use crate::route::Target;

/// A request that is no readable operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// The JSON-RPC id, where it could be read: the error is answered with it.
    pub id: Option<Value>,
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self { reason, id: None }
    }
}

/// Whether the operation can only be read from the body. Where it is not, a request may not have one.
pub fn needs_body(method: &str) -> Result<bool, Reason> {
    match method {
        "POST" => Ok(true),
        "GET" | "DELETE" | "OPTIONS" => Ok(false),
        _ => Err(Reason::MethodNotAllowed),
    }
}

/// Whether a request could name `name`: a tool, or anything else.
pub(crate) fn can_be_named(name: &str, tool: bool) -> bool {
    message::is_name(name, tool)
}

/// What an MCP request does; `body` whole, when there is one.
///
/// `OPTIONS` is no leg of the protocol: it is the HTTP action `http:OPTIONS`.
pub fn read(resource: &Resource, target: &Target, headers: &Headers, body: Option<&[u8]>) -> Result<Action, Rejection> {
    if needs_body(&target.method)? {
        fields::check_version(headers)?;
        return read_message(resource, target, headers, body.unwrap_or_default());
    }
    fields::check_bodiless(headers, body)?;
    if target.method == "OPTIONS" {
        return Ok(super::http::read(resource, target, body)?);
    }
    fields::check_version(headers)?;
    fields::check_mirrors(headers, None, None)?;
    let leg = methods::leg(&target.method).ok_or(Reason::MethodNotAllowed)?;
    let operation = McpOperation { method: leg.name, class: leg.class, target: None, digest: None, id: None };
    Ok(Action::new(resource, target, Operation::Mcp(operation), body.map(digest::of_bytes)))
}

fn read_message(resource: &Resource, target: &Target, headers: &Headers, body: &[u8]) -> Result<Action, Rejection> {
    fields::check_media(headers)?;
    let Message { id, kind } = message::read(body)?;
    let operation = match kind {
        Kind::Response(outcome) => response(headers, &outcome),
        Kind::Notification { method, params } => operation(headers, method, params, None),
        Kind::Request { method, params } if method.name == methods::TOOLS_CALL => {
            tool_call(headers, params, id.clone().unwrap_or_default())
        }
        Kind::Request { method, params } => operation(headers, method, params, id.clone()),
    };
    match operation {
        Ok(operation) => Ok(Action::new(resource, target, operation, Some(digest::of_bytes(body)))),
        Err(reason) => Err(Rejection { reason, id }),
    }
}

fn response(headers: &Headers, outcome: &Value) -> Result<Operation, Reason> {
    fields::check_mirrors(headers, None, None)?;
    let digest = digest::of_json(outcome).map_err(|_| Reason::MalformedJson)?;
    let Method { name, class, .. } = *methods::RESPONSE;
    Ok(Operation::Mcp(McpOperation { method: name, class, target: None, digest: Some(digest), id: None }))
}

fn operation(
    headers: &Headers,
    method: &'static Method,
    params: Option<Map<String, Value>>,
    id: Option<Value>,
) -> Result<Operation, Reason> {
    let target = message::named(method, params.as_ref())?;
    fields::check_mirrors(headers, Some(method.name), target.as_deref())?;
    let digest = params.map(|params| digest::of_json(&params)).transpose().map_err(|_| Reason::MalformedJson)?;
    Ok(Operation::Mcp(McpOperation { method: method.name, class: method.class, target, digest, id }))
}

fn tool_call(headers: &Headers, params: Option<Map<String, Value>>, id: Value) -> Result<Operation, Reason> {
    let (tool, arguments) = message::tool_call(params.unwrap_or_default())?;
    fields::check_mirrors(headers, Some(methods::TOOLS_CALL), Some(&tool))?;
    let digest = digest::of_json(&arguments).map_err(|_| Reason::MalformedJson)?;
    Ok(Operation::ToolCall(ToolCall { tool, arguments, digest, id }))
}

#[cfg(test)]
#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test documents are indexed by member; a test panics to fail"
)]
mod tests;
