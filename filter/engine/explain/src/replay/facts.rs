//! From a record to what policies read, and which of that the record holds.

use std::borrow::Cow;
use std::collections::BTreeSet;

use countersign_engine::config::Config;
use countersign_facts::digest::SentDigest;
use countersign_facts::pointer::Pointer;
use countersign_policy::{self as policy, Held};
use countersign_protocols::action::{Action, Delivery, Outline, Spelled};
use countersign_protocols::catalogue::{Annotations, Authentication, Resource, Risk};
use countersign_protocols::route::Target;
use countersign_rights::claims::{ClaimRule, claim};
use countersign_rights::hygiene::Finding;
use countersign_rights::task::{Grants, Task};
use countersign_rights::workload::{Actor, Identity, Kind, TokenFacts, Trait, Workload};
use countersign_tokens::Subject;
use countersign_tokens::UnixTime;
use countersign_tokens::json::Members;
use serde_json::{Map, Value};

use super::record::{self, Record};

/// What a record says, as far as it says it.
pub(super) struct Known {
    pub(super) workload: Workload,
    pub(super) token: TokenFacts,
    pub(super) task: Task,
    pub(super) findings: Vec<Finding>,
    pub(super) action: Action,
    pub(super) risk: Risk,
    holds: Holds,
}

/// What of it is not simply there.
struct Holds {
    /// What only some records say, and this one does not.
    missing: Vec<&'static [&'static str]>,
    /// Claims that the issuer's credentials may have had; where nobody knows who that is, any.
    claims: Option<BTreeSet<String>>,
    /// Names of arguments whose values are recorded; all, where they have the recorded digest.
    arguments: BTreeSet<String>,
    complete: bool,
}

impl Known {
    /// What `record` says about a request for `resource`, which is addressed to `target`; none where it says too little, or is
    /// of another protocol than the resource.
    pub(super) fn of(record: &Record, resource: &Resource, target: &Target, config: &Config) -> Option<Self> {
        let (caller, token, work) = (record.workload.as_ref()?, record.token.as_ref()?, record.task.as_ref()?);
        let recorded = record.action.as_ref()?;
        let arguments = arguments(recorded);
        let complete = is_complete(recorded, &arguments);
        let action = action(recorded, &arguments, resource, target)?;
        let workload = workload(caller, config)?;
        let findings = named(&record.findings, &Finding::ALL, Finding::name)?;
        let rules = config.risk.read_arguments(action.entry(resource));
        let missing: [(bool, &[&str]); 4] = [
            // One issuer of the configuration is meant.
            (!workload.issuer_name.is_empty(), &["principal", "issuer_name"]),
            // Query values of URIs are on no record.
            (recorded.uri_digests.is_empty(), &["context", "request", "target"]),
            (host_names_port(&target.host), &["context", "request", "port"]),
            // What lists showed is on no record of those who did not ask.
            (resource.annotations == Annotations::Ignore && (complete || !rules), &["context", "risk"]),
        ];
        let missing = missing.into_iter().filter(|(there, _)| !there).map(|(_, path)| path).collect();
        let issuer = config.vouchers().find(|issuer| issuer.name == workload.issuer_name);
        let claims = issuer.map(|issuer| unknown(&issuer.claims, &caller.claims));
        let holds = Holds { missing, claims, arguments: arguments.keys().cloned().collect(), complete };
        Some(Self {
            risk: config.risk.risk(resource, &action, &workload, &findings),
            workload,
            token: facts(token),
            task: task(work, token),
            findings,
            action,
            holds,
        })
    }

    /// Whether all arguments are known.
    pub(super) fn has_all_arguments(&self) -> bool {
        self.holds.complete
    }
}

impl Held for Known {
    fn holds(&self, path: &[&str]) -> bool {
        let Holds { missing, claims, arguments, complete } = &self.holds;
        match path {
            ["context", "args"] => *complete,
            ["context", "args", name, ..] => *complete || arguments.contains(*name),
            ["principal", "claims"] => claims.as_ref().is_some_and(BTreeSet::is_empty),
            ["principal", "claims", name, ..] => claims.as_ref().is_some_and(|unknown| !unknown.contains(*name)),
            // Who it is, is known.
            ["principal"] => true,
            // Absent, or on the record; nobody has approved anything yet.
            path => {
                let in_it = |missing: &&[&str]| path.starts_with(missing) || missing.starts_with(path);
                policy::on_records(path) && !missing.iter().any(in_it)
            }
        }
    }
}

/// The claims of `rules` that are not `recorded`, or not as their type has it now.
fn unknown(rules: &[ClaimRule], recorded: &Map<String, Value>) -> BTreeSet<String> {
    let is_known = |rule: &&ClaimRule| recorded.get(&rule.name).is_some_and(|value| claim(rule.kind, value).is_ok());
    rules.iter().filter(|rule| !is_known(rule)).map(|rule| rule.name.clone()).collect()
}

