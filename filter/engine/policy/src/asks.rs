//! What a policy asks of its variables: which attributes, and whether it reads them or only asks if they are there.
//!
//! Cedar types an attribute that is asked for with `has` and not declared as absent, without a word: what stands behind it is
//! dead. So every policy, linked ones too, is looked at here in Cedar's JSON form. Parts that cannot matter to an action (another
//! one is named, another resource) ask nothing of it. What cannot be followed asks for everything.

use std::collections::BTreeSet;

use serde_json::Value;

use super::attributes::CLAIMS;
pub(super) use super::expression::How;
use super::expression::{self, Condition, Form};
use super::names::AGENT;
use super::reads::Names;

/// Something that a policy asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ask {
    pub(super) of: Subject,
    /// Attributes, each of the one before; none where all of the subject is read.
    pub(super) path: Vec<String>,
    pub(super) how: How,
}

/// Whose attributes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Context,
    Principal,
    Action,
    Resource,
    /// Entities of a type, named by a literal.
    Entity(String),
}

/// What is known, at load, of a comparison or test in Cedar's JSON form; none where only the call knows.
pub(super) type Known<'k> = &'k dyn Fn(&str, &Value) -> Option<bool>;

/// What `conditions`, those of a policy in Cedar's JSON form, ask for where that is `known`.
pub(super) fn of(conditions: &Value, known: Known<'_>) -> BTreeSet<Ask> {
    let mut walk = Walk { known, asks: BTreeSet::new() };
    let all: Vec<Condition<'_>> = expression::conditions(conditions).collect();
    if all.iter().all(|condition| holds(condition.body, known) != Some(!condition.when)) {
        for condition in all {
            walk.expression(condition.body);
        }
    }
    walk.asks
}

/// All that `conditions` ask for, whatever the action.
pub(super) fn anywhere(conditions: &Value) -> BTreeSet<Ask> {
    of(conditions, &|_, _| None)
}

/// The claims of the principal that `asks` look at, also only whether they are there.
pub(super) fn claims(asks: &BTreeSet<Ask>) -> Names {
    let mut claims = Names::default();
    for Ask { of, path, how } in asks {
        let of_principal = match of {
            Subject::Principal => true,
            Subject::Entity(name) => name == AGENT,
            Subject::Context | Subject::Action | Subject::Resource => false,
        };
        match path.split_first() {
            _ if !of_principal => {}
            Some((first, _)) if first != CLAIMS => {}
            Some((_, [])) if *how == How::Presence => {}
            Some((_, [claim, ..])) => claims.add(&[claim]),
            None | Some((_, [])) => claims = Names::All,
        }
    }
    claims
}

/// The attributes, variables and entities that `expression` may be.
pub(super) fn named(expression: &Value) -> Vec<(Subject, Vec<String>)> {
    Walk { known: &|_, _| None, asks: BTreeSet::new() }.subjects(expression).0
}

impl Ask {
    /// What of the arguments it asks for, if it does.
    pub(super) fn arguments(&self) -> Option<&[String]> {
        match (&self.of, self.path.split_first()) {
            (Subject::Context, Some((first, rest))) if first == "args" => Some(rest),
            // All of the context: the arguments are in it.
            (Subject::Context, None) => Some(&[]),
            _ => None,
        }
    }

    /// As a policy writes it: `context.args.memo`.
    pub(super) fn spelled(&self) -> String {
        let of = match &self.of {
            Subject::Context => "context",
            Subject::Principal => "principal",
            Subject::Action => "action",
            Subject::Resource => "resource",
            Subject::Entity(name) => name,
        };
        spelled(of, &self.path)
    }
}

/// What is at `path` in `of`, as a policy writes it: `context.args.memo`, `context.args["at-once"]`.
pub(super) fn spelled(of: &str, path: &[String]) -> String {
    path.iter().fold(of.to_owned(), |spelled, name| {
        let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain { format!("{spelled}.{name}") } else { format!("{spelled}[{name:?}]") }
    })
}

struct Walk<'k> {
    known: Known<'k>,
    asks: BTreeSet<Ask>,
}

