//! Who is calling: the workload a verified credential names, and through whom it acts; who vouches for it, whether it is denied, and in
//! whose name something is held.

pub mod register;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use countersign_facts::digest;
use countersign_protocols::catalogue::Authentication;
use countersign_tokens::{Algorithm, IssuerRules, Machine, Scalar, Subject, TrustDomain, UnixTime, VerifiedToken};

use crate::claims::{ClaimRule, Claims};

/// A name that is only unique together with who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// `iss`: who vouches for the subject.
    pub issuer: String,
    /// `sub`, or a machine by another claim.
    pub subject: Subject,
}

impl Identity {
    /// Texts that tell it from every other, for digests.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        [self.issuer.as_str()].into_iter().chain(self.subject.texts())
    }
}

/// The authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The credential's subject.
    pub identity: Identity,
    /// The configured name of the issuer that vouched.
    pub issuer_name: String,
    /// For which of its tenants, if it has any.
    pub tenant: Option<String>,
    /// The SPIFFE trust domain that vouched, if it is one.
    pub trust_domain: Option<String>,
    /// How the caller is governed: the current actor, else the subject.
    pub kind: Kind,
    /// What the caller, or anybody it acts for or through, could do.
    pub traits: BTreeSet<Trait>,
    /// Whether everybody in the actor chain is known, or says what it is.
    pub classified: bool,
    /// RFC 8693 `act`, outermost (the current actor) first; empty when the subject acts itself.
    pub actors: Vec<Actor>,
    /// OAuth `client_id`, if the credential names one.
    pub client_id: Option<String>,
    /// Who asked for the transaction token (`req_wl`), if it is one.
    pub requester: Option<String>,
    /// What configuration names of the credential's claims.
    pub claims: Claims,
}

impl Workload {
    /// What policies call it: `<issuer's configured name>/<sub>`, of a machine `<issuer's configured name>#<claim>/<id>`. Of an
    /// issuer with tenants `/<tenant>` follows the name. A subject alone may be somebody else's elsewhere; neither an issuer's
    /// name nor a tenant has a `#` or `/`, so no `sub` makes one of the other.
    pub fn id(&self) -> String {
        let Self { identity, issuer_name, tenant, .. } = self;
        let vouching = vouching(issuer_name, tenant.as_deref());
        match &identity.subject {
            Subject::Sub(sub) => format!("{vouching}/{sub}"),
            Subject::Machine(Machine { claim, id }) => format!("{vouching}#{claim}/{id}"),
        }
    }

    /// Texts that tell it, and who acts for it now, from all others: for digests.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.identity.texts().chain(self.actors.first().into_iter().flat_map(|actor| actor.identity.texts()))
    }
}

/// What policies call the issuer `name`, or one `tenant` of it, in the names of those that it vouches for.
pub fn vouching(name: &str, tenant: Option<&str>) -> String {
    tenant.map_or_else(|| name.to_owned(), |tenant| format!("{name}/{tenant}"))
}

/// Who vouches for workloads: a trusted issuer, without how its credentials come and how they are checked.
#[derive(Clone, Debug)]
pub struct Voucher {
    /// The configured name.
    pub name: String,
    pub rules: IssuerRules,
    /// Claims that policies may read.
    pub claims: Vec<ClaimRule>,
}

impl Voucher {
    /// The trust domain, if it is one.
    pub fn trust_domain(&self) -> Option<&TrustDomain> {
        self.rules.profile().trust_domain()
    }
}

/// Somebody in the actor chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub identity: Identity,
    /// What it says it is: `sub_profile` (draft-mcguinness-oauth-actor-profile), such as `ai_agent`.
    pub profile: Option<String>,
    /// How it is governed, if configuration knows it.
    pub kind: Option<Kind>,
}

/// How a workload is governed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fixed script, reviewed once.
    Automation,
    /// It chooses at run time.
    Agent,
}

/// What an agent could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trait {
    MultiAgent,
    CodeExecution,
    Browsing,
    Infrastructure,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Automation, Self::Agent];

    /// As configuration, policies and records spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Automation => "automation",
            Self::Agent => "agent",
        }
    }
}

impl Trait {
    /// Every trait.
    pub const ALL: [Self; 4] = [Self::MultiAgent, Self::CodeExecution, Self::Browsing, Self::Infrastructure];

