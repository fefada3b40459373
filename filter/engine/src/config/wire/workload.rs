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
use countersign_tokens::MAX_ACTORS;
use countersign_trust::credential::Issuer;

use super::issuer::trust_domain;
use super::seen::Names;
use crate::config::read::{Node, Object};
use crate::config::text;

/// Without `actors`.
pub(super) const ACTORS: ActorRules = ActorRules { max_depth: 4, unclassified: Unclassified::Strict };

const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);
const KEY_AGE: RangeInclusive<Duration> = Duration::from_hours(1)..=Duration::from_hours(24 * 3650);

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
            let matching = object.required("match", remedy, |node| {
                let matching = matching(node, known)?;
                known.says_whose(node, &matching)?;
                Some(matching)
            });
            let kinds = Kind::ALL.map(|kind| (kind.name(), kind));
            let kind = object.required("kind", "write `automation` or `agent`", |node| node.choice("kind", &kinds));
            let actions = object.optional("actions", |node| actions(node, known));
            let governed = match kind {
                Some(Kind::Automation) => automation(object, actions),
                Some(Kind::Agent) => {
                    let traits = object.or("traits", BTreeSet::new(), traits);
                    traits.zip(actions).map(|(traits, actions)| Governed::Agent { traits, actions })
                }
                // One mistake is enough.
                None => {
                    object.member("traits");
                    None
                }
            };
            Some(Entry { matching: matching?, governed: governed? })
        })
    })
}

#[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
fn automation(object: &mut Object<'_>, actions: Option<Option<Grants>>) -> Option<Governed> {
    let absent = object.forbid(&["traits"], "an automation has no traits; remove them, or write `kind: agent`");
    let actions = match actions? {
        Some(actions) => Some(actions),
        None => object.node().refuse("`actions` is missing; list everything the automation does"),
    };
    let ((), actions) = (absent?, actions?);
    Some(Governed::Automation { actions })
}

fn traits(node: &Node<'_>) -> Option<BTreeSet<Trait>> {
    let choices = Trait::ALL.map(|known| (known.name(), known));
    let traits = node.list(|node| node.choice("trait", &choices))?;
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
        let issuer = object.optional("issuer", |node| {
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
        let subject = object.optional("subject", |node| pattern(node, "subject"));
        let machine = object.optional("machine", |node| pattern(node, "machine"));
        let trust_domain = object.optional("trust_domain", trust_domain);
        let client_id = object.optional("client_id", |node| node.text().map(str::to_owned));
        let claim = object.optional("claim", |node| {
            node.object(|object| {
                let pointer = object.required("pointer", "write a JSON Pointer, such as /groups", |node| {
                    node.parse(|text| Pointer::parse(text).ok_or_else(|| format!("{text:?} is not a JSON Pointer; start with `/`")))
                });
                let value = object.required("value", "write the text that the claim is, or has in its list", |node| {
                    node.text().map(str::to_owned)
                });
                Some((pointer?, value?))
            })
        });
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

/// The value of `actors`.
pub(super) fn actors(node: &Node<'_>) -> Option<ActorRules> {
    let ActorRules { max_depth, unclassified } = ACTORS;
    node.object(|object| {
        let longest = u64::try_from(MAX_ACTORS).unwrap_or(u64::MAX);
        let max_depth = object.or("max_depth", max_depth, |node| usize::try_from(node.count(&(0..=longest))?).ok());
        let choices = [("strict", Unclassified::Strict), ("deny", Unclassified::Deny)];
        let unclassified = object.or("unclassified", unclassified, |node| node.choice("treatment", &choices));
        Some(ActorRules { max_depth: max_depth?, unclassified: unclassified? })
    })
}

/// Without `hygiene`.
pub(super) fn default_hygiene() -> Hygiene {
    let (lifetime, key_age) = (Duration::from_hours(1), Duration::from_hours(24 * 90));
    Hygiene { lifetime, key_age, shared_accounts: Vec::new() }
}

/// The value of `hygiene`.
pub(super) fn hygiene(node: &Node<'_>, known: Known<'_>) -> Option<Hygiene> {
    let Hygiene { lifetime, key_age, shared_accounts } = default_hygiene();
    node.object(|object| {
        let lifetime = object.or("lifetime", lifetime, |node| node.duration(&LIFETIME));
        let key_age = object.or("key_age", key_age, |node| node.duration(&KEY_AGE));
        let shared_accounts =
            object.or("shared_accounts", shared_accounts, |node| node.list(|node| matching(node, known)));
        Some(Hygiene { lifetime: lifetime?, key_age: key_age?, shared_accounts: shared_accounts? })
    })
}
