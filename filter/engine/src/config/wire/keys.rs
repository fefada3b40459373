//! Where an issuer's keys come from: written here, fetched from a URL, or found through the issuer's metadata.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_tokens::{KeyFormat, KeySet};

use super::Seen;
use super::endpoint::endpoint;
use crate::config::read::{Node, Object};
use crate::config::{Endpoint, KeyLocation, KeySource, RemoteKeys, address, text};

const REFRESH: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
const STALE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 7);
const LEAST_DEFAULT_STALE: Duration = Duration::from_hours(1);
const COOLDOWN: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(10);
const FETCH: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
const DEFAULT_FETCH: Duration = Duration::from_secs(5);

/// What only fetched keys have.
const FETCHING: [&str; 9] =
    ["url", "discovery", "jwks", "cluster", "refresh", "max_stale", "cooldown", "timeout", "insecure_http"];

/// The member `keys`; `format` is that of the issuer's profile.
pub(super) fn keys(node: &Node<'_>, format: KeyFormat, seen: &mut Seen) -> Option<KeySource> {
    node.object(|object| match object.member("inline") {
        Some(node) => {
            let set = inline(&node, format);
            object.forbid(&FETCHING, "has no meaning beside `inline`; remove one of the two")?;
            Some(KeySource::Inline(set?))
        }
        None => remote(object, format, seen).map(|keys| KeySource::Remote(Box::new(keys))),
    })
}

/// A key set that is written here.
pub(super) fn inline(node: &Node<'_>, format: KeyFormat) -> Option<KeySet> {
    match KeySet::from_value(node.value(), format) {
        Ok(set) if !set.skipped().is_empty() => {
            for skipped in set.skipped() {
                let place = format!("keys/{}", skipped.index);
                node.refuse_below::<()>(&place, format!("{}; mend it or remove it", skipped.reason));
            }
            None
        }
        Ok(set) if set.is_empty() => match format {
            KeyFormat::Jwks => node.refuse("holds no key; write `{ keys: [{ kty: …, … }] }`"),
            KeyFormat::SpiffeBundle => {
                node.refuse("holds no key whose `use` is `jwt-svid`; write the trust domain's bundle")
            }
        },
        Ok(set) => Some(set),
        Err(error) => node.refuse(error.to_string()),
    }
}

fn remote(object: &mut Object<'_>, format: KeyFormat, seen: &mut Seen) -> Option<RemoteKeys> {
    let location = if object.member("discovery").is_some() {
        discovery(object, format, seen)
    } else {
        object
            .forbid(&["jwks"], "says where the keys are that `discovery` finds; remove it, or write `discovery`")
            .and(endpoint(object, "url", DEFAULT_FETCH, &FETCH, seen).map(KeyLocation::Direct))
    };
    let refresh = object.optional("refresh", |node| node.duration(&REFRESH));
    let least = refresh.flatten().unwrap_or_default();
    let max_stale = object.or("max_stale", LEAST_DEFAULT_STALE.max(least * 2), |node| {
        let max_stale = node.duration(&STALE)?;
        if max_stale < least {
            let least = text::spell_duration(least);
            return node
                .refuse(format!("shorter than `refresh` ({least}), so keys would be missing in between; lengthen it"));
        }
        Some(max_stale)
    });
    let cooldown = object.or("cooldown", DEFAULT_COOLDOWN, |node| node.duration(&COOLDOWN));
    Some(RemoteKeys { location: location?, format, refresh: refresh?, max_stale: max_stale?, cooldown: cooldown? })
}

/// `discovery`, the metadata's URL; its keys are at the same host unless `jwks` says otherwise.
fn discovery(object: &mut Object<'_>, format: KeyFormat, seen: &mut Seen) -> Option<KeyLocation> {
    let fits = match format {
        KeyFormat::Jwks => Some(()),
        KeyFormat::SpiffeBundle => object.node().refuse_member(
            "discovery",
            "a trust domain's bundle is fetched directly; write `url`, the address of its bundle endpoint",
        ),
    };
    let alone = object.forbid(&["url"], "has no meaning beside `discovery`; remove one of the two");
    let metadata = endpoint(object, "discovery", DEFAULT_FETCH, &FETCH, seen);
    let elsewhere = object.optional("jwks", |node| {
        node.object(|object| {
            let origin = object.required("origin", "write `origin: https://host`", |node| {
                let origin = node.parse(address::url)?;
                if origin.path == "/" {
                    Some(origin)
                } else {
                    node.refuse("has a path, which the metadata says; remove it")
                }
            });
            let cluster = object.required("cluster", "name the gateway's cluster that leads to the origin", |node| {
                let cluster = node.parse(text::cluster)?;
                Some((cluster, node.clone()))
            });
            let (origin, (cluster, node)) = (origin?, cluster?);
            let scheme = &metadata.as_ref()?.scheme;
            if origin.scheme != *scheme {
                return node.refuse(format!("`origin` is not {scheme}, as `discovery` is; write both alike"));
            }
            let timeout = metadata.as_ref()?.timeout;
            let keys =
                Endpoint { cluster, scheme: origin.scheme, authority: origin.authority, path: origin.path, timeout };
            seen.clusters.claim(&node, &keys)?;
            Some(keys)
        })
    });
    let (metadata, elsewhere, (), ()) = (metadata?, elsewhere?, fits?, alone?);
    let keys = elsewhere.unwrap_or_else(|| Endpoint { path: "/".to_owned(), ..metadata.clone() });
    Some(KeyLocation::Discovery { metadata, keys })
}
