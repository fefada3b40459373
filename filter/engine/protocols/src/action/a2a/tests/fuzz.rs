//! Fuzz targets: A2A messages of both versions, and paths of the REST binding, spoilt.
//!
//! Nothing may panic, and whatever is accepted is the same operation on the same things to every other reader: one whose
//! last member wins, one whose first does, and one that does not tell `task_id` from `taskId`.

use std::sync::LazyLock;

use countersign_facts::headers::RequestHead;
use percent_encoding::percent_decode_str;

use super::*;
use crate::action::a2a::methods::Names;
use crate::action::test_support::readers::{is_beyond_doubles, is_digest_of, readings};
use crate::route::check_head;
use crate::spoil::{INPUTS, Spoilt, fuzz};

/// Every operation as both versions write it.
static MESSAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let rows = methods::TABLE.iter().filter(|row| row.name != CARD);
    rows.flat_map(|row| [Some(row.name), row.old].into_iter().flatten().map(|name| message(row, name))).collect()
});

fn message(row: &Row, name: &str) -> Vec<u8> {
    let hook = json!({ "url": "https://hooks.test/a", "token": "t" });
    let mut params = match row.task {
        Names::Nothing => json!({ "contextId": "c", "tenant": "acme" }),
        Names::Message => json!({
            "message": { "messageId": "m", "taskId": "7", "contextId": "c", "parts": [{ "text": "hi" }] },
            "configuration": { "pushNotificationConfig": hook },
            "metadata": { "a": 1 },
        }),
        Names::Member(new, old) => json!({ (if name == row.name { new } else { old }): "7" }),
    };
    if let (Some(params), "CreateTaskPushNotificationConfig") = (params.as_object_mut(), row.name) {
        params.insert("pushNotificationConfig".to_owned(), hook);
    }
    json!({ "jsonrpc": "2.0", "id": 1, "method": name, "params": params }).to_string().into_bytes()
}

const PIECES: [&str; 24] = [
    r#""task_id":"8","#,
    r#""taskId":"8","#,
    r#""TaskId":"7","#,
    r#""\u0074askId":"8","#,
    "\"ta\u{17f}kId\":\"8\",",
    r#""id":"8","#,
    r#""id":2,"#,
    r#""url":"https://b","#,
    r#""URL":"https://b","#,
    r#""pushNotificationConfig":{"url":"https://b"},"#,
    r#""push_notification_config":{"url":["https://b"]},"#,
    r#""method":"CancelTask","#,
    r#""METHOD":"tasks/cancel","#,
    r#""message":{"taskId":"8"},"#,
    r#""context_id":"d","#,
    r#""tenant":"b","#,
    r#""tenant":null,"#,
    "9007199254740993",
    "1e999",
    "{",
    "}",
    "[",
    "\"",
    "\\ud800",
];

/// What readers call a member alike.
fn alike(name: &str) -> String {
    name.replace('_', "").to_uppercase().to_lowercase()
}

/// The texts of the members that are alike `wanted`; what is empty or `null` is absent.
fn texts<'v>(value: &'v Value, wanted: &str) -> Vec<&'v str> {
    let members = value.as_object().into_iter().flatten();
    let wanted = members.filter(|(key, _)| alike(key) == alike(wanted)).filter_map(|(_, value)| value.as_str());
    wanted.filter(|text| !text.is_empty()).collect()
}

/// Panics unless every reader of `body` finds what `operation` says, which was read from it.
fn assert_alike(operation: &A2aOperation, body: &[u8]) {
    if is_beyond_doubles(body) {
        return;
    }
    let readings = readings(body);
    assert!(readings.is_some(), "accepted, and no JSON");
    for reading in readings.into_iter().flatten() {
        let method = reading.get("method").and_then(Value::as_str);
        let row = methods::row(operation.method).filter(|row| method == Some(row.name) || method == row.old);
        assert!(method.is_some() && row.is_some(), "{method:?} is not {}", operation.method);
        assert_eq!(operation.id.as_ref(), reading.get("id"));
        let params = reading.get("params").cloned();
        assert_eq!(operation.digest.is_some(), params.is_some());
        assert!(operation.digest.zip(params.as_ref()).is_none_or(|(digest, params)| is_digest_of(&digest, params)));
        if let (Some(row), Some(params)) = (row, params) {
            assert_names(operation, row, method == Some(row.name), &params);
        }
    }
}

