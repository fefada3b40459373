//! MCP sessions: whether their ids are sealed, and with what.

use super::secret::{self, Source};
use crate::config::read::Node;
use crate::sessions::SessionsConfig;

/// Bytes of the shortest secret: what is shorter can be guessed from one session id.
const MIN_SECRET: usize = 32;

/// Sealed, with a key of the process.
pub(super) fn default() -> SessionsConfig {
    SessionsConfig { seal: true, secret: None }
}

/// The value of `sessions`.
pub(super) fn sessions(node: &Node<'_>, source: &Source<'_>) -> Option<SessionsConfig> {
    node.object(|object| {
        let seal = object.or("seal", true, Node::flag);
        let secret = object.optional("secret", |node| {
            if seal == Some(false) {
                return node.refuse("nothing is sealed, so there is nothing to seal with; remove it, or `seal: false`");
            }
            secret::secret(node, source, usable)
        });
        Some(SessionsConfig { seal: seal?, secret: secret? })
    })
}

pub(super) fn usable(node: &Node<'_>, secret: &str) -> Option<String> {
    if secret.len() >= MIN_SECRET {
        return Some(secret.to_owned());
    }
    node.refuse(format!("shorter than {MIN_SECRET} bytes; make one with `openssl rand -base64 32`"))
}
