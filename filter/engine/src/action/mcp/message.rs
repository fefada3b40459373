//! One JSON-RPC message (JSON-RPC 2.0 §4, as MCP narrows it): read so that no other reader sees another one.
//!
//! Beyond JSON's own rules, two members of one object may not differ in case only: decoders that match
//! member names without case (Go's `encoding/json`) would take the other one.

use std::collections::BTreeSet;

use countersign_tokens::json::{self, Limits};
use serde_json::{Map, Value};
use unicode_normalization::is_nfc;

use super::methods::{Method, Names};
use super::{Rejection, uri};
use crate::reason::Reason;

/// Characters of a tool's name.
const MAX_TOOL: usize = 256;
/// Characters of any other name or address.
const MAX_NAME: usize = 2048;
/// So many members are compared with each other.
const FEW: usize = 16;
/// Bytes of an id that is a string.
const MAX_ID: usize = 256;
/// Objects that one subscription may name.
const MAX_SUBSCRIPTIONS: usize = 64;
/// What a subscription may ask for that names nothing.
const LISTS: [&str; 3] = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"];

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
    Call { method: String, params: Option<Map<String, Value>> },
    /// With its result or error.
    Response(Value),
}

/// What a `tools/call` asks for.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) arguments: Map<String, Value>,
    /// Answers to what the server asked before, and what it wants to be reminded of (2026-07-28, multi round-trip requests).
    pub(super) inputs: Option<(Value, Value)>,
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

/// What `params` name, by the method's row: one thing, of a subscription any number.
pub(super) fn named(method: &Method, params: Option<&Map<String, Value>>) -> Result<Vec<String>, Reason> {
    let find = |key| params.map_or(Ok(None), |params| member(params, key));
    let one = |name: &str| vec![name.to_owned()];
    match method.names {
        Names::Nothing => Ok(Vec::new()),
        Names::Member(key) => name(find(key)?, MAX_NAME).map(one),
        Names::Address(key) => address(find(key)?).map(one),
        Names::Reference => reference(find("ref")?).map(one),
        Names::Subscriptions => subscriptions(find("notifications")?),
    }
}

/// Whether `params` may go with a request that can be tried again with inputs (2026-07-28).
pub(super) fn check_inputs(params: &Map<String, Value>) -> Result<(), Reason> {
    object(member(params, "inputResponses")?)?;
    match member(params, "requestState")? {
        None | Some(Value::String(_)) => Ok(()),
        Some(_) => Err(Reason::MalformedMessage),
    }
}

/// What a `tools/call` asks for; `stateless` of the era without sessions.
pub(super) fn tool_call(mut params: Map<String, Value>, stateless: bool) -> Result<Call, Reason> {
    let tool = name(params.get("name"), MAX_TOOL)?.to_owned();
    object(params.get("arguments"))?;
    object(params.get("_meta"))?;
    let mut inputs = None;
    if stateless {
        check_inputs(&params)?;
        let (answers, state) = (params.remove("inputResponses"), params.remove("requestState"));
        if answers.is_some() || state.is_some() {
            inputs = Some((answers.unwrap_or_default(), state.unwrap_or_default()));
        }
    } else {
        object(params.get("task"))?;
        params.remove("task");
    }
    let arguments = match params.remove("arguments") {
        Some(Value::Object(arguments)) => arguments,
        _ => Map::new(),
    };
    let known = |key: &String| ["name", "_meta"].contains(&key.as_str());
    if params.keys().all(known) { Ok(Call { tool, arguments, inputs }) } else { Err(Reason::MalformedMessage) }
}

/// The member `key`; refused if there is another that decoders which ignore case would take for it.
pub(super) fn member<'m>(members: &'m Map<String, Value>, key: &str) -> Result<Option<&'m Value>, Reason> {
    let found = members.get(key);
    // Beside the member itself there is none: that was checked.
    let twin = found.is_none() && members.keys().any(|other| fold(other) == fold(key));
    if twin { Err(Reason::MalformedMessage) } else { Ok(found) }
}

