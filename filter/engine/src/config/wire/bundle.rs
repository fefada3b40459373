//! Where newer policy and catalogue are fetched, and who may sign them.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_tokens::KeyFormat;

use super::Seen;
use super::endpoint::{EndpointKeys, endpoint};
use super::keys::inline;
use crate::bundle::{BundleConfig, MaxStale, WhenStale};
use crate::config::key::{Choice, Count, Defaulted, Document, Optional, Parsed, Required, Span};
use crate::config::key::{choice, count, defaulted, duration, keys, optional, required};
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::text;

const REFRESH: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
const STALE: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(24 * 30);
const FETCH: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
const LOAD: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);

keys! {
    /// Where signed documents are fetched that replace policy, resources, sandboxes, risk, workloads, actors, hygiene
    /// and denied while the gateway runs. What is written here holds until the first one comes.
    pub(super) struct BundleKeys;

    const NAME: Required<Parsed<String>> = required("name", text::NAME);

    use EndpointKeys::URL;

    use EndpointKeys::CLUSTER;

    use EndpointKeys::INSECURE_HTTP => reference("insecure_http");

    /// How long to wait for one. {bounds}.
    const TIMEOUT: Defaulted<Span> = defaulted("timeout", duration(FETCH), Duration::from_secs(5));

    /// A JWKS (RFC 7517 §5) with the public keys of whoever may sign bundles.
    const KEYS: Required<Document> = required("keys", Document);

    /// How often to look for a newer one. {bounds}.
    const REFRESH: Defaulted<Span> = defaulted("refresh", duration(REFRESH), Duration::from_secs(30));

    /// An older revision is refused even where none was seen before.
    const OLDEST: Defaulted<Count<u64>> = defaulted("oldest", count(0..=u64::MAX), 0);

    /// A document that would keep a worker for longer than about this is refused: while it loads, the worker serves
    /// nobody. {bounds}.
    const MAX_LOAD: Defaulted<Span> = defaulted("max_load", duration(LOAD), Duration::from_secs(5));

    /// How old the newest bundle may be: since its `iat`, or since it was taken where it has none; before the first,
    /// since the gateway started. Whoever serves bundles can withhold them, and 304 says nothing, so publish at least
    /// this often (the same revision with a later `iat` will do). For ever when absent. {bounds}.
    const MAX_STALE: Optional<Span> = optional("max_stale", duration(STALE));

    /// What becomes of requests while the newest bundle is older than `max_stale`: `refuse` (503 `policy_stale`) or
    /// `serve`.
    const WHEN_STALE: Defaulted<Choice<WhenStale>> = defaulted(
        "when_stale",
        choice("treatment", &[("refuse", WhenStale::Refuse), ("serve", WhenStale::Serve)]),
        WhenStale::Refuse
    );
}

/// The value of `bundle`.
pub(super) fn bundle(node: &Node<'_>, seen: &mut Seen) -> Option<BundleConfig> {
    node.object(|object| {
        let name = object.required(&BundleKeys::NAME, "choose one; bundles for others are refused");
        let timeout = &BundleKeys::TIMEOUT;
        let endpoint = endpoint(object, &EndpointKeys::URL, timeout, timeout.default, seen);
        let remedy = "write the public keys of whoever signs bundles: `{ keys: [{ kty: …, … }] }`";
        let keys = object.required_with(&BundleKeys::KEYS, remedy, |node| inline(node, KeyFormat::Jwks));
        let refresh = object.or(&BundleKeys::REFRESH);
        let oldest = object.or(&BundleKeys::OLDEST);
        let max_load = object.or(&BundleKeys::MAX_LOAD);
        let max_stale = max_stale(object);
        Some(BundleConfig {
            name: name?,
            endpoint: endpoint?,
            keys: keys?,
            refresh: refresh?,
            oldest: oldest?,
            max_load: max_load?,
            max_stale: max_stale?,
        })
    })
}

#[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
fn max_stale(object: &mut Object<'_>) -> Option<Option<MaxStale>> {
    let after = object.optional(&BundleKeys::MAX_STALE);
    let then = object.optional(&BundleKeys::WHEN_STALE);
    match (after?, then?) {
        (None, Some(_)) => object.node().refuse("`when_stale` says nothing without `max_stale`; write both"),
        (after, then) => {
            let then = then.unwrap_or(BundleKeys::WHEN_STALE.default);
            Some(after.map(|after| MaxStale { after, then }))
        }
    }
}
