//! Workloads: which are admitted, how each is governed, what delegation may look like, and what is unhealthy.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::pointer::Pointer;
use countersign_protocols::bounds::{TaskError, authority};
use countersign_protocols::catalogue::Resource;
use countersign_rights::hygiene::Hygiene;
use countersign_rights::task::{Grant, Grants, Object as Pattern, Period};
use countersign_rights::workload::register::{ActorRules, Entry, Governed, Unclassified, WorkloadMatch};
use countersign_rights::workload::{Kind, Trait};
use countersign_tokens::{MAX_ACTORS, TrustDomain};
use countersign_trust::credential::Issuer;
#[cfg(test)]
use serde_json::json;

use super::issuer::TRUST_DOMAIN;
use crate::config::key::{Choice, Count, Defaulted, Key, List, Optional, Own, Parsed, Required, Span, Text};
use crate::config::key::{choice, count, defaulted, duration, keys, list, named, optional, parsed, required};
use crate::config::names::Names;
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::text;

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);
const KEY_AGE: RangeInclusive<Duration> = Duration::from_hours(1)..=Duration::from_hours(24 * 3650);

keys! {
    /// Some workloads and how they are governed.
    pub(super) struct WorkloadKeys => json!({
        "allOf": [{
            "if": { "required": ["kind"], "properties": { "kind": { "const": "automation" } } },
            "then": { "required": ["actions"], "properties": { "traits": false } }
        }]
    });

    const MATCH: Required<Own> = required("match", Own) => reference("workload_match");

    /// `automation`: a fixed script, which may do what is in `actions` and nothing else. `agent`: it chooses at run
    /// time.
    const KIND: Required<Choice<Kind>> = required("kind", named("kind", &Kind::ALL, Kind::name));

    /// What an agent could do; policies see it (`context.traits`).
    const TRAITS: Defaulted<List<Choice<Trait>>> =
        defaulted("traits", list(named("trait", &Trait::ALL, Trait::name)), Vec::new())
        => json!({ "uniqueItems": true });

    /// Grants as credentials spell them, of configured resources: everything an automation does, or the most an agent
    /// may. Also a ceiling for whoever acts for or through it. Counts (`calls`) need `per`.
    const ACTIONS: Optional<Own> = optional("actions", Own)
        => json!({ "type": "array", "minItems": 1, "items": reference("grant") });
}

keys! {
    /// Which workloads are meant: everything stated must match. `client_id` and `claim` are the credential's, and never
    /// match an actor in it; of an actor, `issuer` and `trust_domain` are what the credential says, which its own
    /// issuer vouches for.
    pub(super) struct MatchKeys
        => json!({ "minProperties": 1, "not": { "required": ["subject", "machine"] } });

    /// The configured name of who vouches.
    const ISSUER: Optional<Text> = optional("issuer", Text);

    /// The subject; a trailing `*` stands for any ending, and `*` alone for everybody, machines without `sub` among
    /// them. Unique only together with who vouches.
    const SUBJECT: Optional<Own> = optional("subject", Own) => json!({
        "type": "string",
        "pattern": "^[^*]*[*]?$",
        "minLength": 1,
        "examples": ["spiffe://example.org/batch/*"]
    });

    /// Instead of a subject: what the issuer's `machine_claim` says where a credential has no `sub`; a trailing `*`
    /// stands for any ending.
    const MACHINE: Optional<Own> = optional("machine", Own) => json!({
        "type": "string",
        "pattern": "^[^*]*[*]?$",
        "minLength": 1,
        "examples": ["nightly-report"]
    });

    /// The SPIFFE trust domain that vouches.
    const TRUST_DOMAIN: Optional<Parsed<TrustDomain>> = optional("trust_domain", TRUST_DOMAIN);

    /// The OAuth client.
    const CLIENT_ID: Optional<Text> = optional("client_id", Text);

    const CLAIM: Optional<Own> = optional("claim", Own) => ClaimKeys::schema();
}

