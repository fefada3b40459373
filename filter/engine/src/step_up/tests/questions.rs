//! What is asked, and what the binding is made of.

use countersign_facts::digest;
use countersign_tokens::{Machine, Subject};

use super::*;

#[test]
fn the_call_is_signed_and_says_how_long_to_wait() -> Result<(), String> {
    let (call, challenge) = Case::new()?.ask().map_err(|reason| format!("{reason:?}"))?;
    let Call { id, cluster, method, scheme, authority, path, headers, body, timeout } = &call;
    assert_eq!((*id, *method, *timeout), (CallId(4), "POST", Duration::from_secs(20)));
    assert_eq!([cluster, scheme, authority, path], ["approvals", "https", "desk.example.com", "/ask?v=1"]);
    let expected = [
        ("content-type", "application/json".to_owned()),
        ("prefer", "wait=19".to_owned()),
        ("webhook-id", challenge.id.clone()),
        ("webhook-timestamp", "1795428000".to_owned()),
        ("webhook-signature", sign(&challenge.id, NOW, body)?),
    ];
    assert_eq!(headers.as_slice(), expected);
    assert_eq!((challenge.call, challenge.expires), (CallId(4), NOW.plus(Duration::from_secs(20))));
    assert!(challenge.id.starts_with("chl_") && !challenge.id.contains('.'));
    Ok(())
}

#[test]
fn the_body_says_all_of_it_and_redacts() -> Result<(), String> {
    let case = Case::new()?;
    let (call, challenge) = case.ask().map_err(|reason| format!("{reason:?}"))?;
    let body: Value = serde_json::from_slice(&call.body).map_err(|error| error.to_string())?;
    let binding = case.binding()?;
    assert_eq!(challenge.binding, binding);
    let expected = json!({
        "type": "approval.requested",
        "challenge": challenge.id,
        "binding": {"call": digest::text(&binding.call), "body": digest::text(&binding.body)},
        "requested_at": "2026-11-23T10:00:00Z",
        "lapses_at": "2026-11-23T10:00:20Z",
        "workload": {"subject": {"iss": "https://sts", "sub": "user-7"}, "issuer": "platform", "client_id": "client-9"},
        "actors": [{"iss": "https://sts", "sub": "agent-2"}, {"iss": "https://sts", "sub": "agent-1"}],
        "task": {"id": "t-1", "purpose": "pay rent"},
        "action": {
            "protocol": "mcp", "operation": "mcp:tools/call", "resource": "payments", "object": "transfer",
            "method": "POST", "authority": "tools.example.com", "target": "/mcp?v=1",
        },
        "arguments": {"amount": 5, "iban": "DE02", "pin": {"code": "[redacted]"}},
        "risk": "high",
        "approvers": ["manager"],
        "reasons": ["large transfer"],
    });
    assert_eq!(body, expected);
    Ok(())
}

#[test]
fn an_operation_without_arguments_shows_none() -> Result<(), String> {
    let mut case = Case::new()?;
    case.action =
        message(&json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///a"}}))?;
    let (call, _) = case.ask().map_err(|reason| format!("{reason:?}"))?;
    let body: Value = serde_json::from_slice(&call.body).map_err(|error| error.to_string())?;
    assert_eq!((&body["arguments"], &body["action"]["object"]), (&Value::Null, &json!("file:///a")));
    Ok(())
}

#[test]
fn every_request_has_its_own_challenge() -> Result<(), String> {
    let case = Case::new()?;
    let mut other = case.clone();
    other.decision = "d-2".to_owned();
    let ask = |case: &Case| case.ask().map(|(_, challenge)| challenge).map_err(|reason| format!("{reason:?}"));
    assert_eq!(ask(&case)?, ask(&case)?);
    assert_ne!(ask(&case)?.id, ask(&other)?.id);
    assert_eq!(ask(&case)?.binding, ask(&other)?.binding);
    Ok(())
}

#[test]
fn a_secret_that_is_none_sends_nothing() -> Result<(), String> {
    for secret in ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 but long enough to count!!"] {
        let mut case = Case::new()?;
        secret.clone_into(&mut case.config.secret);
        assert_eq!(case.ask(), Err(Reason::Internal), "{secret}");
    }
    Ok(())
}

type Change = fn(&mut Case);

#[test]
fn whatever_changes_the_call_changes_its_binding() -> Result<(), String> {
    let case = Case::new()?;
    let before = case.binding()?;
    let changes: [(&str, Change); 17] = [
        ("subject", |case| case.workload.identity.subject = "somebody".into()),
        ("machine of the same name", |case| {
            let id = case.workload.identity.subject.to_string();
            case.workload.identity.subject = Subject::Machine(Machine { claim: "client_id".to_owned(), id });
        }),
        ("issuer", |case| case.workload.identity.issuer.push('x')),
        ("an actor", |case| case.workload.actors.truncate(1)),
        ("order of actors", |case| case.workload.actors.reverse()),
        ("an actor's issuer", |case| case.workload.actors.iter_mut().for_each(|actor| actor.identity.issuer.push('x'))),
        ("task", |case| case.task.id.push('x')),
        ("authority", |case| case.action.authority.push('x')),
        ("method", |case| case.action.method.push('x')),
        ("query", |case| case.action.target.push('x')),
        ("resource", |case| case.action.resource.push('x')),
        ("risk", |case| case.risk = Risk::Critical),
        ("policies", |case| case.demand.basis = [4; 32]),
        ("tool", |case| rename(&mut case.action, "transfer2")),
        ("arguments", |case| case.action = call(&json!({"amount": 6})).unwrap_or_else(|_| case.action.clone())),
        ("operation", |case| case.action = read("x://u").unwrap_or_else(|_| case.action.clone())),
        ("object", |case| case.action = read("x://v").unwrap_or_else(|_| case.action.clone())),
    ];
    let mut seen = vec![before.call];
    for (what, change) in changes {
        let mut another = case.clone();
        change(&mut another);
        let digest = another.binding()?.call;
        assert!(!seen.contains(&digest), "{what}");
        seen.push(digest);
    }
    Ok(())
}

fn rename(action: &mut Action, tool: &str) {
    if let countersign_protocols::action::Operation::ToolCall(call) = &mut action.operation {
        tool.clone_into(&mut call.tool);
    }
}

fn read(uri: &str) -> Result<Action, String> {
    message(&json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}}))
}

#[test]
fn the_same_call_in_other_bytes_keeps_the_call_and_not_the_body() -> Result<(), String> {
    let case = Case::new()?;
    let mut again = case.clone();
    again.action = message(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params":
        {"name": "transfer", "arguments": {"pin": {"code": "0000"}, "iban": "DE02", "amount": 5.0}}}))?;
    let (first, second) = (case.binding()?, again.binding()?);
    assert_eq!(first.call, second.call);
    assert_ne!(first.body, second.body);
    again.action.body_digest = None;
    assert_eq!(again.binding()?.body, digest::of_bytes(b""));
    Ok(())
}

#[test]
fn purpose_grants_and_client_do_not_bind() -> Result<(), String> {
    let case = Case::new()?;
    let mut other = case.clone();
    (other.task.purpose, other.workload.client_id) = (None, None);
    assert_eq!(case.binding()?, other.binding()?);
    Ok(())
}
