//! An issuer: whose credentials are accepted, on which terms, and what of them is the task.

mod binding;
mod introspection;
mod rules;
mod who;

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_rights::task::{TaskMapping, TaskSource};
use countersign_rights::workload::Voucher;
use countersign_tokens::{Algorithm, IssuerRules, Profile, TrustDomain};
use countersign_trust::carrier::Carrier;
use countersign_trust::credential::Issuer;
use countersign_trust::introspection::Introspection;
use countersign_trust::keys::KeySource;
#[cfg(test)]
use serde_json::{Value, json};

#[cfg(test)]
use self::binding::BindingKeys;
use self::binding::binding;
#[cfg(test)]
pub(super) use self::introspection::IntrospectionKeys;
use self::introspection::introspection;
#[cfg(test)]
use self::rules::algorithm_words;
use self::rules::rules;
use self::who::{Word, who};
use super::Seen;
#[cfg(test)]
use super::claims::ClaimKeys;
use super::claims::claims;
use super::keys::keys;
use super::secret::Source;
use super::task::task;
use crate::config::key::{Choice, Defaulted, Distinct, Flag, Key, Optional, Own, Parsed, Required, Span, Text};
use crate::config::key::{defaulted, duration, filled, keys, optional, parsed, required};
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::{pattern, reference};
use crate::config::text;

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);
const LEEWAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(1);

