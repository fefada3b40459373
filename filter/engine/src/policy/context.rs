//! From facts to what Cedar evaluates: the request's context and the entities that are only known with it.
//!
//! Builds what the candidate policies read and nothing else.

use std::collections::HashSet;

use cedar_policy::{Context, Entity, EntityUid, RestrictedExpression};
use countersign_tokens::UnixTime;

use super::Facts;
use super::reads::Names;
use super::schema::Types;
use crate::action::{Action, Operation};
use crate::hygiene::Finding;
use crate::route;
use crate::step_up::Approval;
use crate::workload::{Actor, Identity};

type Pairs = Vec<(String, RestrictedExpression)>;

/// Cedar refused a context or an entity: nothing that types and schema allow does this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the context cannot be built")]
pub(super) struct ContextError;

/// The attributes of the context that are in `wanted`.
pub(super) fn context(
    facts: &Facts<'_>,
    approval: Option<&Approval>,
    arguments: Option<RestrictedExpression>,
    wanted: &Names,
) -> Result<Context, ContextError> {
    let mut pairs = Pairs::new();
    let mut add = |name: &str, value: &dyn Fn() -> Result<Option<RestrictedExpression>, ContextError>| {
        if wanted.contains(name) {
            pairs.extend(value()?.map(|value| (name.to_owned(), value)));
        }
        Ok::<(), ContextError>(())
    };
    add("task", &|| task(facts).map(Some))?;
    add("token", &|| token(facts).map(Some))?;
    add("actors", &|| actors(facts).map(Some))?;
    add("actor", &|| facts.workload.actors.first().map(actor).transpose())?;
    add("depth", &|| Ok(Some(long(u64::try_from(facts.workload.actors.len()).unwrap_or(u64::MAX)))))?;
    add("kind", &|| Ok(Some(string(facts.workload.kind.name()))))?;
    add("traits", &|| Ok(Some(words(facts.workload.traits.iter().map(|has| has.name())))))?;
    add("classified", &|| Ok(Some(RestrictedExpression::new_bool(facts.workload.classified))))?;
    add("findings", &|| Ok(Some(words(facts.findings.iter().copied().map(Finding::name)))))?;
    add("request", &|| request(facts).map(Some))?;
    add("risk", &|| Ok(Some(string(facts.risk.name()))))?;
    add("labels", &|| Ok(Some(strings(facts.labels))))?;
    add("now", &|| Ok(Some(seconds(facts.now))))?;
    add("approval", &|| approval.map(approval_record).transpose())?;
    if wanted.contains("args") {
        pairs.extend(arguments.map(|arguments| ("args".to_owned(), arguments)));
    }
    Context::from_pairs(pairs).map_err(|_| ContextError)
}

/// The caller, with attributes and in what it is in.
pub(super) fn agent(uid: EntityUid, types: &Types, facts: &Facts<'_>) -> Result<Entity, ContextError> {
    let workload = facts.workload;
    let mut pairs = vec![
        pair("issuer", string(&workload.identity.issuer)),
        pair("issuer_name", string(&workload.issuer_name)),
        pair("subject", string(&workload.identity.subject)),
    ];
    pairs.extend(workload.client_id.as_deref().map(|client| pair("client_id", string(client))));
    pairs.extend(workload.trust_domain.as_deref().map(|domain| pair("trust_domain", string(domain))));
    entity(uid, pairs, types.above(workload))
}

/// A tool, in its resource.
pub(super) fn tool(uid: EntityUid, resource: EntityUid, risk: &str, labels: &[String]) -> Result<Entity, ContextError> {
    entity(uid, vec![pair("risk", string(risk)), pair("labels", strings(labels))], HashSet::from([resource]))
}

fn entity(uid: EntityUid, pairs: Pairs, parents: HashSet<EntityUid>) -> Result<Entity, ContextError> {
    Entity::new(uid, pairs.into_iter().collect(), parents).map_err(|_| ContextError)
}

fn task(facts: &Facts<'_>) -> Result<RestrictedExpression, ContextError> {
    let task = facts.task;
    let mut pairs = vec![pair("id", string(&task.id)), pair("expires", seconds(task.expires))];
    pairs.extend(task.purpose.as_deref().map(|purpose| pair("purpose", string(purpose))));
    record(pairs)
}

