//! A small catalogue and requests for it.

mod agreement;
mod arguments;
mod asked;
mod claims;
mod decide;
mod document;
mod explain;
mod index;
mod load;
mod possible;
#[cfg(feature = "rego")]
mod rego;
mod replay;
mod sandbox;
mod step_up;
mod templates;
mod trial;

use std::collections::{BTreeMap, BTreeSet};

use countersign_facts::digest::SentDigest;
use countersign_facts::reason::Reason;
use countersign_protocols::action::{Action, Class, McpOperation, Operation, ToolCall, test_support};
use countersign_protocols::catalogue::{Authentication, Match, PathMatch, Protocol, Resource, Risk, Tool};
use countersign_rights::claims::Claims;
use countersign_rights::hygiene::Finding;
use countersign_rights::task::{Grants, Task};
use countersign_rights::workload::{Actor, Identity, Kind, TokenFacts, Trait, Workload};
use countersign_tokens::UnixTime;
use countersign_tokens::json::{self, Members};
use serde_json::{Map, Value, json};

use super::{Approval, CedarPolicy, Deny, Facts, LoadError, Surroundings, Verdict};

type Failure = Box<dyn std::error::Error>;
type Outcome = Result<(), Failure>;

fn resource(name: &str, protocol: Protocol, tools: Vec<Tool>) -> Resource {
    let host = Some("tools.example.com".to_owned());
    Resource {
        name: name.to_owned(),
        matching: Match { host, path: PathMatch::Below(format!("/{name}")), route: None, exact: false },
        protocol,
        tools: tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect::<BTreeMap<_, _>>(),
        risk: Risk::Medium,
        ..test_support::resource()
    }
}

fn tool(name: &str, input_schema: Option<Value>) -> Tool {
    Tool { risk: Risk::High, labels: vec!["external".to_owned()], ..test_support::tool(name, input_schema) }
}

/// `payments` with `transfer` and `ping` (which has no schema), `crm` with `lookup`, and the plain HTTP `files`.
fn catalogue() -> Vec<Resource> {
    let transfer = json!({
        "type": "object",
        "properties": {
            "amount": { "type": "integer" },
            "fee": { "type": "number" },
            "to": { "type": "string" },
            "memo": { "type": ["string", "null"] },
        },
        "required": ["amount"],
    });
    let lookup = json!({ "type": "object", "properties": { "amount": { "type": "string" } } });
    vec![
        resource("payments", Protocol::Mcp, vec![tool("transfer", Some(transfer)), tool("ping", None)]),
        resource("crm", Protocol::Mcp, vec![tool("lookup", Some(lookup))]),
        resource("files", Protocol::Http, Vec::new()),
    ]
}

/// Nothing but a catalogue.
fn among(resources: &[Resource]) -> Surroundings<'_> {
    Surroundings { resources, ..Surroundings::default() }
}

fn compile(text: &str) -> Result<CedarPolicy, Failure> {
    CedarPolicy::compile(text, &among(&catalogue())).map_err(|errors| lines(&errors).into())
}

/// All errors of `text`, one a line.
fn errors(text: &str) -> String {
    CedarPolicy::compile(text, &among(&catalogue())).map_or_else(|errors| lines(&errors), |_| "no error".to_owned())
}