impl Walk<'_> {
    fn expression(&mut self, expression: &Value) {
        // Whichever way it is known, what is in it turns nothing.
        if holds(expression, self.known).is_some() {
            return;
        }
        match Form::of(expression) {
            Form::Attribute { how, of, names } => {
                let (subjects, followed) = self.subjects(of);
                for (of, mut path) in subjects {
                    path.extend(names.iter().map(|name| (*name).to_owned()));
                    self.asks.insert(Ask { of, path, how });
                }
                if !followed {
                    self.expression(of);
                }
            }
            Form::Variable("context") => {
                self.asks.insert(Ask { of: Subject::Context, path: Vec::new(), how: How::Value });
            }
            // An entity that is compared asks for none of its attributes.
            Form::Variable(_) | Form::Entity(_) => {}
            // In a record it may be looked into later.
            form @ Form::Other { operator: "Record", .. } => {
                for part in form.parts() {
                    match self.subjects(part) {
                        (subjects, true) => {
                            self.asks.extend(subjects.into_iter().map(|(of, path)| Ask { of, path, how: How::Value }));
                        }
                        (_, false) => self.expression(part),
                    }
                }
            }
            Form::If { condition, then, otherwise } => match holds(condition, self.known) {
                Some(true) => self.expression(then),
                Some(false) => self.expression(otherwise),
                None => [condition, then, otherwise].into_iter().for_each(|part| self.expression(part)),
            },
            form @ (Form::Literal(_)
            | Form::Not(_)
            | Form::And(..)
            | Form::Or(..)
            | Form::Other { .. }
            | Form::Unknown) => form.parts().into_iter().for_each(|part| self.expression(part)),
        }
    }

    /// What `expression` may be, as far as that is a variable, an entity or an attribute of one, and whether that is all of it.
    fn subjects(&mut self, expression: &Value) -> (Vec<(Subject, Vec<String>)>, bool) {
        let one = |subject| (vec![(subject, Vec::new())], true);
        match Form::of(expression) {
            Form::Variable("context") => one(Subject::Context),
            Form::Variable("principal") => one(Subject::Principal),
            Form::Variable("action") => one(Subject::Action),
            Form::Variable("resource") => one(Subject::Resource),
            Form::Entity(entity) => match entity.get("type").and_then(Value::as_str) {
                Some(name) => one(Subject::Entity(name.to_owned())),
                None => (Vec::new(), false),
            },
            Form::Attribute { how: How::Value, of, names } => {
                let (mut subjects, followed) = self.subjects(of);
                for (_, path) in &mut subjects {
                    path.extend(names.iter().map(|name| (*name).to_owned()));
                }
                (subjects, followed)
            }
            Form::If { condition, then, otherwise } => {
                self.expression(condition);
                let ((mut subjects, first), (more, second)) = (self.subjects(then), self.subjects(otherwise));
                subjects.extend(more);
                (subjects, first && second)
            }
            Form::Variable(_)
            | Form::Literal(_)
            | Form::Attribute { .. }
            | Form::Not(_)
            | Form::And(..)
            | Form::Or(..)
            | Form::Other { .. }
            | Form::Unknown => (Vec::new(), false),
        }
    }
}

/// Whether `expression` holds, as far as that is `known`.
pub(super) fn holds(expression: &Value, known: Known<'_>) -> Option<bool> {
    let part = |part| holds(part, known);
    match Form::of(expression) {
        Form::Literal(value) => value.as_bool(),
        Form::Not(of) => part(of).map(|holds| !holds),
        Form::And(left, right) => both(part(left), part(right)),
        Form::Or(left, right) => {
            both(part(left).map(|holds| !holds), part(right).map(|holds| !holds)).map(|neither| !neither)
        }
        Form::If { condition, then, otherwise } => match part(condition) {
            Some(true) => part(then),
            Some(false) => part(otherwise),
            None => part(then).filter(|then| part(otherwise) == Some(*then)),
        },
        Form::Other { operator, operands } => known(operator, operands),
        Form::Variable(_) | Form::Entity(_) | Form::Attribute { .. } | Form::Unknown => None,
    }
}

/// Whether both hold: one that does not is enough.
fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}
