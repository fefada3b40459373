//! Which workloads are admitted, and how each is governed.
//!
//! An automation is *pinned*: it follows a script, so it may do what is listed and nothing else. An agent chooses at run
//! time; its traits say what it could do, and a list, if there is one, is a ceiling. Rights only narrow along a chain:
//! whatever a party that configuration knows may not do, nobody does for it or through it.

use std::collections::BTreeSet;

use countersign_facts::pointer::Pointer;
use countersign_facts::reason::Reason;
use countersign_tokens::{Subject, TrustDomain, VerifiedToken};
use serde_json::{Map, Value};

use super::{Actor, Identity, Kind, Trait, Voucher, Workload};
use crate::claims::Claims;
use crate::task::{Grants, Object};

/// Everybody known.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    /// The first that matches holds. With none, every workload is an agent.
    pub entries: Vec<Entry>,
    pub actors: ActorRules,
}

/// Some workloads and how they are governed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub matching: WorkloadMatch,
    pub governed: Governed,
}

/// How a workload is governed.
#[derive(Clone, Debug, PartialEq)]
pub enum Governed {
    /// It does this, and nothing else.
    Automation { actions: Grants },
    /// It chooses; never more than `actions`, if they are stated.
    Agent { traits: BTreeSet<Trait>, actions: Option<Grants> },
}

/// Which workloads are meant. Everything stated must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadMatch {
    /// The configured name of who vouches.
    pub issuer: Option<String>,
    /// Its `sub`; any subject is everybody, machines among them.
    pub subject: Option<Object>,
    /// What names it where the credential has no `sub`; never an actor.
    pub machine: Option<Object>,
    /// Who vouches is this trust domain.
    pub trust_domain: Option<TrustDomain>,
    /// Of the credential; never of an actor in it.
    pub client_id: Option<String>,
    /// A claim is this text, or a list with it; never of an actor.
    pub claim: Option<(Pointer, String)>,
}

/// What delegation may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorRules {
    /// The most actors in a chain.
    pub max_depth: usize,
    pub unclassified: Unclassified,
}

/// What becomes of a call in whose chain is an actor that is in no entry and of no profile (`sub_profile`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclassified {
    /// It counts as an agent with every trait.
    Strict,
    Deny,
}

/// Somebody in a credential: its subject, or an actor.
struct Party<'a> {
    issuer_name: Option<&'a str>,
    issuer: &'a str,
    subject: &'a Subject,
    /// Of a subject.
    client_id: Option<&'a str>,
    claims: Claimed<'a>,
}

/// What a credential says of somebody beside the name.
#[derive(Clone, Copy)]
enum Claimed<'a> {
    /// Nothing, as of an actor.
    Nothing,
    These(&'a Map<String, Value>),
    /// Anything: all that is known is on a record.
    Anything,
}

/// A workload and what configuration says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub workload: Workload,
    /// The caller's entry, if it is in one.
    pub entry: Option<usize>,
    /// What bounds this chain: everybody in it whose entry lists actions.
    pub ceilings: Vec<Ceiling>,
    /// Why it is not let in, if so.
    pub refused: Option<Reason>,
}

/// What a record says about whether somebody is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    LetIn,
    Refused,
    /// These claims say, by their pointers, and no record does.
    Claims(BTreeSet<String>),
}

/// Somebody who may do only so much, and so whoever acts for or through them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The number of the entry that says so.
    pub entry: usize,
    /// Who: calls are counted for each by itself.
    pub who: Identity,
}

impl Governed {
    /// What may be done at most, if that is stated.
    pub fn actions(&self) -> Option<&Grants> {
        match self {
            Self::Automation { actions } => Some(actions),
            Self::Agent { traits: _, actions } => actions.as_ref(),
        }
    }

    /// What a call beyond [`Governed::actions`] is denied with.
    pub fn beyond(&self) -> Reason {
        match self {
            Self::Automation { .. } => Reason::ActsLikeAnAgent,
            Self::Agent { .. } => Reason::BeyondWorkload,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Automation { .. } => Kind::Automation,
            Self::Agent { .. } => Kind::Agent,
        }
    }

    fn traits(&self) -> impl Iterator<Item = Trait> {
        match self {
            Self::Automation { .. } => None,
            Self::Agent { traits, actions: _ } => Some(traits.iter().copied()),
        }
        .into_iter()
        .flatten()
    }
}

