//! Every shipped policy decides its cases as they say, on requests read as the filter reads them.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use countersign_engine::UnixTime;
use countersign_engine::action::{Action, mcp};
use countersign_engine::catalogue::{Resource, Risk};
use countersign_engine::config::{Config, NoSecrets};
use countersign_engine::headers::Headers;
use countersign_engine::io::RequestHead;
use countersign_engine::policy::{CedarPolicy, Facts, Verdict};
use countersign_engine::route;
use countersign_engine::step_up::Approval;
use countersign_engine::task::{Grants, Task};
use countersign_engine::workload::{Authentication, Identity, Kind, TokenFacts, Workload};
use countersign_host_tests::envoy::root;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    resources: Value,
    given: Given,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    workload: Caller,
    task: Purpose,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: Request,
    workload: Option<Caller>,
    task: Option<Purpose>,
    approval: Option<Caller>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    resource: String,
    operation: String,
    tool: Option<String>,
    arguments: Option<Map<String, Value>>,
    target: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caller {
    issuer: String,
    subject: String,
    client_id: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Purpose {
    id: String,
    purpose: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expect {
    decision: String,
    policies: Option<BTreeSet<String>>,
    approvers: Option<BTreeSet<String>>,
    reason: Option<String>,
}

#[test]
fn every_pack_decides_its_cases() -> Result<()> {
    let mut packs = 0;
    for entry in std::fs::read_dir(root().join("policies"))? {
        let folder = entry?.path();
        check(&folder).with_context(|| folder.display().to_string())?;
        packs += 1;
    }
    ensure!(packs > 0, "no policies were found");
    Ok(())
}

/// Every case of the pack in `folder`, and every policy is determining in one of them.
fn check(folder: &Path) -> Result<()> {
    let pack: Pack = serde_norway::from_str(&std::fs::read_to_string(folder.join("cases.yaml"))?)?;
    let text = std::fs::read_to_string(folder.join("policy.cedar"))?;
    let resources = catalogue(&pack.resources, &text)?;
    let policy = CedarPolicy::compile(&text, &resources).map_err(|errors| anyhow!("{errors:?}"))?;
    let mut exercised = BTreeSet::new();
    for case in &pack.cases {
        let decided = decide(case, &pack.given, &resources, &policy).with_context(|| case.name.clone())?;
        exercised.extend(decided.policies.clone().unwrap_or_default());
        ensure!(agrees(&case.expect, &decided), "{}: expected {:?}, got {decided:?}", case.name, case.expect);
    }
    for line in text.lines().filter_map(|line| line.trim().strip_prefix("@id(\"")) {
        let (id, _) = line.split_once('"').context("an @id without end")?;
        ensure!(exercised.contains(id), "no case exercises policy `{id}`");
    }
    Ok(())
}

/// The catalogue as the configuration reader reads it.
fn catalogue(resources: &Value, cedar: &str) -> Result<Vec<Resource>> {
    let config = json!({
        "version": 1,
        "issuers": [{
            "name": "sts", "issuer": "https://sts.example.com", "profile": "access-token",
            "audiences": ["https://tools.example.com"], "algorithms": ["ES256"],
            "keys": {"url": "https://sts.example.com/jwks.json", "cluster": "sts"},
        }],
        "resources": resources,
        "policy": {"cedar": cedar},
    });
    let config = Config::parse(config.to_string().as_bytes(), &NoSecrets).map_err(|errors| anyhow!("{errors}"))?;
    Ok(config.resources)
}

fn decide(case: &Case, given: &Given, resources: &[Resource], policy: &CedarPolicy) -> Result<Expect> {
    let resource =
        resources.iter().find(|resource| resource.name == case.request.resource).context("which resource?")?;
    let action = read(&case.request, resource)?;
    let now = UnixTime::from_secs(1_800_000_000);
    let caller = case.workload.as_ref().unwrap_or(&given.workload);
    let purpose = case.task.as_ref().unwrap_or(&given.task).clone();
    let workload = Workload {
        identity: identity(caller),
        issuer_name: "sts".to_owned(),
        trust_domain: None,
        kind: Kind::Agent,
        traits: BTreeSet::new(),
        classified: true,
        actors: Vec::new(),
        client_id: caller.client_id.clone(),
        requester: None,
    };
    let expires = now.plus(Duration::from_mins(5));
    let authentication = Authentication::default();
    let token = TokenFacts { id: None, key_id: None, algorithm: "ES256", issued: None, expires, authentication };
    let (grants, asks) = (Grants::default(), Grants::default());
    let task = Task { id: purpose.id, purpose: purpose.purpose, grants, asks, end: None, expires };
    let approval = case.approval.as_ref().map(|approver| Approval {
        challenge: "challenge".to_owned(),
        approver: identity(approver),
        expires,
    });
    let tool = case.request.tool.as_ref().and_then(|tool| resource.tools.get(tool));
    let risk: Risk = tool.map_or(resource.risk, |tool| tool.risk);
    let facts = Facts {
        now,
        workload: &workload,
        token: &token,
        findings: &[],
        task: &task,
        action: &action,
        risk,
        labels: tool.map_or(&[], |tool| &tool.labels),
        source: None,
        approval: approval.as_ref(),
    };
    Ok(told(policy.decide(&facts)))
}

fn identity(caller: &Caller) -> Identity {
    Identity { issuer: caller.issuer.clone(), subject: caller.subject.clone() }
}

/// The request as a client would send it, read by the filter's own reader.
fn read(request: &Request, resource: &Resource) -> Result<Action> {
    let operation = request.operation.strip_prefix("mcp:").context("operations begin with `mcp:`")?;
    let leg = matches!(operation, "GET" | "DELETE");
    let headers: Headers = [
        (":method", if leg { operation } else { "POST" }),
        (":path", "/mcp"),
        (":authority", "tools.example.com"),
        ("content-type", "application/json"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .collect();
    let head = RequestHead { headers, end: leg, ..RequestHead::default() };
    let target = route::check_head(&head, &[]).map_err(|reason| anyhow!("{reason:?}"))?;
    let body = message(request, operation)?;
    let body = (!leg).then(|| body.to_string());
    mcp::read(resource, &target, &head.headers, body.as_ref().map(String::as_bytes))
        .map_err(|rejection| anyhow!("{:?}", rejection.reason))
}

fn message(request: &Request, method: &str) -> Result<Value> {
    let params = match (method, &request.tool, &request.target) {
        ("tools/call", Some(tool), None) => json!({"name": tool, "arguments": request.arguments}),
        ("tools/call", _, _) => bail!("which tool?"),
        ("prompts/get", None, Some(name)) => json!({"name": name}),
        (_, None, Some(uri)) => json!({"uri": uri}),
        (_, None, None) => json!({}),
        (_, Some(_), _) => bail!("only tools/call names a tool"),
    };
    let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
    if !method.starts_with("notifications/") {
        message["id"] = json!(1);
    }
    Ok(message)
}

fn told(verdict: Verdict) -> Expect {
    let set = |ids: &[String]| Some(ids.iter().cloned().collect());
    match verdict {
        Verdict::Allow(allow) => {
            Expect { decision: "allow".to_owned(), policies: set(allow.determining()), approvers: None, reason: None }
        }
        Verdict::Deny(deny) => Expect {
            decision: "deny".to_owned(),
            policies: set(&deny.determining),
            approvers: None,
            reason: Some(deny.reason.row().code.to_owned()),
        },
        Verdict::StepUp(step_up) => Expect {
            decision: "step_up".to_owned(),
            policies: set(&step_up.determining),
            approvers: set(&step_up.approvers),
            reason: None,
        },
    }
}

/// What a case leaves out is not compared.
fn agrees(expected: &Expect, decided: &Expect) -> bool {
    let Expect { decision, policies, approvers, reason } = expected;
    *decision == decided.decision
        && (policies.is_none() || *policies == decided.policies)
        && (approvers.is_none() || *approvers == decided.approvers)
        && (reason.is_none() || *reason == decided.reason)
}