/// The object `value` is, if there is one.
pub(super) fn object(value: Option<&Value>) -> Result<Option<&Map<String, Value>>, Reason> {
    match value {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(Reason::MalformedMessage)
        }
    }
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
    object(members.get("params"))?;
    let params = match members.remove("params") {
        Some(Value::Object(params)) => Some(params),
        _ => None,
    };
    if !members.is_empty() {
        return Err(Reason::MalformedMessage);
    }
    match method {
        Value::String(method) => Ok(Kind::Call { method, params }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Reason::MalformedMessage)
        }
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

pub(in crate::action) fn is_id(id: &Value) -> bool {
    match id {
        Value::String(text) => text.len() <= MAX_ID,
        Value::Number(number) => !number.is_f64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether `text` can name a tool, or anything else.
pub(super) fn is_name(text: &str, tool: bool) -> bool {
    name(Some(&Value::from(text)), if tool { MAX_TOOL } else { MAX_NAME }).is_ok()
}

/// A name with one spelling: no control characters, and composed (Unicode NFC) so that a server that normalises
/// reads the same.
pub(in crate::action) fn name(value: Option<&Value>, longest: usize) -> Result<&str, Reason> {
    let name = value.and_then(Value::as_str).ok_or(Reason::MalformedMessage)?;
    let usable = !name.is_empty()
        && name.chars().count() <= longest
        && !name.chars().any(char::is_control)
        && (name.is_ascii() || is_nfc(name));
    if usable { Ok(name) } else { Err(Reason::MalformedMessage) }
}

fn address(value: Option<&Value>) -> Result<&str, Reason> {
    let address = name(value, MAX_NAME)?;
    if uri::is_normal(address) { Ok(address) } else { Err(Reason::AmbiguousUri) }
}

/// `{"type": "ref/prompt", "name": …}` or `{"type": "ref/resource", "uri": …}`, not both.
fn reference(value: Option<&Value>) -> Result<&str, Reason> {
    let reference = object(value)?.ok_or(Reason::MalformedMessage)?;
    let (prompt, resource) = (member(reference, "name")?, member(reference, "uri")?);
    match (member(reference, "type")?.and_then(Value::as_str), prompt, resource) {
        (Some("ref/prompt"), Some(_), None) => name(prompt, MAX_NAME),
        (Some("ref/resource"), None, Some(_)) => {
            let template = name(resource, MAX_NAME)?;
            if uri::is_normal_template(template) { Ok(template) } else { Err(Reason::AmbiguousUri) }
        }
        _ => Err(Reason::MalformedMessage),
    }
}

/// Every URI and task in a `SubscriptionFilter`. What is not known there could name anything.
fn subscriptions(value: Option<&Value>) -> Result<Vec<String>, Reason> {
    let mut named = Vec::new();
    for (kind, value) in object(value)?.ok_or(Reason::MalformedMessage)? {
        match (kind.as_str(), value) {
            ("resourceSubscriptions", Value::Array(addresses)) => {
                for value in addresses {
                    named.push(address(Some(value))?.to_owned());
                }
            }
            ("taskIds", Value::Array(tasks)) => {
                for value in tasks {
                    named.push(name(Some(value), MAX_NAME)?.to_owned());
                }
            }
            (kind, Value::Bool(_)) if LISTS.contains(&kind) => {}
            _ => return Err(Reason::MalformedMessage),
        }
    }
    if named.len() > MAX_SUBSCRIPTIONS { Err(Reason::MalformedMessage) } else { Ok(named) }
}

/// Depth is bounded by the parser, which also refuses numbers that readers round differently.
pub(in crate::action) fn is_unambiguous(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => items.iter().all(is_unambiguous),
        Value::Object(members) => distinct(members) && members.values().all(is_unambiguous),
    }
}

fn distinct(members: &Map<String, Value>) -> bool {
    // Nearly every object: to fold each of its names would cost more than all the rest of reading it.
    if members.len() <= FEW && members.keys().all(|key| key.is_ascii()) {
        let twice = |(at, key): (usize, &String)| {
            members.keys().skip(at.saturating_add(1)).any(|other| other.eq_ignore_ascii_case(key))
        };
        return !members.keys().enumerate().any(twice);
    }
    let mut seen = BTreeSet::new();
    members.keys().all(|key| seen.insert(fold(key)))
}

/// Upper case first, so that `ſ` and the Kelvin sign end where `s` and `k` do.
pub(in crate::action) fn fold(key: &str) -> String {
    key.to_uppercase().to_lowercase()
}
