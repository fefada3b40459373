//! An issuer: whose credentials are accepted, on which terms, and what of them is the task.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_tokens::{Algorithm, IssuerRules, KeySet, Profile, RulesError};

use super::Seen;
use super::endpoint::endpoint;
use super::seen::Names;
use crate::config::read::{Node, Object};
use crate::config::{Issuer, KeySource, KeyUrl, text};
use crate::task::TaskMapping;

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
const LEEWAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(1);
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
const REFRESH: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
const DEFAULT_REFRESH: Duration = Duration::from_mins(5);
const STALE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 7);
const LEAST_DEFAULT_STALE: Duration = Duration::from_hours(1);
const COOLDOWN: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(10);
const FETCH: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
const DEFAULT_FETCH: Duration = Duration::from_secs(5);

/// One entry of `issuers`.
pub(super) fn issuer(node: &Node<'_>, seen: &mut Seen) -> Option<Issuer> {
    node.object(|object| {
        let name = object.required("name", "choose one, for records and counters", |node| {
            let name = node.parse(text::name)?;
            seen.issuer_names.claim(node, &name)?;
            Some(name)
        });
        let rules = rules(object, &mut seen.issuers);
        let keys =
            object.required("keys", "write `keys: { url: …, cluster: … }` or `keys: { inline: … }`", |node| {
                keys(node, seen)
            });
        let one_shot = object.or("one_shot", false, Node::flag);
        let task = match object.member("task") {
            Some(node) => task(&node),
            // Without a mapping the scopes are the grants.
            None => mapping(object.node(), [None; 4], true),
        };
        Some(Issuer { name: name?, rules: rules?, keys: keys?, task: task?, one_shot: one_shot? })
    })
}

fn rules(object: &mut Object<'_>, seen: &mut Names) -> Option<IssuerRules> {
    let issuer = object.required("issuer", "write the credentials' `iss`", |node| {
        let issuer = node.text()?;
        seen.claim(node, issuer)?;
        Some(issuer.to_owned())
    });
    let profile = profile(object);
    let audiences =
        object.required("audiences", "write the `aud` values that mean you", |node| texts(node, "audience"));
    let algorithms = object.required("algorithms", "name what the issuer signs with, such as [ES256]", algorithms);
    let max_lifetime = object.or("max_lifetime", DEFAULT_LIFETIME, |node| node.duration(&LIFETIME));
    let leeway = object.or("leeway", DEFAULT_LEEWAY, |node| node.duration(&LEEWAY));
    let rules = IssuerRules::new(issuer?, profile?, audiences?, algorithms?, Some(max_lifetime?), leeway?);
    match rules {
        Ok(rules) => Some(rules),
        Err(error) => object.node().refuse_member(member(&error), error.to_string()),
    }
}

/// Where the values are written that `error` is about.
fn member(error: &RulesError) -> &'static str {
    match error {
        RulesError::NoIssuer => "issuer",
        RulesError::NoAudience | RulesError::EmptyAudience => "audiences",
        RulesError::NoAlgorithm => "algorithms",
        RulesError::LeewayTooLong => "leeway",
        RulesError::NoLifetime => "max_lifetime",
        RulesError::NoType | RulesError::Type(_) | RulesError::ForeignType(_) => "types",
    }
}

fn profile(object: &mut Object<'_>) -> Option<Profile> {
    #[derive(Clone, Copy)]
    enum Word {
        AccessToken,
        Generic,
    }
    let word = object.required("profile", "write `access-token` or `generic`", |node| {
        node.choice("profile", &[("access-token", Word::AccessToken), ("generic", Word::Generic)])
    });
    match word {
        Some(Word::AccessToken) => {
            object.forbid(
                &["types"],
                "the profile access-token fixes the type; remove it, or write `profile: generic`",
            )?;
            Some(Profile::AccessToken)
        }
        Some(Word::Generic) => {
            let types = object.required("types", "write the `typ` values accepted, such as [JWT]", types);
            Some(Profile::Generic { types: types? })
        }
        None => {
            object.optional("types", types)?;
            None
        }
    }
}

