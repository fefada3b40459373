//! From JSON to Cedar values of the declared types, or the place that does not fit.

use std::fmt;

use cedar_policy::RestrictedExpression;
use countersign_facts::pointer::Pointer;
use countersign_facts::reason::Mend;
use countersign_tokens::json::{Json, Members};

use super::{AskedFor, Effort, Property, Record, Rest, Shape};
use crate::reads::Names;

/// Fraction digits of a Cedar decimal, which is a 64-bit multiple of 1/10,000.
const DECIMAL_FRACTION: u32 = 4;
/// Characters of a member's name that go into a record.
const NAME_SHOWN: usize = 64;

/// How a policy gets to see what it asks for of a tool or endpoint.
pub(super) const IN_SCHEMA: &str = "declare it in `input_schema`";

/// Arguments that do not have the declared types. Names places, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argument `{place}`: {problem}")]
pub(crate) struct Unfit {
    /// RFC 6901 pointer into the arguments.
    place: String,
    problem: UnfitProblem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum UnfitProblem {
    Undeclared,
    /// By a policy, which could not see it; with the remedy.
    AskedFor(&'static str),
    /// By a grant or a rule about risk.
    Bounded,
    Missing,
    Duplicate,
    NotListed,
    NotA(&'static str),
    /// It fits, and policies that read it cannot hold it.
    NotRead(&'static str),
    /// A bound of the schema.
    Beyond(String),
}

/// The members of `values` that policies read, as one Cedar record; an error if any member does not fit, read or not.
pub(super) fn fit(
    record: &Record,
    values: &Members,
    wanted: &Names,
    asked: &AskedFor,
) -> Result<RestrictedExpression, Unfit> {
    all(record, values, wanted, asked, &Effort::default())
}

/// As [`fit()`], of `values` that need not be complete.
pub(super) fn fit_known(
    record: &Record,
    values: &Members,
    wanted: &Names,
    asked: &AskedFor,
) -> Result<RestrictedExpression, Unfit> {
    known(record, values, wanted, asked, &Effort::default())
}

fn all(
    record: &Record,
    values: &Members,
    wanted: &Names,
    asked: &AskedFor,
    effort: &Effort,
) -> Result<RestrictedExpression, Unfit> {
    let fitted = known(record, values, wanted, asked, effort)?;
    let missing = record.properties.iter().find(|(name, property)| property.required && !values.contains_key(*name));
    missing.map_or(Ok(fitted), |(name, _)| Err(Unfit::at(name, UnfitProblem::Missing)))
}

fn known(
    record: &Record,
    values: &Members,
    wanted: &Names,
    asked: &AskedFor,
    effort: &Effort,
) -> Result<RestrictedExpression, Unfit> {
    let mut pairs = Vec::new();
    for (name, value) in values {
        if record.derived.contains_key(name) {
            return Err(Unfit::at(name, UnfitProblem::Undeclared));
        }
        let Some(property) = record.member(name) else {
            match record.rest {
                Rest::Open(_) | Rest::Unasked if !asked.is_meant(name) => continue,
                Rest::Open(_) | Rest::Unasked => return Err(Unfit::unread(name, IN_SCHEMA)),
                Rest::Refused | Rest::Map(..) => return Err(Unfit::at(name, UnfitProblem::Undeclared)),
            }
        };
        // The key of a map that a policy asks for in another spelling.
        if !record.properties.contains_key(name) && !asked.reads(name) && asked.is_meant(name) {
            return Err(Unfit::unread(name, IN_SCHEMA));
        }
        let reading = Reading { asked: asked.below(name), read: asked.reads(name), effort };
        let fitted = member(property, value, reading).map_err(|unfit| unfit.below(name))?;
        pairs.extend(fitted.filter(|_| wanted.contains(name)).map(|expression| (name.clone(), expression)));
    }
    let derived = record.derived.iter().filter(|(name, _)| wanted.contains(name));
    pairs.extend(derived.map(|(name, bounds)| (name.clone(), RestrictedExpression::new_bool(bounds.admit(values)))));
    RestrictedExpression::new_record(pairs).map_err(|_| Unfit::here(UnfitProblem::Duplicate))
}

/// What policies ask of a value.
#[derive(Clone, Copy)]
struct Reading<'a> {
    asked: &'a AskedFor,
    /// Whether they ask for it at all, if only whether it is there.
    read: bool,
    effort: &'a Effort,
}

/// None is absence, to Cedar.
fn member(property: &Property, value: &Json, reading: Reading<'_>) -> Result<Option<RestrictedExpression>, Unfit> {
    if property.nullable && value.is_null() {
        return Ok(None);
    }
    let fitted = of_shape(&property.shape, value, reading)?;
    match property.limits.broken(value, reading.effort) {
        Some(limit) => Err(Unfit::here(UnfitProblem::Beyond(limit.to_string()))),
        None => Ok(fitted),
    }
}

/// None too for what nobody reads and Cedar cannot hold.
fn of_shape(shape: &Shape, value: &Json, reading: Reading<'_>) -> Result<Option<RestrictedExpression>, Unfit> {
    let not_a = |what| Unfit::here(UnfitProblem::NotA(what));
    let held = |held: Option<RestrictedExpression>, what| match held {
        None if reading.read => Err(Unfit::here(UnfitProblem::NotRead(what))),
        held => Ok(held),
    };
    Ok(Some(match shape {
        Shape::Opaque(_) => return Ok(None),
        Shape::Boolean => RestrictedExpression::new_bool(value.as_bool().ok_or(not_a("a boolean"))?),
        Shape::Long => {
            let number = value.as_number().filter(|number| number.is_integer()).ok_or(not_a("an integer"))?;
            return held(number.as_i64().map(RestrictedExpression::new_long), "an integer of more than 64 bits");
        }
        Shape::Decimal => {
            let number = value.as_number().ok_or(not_a("a number"))?;
            let decimal =
                number.scaled(DECIMAL_FRACTION).map(|scaled| RestrictedExpression::new_decimal(decimal(scaled)));
            return held(decimal, "a number with more than 4 fraction digits, or beyond ±922337203685477");
        }
        Shape::String(listed) => {
            let text = value.as_str().ok_or(not_a("a string"))?;
            if listed.as_ref().is_some_and(|listed| !listed.iter().any(|one| one == text)) {
                return Err(Unfit::here(UnfitProblem::NotListed));
            }
            RestrictedExpression::new_string(text.to_owned())
        }
        Shape::Set(item) => {
            let items = value.as_array().ok_or(not_a("an array"))?.iter().enumerate();
            let below = Reading { asked: reading.asked.of_items(), read: reading.asked.reads_items(), ..reading };
            let fitted =
                items.map(|(at, value)| member(item, value, below).map_err(|unfit| unfit.below(&at.to_string())));
            let fitted: Vec<Option<RestrictedExpression>> = fitted.collect::<Result<_, _>>()?;
            // What cannot be held is not looked at, or it was refused; that the list is there may be.
            RestrictedExpression::new_set(fitted.into_iter().flatten())
        }
        Shape::Record(record) => {
            let members = value.as_object().ok_or(not_a("an object"))?;
            all(record, members, &Names::All, reading.asked, reading.effort)?
        }
    }))
}

/// So many ten-thousandths in Cedar's decimal notation.
fn decimal(scaled: i64) -> String {
    let (unit, sign) = (10_u64.pow(DECIMAL_FRACTION), if scaled < 0 { "-" } else { "" });
    let magnitude = scaled.unsigned_abs();
    format!("{sign}{}.{:04}", magnitude / unit, magnitude % unit)
}

impl Unfit {
    /// Of `name`, which a policy asks for and could not see.
    pub(super) fn unread(name: &str, remedy: &'static str) -> Self {
        Self::at(name, UnfitProblem::AskedFor(remedy))
    }

    /// Of what is at `place`, which a grant or a rule about risk asks for and nothing declares.
    pub(crate) fn bounded(place: String) -> Self {
        Self { place, problem: UnfitProblem::Bounded }
    }

    /// Of `what` is at `place`: a number that the engine does not hold.
    #[cfg(feature = "rego")]
    pub(crate) fn unheld(place: String, what: &'static str) -> Self {
        Self { place, problem: UnfitProblem::NotRead(what) }
    }

    /// What the caller is told, who has to mend the call: nothing of who asks for what.
    pub(crate) fn told(&self) -> Mend {
        let problem = match &self.problem {
            UnfitProblem::Undeclared | UnfitProblem::AskedFor(_) | UnfitProblem::Bounded => {
                "not an argument here; leave it out".to_owned()
            }
            UnfitProblem::NotRead(what) => format!("{what}, which is not read here"),
            problem @ (UnfitProblem::Missing
            | UnfitProblem::Duplicate
            | UnfitProblem::NotListed
            | UnfitProblem::NotA(_)
            | UnfitProblem::Beyond(_)) => problem.to_string(),
        };
        Mend { argument: self.place.clone(), problem }
    }

    fn here(problem: UnfitProblem) -> Self {
        Self { place: String::new(), problem }
    }

    fn at(name: &str, problem: UnfitProblem) -> Self {
        Self::here(problem).below(name)
    }

    /// This problem, seen from one level above.
    fn below(self, name: &str) -> Self {
        let name: String = name.chars().take(NAME_SHOWN).collect();
        Self { place: format!("/{}{}", Pointer::escaped(&name), self.place), problem: self.problem }
    }
}

impl fmt::Display for UnfitProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undeclared => out.write_str("not declared"),
            Self::AskedFor(remedy) => write!(out, "a policy asks for it and nothing declares it; {remedy}"),
            Self::Bounded => {
                write!(out, "a grant or a rule about risk asks for it and nothing declares it; {IN_SCHEMA}")
            }
            Self::Missing => out.write_str("required"),
            Self::Duplicate => out.write_str("present twice"),
            Self::NotListed => out.write_str("not one of those listed"),
            Self::NotA(what) => write!(out, "not {what}"),
            Self::Beyond(bound) => out.write_str(bound),
            Self::NotRead(what) => write!(out, "{what}, which a policy that reads it cannot hold"),
        }
    }
}
