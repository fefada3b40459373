//! A2A 1.0 and 0.3, JSON-RPC and REST: one operation per request, read as an agent reads it.
//!
//! The resource's path is where the agent is: a POST to it is JSON-RPC, what is below it is REST. Batches, notifications,
//! operations that are not in the table and messages that two readers could read differently are refused. What agents answer
//! is not read here and permits nothing: in particular `AUTH_REQUIRED` is no grant of anything (1.0 §7.6).
//!
//! Source: a2aproject/A2A v1.0.1, `docs/specification.md` and `specification/a2a.proto`; v0.3.0.
//!
//! # What policies and grants can read
//!
//! The operation by its name in 1.0 (`a2a:SendMessage`), the task it names as object, and these arguments:
//!
//! | argument | from |
//! |---|---|
//! | `task` | the task that the operation or its message names |
//! | `context` | the context that it names |
//! | `tenant` | the tenant, in the path or the parameters |
//! | `url` | where push notifications are to go, in a configuration of them or with a message |
//! | `extensions` | the URIs in `A2A-Extensions` |

mod message;
mod methods;
mod rest;

use countersign_facts::digest::{self, SentDigest};
use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, Members};
use serde_json::{Value, json};

use self::message::{Parameters, facts};
use self::methods::{CARD, Names, Row, Version};
use super::mcp::fields;
use super::rpc::Rejection;
use super::{A2aOperation, Action, Method, Operation};
use crate::catalogue::Resource;
use crate::route::{Target, below, is_card};

/// The most extensions a request can name, and the longest of them.
const MAX_EXTENSIONS: usize = 32;
const MAX_EXTENSION: usize = 512;

/// Every operation, for what is the same in all protocols.
pub(super) fn methods() -> &'static [Method] {
    &methods::METHODS
}

/// Whether the answer to `operation` is about one task.
pub(super) fn tells_of_task(operation: &A2aOperation) -> bool {
    methods::row(operation.method).is_some_and(|row| row.tells)
}

/// The task that `operation` sends a message to, if it names it.
pub(super) fn messaged_task(operation: &A2aOperation) -> Option<&str> {
    let task = operation.target.as_deref()?;
    methods::row(operation.method).filter(|row| row.task == Names::Message).map(|_| task)
}

/// The JSON Schema of the arguments, the same for every operation.
pub(super) fn arguments_schema() -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text });
    json!({
        "type": "object",
        "properties": { "task": text, "context": text, "tenant": text, "url": text, "extensions": texts },
    })
}

/// Whether the operation can only be read from the body. Where it is not, a request may not have one.
pub(super) fn needs_body(target: &Target) -> Result<bool, Reason> {
    match target.method.as_str() {
        "POST" => Ok(true),
        "GET" | "DELETE" | "OPTIONS" => Ok(false),
        _ => Err(Reason::MethodNotAllowed),
    }
}

/// Whether `target` is where the agent takes JSON-RPC.
pub(crate) fn is_rpc(resource: &Resource, target: &Target) -> bool {
    target.method == "POST" && below(resource, &target.path).is_some_and(is_endpoint)
}

/// What an A2A request does; `body` whole, when there is one.
///
/// `OPTIONS` is no operation: it is the HTTP action `http:OPTIONS`.
pub fn read(resource: &Resource, target: &Target, headers: &Headers, body: Option<&[u8]>) -> Result<Action, Rejection> {
    let version = version(headers)?;
    let extensions = extensions(headers)?;
    let has_body = needs_body(target)?;
    if !has_body {
        fields::check_bodiless(headers, body)?;
    }
    if target.method == "OPTIONS" {
        return Ok(super::http::read(resource, target, body)?);
    }
    let done = |read: Read| {
        let Read { method, parameters, id } = read;
        let operation = operation(method, &parameters, extensions, id.clone());
        let operation = operation.map_err(|reason| Rejection { reason, id })?;
        Ok(Action::new(resource, target, Operation::A2a(operation), body.map(digest::of_bytes)))
    };
    if is_card(resource, target) {
        let method = methods::row(CARD).ok_or(Reason::Internal)?;
        return done(Read { method, parameters: Parameters::default(), id: None });
    }
    let rest = below(resource, &target.path).ok_or(Reason::UnknownMethod)?;
    if is_endpoint(rest) {
        if !has_body {
            return Err(Reason::UnknownMethod.into());
        }
        fields::check_media(headers)?;
        if target.query.is_some() {
            return Err(Reason::AmbiguousArguments.into());
        }
        return done(message::read(body.unwrap_or_default(), version)?);
    }
    done(rest::read(rest, target, headers, body.filter(|_| has_body))?)
}

/// A request that was read.
struct Read {
    method: &'static Row,
    parameters: Parameters,
    id: Option<Value>,
}

fn operation(
    method: &'static Row,
    parameters: &Parameters,
    extensions: Vec<String>,
    id: Option<Value>,
) -> Result<A2aOperation, Reason> {
    let facts = facts(method, parameters)?;
    let digest = parameters.members.as_ref().map(SentDigest::of_members);
    let mut arguments = Members::new();
    let texts = [("task", &facts.task), ("context", &facts.context), ("tenant", &facts.tenant), ("url", &facts.url)];
    for (name, text) in texts {
        arguments.extend(text.clone().map(|text| (name.to_owned(), Json::String(text))));
    }
    if !extensions.is_empty() {
        let extensions = extensions.into_iter().map(Json::String).collect();
        arguments.insert("extensions".to_owned(), Json::Array(extensions));
    }
    Ok(A2aOperation { method: method.name, class: method.class, target: facts.task, arguments, digest, id })
}

/// Whether what is below the agent's path is the agent itself.
fn is_endpoint(rest: &str) -> bool {
    rest.is_empty() || rest == "/"
}

/// 1.0 §3.6: `Major.Minor`, nothing else.
fn version(headers: &Headers) -> Result<Version, Reason> {
    match headers.single("a2a-version").map_err(|_| Reason::AmbiguousHeaders)? {
        None | Some(b"") => Ok(Version::Unstated),
        Some(b"1.0") => Ok(Version::V1),
        Some(b"0.3") => Ok(Version::V03),
        Some(_) => Err(Reason::UnsupportedVersion),
    }
}

/// The URIs in `A2A-Extensions` (1.0 §3.2.6), sorted.
fn extensions(headers: &Headers) -> Result<Vec<String>, Reason> {
    let mut named = Vec::new();
    for value in headers.all("a2a-extensions").chain(headers.all("x-a2a-extensions")) {
        for uri in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|uri| !uri.is_empty()) {
            let plain = uri.len() <= MAX_EXTENSION && uri.iter().all(u8::is_ascii_graphic);
            let uri = std::str::from_utf8(uri).ok().filter(|_| plain).ok_or(Reason::AmbiguousHeaders)?;
            named.push(uri.to_owned());
        }
    }
    named.sort_unstable();
    named.dedup();
    if named.len() > MAX_EXTENSIONS { Err(Reason::AmbiguousHeaders) } else { Ok(named) }
}

#[cfg(test)]
mod tests;