    /// As configuration, policies and records spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiAgent => "multi-agent",
            Self::CodeExecution => "code-execution",
            Self::Browsing => "browsing",
            Self::Infrastructure => "infrastructure",
        }
    }
}

impl Workload {
    /// Whether `who` is the subject or anyone in the actor chain.
    pub fn involves(&self, who: &Identity) -> bool {
        self.identity == *who || self.actors.iter().any(|actor| actor.identity == *who)
    }
}

/// What is known of the credential besides whom it names. Never the credential itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// What tells it from every other: a number is never the text of its digits.
    pub id: Option<Scalar>,
    pub key_id: Option<String>,
    /// `none` where nothing was signed by its issuer: opaque tokens, certificates.
    pub algorithm: &'static str,
    pub issued: Option<UnixTime>,
    pub expires: UnixTime,
    /// `acr` and `auth_time` (RFC 9470 §4): how and when a person authenticated.
    pub authentication: Authentication,
}

impl TokenFacts {
    /// The facts of `token`.
    pub fn of(token: &VerifiedToken) -> Self {
        Self {
            id: token.id.clone(),
            key_id: token.key_id.clone(),
            algorithm: token.algorithm.map_or("none", Algorithm::name),
            issued: token.issued,
            expires: token.expires,
            authentication: Authentication { class: token.authentication_class.clone(), time: token.authenticated },
        }
    }
}

/// What is not let in any more, however good its credential is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// Credentials by their id (`jti`, of transaction tokens `txn`), a number or a text.
    pub tokens: BTreeSet<Scalar>,
    /// Tasks by their id.
    pub tasks: BTreeSet<String>,
    /// Workloads, as subject or anywhere in the actor chain.
    pub workloads: BTreeSet<Identity>,
}

impl Denied {
    /// Whether the credential with the id `token`, its task, or somebody in its chain is among them.
    pub fn has(&self, token: Option<&Scalar>, task: Option<&str>, workload: &Workload) -> bool {
        let Self { tokens, tasks, workloads } = self;
        token.is_some_and(|id| tokens.contains(id))
            || task.is_some_and(|id| tasks.contains(id))
            || workloads.iter().any(|denied| workload.involves(denied))
    }
}

/// In whose name something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A verified workload: issuer, subject, and who acts for it now.
    Workload([u8; 32]),
    /// Whoever is at this address and is not verified yet. An IPv6 network of 64 bits is one address.
    Address(IpAddr),
    /// Somebody who is not verified yet; the gateway does not say where.
    Unknown,
}

impl Owner {
    pub fn of(workload: &Workload) -> Self {
        Self::Workload(digest::of_texts(&workload.texts().collect::<Vec<_>>()))
    }

    /// Of whoever is at `source`, an address as a gateway prints it.
    pub fn at(source: Option<&str>) -> Self {
        let address = source.and_then(|source| {
            let with_port = source.parse().map(|address: SocketAddr| address.ip());
            with_port.or_else(|_| source.parse()).ok()
        });
        match address {
            Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => Self::Address(address.into()),
                None => Self::Address(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()),
            },
            Some(address @ IpAddr::V4(_)) => Self::Address(address),
            None => Self::Unknown,
        }
    }

    /// The digest of a verified workload.
    pub fn workload(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Workload(digest) => Some(digest),
            Self::Address(_) | Self::Unknown => None,
        }
    }

    pub fn is_verified(self) -> bool {
        match self {
            Self::Workload(_) => true,
            Self::Address(_) | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_as_networks_are() {
        for (source, owner) in [
            ("192.0.2.7:40000", Some([192, 0, 2, 7].into())),
            ("192.0.2.7", Some([192, 0, 2, 7].into())),
            ("[::ffff:192.0.2.7]:1", Some([192, 0, 2, 7].into())),
            ("[2001:db8:1:2:3:4:5:6]:443", Some([0x2001, 0xdb8, 1, 2, 0, 0, 0, 0].into())),
            ("2001:db8:1:2::1", Some([0x2001, 0xdb8, 1, 2, 0, 0, 0, 0].into())),
            ("/run/envoy.sock", None),
            ("", None),
        ] {
            assert_eq!(Owner::at(Some(source)), owner.map_or(Owner::Unknown, Owner::Address), "{source}");
        }
        assert_eq!(Owner::at(None), Owner::Unknown);
    }
}