keys! {
    /// An issuer: whose credentials are accepted, on which terms, and what of them is the task.
    pub(super) struct IssuerKeys => together();

    const NAME: Required<Parsed<String>> = required("name", text::NAME);

    /// The value of `iss`, exactly, or a template with `tenants`. For every profile but `jwt-svid`; of transaction
    /// tokens it names who vouches, also where they have no `iss`.
    const ISSUER: Optional<Text> = optional("issuer", Text) => json!({ "examples": ["https://sts.example.com"] });

    /// The tenants of an `issuer` that has one `iss` for each of them, such as
    /// https://login.microsoftonline.com/{tid}/v2.0: values of the claim in braces, which is one segment of its path. A
    /// credential's `iss` and that claim must name the same one of these, and where a key says its `issuer`, as Entra
    /// ID's do, that must fit it too. Each tenant is an issuer by itself: its `iss` is in `denied`, on records and in
    /// `principal.issuer`, and policies call its agents `Agent::"<name>/<tenant>/…"`. For the profiles `access-token`
    /// and `generic`.
    const TENANTS: Optional<Own> = optional("tenants", Own) => json!({
        "type": "array",
        "minItems": 1,
        "maxItems": 1000,
        "uniqueItems": true,
        "items": pattern("^(?![.]+$)[A-Za-z0-9._~-]{1,128}$"),
        "examples": [["72f988bf-86f1-41af-91ab-2d7cd011db47"]]
    });

    /// The trust domain of the SPIFFE IDs, for the profiles `jwt-svid` (whose bundle alone verifies them; what `iss`
    /// says does not matter) and `x509-svid`.
    const TRUST_DOMAIN: Optional<Parsed<TrustDomain>> = optional("trust_domain", TRUST_DOMAIN)
        => json!({ "examples": ["example.org"] });

    /// What kind of credential it issues; kinds exclude each other. `jwt-svid`: SPIFFE JWT-SVID. `x509-svid`: the
    /// certificate of the connection alone, where there is no token; the gateway verifies it. `access-token`: RFC 9068
    /// (`typ` is at+jwt). `txn-token`: OAuth transaction token (`typ` is txntoken+jwt), read from the header Txn-Token;
    /// one such issuer. `opaque`: a token that only its issuer can read, which is asked (RFC 7662); one such issuer.
    /// `generic`: any other JWT of a type listed in `types`.
    const PROFILE: Required<Choice<Word>> = required("profile", who::PROFILE);

    /// The values of `typ` accepted, for the profile `generic` only. The empty text accepts a credential without `typ`.
    /// Types that stand for something else than a credential for a resource (such as logout+jwt) are refused.
    const TYPES: Optional<Own> = optional("types", Own) => json!({
        "type": "array",
        "minItems": 1,
        "uniqueItems": true,
        "items": { "type": "string" },
        "examples": [["JWT"]]
    });

    /// The values of `aud` that mean this gateway's resources; a credential names at least one.
    const AUDIENCES: Optional<Distinct<Text>> = optional("audiences", Distinct(filled("audience", Text)));

    /// The claim that says whom a credential without `aud` is for, as AWS Cognito's access tokens have none:
    /// `client_id`, `azp`. Such a credential must name one of `audiences` there, and the finding `audience_by_client`
    /// is on its record. Where there is an `aud`, be it empty, it alone counts. The same client is in the `aud` of ID
    /// tokens, so `required_claims` has to say what only access tokens say.
    const AUDIENCE_CLAIM: Optional<Text> = optional("audience_claim", Text) => name_of_a_caller();

    /// Claims that a credential must have, each with the one value that it must have, a text or a whole number: what
    /// tells access tokens from others of the same issuer. Any other is refused.
    const REQUIRED_CLAIMS: Optional<Own> = optional("required_claims", Own) => json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": {
            "minLength": 1,
            "maxLength": 256,
            "not": { "enum": ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "act"] }
        },
        "additionalProperties": { "anyOf": [reference("text"), reference("whole")] },
        "examples": [{ "token_use": "access" }]
    });

    /// The header field in which a proxy in front hands its tokens over, without a scheme, in lower case: then they
    /// come there and nowhere else, and no other issuer's do. One that is bound (`cnf`) is refused, because no proof
    /// comes with it. Beside `Authorization` it makes two credentials, unless the resource says which is not looked at
    /// (`strip_credentials`). It goes upstream in no spelling. For the profiles `access-token`, `opaque` and `generic`.
    const HEADER: Optional<Parsed<String>> = optional("header", text::CREDENTIAL_HEADER)
        => json!({ "examples": ["cf-access-jwt-assertion", "x-amzn-oidc-accesstoken"] });

    /// The signature algorithms accepted. `EdDSA` and `Ed25519` are two names of one. An RSA key that does not say its
    /// `alg` is for the first of these that it fits; keys written `inline` that are for none of them are refused.
    const ALGORITHMS: Optional<Own> = optional("algorithms", Own) => json!({
        "type": "array",
        "minItems": 1,
        "uniqueItems": true,
        "items": { "enum": algorithm_words().iter().map(|(word, _)| *word).collect::<Vec<_>>() }
    });

    const KEYS: Optional<Own> = optional("keys", Own) => reference("keys");

    /// A credential that lives longer, from `iat` to `exp`, is refused; so is one without `iat`. {bounds}.
    const MAX_LIFETIME: Defaulted<Span> = defaulted("max_lifetime", duration(LIFETIME), Duration::from_hours(1));

    /// How far the issuer's clock may differ. {bounds}.
    const LEEWAY: Defaulted<Span> = defaulted("leeway", duration(LEEWAY), Duration::from_secs(30));

    /// The claim that names who calls where a credential has no `sub`, as tokens that a client gets for itself often
    /// have none: `client_id`, `azp`, `cid`. Such a caller is a machine, and never the subject of the same name:
    /// `Agent::"<name>#<claim>/…"` in policies, `machine` in `workloads`, on records and in `x-countersign-machine`.
    /// With `profile: opaque` it is `client_id` unless stated; elsewhere a credential without `sub` is refused unless
    /// this is stated.
    const MACHINE_CLAIM: Optional<Text> = optional("machine_claim", Text) => name_of_a_caller();

    /// Each credential (by `jti`, a transaction token by `txn`) is good for one forwarded request.
    const ONE_SHOT: Defaulted<Flag> = defaulted("one_shot", Flag, false);

    const BINDING: Optional<Own> = optional("binding", Own) => BindingKeys::schema();

    const INTROSPECTION: Optional<Own> = optional("introspection", Own) => reference("introspection");

    /// Claims that policies may read, by the names they have there: `principal.claims.groups`. They are the subject's,
    /// never an actor's. A claim of at most 256 items and 8 KiB is read; one that is larger, of another type, or
    /// elsewhere (`_claim_names`, `hasgroups`) is unreadable: a request is denied where a policy that could apply reads
    /// it, or where Rego or a decision point elsewhere is asked. Two issuers name a claim with one type only.
    const CLAIMS: Optional<Own> = optional("claims", Own) => json!({
        "type": "object",
        "maxProperties": countersign_rights::claims::MOST,
        "propertyNames": { "pattern": "^[a-z][a-z0-9_]{0,63}$" },
        "additionalProperties": ClaimKeys::schema(),
        "examples": [{
            "groups": { "at": "/groups", "type": ["string"] },
            "tenant": { "at": "/tid", "type": "string", "required": true }
        }]
    });

    const TASK: Optional<Own> = optional("task", Own) => reference("task");
}

