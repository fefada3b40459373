//! Grants as OAuth scope tokens (RFC 6749 §3.3); the grammar is documented in [`crate::task`].

use serde_json::{Map, Value};

use super::error::TaskError;
use super::grant::{Grant, Object};
use crate::action::{Action, Operation, a2a, grpc, http, mcp};

/// The grants of the claim `scope` (RFC 8693 §4.2), if it is there.
pub(super) fn grants(claims: &Map<String, Value>) -> Result<Vec<Grant>, TaskError> {
    match claims.get("scope") {
        None => Ok(Vec::new()),
        Some(Value::String(tokens)) => Ok(tokens.split(' ').filter_map(grant).collect()),
        Some(_) => Err(TaskError::unusable("claim `/scope`")),
    }
}

/// The grant a scope token spells, if it is one of ours.
pub(super) fn grant(token: &str) -> Option<Grant> {
    let (action, object) = if let Some(tool) = token.strip_prefix("mcp:tool:") {
        ("mcp:tools/call".to_owned(), Some(exact(tool)?))
    } else if let Some(method) = token.strip_prefix("mcp:") {
        mcp::METHODS.iter().find(|(name, _)| *name == method)?;
        (token.to_owned(), None)
    } else if let Some(method) = token.strip_prefix("a2a:") {
        a2a::METHODS.iter().find(|(name, _)| *name == method)?;
        (token.to_owned(), None)
    } else if let Some(method) = token.strip_prefix("grpc:") {
        (grpc::CALL.to_owned(), Some(exact(method).filter(|_| method.contains('/'))?))
    } else {
        let (method, path) = token.strip_prefix("http:")?.split_once(':')?;
        http::METHODS.iter().find(|name| **name == method)?;
        (format!("http:{method}"), Some(path_pattern(path)?))
    };
    Some(Grant::plain(action, None, object))
}

/// The smallest scope token that covers `action`, for `insufficient_scope` challenges (RFC 6750 §3.1); none where a scope
/// token could not spell it, or would say more.
pub fn scope_for(action: &Action) -> Option<String> {
    let scope = match &action.operation {
        Operation::Http { method, path } => format!("http:{method}:{path}"),
        Operation::Endpoint(call) => format!("http:{}:{}", call.method, call.path),
        Operation::ToolCall(call) => format!("mcp:tool:{}", call.tool),
        Operation::Mcp(operation) => format!("mcp:{}", operation.method),
        Operation::A2a(operation) => format!("a2a:{}", operation.method),
        Operation::Grpc(call) => format!("grpc:{}", call.method),
    };
    let spellable = scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    (spellable
        && grant(&scope).is_some_and(|grant| !matches!(grant.object, Some(Object::Prefix(_) | Object::Template(_)))))
    .then_some(scope)
}

fn exact(name: &str) -> Option<Object> {
    (!name.is_empty() && !name.contains('*')).then(|| Object::Exact(name.to_owned()))
}

/// `*` only as `/*` at the end, where a segment begins.
fn path_pattern(path: &str) -> Option<Object> {
    let whole = !path.ends_with('*') || path.ends_with("/*");
    Object::parse(path).filter(|_| path.starts_with('/') && whole)
}