fn lines(errors: &[LoadError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn call(resource: &str, tool: &str, arguments: Value) -> Action {
    let arguments = if let Value::Object(arguments) = arguments { arguments } else { Map::new() };
    sent(resource, tool, json::members_of(arguments))
}

/// A call with `arguments` as they are written.
fn written(resource: &str, tool: &str, arguments: &str) -> Result<Action, Failure> {
    let arguments = json::exact(arguments.as_bytes(), &json::Limits::DEFAULT)?;
    Ok(sent(resource, tool, arguments.as_object().cloned().ok_or("no object")?))
}

fn sent(resource: &str, tool: &str, arguments: Members) -> Action {
    let digest = SentDigest::of_members(&arguments);
    let call = ToolCall { tool: tool.to_owned(), arguments, digest, id: json!(1) };
    action(resource, Operation::ToolCall(call))
}

fn mcp(resource: &str, method: &'static str, target: Option<&str>) -> Action {
    let target = target.map(str::to_owned);
    let operation =
        McpOperation { method, class: Class::Read, target, several: Vec::new(), digest: None, offered: None, id: None };
    action(resource, Operation::Mcp(operation))
}

fn http(resource: &str, method: &str) -> Action {
    let path = format!("/{resource}/a");
    action(resource, Operation::Http { method: method.to_owned(), path })
}

fn action(resource: &str, operation: Operation) -> Action {
    Action {
        resource: resource.to_owned(),
        operation,
        method: "POST".to_owned(),
        authority: "Tools.example.com".to_owned(),
        port: 443,
        target: format!("/{resource}/mcp?x=1"),
        body_digest: None,
        carried: Vec::new(),
    }
}

/// What [`Facts`] borrow.
struct World {
    workload: Workload,
    token: TokenFacts,
    findings: Vec<Finding>,
    task: Task,
    labels: Vec<String>,
    source: Option<String>,
    approval: Option<Approval>,
}

impl World {
    fn new() -> Self {
        let identity = |subject: &str| Identity { issuer: "https://sts".to_owned(), subject: subject.into() };
        Self {
            workload: Workload {
                identity: identity("alice"),
                issuer_name: "platform".to_owned(),
                tenant: None,
                trust_domain: Some("example.org".to_owned()),
                kind: Kind::Agent,
                traits: BTreeSet::from([Trait::Browsing]),
                classified: true,
                actors: vec![
                    Actor {
                        identity: identity("planner"),
                        profile: Some("ai_agent".to_owned()),
                        kind: Some(Kind::Agent),
                    },
                    Actor { identity: identity("gateway"), profile: None, kind: None },
                ],
                client_id: Some("cli".to_owned()),
                requester: None,
                claims: Claims::default(),
            },
            token: TokenFacts {
                id: Some("t1".into()),
                key_id: Some("k1".to_owned()),
                algorithm: "ES256",
                issued: Some(UnixTime::from_secs(900)),
                expires: UnixTime::from_secs(1_500),
                authentication: Authentication { class: Some("mfa".into()), time: Some(UnixTime::from_secs(800)) },
            },
            findings: vec![Finding::LongLived],
            task: Task {
                id: "task-1".to_owned(),
                purpose: Some("refunds".to_owned()),
                grants: Grants::default(),
                asks: Grants::default(),
                end: None,
                expires: UnixTime::from_secs(1_400),
            },
            labels: vec!["external".to_owned()],
            source: Some("[::ffff:10.1.2.3]:4711".to_owned()),
            approval: None,
        }
    }

    fn approved() -> Self {
        let approver = Identity { issuer: "https://desk".to_owned(), subject: "carol".into() };
        let approval =
            Approval { challenge: "c1".to_owned(), approver, expires: UnixTime::from_secs(1_060), stated: true };
        Self { approval: Some(approval), ..Self::new() }
    }

    /// The barest workload, token and task.
    fn bare() -> Self {
        let mut world = Self::new();
        world.workload.actors.clear();
        world.workload.client_id = None;
        world.workload.trust_domain = None;
        let authentication = Authentication::default();
        world.token = TokenFacts { id: None, key_id: None, issued: None, authentication, ..world.token };
        world.task.purpose = None;
        world.source = None;
        world
    }

    fn facts<'a>(&'a self, action: &'a Action) -> Facts<'a> {
        Facts {
            now: UnixTime::from_secs(1_000),
            workload: &self.workload,
            token: &self.token,
            findings: &self.findings,
            task: &self.task,
            action,
            risk: Risk::High,
            labels: &self.labels,
            source: self.source.as_deref(),
            approval: self.approval.as_ref(),
        }
    }
}

fn decide(policy: &CedarPolicy, action: &Action) -> Verdict {
    policy.decide(&World::new().facts(action))
}

/// `allow [ids]`, `deny reason [ids] detail` or `step_up [ids] approvers reasons`.
fn spell(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(allow) => format!("allow [{}]", allow.determining().join(" ")),
        Verdict::Deny(Deny { reason, determining, detail, mend: _ }) => {
            let detail = detail.as_deref().unwrap_or("-");
            format!("deny {} [{}] {detail}", reason.row().code, determining.join(" "))
        }
        Verdict::StepUp(step_up) => format!(
            "step_up [{}] {} {}",
            step_up.determining.join(" "),
            step_up.approvers.join(","),
            step_up.reasons.join(",")
        ),
    }
}

/// What `text` says about `action`.
fn say(text: &str, action: &Action) -> Result<String, Failure> {
    Ok(spell(&decide(&compile(text)?, action)))
}

/// Whether `condition` holds for a call of `transfer` with `arguments` in `world`.
fn holds(world: &World, condition: &str, arguments: Value) -> Result<bool, Failure> {
    let text = format!("permit(principal, action == Action::\"payments/transfer\", resource) when {{ {condition} }};");
    let action = call("payments", "transfer", arguments);
    match compile(&text)?.decide(&world.facts(&action)) {
        Verdict::Allow(_) => Ok(true),
        Verdict::Deny(Deny { reason: Reason::PolicyDenied, .. }) => Ok(false),
        other @ (Verdict::Deny(_) | Verdict::StepUp(_)) => Err(spell(&other).into()),
    }
}
