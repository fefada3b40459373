//! gRPC: the path names service and method, and metadata that is declared are the arguments. Messages are never read.
//!
//! Whether the call may be made is not decided here. Source: grpc/grpc, `doc/PROTOCOL-HTTP2.md`.

use countersign_facts::digest::{self, SentDigest};
use countersign_facts::headers::{Headers, same_name};
use countersign_facts::reason::Reason;
use countersign_tokens::json::Members;

use super::http::arguments::Arguments;
use super::method::Subject;
use super::{Action, Class, GrpcCall, Method, Operation};
use crate::catalogue::{Protocol, Resource};
use crate::route::Target;

/// The method that every call is of, declared or not.
pub(super) const CALL: Method =
    Method { subject: Subject::Tool, ..Method::new(Protocol::Grpc, "grpc:call", Class::Execute) };

/// What a gRPC request does; `body` when it was held.
pub fn read(resource: &Resource, target: &Target, headers: &Headers, body: Option<&[u8]>) -> Result<Action, Reason> {
    if target.method != "POST" {
        return Err(Reason::MethodNotAllowed);
    }
    if !is_grpc(headers)? {
        return Err(Reason::MediaType);
    }
    if target.query.is_some() {
        return Err(Reason::AmbiguousPath);
    }
    let method = method(&target.path).ok_or(Reason::UnknownMethod)?.to_owned();
    let declared = resource.interface.metadata.get(&method);
    let arguments = declared.map(|names| arguments(resource, &method, names, headers)).transpose()?;
    let digest = arguments.as_ref().map(SentDigest::of_members);
    let operation = Operation::Grpc(GrpcCall { method, arguments, digest });
    Ok(Action::new(resource, target, operation, body.map(digest::of_bytes)))
}

/// Tells `found` the names of metadata in `headers` that are no arguments of `action`.
pub(super) fn beside(action: &Action, headers: &Headers, found: &mut dyn FnMut(&str)) {
    let arguments = action.arguments();
    let declared = |name: &str| arguments.is_some_and(|all| all.keys().any(|declared| same_name(declared, name)));
    for (name, _) in headers.iter().filter(|(name, _)| !declared(name)) {
        found(name);
        // As readers see it that make one of both.
        if name.contains('_') {
            found(&name.replace('_', "-"));
        }
    }
}

/// `package.Service/Method`: the last two segments, unescaped, and nothing before them.
fn method(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let (service, method) = name.split_once('/')?;
    let plain = |text: &str, dots: bool| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || (dots && byte == b'.'))
    };
    (plain(service, true) && plain(method, false)).then_some(name)
}

/// `application/grpc`, with or without a message format; gRPC-Web is another protocol.
fn is_grpc(headers: &Headers) -> Result<bool, Reason> {
    let content_type = headers.single("content-type").map_err(|_| Reason::AmbiguousHeaders)?.unwrap_or_default();
    let media = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let rest = media.get(..16).filter(|start| start.eq_ignore_ascii_case(b"application/grpc")).and(media.get(16..));
    Ok(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+")))
}

/// The metadata that is there of what is declared. Binary metadata (`…-bin`) cannot be declared.
fn arguments(resource: &Resource, method: &str, names: &[String], headers: &Headers) -> Result<Members, Reason> {
    let schema = resource.tools.get(method).and_then(|tool| tool.input_schema.as_ref());
    let mut arguments = Arguments::new(schema);
    for name in names {
        let value = headers.single(name).map_err(|_| Reason::AmbiguousHeaders)?;
        if let Some(value) = value {
            let text = std::str::from_utf8(value).map_err(|_| Reason::AmbiguousHeaders)?;
            arguments.text(name, text)?;
        }
    }
    Ok(arguments.finish())
}

#[cfg(test)]
mod tests {
    use countersign_tokens::json;
    use serde_json::json;

    use super::*;
    use crate::action::test_support::{resource, target, tool};

    const METHOD: &str = "bank.v1.Payments/Transfer";

    fn service() -> Resource {
        let schema = json!({ "type": "object", "properties": { "x-amount": { "type": "integer" } } });
        let mut service = Resource { protocol: Protocol::Grpc, ..resource() };
        service.tools.insert(METHOD.to_owned(), tool(METHOD, Some(schema)));
        service.interface.metadata.insert(METHOD.to_owned(), vec!["x-amount".to_owned(), "x-note".to_owned()]);
        service
    }

    fn asked(path: &str, headers: &[(&str, &str)]) -> Result<Action, Reason> {
        let target = Target { path: path.to_owned(), target: path.to_owned(), query: None, ..target("POST") };
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        read(&service(), &target, &headers.collect(), None)
    }

    #[test]
    fn a_call_is_its_method_and_its_declared_metadata() {
        let headers = [("content-type", "application/grpc+proto"), ("X-Amount", "5"), ("x-other", "1")];
        let action = asked(&format!("/{METHOD}"), &headers);
        let read = action.as_ref().map(|action| (action.name(), action.object(), action.arguments().cloned()));
        let arguments = Some(json::members_of(json!({ "x-amount": 5 }).as_object().cloned().unwrap_or_default()));
        assert_eq!(read, Ok((CALL.action.to_owned(), Some(METHOD), arguments)));
        let other = asked("/bank.v1.Payments/Get", &[("content-type", "application/grpc")]);
        assert_eq!(other.map(|action| action.arguments().cloned()), Ok(None));
    }

    #[test]
    fn what_is_no_call_is_refused() {
        let grpc = ("content-type", "application/grpc");
        let path = format!("/{METHOD}");
        for (path, headers, reason) in [
            (path.as_str(), vec![("content-type", "application/grpc-web")], Reason::MediaType),
            (&path, vec![("content-type", "application/json")], Reason::MediaType),
            (&path, vec![("content-type", "application/grpcx")], Reason::MediaType),
            (&path, vec![], Reason::MediaType),
            (&path, vec![grpc, ("x-amount", "5"), ("x_amount", "6")], Reason::AmbiguousHeaders),
            ("/a", vec![grpc], Reason::UnknownMethod),
            ("/", vec![grpc], Reason::UnknownMethod),
            ("/a/b/c", vec![grpc], Reason::UnknownMethod),
            ("/v1/bank.v1.Payments/Transfer", vec![grpc], Reason::UnknownMethod),
            ("/bank.v1.Payments/Transfer%20", vec![grpc], Reason::UnknownMethod),
            ("/bank.v1.Payments/Trans.fer", vec![grpc], Reason::UnknownMethod),
        ] {
            assert_eq!(asked(path, &headers).map(|action| action.name()), Err(reason), "{path} {headers:?}");
        }
        let get = read(&service(), &target("GET"), &Headers::default(), None);
        assert_eq!(get.map(|action| action.name()), Err(Reason::MethodNotAllowed));
    }
}
