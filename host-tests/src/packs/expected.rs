//! What must come of a case in a gateway: the decision it says, the answer that goes with it, and on the record everything that
//! it told policy.

use anyhow::{Context, bail};
use countersign_explain::cases::format::{Caller, Decision, Named};
use countersign_explain::cases::{Expect, Sent};
use countersign_facts::reason::Reason;
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::{Protocol, Resource};
use countersign_rights::workload::Kind;
use serde_json::{Map, Value, json};

use super::said::Said;

/// Of the scenario's step.
pub(super) struct Expected {
    pub(super) expect: Value,
    pub(super) approver: Option<Value>,
}

/// What becomes of the request.
struct Outcome<'a> {
    reason: String,
    /// How many approvals are asked for.
    asked: usize,
    approver: Option<Value>,
    /// What the record and the answer say of the decision.
    told: &'a Expect,
}

/// Of the case in `said`, one of `all`, which sends `sent` to `resource`: that is `action`.
pub(super) fn of(
    said: &Said<'_>,
    all: &[Said<'_>],
    resource: &Resource,
    action: &Action,
    sent: &Sent,
) -> anyhow::Result<Expected> {
    let mut outcome = outcome(said, all)?;
    if resource.interface.closed && action.entry(resource).is_none() && outcome.told.decision == Decision::Deny {
        Reason::Undeclared.row().code.clone_into(&mut outcome.reason);
    }
    let mut expect = answered(&outcome, resource, sent);
    let mut record = facts(said);
    record.extend(decided(&outcome, said));
    expect.insert("reason".to_owned(), json!(outcome.reason));
    expect.insert("calls".to_owned(), json!({ "approvals": outcome.asked }));
    expect.insert("record".to_owned(), Value::Object(record));
    if let Some(approvers) = &outcome.told.approvers {
        expect.insert("asked".to_owned(), json!({ "/approvers": approvers }));
    }
    Ok(Expected { expect: Value::Object(expect), approver: outcome.approver })
}

fn outcome<'a>(said: &Said<'a>, all: &[Said<'a>]) -> anyhow::Result<Outcome<'a>> {
    let told = &said.case.expect;
    let approved = said.case.approval.as_ref().map(approves);
    match (told.decision, approved) {
        (Decision::Allow, None) => Ok(Outcome { reason: "allowed".to_owned(), asked: 0, approver: None, told }),
        (Decision::Allow, approver @ Some(_)) => {
            Ok(Outcome { reason: "approved".to_owned(), asked: 1, approver, told })
        }
        (Decision::StepUp, None) => {
            let approver = Some(json!({ "decision": "pending" }));
            Ok(Outcome { reason: "approval_pending".to_owned(), asked: 1, approver, told })
        }
        (Decision::StepUp, Some(_)) => bail!("expect.decision: what is approved is not asked about again"),
        (Decision::Deny, None) => Ok(Outcome { reason: denied(told), asked: 0, approver: None, told }),
        (Decision::Deny, approver @ Some(_)) => in_vain(said, all, approver),
    }
}

/// A deny in spite of an approval. Whether anybody was asked for one is what the same case says without it.
fn in_vain<'a>(said: &Said<'a>, all: &[Said<'a>], approver: Option<Value>) -> anyhow::Result<Outcome<'a>> {
    let mut without = all.iter().filter(|other| other.case.approval.is_none() && said.is_about(other));
    let before = without.next().context(
        "approval: whether anybody is asked for it cannot be told; add the same case without the approval to the pack",
    )?;
    let (told, asked) = match before.case.expect.decision {
        // Nobody is asked about what is refused anyway: this approver is never heard.
        Decision::Deny => (&before.case.expect, 0),
        Decision::StepUp => (&said.case.expect, 1),
        Decision::Allow => bail!("approval: without it this is allowed, so nobody is asked for one"),
    };
    Ok(Outcome { reason: denied(told), asked, approver, told })
}

fn denied(told: &Expect) -> String {
    told.reason.clone().unwrap_or_else(|| "policy_denied".to_owned())
}

fn approves(approver: &Named) -> Value {
    let Named { issuer, subject } = approver;
    json!({ "edit": { "approver": { "iss": issuer, "sub": subject } } })
}

/// The members of the expectation that say how the client is answered.
fn answered(outcome: &Outcome<'_>, resource: &Resource, sent: &Sent) -> Map<String, Value> {
    let mut expect = Map::new();
    let allowed = outcome.told.decision == Decision::Allow;
    if allowed {
        let upstream = outcome.told.sandbox.as_ref().map(|name| json!({ "x-countersign-sandbox": name }));
        expect.insert("status".to_owned(), json!(200));
        expect.insert("upstream".to_owned(), json!({ "headers": upstream.unwrap_or_else(|| json!({})) }));
        return expect;
    }
    let unauthenticated = outcome.reason == Reason::AuthenticationInsufficient.row().code;
    let status = match resource.protocol {
        Protocol::Grpc => 200,
        Protocol::Http | Protocol::Mcp | Protocol::A2a if unauthenticated => 401,
        Protocol::Http | Protocol::Mcp | Protocol::A2a => 403,
    };
    expect.insert("status".to_owned(), json!(status));
    expect.insert("no_metadata".to_owned(), json!(resource.metadata_url.is_none()));
    if outcome.reason == "arguments_unfit" {
        // Which argument it is, cases do not say.
        expect.insert("unfit_any".to_owned(), json!(true));
    }
    if outcome.reason == Reason::Undeclared.row().code {
        // Nobody learns what is declared.
        expect.insert("told".to_owned(), json!("policy_denied"));
    }
    match resource.protocol {
        Protocol::Http => {}
        Protocol::Grpc => drop(expect.insert("grpc".to_owned(), json!(if unauthenticated { 16 } else { 7 }))),
        Protocol::Mcp => drop(expect.insert("rpc_id".to_owned(), rpc_id(sent))),
        Protocol::A2a => {
            let status = if unauthenticated { "UNAUTHENTICATED" } else { "PERMISSION_DENIED" };
            expect.insert("a2a".to_owned(), json!(status));
            expect.insert("rpc_id".to_owned(), rpc_id(sent));
        }
    }
    expect
}

/// Null where there is none to answer to: notifications and what has no body.
fn rpc_id(sent: &Sent) -> Value {
    let message: Value = sent.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    message.get("id").cloned().unwrap_or_default()
}

/// What the record says of what was asked, by whom and what for: that policy was told what the case says.
fn facts(said: &Said<'_>) -> Map<String, Value> {
    let Caller { issuer, issuer_name: _, subject, machine, client_id, requester: _, trust_domain, kind, .. } =
        said.workload;
    let machine = machine.as_ref().map(|machine| json!({ "claim": machine.claim, "id": machine.id }));
    let Caller { traits, classified, actors, .. } = said.workload;
    let actors = actors.iter().map(|actor| {
        let mut told = json!({ "issuer": actor.issuer, "subject": actor.subject });
        if let Some(members) = told.as_object_mut() {
            members.extend(actor.profile.iter().map(|profile| ("profile".to_owned(), json!(profile))));
            let kind = actor.kind.as_ref().map(|word| word.0);
            members.extend(kind.map(|kind| ("kind".to_owned(), json!(kind.name()))));
        }
        told
    });
    let mut findings = said.findings.to_vec();
    findings.sort();
    let mut record = Map::from_iter([
        ("/resource".to_owned(), json!(said.case.request.resource)),
        ("/action/name".to_owned(), json!(said.case.request.operation)),
        ("/workload/issuer".to_owned(), json!(issuer)),
        ("/workload/subject".to_owned(), json!(subject)),
        ("/workload/machine".to_owned(), json!(machine)),
        ("/workload/trust_domain".to_owned(), json!(trust_domain)),
        ("/workload/kind".to_owned(), json!(Kind::name(*kind))),
        ("/workload/traits".to_owned(), list(traits.iter().map(|one| json!(one.name())))),
        ("/workload/classified".to_owned(), if *classified { Value::Null } else { json!(false) }),
        ("/workload/actors".to_owned(), list(actors)),
        ("/task/id".to_owned(), json!(said.task.id)),
        ("/task/purpose".to_owned(), json!(said.task.purpose)),
        ("/findings".to_owned(), list(findings.iter().map(|finding| json!(finding.name())))),
    ]);
    record.extend(client_id.as_ref().map(|client| ("/workload/client_id".to_owned(), json!(client))));
    record.extend(said.token.id.as_ref().map(|id| ("/token/id".to_owned(), id.json())));
    record
}

/// What the record says of the decision.
fn decided(outcome: &Outcome<'_>, said: &Said<'_>) -> Map<String, Value> {
    let Expect { decision, policies, approvers: _, reason: _, sandbox } = outcome.told;
    let mut record = Map::new();
    record.insert("/sandbox".to_owned(), json!(sandbox));
    if let Some(policies) = policies {
        record.insert("/policies".to_owned(), list(policies.iter().map(|id| json!(id))));
    }
    if let Some(Named { issuer, subject }) = said.case.approval.as_ref().filter(|_| *decision == Decision::Allow) {
        record.insert("/approval/approver".to_owned(), json!({ "issuer": issuer, "subject": subject }));
    }
    record
}

/// A list as records have it: none where it is empty.
fn list(items: impl Iterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.collect();
    if items.is_empty() { Value::Null } else { Value::Array(items) }
}
