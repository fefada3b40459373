//! What policies read of the context: nothing else is built for a request (ARCHITECTURE H12).
//!
//! Works on Cedar's JSON form of a policy. Whatever it does not recognise counts as reading everything.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use serde_json::Value;

use super::expression::{self, Form, How};
use super::names::AGENT;

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
    /// Claims of the principal.
    pub(super) claims: Names,
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
            Some(conditions) => expression::walk_all(conditions, &mut |form, _| reads.visit(form)),
            None => reads = Self { context: Names::All, arguments: Names::All, principal: true, ..reads },
        }
        reads.principal |= policy.get("principal").is_none_or(asks_what_it_is_in);
        reads
    }

    /// Reads what `other` reads, too.
    pub(super) fn add(&mut self, other: &Self) {
        let Self { context, arguments, claims, principal, entities } = other;
        self.context.add_all(context);
        self.arguments.add_all(arguments);
        self.claims.add_all(claims);
        self.principal |= principal;
        self.entities.extend(entities.iter().cloned());
    }

    /// Whether what is below `form` reads something beside what is noted of it.
    fn visit(&mut self, form: &Form<'_>) -> bool {
        match form {
            Form::Attribute { how, of, names } => {
                let of = Form::of(of);
                if matches!(of, Form::Variable("context")) {
                    self.context.add(names);
                    // `context has args` alone needs the attribute and none of its members.
                    if *names == ["args"] && *how == How::Value {
                        self.arguments = Names::All;
                    } else if let ["args", member, ..] = names.as_slice() {
                        self.arguments.add(&[member]);
                    }
                    return false;
                }
                let of_arguments = is_arguments(&of);
                if of_arguments {
                    self.context.add(&["args"]);
                    self.arguments.add(names);
                }
                !of_arguments
            }
            Form::Entity(entity) => {
                let named = EntityUid::from_json((*entity).clone()).ok();
                // It may be the caller.
                self.principal |= named.as_ref().is_none_or(|uid| uid.type_name().basename() == AGENT);
                self.entities.extend(named);
                false
            }
            Form::Variable("context") => {
                self.context = Names::All;
                self.arguments = Names::All;
                false
            }
            Form::Variable(name) => {
                self.principal |= *name == "principal";
                false
            }
            Form::Literal(_)
            | Form::Not(_)
            | Form::And(..)
            | Form::Or(..)
            | Form::If { .. }
            | Form::Other { .. }
            | Form::Unknown => true,
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

/// Whether it is `context.args`.
fn is_arguments(form: &Form<'_>) -> bool {
    let Form::Attribute { how: How::Value, of, names } = form else { return false };
    *names == ["args"] && matches!(Form::of(of), Form::Variable("context"))
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
    pub(super) fn add(&mut self, path: &[&str]) {
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
