//! Where an issuer's keys come from: written here, fetched from a URL, or found through the issuer's metadata.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::calls::Endpoint;
use countersign_tokens::{Algorithm, KeyFormat, KeySet};
use countersign_trust::keys::{KeyLocation, KeySource, RemoteKeys};

use super::Seen;
use super::endpoint::endpoint;
use crate::config::read::{Node, Object};
use crate::config::{address, text};

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

/// The member `keys`, of an issuer of JWT-SVIDs (`svids`) or another one, which signs with `algorithms`.
pub(super) fn keys(node: &Node<'_>, svids: bool, algorithms: &[Algorithm], seen: &mut Seen) -> Option<KeySource> {
    node.object(|object| {
        let format = if svids {
            object.or("format", KeyFormat::SpiffeBundle, |node| node.choice("format of keys", &FORMATS))
        } else {
            let remedy = "says how a trust domain publishes its keys; remove it, or write `profile: jwt-svid`";
            object.forbid(&["format"], remedy).map(|()| KeyFormat::Jwks)
        };
        let Some(inlined) = object.member("inline") else {
            let keys = remote(object, svids, algorithms, seen);
            return Some(KeySource::Remote(Box::new(RemoteKeys { format: format?, ..keys? })));
        };
        // One mistake is enough: what depends on it is not blamed as well.
        let set = format.and_then(|format| usable(&inlined, inline(&inlined, format)?, algorithms));
        object.forbid(&FETCHING, "has no meaning beside `inline`; remove one of the two")?;
        Some(KeySource::Inline(set?))
    })
}

/// How the keys of a trust domain may be published.
const FORMATS: [(&str, KeyFormat); 2] = [("bundle", KeyFormat::SpiffeBundle), ("jwks", KeyFormat::Jwks)];

/// `set` for an issuer that signs with `algorithms`, unless no token could ever be verified with it.
fn usable(node: &Node<'_>, set: KeySet, algorithms: &[Algorithm]) -> Option<KeySet> {
    let set = set.for_algorithms(algorithms);
    // Where these are not known there is another mistake.
    if algorithms.is_empty() || set.can_verify(algorithms) {
        return Some(set);
    }
    let names = |algorithms: &[Algorithm]| algorithms.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    let mut keys: Vec<_> = set.keys().iter().map(countersign_tokens::Key::algorithm).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.iter().any(|algorithm| algorithms.contains(algorithm)) {
        return node
            .refuse("holds several keys without `kid`, and no token can say which signed it; give each its `kid`");
    }
    node.refuse(format!(
        "its keys are for {}, and `algorithms` has {}, so no token could be verified; write what the issuer signs with in both",
        names(&keys),
        names(algorithms)
    ))
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
            KeyFormat::SpiffeBundle if set.unmarked() > 0 => node.refuse(
                "holds no key whose `use` is `jwt-svid`; where it is a JWK Set, write `format: jwks` beside it",
            ),
            KeyFormat::SpiffeBundle => {
                node.refuse("holds no key whose `use` is `jwt-svid`; write the trust domain's bundle")
            }
        },
        Ok(set) => Some(set),
        Err(error) => node.refuse(error.to_string()),
    }
}

fn remote(object: &mut Object<'_>, svids: bool, algorithms: &[Algorithm], seen: &mut Seen) -> Option<RemoteKeys> {
    let location = if object.member("discovery").is_some() {
        discovery(object, svids, seen)
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
    Some(RemoteKeys {
        location: location?,
        format: KeyFormat::Jwks,
        algorithms: algorithms.to_vec(),
        refresh: refresh?,
        max_stale: max_stale?,
        cooldown: cooldown?,
    })
}

/// `discovery`, the metadata's URL; its keys are at the same host unless `jwks` says otherwise.
fn discovery(object: &mut Object<'_>, svids: bool, seen: &mut Seen) -> Option<KeyLocation> {
    let fits = if svids {
        object.node().refuse_member(
            "discovery",
            "a trust domain's bundle is fetched directly; write `url`, the address of its bundle endpoint",
        )
    } else {
        Some(())
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
