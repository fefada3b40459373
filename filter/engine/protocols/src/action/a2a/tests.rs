//! What agents would read, in both bindings and versions, and what two of them would read differently.

mod fuzz;

use super::*;
use crate::action::test_support::{resource, target};
use crate::catalogue::{PathMatch, Protocol};

fn agent() -> Resource {
    Resource { protocol: Protocol::A2a, ..resource() }
}

fn mounted() -> Resource {
    let mut agent = agent();
    agent.matching.path = PathMatch::Below("/a2a".to_owned());
    agent
}

fn at(method: &str, path: &str) -> Target {
    let (plain, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
    Target { method: method.to_owned(), path: plain.to_owned(), query, target: path.to_owned(), ..target(method) }
}

fn headers(more: &[(&str, &str)]) -> Headers {
    let json = [("content-type", "application/json")];
    let all = json.iter().filter(|_| more.iter().all(|(name, _)| *name != "content-type")).chain(more);
    all.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// Name, task and arguments.
type Told = (String, Option<String>, Value);

fn tell(action: Result<Action, Rejection>) -> Result<Told, Reason> {
    let action = action.map_err(|rejection| rejection.reason)?;
    let arguments = action.arguments().cloned().map_or(Value::Null, |arguments| Json::from(arguments).shown());
    Ok((action.name(), action.object().map(str::to_owned), arguments))
}

fn rpc(method: &str, params: &Value) -> Result<Told, Reason> {
    let body = json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params }).to_string();
    tell(read(&mounted(), &at("POST", "/a2a"), &headers(&[]), Some(body.as_bytes())))
}

