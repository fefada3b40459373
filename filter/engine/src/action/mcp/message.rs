//! One JSON-RPC message (JSON-RPC 2.0 §4, as MCP narrows it): read so that no other reader sees another one.
//!
//! Beyond JSON's own rules, two members of one object may not differ in case only: decoders that match
//! member names without case (Go's `encoding/json`) would take the other one.

use std::collections::BTreeSet;

use countersign_tokens::json::{self, Limits};
use serde_json::{Map, Value};
use unicode_normalization::is_nfc;

use super::Rejection;
use super::methods::{self, Method, Names, Shape};
use crate::reason::Reason;

/// Characters of a tool's name.
const MAX_TOOL: usize = 256;
/// Characters of any other name or address.
const MAX_NAME: usize = 2048;
/// Bytes of an id that is a string.
const MAX_ID: usize = 256;

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    /// Of a request or response.
    pub(super) id: Option<Value>,
    pub(super) kind: Kind,
}

/// What a message is.
#[derive(Debug)]
pub(super) enum Kind {
    Request {
        method: &'static Method,
        params: Option<Map<String, Value>>,
    },
    Notification {
        method: &'static Method,
        params: Option<Map<String, Value>>,
    },
    /// With its result or error.
    Response(Value),
}

/// The one message in `body`.
pub(super) fn read(body: &[u8]) -> Result<Message, Rejection> {
    let value = json::parse(body, &Limits::DEFAULT).map_err(|_| Reason::MalformedJson)?;
    let mut members = match value {
        Value::Object(members) => members,
        Value::Array(_) => return Err(Reason::Batch.into()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(Reason::MalformedMessage.into());
        }
    };
    let id = members.remove("id");
    let known = id.as_ref().is_none_or(is_id);
    let answer = id.clone().filter(is_id);
    let kind = if known { kind(members, id.is_some()) } else { Err(Reason::MalformedMessage) };
    match kind {
        Ok(kind) => Ok(Message { id, kind }),
        Err(reason) => Err(Rejection { reason, id: answer }),
    }
}

/// What `params` name, by the method's row.
pub(super) fn named(method: &Method, params: Option<&Map<String, Value>>) -> Result<Option<String>, Reason> {
    let value = match method.names {
        Names::Nothing => return Ok(None),
        Names::Member(member) => params.and_then(|params| params.get(member)),
        Names::Reference => params.and_then(|params| reference(params.get("ref")?)),
    };
    Ok(Some(name(value, MAX_NAME)?.to_owned()))
}

/// The tool and the arguments of a `tools/call`.
pub(super) fn tool_call(mut params: Map<String, Value>) -> Result<(String, Map<String, Value>), Reason> {
    let tool = name(params.remove("name").as_ref(), MAX_TOOL)?.to_owned();
    let arguments = object(params.remove("arguments"))?.unwrap_or_default();
    object(params.remove("_meta"))?;
    object(params.remove("task"))?;
    if params.is_empty() { Ok((tool, arguments)) } else { Err(Reason::MalformedMessage) }
}

/// `members` without the id.
fn kind(mut members: Map<String, Value>, has_id: bool) -> Result<Kind, Reason> {
    if !members.values().all(is_unambiguous) {
        return Err(Reason::MalformedJson);
    }
    if members.remove("jsonrpc").as_ref().and_then(Value::as_str) != Some("2.0") {
        return Err(Reason::MalformedMessage);
    }
    let Some(method) = members.remove("method") else { return response(members, has_id) };
    let params = object(members.remove("params"))?;
    if !members.is_empty() {
        return Err(Reason::MalformedMessage);
    }
    let method = method.as_str().ok_or(Reason::MalformedMessage)?;
    let method = methods::find(method).ok_or(Reason::UnknownMethod)?;
    match (method.shape, has_id) {
        (Shape::Request, true) => Ok(Kind::Request { method, params }),
        (Shape::Notification, false) => Ok(Kind::Notification { method, params }),
        (Shape::Request | Shape::Notification | Shape::Response | Shape::Leg, _) => Err(Reason::MalformedMessage),
    }
}

fn response(mut members: Map<String, Value>, has_id: bool) -> Result<Kind, Reason> {
    let outcome = match (members.remove("result"), members.remove("error")) {
        (Some(result), None) => result,
        (None, Some(error)) if error.is_object() => error,
        (Some(_), Some(_)) | (None, Some(_) | None) => return Err(Reason::MalformedMessage),
    };
    if has_id && members.is_empty() { Ok(Kind::Response(outcome)) } else { Err(Reason::MalformedMessage) }
}

fn is_id(id: &Value) -> bool {
    match id {
        Value::String(text) => text.len() <= MAX_ID,
        Value::Number(number) => !number.is_f64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn object(value: Option<Value>) -> Result<Option<Map<String, Value>>, Reason> {
    match value {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(Reason::MalformedMessage)
        }
    }
}

/// Whether `text` can name a tool, or anything else.
pub(super) fn is_name(text: &str, tool: bool) -> bool {
    name(Some(&Value::from(text)), if tool { MAX_TOOL } else { MAX_NAME }).is_ok()
}

/// A name with one spelling: no control characters, and composed (Unicode NFC) so that a server that normalises
/// reads the same.
fn name(value: Option<&Value>, longest: usize) -> Result<&str, Reason> {
    let name = value.and_then(Value::as_str).ok_or(Reason::MalformedMessage)?;
    let usable = !name.is_empty()
        && name.chars().count() <= longest
        && !name.chars().any(char::is_control)
        && (name.is_ascii() || is_nfc(name));
    if usable { Ok(name) } else { Err(Reason::MalformedMessage) }
}

/// `{"type": "ref/prompt", "name": …}` or `{"type": "ref/resource", "uri": …}`, not both.
fn reference(value: &Value) -> Option<&Value> {
    let (member, other) = match value.get("type")?.as_str()? {
        "ref/prompt" => ("name", "uri"),
        "ref/resource" => ("uri", "name"),
        _ => return None,
    };
    if value.get(other).is_some() { None } else { value.get(member) }
}

/// Depth is bounded by the parser, which also refuses numbers that readers round differently.
fn is_unambiguous(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => items.iter().all(is_unambiguous),
        Value::Object(members) => distinct(members) && members.values().all(is_unambiguous),
    }
}

fn distinct(members: &Map<String, Value>) -> bool {
    let mut seen = BTreeSet::new();
    members.len() < 2 || members.keys().all(|key| seen.insert(fold(key)))
}

/// Upper case first, so that `ſ` and the Kelvin sign end where `s` and `k` do.
fn fold(key: &str) -> String {
    key.to_uppercase().to_lowercase()
}
