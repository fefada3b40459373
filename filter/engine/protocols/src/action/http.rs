//! HTTP APIs: an endpoint that is declared, with its arguments; anything else is its method and its path.
//!
//! The body is read where the endpoint says what it is and something needs the arguments, and every form that is declared;
//! otherwise it is at most digested, so that approvals and records can name it. Never decides.

pub(in crate::action) mod arguments;
mod undeclared;
mod unread;

use countersign_facts::digest::{self, SentDigest};
use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;

use self::arguments::Arguments;
use super::mcp::fields;
use super::{Action, Class, EndpointCall, Method, Operation};
use crate::catalogue::{Found, Protocol, Resource};
use crate::route::Target;
pub use undeclared::{first, may_name, names};
pub(super) use unread::following;
pub use unread::form;

/// The methods an HTTP resource can be asked with (RFC 9110 §9.3, RFC 5789), case-sensitive. `TRACE` echoes credentials,
/// extension methods mean something to somebody else; `CONNECT` tunnels, and only a resource that says so is asked for it.
pub(super) static METHODS: [Method; 8] = [
    method("http:GET", Class::Read),
    method("http:HEAD", Class::Read),
    method("http:POST", Class::Write),
    method("http:PUT", Class::Write),
    method("http:PATCH", Class::Write),
    method("http:DELETE", Class::Write),
    method("http:OPTIONS", Class::Read),
    method("http:CONNECT", Class::Write),
];

/// One whose `class` is what it is known to do (RFC 9110 §9.2.1): what is not known to be safe, writes.
const fn method(action: &'static str, class: Class) -> Method {
    Method::new(Protocol::Http, action, class)
}

/// What kind of thing `method` does.
pub(super) fn class(method: &str) -> Class {
    METHODS.iter().find(|known| known.name == method).map_or(Class::Write, |known| known.class)
}

/// What an HTTP request does, as far as the head says: of an endpoint no arguments. `body` when it was held.
pub fn read(resource: &Resource, target: &Target, body: Option<&[u8]>) -> Result<Action, Reason> {
    let tunnel = target.method == "CONNECT";
    if !METHODS.iter().any(|known| known.name == target.method) || (tunnel && !resource.interface.connect) {
        return Err(Reason::MethodNotAllowed);
    }
    let (method, path) = (target.method.clone(), target.path.clone());
    let operation = match resource.find(&method, &path) {
        Found::Endpoint(endpoint, _) => Operation::Endpoint(EndpointCall {
            endpoint: endpoint.name.clone(),
            method,
            path,
            arguments: None,
            digest: None,
        }),
        Found::Undeclared => Operation::Http { method, path },
        Found::Nearly(_) => return Err(Reason::NearMiss),
    };
    Ok(Action::new(resource, target, operation, body.map(digest::of_bytes)))
}

/// That `headers` announce no body.
pub(super) fn check_bodiless(headers: &Headers) -> Result<(), Reason> {
    fields::check_bodiless(headers, None).map_err(|_| Reason::UnreadBody)
}

/// `action` with its arguments, if it is an endpoint: from path, query and, where it is declared, `body`.
pub fn with_arguments(
    mut action: Action,
    resource: &Resource,
    target: &Target,
    headers: &Headers,
    body: &[u8],
) -> Result<Action, Reason> {
    if let Operation::Endpoint(call) = &mut action.operation {
        let Found::Endpoint(endpoint, parameters) = resource.find(&call.method, &call.path) else {
            return Err(Reason::Internal);
        };
        let schema = resource.tools.get(&endpoint.name).and_then(|tool| tool.input_schema.as_ref());
        let mut arguments = Arguments::new(schema);
        for (name, text) in &parameters {
            arguments.text(name, text)?;
        }
        arguments.form(target.query.as_deref().unwrap_or_default().as_bytes())?;
        arguments.body(endpoint.body, headers, body)?;
        let arguments = arguments.finish();
        call.digest = Some(SentDigest::of_members(&arguments));
        call.arguments = Some(arguments);
    }
    Ok(action)
}

#[cfg(test)]
mod tests;