/// A claim that can say who calls: one that does not mean something else.
#[cfg(test)]
fn name_of_a_caller() -> Value {
    json!({
        "pattern": "^[A-Za-z0-9_.:-]{1,64}$",
        "not": {
            "enum": [
                "sub", "iss", "aud", "exp", "nbf", "iat", "jti", "act", "may_act", "cnf", "nonce", "scope", "scp",
                "acr", "auth_time", "typ", "token_type", "token_use"
            ]
        },
        "examples": ["client_id"]
    })
}

/// Which keys each profile has, and what the others say then.
#[cfg(test)]
fn together() -> Value {
    let of = |profiles: &[&str]| match profiles {
        [profile] => json!({ "required": ["profile"], "properties": { "profile": { "const": profile } } }),
        profiles => json!({ "required": ["profile"], "properties": { "profile": { "enum": profiles } } }),
    };
    json!({
        "dependentRequired": { "audience_claim": ["required_claims"] },
        "dependentSchemas": { "header": { "properties": { "binding": false } } },
        "if": { "required": ["tenants"] },
        "then": {
            "properties": {
                "issuer": {
                    "pattern": "^[^{}?#/]+://[^{}?#/]+/([^{}?#]*/)?[{][A-Za-z0-9_.:-]{1,64}[}](/[^{}]*)?$"
                },
                "profile": { "enum": ["access-token", "generic"] }
            }
        },
        "else": {
            "if": of(&["access-token", "generic"]),
            "then": { "properties": { "issuer": { "pattern": "^[^{}]*$" } } }
        },
        "allOf": [
            {
                "if": of(&["generic"]),
                "then": { "required": ["types"] },
                "else": { "properties": { "types": false } }
            },
            {
                "if": of(&["jwt-svid", "x509-svid"]),
                "then": { "required": ["trust_domain"], "properties": { "issuer": false } },
                "else": { "required": ["issuer"], "properties": { "trust_domain": false } }
            },
            {
                "if": of(&["jwt-svid"]),
                "then": {
                    "properties": {
                        "algorithms": { "items": { "not": { "enum": ["EdDSA", "Ed25519"] } } },
                        "keys": { "properties": { "discovery": false } }
                    }
                },
                "else": { "properties": { "keys": { "properties": { "format": false } } } }
            },
            {
                "if": of(&["x509-svid"]),
                "then": {
                    "properties": {
                        "audiences": false,
                        "header": false,
                        "audience_claim": false,
                        "required_claims": false,
                        "algorithms": false,
                        "keys": false,
                        "max_lifetime": false,
                        "leeway": false,
                        "machine_claim": false,
                        "binding": false,
                        "claims": false,
                        "one_shot": { "const": false },
                        "task": { "required": ["preset"], "properties": { "preset": { "const": "workload" } } }
                    }
                },
                "else": { "required": ["audiences"] }
            },
            {
                "if": of(&["opaque", "x509-svid"]),
                "then": { "properties": { "algorithms": false, "keys": false } },
                "else": { "required": ["algorithms", "keys"] }
            },
            {
                "if": of(&["jwt-svid", "txn-token"]),
                "then": { "properties": { "machine_claim": false, "audience_claim": false, "header": false } }
            },
            {
                "if": of(&["opaque"]),
                "then": { "required": ["introspection"] },
                "else": { "properties": { "introspection": false } }
            }
        ]
    })
}

