//! Plain HTTP: the method and the path are the whole operation.
//!
//! Never reads the body as anything; it is only digested, so that approvals and records can name it.

use super::{Action, Operation};
use crate::catalogue::Resource;
use crate::digest;
use crate::reason::Reason;
use crate::route::Target;

/// The methods an HTTP resource can be asked with (RFC 9110 §9.3, RFC 5789), case-sensitive. `TRACE` echoes credentials,
/// `CONNECT` tunnels, extension methods mean something to somebody else.
pub const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What a plain HTTP request does; `body` when it was held.
pub fn read(resource: &Resource, target: &Target, body: Option<&[u8]>) -> Result<Action, Reason> {
    if !METHODS.contains(&target.method.as_str()) {
        return Err(Reason::MethodNotAllowed);
    }
    let operation = Operation::Http { method: target.method.clone(), path: target.path.clone() };
    Ok(Action::new(resource, target, operation, body.map(digest::of_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::test_support::{resource, target};

    #[test]
    fn known_methods_are_read() {
        for method in METHODS {
            let action = read(&resource(), &target(method), Some(b"x"));
            let action = action.map(|action| (action.name(), action.object().map(str::to_owned), action.body_digest));
            let expected = (format!("http:{method}"), Some("/mcp".to_owned()), Some(digest::of_bytes(b"x")));
            assert_eq!(action, Ok(expected));
        }
    }

    #[test]
    fn other_methods_are_refused() {
        for method in ["get", "TRACE", "PROPFIND", "POST ", ""] {
            assert_eq!(read(&resource(), &target(method), None), Err(Reason::MethodNotAllowed), "{method}");
        }
    }

    #[test]
    fn a_body_that_was_not_held_has_no_digest() {
        assert_eq!(read(&resource(), &target("PUT"), None).map(|action| action.body_digest), Ok(None));
    }
}
