//! The approval webhook. Its secret is named, not written, and never appears in an error.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::calls::Endpoint;

use super::Seen;
use super::endpoint::endpoint;
use super::secret::{Source, secret};
use crate::config::read::Node;
use crate::config::text;
use crate::step_up::StepUpConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const WAIT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_HOLD: Duration = Duration::from_secs(20);
/// Of a Standard Webhooks key.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;

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
        let secret = object.required("secret", remedy, |node| secret(node, source, usable_secret));
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

/// Standard Webhooks: base64 of 24 to 64 bytes, the prefix `whsec_` before it.
fn usable_secret(node: &Node<'_>, secret: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
    if key.is_ok_and(|key| KEY_BYTES.contains(&key.len())) {
        return Some(secret.to_owned());
    }
    node.refuse("not a Standard Webhooks secret; it is `whsec_` and the base64 of 24 to 64 random bytes")
}
