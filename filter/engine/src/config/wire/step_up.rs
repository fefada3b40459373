//! The approval webhook. Its secret is named, not written, and never appears in an error.

use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Seen;
use super::endpoint::endpoint;
use crate::config::read::Node;
use crate::config::secrets::Secrets;
use crate::config::{Endpoint, StepUpConfig, text};

const WAIT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_HOLD: Duration = Duration::from_secs(20);
/// Of a Standard Webhooks key.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;

/// Where secrets may come from.
pub(super) struct Source<'a> {
    pub(super) secrets: &'a dyn Secrets,
    /// Whether they may be written into the configuration.
    pub(super) inline: bool,
}

/// The value of `step_up`.
pub(super) fn step_up(node: &Node<'_>, source: &Source<'_>, seen: &mut Seen) -> Option<StepUpConfig> {
    node.object(|object| {
        let hold = object.optional("hold", |node| node.duration(&WAIT));
        let stated = hold.flatten();
        let webhook =
            object.required("webhook", "write `webhook: { url: …, cluster: …, secret: { env: … } }`", |node| {
                webhook(node, stated, source, seen)
            });
        let (hold, (endpoint, secret)) = (hold?, webhook?);
        let hold = hold.unwrap_or(DEFAULT_HOLD.max(endpoint.timeout));
        Some(StepUpConfig { endpoint, secret, hold })
    })
}

/// The webhook's address and secret; it cannot take longer than the request is held.
fn webhook(
    node: &Node<'_>,
    hold: Option<Duration>,
    source: &Source<'_>,
    seen: &mut Seen,
) -> Option<(Endpoint, String)> {
    node.object(|object| {
        let longest = hold.unwrap_or(*WAIT.end());
        let endpoint = endpoint(object, "url", DEFAULT_TIMEOUT.min(longest), &WAIT, seen);
        let remedy = "write `secret: { env: NAME }`";
        let secret = object.required("secret", remedy, |node| secret(node, source));
        let endpoint = endpoint?;
        if endpoint.timeout > longest {
            let (timeout, hold) = (text::spell_duration(endpoint.timeout), text::spell_duration(longest));
            return object.node().refuse_member(
                "timeout",
                format!("`{timeout}` is longer than the request is held ({hold}); shorten it, or lengthen `hold`"),
            );
        }
        Some((endpoint, secret?))
    })
}

fn secret(node: &Node<'_>, source: &Source<'_>) -> Option<String> {
    if node.value().is_string() {
        return node.refuse("found text where an object belongs; secrets are named, not written: `{ env: NAME }`");
    }
    node.object(|object| {
        let env = object.optional("env", |node| environment_secret(node, source.secrets));
        let inline = object.optional("inline", |node| {
            if !source.inline {
                return node.refuse(
                    "a secret in the configuration shows in the gateway's config dump; write `{ env: NAME }`, or say \
                     `insecure_inline: true` at the top",
                );
            }
            usable_secret(node, node.text()?)
        });
        match (env?, inline?) {
            (Some(secret), None) | (None, Some(secret)) => Some(secret),
            (None, None) => object.node().refuse("names no secret; write `{ env: NAME }`"),
            (Some(_), Some(_)) => object.node().refuse("has both `env` and `inline`; keep `env`"),
        }
    })
}

fn environment_secret(node: &Node<'_>, secrets: &dyn Secrets) -> Option<String> {
    let name = node.parse(text::environment_name)?;
    match secrets.secret(&name) {
        Some(secret) => usable_secret(node, &secret),
        None => node.refuse(format!(
            "the environment variable `{name}` is not passed to the filter; list it under \
             `vm_config.environment_variables.host_env_keys` (Envoy) or `vmConfig.env` with `valueFrom: HOST` (Istio), \
             and set it where the gateway runs"
        )),
    }
}

/// Standard Webhooks: base64 of 24 to 64 bytes, the prefix `whsec_` before it.
fn usable_secret(node: &Node<'_>, secret: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
    if key.is_ok_and(|key| KEY_BYTES.contains(&key.len())) {
        return Some(secret.to_owned());
    }
    node.refuse("not a Standard Webhooks secret; it is `whsec_` and the base64 of 24 to 64 random bytes")
}
