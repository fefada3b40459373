mod differential;
mod eras;
mod fuzz;
mod objects;
mod parameters;

use serde_json::json;

use super::*;
use crate::action::Class;
use crate::action::test_support::{resource, target};

const JSON: (&str, &str) = ("content-type", "application/json");

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

fn post(body: &str) -> Result<Action, Rejection> {
    post_with(&[], body.as_bytes())
}

fn post_with(extra: &[(&str, &str)], body: &[u8]) -> Result<Action, Rejection> {
    let pairs: Vec<_> = [JSON].iter().chain(extra).copied().collect();
    read(&resource(), &target("POST"), &headers(&pairs), Some(body))
}

fn reason(result: Result<Action, Rejection>) -> Option<Reason> {
    result.err().map(|rejection| rejection.reason)
}

const CALL: &str =
    r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"transfer","arguments":{"amount":5.0}}}"#;

#[test]
fn a_tool_call_is_read_whole() {
    let arguments = Json::from(json!({"amount": 5.0})).as_object().cloned().unwrap_or_default();
    let expected = Action {
        resource: "payments".to_owned(),
        operation: Operation::ToolCall(ToolCall {
            tool: "transfer".to_owned(),
            arguments,
            digest: SentDigest::of(&json!({"amount": 5}).into()),
            id: json!(7),
        }),
        method: "POST".to_owned(),
        authority: "tools.example.com".to_owned(),
        port: 443,
        target: "/mcp?v=1".to_owned(),
        body_digest: Some(digest::of_bytes(CALL.as_bytes())),
        carried: Vec::new(),
    };
    assert_eq!(post(CALL), Ok(expected));
}

#[test]
fn escapes_are_undone_and_arguments_may_be_absent() {
    let body = r#"{"jsonrpc":"2.0","id":"a","method":"tools\/call","params":{"name":"tr\u0061nsfer","_meta":{},"task":{"ttl":1}}}"#;
    let action = post(body);
    let action = action.as_ref().ok();
    assert_eq!(action.and_then(Action::object), Some("transfer"));
    assert_eq!(action.and_then(Action::arguments), Some(&Members::new()));
    assert_eq!(action.and_then(Action::rpc_id), Some(&json!("a")));
}

#[test]
fn responses_are_control() {
    for outcome in [r#""result":{"action":"accept"}"#, r#""error":{"code":1,"message":"no"}"#] {
        let action = post(&format!(r#"{{"jsonrpc":"2.0","id":3,{outcome}}}"#));
        let Ok(Action { operation: Operation::Mcp(operation), .. }) = &action else { panic!("{action:?}") };
        assert_eq!((operation.method, operation.class, &operation.id), ("response", Class::Control, &None));
    }
    for bad in [
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":3}"#,
        r#"{"jsonrpc":"2.0","id":3,"result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","id":3,"error":"x"}"#,
        r#"{"jsonrpc":"2.0","id":3,"result":{},"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":3,"result":{},"params":{}}"#,
    ] {
        assert_eq!(reason(post(bad)), Some(Reason::MalformedMessage), "{bad}");
    }
}

#[test]
fn refused_messages() {
    use Reason::{Batch, MalformedJson, MalformedMessage, UnknownMethod};
    let long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{}"}}}}"#, "x".repeat(257));
    for (body, expected) in [
        ("", MalformedJson),
        ("{", MalformedJson),
        ("{} {}", MalformedJson),
        ("\u{feff}{}", MalformedJson),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}"#, MalformedJson),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","m\u0065thod":"tools/call"}"#, MalformedJson),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"amount":1,"Amount":9}}}"#,
            MalformedJson,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":[{"task":1,"taſK":9}]}}}"#,
            MalformedJson,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"x://a","URI":"x://b"}}"#, MalformedJson),
        ("[]", Batch),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]"#, Batch),
        ("null", MalformedMessage),
        ("7", MalformedMessage),
        ("{}", MalformedMessage),
        (r#"{"id":1,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":2.0,"id":1,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1.0,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":-0,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1e2,"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":{},"method":"tools/list"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":["tools/list"]}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","extra":1}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"x"}}"#, UnknownMethod),
        (r#"{"jsonrpc":"2.0","id":1,"method":"response"}"#, UnknownMethod),
        (r#"{"jsonrpc":"2.0","method":"GET"}"#, UnknownMethod),
        (r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#, UnknownMethod),
        (r#"{"jsonrpc":"2.0","method":"notifications/other"}"#, UnknownMethod),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":1}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\u0000"}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\u0085"}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"e\u0301"}}"#, MalformedMessage),
        (&long, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":[]}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":null}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","Arguments":{}}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":1}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","task":1}}"#, MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"Name":"x"}}"#, MalformedMessage),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","uri":"b"}}}"#,
            MalformedMessage,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"x","name":"a"}}}"#,
            MalformedMessage,
        ),
    ] {
        assert_eq!(reason(post(body)), Some(expected), "{body}");
    }
    assert_eq!(reason(post_with(&[], b"\xff")), Some(MalformedJson));
    assert_eq!(reason(read(&resource(), &target("POST"), &headers(&[JSON]), None)), Some(MalformedJson));
}

#[test]
fn composed_names_pass() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\u00e9tat"}}"#;
    assert_eq!(post(body).ok().as_ref().and_then(Action::object), Some("état"));
}

