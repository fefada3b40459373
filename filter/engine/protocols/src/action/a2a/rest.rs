//! The REST binding (1.0 §11, 0.3 §3.5.3): the path names operation, task and tenant; query and body the rest.

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use percent_encoding::percent_decode_str;

use super::Read;
use super::message::{self, Parameters};
use super::methods::{self, Row};
use crate::action::http::arguments::Arguments;
use crate::action::mcp::fields;
use crate::action::rpc::Rejection;
use crate::route::Target;

const CONFIGS: &str = "pushNotificationConfigs";

/// What a request below the agent's path does.
pub(super) fn read(rest: &str, target: &Target, headers: &Headers, body: Option<&[u8]>) -> Result<Read, Rejection> {
    let decoded: Vec<String> = rest
        .strip_prefix('/')
        .unwrap_or(rest)
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let (method, task, tenant) = route(&target.method, &segments)?;
    let members = match body {
        Some(body) if !body.is_empty() => {
            let media = fields::check_media_is(headers, b"application/a2a+json");
            media.or_else(|_| fields::check_media(headers))?;
            message::body(body)?
        }
        Some(_) | None => None,
    };
    let mut arguments = Arguments::new(None);
    arguments.form(target.query.as_deref().unwrap_or_default().as_bytes())?;
    let query = arguments.finish();
    // With a body everything is in it (`body: "*"`); a query beside it is read by some and not by others.
    if members.is_some() && !query.is_empty() {
        return Err(Reason::AmbiguousArguments.into());
    }
    let from_query =
        Parameters { members: (!query.is_empty()).then_some(query), task, context: None, tenant, old: false };
    let parameters = if members.is_some() { Parameters { members, ..from_query } } else { from_query };
    Ok(Read { method, parameters, id: None })
}

