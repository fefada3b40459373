//! Secrets: named, not written, and never in an error.

#[cfg(test)]
use serde_json::json;

use crate::config::key::{Key, Optional, Parsed, Text, keys, optional};
use crate::config::read::Node;
use crate::config::secrets::Secrets;
use crate::config::text;

keys! {
    /// A secret, named and not written. The webhook's is a Standard Webhooks secret: `whsec_` and the base64 of 24 to
    /// 64 random bytes.
    pub(super) struct SecretKeys => json!({ "minProperties": 1, "maxProperties": 1 });

    /// The environment variable that holds it. The gateway must pass it on:
    /// `vm_config.environment_variables.host_env_keys` in Envoy, `vmConfig.env` with `valueFrom: HOST` in Istio.
    const ENV: Optional<Parsed<String>> = optional("env", text::ENVIRONMENT_NAME)
        => json!({ "examples": ["APPROVALS_SECRET"] });

    /// The secret itself; needs `insecure_inline: true`.
    const INLINE: Optional<Text> = optional("inline", Text);
}

/// Where secrets may come from.
pub(super) struct Source<'a> {
    pub(super) secrets: &'a dyn Secrets,
    /// Whether they may be written into the configuration.
    pub(super) inline: bool,
}

/// Notes what is wrong with a secret, or gives it back.
type Usable = fn(&Node<'_>, &str) -> Option<String>;

/// A secret by its name, or written; `usable` notes what is wrong with it.
pub(super) fn secret(node: &Node<'_>, source: &Source<'_>, usable: Usable) -> Option<String> {
    if node.value().is_string() {
        return node.refuse("found text where an object belongs; secrets are named, not written: `{ env: NAME }`");
    }
    node.object(|object| {
        let env = object.optional_with(&SecretKeys::ENV, |node| from_environment(node, source.secrets, usable));
        let inline = object.optional_with(&SecretKeys::INLINE, |node| {
            if !source.inline {
                return node.refuse(
                    "a secret in the configuration shows in the gateway's config dump; write `{ env: NAME }`, or say \
                     `insecure_inline: true` at the top",
                );
            }
            usable(node, node.text()?)
        });
        match (env?, inline?) {
            (Some(secret), None) | (None, Some(secret)) => Some(secret),
            (None, None) => object.node().refuse("names no secret; write `{ env: NAME }`"),
            (Some(_), Some(_)) => object.node().refuse("has both `env` and `inline`; keep `env`"),
        }
    })
}

fn from_environment(node: &Node<'_>, secrets: &dyn Secrets, usable: Usable) -> Option<String> {
    let name = SecretKeys::ENV.read(node)?;
    match secrets.secret(&name) {
        Some(secret) => usable(node, &secret),
        None => node.refuse(format!(
            "the environment variable `{name}` is not passed to the filter; list it under \
             `vm_config.environment_variables.host_env_keys` (Envoy) or `vmConfig.env` with `valueFrom: HOST` (Istio), \
             and set it where the gateway runs"
        )),
    }
}
