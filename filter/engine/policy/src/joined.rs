//! What decides as it is written and is likely not meant: step-ups of different approvers that one answer lifts, and resources on
//! which nothing is permitted. For people; nothing is decided with it.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, EntityUid, PrincipalConstraint};
use countersign_facts::rollout::Mode;
use countersign_protocols::catalogue::Resource;
use serde_json::Value;

use super::cedar::CedarPolicy;
use super::expression::{self, Condition, Form};
use super::names::KIND;
use super::rule::Rule;

/// A step-up.
#[derive(Clone, Debug)]
struct Asking<'r> {
    id: &'r str,
    approver: &'r str,
    /// The kind of workload that it is about, if its scope says.
    kind: Option<EntityUid>,
    demands: BTreeMap<Vec<String>, Demand>,
}

/// What the conditions of a policy demand of one path: as far as it is a comparison with a literal that all of them ask for.
#[derive(Clone, Debug)]
struct Demand {
    equal: Option<Value>,
    least: i64,
    most: i64,
}

impl CedarPolicy {
    /// Pairs of step-ups, by id, that ask different approvers and can be about the same call for one of `resources`: one answer
    /// lifts both. The second of each pair is the later in the text.
    ///
    /// Of conditions only what is compared with a literal is understood: others count as if they could hold together.
    pub fn joined(&self, resources: &[Resource]) -> BTreeSet<(String, String)> {
        let mut joined = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for slot in resources.iter().flat_map(|resource| self.index.slots(resource)) {
            let rules = self.candidates(slot, Mode::Enforce).into_iter();
            let rules: Vec<&Rule> = rules.filter(|rule| rule.step_up.is_some()).collect();
            // Most slots have the policies of others.
            if !seen.insert(rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>()) {
                continue;
            }
            let asking: Vec<Asking<'_>> = rules.into_iter().filter_map(Asking::of).collect();
            for (position, one) in asking.iter().enumerate() {
                let others = asking.iter().skip(position + 1).filter(|other| one.meets(other));
                joined.extend(others.map(|other| (one.id.to_owned(), other.id.to_owned())));
            }
        }
        joined
    }

    /// Whether a policy that is enforced could permit anything on `resource`.
    pub fn permits_on(&self, resource: &Resource) -> bool {
        let permits = |rule: &&Rule| rule.policy.effect() == Effect::Permit;
        self.index.slots(resource).any(|slot| self.candidates(slot, Mode::Enforce).iter().any(permits))
    }
}

impl<'r> Asking<'r> {
    /// None where `rule` asks nobody.
    fn of(rule: &'r Rule) -> Option<Self> {
        let kind = match rule.policy.principal_constraint() {
            PrincipalConstraint::In(uid) if uid.type_name().basename() == KIND => Some(uid),
            PrincipalConstraint::In(_)
            | PrincipalConstraint::Any
            | PrincipalConstraint::Eq(_)
            | PrincipalConstraint::Is(_)
            | PrincipalConstraint::IsIn(..) => None,
        };
        Some(Self { id: &rule.id, approver: rule.step_up.as_deref()?, kind, demands: demands(rule) })
    }

    /// Whether a call can be of both, as far as that is understood, and they ask different approvers.
    fn meets(&self, other: &Self) -> bool {
        let of_others = self.kind.is_some() && other.kind.is_some() && self.kind != other.kind;
        let differ = |(path, demand): (&Vec<String>, &Demand)| {
            other.demands.get(path).is_some_and(|other| demand.excludes(other))
        };
        self.approver != other.approver && !of_others && !self.demands.iter().any(differ)
    }
}

fn demands(rule: &Rule) -> BTreeMap<Vec<String>, Demand> {
    let mut demands = BTreeMap::new();
    for Condition { body, .. } in expression::conditions(&rule.conditions()).filter(|condition| condition.when) {
        collect(body, &mut demands);
    }
    demands
}

/// Adds what `part`, which must hold, demands.
fn collect(part: &Value, demands: &mut BTreeMap<Vec<String>, Demand>) {
    let form = Form::of(part);
    if let Form::And(left, right) = form {
        collect(left, demands);
        collect(right, demands);
    } else if let Some((operator, left, right)) = form.operands() {
        let (path, operator, literal) = match (expression::path(left), expression::path(right)) {
            (Some(path), None) => (path, operator, right),
            (None, Some(path)) => (path, turned(operator), left),
            (Some(_), Some(_)) | (None, None) => return,
        };
        if let Form::Literal(literal) = Form::of(literal) {
            demands.entry(path).or_default().add(operator, literal);
        }
    }
}

/// The operator of which the operands have changed places.
fn turned(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}

impl Default for Demand {
    /// Nothing is demanded.
    fn default() -> Self {
        Self { equal: None, least: i64::MIN, most: i64::MAX }
    }
}

impl Demand {
    fn add(&mut self, operator: &str, literal: &Value) {
        match (operator, literal.as_i64()) {
            ("==", Some(number)) => (self.least, self.most) = (self.least.max(number), self.most.min(number)),
            ("==", None) => self.equal = Some(literal.clone()),
            ("<", Some(number)) => self.most = self.most.min(number.saturating_sub(1)),
            ("<=", Some(number)) => self.most = self.most.min(number),
            (">", Some(number)) => self.least = self.least.max(number.saturating_add(1)),
            (">=", Some(number)) => self.least = self.least.max(number),
            (_, _) => {}
        }
    }

    fn excludes(&self, other: &Self) -> bool {
        let differ = self.equal.as_ref().zip(other.equal.as_ref()).is_some_and(|(one, other)| one != other);
        differ || self.least > other.most || other.least > self.most
    }
}