type Route = (&'static Row, Option<String>, Option<String>);

/// Operation, task and tenant. A path that could be with and without a tenant is refused.
fn route(method: &str, segments: &[&str]) -> Result<Route, Reason> {
    // 0.3 has `/v1/` before everything and no tenants.
    if let ["v1", rest @ ..] = segments {
        let old = match (method, rest) {
            ("GET", ["card"] | ["agent", "authenticatedExtendedCard"]) => Some(("GetExtendedAgentCard", None)),
            _ => operation(method, rest),
        };
        return row(old, None);
    }
    let with_tenant = segments.split_first().and_then(|(tenant, rest)| Some((*tenant, operation(method, rest)?)));
    match (operation(method, segments), with_tenant) {
        (Some(_), Some(_)) => Err(Reason::AmbiguousPath),
        (None, Some((tenant, found))) if !tenant.is_empty() => row(Some(found), Some(tenant.to_owned())),
        (found, _) => row(found, None),
    }
}

fn row(found: Option<(&str, Option<&str>)>, tenant: Option<String>) -> Result<Route, Reason> {
    let (name, task) = found.ok_or(Reason::UnknownMethod)?;
    let method = methods::row(name).ok_or(Reason::Internal)?;
    Ok((method, task.map(str::to_owned), tenant))
}

/// The operation's name and its task. An id has no colon: what follows one is a verb.
fn operation<'s>(method: &str, segments: &[&'s str]) -> Option<(&'static str, Option<&'s str>)> {
    let id = |text: &'s str| (!text.is_empty() && !text.contains(':')).then_some(text);
    let verb = |text: &'s str, verb: &str| text.strip_suffix(verb).and_then(id);
    let of = |name: &'static str, task: &'s str| id(task).map(|task| (name, Some(task)));
    match (method, segments) {
        ("POST", ["message:send"]) => Some(("SendMessage", None)),
        ("POST", ["message:stream"]) => Some(("SendStreamingMessage", None)),
        ("GET", ["extendedAgentCard"]) => Some(("GetExtendedAgentCard", None)),
        ("GET", ["tasks"]) => Some(("ListTasks", None)),
        ("POST", ["tasks", task]) if task.ends_with(":cancel") => {
            verb(task, ":cancel").map(|task| ("CancelTask", Some(task)))
        }
        // The specification's text says POST, its proto GET.
        ("GET" | "POST", ["tasks", task]) if task.ends_with(":subscribe") => {
            verb(task, ":subscribe").map(|task| ("SubscribeToTask", Some(task)))
        }
        ("GET", ["tasks", task]) => of("GetTask", task),
        ("POST", ["tasks", task, CONFIGS]) => of("CreateTaskPushNotificationConfig", task),
        ("GET", ["tasks", task, CONFIGS]) => of("ListTaskPushNotificationConfigs", task),
        ("GET", ["tasks", task, CONFIGS, config]) => id(config).and(of("GetTaskPushNotificationConfig", task)),
        ("DELETE", ["tasks", task, CONFIGS, config]) => id(config).and(of("DeleteTaskPushNotificationConfig", task)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &str, path: &str) -> Result<(&'static str, Option<String>, Option<String>), Reason> {
        let segments: Vec<&str> = path.split('/').collect();
        route(method, &segments).map(|(method, task, tenant)| (method.name, task, tenant))
    }

    #[test]
    fn every_binding_of_both_versions() {
        for (method, path, name, task) in [
            ("POST", "message:send", "SendMessage", None),
            ("POST", "message:stream", "SendStreamingMessage", None),
            ("GET", "tasks/7", "GetTask", Some("7")),
            ("GET", "tasks", "ListTasks", None),
            ("POST", "tasks/7:cancel", "CancelTask", Some("7")),
            ("GET", "tasks/7:subscribe", "SubscribeToTask", Some("7")),
            ("POST", "tasks/7:subscribe", "SubscribeToTask", Some("7")),
            ("POST", "tasks/7/pushNotificationConfigs", "CreateTaskPushNotificationConfig", Some("7")),
            ("GET", "tasks/7/pushNotificationConfigs", "ListTaskPushNotificationConfigs", Some("7")),
            ("GET", "tasks/7/pushNotificationConfigs/c", "GetTaskPushNotificationConfig", Some("7")),
            ("DELETE", "tasks/7/pushNotificationConfigs/c", "DeleteTaskPushNotificationConfig", Some("7")),
            ("GET", "extendedAgentCard", "GetExtendedAgentCard", None),
        ] {
            let task = task.map(str::to_owned);
            assert_eq!(routed(method, path), Ok((name, task.clone(), None)), "{path}");
            assert_eq!(routed(method, &format!("v1/{path}")), Ok((name, task.clone(), None)), "{path}");
            let tenant = Some("acme".to_owned());
            assert_eq!(routed(method, &format!("acme/{path}")), Ok((name, task, tenant)), "{path}");
        }
        assert_eq!(routed("GET", "v1/card"), Ok(("GetExtendedAgentCard", None, None)));
    }

    #[test]
    fn what_is_no_operation_is_refused() {
        for (method, path) in [
            ("GET", "message:send"),
            ("POST", "message:delete"),
            ("POST", "Message:send"),
            ("POST", "message:send/"),
            ("POST", "tasks/7"),
            ("POST", "tasks/:cancel"),
            ("POST", "tasks/7:cancel:cancel"),
            ("GET", "tasks/7:cancel"),
            ("DELETE", "tasks/7"),
            ("GET", "tasks/"),
            ("GET", "tasks/7/"),
            ("GET", "a/b/tasks/7"),
            ("GET", "/tasks/7"),
            ("GET", "v1/acme/tasks/7"),
            ("GET", "card"),
        ] {
            assert_eq!(routed(method, path), Err(Reason::UnknownMethod), "{method} {path}");
        }
        assert_eq!(routed("GET", "tasks/tasks"), Err(Reason::AmbiguousPath));
    }
}
