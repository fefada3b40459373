//! The one account of a decision: a JSON line, what is counted, and fields for access logs.
//!
//! Never a credential, never a query string (of URIs of MCP resources the names of its parameters), and of the arguments only a
//! digest and the pointers configured.

mod bounded;
mod plain;
mod read;
#[cfg(test)]
mod reference;
mod uri;
pub mod wire;

use std::borrow::Cow;
use std::time::Duration;

use countersign_facts::digest;
use countersign_facts::ids::DecisionId;
use countersign_facts::reason::{LineKind, Reason};
use countersign_facts::rollout::{Cause, Flip, Mode};
use countersign_policy::Approval;
use countersign_protocols::action::Action;
use countersign_protocols::bounds::ArgumentPlace;
use countersign_protocols::learned::Warning;
use countersign_protocols::route::Target;
use countersign_rights::claims::{Claim, NamedClaim};
use countersign_rights::hygiene::Finding;
use countersign_rights::risk::Rating;
use countersign_rights::task::Task;
use countersign_rights::workload::{Actor, Identity};
use countersign_tokens::json::{Json, Members};
use countersign_tokens::{Machine, Subject, UnixTime};
use countersign_trust::credential::Verified;
use serde::Serialize;
use serde_json::Value;

use crate::sessions::Digester;
use plain::plain;
pub use read::ReadError;

/// The version of the record's format: the value of its first member, `countersign`.
const FORMAT: u32 = 1;

/// Where a risk is from that is not the catalogue's: what a server's lists say about a tool.
const TOOL_LIST: &str = "tool_list";

/// One line for the log, and what the shell counts and exposes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// One JSON object, without a line break.
    pub json: String,
    pub kind: LineKind,
    pub reason: Reason,
    /// Whether that was done.
    pub mode: Mode,
    /// What something that was not enforced would have changed.
    pub flips: Vec<Flip>,
    /// From the head's arrival to the decision, waiting included. Until [`Line::finish`] what deciding took is not in it.
    pub elapsed: Duration,
    /// When what took so long began.
    began: UnixTime,
    /// For access logs: set as filter state under `countersign.<name>` (ARCHITECTURE H15).
    pub fields: Vec<(&'static str, String)>,
}

impl Line {
    /// What it is about was over at `done`, and not when the input came that ended it.
    pub fn finish(&mut self, done: UnixTime) {
        let before = written(self.elapsed);
        self.elapsed = done.since(self.began);
        // Nothing that somebody else wrote is before it.
        self.json = self.json.replacen(&before, &written(self.elapsed), 1);
    }
}

/// The member of a line that says how long it took.
fn written(elapsed: Duration) -> String {
    format!("\"elapsed_us\":{}", micros(elapsed))
}

/// What the record may contain beyond digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordConfig {
    /// Where the arguments are whose values are recorded.
    pub arguments: Vec<ArgumentPlace>,
}

/// Everything a decision's record is made of.
pub(crate) struct Decision<'a> {
    pub(crate) reason: Reason,
    pub(crate) mode: Mode,
    /// What policies in audit would have changed.
    pub(crate) flips: &'a [Flip],
    pub(crate) id: DecisionId,
    pub(crate) now: UnixTime,
    pub(crate) arrived: UnixTime,
    pub(crate) status: u16,
    pub(crate) resource: Option<&'a str>,
    pub(crate) target: Option<&'a Target>,
    pub(crate) source: Option<&'a str>,
    pub(crate) verified: Option<&'a Verified>,
    pub(crate) task: Option<&'a Task>,
    pub(crate) findings: &'a [Finding],
    pub(crate) warnings: &'a [Warning],
    /// Makes keyed digests of URIs that are not recorded whole, where there is a key.
    pub(crate) digester: Option<&'a Digester>,
    pub(crate) action: Option<&'a Action>,
    pub(crate) rating: Option<&'a Rating>,
    pub(crate) policies: &'a [String],
    /// Risks that the check that denied it, and its policies, answer.
    pub(crate) maps: Vec<Cow<'static, str>>,
    pub(crate) sandbox: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) challenge: Option<&'a str>,
    pub(crate) approval: Option<&'a Approval>,
    pub(crate) revision: &'a str,
    /// Of the bundle in force.
    pub(crate) bundle: Option<u64>,
    /// RFC 6901 pointers into the arguments whose values are recorded.
    pub(crate) recorded_arguments: &'a [ArgumentPlace],
}