#[test]
fn a_rejection_carries_the_id_it_could_read() {
    let rejected = post(r#"{"jsonrpc":"2.0","id":"q","method":"nope"}"#);
    assert_eq!(rejected, Err(Rejection { reason: Reason::UnknownMethod, id: Some(json!("q")) }));
    let rejected = post(r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{}}"#);
    assert_eq!(rejected, Err(Rejection { reason: Reason::MalformedMessage, id: Some(json!(4)) }));
    let rejected = post(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#);
    assert_eq!(rejected, Err(Rejection { reason: Reason::MalformedMessage, id: None }));
    let rejected = post_with(&[("mcp-name", "other")], CALL.as_bytes());
    assert_eq!(rejected, Err(Rejection { reason: Reason::HeaderBodyMismatch, id: Some(json!(7)) }));
}

#[test]
fn media_types() {
    let media =
        |pairs: &[(&str, &str)]| reason(read(&resource(), &target("POST"), &headers(pairs), Some(CALL.as_bytes())));
    for good in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ] {
        assert_eq!(media(&[("content-type", good)]), None, "{good}");
    }
    for bad in [
        "",
        "text/plain",
        "application/json, text/plain",
        "application/jsonp",
        "application/vnd.api+json",
        "application/json;",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json; profile=x",
    ] {
        assert_eq!(media(&[("content-type", bad)]), Some(Reason::MediaType), "{bad}");
    }
    assert_eq!(media(&[]), Some(Reason::MediaType));
    assert_eq!(media(&[JSON, ("content-encoding", "Identity"), ("transfer-encoding", "chunked")]), None);
    for coding in [
        ("content-encoding", "gzip"),
        ("content-encoding", ""),
        ("Content_Encoding", "br"),
        ("transfer-encoding", "gzip, chunked"),
    ] {
        assert_eq!(media(&[JSON, coding]), Some(Reason::MediaType), "{coding:?}");
    }
    assert_eq!(media(&[JSON, JSON]), Some(Reason::AmbiguousHeaders));
}

#[test]
fn mirrored_fields_repeat_the_body() {
    let mismatch = Some(Reason::HeaderBodyMismatch);
    for (field, value, expected) in [
        ("mcp-method", "tools/call", None),
        ("mcp-name", "transfer", None),
        ("mcp-name", "=?base64?dHJhbnNmZXI=?=", None),
        ("mcp-method", "=?base64?dG9vbHMvY2FsbA==?=", None),
        ("mcp-method", "tools/list", mismatch),
        ("Mcp_Method", "tools/list", mismatch),
        ("mcp-method", "", mismatch),
        ("mcp-name", "Transfer", mismatch),
        ("mcp-name", " transfer", mismatch),
        ("mcp-name", "=?base64?dHJhbnNmZXI?=", mismatch),
        ("mcp-name", "=?base64?!!?=", mismatch),
        ("mcp-name", "=?base64?dHJhbnNmZXI=", mismatch),
        ("mcp-name", "=?BASE64?dHJhbnNmZXI=?=", mismatch),
        ("mcp-name", "=?base64?/w==?=", mismatch),
    ] {
        assert_eq!(reason(post_with(&[(field, value)], CALL.as_bytes())), expected, "{field}: {value}");
    }
    let named = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"é"}}"#;
    assert_eq!(reason(post_with(&[("mcp-name", "=?base64?w6k=?=")], named.as_bytes())), None);
    assert_eq!(reason(post_with(&[("mcp-name", "é")], named.as_bytes())), mismatch);
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert_eq!(reason(post_with(&[("mcp-name", "transfer")], list.as_bytes())), mismatch);
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(reason(post_with(&[("mcp-method", "ping")], response.as_bytes())), mismatch);
    assert_eq!(reason(read(&resource(), &target("GET"), &headers(&[("mcp-method", "ping")]), None)), mismatch);
}

#[test]
fn legs_are_control_and_have_no_body() {
    for method in ["GET", "DELETE"] {
        let action = read(&resource(), &target(method), &headers(&[("content-length", "0")]), Some(b""));
        let Ok(Action { operation: Operation::Mcp(operation), .. }) = &action else { panic!("{action:?}") };
        assert_eq!((operation.method, operation.class), (method, Class::Control));
    }
    for method in ["GET", "DELETE", "OPTIONS"] {
        let leg = |pairs: &[(&str, &str)], body| reason(read(&resource(), &target(method), &headers(pairs), body));
        assert_eq!(leg(&[], Some(CALL.as_bytes())), Some(Reason::MalformedMessage));
        assert_eq!(leg(&[("content-length", "2")], None), Some(Reason::MalformedMessage));
        assert_eq!(leg(&[("transfer-encoding", "chunked")], None), Some(Reason::MalformedMessage));
    }
}

#[test]
fn http_methods() {
    let options = read(&resource(), &target("OPTIONS"), &headers(&[]), None);
    assert_eq!(options.map(|action| action.name()), Ok("http:OPTIONS".to_owned()));
    for (method, expected) in [
        ("POST", Ok(true)),
        ("GET", Ok(false)),
        ("DELETE", Ok(false)),
        ("OPTIONS", Ok(false)),
        ("PUT", Err(Reason::MethodNotAllowed)),
        ("HEAD", Err(Reason::MethodNotAllowed)),
        ("post", Err(Reason::MethodNotAllowed)),
    ] {
        assert_eq!(needs_body(method), expected, "{method}");
        if let Err(refused) = expected {
            assert_eq!(
                reason(read(&resource(), &target(method), &headers(&[JSON]), Some(CALL.as_bytes()))),
                Some(refused)
            );
        }
    }
}