keys! {
    /// A claim is this text, or a list with it.
    struct ClaimKeys;

    const POINTER: Required<Parsed<Pointer>> = required("pointer", POINTER);

    const VALUE: Required<Text> = required("value", Text);
}

const POINTER: Parsed<Pointer> = parsed!(pointer, reference("pointer"));

keys! {
    /// What delegation (RFC 8693 `act`) may look like.
    pub(super) struct ActorKeys;

    /// The most actors in a chain. {bounds}.
    const MAX_DEPTH: Defaulted<Count<usize>> = defaulted("max_depth", count(0..=MAX_ACTORS), 4);

    /// What becomes of a call in whose chain is an actor that is in no entry of `workloads` and does not say what it is
    /// (`sub_profile`): it counts as an agent with every trait, or is denied.
    const UNCLASSIFIED: Defaulted<Choice<Unclassified>> = defaulted(
        "unclassified",
        choice("treatment", &[("strict", Unclassified::Strict), ("deny", Unclassified::Deny)]),
        Unclassified::Strict
    );
}

keys! {
    /// What counts as unhealthy about credentials: it is on the record and policies see it (`context.findings`);
    /// nothing is denied for it alone.
    pub(super) struct HygieneKeys;

    /// A credential that lives longer is long-lived. {bounds}.
    const LIFETIME: Defaulted<Span> = defaulted("lifetime", duration(LIFETIME), Duration::from_hours(1));

    /// A key that signs for longer is old, as far as this worker has known it. {bounds}.
    const KEY_AGE: Defaulted<Span> = defaulted("key_age", duration(KEY_AGE), Duration::from_hours(24 * 90));

    /// Subjects that are accounts of several workloads or people.
    const SHARED_ACCOUNTS: Optional<Own> = optional("shared_accounts", Own)
        => json!({ "type": "array", "items": reference("workload_match"), "default": [] });
}

/// Without `actors`.
pub(super) const ACTORS: ActorRules =
    ActorRules { max_depth: ActorKeys::MAX_DEPTH.default, unclassified: ActorKeys::UNCLASSIFIED.default };

/// The names that can be meant; none where they could not be read themselves: one mistake is enough.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) issuers: Option<&'a Names>,
    pub(super) resources: Option<&'a Names>,
    pub(super) catalogue: &'a [Resource],
    pub(super) trusted: &'a [Issuer],
}

impl Known<'_> {
    fn issuer(self, node: &Node<'_>, name: &str) -> Option<()> {
        self.issuers.map_or(Some(()), |issuers| issuers.expect(node, "issuer", name))
    }

    /// Notes a mistake where a match names a subject, or a client, that each of several issuers, or of one's tenants, could have.
    fn says_whose(self, node: &Node<'_>, matching: &WorkloadMatch) -> Option<()> {
        let WorkloadMatch { issuer, subject, machine, trust_domain, client_id, claim } = matching;
        let everybody = Pattern::Prefix(String::new());
        let what = match (subject, machine, client_id) {
            (Some(subject), _, _) if *subject != everybody => "subject",
            (_, Some(machine), _) if *machine != everybody => "machine",
            (_, _, Some(_)) => "client_id",
            (_, _, None) => return Some(()),
        };
        let issuers = self.issuers.filter(|issuers| issuers.len() > 1);
        let Some(issuers) = issuers.filter(|_| issuer.is_none() && trust_domain.is_none()) else {
            let said = claim.as_ref().map(|(pointer, _)| pointer);
            // A trust domain has no tenants.
            return match trust_domain {
                Some(_) => Some(()),
                None => self.says_which_tenant(node, what, issuer.as_deref(), said),
            };
        };
        let ways: Vec<String> = issuers.iter().map(|name| format!("`issuer: {name}`")).collect();
        node.refuse(format!("`{what}` does not say which issuer calls it so; write {} beside it", ways.join(" or ")))
    }

    /// Refuses what does not say which tenant of `issuer`, else of the only issuer, calls somebody so. `said` is the claim
    /// that the match asks for.
    fn says_which_tenant(
        self,
        node: &Node<'_>,
        what: &str,
        issuer: Option<&str>,
        said: Option<&Pointer>,
    ) -> Option<()> {
        let mut meant = self.trusted.iter().filter(|known| issuer.is_none_or(|name| known.voucher.name == name));
        let Some((issuer, claim)) =
            meant.next().and_then(|issuer| Some((issuer, issuer.voucher.rules.tenant_claim()?)))
        else {
            return Some(());
        };
        let says = said.is_some_and(|pointer| pointer.tokens().eq([claim]));
        if says || issuer.voucher.rules.tenants().nth(1).is_none() {
            return Some(());
        }
        let (name, pointer) = (&issuer.voucher.name, Pointer::escaped(claim));
        node.refuse(format!(
            "`{what}` does not say which tenant of `{name}` calls it so; write `claim: {{ pointer: /{pointer}, value: … }}` \
             beside it"
        ))
    }

    pub(super) fn resource(self, node: &Node<'_>, name: &str) -> Option<()> {
        self.resources.map_or(Some(()), |resources| resources.expect(node, "resource", name))
    }
}