/// The empty text stands for a credential without `typ`.
fn types(node: &Node<'_>) -> Option<Vec<String>> {
    let mut seen = Names::new("one mention is enough, remove one");
    node.filled("type", |node| {
        let Some(text) = node.value().as_str() else { return node.mismatch("text", "write it in quotes") };
        seen.claim(node, text)?;
        Some(text.to_owned())
    })
}

fn texts(node: &Node<'_>, what: &str) -> Option<Vec<String>> {
    let mut seen = Names::new("one mention is enough, remove one");
    node.filled(what, |node| {
        let text = node.text()?;
        seen.claim(node, text)?;
        Some(text.to_owned())
    })
}

fn algorithms(node: &Node<'_>) -> Option<Vec<Algorithm>> {
    let choices: Vec<_> = Algorithm::ALL.iter().map(|algorithm| (algorithm.name(), *algorithm)).collect();
    let mut seen = Names::new("one mention is enough, remove one");
    node.filled("algorithm", |node| {
        let algorithm = node.choice("algorithm", &choices)?;
        seen.claim(node, algorithm.name())?;
        Some(algorithm)
    })
}

fn keys(node: &Node<'_>, seen: &mut Seen) -> Option<KeySource> {
    node.object(|object| match object.member("inline") {
        Some(node) => {
            let set = match KeySet::from_value(node.value()) {
                Ok(set) if !set.skipped().is_empty() => {
                    for skipped in set.skipped() {
                        let place = format!("keys/{}", skipped.index);
                        node.refuse_below::<()>(&place, format!("{}; mend it or remove it", skipped.reason));
                    }
                    None
                }
                Ok(set) if set.is_empty() => node.refuse("holds no key; write `{ keys: [{ kty: …, … }] }`"),
                Ok(set) => Some(set),
                Err(error) => node.refuse(error.to_string()),
            };
            let fetching = ["url", "cluster", "refresh", "max_stale", "cooldown", "timeout", "insecure_http"];
            object.forbid(&fetching, "has no meaning beside `inline`; remove one of the two")?;
            Some(KeySource::Inline(set?))
        }
        None => key_url(object, seen).map(KeySource::Url),
    })
}

fn key_url(object: &mut Object<'_>, seen: &mut Seen) -> Option<KeyUrl> {
    let endpoint = endpoint(object, DEFAULT_FETCH, &FETCH, seen);
    let refresh = object.or("refresh", DEFAULT_REFRESH, |node| node.duration(&REFRESH));
    let least = refresh.unwrap_or_default();
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
    Some(KeyUrl { endpoint: endpoint?, refresh: refresh?, max_stale: max_stale?, cooldown: cooldown? })
}

fn task(node: &Node<'_>) -> Option<TaskMapping> {
    node.object(|object| {
        let mut claim = |key| object.optional(key, |node| node.text().map(str::to_owned));
        let claims = [claim("id"), claim("purpose"), claim("grants"), claim("expires")];
        let has_grants = object.member("grants").is_some();
        // Scopes are the grants unless the issuer says where it writes grants.
        let scope = object.or("scope", !has_grants, Node::flag);
        let [id, purpose, grants, expires] = claims;
        let claims = [id?, purpose?, grants?, expires?];
        mapping(object.node(), claims.each_ref().map(Option::as_deref), scope?)
    })
}

/// `node` is the object that holds the claims' pointers.
fn mapping(node: &Node<'_>, claims: [Option<&str>; 4], scope: bool) -> Option<TaskMapping> {
    let [id, purpose, grants, expires] = claims;
    match TaskMapping::new(id, purpose, grants, expires, Some(scope)) {
        Ok(mapping) => Some(mapping),
        Err(errors) => {
            for error in errors {
                node.refuse_member::<()>(error.member, error.to_string());
            }
            None
        }
    }
}