/// The recorded arguments that are no parts of others, by name.
fn arguments(recorded: &record::Action) -> Members {
    let whole = recorded.arguments.iter().filter_map(|(pointer, value)| {
        let name = pointer.strip_prefix('/').filter(|name| !name.contains('/'))?;
        Some((Pointer::unescaped(name), value.clone()))
    });
    whole.collect()
}

/// Whether `arguments` are all there are: they have the recorded digest, which no others have.
fn is_complete(recorded: &record::Action, arguments: &Members) -> bool {
    let digest = SentDigest::of_members(arguments).to_string();
    recorded.arguments_digest.as_ref().is_some_and(|recorded| *recorded == digest)
}

fn action(recorded: &record::Action, arguments: &Members, resource: &Resource, target: &Target) -> Option<Action> {
    let outline = Outline {
        object: recorded.object.as_deref().map(str::to_owned),
        several: recorded.objects.iter().map(|object| object.clone().into_owned()).collect(),
        arguments: arguments.clone(),
        delivery: recorded.delivery.as_deref().map(Delivery::at),
    };
    Action::outlined(resource, target, Spelled::parse(&recorded.name)?, outline)
}

/// Who called, as it was found then.
pub(super) fn workload(caller: &record::Workload, config: &Config) -> Option<Workload> {
    let actor = |actor: &record::Actor| {
        let kind = match &actor.kind {
            Some(kind) => Some(word(kind, &Kind::ALL, Kind::name)?),
            None => None,
        };
        Some(Actor {
            identity: identity(&actor.issuer, (&*actor.subject).into()),
            profile: actor.profile.as_deref().map(str::to_owned),
            kind,
        })
    };
    let issuer_name = issuer_name(caller, config);
    let issuer = config.vouchers().find(|issuer| issuer.name == issuer_name);
    let found = |rule: &ClaimRule| {
        // What is not known stands as absent, and is not held.
        rule.found(caller.claims.get(&rule.name).map_or(Ok(None), |value| claim(rule.kind, value)))
    };
    Some(Workload {
        identity: identity(&caller.issuer, caller.subject()?),
        tenant: issuer.and_then(|issuer| issuer.rules.tenant_of(&caller.issuer)).map(str::to_owned),
        claims: issuer.iter().flat_map(|issuer| &issuer.claims).map(found).collect(),
        issuer_name,
        trust_domain: caller.trust_domain.as_deref().map(str::to_owned),
        kind: word(&caller.kind, &Kind::ALL, Kind::name)?,
        traits: named(&caller.traits, &Trait::ALL, Trait::name)?.into_iter().collect(),
        classified: caller.classified.unwrap_or(true),
        actors: caller.actors.iter().map(actor).collect::<Option<_>>()?,
        client_id: caller.client_id.as_deref().map(str::to_owned),
        requester: caller.requester.as_deref().map(str::to_owned),
    })
}

/// What the issuer was called, as the record says; else what the one that is configured is called, and nothing where that could
/// be several.
fn issuer_name(caller: &record::Workload, config: &Config) -> String {
    // No issuer's name has either sign.
    let told = caller.id.as_deref().and_then(|id| id.split(['/', '#']).next());
    let mut issuers = config.vouchers().filter(|issuer| issuer.rules.is_issuer(&caller.issuer));
    match (told, issuers.next(), issuers.next()) {
        (Some(told), _, _) => told.to_owned(),
        (None, Some(issuer), None) => issuer.name.clone(),
        (None, _, _) => String::new(),
    }
}

fn identity(issuer: &str, subject: Subject) -> Identity {
    Identity { issuer: issuer.to_owned(), subject }
}

/// What is not recorded stands as absent, and is not [`Held`].
fn facts(token: &record::Token) -> TokenFacts {
    TokenFacts {
        id: token.id.as_deref().cloned(),
        key_id: token.key_id.as_deref().map(str::to_owned),
        algorithm: "",
        issued: None,
        expires: UnixTime::from_secs(token.expires),
        authentication: Authentication::default(),
    }
}

/// Its end is not recorded, and not [`Held`].
fn task(work: &record::Task, token: &record::Token) -> Task {
    let (grants, asks) = (Grants::default(), Grants::default());
    let expires = UnixTime::from_secs(token.expires);
    Task {
        id: work.id.clone().into_owned(),
        purpose: work.purpose.as_deref().map(str::to_owned),
        grants,
        asks,
        end: None,
        expires,
    }
}

fn host_names_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn named<T: Copy>(words: &[Cow<'_, str>], known: &[T], name: impl Fn(T) -> &'static str) -> Option<Vec<T>> {
    words.iter().map(|text| word(text, known, &name)).collect()
}

/// The one of `known` that is spelt `text`; a newer filter may know more.
fn word<T: Copy>(text: &str, known: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
    known.iter().copied().find(|one| name(*one) == text)
}
