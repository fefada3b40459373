//! An issuer: whose credentials are accepted, on which terms, and what of them is the task.

mod who;

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_rights::task::{TaskMapping, TaskSource};
use countersign_rights::workload::Voucher;
use countersign_tokens::{Algorithm, IssuerRules, Profile, RulesError, Scalar, TrustDomain};
use countersign_trust::carrier::Carrier;
use countersign_trust::credential::Issuer;
use countersign_trust::introspection::Introspection;
use countersign_trust::keys::KeySource;
use countersign_trust::possession::nonce::NonceRule;
use countersign_trust::possession::{Binding, Bound};

use self::who::{Tenants, Who, who};
use super::Seen;
use super::claims::claims;
use super::endpoint::endpoint;
use super::keys::keys;
use super::secret::{Source, secret};
use super::seen::Names;
use super::sessions;
use super::task::task;
use crate::config::read::{Node, Object};
use crate::config::text;

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
const LEEWAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(1);
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

const INTROSPECTION: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
const DEFAULT_INTROSPECTION: Duration = Duration::from_secs(5);
const CACHE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(10);
const DEFAULT_CACHE: Duration = Duration::from_secs(30);

const NONCE: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(1);
const DEFAULT_NONCE: Duration = Duration::from_mins(5);

const PROOF_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(10);
const BINDING: Binding = Binding {
    require: Bound::Optional,
    same_workload: false,
    proof_age: Duration::from_mins(1),
    nonce: None,
    leeway: DEFAULT_LEEWAY,
};

/// One entry of `issuers`.
pub(super) fn issuer(node: &Node<'_>, source: &Source<'_>, seen: &mut Seen) -> Option<Issuer> {
    node.object(|object| {
        let name = object.required("name", "choose one, for records and counters", |node| {
            let name = node.parse(text::name)?;
            seen.issuer_names.claim(node, &name)?;
            Some(name)
        });
        let who = who(object, seen);
        let kind = who.as_ref().map(|who| who.profile.clone());
        let rules = rules(object, who);
        let algorithms = rules.as_ref().map_or(&[][..], IssuerRules::algorithms);
        let keys = keys_of(object, kind.as_ref(), algorithms, seen);
        let introspection = introspection_of(object, kind.as_ref(), source, seen);
        let claims = object.or("claims", Vec::new(), |node| claims(node, kind.as_ref(), seen));
        let one_shot = object.or("one_shot", false, |node| {
            let one_shot = node.flag()?;
            if one_shot && matches!(kind, Some(Profile::X509Svid { .. })) {
                return node.refuse("a certificate is used for many requests; remove it");
            }
            Some(one_shot)
        });
        let leeway = rules.as_ref().map_or(DEFAULT_LEEWAY, IssuerRules::leeway);
        let carrier = carrier(object, kind.as_ref(), seen);
        let binding = match object.member("binding") {
            Some(node) if matches!(carrier, Some(Carrier::Field(_))) => {
                node.refuse("no proof comes with a token in the field `header`; remove one of the two")
            }
            Some(node) if matches!(kind, Some(Profile::X509Svid { .. })) => {
                node.refuse("a certificate is its own proof; remove it")
            }
            Some(node) => binding(&node, leeway, source),
            None => Some(Binding { leeway, ..BINDING }),
        };
        let task = match object.member("task") {
            Some(node) => task(&node, kind.as_ref()),
            // A certificate says nothing about rights.
            None if matches!(kind, Some(Profile::X509Svid { .. })) => Some(TaskSource::Workload),
            // Without a mapping the scopes are the grants.
            None => Some(TaskSource::Claims(TaskMapping::default())),
        };
        Some(Issuer {
            voucher: Voucher { name: name?, rules: rules?, claims: claims? },
            carrier: carrier?,
            keys: keys?,
            introspection: introspection?,
            task: task?,
            one_shot: one_shot?,
            binding: binding?,
        })
    })
}

/// Where its tokens come: `header` names another field than `Authorization`.
fn carrier(object: &mut Object<'_>, profile: Option<&Profile>, seen: &mut Seen) -> Option<Carrier> {
    let standing = match profile {
        Some(Profile::TxnToken) => Carrier::TxnToken,
        Some(_) | None => Carrier::Authorization,
    };
    if profile.is_some_and(|profile| !profile.comes_in_any_field()) {
        let remedy = "only access tokens, opaque tokens and generic JWTs come in another field; remove it";
        return object.forbid(&["header"], remedy).map(|()| standing);
    }
    let header = object.optional("header", |node| node.parse(text::credential_header))?;
    let Some(header) = header else { return Some(standing) };
    let headers = &mut seen.credential_headers;
    let number = headers.iter().position(|known| *known == header).unwrap_or_else(|| {
        headers.push(header);
        headers.len() - 1
    });
    Some(Carrier::Field(number))
}