fn token(facts: &Facts<'_>) -> Result<RestrictedExpression, ContextError> {
    let token = facts.token;
    let mut pairs = vec![pair("algorithm", string(token.algorithm)), pair("expires", seconds(token.expires))];
    pairs.extend(token.id.as_deref().map(|id| pair("id", string(id))));
    pairs.extend(token.key_id.as_deref().map(|id| pair("key_id", string(id))));
    pairs.extend(token.authentication.class.as_deref().map(|class| pair("acr", string(class))));
    pairs.extend(token.authentication.time.map(|time| pair("auth_time", seconds(time))));
    if let Some(issued) = token.issued {
        pairs.push(pair("issued", seconds(issued)));
        pairs.push(pair("lifetime", long(token.expires.since(issued).as_secs())));
    }
    record(pairs)
}

fn actors(facts: &Facts<'_>) -> Result<RestrictedExpression, ContextError> {
    let actors: Result<Vec<_>, _> = facts.workload.actors.iter().map(|actor| identity(&actor.identity)).collect();
    Ok(RestrictedExpression::new_set(actors?))
}

fn request(facts: &Facts<'_>) -> Result<RestrictedExpression, ContextError> {
    let action = facts.action;
    let (path, target) = path_and_target(action);
    let mut pairs = vec![
        pair("method", string(&action.method)),
        pair("host", string(&action.authority.to_ascii_lowercase())),
        // An authority that is none does not come this far.
        pair("domain", string(&action.host().unwrap_or_default())),
        pair("port", long(u64::from(action.port))),
        pair("path", string(path)),
    ];
    pairs.extend(target.map(|target| pair("target", string(target))));
    let source = facts.source.and_then(route::address);
    pairs.extend(source.map(|source| pair("source", RestrictedExpression::new_ip(source.to_string()))));
    record(pairs)
}

fn approval_record(approval: &Approval) -> Result<RestrictedExpression, ContextError> {
    record(vec![
        pair("challenge", string(&approval.challenge)),
        pair("approver_issuer", string(&approval.approver.issuer)),
        pair("approver", string(&approval.approver.subject)),
        pair("expires", seconds(approval.expires)),
    ])
}

fn actor(actor: &Actor) -> Result<RestrictedExpression, ContextError> {
    let Actor { identity, profile, kind } = actor;
    let mut pairs = vec![pair("issuer", string(&identity.issuer)), pair("subject", string(&identity.subject))];
    pairs.extend(profile.as_deref().map(|profile| pair("profile", string(profile))));
    pairs.extend(kind.map(|kind| pair("kind", string(kind.name()))));
    record(pairs)
}

fn identity(identity: &Identity) -> Result<RestrictedExpression, ContextError> {
    record(vec![pair("issuer", string(&identity.issuer)), pair("subject", string(&identity.subject))])
}

/// The path without query, and what an operation names beside it.
pub(super) fn path_and_target(action: &Action) -> (&str, Option<&str>) {
    match &action.operation {
        Operation::Http { path, .. } => (path.as_str(), None),
        Operation::Endpoint(_) | Operation::ToolCall(_) | Operation::Grpc(_) => (without_query(&action.target), None),
        Operation::Mcp(operation) => (without_query(&action.target), operation.target.as_deref()),
        Operation::A2a(operation) => (without_query(&action.target), operation.target.as_deref()),
    }
}

fn without_query(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

fn pair(name: &str, value: RestrictedExpression) -> (String, RestrictedExpression) {
    (name.to_owned(), value)
}

fn record(pairs: Pairs) -> Result<RestrictedExpression, ContextError> {
    RestrictedExpression::new_record(pairs).map_err(|_| ContextError)
}

fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn strings(texts: &[String]) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.iter().map(|text| string(text)))
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(words.map(string))
}

fn seconds(instant: UnixTime) -> RestrictedExpression {
    long(instant.secs())
}

/// Seconds beyond Cedar's range (292 billion years) stay at its end.
fn long(seconds: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(seconds).unwrap_or(i64::MAX))
}