/// The list `workloads`.
pub(super) fn workloads(node: &Node<'_>, known: Known<'_>) -> Option<Vec<Entry>> {
    node.filled("workload", |node| {
        node.object(|object| {
            let remedy = "state `issuer`, `subject`, `machine`, `trust_domain`, `client_id` or `claim`";
            let matching = object.required_with(&WorkloadKeys::MATCH, remedy, |node| {
                let matching = matching(node, known)?;
                known.says_whose(node, &matching)?;
                Some(matching)
            });
            let kind = object.required(&WorkloadKeys::KIND, "write `automation` or `agent`");
            let actions = object.optional_with(&WorkloadKeys::ACTIONS, |node| actions(node, known));
            let governed = match kind {
                Some(Kind::Automation) => automation(object, actions),
                Some(Kind::Agent) => {
                    let traits = object.or_else(&WorkloadKeys::TRAITS, BTreeSet::new(), traits);
                    traits.zip(actions).map(|(traits, actions)| Governed::Agent { traits, actions })
                }
                // One mistake is enough.
                None => {
                    object.member(&WorkloadKeys::TRAITS);
                    None
                }
            };
            Some(Entry { matching: matching?, governed: governed? })
        })
    })
}

#[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
fn automation(object: &mut Object<'_>, actions: Option<Option<Grants>>) -> Option<Governed> {
    let why = "an automation has no traits; remove them, or write `kind: agent`";
    let absent = object.forbid(&[WorkloadKeys::TRAITS.name], why);
    let actions = match actions? {
        Some(actions) => Some(actions),
        None => object.node().refuse("`actions` is missing; list everything the automation does"),
    };
    let ((), actions) = (absent?, actions?);
    Some(Governed::Automation { actions })
}

fn traits(node: &Node<'_>) -> Option<BTreeSet<Trait>> {
    let traits = WorkloadKeys::TRAITS.read(node)?;
    let distinct: BTreeSet<Trait> = traits.iter().copied().collect();
    if distinct.len() == traits.len() { Some(distinct) } else { node.refuse("names a trait twice; remove one") }
}

/// Grants, as claims spell them; here a resource must be one that is configured.
fn actions(node: &Node<'_>, known: Known<'_>) -> Option<Grants> {
    let grants = node.filled("action", |node| {
        let grant = match Grant::parse(node.value()) {
            Ok(grant) => grant,
            // They say themselves what to write.
            Err(error @ (TaskError::InsideAuthority(_) | TaskError::UserInformation(_))) => {
                return node.refuse(error.to_string());
            }
            Err(error) => {
                return node.refuse(format!("{error}; write `{{ action: mcp:tools/call, resource: …, object: … }}`"));
            }
        };
        known.resource(node, grant.resource.as_deref().unwrap_or_default())?;
        if let Some(place) = grant.one_item(known.catalogue).filter(|_| known.resources.is_some()) {
            return node.refuse(text::one_item(place));
        }
        let metered = grant.metered.iter().flat_map(|metered| &metered.calls);
        if metered.clone().any(|calls| calls.per == Period::Task) {
            return node.refuse("a workload has no end at which a count would; write `calls: { max: …, per: … }`");
        }
        Some(grant)
    })?;
    Some(grants.into())
}

