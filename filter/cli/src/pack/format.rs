//! `cases.yaml` as it is written. What is not known is refused, with its place; the format is described for people in
//! `policies/starter/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use countersign_engine::hygiene::Finding;
use countersign_engine::workload::{Kind, Trait};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pack {
    /// As in the plugin configuration.
    pub(super) resources: Value,
    /// The same.
    #[serde(default = "none")]
    pub(super) sandboxes: Value,
    pub(super) given: Given,
    pub(super) cases: Vec<Case>,
}

/// What every case starts from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    pub(super) workload: Caller,
    pub(super) task: Work,
    #[serde(default)]
    pub(super) token: Token,
    #[serde(default)]
    pub(super) findings: Findings,
    pub(super) source: Option<String>,
    /// Seconds since 1970.
    #[serde(default = "now")]
    pub(super) now: u64,
}

fn none() -> Value {
    Value::Array(Vec::new())
}

fn now() -> u64 {
    1_800_000_000
}

/// One request, what is different about it, and what must be decided.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) workload: Option<Caller>,
    pub(super) task: Option<Work>,
    pub(super) token: Option<Token>,
    pub(super) findings: Option<Findings>,
    pub(super) source: Option<String>,
    pub(super) now: Option<u64>,
    pub(super) approval: Option<Named>,
    pub(super) expect: Expect,
}

/// What is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// A name from the catalogue.
    pub(super) resource: String,
    /// As records spell it: `mcp:tools/call`, `http:POST`, `a2a:SendMessage`, `grpc:call`.
    pub(super) operation: String,
    /// The tool of MCP, the method of gRPC.
    pub(super) tool: Option<String>,
    pub(super) arguments: Option<Map<String, Value>>,
    /// What another operation of MCP names.
    pub(super) target: Option<String>,
    /// Path and query of an HTTP request; elsewhere the resource's own path.
    pub(super) path: Option<String>,
    /// The resource's own host when absent.
    pub(super) host: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

/// Who calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) client_id: Option<String>,
    pub(super) requester: Option<String>,
    pub(super) trust_domain: Option<String>,
    #[serde(default = "agent", deserialize_with = "kind")]
    pub(super) kind: Kind,
    #[serde(default, deserialize_with = "traits")]
    pub(super) traits: BTreeSet<Trait>,
    #[serde(default = "yes")]
    pub(super) classified: bool,
    /// The current actor first.
    #[serde(default)]
    pub(super) actors: Vec<Actor>,
}

fn agent() -> Kind {
    Kind::Agent
}

fn yes() -> bool {
    true
}

/// Somebody in the actor chain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Actor {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) profile: Option<String>,
    pub(super) kind: Option<KindWord>,
}

/// Somebody by name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) issuer: String,
    pub(super) subject: String,
}

/// What the credential was issued for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Work {
    pub(super) id: String,
    pub(super) purpose: Option<String>,
    /// Seconds since 1970.
    pub(super) expires: Option<u64>,
}

/// What is known of the credential. Times are seconds since 1970.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) id: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) issued: Option<u64>,
    pub(super) expires: Option<u64>,
    pub(super) acr: Option<String>,
    pub(super) auth_time: Option<u64>,
}

/// What is decided. In a case, what is left out is not compared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub decision: Decision,
    /// Ids of the determining policies, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<BTreeSet<String>>,
    /// Of a step-up: who is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<BTreeSet<String>>,
    /// Of a deny: its code in records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of an allow: where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Allow,
    Deny,
    StepUp,
}

impl Decision {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::StepUp => "step_up",
        }
    }
}

/// A kind where there may be none.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct KindWord(#[serde(deserialize_with = "kind")] pub(super) Kind);

/// The algorithm of a token, as records spell it; `none` where nothing was signed by its issuer.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Algorithm(#[serde(deserialize_with = "algorithm")] pub(super) Option<countersign_tokens::Algorithm>);

/// What is unhealthy.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Findings(#[serde(deserialize_with = "findings")] pub(super) Vec<Finding>);

fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<Kind, D::Error> {
    word(&String::deserialize(from)?, "kind", Kind::ALL.map(|kind| (kind.name(), kind)))
}

fn traits<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Trait>, D::Error> {
    let known = Trait::ALL.map(|one| (one.name(), one));
    Vec::<String>::deserialize(from)?.iter().map(|text| word(text, "trait", known)).collect()
}

fn findings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Finding>, D::Error> {
    let known = Finding::ALL.map(|one| (one.name(), one));
    Vec::<String>::deserialize(from)?.iter().map(|text| word(text, "finding", known)).collect()
}

fn algorithm<'de, D: Deserializer<'de>>(from: D) -> Result<Option<countersign_tokens::Algorithm>, D::Error> {
    let signed = countersign_tokens::Algorithm::ALL.iter().map(|one| (one.name(), Some(*one)));
    word(&String::deserialize(from)?, "algorithm", signed.chain([("none", None)]))
}

/// The one of `known` that `text` is.
fn word<T: Copy, E: serde::de::Error>(
    text: &str,
    what: &str,
    known: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<T, E> {
    let known: Vec<(&str, T)> = known.into_iter().collect();
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        E::custom(format!("unknown {what} `{text}` ({})", names.join(", ")))
    })
}
