//! Where an issuer's keys come from: written here, fetched from a URL, or found through the issuer's metadata.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::calls::Endpoint;
use countersign_tokens::{Algorithm, KeyFormat, KeySet};
use countersign_trust::keys::{KeyLocation, KeySource, RemoteKeys};
#[cfg(test)]
use serde_json::{Value, json};

use super::Seen;
use super::endpoint::{EndpointKeys, endpoint};
use crate::config::address::Address;
use crate::config::key::{Choice, Defaulted, Key, Optional, Own, Parsed, Required, Span};
use crate::config::key::{choice, defaulted, duration, keys, optional, parsed, required};
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::{pattern, reference};
use crate::config::{address, text};

const REFRESH: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
const STALE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 7);
const COOLDOWN: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
const FETCH: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);

keys! {
    /// Where the issuer's public keys come from: a URL that is fetched, the issuer's metadata, or keys written here.
    /// For the profile `jwt-svid` they are the trust domain's SPIFFE bundle, of which the keys for JWT-SVIDs are used.
    pub(super) struct SourceKeys => together();

    /// The issuer's JWK Set, or the trust domain's bundle.
    const URL: Optional<Parsed<Address>> = optional("url", address::URL);

    /// The issuer's metadata (OpenID Connect Discovery, RFC 8414), which says where its JWK Set is; instead of `url`.
    /// Its `issuer` must be this issuer.
    const DISCOVERY: Optional<Parsed<Address>> = optional("discovery", address::URL)
        => json!({ "examples": ["https://sts.example.com/.well-known/openid-configuration"] });

    const JWKS: Optional<Own> = optional("jwks", Own) => JwksKeys::schema();

    /// Of JWT-SVIDs: how the trust domain publishes its keys. `bundle`: its SPIFFE bundle, of which the keys whose
    /// `use` is `jwt-svid` are used. `jwks`: a JWK Set, as SPIRE's OIDC discovery provider publishes, of which those
    /// whose `use` is `sig` or absent are used.
    const FORMAT: Defaulted<Choice<KeyFormat>> = defaulted(
        "format",
        choice("format of keys", &[("bundle", KeyFormat::SpiffeBundle), ("jwks", KeyFormat::Jwks)]),
        KeyFormat::SpiffeBundle
    );

    const CLUSTER: Optional<Parsed<String>> = optional("cluster", text::CLUSTER);

    use EndpointKeys::INSECURE_HTTP => reference("insecure_http");

    /// How often the keys are fetched again, up to a tenth earlier so that gateways do not ask in step. {bounds}.
    /// Unless stated: what a bundle's `spiffe_refresh_hint` says, else 5m.
    const REFRESH: Optional<Span> = optional("refresh", duration(REFRESH));

    /// How long keys may be used after their last successful fetch; at least `refresh`. {bounds}. Unless stated:
    /// {default}, or twice `refresh` if that is longer.
    const MAX_STALE: Defaulted<Span> = defaulted("max_stale", duration(STALE), Duration::from_hours(1));

    /// The shortest time between two fetches caused by credentials with unknown keys, of all workers of a gateway
    /// process. {bounds}.
    const COOLDOWN: Defaulted<Span> = defaulted("cooldown", duration(COOLDOWN), Duration::from_secs(10));

    /// How long one fetch may take. {bounds}.
    const TIMEOUT: Defaulted<Span> = defaulted("timeout", duration(FETCH), Duration::from_secs(5));

    /// A JWK Set (RFC 7517 §5) of public keys, at least one of them usable. Nothing but `format` may be stated beside
    /// it.
    const INLINE: Optional<Own> = optional("inline", Own) => json!({
        "type": "object",
        "required": ["keys"],
        "properties": { "keys": { "type": "array", "minItems": 1, "maxItems": 64, "items": { "type": "object" } } }
    });
}

keys! {
    /// Where the metadata's `jwks_uri` leads, if that is another host than the metadata's. It is never followed
    /// anywhere else.
    struct JwksKeys;

    /// Scheme and host of `jwks_uri`; the same scheme as `discovery`.
    const ORIGIN: Required<Parsed<Address>> = required("origin", ORIGIN)
        => json!({ "examples": ["https://keys.example.com"] });

    const CLUSTER: Required<Parsed<String>> = required("cluster", text::CLUSTER);
}

/// Where the keys that metadata names may be; a path is refused when it is read.
const ORIGIN: Parsed<Address> = parsed!(address::url, pattern("^[hH][tT][tT][pP][sS]?://[^@#/?]+/?$"));