impl WorkloadMatch {
    fn admits(&self, party: &Party<'_>) -> bool {
        let Self { issuer, subject, machine, trust_domain, client_id, claim } = self;
        let admits = |pattern: &Object, text: Option<&str>| text.is_some_and(|text| pattern.admits(text));
        issuer.as_deref().is_none_or(|issuer| party.issuer_name == Some(issuer))
            && subject.as_ref().is_none_or(|subject| subject.is_any() || admits(subject, party.subject.sub()))
            && machine
                .as_ref()
                .is_none_or(|machine| admits(machine, party.subject.machine().map(|machine| &*machine.id)))
            && trust_domain.as_ref().is_none_or(|domain| party.issuer == domain.id())
            && client_id.as_deref().is_none_or(|client| party.client_id == Some(client))
            && claim.as_ref().is_none_or(|(pointer, text)| match party.claims {
                Claimed::Nothing => false,
                Claimed::These(claims) => pointer.find(claims).is_some_and(|value| says(value, text)),
                Claimed::Anything => true,
            })
    }

    /// Whether everybody who is meant by `other` is meant, as far as that is plain.
    pub fn covers(&self, other: &Self) -> bool {
        let Self { issuer, subject, machine, trust_domain, client_id, claim } = self;
        let patterns = |pattern: &Object, other: Option<&Object>| other.is_some_and(|other| pattern.covers(other));
        issuer.as_ref().is_none_or(|issuer| other.issuer.as_ref() == Some(issuer))
            && subject.as_ref().is_none_or(|subject| subject.is_any() || patterns(subject, other.subject.as_ref()))
            && machine.as_ref().is_none_or(|machine| patterns(machine, other.machine.as_ref()))
            && trust_domain.as_ref().is_none_or(|domain| other.trust_domain.as_ref() == Some(domain))
            && client_id.as_ref().is_none_or(|client| other.client_id.as_ref() == Some(client))
            && claim.as_ref().is_none_or(|claim| other.claim.as_ref() == Some(claim))
    }

    /// Whether the subject of `token`, vouched for by `issuer`, is meant.
    pub(crate) fn admits_subject(&self, token: &VerifiedToken, issuer: &Voucher) -> bool {
        self.admits(&Party::subject(token, issuer))
    }
}

/// Whether a claim is `text`, or a list with it.
fn says(value: &Value, text: &str) -> bool {
    value.as_str() == Some(text)
        || value.as_array().is_some_and(|list| list.iter().any(|item| item.as_str() == Some(text)))
}

impl<'a> Party<'a> {
    fn subject(token: &'a VerifiedToken, issuer: &'a Voucher) -> Self {
        Self {
            issuer_name: Some(&issuer.name),
            issuer: &token.issuer,
            subject: &token.subject,
            client_id: token.client_id.as_deref(),
            claims: Claimed::These(&token.claims),
        }
    }

    /// An actor `subject` of `issuer`.
    fn actor<'v: 'a>(issuer: &'a str, subject: &'a Subject, mut issuers: impl Iterator<Item = &'v Voucher>) -> Self {
        let known = issuers.find(|known| known.rules.is_issuer(issuer));
        let issuer_name = known.map(|known| known.name.as_str());
        Self { issuer_name, issuer, subject, client_id: None, claims: Claimed::Nothing }
    }

    /// Who calls as `workload`, which is known from a record; of its claims that is not said.
    fn recorded<'v: 'a>(
        workload: &'a Workload,
        issuers: impl Iterator<Item = &'v Voucher>,
        claims: Claimed<'a>,
    ) -> Self {
        if let Some(Actor { identity, .. }) = workload.actors.first() {
            return Self::actor(&identity.issuer, &identity.subject, issuers);
        }
        Self {
            issuer_name: Some(&workload.issuer_name),
            issuer: &workload.identity.issuer,
            subject: &workload.identity.subject,
            client_id: workload.client_id.as_deref(),
            claims,
        }
    }
}

impl Register {
    /// Whether anybody could be governed as `kind`.
    pub(crate) fn could_be(&self, kind: Kind) -> bool {
        // Whoever is in no entry is an agent.
        kind == Kind::Agent || self.entries.iter().any(|entry| entry.governed.kind() == kind)
    }

    /// The entry with that number.
    pub fn entry(&self, number: usize) -> Option<&Entry> {
        self.entries.get(number)
    }