/// What a reader of `params` finds of task, context, tenant and URL; `new` in the words of 1.0.
fn assert_names(operation: &A2aOperation, row: &Row, new: bool, params: &Value) {
    let none = Value::Null;
    let message = params.as_object().and_then(|members| members.iter().find(|(key, _)| alike(key) == "message"));
    let message = message.map_or(&none, |(_, message)| message);
    let (tasks, contexts) = match row.task {
        Names::Nothing => (Vec::new(), texts(params, "contextId")),
        Names::Message => (texts(message, "taskId"), texts(message, "contextId")),
        Names::Member(name, _) if new => (texts(params, name), Vec::new()),
        Names::Member(name, old) => ([texts(params, old), texts(params, name)].concat(), Vec::new()),
    };
    let told = |name: &str| operation.arguments.get(name).and_then(Json::as_str);
    let found = [("task", tasks), ("context", contexts), ("tenant", texts(params, "tenant"))];
    for (name, found) in found {
        assert_eq!(told(name).is_some(), !found.is_empty(), "{name}: {found:?} in {params}");
        assert!(found.iter().all(|one| Some(*one) == told(name)), "{name}: {found:?} in {params}");
    }
    assert_eq!(operation.target.as_deref(), told("task"));
    let urls = if row.name.starts_with("Create") { texts(params, "url") } else { Vec::new() };
    assert!(urls.iter().all(|url| Some(*url) == told("url")), "{urls:?} in {params}");
}

#[test]
fn messages() {
    fuzz!("a2a-messages", Spoilt, INPUTS, |spoilt| {
        let body = spoilt.of(&MESSAGES, &PIECES);
        let read = read(&mounted(), &at("POST", "/a2a"), &headers(&[]), Some(&body));
        if let Ok(Action { operation: Operation::A2a(operation), .. }) = read {
            assert_alike(&operation, &body);
        }
    });
}

#[test]
fn every_message_is_accepted() {
    for body in MESSAGES.iter() {
        let read = read(&mounted(), &at("POST", "/a2a"), &headers(&[]), Some(body));
        assert!(read.is_ok(), "{read:?}: {}", String::from_utf8_lossy(body));
    }
}

/// A method and a path below the agent.
const REQUESTS: [(&str, &str); 12] = [
    ("POST", "/a2a/message:send"),
    ("POST", "/a2a/acme/message:stream"),
    ("POST", "/a2a/v1/message:send"),
    ("GET", "/a2a/tasks/7?historyLength=1&tenant=acme"),
    ("GET", "/a2a/tasks?contextId=c&pageSize=5"),
    ("POST", "/a2a/tasks/7:cancel"),
    ("GET", "/a2a/v1/tasks/7:subscribe"),
    ("POST", "/a2a/acme/tasks/7:subscribe"),
    ("GET", "/a2a/tasks/7/pushNotificationConfigs/p"),
    ("DELETE", "/a2a/v1/tasks/7/pushNotificationConfigs/p"),
    ("GET", "/a2a/extendedAgentCard"),
    ("GET", "/a2a/.well-known/agent-card.json"),
];

const OF_PATHS: [&str; 22] = [
    "/",
    "/tasks/8",
    "/v1",
    "/acme",
    "//",
    "/../",
    "%2F",
    "%2e%2e",
    "%3A",
    ":cancel",
    ":",
    ";a",
    "?",
    "?tenant=b",
    "&tenant=b",
    "&Tenant=acme",
    "&contextId=d",
    "&context_id=c",
    "&id=8",
    "%20",
    "+",
    "pushNotificationConfigs",
];

