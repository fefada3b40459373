//! `cases.yaml` as it is written. What is not known is refused, with its place; the format is described for people in
//! `policies/starter/README.md`. Whoever runs cases, here or in a gateway, reads them with this.

use std::collections::{BTreeMap, BTreeSet};

use countersign_facts::reason::Reason;
use countersign_rights::hygiene::Finding;
use countersign_rights::workload::{Kind, Trait};
use countersign_tokens::{Scalar, Subject};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// `resources` of the plugin configuration.
    pub resources: Value,
    /// `sandboxes` of the plugin configuration.
    #[serde(default = "none")]
    pub sandboxes: Value,
    /// `risk` of the plugin configuration.
    #[serde(default = "none")]
    pub risk: Value,
    /// `claims` of every issuer in the plugin configuration: those that policies may read.
    #[serde(default = "no_claims")]
    pub claims: Value,
    /// `policy.links` of the plugin configuration: what is made of the templates of `policy.cedar`.
    pub links: Option<Value>,
    pub given: Given,
    pub cases: Vec<Case>,
}

impl Pack {
    /// Whoever calls in any case.
    pub(crate) fn callers(&self) -> impl Iterator<Item = &Caller> {
        std::iter::once(&self.given.workload).chain(self.cases.iter().filter_map(|case| case.workload.as_ref()))
    }
}

/// What every case starts from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    pub workload: Caller,
    pub task: Work,
    #[serde(default)]
    pub token: Token,
    #[serde(default)]
    pub findings: Findings,
    pub source: Option<String>,
    /// Seconds since 1970.
    #[serde(default = "now")]
    pub now: u64,
}

fn none() -> Value {
    Value::Array(Vec::new())
}

fn no_claims() -> Value {
    Value::Object(Map::new())
}

fn now() -> u64 {
    1_800_000_000
}

/// One request, what is different about it, and what must be decided.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub request: Request,
    pub workload: Option<Caller>,
    pub task: Option<Work>,
    pub token: Option<Token>,
    pub findings: Option<Findings>,
    pub source: Option<String>,
    pub now: Option<u64>,
    pub approval: Option<Named>,
    /// That the tool, endpoint or method is one that the catalogue does not have. Without it that is a mistake.
    #[serde(default)]
    pub undeclared: bool,
    pub expect: Expect,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// A name from the catalogue.
    pub resource: String,
    /// As records spell it: `mcp:tools/call`, `http:POST`, `a2a:SendMessage`, `grpc:call`.
    pub operation: String,
    /// The tool of MCP, the method of gRPC.
    pub tool: Option<String>,
    pub arguments: Option<Map<String, Value>>,
    /// What another operation of MCP names.
    pub target: Option<String>,
    /// Path and query of an HTTP request; elsewhere the resource's own path.
    pub path: Option<String>,
    /// The resource's own host when absent.
    pub host: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    pub issuer: String,
    /// The issuer's name in the configuration.
    #[serde(default = "sts")]
    pub issuer_name: String,
    /// `sub`; or else `machine`.
    pub subject: Option<String>,
    /// Of a credential without `sub`: what names it instead.
    pub machine: Option<Machine>,
    pub client_id: Option<String>,
    pub requester: Option<String>,
    pub trust_domain: Option<String>,
    #[serde(default = "agent", deserialize_with = "kind")]
    pub kind: Kind,
    #[serde(default, deserialize_with = "traits")]
    pub traits: BTreeSet<Trait>,
    #[serde(default = "yes")]
    pub classified: bool,
    /// The current actor first.
    #[serde(default)]
    pub actors: Vec<Actor>,
    /// What its credential says of the claims that the pack names, by their names.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// Names of those that its credential says are elsewhere.
    #[serde(default)]
    pub claims_elsewhere: BTreeSet<String>,
}

impl Caller {
    /// Whom its credential names; none where that is said twice, or not at all.
    pub fn named(&self) -> Option<Subject> {
        match (&self.subject, &self.machine) {
            (Some(sub), None) => Some(Subject::Sub(sub.clone())),
            (None, Some(Machine { claim, id })) => {
                Some(Subject::Machine(countersign_tokens::Machine { claim: claim.clone(), id: id.clone() }))
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Its `client_id`: a machine can be named by that, and is then no other client.
    pub fn client(&self) -> Option<&str> {
        let named = self.machine.as_ref().filter(|machine| machine.claim == "client_id");
        self.client_id.as_deref().or(named.map(|machine| machine.id.as_str()))
    }
}

/// A machine, in a credential without `sub`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The issuer's `machine_claim`.
    pub claim: String,
    /// What that claim says.
    pub id: String,
}

fn sts() -> String {
    super::ISSUER.to_owned()
}

fn agent() -> Kind {
    Kind::Agent
}

fn yes() -> bool {
    true
}

/// Somebody in the actor chain.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    pub issuer: String,
    pub subject: String,
    pub profile: Option<String>,
    pub kind: Option<KindWord>,
}

/// Somebody by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    pub issuer: String,
    pub subject: String,
}

/// What the credential was issued for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    pub id: String,
    pub purpose: Option<String>,
    /// Seconds since 1970.
    pub expires: Option<u64>,
}

/// What is known of the credential. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub id: Option<Scalar>,
    pub key_id: Option<String>,
    pub algorithm: Option<Algorithm>,
    pub issued: Option<u64>,
    pub expires: Option<u64>,
    pub acr: Option<Scalar>,
    pub auth_time: Option<u64>,
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

impl Expect {
    /// What is decided without a policy: on an allow that it is let through, on a deny for which `reason`.
    pub(super) fn without_policies(decision: Decision, reason: Option<Reason>) -> Self {
        let reason = reason.map(|reason| reason.row().code.to_owned());
        Self { decision, policies: Some(BTreeSet::new()), approvers: None, reason, sandbox: None }
    }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct KindWord(#[serde(deserialize_with = "kind")] pub Kind);

/// The algorithm of a token, as records spell it; `none` where nothing was signed by its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Algorithm(#[serde(deserialize_with = "algorithm")] pub Option<countersign_tokens::Algorithm>);

/// What is unhealthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Findings(#[serde(deserialize_with = "findings")] pub Vec<Finding>);

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
