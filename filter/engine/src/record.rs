//! The one account of a decision: a JSON line, what is counted, and fields for access logs.
//!
//! Never a credential, never a query string, and of the arguments only a digest and the pointers configured.

use std::time::Duration;

use countersign_tokens::UnixTime;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::action::{Action, Operation};
use crate::catalogue::Risk;
use crate::credential::Verified;
use crate::digest;
use crate::hygiene::Finding;
use crate::reason::Reason;
use crate::route::Target;
use crate::session::DecisionId;
use crate::step_up::Approval;
use crate::task::{Pointer, Task};
use crate::workload::{self, Actor, Identity};

/// The version of the record's format: the value of its first member, `countersign`.
const FORMAT: u32 = 1;

/// Where a risk is from that is not the catalogue's: what a server's lists say about a tool.
const TOOL_LIST: &str = "tool_list";

/// One line for the log, and what the shell counts and exposes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// One JSON object, without a line break.
    pub json: String,
    pub kind: Kind,
    pub reason: Reason,
    /// From the head's arrival to the decision, waiting included.
    pub elapsed: Duration,
    /// For access logs: set as filter state under `countersign.<name>` (DESIGN H15).
    pub fields: Vec<(&'static str, String)>,
}

/// What a line is about. A closed set: counters are labelled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Allow,
    Deny,
    /// The client was told that an approval is needed and pending.
    StepUp,
    /// The filter answered what anybody may ask; nothing went upstream.
    Served,
    /// A forwarded stream that outlived its response head, or was cut, is over.
    Ended,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Allow, Self::Deny, Self::StepUp, Self::Served, Self::Ended];

    /// As records and counters spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::StepUp => "step_up",
            Self::Served => "served",
            Self::Ended => "ended",
        }
    }
}

/// Everything a decision's record is made of.
pub(crate) struct Decision<'a> {
    pub(crate) reason: Reason,
    pub(crate) id: DecisionId,
    pub(crate) now: UnixTime,
    pub(crate) elapsed: Duration,
    pub(crate) status: u16,
    pub(crate) resource: Option<&'a str>,
    pub(crate) target: Option<&'a Target>,
    pub(crate) source: Option<&'a str>,
    pub(crate) verified: Option<&'a Verified>,
    pub(crate) task: Option<&'a Task>,
    pub(crate) findings: &'a [Finding],
    pub(crate) action: Option<&'a Action>,
    pub(crate) risk: Option<Risk>,
    /// Whether the risk is not the catalogue's, but what lists showed.
    pub(crate) risk_learned: bool,
    pub(crate) policies: &'a [String],
    pub(crate) detail: Option<&'a str>,
    pub(crate) challenge: Option<&'a str>,
    pub(crate) approval: Option<&'a Approval>,
    pub(crate) revision: &'a str,
    /// RFC 6901 pointers into the arguments whose values are recorded.
    pub(crate) recorded_arguments: &'a [Pointer],
}

impl Decision<'_> {
    pub(crate) fn line(&self) -> Line {
        let kind = self.reason.row().kind;
        let id = self.id.to_string();
        let json = to_json(&self.wire(&id));
        let mut fields =
            vec![("decision", kind.name().to_owned()), ("reason", self.reason.row().code.to_owned()), ("id", id)];
        if let Some(verified) = self.verified {
            fields.push(("workload", verified.workload.identity.subject.clone()));
        }
        if let Some(task) = self.task {
            fields.push(("task", task.id.clone()));
        }
        Line { json, kind, reason: self.reason, elapsed: self.elapsed, fields }
    }

    fn wire<'a>(&'a self, id: &'a str) -> wire::Decision<'a> {
        wire::Decision {
            countersign: FORMAT,
            kind: self.reason.row().kind.name(),
            reason: self.reason.row().code,
            id,
            time_ms: self.now.millis(),
            elapsed_us: micros(self.elapsed),
            status: (self.status != 0).then_some(self.status),
            resource: self.resource,
            source: self.source,
            workload: self.verified.map(workload),
            token: self.verified.map(token),
            task: self.task.map(|task| wire::Task { id: &task.id, purpose: task.purpose.as_deref() }),
            request: self.target.map(|target| wire::Request {
                method: &target.method,
                host: &target.authority,
                path: &target.path,
            }),
            action: self.action.map(|action| self.action(action)),
            risk: self.risk.map(Risk::name),
            risk_from: self.risk_learned.then_some(TOOL_LIST),
            findings: self.findings.iter().map(|finding| finding.name()).collect(),
            policies: self.policies,
            detail: self.detail,
            challenge: self.challenge,
            approval: self.approval.map(|approval| wire::Approval {
                approver: name(&approval.approver),
                expires: approval.expires.secs(),
            }),
            policy_revision: self.revision,
        }
    }

    fn action<'a>(&'a self, action: &'a Action) -> wire::Action<'a> {
        wire::Action {
            name: action.name(),
            objects: match &action.operation {
                Operation::Mcp(operation) => &operation.several,
                Operation::Http { .. }
                | Operation::Endpoint(_)
                | Operation::ToolCall(_)
                | Operation::A2a(_)
                | Operation::Grpc(_) => &[],
            },
            object: match &action.operation {
                // The path is in `request` already.
                Operation::Http { .. } => None,
                Operation::Endpoint(_)
                | Operation::ToolCall(_)
                | Operation::Mcp(_)
                | Operation::A2a(_)
                | Operation::Grpc(_) => action.object(),
            },
            arguments_digest: action.arguments_digest().map(digest::text),
            body_digest: action.body_digest.map(|digest| digest::text(&digest)),
            arguments: self.recorded(action),
        }
    }

    fn recorded(&self, action: &Action) -> Map<String, Value> {
        let Some(arguments) = action.arguments() else { return Map::new() };
        let value = |pointer: &Pointer| Some((pointer.to_string(), pointer.find(arguments)?.clone()));
        self.recorded_arguments.iter().filter_map(value).collect()
    }
}