impl Decision<'_> {
    pub(crate) fn line(&self) -> Line {
        let kind = self.reason.row().kind;
        let id = self.id.to_string();
        let flips: Vec<Flip> =
            Flip::of_mode(self.mode, self.reason).into_iter().chain(self.flips.iter().cloned()).collect();
        let json = to_json(&self.wire(&id, &flips));
        let mut fields =
            vec![("decision", kind.name().to_owned()), ("reason", self.reason.row().code.to_owned()), ("id", id)];
        if let Some(verified) = self.verified {
            fields.push(("workload", bounded::text(&verified.workload.id()).into_owned()));
        }
        if let Some(task) = self.task {
            fields.push(("task", bounded::text(&task.id).into_owned()));
        }
        if let Some(sandbox) = self.sandbox {
            fields.push(("sandbox", sandbox.to_owned()));
        }
        if self.mode == Mode::Audit {
            fields.push(("mode", self.mode.name().to_owned()));
        }
        Line {
            json,
            kind,
            reason: self.reason,
            mode: self.mode,
            flips,
            elapsed: self.now.since(self.arrived),
            began: self.arrived,
            fields,
        }
    }

    fn wire<'a>(&'a self, id: &'a str, flips: &'a [Flip]) -> wire::Decision<'a> {
        wire::Decision {
            countersign: FORMAT,
            kind: self.reason.row().kind.name().into(),
            reason: self.reason.row().code.into(),
            mode: mode(self.mode),
            id: id.into(),
            time_ms: self.now.millis(),
            elapsed_us: micros(self.now.since(self.arrived)),
            status: (self.status != 0).then_some(self.status),
            resource: self.resource.map(Into::into),
            source: self.source.map(Into::into),
            workload: self.verified.map(workload),
            token: self.verified.map(token),
            task: self
                .task
                .map(|task| wire::Task { id: (&task.id).into(), purpose: task.purpose.as_ref().map(Into::into) }),
            request: self.target.map(|target| wire::Request {
                method: (&target.method).into(),
                host: (&target.authority).into(),
                path: (&target.path).into(),
            }),
            action: self.action.map(|action| self.action(action)),
            risk: self.rating.map(|rating| rating.risk.name().into()),
            risk_from: self.rating.filter(|rating| rating.learned).map(|_| TOOL_LIST.into()),
            risk_rules: Cow::Borrowed(self.rating.map_or(&[], |rating| &rating.rules)),
            findings: self.findings.iter().map(|finding| finding.name().into()).collect(),
            warnings: self.warnings.iter().map(|warning| warning.name().into()).collect(),
            policies: self.policies.into(),
            maps: Cow::Borrowed(&self.maps),
            sandbox: self.sandbox.map(Into::into),
            flips: flips.iter().map(flip).collect(),
            detail: self.detail.map(Into::into),
            challenge: self.challenge.map(Into::into),
            approval: self.approval.map(|approval| wire::Approval {
                approver: wire::Approver {
                    issuer: (&approval.approver.issuer).into(),
                    subject: sub(&approval.approver.subject),
                },
                expires: approval.expires.secs(),
            }),
            policy_revision: Some(self.revision.into()),
            bundle_revision: self.bundle,
        }
    }

    fn action<'a>(&'a self, action: &'a Action) -> wire::Action<'a> {
        let objects = action.several();
        // The path is in `request` already.
        let object = action.object_beside_path();
        let told = |name: &'a str| uri::told(action, name);
        let left_out = object.into_iter().chain(objects.iter().map(String::as_str)).filter(|name| told(name).is_some());
        wire::Action {
            name: action.name().into(),
            uri_digests: left_out.map(|uri| Some(self.digester?.digest(uri)?.into())).collect(),
            object: object.map(|name| told(name).map_or(Cow::Borrowed(name), Cow::Owned)),
            objects: objects.iter().map(|name| told(name).map_or(Cow::Borrowed(name.as_str()), Cow::Owned)).collect(),
            delivery: action.delivery().map(|delivery| delivery.authority().into()),
            arguments_digest: action.arguments_digest().map(|digest| digest.to_string().into()),
            body_digest: action.body_digest.map(|digest| digest::text(&digest).into()),
            arguments: self.recorded(action),
        }
    }

    fn recorded(&self, action: &Action) -> Members {
        let Some(arguments) = action.arguments() else { return Members::new() };
        let value = |place: &ArgumentPlace| {
            let found = place.find(arguments);
            let value = if place.may_be_several() && !found.is_empty() {
                bounded::argument(&Json::Array(found.into_iter().cloned().collect()))
            } else {
                bounded::argument(found.first()?)
            };
            Some((place.to_string(), value))
        };
        self.recorded_arguments.iter().filter_map(value).collect()
    }
}

