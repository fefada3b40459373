//! One JSON-RPC message (JSON-RPC 2.0 §4, as MCP and A2A narrow it): read so that no other reader sees another one.

use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, MAX_INTEGER, Members, Numeral};
use serde_json::Value;

use super::strict;

/// Bytes of an id that is a string.
const MAX_ID: usize = 256;

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
    /// A request, or without an id a notification, of a method that may be unknown.
    Call { method: String, params: Option<Members> },
    /// With its result or error.
    Response(Json),
}

/// The one message in `body`.
pub(super) fn read(body: &[u8]) -> Result<Message, Rejection> {
    let value = strict::parse(body)?;
    if value.is_array() {
        return Err(Reason::Batch.into());
    }
    let mut members = strict::members(value)?;
    let id = members.remove("id").map(|id| self::id(id).ok_or(Reason::MalformedMessage)).transpose()?;
    match kind(members, id.is_some()) {
        Ok(kind) => Ok(Message { id, kind }),
        Err(reason) => Err(Rejection { reason, id }),
    }
}

/// `members` without the id.
fn kind(mut members: Members, has_id: bool) -> Result<Kind, Reason> {
    // Of the members themselves, whatever is left below has no place here.
    if !members.values().all(strict::is_unambiguous) {
        return Err(Reason::MalformedJson);
    }
    if members.remove("jsonrpc").as_ref().and_then(Json::as_str) != Some("2.0") {
        return Err(Reason::MalformedMessage);
    }
    let Some(method) = members.remove("method") else { return response(members, has_id) };
    let params = members.remove("params").map(strict::members).transpose()?;
    match method {
        Json::String(method) if members.is_empty() => Ok(Kind::Call { method, params }),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            Err(Reason::MalformedMessage)
        }
    }
}

fn response(mut members: Members, has_id: bool) -> Result<Kind, Reason> {
    let outcome = match (members.remove("result"), members.remove("error")) {
        (Some(result), None) => result,
        (None, Some(error)) if error.is_object() => error,
        (Some(_), Some(_)) | (None, Some(_) | None) => return Err(Reason::MalformedMessage),
    };
    if has_id && members.is_empty() { Ok(Kind::Response(outcome)) } else { Err(Reason::MalformedMessage) }
}

/// An id is repeated to whoever sent it: a number that every reader keeps, or a text.
fn id(id: Json) -> Option<Value> {
    match id {
        Json::String(text) if text.len() <= MAX_ID => Some(Value::String(text)),
        Json::Number(number) => kept(&number).map(Value::from),
        Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// `number`, if every reader keeps it and writes it again as it was: an integer of 53 bits without point and exponent.
pub(super) fn kept(number: &Numeral) -> Option<i64> {
    number.as_plain_integer().filter(|integer| integer.unsigned_abs() <= MAX_INTEGER)
}