fn matching(node: &Node<'_>, known: Known<'_>) -> Option<WorkloadMatch> {
    node.object(|object| {
        let issuer = object.optional_with(&MatchKeys::ISSUER, |node| {
            let name = node.text()?;
            known.issuer(node, name)?;
            Some(name.to_owned())
        });
        let pattern = |node: &Node<'_>, what: &str| {
            node.parse(|text| {
                let remedy = "a `*` may only be at the end, where it stands for any ending";
                match Pattern::parse(text) {
                    None => Err(format!("{text:?} is not a {what}; {remedy}")),
                    Some(Pattern::Prefix(prefix)) if authority::ends_inside(&prefix) => Err(format!(
                        "{text:?} ends inside an authority, so that others which begin alike are meant too; write all of \
                         it, and `/*` behind it"
                    )),
                    Some(pattern) => Ok(pattern),
                }
            })
        };
        let subject = object.optional_with(&MatchKeys::SUBJECT, |node| pattern(node, "subject"));
        let machine = object.optional_with(&MatchKeys::MACHINE, |node| pattern(node, "machine"));
        let trust_domain = object.optional(&MatchKeys::TRUST_DOMAIN);
        let client_id = object.optional(&MatchKeys::CLIENT_ID);
        let claim = object.optional_with(&MatchKeys::CLAIM, claim);
        let matching = WorkloadMatch {
            issuer: issuer?,
            subject: subject?,
            machine: machine?,
            trust_domain: trust_domain?,
            client_id: client_id?,
            claim: claim?,
        };
        if matching == WorkloadMatch::default() {
            return object.node().refuse(
                "states nothing; state `issuer`, `subject`, `machine`, `trust_domain`, `client_id` or `claim` (`subject: \
                 \"*\"` is everybody)",
            );
        }
        if matching.subject.is_some() && matching.machine.is_some() {
            return object.node().refuse("a credential names a `subject` or a `machine`; keep one");
        }
        Some(matching)
    })
}

fn claim(node: &Node<'_>) -> Option<(Pointer, String)> {
    node.object(|object| {
        let pointer = object.required(&ClaimKeys::POINTER, "write a JSON Pointer, such as /groups");
        let value = object.required(&ClaimKeys::VALUE, "write the text that the claim is, or has in its list");
        Some((pointer?, value?))
    })
}

fn pointer(text: &str) -> Result<Pointer, String> {
    Pointer::parse(text).ok_or_else(|| format!("{text:?} is not a JSON Pointer; start with `/`"))
}

/// The value of `actors`.
pub(super) fn actors(node: &Node<'_>) -> Option<ActorRules> {
    node.object(|object| {
        let max_depth = object.or(&ActorKeys::MAX_DEPTH);
        let unclassified = object.or(&ActorKeys::UNCLASSIFIED);
        Some(ActorRules { max_depth: max_depth?, unclassified: unclassified? })
    })
}

/// Without `hygiene`.
pub(super) fn default_hygiene() -> Hygiene {
    let (lifetime, key_age) = (HygieneKeys::LIFETIME.default, HygieneKeys::KEY_AGE.default);
    Hygiene { lifetime, key_age, shared_accounts: Vec::new() }
}

/// The value of `hygiene`.
pub(super) fn hygiene(node: &Node<'_>, known: Known<'_>) -> Option<Hygiene> {
    node.object(|object| {
        let lifetime = object.or(&HygieneKeys::LIFETIME);
        let key_age = object.or(&HygieneKeys::KEY_AGE);
        let accounts = |node: &Node<'_>| node.list(|node| matching(node, known));
        let shared_accounts = object.or_else(&HygieneKeys::SHARED_ACCOUNTS, Vec::new(), accounts);
        Some(Hygiene { lifetime: lifetime?, key_age: key_age?, shared_accounts: shared_accounts? })
    })
}
