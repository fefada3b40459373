//! The message of an A2A request: the JSON-RPC envelope, and what the parameters name.
//!
//! Readers of protobuf's JSON take `taskId` and `task_id` for the same member, others do not: where a name is looked up, both
//! spellings together are refused.

use countersign_facts::fold::fold;
use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, Members};

use super::Read;
use super::methods::{self, Names, Row, Version};
use crate::action::rpc::{self, Kind, Message, Rejection};
use crate::action::strict::{self, name};

/// Characters of an id or a URL.
const MAX_NAME: usize = 2048;

/// The parameters of an operation, wherever they were written.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// Of `params`, or of a REST body.
    pub(super) members: Option<Members>,
    /// What the path or the query names.
    pub(super) task: Option<String>,
    pub(super) context: Option<String>,
    pub(super) tenant: Option<String>,
    /// Whether they are those of 0.3.
    pub(super) old: bool,
}

/// What policies and grants can read of them.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) task: Option<String>,
    pub(super) context: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) url: Option<String>,
}

/// The one JSON-RPC request in `body`.
pub(super) fn read(body: &[u8], version: Version) -> Result<Read, Rejection> {
    let Message { id, kind } = rpc::read(body)?;
    // There are no notifications, and nothing that a client answers.
    let (Some(id), Kind::Call { method, params: members }) = (id, kind) else {
        return Err(Reason::MalformedMessage.into());
    };
    match methods::named(&method, version) {
        Some(row) => {
            let parameters = Parameters { members, old: row.old == Some(method.as_str()), ..Parameters::default() };
            Ok(Read { method: row, parameters, id: Some(id) })
        }
        None => Err(Rejection { reason: Reason::UnknownMethod, id: Some(id) }),
    }
}

/// The members of a REST body; none of an empty one.
pub(super) fn body(body: &[u8]) -> Result<Option<Members>, Reason> {
    if body.is_empty() { Ok(None) } else { strict::object(body).map(Some) }
}

/// What `parameters` of `method` name; what path and body say both must be the same.
pub(super) fn facts(method: &Row, parameters: &Parameters) -> Result<Facts, Reason> {
    let none = Members::new();
    let members = parameters.members.as_ref().unwrap_or(&none);
    let mut task = parameters.task.clone();
    let mut context = parameters.context.clone();
    let mut tenant = parameters.tenant.clone();
    settle(&mut tenant, text(members, "tenant")?)?;
    match method.task {
        Names::Nothing => settle(&mut context, text(members, "contextId")?)?,
        Names::Message => {
            let message = member(members, "message")?.and_then(Json::as_object).ok_or(Reason::MalformedMessage)?;
            settle(&mut task, text(message, "taskId")?)?;
            settle(&mut context, text(message, "contextId")?)?;
        }
        Names::Member(new, old) => {
            // `id` names the task for some and a configuration for others: by the words the request is in, or behind a path.
            let named = if parameters.old { old } else { new };
            settle(&mut task, text(members, named)?)?;
            if parameters.old {
                settle(&mut task, text(members, new)?)?;
            }
            task.as_ref().ok_or(Reason::MalformedMessage)?;
        }
    }
    Ok(Facts { task, context, tenant, url: url(method, members)? })
}

/// Where push notifications are to go: the one `url` in what configures them.
fn url(method: &Row, members: &Members) -> Result<Option<String>, Reason> {
    let mut found = Vec::new();
    for (key, value) in members.iter().filter(|(key, _)| !["message", "metadata"].contains(&plain(key).as_str())) {
        collect(key, value, method.configures, &mut found);
    }
    match found.as_slice() {
        [] if method.configures => Err(Reason::MalformedMessage),
        [] => Ok(None),
        [url] => Ok(Some(name(Some(url), MAX_NAME)?.to_owned())),
        // Which of two is meant is the agent's choice.
        [..] => Err(Reason::AmbiguousArguments),
    }
}

/// Every `url` that is in a configuration of push notifications, however deep and however spelt.
fn collect<'v>(key: &str, value: &'v Json, within: bool, found: &mut Vec<&'v Json>) {
    let key = plain(key);
    if within && key == "url" {
        found.push(value);
        return;
    }
    let within = within || key.contains("pushnotification");
    match value {
        Json::Object(members) => members.iter().for_each(|(key, value)| collect(key, value, within, found)),
        Json::Array(items) => items.iter().for_each(|value| collect("", value, within, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// The member that every reader takes for `wanted`.
fn member<'m>(members: &'m Members, wanted: &str) -> Result<Option<&'m Json>, Reason> {
    let wanted = plain(wanted);
    let mut matching = members.iter().filter(|(key, _)| plain(key) == wanted).map(|(_, value)| value);
    let first = matching.next();
    if matching.next().is_some() { Err(Reason::MalformedJson) } else { Ok(first) }
}

/// An id; absent when it is `null` or, as protobuf's JSON writes what is not set, empty.
fn text(members: &Members, wanted: &str) -> Result<Option<String>, Reason> {
    match member(members, wanted)? {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if text.is_empty() => Ok(None),
        Some(value) => Ok(Some(name(Some(value), MAX_NAME)?.to_owned())),
    }
}

fn settle(known: &mut Option<String>, said: Option<String>) -> Result<(), Reason> {
    match (&known, said) {
        (Some(known), Some(said)) if *known != said => Err(Reason::AmbiguousArguments),
        (None, Some(said)) => {
            *known = Some(said);
            Ok(())
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// Without underscores and case: `task_id` and `taskId` are one name to some readers.
fn plain(name: &str) -> String {
    fold(&name.replace('_', ""))
}