fn rest(method: &str, path: &str, body: Option<&Value>) -> Result<Told, Reason> {
    let body = body.map(Value::to_string);
    tell(read(&mounted(), &at(method, path), &headers(&[]), body.as_deref().map(str::as_bytes)))
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what is read")]
fn told(name: &str, task: Option<&str>, arguments: Value) -> Result<Told, Reason> {
    Ok((format!("a2a:{name}"), task.map(str::to_owned), arguments))
}

#[test]
fn both_versions_say_the_same() {
    let message = json!({ "message": { "taskId": "7", "contextId": "c", "parts": [] }, "tenant": "acme" });
    let expected = json!({ "task": "7", "context": "c", "tenant": "acme" });
    assert_eq!(rpc("SendMessage", &message), told("SendMessage", Some("7"), expected.clone()));
    assert_eq!(rpc("message/stream", &message), told("SendStreamingMessage", Some("7"), expected));
    let new = json!({ "message": { "parts": [] } });
    assert_eq!(rpc("message/send", &new), told("SendMessage", None, json!({})));
    for (method, params) in [
        ("GetTaskPushNotificationConfig", json!({ "taskId": "7", "id": "c" })),
        ("tasks/pushNotificationConfig/get", json!({ "id": "7", "pushNotificationConfigId": "c" })),
    ] {
        let expected = told("GetTaskPushNotificationConfig", Some("7"), json!({ "task": "7" }));
        assert_eq!(rpc(method, &params), expected, "{method}");
    }
}

#[test]
fn the_rest_binding_says_the_same() {
    let config = json!({ "url": "https://hooks.example.com/", "id": "c" });
    let expected = json!({ "task": "7", "tenant": "acme", "url": "https://hooks.example.com/" });
    assert_eq!(
        rest("POST", "/a2a/acme/tasks/7/pushNotificationConfigs", Some(&config)),
        told("CreateTaskPushNotificationConfig", Some("7"), expected)
    );
    let same = json!({ "id": "7", "metadata": {} });
    assert_eq!(
        rest("POST", "/a2a/tasks/7%3Acancel", Some(&same)),
        told("CancelTask", Some("7"), json!({ "task": "7" }))
    );
    assert_eq!(rest("POST", "/a2a/tasks/7:cancel", None), told("CancelTask", Some("7"), json!({ "task": "7" })));
    let listed = told("ListTasks", None, json!({ "context": "c", "tenant": "t" }));
    assert_eq!(rest("GET", "/a2a/tasks?contextId=c&tenant=t&pageSize=5", None), listed);
    assert_eq!(
        rest("POST", "/a2a/v1/message:send", Some(&json!({ "message": {} }))),
        told("SendMessage", None, json!({}))
    );
    for path in ["/.well-known/agent-card.json", "/a2a/.well-known/agent-card.json"] {
        assert_eq!(rest("GET", path, None), told("AgentCard", None, json!({})));
    }
}

#[test]
fn where_notifications_go_is_found_however_it_is_spelt() {
    let url = "https://hooks.example.com/";
    for configuration in [
        json!({ "taskPushNotificationConfig": { "url": url } }),
        json!({ "pushNotificationConfig": { "url": url, "token": "t" } }),
        json!({ "push_notification_config": { "URL": url } }),
        json!({ "pushNotification": { "pushNotificationConfig": { "url": url } } }),
    ] {
        let params = json!({ "message": { "parts": [{ "url": "https://other" }] }, "configuration": configuration });
        assert_eq!(rpc("SendMessage", &params), told("SendMessage", None, json!({ "url": url })), "{configuration}");
    }
    let old = json!({ "taskId": "7", "pushNotificationConfig": { "url": url } });
    let expected = json!({ "task": "7", "url": url });
    let created = told("CreateTaskPushNotificationConfig", Some("7"), expected);
    assert_eq!(rpc("tasks/pushNotificationConfig/set", &old), created);
}

/// `ſ` and the Kelvin sign are `s` and `k` to decoders that do not mind case.
#[test]
fn what_is_named_is_found_in_every_case() {
    let message = json!({ "message": { "ta\u{17f}\u{212a}Id": "7", "CONTEXT_ID": "c" }, "Tenant": "acme" });
    let expected = json!({ "task": "7", "context": "c", "tenant": "acme" });
    assert_eq!(rpc("SendMessage", &message), told("SendMessage", Some("7"), expected));
    let hook = json!({ "task_Id": "7", "pu\u{17f}hNotificationConfig": { "URL": "https://hooks.example.com/" } });
    let expected = json!({ "task": "7", "url": "https://hooks.example.com/" });
    let created = told("CreateTaskPushNotificationConfig", Some("7"), expected);
    assert_eq!(rpc("tasks/pushNotificationConfig/set", &hook), created);
    let sent = json!({ "message": {}, "configuration": { "pu\u{17f}hNotificationConfig": { "url": "https://h" } } });
    assert_eq!(rpc("SendMessage", &sent), told("SendMessage", None, json!({ "url": "https://h" })));
}

#[test]
fn what_two_agents_would_read_differently_is_refused() {
    let hook = |url: &str| json!({ "url": url });
    for (method, params, reason) in [
        ("GetTask", json!({ "id": "7", "ID": "8" }), Reason::MalformedJson),
        ("SendMessage", json!({ "message": { "taskId": "7", "task_id": "8" } }), Reason::MalformedJson),
        ("SendMessage", json!({ "message": {}, "Message": {} }), Reason::MalformedJson),
        ("SendMessage", json!({ "message": { "taskId": "7", "ta\u{17f}k_id": "8" } }), Reason::MalformedJson),
        ("tasks/pushNotificationConfig/get", json!({ "id": "7", "taskId": "8" }), Reason::AmbiguousArguments),
        (
            "CreateTaskPushNotificationConfig",
            json!({ "taskId": "7", "url": "https://a", "config": hook("https://b") }),
            Reason::AmbiguousArguments,
        ),
        ("CreateTaskPushNotificationConfig", json!({ "taskId": "7" }), Reason::MalformedMessage),
        ("CreateTaskPushNotificationConfig", json!({ "taskId": "7", "url": ["https://a"] }), Reason::MalformedMessage),
        ("SendMessage", json!({}), Reason::MalformedMessage),
        ("SendMessage", json!({ "message": "hi" }), Reason::MalformedMessage),
        ("GetTask", json!({}), Reason::MalformedMessage),
        ("GetTask", json!({ "id": 7 }), Reason::MalformedMessage),
        ("GetTask", json!({ "id": "e\u{301}" }), Reason::MalformedMessage),
        ("AgentCard", json!({}), Reason::UnknownMethod),
        ("tools/call", json!({}), Reason::UnknownMethod),
        ("sendMessage", json!({}), Reason::UnknownMethod),
    ] {
        assert_eq!(rpc(method, &params), Err(reason), "{method} {params}");
    }
    for (method, path, body, reason) in [
        ("POST", "/a2a/tasks/7:cancel", Some(json!({ "id": "8" })), Reason::AmbiguousArguments),
        ("POST", "/a2a/acme/message:send", Some(json!({ "message": {}, "tenant": "b" })), Reason::AmbiguousArguments),
        ("POST", "/a2a/message:send?tenant=b", Some(json!({ "message": {} })), Reason::AmbiguousArguments),
        ("GET", "/a2a/tasks?contextId=c&context_id=d", None, Reason::MalformedJson),
        ("GET", "/a2a/tasks/tasks", None, Reason::AmbiguousPath),
        ("GET", "/a2a", None, Reason::UnknownMethod),
        ("DELETE", "/a2a/", None, Reason::UnknownMethod),
        ("POST", "/a2ax", Some(json!({})), Reason::UnknownMethod),
        ("PUT", "/a2a", None, Reason::MethodNotAllowed),
    ] {
        assert_eq!(rest(method, path, body.as_ref()), Err(reason), "{method} {path}");
    }
}

#[test]
fn messages_that_are_none() {
    for (body, reason) in [
        ("[]", Reason::Batch),
        ("1", Reason::MalformedMessage),
        ("{", Reason::MalformedJson),
        (r#"{"jsonrpc":"2.0","method":"GetTask","params":{"id":"7"}}"#, Reason::MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":null,"method":"GetTask","params":{"id":"7"}}"#, Reason::MalformedMessage),
        (r#"{"jsonrpc":"1.0","id":1,"method":"GetTask","params":{"id":"7"}}"#, Reason::MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":["7"]}"#, Reason::MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"7"},"x":1}"#, Reason::MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Reason::MalformedMessage),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","method":"x","params":{"id":"7"}}"#, Reason::MalformedJson),
    ] {
        let read = read(&mounted(), &at("POST", "/a2a"), &headers(&[]), Some(body.as_bytes()));
        assert_eq!(tell(read), Err(reason), "{body}");
    }
    let exact = read(&agent(), &at("POST", "/mcp/tasks"), &headers(&[]), Some(b"{}"));
    assert_eq!(tell(exact), Err(Reason::UnknownMethod));
}

#[test]
fn a_message_that_is_refused_is_answered_with_its_id() {
    let body = br#"{"jsonrpc":"2.0","id":9,"method":"x"}"#;
    let read = read(&mounted(), &at("POST", "/a2a"), &headers(&[]), Some(body));
    assert_eq!(read, Err(Rejection { reason: Reason::UnknownMethod, id: Some(json!(9)) }));
}

#[test]
fn the_fields_of_the_protocol_are_checked() {
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"7"}}"#;
    let with = |more: &[(&str, &str)]| tell(read(&mounted(), &at("POST", "/a2a"), &headers(more), Some(body)));
    let plain = told("GetTask", Some("7"), json!({ "task": "7" }));
    assert_eq!(with(&[("a2a-version", "1.0")]), plain);
    assert_eq!(with(&[("a2a-version", "0.3")]), Err(Reason::UnknownMethod));
    for version in ["2.0", "1.0.1", "1", " 1.0"] {
        assert_eq!(with(&[("a2a-version", version)]), Err(Reason::UnsupportedVersion), "{version}");
    }
    assert_eq!(with(&[("a2a-version", "1.0"), ("A2A_Version", "0.3")]), Err(Reason::AmbiguousHeaders));
    let extended = json!({ "task": "7", "extensions": ["https://a/1", "https://b"] });
    let fields = [("a2a-extensions", "https://b, https://a/1"), ("a2a-extensions", "https://b")];
    assert_eq!(with(&fields), told("GetTask", Some("7"), extended));
    assert_eq!(with(&[("a2a-extensions", "https://\u{e9}")]), Err(Reason::AmbiguousHeaders));
    assert_eq!(with(&[("content-type", "text/plain")]), Err(Reason::MediaType));
    assert_eq!(with(&[("content-type", "application/a2a+json")]), Err(Reason::MediaType));
    let path = at("POST", "/a2a/message:send");
    let rest =
        read(&mounted(), &path, &headers(&[("content-type", "application/a2a+json")]), Some(br#"{"message":{}}"#));
    assert_eq!(tell(rest), told("SendMessage", None, json!({})));
    let bodied = read(&mounted(), &at("GET", "/a2a/tasks/7"), &headers(&[("content-length", "5")]), None);
    assert_eq!(tell(bodied), Err(Reason::MalformedMessage));
}
