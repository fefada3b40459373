//! Which revision a message is of, and what that changes.

use super::*;
use crate::action::mcp::methods;

/// A message of `era` and the header fields that go with it.
pub(super) fn message(era: Era, method: &str, mut params: Value) -> (Vec<(String, String)>, Value) {
    let mut fields = vec![("mcp-protocol-version".to_owned(), era.version().to_owned())];
    let name = ["name", "uri", "taskId"].iter().find_map(|key| params[*key].as_str());
    if era.is_stateless() {
        fields.push(("mcp-method".to_owned(), method.to_owned()));
        fields.extend(name.map(|name| ("mcp-name".to_owned(), name.to_owned())));
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": era.version(),
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
    if !method.starts_with("notifications/") {
        message["id"] = json!(1);
    }
    (fields, message)
}

pub(super) fn send((fields, message): &(Vec<(String, String)>, Value)) -> Result<Action, Rejection> {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    post_with(&fields, message.to_string().as_bytes())
}

/// What each method names, and where.
fn example(method: &str) -> (Value, Option<&'static str>) {
    match method {
        "tools/call" | "prompts/get" => (json!({"name": "n"}), Some("n")),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => (json!({"uri": "u://x"}), Some("u://x")),
        "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => (json!({"taskId": "t"}), Some("t")),
        "completion/complete" => (json!({"ref": {"type": "ref/prompt", "name": "p"}}), Some("p")),
        "events/poll" | "events/stream" => (json!({"name": "e"}), Some("e")),
        "events/subscribe" | "events/unsubscribe" => {
            (json!({"name": "e", "delivery": {"url": "https://hooks.test/a"}}), Some("e"))
        }
        "subscriptions/listen" => (json!({"notifications": {"taskIds": ["t"]}}), Some("t")),
        _ => (json!({}), None),
    }
}

#[test]
fn every_method_is_read_in_its_eras_and_unknown_in_others() {
    for era in Era::ALL {
        for row in methods::TABLE.iter().filter(|row| !["GET", "DELETE", "response"].contains(&row.name)) {
            let (name, class) = (row.name, row.class);
            let (params, object) = example(name);
            let sent = message(era, name, params);
            let action = send(&sent);
            if methods::find(era, name).is_none() {
                let unknown = if era.is_stateless() { Reason::MethodNotFound } else { Reason::UnknownMethod };
                assert_eq!(reason(action), Some(unknown), "{era:?} {name}");
                continue;
            }
            let action = action.unwrap_or_else(|rejection| panic!("{era:?} {name}: {rejection:?}"));
            assert_eq!((action.name(), action.object()), (format!("mcp:{name}"), object), "{era:?}");
            assert_eq!(action.rpc_id(), sent.1.get("id"), "{era:?} {name}");
            if let Operation::Mcp(operation) = &action.operation {
                assert_eq!(
                    (operation.class, operation.digest),
                    (class, Some(SentDigest::of(&sent.1["params"].clone().into())))
                );
            }
        }
    }
}

#[test]
fn header_and_body_agree_on_the_version() {
    use Reason::{HeaderBodyMismatch, MetaMissing, UnsupportedVersion};
    const JULY: &str = "2026-07-28";
    for (header, body, expected) in [
        (None, None, None),
        (Some("2025-06-18"), None, None),
        (Some("2025-11-25"), None, None),
        (Some("2025-11-25"), Some("2025-11-25"), None),
        (Some(JULY), Some(JULY), None),
        (Some(JULY), None, Some(MetaMissing)),
        (None, Some(JULY), Some(HeaderBodyMismatch)),
        (None, Some("2025-11-25"), Some(HeaderBodyMismatch)),
        (Some("2025-11-25"), Some(JULY), Some(HeaderBodyMismatch)),
        (Some(JULY), Some("2025-11-25"), Some(HeaderBodyMismatch)),
        (Some("2025-03-26"), None, None),
        (Some("2024-11-05"), None, None),
        (Some("2024-10-07"), None, Some(UnsupportedVersion)),
        (Some("2027-01-01"), Some("2027-01-01"), Some(UnsupportedVersion)),
        (Some("2027-01-01"), Some(JULY), Some(HeaderBodyMismatch)),
        (Some(""), None, Some(UnsupportedVersion)),
    ] {
        let mut params = json!({});
        if let Some(body) = body {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": body, "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}).to_string();
        let mut fields = vec![("mcp-method", "tools/list")];
        fields.extend(header.map(|header| ("mcp-protocol-version", header)));
        assert_eq!(reason(post_with(&fields, message.as_bytes())), expected, "{header:?} {body:?}");
    }
    let initialize = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"1999-01-01"}}"#;
    assert_eq!(reason(post(initialize)), None);
}

