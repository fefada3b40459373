//! The approval webhook. Its secret is named, not written, and never appears in an error.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::calls::Endpoint;

use super::Seen;
use super::endpoint::{EndpointKeys, endpoint};
use super::secret::{Source, secret};
use crate::config::key::{Defaulted, Own, Required, Span, defaulted, duration, keys, required};
use crate::config::read::Node;
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::text;
use crate::step_up::StepUpConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const WAIT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);
/// Of a Standard Webhooks key.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;

keys! {
    /// Who is asked about calls that policy allows only with an approval. Without it, they are denied.
    pub(super) struct StepUpKeys;

    const WEBHOOK: Required<Own> = required("webhook", Own) => WebhookKeys::schema();

    /// How long a request may be held for the answer. {bounds}. Unless stated: {default}, or the webhook's `timeout` if
    /// that is longer.
    const HOLD: Defaulted<Span> = defaulted("hold", duration(WAIT), Duration::from_secs(20));
}

keys! {
    /// The approval webhook (Standard Webhooks, signed in both directions).
    struct WebhookKeys;

    /// Where approvals are asked for.
    use EndpointKeys::URL;

    use EndpointKeys::CLUSTER;

    use EndpointKeys::INSECURE_HTTP => reference("insecure_http");

    const SECRET: Required<Own> = required("secret", Own) => reference("secret");

    /// How long one answer may take; at most `hold`. {bounds}. Unless stated: {default}, or `hold` if that is shorter.
    const TIMEOUT: Defaulted<Span> = defaulted("timeout", duration(WAIT), Duration::from_secs(10));
}

/// The value of `step_up`.
pub(super) fn step_up(node: &Node<'_>, source: &Source<'_>, seen: &mut Seen) -> Option<StepUpConfig> {
    node.object(|object| {
        let hold = object.optional(&StepUpKeys::HOLD);
        let stated = hold.flatten();
        let remedy = "write `webhook: { url: …, cluster: …, secret: { env: … } }`";
        let webhook = object.required_with(&StepUpKeys::WEBHOOK, remedy, |node| webhook(node, stated, source, seen));
        let (hold, (endpoint, secret)) = (hold?, webhook?);
        let hold = hold.unwrap_or(StepUpKeys::HOLD.default.max(endpoint.timeout));
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
        let timeout = &WebhookKeys::TIMEOUT;
        let endpoint = endpoint(object, &EndpointKeys::URL, timeout, timeout.default.min(longest), seen);
        let remedy = "write `secret: { env: NAME }`";
        let secret = object.required_with(&WebhookKeys::SECRET, remedy, |node| secret(node, source, usable_secret));
        let endpoint = endpoint?;
        if endpoint.timeout > longest {
            let (timeout, hold) = (text::spell_duration(endpoint.timeout), text::spell_duration(longest));
            return object.node().refuse_member(
                WebhookKeys::TIMEOUT.name,
                format!("`{timeout}` is longer than the request is held ({hold}); shorten it, or lengthen `hold`"),
            );
        }
        Some((endpoint, secret?))
    })
}

/// Standard Webhooks: base64 of 24 to 64 bytes, the prefix `whsec_` before it.
fn usable_secret(node: &Node<'_>, secret: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
    if key.is_ok_and(|key| KEY_BYTES.contains(&key.len())) {
        return Some(secret.to_owned());
    }
    node.refuse("not a Standard Webhooks secret; it is `whsec_` and the base64 of 24 to 64 random bytes")
}
