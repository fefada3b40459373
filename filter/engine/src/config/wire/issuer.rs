//! An issuer: whose credentials are accepted, on which terms, and what of them is the task.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_tokens::{Algorithm, IssuerRules, KeyFormat, Profile, RulesError, TrustDomain};

use super::Seen;
use super::keys::keys;
use super::seen::Names;
use crate::config::read::{Node, Object};
use crate::config::{Binding, Bound, Issuer, text};
use crate::task::TaskMapping;

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
const LEEWAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(1);
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

const PROOF_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(10);
const BINDING: Binding = Binding {
    require: Bound::Optional,
    same_workload: false,
    proof_age: Duration::from_mins(1),
    leeway: DEFAULT_LEEWAY,
};

/// One entry of `issuers`.
pub(super) fn issuer(node: &Node<'_>, seen: &mut Seen) -> Option<Issuer> {
    node.object(|object| {
        let name = object.required("name", "choose one, for records and counters", |node| {
            let name = node.parse(text::name)?;
            seen.issuer_names.claim(node, &name)?;
            Some(name)
        });
        let who = who(object, seen);
        let format = match &who {
            Some(Who { profile: Profile::JwtSvid { .. }, .. }) => KeyFormat::SpiffeBundle,
            Some(_) | None => KeyFormat::Jwks,
        };
        let rules = rules(object, who);
        let keys =
            object.required("keys", "write `keys: { url: …, cluster: … }` or `keys: { inline: … }`", |node| {
                keys(node, format, seen)
            });
        let one_shot = object.or("one_shot", false, Node::flag);
        let leeway = rules.as_ref().map_or(DEFAULT_LEEWAY, IssuerRules::leeway);
        let binding = match object.member("binding") {
            Some(node) => binding(&node, leeway),
            None => Some(Binding { leeway, ..BINDING }),
        };
        let task = match object.member("task") {
            Some(node) => task(&node),
            // Without a mapping the scopes are the grants.
            None => mapping(object.node(), [None; 4], true),
        };
        Some(Issuer { name: name?, rules: rules?, keys: keys?, task: task?, one_shot: one_shot?, binding: binding? })
    })
}

/// `leeway` is the issuer's.
fn binding(node: &Node<'_>, leeway: Duration) -> Option<Binding> {
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
        Some(Binding { require: require?, same_workload: same_workload?, proof_age: proof_age?, leeway })
    })
}

/// Who vouches, and with which kind of token.
struct Who {
    issuer: String,
    profile: Profile,
}

#[derive(Clone, Copy)]
enum Word {
    JwtSvid,
    AccessToken,
    TxnToken,
    Generic,
}

const PROFILES: [(&str, Word); 4] = [
    ("jwt-svid", Word::JwtSvid),
    ("access-token", Word::AccessToken),
    ("txn-token", Word::TxnToken),
    ("generic", Word::Generic),
];

/// `profile` and what goes with it: `trust_domain` of SVIDs, `issuer` of everything else, `types` of generic tokens.
fn who(object: &mut Object<'_>, seen: &mut Seen) -> Option<Who> {
    let word = object.required("profile", "write `jwt-svid`, `access-token`, `txn-token` or `generic`", |node| {
        let word = node.choice("profile", &PROFILES)?;
        if let Word::TxnToken = word {
            seen.transactions.claim(node, "txn-token")?;
        }
        Some(word)
    });
    let Some(word) = word else {
        // One mistake is enough: what depends on it is not blamed as well.
        let (_, _, _) = (object.member("issuer"), object.member("trust_domain"), object.optional("types", types));
        return None;
    };
    let profile = match word {
        Word::AccessToken => fixed_type(object, Profile::AccessToken, "access-token"),
        Word::TxnToken => fixed_type(object, Profile::TxnToken, "txn-token"),
        Word::Generic => {
            let types = object.required("types", "write the `typ` values accepted, such as [JWT]", types);
            types.map(|types| Profile::Generic { types })
        }
        Word::JwtSvid => {
            let absent = object.forbid(
                &["issuer"],
                "a JWT-SVID is known by its trust domain; write `trust_domain: example.org` instead",
            );
            let trust_domain = object.required("trust_domain", "write the trust domain, such as example.org", |node| {
                let domain = node.parse(|text| text.parse::<TrustDomain>().map_err(|_| {
                    "not a trust domain; write 1 to 255 characters `a-z`, `0-9`, `.`, `-`, `_`, without `spiffe://`".to_owned()
                }))?;
                seen.issuers.claim(node, &domain.id())?;
                Some(domain)
            });
            let profile = fixed_type(object, (), "jwt-svid");
            let ((), (), trust_domain) = (absent?, profile?, trust_domain?);
            return Some(Who { issuer: trust_domain.id(), profile: Profile::JwtSvid { trust_domain } });
        }
    };
    let absent =
        object.forbid(&["trust_domain"], "says whose JWT-SVIDs are accepted; remove it, or write `profile: jwt-svid`");
    let issuer = object.required("issuer", "write the credentials' `iss`", |node| {
        let issuer = node.text()?;
        seen.issuers.claim(node, issuer)?;
        Some(issuer.to_owned())
    });
    let ((), issuer, profile) = (absent?, issuer?, profile?);
    Some(Who { issuer, profile })
}

fn fixed_type<T>(object: &mut Object<'_>, profile: T, name: &str) -> Option<T> {
    object.forbid(&["types"], &format!("the profile {name} fixes the type; remove it, or write `profile: generic`"))?;
    Some(profile)
}

fn rules(object: &mut Object<'_>, who: Option<Who>) -> Option<IssuerRules> {
    let audiences =
        object.required("audiences", "write the `aud` values that mean you", |node| texts(node, "audience"));
    let algorithms = object.required("algorithms", "name what the issuer signs with, such as [ES256]", algorithms);
    let max_lifetime = object.or("max_lifetime", DEFAULT_LIFETIME, |node| node.duration(&LIFETIME));
    let leeway = object.or("leeway", DEFAULT_LEEWAY, |node| node.duration(&LEEWAY));
    let Who { issuer, profile } = who?;
    match IssuerRules::new(issuer, profile, audiences?, algorithms?, Some(max_lifetime?), leeway?) {
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
        RulesError::LeewayTooLong => "leeway",
        RulesError::NoLifetime => "max_lifetime",
        RulesError::NoType | RulesError::Type(_) | RulesError::ForeignType(_) => "types",
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
