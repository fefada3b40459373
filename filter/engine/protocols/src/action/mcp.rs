//! MCP over Streamable HTTP, revisions 2024-11-05 to 2025-11-25 and 2026-07-28: one message or one leg per request.
//!
//! Reads what the server will read or refuses: no batch, no second media type, no method that the message's revision does
//! not have, no header that names another thing than the body, no URI that is not in normal form. Whether the operation may
//! run is not decided here.
//!
//! Source: modelcontextprotocol/modelcontextprotocol, `docs/specification/2025-11-25/basic/transports.mdx`,
//! `docs/specification/2026-07-28/basic/transports/streamable-http.mdx` and `schema/<revision>/schema.ts`.

mod era;
pub(in crate::action) mod fields;
mod message;
mod methods;
mod parameters;
pub mod transport;
mod uri;

use countersign_facts::digest::{self, SentDigest};
use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, Members};
use serde_json::Value;

use self::fields::{Required, Said};
use self::message::{Call, Event};
use self::methods::{Names, Row, Shape};
use super::rpc::{self, Kind, Message, Rejection};
use super::{Action, Class, EventCall, Listing, McpOperation, Method, Operation, ToolCall};
use crate::catalogue::{Protocol, Resource};
use crate::route::Target;
pub(crate) use era::requested;
pub use era::{Era, said_without_session};
pub(crate) use methods::Answer;
pub use parameters::is_parameter;

/// What of the eras with sessions may not reach a server that reads a request without one: a server of both eras could
/// take the request for one of that session, which nobody has checked.
const OF_SESSIONS: &[&str] = &["mcp-session-id", "last-event-id"];

impl Resource {
    /// Whether a request for it with `headers` is one of a session, or may open one.
    pub fn has_sessions(&self, headers: &Headers) -> bool {
        self.protocol == Protocol::Mcp && !Era::stateless(headers)
    }

    /// The fields of a request for it with `headers` that may not reach it, because they would make it one of a session.
    pub fn fields_out_of_session(&self, headers: &Headers) -> &'static [&'static str] {
        if self.protocol == Protocol::Mcp && Era::stateless(headers) { OF_SESSIONS } else { &[] }
    }
}

/// Whether the operation can only be read from the body. Where it is not, a request may not have one.
fn needs_body(method: &str) -> Result<bool, Reason> {
    if method == "OPTIONS" { Ok(false) } else { methods::has_message(method).ok_or(Reason::MethodNotAllowed) }
}

/// The method that calls a tool.
pub(super) const CALL: Method = methods::TOOLS_CALL.method();

/// Every method, for what is the same in all protocols.
pub(super) fn methods() -> &'static [Method] {
    &methods::METHODS
}

/// The methods that use the elements of `listing`.
pub(super) fn uses(listing: Listing) -> impl Iterator<Item = Method> {
    methods::uses(listing).map(Row::method)
}

/// What of the answer to `operation` is read.
pub(super) fn answer(operation: &McpOperation) -> Answer {
    methods::named(operation.method).map_or(Answer::Nothing, |row| row.answer)
}

/// Whether what `operation` names may be URIs.
pub(super) fn names_uris(operation: &McpOperation) -> bool {
    methods::named(operation.method).is_some_and(|row| row.method().names_uris())
}

/// Whether `operation` names a URI with user information, of a scheme of which everybody knows that it is not the host (RFC 9110
/// §4.2.4): to whoever does not name it whole, it shows another place than it leads to.
pub(super) fn has_user(operation: &McpOperation) -> bool {
    operation.target.as_deref().is_some_and(uri::has_user) && names_uris(operation)
}

/// Whether only the era without sessions has `method`.
pub fn is_stateless(method: &str) -> bool {
    methods::is_stateless(method)
}

/// The methods that are about an event, each with its class.
pub fn about_events() -> impl Iterator<Item = (&'static str, Class)> {
    methods::about_events().map(|row| (row.name, row.class))
}

/// The name under which the catalogue declares `event` for `method`, which may be written as an action (`mcp:events/poll`).
pub fn declared(method: &str, event: &str) -> String {
    format!("{}/{event}", method.strip_prefix("mcp:").unwrap_or(method))
}

/// The method and the event that `name` is the name of in the catalogue, if that can be one.
pub fn event(name: &str) -> Option<(Method, &str)> {
    // Most names of tools have none.
    let mut events = name.contains('/').then(methods::about_events).into_iter().flatten();
    events.find_map(|row| {
        let event = name.strip_prefix(row.name)?.strip_prefix('/')?;
        Some((row.method(), event))
    })
}

/// The event that is called `name` in the catalogue, if that can be one.
pub fn event_name(name: &str) -> Option<&str> {
    event(name).map(|(_, event)| event)
}

/// Whether a request could name `name`: a tool, or anything else.
pub(super) fn can_be_named(name: &str, tool: bool) -> bool {
    message::is_name(name, tool)
}

/// What an MCP request does; `body` whole, when there is one.
///
/// `OPTIONS` is no leg of the protocol: it is the HTTP action `http:OPTIONS`.
pub fn read(resource: &Resource, target: &Target, headers: &Headers, body: Option<&[u8]>) -> Result<Action, Rejection> {
    if needs_body(&target.method)? {
        return read_message(resource, target, headers, body.unwrap_or_default());
    }
    fields::check_bodiless(headers, body)?;
    if target.method == "OPTIONS" {
        return Ok(super::http::read(resource, target, body)?);
    }
    let era = Era::of(headers)?;
    fields::check_mirrors(headers, Said::default())?;
    parameters::check_none(headers)?;
    let leg = methods::leg(era, &target.method).ok_or(Reason::MethodNotAllowed)?;
    Ok(Action::new(resource, target, Operation::Mcp(leg.operation()), body.map(digest::of_bytes)))
}