/// The line for a stream that is over after its decision; of one that was only watched `outcome` says how it would have ended.
/// `agent_task` is the A2A task that it says is over.
pub(crate) fn ended(
    id: DecisionId,
    now: UnixTime,
    since: UnixTime,
    watched: Mode,
    outcome: &'static str,
    agent_task: Option<&str>,
) -> Line {
    let kind = LineKind::Ended;
    let wire = wire::Ended {
        countersign: FORMAT,
        kind: kind.name().into(),
        id: id.to_string().into(),
        time_ms: now.millis(),
        elapsed_us: micros(now.since(since)),
        mode: mode(watched),
        outcome: outcome.into(),
        agent_task: agent_task.map(Into::into),
    };
    let (json, reason, elapsed) = (to_json(&wire), Reason::Allowed, now.since(since));
    Line { json, kind, reason, mode: watched, flips: Vec::new(), elapsed, began: since, fields: Vec::new() }
}

fn workload(verified: &Verified) -> wire::Workload<'_> {
    let workload = &verified.workload;
    let Identity { issuer, subject } = &workload.identity;
    wire::Workload {
        id: Some(workload.id().into()),
        issuer: issuer.into(),
        subject: subject.sub().map(Into::into),
        machine: subject.machine().map(|Machine { claim, id }| wire::Machine { claim: claim.into(), id: id.into() }),
        client_id: workload.client_id.as_ref().map(Into::into),
        requester: workload.requester.as_ref().map(Into::into),
        trust_domain: workload.trust_domain.as_ref().map(Into::into),
        kind: workload.kind.name().into(),
        traits: workload.traits.iter().map(|has| has.name().into()).collect(),
        classified: (!workload.classified).then_some(false),
        actors: workload.actors.iter().map(actor).collect(),
        claims: workload.claims.iter().filter(|found| found.record).filter_map(claim).collect(),
    }
}

fn claim(found: &NamedClaim) -> Option<(String, Value)> {
    let value = found.value.as_ref().ok()?.as_ref().map(Claim::json).unwrap_or_default();
    bounded::is_whole(&value).then(|| (found.name.clone(), value))
}

fn actor(actor: &Actor) -> wire::Actor<'_> {
    let Actor { identity: Identity { issuer, subject }, profile, kind } = actor;
    wire::Actor {
        issuer: issuer.into(),
        subject: sub(subject),
        profile: profile.as_ref().map(Into::into),
        kind: kind.map(|kind| kind.name().into()),
    }
}

/// The `sub` of an actor or an approver: no other claim names them.
fn sub(subject: &Subject) -> Cow<'_, str> {
    match subject {
        Subject::Sub(sub) => sub.into(),
        Subject::Machine(_) => subject.to_string().into(),
    }
}

fn token(verified: &Verified) -> wire::Token<'_> {
    let facts = &verified.facts;
    wire::Token {
        id: facts.id.as_ref().map(Cow::Borrowed),
        key_id: facts.key_id.as_ref().map(Into::into),
        expires: facts.expires.secs(),
    }
}

fn flip(flip: &Flip) -> wire::Flip<'_> {
    let Flip { cause, from, to, reason } = flip;
    wire::Flip {
        policies: match cause {
            Cause::Mode => Cow::default(),
            Cause::Policies(ids) => ids.into(),
        },
        from: from.name().into(),
        to: to.name().into(),
        reason: reason.map(|reason| reason.row().code.into()),
    }
}

/// Only where it was not done.
fn mode(mode: Mode) -> Option<Cow<'static, str>> {
    (mode == Mode::Audit).then_some(mode.name().into())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The JSON of `wire`, in one line that shows what it holds.
fn to_json(wire: &impl Serialize) -> String {
    plain(bounded::to_json(wire))
}
