//! The question: one signed POST that says everything an approver needs, and no credential.

use std::time::Duration;

use countersign_facts::calls::{Call, CallId};
use countersign_facts::clock;
use countersign_facts::digest;
use countersign_facts::reason::Reason;
use countersign_policy::StepUp;
use countersign_protocols::action::Action;
use countersign_protocols::bounds::ArgumentPlace;
use countersign_protocols::catalogue::{Risk, Template};
use countersign_rights::task::Task;
use countersign_rights::workload::Workload;
use countersign_tokens::UnixTime;
use countersign_tokens::json::{self, Json, Members};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::binding::{Binding, BindingFacts, actors, identity};
use super::{StepUpConfig, signature};

/// What the approver is asked to answer before the gateway stops waiting, so that "not yet" still arrives.
const MARGIN: Duration = Duration::from_secs(1);
const REDACTED: &str = "[redacted]";

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApprovalRequest<'a> {
    /// What tells this request from every other, the record's id for one: makes the challenge unique.
    pub decision: &'a str,
    /// Who asks, and through whom.
    pub workload: &'a Workload,
    /// What for.
    pub task: &'a Task,
    /// What would be done.
    pub action: &'a Action,
    /// How much harm it can do.
    pub risk: Risk,
    /// What policy said: who is to approve and why.
    pub demand: &'a StepUp,
    /// What of the arguments approvers must not see: each an [`ArgumentPlace`].
    pub redact: &'a [String],
    /// Of an endpoint, its path with parameters.
    pub path: Option<&'a Template>,
}

/// A question that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The `webhook-id`; the answer repeats it.
    pub id: String,
    /// The call it is about.
    pub binding: Binding,
    /// Nobody waits for an answer after this.
    pub expires: UnixTime,
    /// The call that carries it.
    pub call: CallId,
}

/// The call that asks, and the challenge its answer must meet; [`Reason::Internal`] when it cannot be written.
pub(crate) fn webhook_call(
    id: CallId,
    config: &StepUpConfig,
    request: &ApprovalRequest<'_>,
    now: UnixTime,
) -> Result<(Call, Challenge), Reason> {
    let StepUpConfig { endpoint, secret, hold } = config;
    let timeout = endpoint.timeout.min(*hold);
    let challenge = challenge(id, request, now, now.plus(timeout))?;
    let document = document(request, &challenge, now)?;
    let body = serde_json::to_vec(&json::written(&document)).map_err(|_| Reason::Internal)?;
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("prefer", format!("wait={}", timeout.saturating_sub(MARGIN).as_secs())),
    ];
    headers.extend(signature::sign(secret, &challenge.id, now, &body)?);
    Ok((Call { timeout, ..Call::to(endpoint, id, "POST", headers, body) }, challenge))
}

fn challenge(id: CallId, request: &ApprovalRequest<'_>, now: UnixTime, expires: UnixTime) -> Result<Challenge, Reason> {
    let ApprovalRequest { decision, workload, task, action, risk, demand, redact: _, path: _ } = *request;
    let facts = BindingFacts { workload, task, action, risk, basis: &demand.basis };
    let binding = facts.binding().map_err(|_| Reason::Internal)?;
    let seed =
        json!([decision, id.0, now.millis().to_string(), digest::text(&binding.call), digest::text(&binding.body)]);
    let name = digest::of_json(&seed).map_err(|_| Reason::Internal)?;
    Ok(Challenge { id: format!("chl_{}", digest::base64url(&name)), binding, expires, call: id })
}

fn document(request: &ApprovalRequest<'_>, challenge: &Challenge, now: UnixTime) -> Result<Members, Reason> {
    let ApprovalRequest { decision: _, workload, task, action, risk, demand, redact, path } = *request;
    let instant = |at| clock::format(at).ok_or(Reason::Internal);
    let document = Json::from(json!({
        "type": "approval.requested",
        "challenge": challenge.id,
        "binding": { "call": digest::text(&challenge.binding.call), "body": digest::text(&challenge.binding.body) },
        "requested_at": instant(now)?,
        "lapses_at": instant(challenge.expires)?,
        "workload": {
            "subject": identity(&workload.identity),
            "issuer": workload.issuer_name,
            "client_id": workload.client_id,
        },
        "actors": actors(workload),
        "task": { "id": task.id, "purpose": task.purpose },
        "action": {
            "protocol": action.spelled().protocol.name(),
            "operation": action.name(),
            "resource": action.resource,
            "object": action.object(),
            "method": action.method,
            "authority": action.authority,
            "target": target(action, redact, path),
        },
        "risk": risk.name(),
        "approvers": demand.approvers,
        "reasons": demand.reasons,
    }));
    let Json::Object(mut document) = document else { return Err(Reason::Internal) };
    if let (Some(delivery), Some(Json::Object(shown))) = (action.delivery(), document.get_mut("action")) {
        shown.insert("delivery".to_owned(), delivery.url.as_str().into());
    }
    // Numbers as they are written: nobody approves a rounded amount.
    document.insert("arguments".to_owned(), arguments(action, redact));
    Ok(document)
}

fn places(redact: &[String]) -> impl Iterator<Item = ArgumentPlace> {
    redact.iter().filter_map(|pointer| ArgumentPlace::parse(pointer))
}

fn arguments(action: &Action, redact: &[String]) -> Json {
    let Some(arguments) = action.arguments() else { return Json::Null };
    let mut shown = arguments.clone();
    for place in places(redact) {
        place.replace(&mut shown, &REDACTED.into());
    }
    Json::Object(shown)
}

/// Path and query, without the arguments that approvers must not see: an endpoint's may be a segment of the path or a value of the
/// query. Told by where they are and not by what they say, which is the agent's choice.
fn target(action: &Action, redact: &[String], path: Option<&Template>) -> String {
    if !action.has_arguments_in_target() || redact.is_empty() {
        return action.target.clone();
    }
    let places: Vec<ArgumentPlace> = places(redact).collect();
    let is_hidden = |name: &str| places.iter().any(|place| place.name() == Some(name));
    let (written, query) = match action.target.split_once('?') {
        Some((written, query)) => (written, Some(query)),
        None => (action.target.as_str(), None),
    };
    let shown = path.map_or(REDACTED.to_owned(), |path| path.veiled(written, &is_hidden, REDACTED));
    let Some(query) = query else { return shown };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_hidden(&form_decoded(name)) => format!("{name}={REDACTED}"),
        Some(_) | None => pair.to_owned(),
    });
    format!("{shown}?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn form_decoded(name: &str) -> String {
    percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned()
}