fn read_message(resource: &Resource, target: &Target, headers: &Headers, body: &[u8]) -> Result<Action, Rejection> {
    fields::check_media(headers)?;
    let Message { id, kind } = rpc::read(body)?;
    let operation = match kind {
        Kind::Response(outcome) => response(headers, &outcome).map(|operation| (operation, Vec::new())),
        Kind::Call { method, params } => call(resource, headers, &method, params, id.as_ref()),
    };
    match operation {
        Ok((operation, carried)) => {
            Ok(Action { carried, ..Action::new(resource, target, operation, Some(digest::of_bytes(body))) })
        }
        Err(reason) => Err(Rejection { reason, id }),
    }
}

fn response(headers: &Headers, outcome: &Json) -> Result<Operation, Reason> {
    let row = methods::response(era::agree(headers, None)?).ok_or(Reason::MalformedMessage)?;
    fields::check_mirrors(headers, Said::default())?;
    parameters::check_none(headers)?;
    let digest = Some(SentDigest::of(outcome));
    Ok(Operation::Mcp(McpOperation { digest, ..row.operation() }))
}

/// A request, or without `id` a notification; and the names of arguments that nothing can declare.
fn call(
    resource: &Resource,
    headers: &Headers,
    method: &str,
    params: Option<Members>,
    id: Option<&Value>,
) -> Result<(Operation, Vec<String>), Reason> {
    let era = era::agree(headers, params.as_ref())?;
    if era.is_stateless() && id.is_some() {
        era::check_request(params.as_ref())?;
    }
    let unknown = if era.is_stateless() { Reason::MethodNotFound } else { Reason::UnknownMethod };
    let method = methods::find(era, method).ok_or(unknown)?;
    if (method.shape == Shape::Request) != id.is_some() {
        return Err(Reason::MalformedMessage);
    }
    message::check_progress(method, params.as_ref())?;
    let required = match (era.is_stateless() && id.is_some(), method.names.is_mirrored()) {
        (false, _) => Required::Nothing,
        (true, false) => Required::Method,
        (true, true) => Required::MethodAndName,
    };
    match (id, method.names) {
        (Some(id), Names::Tool) => tool_call(resource, headers, method, params.unwrap_or_default(), id, required)
            .map(|call| (call, Vec::new())),
        (Some(id), Names::Event { delivers }) => {
            let params = params.unwrap_or_default();
            event_call(headers, method, delivers, params, id, required).map(|call| (call, Vec::new()))
        }
        (Some(_) | None, _) => {
            let carried = message::carried(method, params.as_ref())?;
            Ok((other(headers, method, params.as_ref(), id, required)?, carried))
        }
    }
}

fn other(
    headers: &Headers,
    method: &'static Row,
    params: Option<&Members>,
    id: Option<&Value>,
    required: Required,
) -> Result<Operation, Reason> {
    let mut named = message::named(method, params)?;
    if let Some(params) = params {
        message::check_inputs(params)?;
    }
    let target = if named.len() == 1 { named.pop() } else { None };
    fields::check_mirrors(headers, Said { method: Some(method.name), name: target.as_deref(), required })?;
    parameters::check_none(headers)?;
    let digest = params.map(SentDigest::of_members);
    let offered = message::offered(method, params);
    // A stream of changes that names nothing tells what the GET leg did before: that lists have changed.
    let nothing = method.names == Names::Subscriptions && target.is_none() && named.is_empty();
    let class = if nothing { Class::Control } else { method.class };
    let id = id.cloned();
    Ok(Operation::Mcp(McpOperation { method: method.name, class, target, several: named, digest, offered, id }))
}

fn event_call(
    headers: &Headers,
    method: &Row,
    webhook: bool,
    params: Members,
    id: &Value,
    required: Required,
) -> Result<Operation, Reason> {
    let Event { name, arguments, delivery, digest } = message::event_call(params, webhook)?;
    fields::check_mirrors(headers, Said { method: Some(method.name), name: Some(&name), required })?;
    parameters::check_none(headers)?;
    let declared = declared(method.name, &name);
    let (method, class, id) = (method.name, method.class, id.clone());
    Ok(Operation::Event(EventCall { method, class, event: name, declared, arguments, delivery, digest, id }))
}

fn tool_call(
    resource: &Resource,
    headers: &Headers,
    method: &Row,
    params: Members,
    id: &Value,
    required: Required,
) -> Result<Operation, Reason> {
    let stateless = required != Required::Nothing;
    let Call { tool, arguments, inputs } = message::tool_call(params, stateless)?;
    // What is declared under this name is no tool.
    if event(&tool).is_some() && resource.tools.contains_key(&tool) {
        return Err(Reason::MalformedMessage);
    }
    fields::check_mirrors(headers, Said { method: Some(method.name), name: Some(&tool), required })?;
    parameters::check(headers, resource.tools.get(&tool), &arguments, stateless)?;
    // With inputs it is another call: an array, so that no arguments have its digest.
    let digest = match inputs {
        None => SentDigest::of_members(&arguments),
        Some((answers, state)) => SentDigest::of(&Json::Array(vec![arguments.clone().into(), answers, state])),
    };
    Ok(Operation::ToolCall(ToolCall { tool, arguments, digest, id: id.clone() }))
}

impl Row {
    fn operation(&self) -> McpOperation {
        let (method, class) = (self.name, self.class);
        McpOperation { method, class, target: None, several: Vec::new(), digest: None, offered: None, id: None }
    }
}

#[cfg(test)]
#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test documents are indexed by member; a test panics to fail"
)]
mod tests;