/// The line for a stream that is over after its decision.
/// `agent_task` is the A2A task that it says is over.
pub(crate) fn ended(
    id: DecisionId,
    now: UnixTime,
    lasted: Duration,
    outcome: &'static str,
    agent_task: Option<&str>,
) -> Line {
    let kind = Kind::Ended;
    let id = id.to_string();
    let wire = wire::Ended {
        countersign: FORMAT,
        kind: kind.name(),
        id: &id,
        time_ms: now.millis(),
        elapsed_us: micros(lasted),
        outcome,
        agent_task,
    };
    Line { json: to_json(&wire), kind, reason: Reason::Allowed, elapsed: lasted, fields: Vec::new() }
}

fn workload(verified: &Verified) -> wire::Workload<'_> {
    let workload = &verified.workload;
    wire::Workload {
        issuer: &workload.identity.issuer,
        subject: &workload.identity.subject,
        client_id: workload.client_id.as_deref(),
        requester: workload.requester.as_deref(),
        trust_domain: workload.trust_domain.as_deref(),
        kind: workload.kind.name(),
        traits: workload.traits.iter().map(|has| has.name()).collect(),
        classified: (!workload.classified).then_some(false),
        actors: workload.actors.iter().map(actor).collect(),
    }
}

fn actor(actor: &Actor) -> wire::Actor<'_> {
    let Actor { identity, profile, kind } = actor;
    let Identity { issuer, subject } = identity;
    wire::Actor { issuer, subject, profile: profile.as_deref(), kind: kind.map(workload::Kind::name) }
}

fn token(verified: &Verified) -> wire::Token<'_> {
    let facts = &verified.facts;
    wire::Token { id: facts.id.as_deref(), key_id: facts.key_id.as_deref(), expires: facts.expires.secs() }
}

fn name(identity: &Identity) -> wire::Name<'_> {
    wire::Name { issuer: &identity.issuer, subject: &identity.subject }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn to_json(wire: &impl Serialize) -> String {
    // Strings, numbers and maps with string keys only: serialising cannot fail.
    serde_json::to_string(wire).unwrap_or_default()
}

/// The record's format. Members are added, never renamed.
mod wire {
    use serde::Serialize;
    use serde_json::{Map, Value};

    #[derive(Serialize)]
    pub(super) struct Decision<'a> {
        pub(super) countersign: u32,
        pub(super) kind: &'static str,
        pub(super) reason: &'static str,
        pub(super) id: &'a str,
        pub(super) time_ms: u64,
        pub(super) elapsed_us: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) status: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) resource: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) source: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) workload: Option<Workload<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) token: Option<Token<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) task: Option<Task<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) request: Option<Request<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) action: Option<Action<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) risk: Option<&'static str>,
        /// Only where it is not the catalogue.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) risk_from: Option<&'static str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub(super) findings: Vec<&'static str>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        pub(super) policies: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) detail: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) challenge: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) approval: Option<Approval<'a>>,
        pub(super) policy_revision: &'a str,
    }

    #[derive(Serialize)]
    pub(super) struct Name<'a> {
        pub(super) issuer: &'a str,
        pub(super) subject: &'a str,
    }

    #[derive(Serialize)]
    pub(super) struct Workload<'a> {
        pub(super) issuer: &'a str,
        pub(super) subject: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) client_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) requester: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) trust_domain: Option<&'a str>,
        pub(super) kind: &'static str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub(super) traits: Vec<&'static str>,
        /// Only where it is false.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) classified: Option<bool>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub(super) actors: Vec<Actor<'a>>,
    }

    #[derive(Serialize)]
    pub(super) struct Actor<'a> {
        pub(super) issuer: &'a str,
        pub(super) subject: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) profile: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) kind: Option<&'static str>,
    }

    #[derive(Serialize)]
    pub(super) struct Token<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) key_id: Option<&'a str>,
        pub(super) expires: u64,
    }

    #[derive(Serialize)]
    pub(super) struct Task<'a> {
        pub(super) id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) purpose: Option<&'a str>,
    }

    #[derive(Serialize)]
    pub(super) struct Request<'a> {
        pub(super) method: &'a str,
        pub(super) host: &'a str,
        pub(super) path: &'a str,
    }

    #[derive(Serialize)]
    pub(super) struct Action<'a> {
        pub(super) name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) object: Option<&'a str>,
        /// Only where it is more than one.
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        pub(super) objects: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) arguments_digest: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) body_digest: Option<String>,
        #[serde(skip_serializing_if = "Map::is_empty")]
        pub(super) arguments: Map<String, Value>,
    }

    #[derive(Serialize)]
    pub(super) struct Approval<'a> {
        pub(super) approver: Name<'a>,
        pub(super) expires: u64,
    }

    #[derive(Serialize)]
    pub(super) struct Ended<'a> {
        pub(super) countersign: u32,
        pub(super) kind: &'static str,
        pub(super) id: &'a str,
        pub(super) time_ms: u64,
        pub(super) elapsed_us: u64,
        pub(super) outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub(super) agent_task: Option<&'a str>,
    }
}
