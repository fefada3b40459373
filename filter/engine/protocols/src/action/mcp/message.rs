//! What the parameters of an MCP message name.

use countersign_facts::digest::SentDigest;
use countersign_facts::fold;
use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, Members};

use super::methods::{Answer, Names, PROGRESS, Row};
use super::{era, uri};
use crate::action::Delivery;
use crate::action::rpc;
use crate::action::strict::{self, name};

/// Characters of a tool's name.
const MAX_TOOL: usize = 256;
/// Characters of any other name or address.
const MAX_NAME: usize = 2048;
/// Objects that one subscription may name.
const MAX_SUBSCRIPTIONS: usize = 64;
/// What a subscription may ask for that names nothing.
const LISTS: [&str; 4] = ["toolsListChanged", "promptsListChanged", "resourcesListChanged", "eventsListChanged"];
/// What else a request about an event may say (SEP-3415). What is not known there could name anything.
const OF_EVENT: [&str; 7] = ["name", "arguments", "delivery", "cursor", "maxAgeMs", "maxEvents", "ttlMs"];
const OF_DELIVERY: [&str; 3] = ["mode", "url", "secret"];
/// How a subscription is delivered.
const WEBHOOK: &str = "webhook";

/// What a `tools/call` asks for.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) arguments: Members,
    /// Answers to what the server asked before, and what it wants to be reminded of (2026-07-28, multi round-trip requests).
    pub(super) inputs: Option<(Json, Json)>,
}

/// What a request about an event asks for.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) arguments: Members,
    pub(super) delivery: Option<Delivery>,
    /// Of all parameters, but `_meta` and the secret.
    pub(super) digest: SentDigest,
}

/// What `params` name, by the method's row: one thing, of a subscription any number.
pub(super) fn named(method: &Row, params: Option<&Members>) -> Result<Vec<String>, Reason> {
    let find = |key| params.map_or(Ok(None), |params| member(params, key));
    let one = |name: &str| vec![name.to_owned()];
    match method.names {
        Names::Nothing => Ok(Vec::new()),
        Names::Member(key) => name(find(key)?, MAX_NAME).map(one),
        Names::Tool | Names::Event { delivers: _ } => name(find("name")?, MAX_NAME).map(one),
        Names::Address(key) => address(find(key)?).map(one),
        Names::Reference => reference(find("ref")?).map(one),
        Names::Subscriptions => subscriptions(find("notifications")?),
    }
}

/// The names of arguments in `params` that nothing can declare, by the method's row.
pub(super) fn carried(method: &Row, params: Option<&Members>) -> Result<Vec<String>, Reason> {
    let mut names = Vec::new();
    for place in method.arguments {
        let (mut found, mut within) = (None, params);
        for key in place.split('/').skip(1) {
            found = within.map_or(Ok(None), |within| member(within, key))?;
            within = found.and_then(Json::as_object);
        }
        match found {
            Some(Json::Object(members)) => names.extend(members.keys().cloned()),
            Some(Json::String(name)) => names.push(name.clone()),
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_)) | None => {}
        }
    }
    Ok(names)
}

/// The version that `params` offer where `method` opens a session, as far as it can be repeated. Any may be offered: what its server
/// answers is what counts.
pub(super) fn offered(method: &Row, params: Option<&Members>) -> Option<String> {
    let version = params.filter(|_| method.answer == Answer::Session)?.get("protocolVersion")?.as_str();
    version.filter(|version| era::is_plain(version)).map(str::to_owned)
}

/// Whether the progress token that `method` gives or repeats in `params` is one that every reader keeps, as an id is: it is repeated
/// to who gave it.
pub(super) fn check_progress(method: &Row, params: Option<&Members>) -> Result<(), Reason> {
    let Some(params) = params else { return Ok(()) };
    let given = params.get("_meta").and_then(Json::as_object);
    let repeated = Some(params).filter(|_| method.name == PROGRESS);
    let mut tokens = given.into_iter().chain(repeated).filter_map(|members| members.get("progressToken"));
    let is_kept = |token: &Json| token.as_number().is_none_or(|number| rpc::kept(number).is_some());
    if tokens.all(is_kept) { Ok(()) } else { Err(Reason::MalformedMessage) }
}

/// Whether `params` may go with a request that can be tried again with inputs (2026-07-28).
pub(super) fn check_inputs(params: &Members) -> Result<(), Reason> {
    object(member(params, "inputResponses")?)?;
    match member(params, "requestState")? {
        None | Some(Json::String(_)) => Ok(()),
        Some(_) => Err(Reason::MalformedMessage),
    }
}

/// What a `tools/call` asks for; `stateless` of the era without sessions.
pub(super) fn tool_call(mut params: Members, stateless: bool) -> Result<Call, Reason> {
    let tool = name(params.get("name"), MAX_TOOL)?.to_owned();
    let arguments = params.remove("arguments").map(strict::members).transpose()?.unwrap_or_default();
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
    let known = |key: &String| ["name", "_meta"].contains(&key.as_str());
    if params.keys().all(known) { Ok(Call { tool, arguments, inputs }) } else { Err(Reason::MalformedMessage) }
}

