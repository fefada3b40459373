//! Where newer policy and catalogue are fetched, and who may sign them.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_tokens::KeyFormat;

use super::Seen;
use super::endpoint::endpoint;
use super::keys::inline;
use crate::bundle::{BundleConfig, MaxStale, WhenStale};
use crate::config::read::{Node, Object};
use crate::config::text;

const REFRESH: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
const DEFAULT_REFRESH: Duration = Duration::from_secs(30);
const STALE: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(24 * 30);
const FETCH: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
const DEFAULT_FETCH: Duration = Duration::from_secs(5);
const LOAD: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
const DEFAULT_LOAD: Duration = Duration::from_secs(5);

/// The value of `bundle`.
pub(super) fn bundle(node: &Node<'_>, seen: &mut Seen) -> Option<BundleConfig> {
    node.object(|object| {
        let name = object.required("name", "choose one; bundles for others are refused", |node| node.parse(text::name));
        let endpoint = endpoint(object, "url", DEFAULT_FETCH, &FETCH, seen);
        let remedy = "write the public keys of whoever signs bundles: `{ keys: [{ kty: …, … }] }`";
        let keys = object.required("keys", remedy, |node| inline(node, KeyFormat::Jwks));
        let refresh = object.or("refresh", DEFAULT_REFRESH, |node| node.duration(&REFRESH));
        let oldest = object.or("oldest", 0, |node| node.count(&(0..=u64::MAX)));
        let max_load = object.or("max_load", DEFAULT_LOAD, |node| node.duration(&LOAD));
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
    let after = object.optional("max_stale", |node| node.duration(&STALE));
    let choices = [("refuse", WhenStale::Refuse), ("serve", WhenStale::Serve)];
    let then = object.optional("when_stale", |node| node.choice("treatment", &choices));
    match (after?, then?) {
        (None, Some(_)) => object.node().refuse("`when_stale` says nothing without `max_stale`; write both"),
        (after, then) => Some(after.map(|after| MaxStale { after, then: then.unwrap_or(WhenStale::Refuse) })),
    }
}
