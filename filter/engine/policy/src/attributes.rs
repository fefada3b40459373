//! What policies may read: a row for each attribute of the caller and of the context, and everything is made of these rows:
//! Cedar's schema, the values it evaluates, the decision document, what `explain` shows, closed vocabularies, the reference page.
//!
//! An attribute lends its value; nothing is written as JSON to be read again. Arguments are not here: their types are the
//! catalogue's.

use std::borrow::Cow;
use std::net::IpAddr;

use countersign_protocols::catalogue::{Protocol, Risk};
use countersign_protocols::route;
use countersign_rights::hygiene::Finding;
use countersign_rights::workload::{Actor, Identity, Kind, Trait};
use countersign_tokens::UnixTime;

use super::Facts;

/// Something that policies may read.
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) value: Value,
    /// Whether it is always there.
    pub(super) always: bool,
    pub(super) words: Words,
    /// Whether records say it.
    pub(super) recorded: bool,
    /// For the reference page, which only tests make: where it is from, in which unit.
    #[cfg(test)]
    pub(super) about: &'static str,
}

/// Of which type it is, and where its value is.
pub(super) enum Value {
    Text(for<'f> fn(&'f Facts<'f>) -> Option<Cow<'f, str>>),
    Number(fn(&Facts<'_>) -> Option<u64>),
    Flag(fn(&Facts<'_>) -> bool),
    Address(fn(&Facts<'_>) -> Option<IpAddr>),
    /// A set.
    Texts(for<'f> fn(&'f Facts<'f>) -> Vec<&'f str>),
    /// A set of records of `issuer` and `subject`.
    Identities(for<'f> fn(&'f Facts<'f>) -> Vec<&'f Identity>),
    /// Those of the caller's claims that configuration names: a record, typed as they are.
    Claims,
    Record {
        there: fn(&Facts<'_>) -> bool,
        attributes: &'static [Attribute],
    },
}

/// The words that a text, or a set of them, is made of.
pub(super) enum Words {
    Any,
    These(fn() -> Vec<&'static str>),
    /// The labels that something in the catalogue carries.
    Labels,
    /// The configured names of issuers.
    Issuers,
    /// The configured trust domains.
    TrustDomains,
}

/// The attribute of `context` that says where events are delivered: of a list of events it is not known yet.
pub(super) const DELIVERY: &str = "delivery";

/// The attribute of `principal` that holds its claims.
pub(super) const CLAIMS: &str = "claims";

/// The attribute of `principal` that every caller has, unless an issuer names machines otherwise.
pub(super) const SUBJECT: &str = "subject";

/// Attributes of `principal`.
pub(super) const AGENT: &[Attribute] = &[
    text("issuer", |facts| Some(facts.workload.identity.issuer.as_str().into()), "`iss`"),
    text("issuer_name", |facts| Some(facts.workload.issuer_name.as_str().into()), "the issuer's name as configured")
        .of(Words::Issuers),
    text(
        SUBJECT,
        |facts| facts.workload.identity.subject.sub().map(Into::into),
        "`sub`; optional where an issuer's credentials may have none (`machine_claim`, `profile: opaque`)",
    ),
    text(
        "machine",
        |facts| facts.workload.identity.subject.machine().map(|machine| machine.id.as_str().into()),
        "of a credential without `sub`: what the issuer's `machine_claim` says",
    )
    .optional(),
    text("client_id", |facts| facts.workload.client_id.as_deref().map(Into::into), "`client_id`, of OAuth tokens")
        .optional(),
    text("trust_domain", |facts| facts.workload.trust_domain.as_deref().map(Into::into), "of SVIDs")
        .optional()
        .of(Words::TrustDomains),
    row(
        CLAIMS,
        Value::Claims,
        "the claims that the issuer's `claims` names, each of the type it has there; one is optional unless every issuer \
         names it as required. Where one that is read cannot be had, the request is denied",
    ),
];

/// Attributes of `context`, arguments aside.
pub(super) const CONTEXT: &[Attribute] = &[
    record("task", |_| true, TASK, "what the credential was issued for"),
    record("token", |_| true, TOKEN, "the credential"),
    row(
        "actors",
        Value::Identities(|facts| facts.workload.actors.iter().map(|actor| &actor.identity).collect()),
        "RFC 8693 `act`, the whole chain; empty when the subject acts itself",
    ),
    record("actor", |facts| actor(facts).is_some(), ACTOR, "the outermost of `actors`, who acts now").optional(),
    number("depth", |facts| u64::try_from(facts.workload.actors.len()).ok(), "how many actors there are"),
    text("kind", |facts| Some(facts.workload.kind.name().into()), "how the caller is governed")
        .of(Words::These(kinds)),
    texts(
        "traits",
        |facts| facts.workload.traits.iter().map(|has| has.name()).collect(),
        "of the caller and whoever it acts for or through",
    )
    .of(Words::These(|| Trait::ALL.map(Trait::name).to_vec())),
    row(
        "classified",
        Value::Flag(|facts| facts.workload.classified),
        "whether every actor is listed or says what it is; if not, `traits` has all of them",
    ),
    texts(
        "findings",
        |facts| facts.findings.iter().map(|finding| finding.name()).collect(),
        "what is unhealthy about the credential or the request",
    )
    .of(Words::These(|| Finding::ALL.into_iter().map(Finding::name).collect())),
    record("request", |_| true, REQUEST, "the HTTP request"),
    record(
        DELIVERY,
        |facts| facts.action.delivery().is_some(),
        OF_DELIVERY,
        "where `events/subscribe` and `events/unsubscribe` of MCP have what happens sent to",
    )
    .optional(),
    text(
        "risk",
        |facts| Some(facts.risk.name().into()),
        "the catalogue's, or what lists showed of the tool (`annotations` of its resource), raised by the `risk` rules that hold",
    )
    .of(Words::These(risks)),
    texts("labels", |facts| facts.labels.iter().map(String::as_str).collect(), "the tool's").of(Words::Labels),
    number("now", |facts| Some(facts.now.secs()), "seconds since 1970"),
    record(
        "approval",
        |facts| facts.approval.is_some(),
        APPROVAL,
        "present after an approval of exactly this action",
    )
    .optional(),
];

const TASK: &[Attribute] = &[
    text("id", |facts| Some(facts.task.id.as_str().into()), "the task's id"),
    text("purpose", |facts| facts.task.purpose.as_deref().map(Into::into), "what it is for").optional(),
    number("expires", |facts| Some(facts.task.expires.secs()), "seconds since 1970").unrecorded(),
];

const TOKEN: &[Attribute] = &[
    text("id", |facts| facts.token.id.as_ref()?.text().map(Into::into), "`jti`, if it is a text").optional(),
    number("id_number", |facts| facts.token.id.as_ref()?.number(), "`jti`, if it is a number").optional(),
    text("key_id", |facts| facts.token.key_id.as_deref().map(Into::into), "`kid`").optional(),
    text("algorithm", |facts| Some(facts.token.algorithm.into()), "`none` of opaque tokens and certificates")
        .unrecorded(),
    number("issued", |facts| facts.token.issued.map(UnixTime::secs), "`iat`, seconds since 1970")
        .optional()
        .unrecorded(),
    number("expires", |facts| Some(facts.token.expires.secs()), "`exp`, seconds since 1970"),
    number(
        "lifetime",
        |facts| Some(facts.token.expires.since(facts.token.issued?).as_secs()),
        "seconds from `iat` to `exp`",
    )
    .optional()
    .unrecorded(),
    text(
        "acr",
        |facts| facts.token.authentication.class.as_ref()?.text().map(Into::into),
        "how a person authenticated (RFC 9470), if it is a text",
    )
    .optional()
    .unrecorded(),
    number(
        "acr_number",
        |facts| facts.token.authentication.class.as_ref()?.number(),
        "how a person authenticated, if it is a number",
    )
    .optional()
    .unrecorded(),
    number("auth_time", |facts| facts.token.authentication.time.map(UnixTime::secs), "when, seconds since 1970")
        .optional()
        .unrecorded(),
];

const ACTOR: &[Attribute] = &[
    text("issuer", |facts| Some(actor(facts)?.identity.issuer.as_str().into()), "`iss`"),
    text("subject", |facts| Some(actor(facts)?.identity.subject.sub()?.into()), "`sub`"),
    text("profile", |facts| actor(facts)?.profile.as_deref().map(Into::into), "`sub_profile`").optional(),
    text("kind", |facts| Some(actor(facts)?.kind?.name().into()), "how it is governed, if it is listed")
        .optional()
        .of(Words::These(kinds)),
];

const REQUEST: &[Attribute] = &[
    text("method", |facts| Some(facts.action.method.as_str().into()), "of the HTTP request")
        .of(Words::These(http_methods)),
    text("host", |facts| Some(facts.action.authority.to_ascii_lowercase().into()), "the authority, in lower case"),
    text(
        "domain",
        // An authority that is none does not come this far.
        |facts| Some(facts.action.host().unwrap_or_default().into()),
        "the host without port and trailing dot, in lower case: what egress policies compare",
    ),
    number("port", |facts| Some(facts.action.port.into()), "the port in the authority, else 443 of https and 80 of http"),
    text("path", |facts| Some(facts.action.path().into()), "without query"),
    text(
        "target",
        |facts| facts.action.topic().map(Into::into),
        "what an MCP method names: a prompt, a task, an event, or a resource's URI, which is in normal form: \
         `like \"file:///reports/*\"` holds for what is below. Where a request names several, each is decided by itself",
    )
    .optional(),
    row(
        "source",
        Value::Address(|facts| facts.source.and_then(route::address)),
        "the peer; IPv4 in IPv6 is IPv4",
    )
    .optional(),
];

const OF_DELIVERY: &[Attribute] = &[
    text("url", |facts| Some(facts.action.delivery()?.url.as_str().into()), "an `https` URL in normal form")
        .unrecorded(),
    text("domain", |facts| Some(facts.action.delivery()?.host.as_str().into()), "the host in it, in lower case"),
    number("port", |facts| Some(facts.action.delivery()?.port.into()), "the port in it, else 443"),
    number(
        "ttl",
        |facts| facts.action.delivery()?.ttl,
        "for how many seconds, as `ttlMs` says; absent where that is left to the server, or `null`: without end",
    )
    .optional()
    .unrecorded(),
];

const APPROVAL: &[Attribute] = &[
    text("challenge", |facts| Some(facts.approval?.challenge.as_str().into()), "what it answers"),
    text("approver_issuer", |facts| Some(facts.approval?.approver.issuer.as_str().into()), "who approved: `iss`"),
    text("approver", |facts| Some(facts.approval?.approver.subject.sub()?.into()), "and `sub`"),
    number("expires", |facts| Some(facts.approval?.expires.secs()), "seconds since 1970"),
];

impl Attribute {
    const fn optional(mut self) -> Self {
        self.always = false;
        self
    }

    const fn of(mut self, words: Words) -> Self {
        self.words = words;
        self
    }

    const fn unrecorded(mut self) -> Self {
        self.recorded = false;
        self
    }

    /// Whether records say it, and all that is in it.
    fn is_recorded(&self) -> bool {
        self.recorded && self.value.below().iter().all(Self::is_recorded)
    }
}

/// Whether records say all of what policies read at `path`, which begins with a variable. Of arguments and claims each record
/// says so itself.
pub fn on_records(path: &[&str]) -> bool {
    let found = match path.split_first() {
        Some((&"principal", path)) => find(AGENT, path),
        Some((&"context", path)) => find(CONTEXT, path),
        Some(_) => return true,
        None => None,
    };
    found.is_some_and(Attribute::is_recorded)
}

impl Value {
    /// The attributes in it. What is in claims configuration says.
    const fn below(&self) -> &'static [Attribute] {
        match self {
            Self::Record { there: _, attributes } => attributes,
            Self::Text(_)
            | Self::Number(_)
            | Self::Flag(_)
            | Self::Address(_)
            | Self::Texts(_)
            | Self::Identities(_)
            | Self::Claims => &[],
        }
    }
}

/// The one of `rows` at `path`.
pub(super) fn find<'r>(rows: &'r [Attribute], path: &[impl AsRef<str>]) -> Option<&'r Attribute> {
    let (name, below) = path.split_first()?;
    let found = rows.iter().find(|row| row.name == name.as_ref())?;
    if below.is_empty() { Some(found) } else { find(found.value.below(), below) }
}

/// Who acts now.
fn actor<'f>(facts: &Facts<'f>) -> Option<&'f Actor> {
    facts.workload.actors.first()
}

fn risks() -> Vec<&'static str> {
    Risk::ALL.map(Risk::name).to_vec()
}

fn http_methods() -> Vec<&'static str> {
    Protocol::Http.methods().iter().map(|method| method.name).collect()
}

fn kinds() -> Vec<&'static str> {
    Kind::ALL.map(Kind::name).to_vec()
}

#[cfg_attr(not(test), expect(unused_variables, reason = "what only the page says does not ship"))]
const fn row(name: &'static str, value: Value, about: &'static str) -> Attribute {
    Attribute {
        name,
        value,
        always: true,
        words: Words::Any,
        recorded: true,
        #[cfg(test)]
        about,
    }
}

const fn text(
    name: &'static str,
    value: for<'f> fn(&'f Facts<'f>) -> Option<Cow<'f, str>>,
    about: &'static str,
) -> Attribute {
    row(name, Value::Text(value), about)
}

const fn texts(name: &'static str, value: for<'f> fn(&'f Facts<'f>) -> Vec<&'f str>, about: &'static str) -> Attribute {
    row(name, Value::Texts(value), about)
}

const fn number(name: &'static str, value: fn(&Facts<'_>) -> Option<u64>, about: &'static str) -> Attribute {
    row(name, Value::Number(value), about)
}

const fn record(
    name: &'static str,
    there: fn(&Facts<'_>) -> bool,
    attributes: &'static [Attribute],
    about: &'static str,
) -> Attribute {
    row(name, Value::Record { there, attributes }, about)
}
