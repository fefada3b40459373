//! The record's format. Members are added, never renamed.

use std::borrow::Cow;

use countersign_tokens::json::{self, Members};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

#[derive(Serialize)]
pub(super) struct Decision<'a> {
    pub(super) countersign: u32,
    pub(super) kind: &'static str,
    pub(super) reason: &'static str,
    /// Only where it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<&'static str>,
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
    /// What raised it above that.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) risk_rules: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) findings: Vec<&'static str>,
    /// What policies do not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) policies: &'a [String],
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub(super) maps: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sandbox: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) flips: Vec<Flip<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) challenge: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) approval: Option<Approval<'a>>,
    pub(super) policy_revision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bundle_revision: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Flip<'a> {
    /// None of the filter's or resource's own mode.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) policies: &'a [String],
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Name<'a> {
    pub(super) issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<Machine<'a>>,
}

/// Somebody who has no `sub`.
#[derive(Serialize)]
pub(super) struct Machine<'a> {
    pub(super) claim: &'a str,
    pub(super) id: &'a str,
}

#[derive(Serialize)]
pub(super) struct Workload<'a> {
    /// What policies call it.
    pub(super) id: String,
    pub(super) issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<Machine<'a>>,
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
    /// Those that configuration wants on records; null is absence. What cannot be read, or is too long, is not among them.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) claims: Map<String, Value>,
}

#[derive(Serialize)]
pub(super) struct Actor<'a> {
    pub(super) issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine: Option<Machine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Token<'a> {
    /// Text or number, as the credential has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Value>,
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
    pub(super) object: Option<Cow<'a, str>>,
    /// Only where it is more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) objects: Vec<Cow<'a, str>>,
    /// Keyed, of those URIs of which something is left out, in their order; null where there was no key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) uri_digests: Vec<Option<String>>,
    /// The authority of where its server sends what happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body_digest: Option<String>,
    #[serde(skip_serializing_if = "Members::is_empty", serialize_with = "finite")]
    pub(super) arguments: Members,
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
    /// Where the stream went on all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<&'static str>,
    pub(super) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent_task: Option<&'a str>,
}

/// Numbers as they are written, unless whoever collects records could not read one for them.
fn finite<S: Serializer>(members: &Members, serializer: S) -> Result<S::Ok, S::Error> {
    json::finite(members).serialize(serializer)
}
