//! From facts to what Cedar evaluates: the request's context and the entities that are only known with it.
//!
//! Builds what the candidate policies read and nothing else.

use std::collections::HashSet;

use cedar_policy::{Context, Entity, EntityUid, RestrictedExpression};
use countersign_rights::claims::Claim;
use countersign_rights::workload::Identity;

use super::attributes::{self, Attribute, Value};
use super::reads::Names;
use super::schema::Types;
use super::{Approval, Facts};

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
    let facts = Facts { approval, ..*facts };
    let mut pairs = rows(
        attributes::CONTEXT.iter().filter(|attribute| wanted.contains(attribute.name)),
        &facts,
        &Names::default(),
    )?;
    if wanted.contains("args") {
        pairs.extend(arguments.map(|arguments| ("args".to_owned(), arguments)));
    }
    Context::from_pairs(pairs).map_err(|_| ContextError)
}

/// The caller, with attributes, those of its claims that are `wanted`, and in what it is in.
pub(super) fn agent(uid: EntityUid, types: &Types, facts: &Facts<'_>, wanted: &Names) -> Result<Entity, ContextError> {
    entity(uid, rows(attributes::AGENT, facts, wanted)?, types.above(facts.workload))
}

/// A tool, in its resource.
pub(super) fn tool(uid: EntityUid, resource: EntityUid, risk: &str, labels: &[String]) -> Result<Entity, ContextError> {
    entity(uid, vec![pair("risk", string(risk)), pair("labels", strings(labels))], HashSet::from([resource]))
}

fn entity(uid: EntityUid, pairs: Pairs, parents: HashSet<EntityUid>) -> Result<Entity, ContextError> {
    Entity::new(uid, pairs.into_iter().collect(), parents).map_err(|_| ContextError)
}

/// Those of `attributes` that are there, as they are in `facts`; of the caller's `claims` these.
fn rows<'r>(
    attributes: impl IntoIterator<Item = &'r Attribute>,
    facts: &Facts<'_>,
    claims: &Names,
) -> Result<Pairs, ContextError> {
    let mut pairs = Pairs::new();
    for attribute in attributes {
        if let Some(value) = expression(&attribute.value, facts, claims)? {
            pairs.push(pair(attribute.name, value));
        }
    }
    Ok(pairs)
}

fn expression(value: &Value, facts: &Facts<'_>, claims: &Names) -> Result<Option<RestrictedExpression>, ContextError> {
    Ok(match value {
        Value::Text(text) => text(facts).map(|text| RestrictedExpression::new_string(text.into_owned())),
        Value::Number(number) => number(facts).map(long),
        Value::Flag(flag) => Some(RestrictedExpression::new_bool(flag(facts))),
        Value::Address(address) => address(facts).map(|address| RestrictedExpression::new_ip(address.to_string())),
        Value::Texts(texts) => Some(RestrictedExpression::new_set(texts(facts).into_iter().map(string))),
        Value::Identities(identities) => {
            let identities: Result<Vec<_>, _> = identities(facts).into_iter().map(identity).collect();
            Some(RestrictedExpression::new_set(identities?))
        }
        Value::Record { there, attributes } if there(facts) => Some(record(rows(*attributes, facts, claims)?)?),
        Value::Record { .. } => None,
        Value::Claims => {
            let wanted = facts.workload.claims.readable().filter(|(name, _)| claims.contains(name));
            Some(record(wanted.map(|(name, value)| pair(name, claim(value))).collect())?)
        }
    })
}

fn claim(claim: &Claim) -> RestrictedExpression {
    match claim {
        Claim::Text(text) => string(text),
        Claim::Texts(texts) => strings(texts),
        Claim::Number(number) => RestrictedExpression::new_long(*number),
        Claim::Flag(flag) => RestrictedExpression::new_bool(*flag),
    }
}

fn identity(identity: &Identity) -> Result<RestrictedExpression, ContextError> {
    // Actors always have a `sub`.
    let sub = identity.subject.sub().ok_or(ContextError)?;
    record(vec![pair("issuer", string(&identity.issuer)), pair("subject", string(sub))])
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

/// Seconds beyond Cedar's range (292 billion years) stay at its end.
fn long(seconds: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(seconds).unwrap_or(i64::MAX))
}