/// Keys are either here or fetched, and fetched either directly or as metadata says.
#[cfg(test)]
fn together() -> Value {
    json!({
        "if": { "required": ["inline"] },
        "then": { "propertyNames": { "enum": ["inline", "format"] } },
        "else": {
            "required": ["cluster"],
            "if": { "required": ["discovery"] },
            "then": { "properties": { "url": false } },
            "else": { "required": ["url"], "properties": { "jwks": false } }
        }
    })
}

/// What only fetched keys have.
const FETCHING: [&str; 9] = [
    SourceKeys::URL.name,
    SourceKeys::DISCOVERY.name,
    SourceKeys::JWKS.name,
    SourceKeys::CLUSTER.name,
    SourceKeys::REFRESH.name,
    SourceKeys::MAX_STALE.name,
    SourceKeys::COOLDOWN.name,
    SourceKeys::TIMEOUT.name,
    EndpointKeys::INSECURE_HTTP.name,
];

/// The member `keys`, of an issuer of JWT-SVIDs (`svids`) or another one, which signs with `algorithms`.
pub(super) fn keys(node: &Node<'_>, svids: bool, algorithms: &[Algorithm], seen: &mut Seen) -> Option<KeySource> {
    node.object(|object| {
        let format = if svids {
            object.or(&SourceKeys::FORMAT)
        } else {
            let remedy = "says how a trust domain publishes its keys; remove it, or write `profile: jwt-svid`";
            object.forbid(&[SourceKeys::FORMAT.name], remedy).map(|()| KeyFormat::Jwks)
        };
        let Some(inlined) = object.member(&SourceKeys::INLINE) else {
            let keys = remote(object, svids, algorithms, seen);
            return Some(KeySource::Remote(Box::new(RemoteKeys { format: format?, ..keys? })));
        };
        // One mistake is enough: what depends on it is not blamed as well.
        let set = format.and_then(|format| usable(&inlined, inline(&inlined, format)?, algorithms));
        object.forbid(&FETCHING, "has no meaning beside `inline`; remove one of the two")?;
        Some(KeySource::Inline(set?))
    })
}

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
    let location = if object.member(&SourceKeys::DISCOVERY).is_some() {
        discovery(object, svids, seen)
    } else {
        let why = "says where the keys are that `discovery` finds; remove it, or write `discovery`";
        let timeout = &SourceKeys::TIMEOUT;
        object
            .forbid(&[SourceKeys::JWKS.name], why)
            .and(endpoint(object, &SourceKeys::URL, timeout, timeout.default, seen).map(KeyLocation::Direct))
    };
    let refresh = object.optional(&SourceKeys::REFRESH);
    let least = refresh.flatten().unwrap_or_default();
    let max_stale = object.or_else(&SourceKeys::MAX_STALE, SourceKeys::MAX_STALE.default.max(least * 2), |node| {
        let max_stale = SourceKeys::MAX_STALE.read(node)?;
        if max_stale < least {
            let least = text::spell_duration(least);
            return node
                .refuse(format!("shorter than `refresh` ({least}), so keys would be missing in between; lengthen it"));
        }
        Some(max_stale)
    });
    let cooldown = object.or(&SourceKeys::COOLDOWN);
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
            SourceKeys::DISCOVERY.name,
            "a trust domain's bundle is fetched directly; write `url`, the address of its bundle endpoint",
        )
    } else {
        Some(())
    };
    let alone = object.forbid(&[SourceKeys::URL.name], "has no meaning beside `discovery`; remove one of the two");
    let timeout = &SourceKeys::TIMEOUT;
    let metadata = endpoint(object, &SourceKeys::DISCOVERY, timeout, timeout.default, seen);
    let elsewhere = object.optional_with(&SourceKeys::JWKS, |node| {
        node.object(|object| {
            let origin = object.required_with(&JwksKeys::ORIGIN, "write `origin: https://host`", |node| {
                let origin = JwksKeys::ORIGIN.read(node)?;
                if origin.path == "/" {
                    Some(origin)
                } else {
                    node.refuse("has a path, which the metadata says; remove it")
                }
            });
            let remedy = "name the gateway's cluster that leads to the origin";
            let cluster = object.required_with(&JwksKeys::CLUSTER, remedy, |node| {
                let cluster = JwksKeys::CLUSTER.read(node)?;
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
