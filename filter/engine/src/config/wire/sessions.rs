//! MCP sessions: whether their ids are sealed, and with what.

use super::secret::{self, Source};
use crate::config::key::{Defaulted, Flag, Optional, Own, defaulted, keys, optional};
use crate::config::read::Node;
#[cfg(test)]
use crate::config::schema::reference;
use crate::sessions::SessionsConfig;

keys! {
    /// MCP sessions (revisions before 2026-07-28). A session belongs to the workload that opened it: clients get
    /// session ids with a MAC over the upstream's id and the workload.
    pub(super) struct SessionKeys;

    /// Whether session ids are sealed. Without it whoever learns a session id can use the session.
    const SEAL: Defaulted<Flag> = defaulted("seal", Flag, true);

    /// What every gateway of a fleet seals with, at least 32 bytes. Without it each gateway process makes a key of its
    /// own, and a session ends when the process does. Digests of URIs on records are keyed by it too.
    const SECRET: Optional<Own> = optional("secret", Own) => reference("secret");
}

/// Bytes of the shortest secret: what is shorter can be guessed from one session id.
const MIN_SECRET: usize = 32;

/// Sealed, with a key of the process.
pub(super) fn default() -> SessionsConfig {
    SessionsConfig { seal: SessionKeys::SEAL.default, secret: None }
}

/// The value of `sessions`.
pub(super) fn sessions(node: &Node<'_>, source: &Source<'_>) -> Option<SessionsConfig> {
    node.object(|object| {
        let seal = object.or(&SessionKeys::SEAL);
        let secret = object.optional_with(&SessionKeys::SECRET, |node| {
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
