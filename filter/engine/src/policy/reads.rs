//! What policies read of the context: nothing else is built for a request (DESIGN H12).
//!
//! Works on Cedar's JSON form of a policy. Whatever it does not recognise counts as reading everything.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use serde_json::{Map, Value};

use super::schema::AGENT;

/// Some names, or every name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    All,
    Only(BTreeSet<String>),
}

/// What one or several policies read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// Attributes of the context.
    pub(super) context: Names,
    /// Members of `context.args`.
    pub(super) arguments: Names,
    /// Whether anything but the principal's identity is read: an attribute, or what it is in.
    pub(super) principal: bool,
    /// Entities named in conditions.
    pub(super) entities: BTreeSet<EntityUid>,
}

impl Reads {
    /// What `policy`, in Cedar's JSON form, reads. Besides identities its scope reads only what the principal is in.
    pub(super) fn of(policy: &Value) -> Self {
        let mut reads = Self::default();
        match policy.get("conditions") {
            Some(conditions) => reads.walk(conditions),
            None => reads = Self { context: Names::All, arguments: Names::All, principal: true, ..reads },
        }
        reads.principal |= policy.get("principal").is_none_or(asks_what_it_is_in);
        reads
    }

    /// Reads what `other` reads, too.
    pub(super) fn add(&mut self, other: &Self) {
        let Self { context, arguments, principal, entities } = other;
        self.context.add_all(context);
        self.arguments.add_all(arguments);
        self.principal |= principal;
        self.entities.extend(entities.iter().cloned());
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(object) => self.walk_object(object),
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn walk_object(&mut self, object: &Map<String, Value>) {
        if let Some((left, names)) = access(object) {
            if is_variable(left, "context") {
                self.context.add(&names);
                // `context has args` alone needs the attribute and none of its members.
                if names == ["args"] && object.contains_key(".") {
                    self.arguments = Names::All;
                } else if let ["args", member, ..] = names.as_slice() {
                    self.arguments.add(&[member]);
                }
                return;
            }
            if is_arguments(left) {
                self.context.add(&["args"]);
                self.arguments.add(&names);
                return;
            }
        }
        if object.contains_key("__entity") {
            let named = EntityUid::from_json(Value::Object(object.clone())).ok();
            // It may be the caller.
            self.principal |= named.as_ref().is_none_or(|uid| uid.type_name().basename() == AGENT);
            self.entities.extend(named);
        }
        match object.get("Var").and_then(Value::as_str) {
            Some("context") => {
                self.context = Names::All;
                self.arguments = Names::All;
            }
            Some("principal") => self.principal = true,
            Some(_) | None => object.values().for_each(|value| self.walk(value)),
        }
    }
}

/// Whether a scope's `constraint` on the principal holds for more than its identity and type.
fn asks_what_it_is_in(constraint: &Value) -> bool {
    match constraint.get("op").and_then(Value::as_str) {
        Some("All" | "==") => false,
        Some("is") => constraint.get("in").is_some(),
        Some(_) | None => true,
    }
}

/// `left.name` or `left has name` (a path of names in `left has a.b`), if `object` is one.
fn access(object: &Map<String, Value>) -> Option<(&Value, Vec<&str>)> {
    let body = if object.len() == 1 { object.get(".").or_else(|| object.get("has")) } else { None }?;
    let names = match body.get("attr")? {
        Value::String(name) => vec![name.as_str()],
        Value::Array(path) => path.iter().map(Value::as_str).collect::<Option<_>>()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    Some((body.get("left")?, names))
}

/// Whether `expression` is `context.args`.
fn is_arguments(expression: &Value) -> bool {
    expression
        .as_object()
        .filter(|object| object.contains_key("."))
        .and_then(access)
        .is_some_and(|(left, names)| is_variable(left, "context") && names == ["args"])
}

fn is_variable(expression: &Value, name: &str) -> bool {
    expression.get("Var").and_then(Value::as_str) == Some(name)
}

impl Names {
    /// Whether `name` is among them.
    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }

    /// Those that are named one by one.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        let named = match self {
            Self::All => None,
            Self::Only(names) => Some(names.iter().map(String::as_str)),
        };
        named.into_iter().flatten()
    }

    /// The first of `path`: what follows is read through it.
    fn add(&mut self, path: &[&str]) {
        if let (Self::Only(names), Some(name)) = (self, path.first()) {
            names.insert((*name).to_owned());
        }
    }

    fn add_all(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Only(mine), Self::Only(theirs)) => mine.extend(theirs.iter().cloned()),
            (_, Self::All) => *self = Self::All,
            (Self::All, Self::Only(_)) => {}
        }
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}