/// `keys`, of issuers that sign.
fn keys_of(
    object: &mut Object<'_>,
    profile: Option<&Profile>,
    algorithms: &[Algorithm],
    seen: &mut Seen,
) -> Option<KeySource> {
    match profile {
        Some(Profile::Opaque) => {
            object.forbid(&["keys"], "an opaque token is not signed; remove it")?;
            Some(KeySource::None)
        }
        Some(Profile::X509Svid { .. }) => {
            object.forbid(&["keys"], "the gateway verifies certificates; remove it")?;
            Some(KeySource::None)
        }
        Some(Profile::JwtSvid { .. } | Profile::AccessToken | Profile::TxnToken | Profile::Generic { .. }) | None => {
            let svids = matches!(profile, Some(Profile::JwtSvid { .. }));
            object.required("keys", "write `keys: { url: …, cluster: … }` or `keys: { inline: … }`", |node| {
                keys(node, svids, algorithms, seen)
            })
        }
    }
}

/// `introspection`, of issuers whose tokens only they can read.
#[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
fn introspection_of(
    object: &mut Object<'_>,
    profile: Option<&Profile>,
    source: &Source<'_>,
    seen: &mut Seen,
) -> Option<Option<Introspection>> {
    match profile {
        Some(Profile::Opaque) => {
            let remedy = "write `introspection: { url: …, cluster: …, client_id: …, client_secret: { env: … } }`";
            object.required("introspection", remedy, |node| introspection(node, source, seen)).map(Some)
        }
        Some(_) => {
            object.forbid(
                &["introspection"],
                "asks about tokens that only their issuer can read; remove it, or write `profile: opaque`",
            )?;
            Some(None)
        }
        // One mistake is enough.
        None => {
            object.member("introspection");
            Some(None)
        }
    }
}

fn introspection(node: &Node<'_>, source: &Source<'_>, seen: &mut Seen) -> Option<Introspection> {
    node.object(|object| {
        let endpoint = endpoint(object, "url", DEFAULT_INTROSPECTION, &INTROSPECTION, seen);
        let client_id = object.required("client_id", "write the name the issuer knows the gateway by", |node| {
            node.text().map(str::to_owned)
        });
        let remedy = "write `client_secret: { env: NAME }`";
        let client_secret = object.required("client_secret", remedy, |node| secret(node, source, any_secret));
        let cache = object.or("cache", DEFAULT_CACHE, |node| node.duration(&CACHE));
        Some(Introspection { endpoint: endpoint?, client_id: client_id?, client_secret: client_secret?, cache: cache? })
    })
}

fn any_secret(node: &Node<'_>, secret: &str) -> Option<String> {
    if secret.is_empty() {
        return node.refuse("the secret is empty; set it where the gateway runs");
    }
    Some(secret.to_owned())
}

/// `leeway` is the issuer's.
fn binding(node: &Node<'_>, leeway: Duration, source: &Source<'_>) -> Option<Binding> {
    let bounds = [
        ("optional", Bound::Optional),
        ("dpop", Bound::Dpop),
        ("certificate", Bound::Certificate),
        ("either", Bound::Either),
    ];
    node.object(|object| {
        let require = object.or("require", BINDING.require, |node| node.choice("binding", &bounds));
        let same_workload = object.or("same_workload", BINDING.same_workload, Node::flag);
        let proof_age = object.or("proof_age", BINDING.proof_age, |node| node.duration(&PROOF_AGE));
        let nonce = object.optional("nonce", |node| nonce(node, source));
        let (require, same_workload, proof_age) = (require?, same_workload?, proof_age?);
        Some(Binding { require, same_workload, proof_age, nonce: nonce?, leeway })
    })
}

fn nonce(node: &Node<'_>, source: &Source<'_>) -> Option<NonceRule> {
    node.object(|object| {
        let lifetime = object.or("lifetime", DEFAULT_NONCE, |node| node.duration(&NONCE));
        let current = object.optional("secret", |node| secret(node, source, sessions::usable));
        let previous = object.optional("previous", |node| {
            if current == Some(None) {
                return node.refuse("there is no `secret` that took its place; write it as `secret`, or remove it");
            }
            secret(node, source, sessions::usable)
        });
        let (current, previous) = (current?, previous?);
        Some(NonceRule::new(lifetime?, current.as_deref(), previous.as_deref()))
    })
}

