//! One call, the question about it, and answers made by the reference signer.

mod answers;
mod questions;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_facts::calls::{Call, CallId, CallOutcome, Endpoint};
use countersign_facts::digest;
use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_policy::StepUp;
use countersign_protocols::action::test_support::{resource, target};
use countersign_protocols::action::{Action, mcp};
use countersign_protocols::catalogue::Risk;
use countersign_rights::task::{Grants, Task};
use countersign_rights::workload::{Actor, Identity, Kind, Workload};
use countersign_tokens::UnixTime;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// 2026-11-23T10:00:00Z
const NOW: UnixTime = UnixTime::from_secs(1_795_428_000);

/// Reads an answer, rightly signed, about what was asked, that says this besides.
pub(crate) fn answered(members: &str) {
    let Ok(asked) = &*answers::ASKED else { return };
    let Binding { call, body } = asked.challenge.binding;
    let (call, body) = (digest::text(&call), digest::text(&body));
    let answer =
        format!(r#"{{"challenge":"{}","binding":{{"call":"{call}","body":"{body}"}},{members}}}"#, asked.challenge.id);
    let Ok(outcome) = signed(200, answer.as_bytes(), NOW) else { return };
    let _ = asked.read(&outcome);
}

fn who(issuer: &str, subject: &str) -> Identity {
    Identity { issuer: issuer.to_owned(), subject: subject.into() }
}

/// Everything about one call, owned, so that a test can change any of it.
#[derive(Clone)]
struct Case {
    decision: String,
    workload: Workload,
    task: Task,
    action: Action,
    risk: Risk,
    demand: StepUp,
    redact: Vec<String>,
    config: StepUpConfig,
}

impl Case {
    fn new() -> Result<Self, String> {
        let action = call(&json!({"amount": 5, "iban": "DE02", "pin": {"code": "0000"}}))?;
        Ok(Self {
            decision: "d-1".to_owned(),
            workload: Workload {
                identity: who("https://sts", "user-7"),
                issuer_name: "platform".to_owned(),
                tenant: None,
                trust_domain: None,
                kind: Kind::Agent,
                traits: BTreeSet::new(),
                classified: true,
                actors: ["agent-2", "agent-1"]
                    .map(|subject| Actor { identity: who("https://sts", subject), profile: None, kind: None })
                    .to_vec(),
                client_id: Some("client-9".to_owned()),
                requester: None,
                claims: countersign_rights::claims::Claims::default(),
            },
            task: Task {
                id: "t-1".to_owned(),
                purpose: Some("pay rent".to_owned()),
                grants: Grants::default(),
                asks: Grants::default(),
                end: None,
                expires: NOW,
            },
            action,
            risk: Risk::High,
            demand: StepUp {
                determining: vec!["large".to_owned()],
                approvers: vec!["manager".to_owned()],
                reasons: vec!["large transfer".to_owned()],
                basis: [3; 32],
            },
            redact: vec!["/pin/code".to_owned(), "/absent".to_owned()],
            config: StepUpConfig {
                endpoint: Endpoint {
                    cluster: "approvals".to_owned(),
                    scheme: "https".to_owned(),
                    authority: "desk.example.com".to_owned(),
                    path: "/ask?v=1".to_owned(),
                    timeout: Duration::from_secs(30),
                },
                secret: SECRET.to_owned(),
                hold: Duration::from_secs(20),
            },
        })
    }

    fn ask(&self) -> Result<(Call, Challenge), Reason> {
        let Self { decision, workload, task, action, risk, demand, redact, config } = self;
        let request = ApprovalRequest { decision, workload, task, action, risk: *risk, demand, redact, path: None };
        webhook_call(CallId(4), config, &request, NOW)
    }

    fn binding(&self) -> Result<Binding, String> {
        let Self { workload, task, action, risk, demand, .. } = self;
        BindingFacts { workload, task, action, risk: *risk, basis: &demand.basis }
            .binding()
            .map_err(|error| error.to_string())
    }
}

/// A `tools/call` of `transfer`.
fn call(arguments: &Value) -> Result<Action, String> {
    message(
        &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "transfer", "arguments": arguments}}),
    )
}

fn message(body: &Value) -> Result<Action, String> {
    let headers: Headers = [("content-type".to_owned(), b"application/json".to_vec())].into_iter().collect();
    mcp::read(&resource(), &target("POST"), &headers, Some(body.to_string().as_bytes()))
        .map_err(|error| format!("{error:?}"))
}

fn sign(id: &str, at: UnixTime, body: &[u8]) -> Result<String, String> {
    let seconds = i64::try_from(at.secs()).map_err(|error| error.to_string())?;
    Webhook::new(SECRET).and_then(|webhook| webhook.sign(id, seconds, body)).map_err(|error| error.to_string())
}

/// An answer with this body, signed at `at`.
fn signed(status: u16, body: &[u8], at: UnixTime) -> Result<CallOutcome, String> {
    let headers = [
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", at.secs().to_string()),
        ("webhook-signature", sign("msg_1", at, body)?),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    Ok(CallOutcome::Response { status, headers, body: body.to_vec() })
}
