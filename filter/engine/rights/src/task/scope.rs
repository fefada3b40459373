//! Grants as OAuth scope tokens (RFC 6749 §3.3); the grammar is documented in [`crate::task`].
//!
//! They are in the claim that configuration names, and nowhere else. Where both claims are there they must be the same: which of
//! them other readers of the token go by, nobody knows.

use std::collections::BTreeSet;

use countersign_protocols::action::{Action, Key, Spelled};
use countersign_protocols::bounds::TaskError;
use countersign_protocols::catalogue::Protocol;
use serde_json::{Map, Value};

use super::grant::{Grant, Object};

/// Where an issuer writes scopes. Of either claim it may be a text with blanks in it, or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeClaim {
    /// `scope` (RFC 8693 §4.2, RFC 9068 §2.2.3).
    Scope,
    /// `scp`, as Entra ID, Okta and Ory have it.
    Scp,
}

impl ScopeClaim {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Scope, Self::Scp];

    /// As tokens and configuration spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Scp => "scp",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Scope => Self::Scp,
            Self::Scp => Self::Scope,
        }
    }
}

/// The grants of the claim `read`, if it is there.
pub(super) fn grants(claims: &Map<String, Value>, read: ScopeClaim) -> Result<Vec<Grant>, TaskError> {
    let Some(tokens) = tokens(claims, read)? else { return Ok(Vec::new()) };
    if claims.contains_key(read.other().name()) {
        // Nobody knows what one says that cannot be read.
        let other = self::tokens(claims, read.other()).unwrap_or_default();
        if other.is_none_or(|other| set(&other) != set(&tokens)) {
            return Err(TaskError::ScopesDiffer);
        }
    }
    Ok(tokens.into_iter().filter_map(grant).collect())
}

fn set<'t>(tokens: &[&'t str]) -> BTreeSet<&'t str> {
    tokens.iter().copied().filter(|token| !token.is_empty()).collect()
}

/// The scope tokens of `claim`. One of a list is one, or the list is refused: what has a blank in it is several to others.
fn tokens<'c>(claims: &'c Map<String, Value>, claim: ScopeClaim) -> Result<Option<Vec<&'c str>>, TaskError> {
    let name = claim.name();
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(tokens)) => Ok(Some(tokens.split(' ').collect())),
        Some(Value::Array(items)) => {
            let is_one = |text: &&str| !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
            let unusable = |number| TaskError::unusable(format!("claim `/{name}/{number}`"));
            let token = |item: (usize, &'c Value)| item.1.as_str().filter(is_one).ok_or_else(|| unusable(item.0));
            items.iter().enumerate().map(token).collect::<Result<_, _>>().map(Some)
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            Err(TaskError::unusable(format!("claim `/{name}`")))
        }
    }
}

/// The grant a scope token spells, if it is one of ours.
pub(super) fn grant(token: &str) -> Option<Grant> {
    let Spelled { protocol, method } = Spelled::parse(token)?;
    let (action, object) = match (protocol, method.split_once(':')) {
        (Protocol::Mcp, Some(("tool", tool))) => (protocol.call()?, Some(exact(tool)?)),
        (Protocol::Grpc, _) => (protocol.call()?, Some(exact(method).filter(|_| method.contains('/'))?)),
        (Protocol::Http, Some((method, path))) => (Spelled { protocol, method }.known()?, Some(path_pattern(path)?)),
        (Protocol::Http, None) => return None,
        (Protocol::Mcp | Protocol::A2a, _) => (Spelled { protocol, method }.known()?, None),
    };
    Some(Grant::plain(action.action.to_owned(), None, object))
}

/// The smallest scope token that covers `action`, for `insufficient_scope` challenges (RFC 6750 §3.1); none where a scope
/// token could not spell it, or would say more.
pub fn scope_for(action: &Action) -> Option<String> {
    let name = action.name();
    let scope = match (action.spelled().protocol, action.key()) {
        (Protocol::Http, _) => format!("{name}:{}", action.path()),
        (Protocol::Mcp, Key::Tool(tool)) => format!("mcp:tool:{tool}"),
        (Protocol::Grpc, Key::Tool(method)) => format!("grpc:{method}"),
        (Protocol::Mcp | Protocol::A2a | Protocol::Grpc, _) => name.clone(),
    };
    let spellable = scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    let exact = |grant: &Grant| !matches!(grant.object, Some(Object::Prefix(_) | Object::Template(_)));
    let covers = |grant: Grant| exact(&grant) && grant.names(&name, action);
    (spellable && grant(&scope).is_some_and(covers)).then_some(scope)
}

fn exact(name: &str) -> Option<Object> {
    (!name.is_empty() && !name.contains('*')).then(|| Object::Exact(name.to_owned()))
}

/// `*` only as `/*` at the end, where a segment begins.
fn path_pattern(path: &str) -> Option<Object> {
    let whole = !path.ends_with('*') || path.ends_with("/*");
    Object::parse(path).filter(|_| path.starts_with('/') && whole)
}

#[cfg(test)]
mod tests;
