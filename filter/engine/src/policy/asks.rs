//! What a policy asks of its variables: which attributes, and whether it reads them or only asks if they are there.
//!
//! Cedar types an attribute that is asked for with `has` and not declared as absent, without a word: what stands behind it is
//! dead. So every policy, linked ones too, is walked here in Cedar's JSON form. Parts that cannot matter to an action (another
//! one is named, another resource) ask nothing of it. What cannot be followed asks for everything.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

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

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// With `has`.
    Presence,
    /// Its value is read.
    Value,
}

/// What is known, at load, of a comparison or test in Cedar's JSON form; none where only the call knows.
pub(super) type Known<'k> = &'k dyn Fn(&str, &Value) -> Option<bool>;

/// What `conditions`, those of a policy in Cedar's JSON form, ask for where that is `known`.
pub(super) fn of(conditions: &Value, known: Known<'_>) -> BTreeSet<Ask> {
    let mut walk = Walk { known, asks: BTreeSet::new() };
    let bodies: Vec<(bool, &Value)> = conditions.as_array().map_or_else(Vec::new, |all| {
        let holds = |condition: &Value| condition.get("kind").and_then(Value::as_str) != Some("unless");
        all.iter().filter_map(|condition| Some((holds(condition), condition.get("body")?))).collect()
    });
    if bodies.iter().all(|(holds, body)| walk.holds(body) != Some(!holds)) {
        for (_, body) in bodies {
            walk.expression(body);
        }
    }
    walk.asks
}

/// All that `conditions` ask for, whatever the action.
pub(super) fn anywhere(conditions: &Value) -> BTreeSet<Ask> {
    of(conditions, &|_, _| None)
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
        self.path.iter().fold(of.to_owned(), |spelled, name| {
            let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if plain { format!("{spelled}.{name}") } else { format!("{spelled}[{name:?}]") }
        })
    }
}

struct Walk<'k> {
    known: Known<'k>,
    asks: BTreeSet<Ask>,
}

impl Walk<'_> {
    fn expression(&mut self, expression: &Value) {
        // Whichever way it is known, what is in it turns nothing.
        if self.holds(expression).is_some() {
            return;
        }
        let Some(object) = expression.as_object() else { return };
        if let Some((how, left, names)) = access(object) {
            let (subjects, followed) = self.subjects(left);
            for (of, mut path) in subjects {
                path.extend(names.iter().map(|name| (*name).to_owned()));
                self.asks.insert(Ask { of, path, how });
            }
            if !followed {
                self.expression(left);
            }
        } else if let Some((of, path)) = variable(expression) {
            // An entity that is compared asks for none of its attributes.
            if of == Subject::Context {
                self.asks.insert(Ask { of, path, how: How::Value });
            }
        } else if let Some((condition, then, otherwise)) = choice(object) {
            match self.holds(condition) {
                Some(true) => self.expression(then),
                Some(false) => self.expression(otherwise),
                None => [condition, then, otherwise].into_iter().for_each(|part| self.expression(part)),
            }
        } else {
            operands(object).for_each(|operand| self.expression(operand));
        }
    }

    /// What `expression` may be, as far as that is a variable, an entity or an attribute of one, and whether that is all of it.
    fn subjects(&mut self, expression: &Value) -> (Vec<(Subject, Vec<String>)>, bool) {
        if let Some(found) = variable(expression) {
            return (vec![found], true);
        }
        let Some(object) = expression.as_object() else { return (Vec::new(), false) };
        if let Some((How::Value, left, names)) = access(object) {
            let (mut subjects, followed) = self.subjects(left);
            for (_, path) in &mut subjects {
                path.extend(names.iter().map(|name| (*name).to_owned()));
            }
            return (subjects, followed);
        }
        if let Some((condition, then, otherwise)) = choice(object) {
            self.expression(condition);
            let ((mut subjects, first), (more, second)) = (self.subjects(then), self.subjects(otherwise));
            subjects.extend(more);
            return (subjects, first && second);
        }
        (Vec::new(), false)
    }

    /// Whether `expression` holds, where that is known.
    fn holds(&self, expression: &Value) -> Option<bool> {
        let (operator, operands) = expression.as_object().filter(|object| object.len() == 1)?.iter().next()?;
        let operand = |name| operands.get(name).and_then(|operand| self.holds(operand));
        match operator.as_str() {
            "Value" => operands.as_bool(),
            "!" => operand("arg").map(|holds| !holds),
            "&&" => both(operand("left"), operand("right")),
            "||" => both(operand("left").map(|holds| !holds), operand("right").map(|holds| !holds)).map(|none| !none),
            "if-then-else" => match operand("if") {
                Some(true) => operand("then"),
                Some(false) => operand("else"),
                None => operand("then").filter(|then| operand("else") == Some(*then)),
            },
            other => (self.known)(other, operands),
        }
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

/// `left.name` or `left has name` (a path of names in `left has a.b`), if `object` is one.
pub(super) fn access(object: &Map<String, Value>) -> Option<(How, &Value, Vec<&str>)> {
    let (operator, body) = if object.len() == 1 { object.iter().next() } else { None }?;
    let how = match operator.as_str() {
        "." => How::Value,
        "has" => How::Presence,
        _ => return None,
    };
    let names = match body.get("attr")? {
        Value::String(name) => vec![name.as_str()],
        Value::Array(path) => path.iter().map(Value::as_str).collect::<Option<_>>()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    Some((how, body.get("left")?, names))
}

/// The variable or entity that `expression` is.
fn variable(expression: &Value) -> Option<(Subject, Vec<String>)> {
    let subject = match expression.get("Var").and_then(Value::as_str) {
        Some("context") => Subject::Context,
        Some("principal") => Subject::Principal,
        Some("action") => Subject::Action,
        Some("resource") => Subject::Resource,
        Some(_) => return None,
        None => Subject::Entity(expression.pointer("/Value/__entity/type")?.as_str()?.to_owned()),
    };
    Some((subject, Vec::new()))
}

/// The expressions that the operator, or the literal, `object` is made of.
pub(super) fn operands(object: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let (operator, of) = object.iter().next().unzip();
    let is_leaf = operator.is_some_and(|operator| operator == "Value");
    let (members, items) = match of.filter(|_| !is_leaf) {
        Some(Value::Object(members)) => (Some(members.values()), None),
        Some(Value::Array(items)) => (None, Some(items.iter())),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => (None, None),
    };
    members.into_iter().flatten().chain(items.into_iter().flatten())
}

/// The parts of `if … then … else …`, if `object` is one.
pub(super) fn choice(object: &Map<String, Value>) -> Option<(&Value, &Value, &Value)> {
    let parts = object.get("if-then-else")?;
    Some((parts.get("if")?, parts.get("then")?, parts.get("else")?))
}