    /// Who is behind `token`, which `issuer` vouches for, and whether that is somebody to let in.
    ///
    /// Who calls is the outermost actor, else the subject; it must be in an entry where there are any.
    pub fn standing<'v>(
        &self,
        token: &VerifiedToken,
        issuer: &Voucher,
        issuers: &(impl Iterator<Item = &'v Voucher> + Clone),
    ) -> Standing {
        let subject = self.find(&Party::subject(token, issuer));
        let actors: Vec<Option<usize>> = token
            .actors
            .iter()
            .map(|actor| self.find(&Party::actor(&actor.issuer, &actor.subject.as_str().into(), issuers.clone())))
            .collect();
        let caller = actors.first().copied().unwrap_or(subject);
        let strangers = token.actors.iter().zip(&actors);
        let classified = strangers.clone().all(|(actor, entry)| entry.is_some() || actor.profile.is_some());
        let known = || actors.iter().chain([&subject]).flatten();
        let traits = if classified {
            known().filter_map(|number| self.entry(*number)).flat_map(|entry| entry.governed.traits()).collect()
        } else {
            Trait::ALL.into_iter().collect()
        };
        let kind =
            |entry: Option<usize>| entry.and_then(|number| self.entry(number)).map(|entry| entry.governed.kind());
        let refused = if token.actors.len() > self.actors.max_depth {
            Some(Reason::ActorChainTooLong)
        } else if caller.is_none() && !self.entries.is_empty() {
            Some(Reason::UnknownWorkload)
        } else if !classified && self.actors.unclassified == Unclassified::Deny {
            Some(Reason::ActorUnclassified)
        } else {
            None
        };
        let workload = Workload {
            identity: Identity { issuer: token.issuer.clone(), subject: token.subject.clone() },
            issuer_name: issuer.name.clone(),
            tenant: token.tenant.clone(),
            trust_domain: issuer.trust_domain().map(|domain| domain.name().to_owned()),
            kind: kind(caller).unwrap_or(Kind::Agent),
            traits,
            classified,
            actors: strangers
                .map(|(actor, entry)| Actor {
                    identity: Identity { issuer: actor.issuer.clone(), subject: actor.subject.as_str().into() },
                    profile: actor.profile.clone(),
                    kind: kind(*entry),
                })
                .collect(),
            client_id: token.client_id.clone(),
            requester: token.requester.clone(),
            claims: Claims::of(&issuer.claims, &token.claims),
        };
        let is_ceiling = |number: &usize| self.entry(*number).is_some_and(|entry| entry.governed.actions().is_some());
        let parties = actors.iter().zip(workload.actors.iter().map(|actor| &actor.identity));
        let parties = parties.chain([(&subject, &workload.identity)]);
        let ceilings = parties.filter_map(|(entry, who)| {
            let entry = entry.filter(is_ceiling)?;
            Some(Ceiling { entry, who: who.clone() })
        });
        let ceilings = ceilings.collect();
        Standing { workload, entry: caller, ceilings, refused }
    }

    /// Whether `workload`, which is known from a record, would be let in by now.
    pub fn admission<'v>(&self, workload: &Workload, issuers: impl Iterator<Item = &'v Voucher> + Clone) -> Admission {
        let classified = |actor: &Actor| {
            let Actor { identity, profile, kind: _ } = actor;
            profile.is_some()
                || self.find(&Party::actor(&identity.issuer, &identity.subject, issuers.clone())).is_some()
        };
        let known = self.actors.unclassified == Unclassified::Strict || workload.actors.iter().all(classified);
        if !known || workload.actors.len() > self.actors.max_depth {
            return Admission::Refused;
        }
        if self.entries.is_empty() || self.find(&Party::recorded(workload, issuers.clone(), Claimed::Nothing)).is_some()
        {
            return Admission::LetIn;
        }
        let open = Party::recorded(workload, issuers, Claimed::Anything);
        let open = self.entries.iter().filter(|entry| entry.matching.admits(&open));
        let claims: BTreeSet<String> =
            open.filter_map(|entry| Some(entry.matching.claim.as_ref()?.0.to_string())).collect();
        if claims.is_empty() { Admission::Refused } else { Admission::Claims(claims) }
    }

    fn find(&self, party: &Party<'_>) -> Option<usize> {
        self.entries.iter().position(|entry| entry.matching.admits(party))
    }
}
