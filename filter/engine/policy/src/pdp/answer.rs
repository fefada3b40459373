//! What a decision point answers, read strictly: one decision, or none.

use std::time::Duration;

use countersign_facts::calls::CallOutcome;
use countersign_facts::clock;
use countersign_facts::headers::Headers;
use countersign_tokens::UnixTime;
use countersign_tokens::json::{self, Limits};
use serde_json::{Map, Value};

use super::Dialect;

/// Of an answer.
const DOCUMENT: Limits = Limits { depth: 32, bytes: 64 * 1024, nodes: 4_096 };
/// Of a reason, in characters: it goes into the record.
const REASON: usize = 300;
/// Of the reasons and of the approvers.
const MOST: usize = 8;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PdpSays {
    Allow,
    /// With the reason given, for the record.
    Deny(Option<String>),
    /// An approval would change it.
    StepUp(Asked),
    /// It says something that must not be ignored and is not understood.
    Error(&'static str),
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) approvers: Vec<String>,
    pub(super) reasons: Vec<String>,
    /// Until when it can be.
    pub(super) expires: Option<UnixTime>,
}

/// The decision in `outcome`, and for how long it may be kept; none where there is no decision.
pub(super) fn read(dialect: Dialect, outcome: &CallOutcome) -> Option<(PdpSays, Duration)> {
    let CallOutcome::Response { status: 200, headers, body } = outcome else { return None };
    if !headers.media_type().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return None;
    }
    let Value::Object(document) = json::tolerant(body, &DOCUMENT).ok()? else { return None };
    let answer = match dialect {
        Dialect::Authzen => authzen(&document),
        Dialect::Opa => opa(&document),
    }?;
    // What waits for somebody is not kept, nor what nobody understood.
    let lasts = match answer {
        PdpSays::Allow | PdpSays::Deny(_) => lifetime(headers),
        PdpSays::StepUp(_) | PdpSays::Error(_) => Duration::ZERO,
    };
    Some((answer, lasts))
}

/// Authorization API 1.0 §6 (`decision`, `context`); Access Request and Approval Profile, draft 1 (`access_request`);
/// Obligations Profile, draft 1: who cannot meet an obligation must deny, and none is met here.
fn authzen(document: &Map<String, Value>) -> Option<PdpSays> {
    let decision = document.get("decision")?.as_bool()?;
    let context = match document.get("context") {
        None | Some(Value::Null) => &Map::new(),
        Some(Value::Object(context)) => context,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => return None,
    };
    if obliges(context) {
        return Some(PdpSays::Error(OBLIGATION));
    }
    if decision {
        return Some(PdpSays::Allow);
    }
    let reason = ["reason", "reason_admin", "reason_user"].iter().find_map(|name| words(context.get(*name)?));
    let Some(request) = context.get("access_request").and_then(Value::as_object) else {
        return Some(PdpSays::Deny(reason));
    };
    // Required; an offer without end is none.
    let Some(expires) = request.get("expires_at").and_then(Value::as_str).and_then(clock::parse) else {
        return Some(PdpSays::Deny(reason));
    };
    let approver = request.get("template").and_then(words);
    let approvers = vec![approver.unwrap_or_else(|| "approver".to_owned())];
    Some(PdpSays::StepUp(Asked { approvers, reasons: reason.into_iter().collect(), expires: Some(expires) }))
}

/// `result` of the data API: a boolean, or the decision as our own Rego has it; absent where the rule is undefined.
fn opa(document: &Map<String, Value>) -> Option<PdpSays> {
    match document.get("result") {
        None => Some(PdpSays::Deny(Some("undefined".to_owned()))),
        Some(Value::Bool(true)) => Some(PdpSays::Allow),
        Some(Value::Bool(false)) => Some(PdpSays::Deny(None)),
        Some(Value::Object(decision)) => effect(decision),
        Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_)) => None,
    }
}

/// What a decision may have. What it has besides might be a condition, so it is as good as an obligation.
const MEMBERS: [&str; 5] = ["effect", "policies", "reasons", "approvers", "obligations"];

/// `{ effect, policies, reasons, approvers, obligations }`; what the policies are called is the decision point's to know.
fn effect(decision: &Map<String, Value>) -> Option<PdpSays> {
    let list = |name: &str| match decision.get(name) {
        None => Some(Vec::new()),
        Some(Value::Array(texts)) => texts.iter().take(MOST).map(words).collect::<Option<Vec<_>>>(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => None,
    };
    let (_, reasons, approvers) = (list("policies")?, list("reasons")?, list("approvers")?);
    if decision.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        return Some(PdpSays::Error(UNKNOWN));
    }
    if obliges(decision) {
        return Some(PdpSays::Error(OBLIGATION));
    }
    Some(match decision.get("effect")?.as_str()? {
        "allow" | "deny" if !approvers.is_empty() => PdpSays::Error(APPROVERS),
        "allow" => PdpSays::Allow,
        "deny" => PdpSays::Deny((!reasons.is_empty()).then(|| reasons.join("; "))),
        "step_up" => PdpSays::StepUp(Asked { approvers, reasons, expires: None }),
        _ => return None,
    })
}

const UNKNOWN: &str =
    "the decision has a member that is not known here (effect, policies, reasons, approvers and obligations are)";
const APPROVERS: &str = "the decision names approvers, and they are for `step_up` only";
const OBLIGATION: &str = "the decision point demands an obligation, and none is met here";

/// Whether something must be done besides: anything there but an empty list.
fn obliges(context: &Map<String, Value>) -> bool {
    context.get("obligations").is_some_and(|demanded| demanded.as_array().is_none_or(|list| !list.is_empty()))
}

/// A text, or the first of several languages; short.
fn words(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Object(languages) => languages.values().find_map(Value::as_str)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    Some(text.chars().take(REASON).collect())
}

/// `Cache-Control: max-age`, less `Age` (RFC 9111 §4.2); nothing where it is not said, or said twice.
fn lifetime(headers: &Headers) -> Duration {
    let text = |name: &str| {
        let value = headers.single(name).ok().flatten()?;
        std::str::from_utf8(value).ok().map(str::to_ascii_lowercase)
    };
    let Some(control) = text("cache-control") else { return Duration::ZERO };
    let directives: Vec<&str> = control.split(',').map(str::trim).collect();
    if directives.iter().any(|directive| directive.starts_with("no-store") || directive.starts_with("no-cache")) {
        return Duration::ZERO;
    }
    let mut ages = directives.iter().filter_map(|directive| directive.strip_prefix("max-age="));
    let (Some(Ok(most)), None) = (ages.next().map(str::parse), ages.next()) else { return Duration::ZERO };
    let age = if headers.contains("age") { text("age").and_then(|age| age.trim().parse().ok()) } else { Some(0) };
    Duration::from_secs(age.map_or(0, |age| u64::saturating_sub(most, age)))
}