/// What a request about an event asks for; with a `webhook` it says where what happens is sent.
pub(super) fn event_call(mut params: Members, webhook: bool) -> Result<Event, Reason> {
    let name = name(params.get("name"), MAX_NAME)?.to_owned();
    object(params.get("_meta"))?;
    params.remove("_meta");
    let delivery = match (params.get("delivery"), webhook) {
        (Some(value), true) => {
            let members = object(Some(value))?.ok_or(Reason::MalformedMessage)?;
            Some(delivery(members, ttl(params.get("ttlMs"))?)?)
        }
        (None, false) => None,
        (Some(_), false) | (None, true) => return Err(Reason::MalformedMessage),
    };
    if !params.keys().all(|key| OF_EVENT.contains(&key.as_str())) {
        return Err(Reason::MalformedMessage);
    }
    if let Some(Json::Object(delivery)) = params.get_mut("delivery") {
        delivery.remove("secret");
    }
    let digest = SentDigest::of_members(&params);
    let arguments = params.remove("arguments").map(strict::members).transpose()?.unwrap_or_default();
    Ok(Event { name, arguments, delivery, digest })
}

/// Where `members` say that what happens is sent: by `https`, to a place that everybody reads alike.
fn delivery(members: &Members, ttl: Option<u64>) -> Result<Delivery, Reason> {
    let is_webhook = members.get("mode").is_none_or(|mode| mode.as_str() == Some(WEBHOOK));
    if !is_webhook || !members.keys().all(|key| OF_DELIVERY.contains(&key.as_str())) {
        return Err(Reason::MalformedMessage);
    }
    let url = address(members.get("url"))?;
    let (host, port) = uri::https(url).ok_or(Reason::MalformedMessage)?;
    if uri::has_user(url) {
        return Err(Reason::AmbiguousUri);
    }
    Ok(Delivery { url: url.to_owned(), host: host.to_owned(), port, ttl })
}

/// The seconds in so many milliseconds.
fn ttl(value: Option<&Json>) -> Result<Option<u64>, Reason> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(millis)) => {
            let millis = millis.as_i64().and_then(|millis| u64::try_from(millis).ok());
            millis.map(|millis| Some(millis.div_ceil(1000))).ok_or(Reason::MalformedMessage)
        }
        Some(Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) => Err(Reason::MalformedMessage),
    }
}

/// The member `key`; refused if there is another that decoders which ignore case would take for it.
pub(super) fn member<'m>(members: &'m Members, key: &str) -> Result<Option<&'m Json>, Reason> {
    let found = members.get(key);
    // Beside the member itself there is none: that was checked.
    let twin = found.is_none() && members.keys().any(|other| fold::is_same(other, key));
    if twin { Err(Reason::MalformedMessage) } else { Ok(found) }
}

/// The object `value` is, if there is one.
pub(super) fn object(value: Option<&Json>) -> Result<Option<&Members>, Reason> {
    match value {
        None => Ok(None),
        Some(Json::Object(members)) => Ok(Some(members)),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => {
            Err(Reason::MalformedMessage)
        }
    }
}

/// Whether `text` can name a tool, or anything else.
pub(super) fn is_name(text: &str, tool: bool) -> bool {
    strict::is_name(text, if tool { MAX_TOOL } else { MAX_NAME })
}

fn address(value: Option<&Json>) -> Result<&str, Reason> {
    let address = name(value, MAX_NAME)?;
    if uri::is_normal(address) { Ok(address) } else { Err(Reason::AmbiguousUri) }
}

/// `{"type": "ref/prompt", "name": …}` or `{"type": "ref/resource", "uri": …}`, not both.
fn reference(value: Option<&Json>) -> Result<&str, Reason> {
    let reference = object(value)?.ok_or(Reason::MalformedMessage)?;
    let (prompt, resource) = (member(reference, "name")?, member(reference, "uri")?);
    match (member(reference, "type")?.and_then(Json::as_str), prompt, resource) {
        (Some("ref/prompt"), Some(_), None) => name(prompt, MAX_NAME),
        (Some("ref/resource"), None, Some(_)) => {
            let template = name(resource, MAX_NAME)?;
            if uri::is_normal_template(template) { Ok(template) } else { Err(Reason::AmbiguousUri) }
        }
        _ => Err(Reason::MalformedMessage),
    }
}

/// Every URI and task in a `SubscriptionFilter`. What is not known there could name anything.
fn subscriptions(value: Option<&Json>) -> Result<Vec<String>, Reason> {
    let mut named = Vec::new();
    for (kind, value) in object(value)?.ok_or(Reason::MalformedMessage)? {
        match (kind.as_str(), value) {
            ("resourceSubscriptions", Json::Array(addresses)) => {
                for value in addresses {
                    named.push(address(Some(value))?.to_owned());
                }
            }
            ("taskIds", Json::Array(tasks)) => {
                for value in tasks {
                    named.push(name(Some(value), MAX_NAME)?.to_owned());
                }
            }
            (kind, Json::Bool(_)) if LISTS.contains(&kind) => {}
            _ => return Err(Reason::MalformedMessage),
        }
    }
    if named.len() > MAX_SUBSCRIPTIONS { Err(Reason::MalformedMessage) } else { Ok(named) }
}