/// A SPIFFE trust domain.
pub(super) fn trust_domain(node: &Node<'_>) -> Option<TrustDomain> {
    node.parse(|text| {
        text.parse::<TrustDomain>().map_err(|_| {
            "not a trust domain; write 1 to 255 characters `a-z`, `0-9`, `.`, `-`, `_`, without `spiffe://`".to_owned()
        })
    })
}

fn rules(object: &mut Object<'_>, who: Option<Who>) -> Option<IssuerRules> {
    let profile = who.as_ref().map(|who| &who.profile);
    if matches!(profile, Some(Profile::X509Svid { .. })) {
        let pointless =
            ["audiences", "audience_claim", "algorithms", "max_lifetime", "leeway", "machine_claim", "required_claims"];
        object.forbid(&pointless, "is said of tokens; the gateway verifies certificates; remove it")?;
        let Who { issuer, profile, tenants: _ } = who?;
        return IssuerRules::new(issuer, profile, Vec::new(), Vec::new(), None, Duration::ZERO).ok();
    }
    let audiences =
        object.required("audiences", "write the `aud` values that mean you", |node| texts(node, "audience"));
    let algorithms = if matches!(profile, Some(Profile::Opaque)) {
        object.forbid(&["algorithms"], "an opaque token is not signed; remove it").map(|()| Vec::new())
    } else {
        object.required("algorithms", "name what the issuer signs with, such as [ES256]", algorithms)
    };
    let max_lifetime = object.or("max_lifetime", DEFAULT_LIFETIME, |node| node.duration(&LIFETIME));
    let leeway = object.or("leeway", DEFAULT_LEEWAY, |node| node.duration(&LEEWAY));
    let machine = object.optional("machine_claim", |node| node.text().map(str::to_owned));
    let required = object.optional("required_claims", required_claims);
    let audience_claim = object.optional("audience_claim", |node| node.text().map(str::to_owned));
    let Who { issuer, profile, tenants } = who?;
    let rules = IssuerRules::new(issuer, profile, audiences?, algorithms?, Some(max_lifetime?), leeway?);
    let (machine, required, audience_claim) = (machine?, required?, audience_claim?);
    let rules = rules
        .and_then(|rules| {
            let mut tenants = tenants.into_iter();
            tenants.try_fold(rules, |rules, Tenants { template, listed }| rules.with_tenants(template, listed))
        })
        .and_then(|rules| machine.into_iter().try_fold(rules, IssuerRules::with_machines))
        .and_then(|rules| required.into_iter().try_fold(rules, IssuerRules::with_required))
        .and_then(|rules| audience_claim.into_iter().try_fold(rules, IssuerRules::with_audience_claim));
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
        RulesError::NoAlgorithm | RulesError::SvidAlgorithm => "algorithms",
        RulesError::MachineClaim(_) | RulesError::NoMachines => "machine_claim",
        RulesError::NoTenants | RulesError::Tenants(_) => "tenants",
        RulesError::NoRequiredClaim | RulesError::RequiredClaim(_) => "required_claims",
        RulesError::AudienceClaim(_) | RulesError::AnyAudience | RulesError::AlwaysAudience => "audience_claim",
        RulesError::LeewayTooLong => "leeway",
        RulesError::NoLifetime => "max_lifetime",
        RulesError::NoType | RulesError::Type(_) | RulesError::ForeignType(_) => "types",
    }
}

/// Claims with what each must say.
fn required_claims(node: &Node<'_>) -> Option<Vec<(String, Scalar)>> {
    node.map(|name, node| Some((name.to_owned(), node.scalar()?)))
}

pub(super) fn texts(node: &Node<'_>, what: &str) -> Option<Vec<String>> {
    let mut seen = Names::new("one mention is enough, remove one");
    node.filled(what, |node| {
        let text = node.text()?;
        seen.claim(node, text)?;
        Some(text.to_owned())
    })
}

fn algorithms(node: &Node<'_>) -> Option<Vec<Algorithm>> {
    let named = |algorithm: &Algorithm| algorithm.names().iter().map(|name| (*name, *algorithm)).collect::<Vec<_>>();
    let choices: Vec<_> = Algorithm::ALL.iter().flat_map(named).collect();
    let mut seen = Names::new("one mention is enough, remove one");
    let named = node.filled("algorithm", |node| {
        let algorithm = node.choice("algorithm", &choices)?;
        seen.claim(node, node.text()?)?;
        Some(algorithm)
    })?;
    // Under both of its names one is still one.
    let mut algorithms: Vec<Algorithm> = Vec::new();
    for algorithm in named {
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    Some(algorithms)
}
