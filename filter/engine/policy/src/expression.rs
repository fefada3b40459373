//! Cedar's JSON form of policies, taken apart: the one place that knows how it is written, and the one walk over it.
//!
//! What is not known here is made of whatever is in it, so that nothing is overlooked.

use std::collections::BTreeSet;

use serde_json::Value;

/// What an expression is, one level deep.
#[derive(Clone, Debug)]
pub(super) enum Form<'e> {
    /// `principal`, `action`, `resource` or `context`.
    Variable(&'e str),
    /// A literal that names an entity: its `type` and `id`.
    Entity(&'e Value),
    /// Any other literal.
    Literal(&'e Value),
    /// `of.name`, or `of has name`; a path of names in `of has a.b`.
    Attribute {
        how: How,
        of: &'e Value,
        names: Vec<&'e str>,
    },
    Not(&'e Value),
    And(&'e Value, &'e Value),
    Or(&'e Value, &'e Value),
    If {
        condition: &'e Value,
        then: &'e Value,
        otherwise: &'e Value,
    },
    /// Any other operator, of what it is given by name or one after the other.
    Other {
        operator: &'e str,
        operands: &'e Value,
    },
    /// Not an expression.
    Unknown,
}

/// How an attribute is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// With `has`.
    Presence,
    /// Its value is read.
    Value,
}

/// A condition of a policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'e> {
    /// `when`; `unless` otherwise.
    pub(super) when: bool,
    pub(super) body: &'e Value,
}

/// The conditions of a policy, from their JSON form.
pub(super) fn conditions(conditions: &Value) -> impl Iterator<Item = Condition<'_>> {
    conditions.as_array().into_iter().flatten().filter_map(|condition| {
        let when = condition.get("kind").and_then(Value::as_str) != Some("unless");
        Some(Condition { when, body: condition.get("body")? })
    })
}

/// Visits `expression` and all it is made of, from the outside in; what is below one for which `visit` says no is left out.
pub(super) fn walk<'e>(expression: &'e Value, visit: &mut dyn FnMut(&Form<'e>, &'e Value) -> bool) {
    let form = Form::of(expression);
    if visit(&form, expression) {
        form.parts().into_iter().for_each(|part| walk(part, visit));
    }
}

/// Visits all of the `conditions` of a policy, from their JSON form, as [`walk`] does.
pub(super) fn walk_all<'e>(all: &'e Value, visit: &mut dyn FnMut(&Form<'e>, &'e Value) -> bool) {
    conditions(all).for_each(|condition| walk(condition.body, visit));
}

/// Every path of attributes in `conditions` that begins with a variable, each as long as it is written.
pub(super) fn paths(conditions: &Value) -> BTreeSet<Vec<String>> {
    let mut paths = BTreeSet::new();
    walk_all(conditions, &mut |_, expression| {
        let path = path(expression);
        let ends = path.is_some();
        paths.extend(path);
        !ends
    });
    paths
}

/// The path that `expression` is: a variable, or an attribute of a path that is read or asked for.
pub(super) fn path(expression: &Value) -> Option<Vec<String>> {
    match Form::of(expression) {
        Form::Variable(name) => Some(vec![name.to_owned()]),
        Form::Attribute { how: _, of, names } => {
            let mut path = path(of)?;
            path.extend(names.into_iter().map(str::to_owned));
            Some(path)
        }
        Form::Entity(_)
        | Form::Literal(_)
        | Form::Not(_)
        | Form::And(..)
        | Form::Or(..)
        | Form::If { .. }
        | Form::Other { .. }
        | Form::Unknown => None,
    }
}

impl<'e> Form<'e> {
    pub(super) fn of(expression: &'e Value) -> Self {
        let Some((operator, operands)) = one(expression) else { return Self::Unknown };
        let operand = |name| operands.get(name);
        match operator {
            "Var" => operands.as_str().map(Self::Variable),
            "Value" => Some(operands.get("__entity").map_or(Self::Literal(operands), Self::Entity)),
            "." => Self::attribute(How::Value, operands),
            "has" => Self::attribute(How::Presence, operands),
            "!" => operand("arg").map(Self::Not),
            "&&" => operand("left").zip(operand("right")).map(|(left, right)| Self::And(left, right)),
            "||" => operand("left").zip(operand("right")).map(|(left, right)| Self::Or(left, right)),
            "if-then-else" => operand("if")
                .zip(operand("then"))
                .zip(operand("else"))
                .map(|((condition, then), otherwise)| Self::If { condition, then, otherwise }),
            _ => None,
        }
        .unwrap_or(Self::Other { operator, operands })
    }

    fn attribute(how: How, operands: &'e Value) -> Option<Self> {
        let names = match operands.get("attr")? {
            Value::String(name) => vec![name.as_str()],
            Value::Array(path) => path.iter().map(Value::as_str).collect::<Option<_>>()?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
        };
        Some(Self::Attribute { how, of: operands.get("left")?, names })
    }

    /// The expressions it is made of.
    pub(super) fn parts(&self) -> Vec<&'e Value> {
        match *self {
            Self::Variable(_) | Self::Entity(_) | Self::Literal(_) | Self::Unknown => Vec::new(),
            Self::Attribute { of, .. } => vec![of],
            Self::Not(part) => vec![part],
            Self::And(left, right) | Self::Or(left, right) => vec![left, right],
            Self::If { condition, then, otherwise } => vec![condition, then, otherwise],
            Self::Other { operands, .. } => match operands {
                Value::Object(operands) => operands.values().collect(),
                Value::Array(operands) => operands.iter().collect(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
            },
        }
    }

    /// The operands of an operator that has two, by its name.
    pub(super) fn operands(&self) -> Option<(&'e str, &'e Value, &'e Value)> {
        match *self {
            Self::Other { operator, operands } => Some((operator, operands.get("left")?, operands.get("right")?)),
            Self::Variable(_)
            | Self::Entity(_)
            | Self::Literal(_)
            | Self::Attribute { .. }
            | Self::Not(_)
            | Self::And(..)
            | Self::Or(..)
            | Self::If { .. }
            | Self::Unknown => None,
        }
    }
}

/// The one member of an object that has no other.
fn one(expression: &Value) -> Option<(&str, &Value)> {
    let (operator, operands) = expression.as_object().filter(|object| object.len() == 1)?.iter().next()?;
    Some((operator, operands))
}