#[test]
fn a_stateless_request_says_everything_itself() {
    let version = "io.modelcontextprotocol/protocolVersion";
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    for (meta, expected) in [
        (json!({version: "2026-07-28", capabilities: {"elicitation": {}}}), None),
        (json!({version: "2026-07-28"}), Some(Reason::MetaMissing)),
        (json!({version: "2026-07-28", capabilities: null}), Some(Reason::MetaMissing)),
        (json!({version: "2026-07-28", capabilities: []}), Some(Reason::MetaMissing)),
        (json!({capabilities: {}}), Some(Reason::MetaMissing)),
        (json!({}), Some(Reason::MetaMissing)),
        (json!({version: 20_260_728, capabilities: {}}), Some(Reason::MetaMissing)),
        (json!([]), Some(Reason::MalformedMessage)),
        (
            json!({"IO.modelcontextprotocol/protocolVersion": "2026-07-28", capabilities: {}}),
            Some(Reason::MalformedMessage),
        ),
    ] {
        let mut sent = message(Era::July2026, "tools/list", json!({}));
        sent.1["params"]["_meta"] = meta.clone();
        assert_eq!(reason(send(&sent)), expected, "{meta}");
    }
    let mut sent = message(Era::July2026, "tools/list", json!({}));
    sent.1["params"] = json!({"_Meta": sent.1["params"]["_meta"]});
    assert_eq!(reason(send(&sent)), Some(Reason::MalformedMessage));
    // Of notifications nothing is demanded.
    let fields = [("mcp-protocol-version", "2026-07-28")];
    let cancelled = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(reason(post_with(&fields, cancelled)), None);
}

#[test]
fn a_stateless_request_repeats_method_and_name_in_its_head() {
    for method in ["tools/call", "resources/read", "prompts/get", "tasks/get", "tasks/update", "tasks/cancel"] {
        let sent = message(Era::July2026, method, example(method).0);
        for field in ["mcp-method", "mcp-name"] {
            let mut without = sent.clone();
            without.0.retain(|(name, _)| name != field);
            assert_eq!(reason(send(&without)), Some(Reason::HeaderBodyMismatch), "{method} without {field}");
            let mut wrong = sent.clone();
            wrong.0.iter_mut().filter(|(name, _)| name == field).for_each(|(_, value)| value.push('x'));
            assert_eq!(reason(send(&wrong)), Some(Reason::HeaderBodyMismatch), "{method} with another {field}");
        }
    }
    for method in ["server/discover", "completion/complete", "subscriptions/listen"] {
        let mut sent = message(Era::July2026, method, example(method).0);
        assert_eq!(reason(send(&sent)), None, "{method}");
        sent.0.retain(|(name, _)| name != "mcp-method");
        assert_eq!(reason(send(&sent)), Some(Reason::HeaderBodyMismatch), "{method} without mcp-method");
    }
}

#[test]
fn a_call_tried_again_with_inputs_is_another_call() {
    let plain = json!({"name": "transfer", "arguments": {"amount": 5}});
    let mut answered = plain.clone();
    answered["inputResponses"] = json!({"who": {"action": "accept", "content": {"name": "erin"}}});
    let mut reminded = answered.clone();
    reminded["requestState"] = json!("sealed");
    let mut other = reminded.clone();
    other["requestState"] = json!("Sealed");
    let digests: std::collections::BTreeSet<SentDigest> = [plain, answered.clone(), reminded, other]
        .into_iter()
        .map(|params| match send(&message(Era::July2026, "tools/call", params)).map(|action| action.operation) {
            Ok(Operation::ToolCall(call)) => call.digest,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(digests.len(), 4);
    for (key, value) in
        [("inputResponses", json!([])), ("requestState", json!({})), ("task", json!({})), ("x", json!(1))]
    {
        for (method, params) in [
            ("tools/call", json!({"name": "n"})),
            ("prompts/get", json!({"name": "n"})),
            ("resources/read", json!({"uri": "x://a"})),
        ] {
            let mut params = params;
            params[key] = value.clone();
            // What else is in the parameters of others is digested with them.
            let expected =
                (method == "tools/call" || !["task", "x"].contains(&key)).then_some(Reason::MalformedMessage);
            assert_eq!(reason(send(&message(Era::July2026, method, params))), expected, "{method} {key}");
        }
    }
    assert_eq!(reason(send(&message(Era::November2025, "tools/call", answered))), Some(Reason::MalformedMessage));
}

#[test]
fn without_sessions_there_are_no_other_legs_and_no_responses() {
    let fields = headers(&[("mcp-protocol-version", "2026-07-28")]);
    for method in ["GET", "DELETE"] {
        assert_eq!(reason(read(&resource(), &target(method), &fields, None)), Some(Reason::MethodNotAllowed));
        for (version, expected) in [
            ("2024-11-05", None),
            ("2025-03-26", None),
            ("2025-06-18", None),
            ("2025-11-25", None),
            ("2024-10-07", Some(Reason::UnsupportedVersion)),
        ] {
            let fields = headers(&[("mcp-protocol-version", version)]);
            assert_eq!(reason(read(&resource(), &target(method), &fields, None)), expected, "{method} {version}");
        }
    }
    let response = br#"{"jsonrpc":"2.0","id":3,"result":{"action":"accept"}}"#;
    let versioned = |version| reason(post_with(&[("mcp-protocol-version", version)], response));
    assert_eq!(versioned("2026-07-28"), Some(Reason::MalformedMessage));
    assert_eq!(versioned("2025-11-25"), None);
}

#[test]
fn what_was_asked_for_is_repeated_only_if_it_is_plain() {
    for (version, expected) in
        [("1900-01-01", Some("1900-01-01")), ("draft.1", Some("draft.1")), ("a b", None), ("\"", None)]
    {
        assert_eq!(requested(&headers(&[("mcp-protocol-version", version)])), expected);
    }
    assert_eq!(requested(&headers(&[("mcp-protocol-version", &"1".repeat(33))])), None);
    assert_eq!(requested(&headers(&[])), None);
}