/// What is read of `method` on `path`, if it can be a request at all.
fn requested(method: &str, path: &[u8]) -> Option<(Target, Action)> {
    let pairs = [(":method", method.as_bytes()), (":authority", b"agents.test"), (":path", path)];
    let fields = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
    let target = check_head(&RequestHead { headers: fields, ..RequestHead::default() }, &[]).ok()?;
    let body = (method == "POST").then_some(br#"{"message":{}}"#.as_slice());
    let action = read(&mounted(), &target, &headers(&[]), body).ok()?;
    Some((target, action))
}

/// The paths of operations on a task.
const OF_TASKS: [(&str, &str); 8] = [
    ("GET", "tasks/{task}"),
    ("POST", "tasks/{task}:cancel"),
    ("GET", "tasks/{task}:subscribe"),
    ("POST", "tasks/{task}:subscribe"),
    ("POST", "tasks/{task}/pushNotificationConfigs"),
    ("GET", "tasks/{task}/pushNotificationConfigs"),
    ("GET", "tasks/{task}/pushNotificationConfigs/{}"),
    ("DELETE", "tasks/{task}/pushNotificationConfigs/{}"),
];

/// The task that each server finds which has such a path: one whose paths begin there, and one that has a version or a
/// tenant before them.
fn servers_tasks<'s>(method: &str, segments: &[&'s str]) -> Vec<&'s str> {
    let templates = || OF_TASKS.iter().filter(|(of, _)| *of == method).map(|(_, template)| *template);
    let below = segments.get(1..).unwrap_or_default();
    templates().flat_map(|template| [matched(template, segments), matched(template, below)]).flatten().collect()
}

/// The task in `segments`, if they are of `template`.
fn matched<'s>(template: &str, segments: &[&'s str]) -> Option<&'s str> {
    let parts: Vec<&str> = template.split('/').collect();
    let mut task = None;
    for (part, segment) in parts.iter().zip(segments) {
        match part.strip_prefix("{task}") {
            Some(verb) => task = Some(segment.strip_suffix(verb).filter(|task| !task.contains(':'))?),
            None if *part == "{}" || part == segment => {}
            None => return None,
        }
    }
    task.filter(|_| parts.len() == segments.len())
}

#[test]
fn tenants_and_tasks_of_confusing_names() {
    for (method, path, expected) in [
        ("GET", "/a2a/tasks/tasks/pushNotificationConfigs/p", Some("tasks")),
        ("DELETE", "/a2a/tasks/tasks/pushNotificationConfigs/p", Some("tasks")),
        ("GET", "/a2a/a2a/tasks/tasks", Some("tasks")),
        ("GET", "/a2a/tasks/tasks/7", Some("7")),
        ("GET", "/a2a/tasks/tasks", None),
        ("GET", "/a2a/tasks/tasks/pushNotificationConfigs", None),
    ] {
        let read = requested(method, path.as_bytes());
        let task = read.as_ref().and_then(|(_, action)| action.object());
        assert_eq!(task, expected, "{method} {path}");
    }
}

#[test]
fn paths() {
    fuzz!("a2a-paths", Spoilt, INPUTS, |spoilt| {
        let Some((method, path)) = spoilt.seed(&REQUESTS) else { return };
        let Some((target, action)) = requested(method, &spoilt.done_to(path.as_bytes(), &OF_PATHS)) else { return };
        let decoded = percent_decode_str(&target.path).decode_utf8_lossy().into_owned();
        let segments: Vec<&str> = decoded.strip_prefix("/a2a/").unwrap_or_default().split('/').collect();
        // Servers with tenants and without, of either version: whoever serves it finds this task.
        let (task, tasks) = (action.object(), servers_tasks(&target.method, &segments));
        assert_eq!(tasks.is_empty(), task.is_none(), "{}", target.target);
        assert!(tasks.iter().all(|found| Some(*found) == task), "{tasks:?} in {}", target.target);
        // The public card is one, whatever is asked with it.
        if action.name() == "a2a:AgentCard" {
            return;
        }
        let told = |name: &str| action.arguments().and_then(|arguments| arguments.get(name)?.as_str());
        let query = target.query.as_deref().unwrap_or_default();
        for name in ["contextId", "tenant"] {
            let values = query.split('&').filter_map(|pair| pair.split_once('='));
            let values = values.filter(|(key, value)| alike(key) == alike(name) && !value.is_empty());
            let values: Vec<String> = values
                .map(|(_, value)| percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
                .collect();
            let told = told(name.trim_end_matches("Id"));
            // The context of an operation on a task is that of the task.
            assert!(task.is_some() || values.iter().all(|value| Some(value.as_str()) == told), "{}", target.target);
        }
    });
}

#[test]
fn every_path_is_accepted() {
    for (method, path) in REQUESTS {
        assert!(requested(method, path.as_bytes()).is_some(), "{method} {path}");
    }
}