/// One entry of `issuers`.
pub(super) fn issuer(node: &Node<'_>, source: &Source<'_>, seen: &mut Seen) -> Option<Issuer> {
    node.object(|object| {
        let name = object.required_with(&IssuerKeys::NAME, "choose one, for records and counters", |node| {
            let name = IssuerKeys::NAME.read(node)?;
            seen.issuer_names.claim(node, &name)?;
            Some(name)
        });
        let who = who(object, seen);
        let kind = who.as_ref().map(|who| who.profile.clone());
        let rules = rules(object, who);
        let algorithms = rules.as_ref().map_or(&[][..], IssuerRules::algorithms);
        let keys = keys_of(object, kind.as_ref(), algorithms, seen);
        let introspection = introspection_of(object, kind.as_ref(), source, seen);
        let claims = object.or_else(&IssuerKeys::CLAIMS, Vec::new(), |node| claims(node, kind.as_ref(), seen));
        let one_shot = object.or_with(&IssuerKeys::ONE_SHOT, |node| {
            let one_shot = node.flag()?;
            if one_shot && matches!(kind, Some(Profile::X509Svid { .. })) {
                return node.refuse("a certificate is used for many requests; remove it");
            }
            Some(one_shot)
        });
        let leeway = rules.as_ref().map_or(IssuerKeys::LEEWAY.default, IssuerRules::leeway);
        let carrier = carrier(object, kind.as_ref(), seen);
        let binding = match object.member(&IssuerKeys::BINDING) {
            Some(node) if matches!(carrier, Some(Carrier::Field(_))) => {
                node.refuse("no proof comes with a token in the field `header`; remove one of the two")
            }
            Some(node) if matches!(kind, Some(Profile::X509Svid { .. })) => {
                node.refuse("a certificate is its own proof; remove it")
            }
            Some(node) => binding(&node, leeway, source),
            None => Some(binding::default(leeway)),
        };
        let task = match object.member(&IssuerKeys::TASK) {
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
        return object.forbid(&[IssuerKeys::HEADER.name], remedy).map(|()| standing);
    }
    let header = object.optional(&IssuerKeys::HEADER)?;
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
            object.forbid(&[IssuerKeys::KEYS.name], "an opaque token is not signed; remove it")?;
            Some(KeySource::None)
        }
        Some(Profile::X509Svid { .. }) => {
            object.forbid(&[IssuerKeys::KEYS.name], "the gateway verifies certificates; remove it")?;
            Some(KeySource::None)
        }
        Some(Profile::JwtSvid { .. } | Profile::AccessToken | Profile::TxnToken | Profile::Generic { .. }) | None => {
            let svids = matches!(profile, Some(Profile::JwtSvid { .. }));
            let remedy = "write `keys: { url: …, cluster: … }` or `keys: { inline: … }`";
            object.demanded(&IssuerKeys::KEYS, remedy, |node| keys(node, svids, algorithms, seen))
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
            object.demanded(&IssuerKeys::INTROSPECTION, remedy, |node| introspection(node, source, seen)).map(Some)
        }
        Some(_) => {
            object.forbid(
                &[IssuerKeys::INTROSPECTION.name],
                "asks about tokens that only their issuer can read; remove it, or write `profile: opaque`",
            )?;
            Some(None)
        }
        // One mistake is enough.
        None => {
            object.member(&IssuerKeys::INTROSPECTION);
            Some(None)
        }
    }
}

/// A SPIFFE trust domain.
pub(super) const TRUST_DOMAIN: Parsed<TrustDomain> = parsed!(trust_domain, pattern("^[a-z0-9._-]{1,255}$"));

fn trust_domain(text: &str) -> Result<TrustDomain, String> {
    text.parse::<TrustDomain>().map_err(|_| {
        "not a trust domain; write 1 to 255 characters `a-z`, `0-9`, `.`, `-`, `_`, without `spiffe://`".to_owned()
    })
}
