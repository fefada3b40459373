//! From JSON to Cedar values of the declared types, or the place that does not fit.

use std::fmt;

use cedar_policy::RestrictedExpression;
use serde_json::{Map, Number, Value};

use super::{AskedFor, Property, Record, Rest, Shape};
use crate::policy::reads::Names;
use crate::task::Pointer;

/// The largest magnitude of a Cedar decimal's integer part: decimals are 64-bit multiples of 1/10,000.
const DECIMAL_WHOLE: u64 = 922_337_203_685_477;
/// Fraction digits of a Cedar decimal.
const DECIMAL_FRACTION: usize = 4;
/// Digits that survive a double unchanged: with more, the number read need not be the number written.
const DOUBLE_DIGITS: usize = 15;
/// Characters of a member's name that go into a record.
const NAME_SHOWN: usize = 64;

/// How a policy gets to see what it asks for of a tool or endpoint.
pub(super) const IN_SCHEMA: &str = "declare it in `input_schema`";

/// Arguments that do not have the declared types. Names places, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argument `{place}`: {problem}")]
pub(in crate::policy) struct Unfit {
    /// RFC 6901 pointer into the arguments.
    place: String,
    problem: UnfitProblem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnfitProblem {
    Undeclared,
    /// By a policy, which could not see it; with the remedy.
    AskedFor(&'static str),
    Missing,
    Duplicate,
    NotListed,
    NotA(&'static str),
}

/// The members of `values` that policies read, as one Cedar record; an error if any member does not fit, read or not.
pub(super) fn fit(
    record: &Record,
    values: &Map<String, Value>,
    wanted: &Names,
    asked: &AskedFor,
) -> Result<RestrictedExpression, Unfit> {
    let fitted = fit_known(record, values, wanted, asked)?;
    let missing = record.properties.iter().find(|(name, property)| property.required && !values.contains_key(*name));
    missing.map_or(Ok(fitted), |(name, _)| Err(Unfit::at(name, UnfitProblem::Missing)))
}

/// The same of `values` that need not be all there are.
pub(super) fn fit_known(
    record: &Record,
    values: &Map<String, Value>,
    wanted: &Names,
    asked: &AskedFor,
) -> Result<RestrictedExpression, Unfit> {
    let mut pairs = Vec::new();
    for (name, value) in values {
        let Some(property) = record.member(name) else {
            match record.rest {
                Rest::Open if !asked.is_meant(name) => continue,
                Rest::Open => return Err(Unfit::unread(name, IN_SCHEMA)),
                Rest::Refused | Rest::Map(..) => return Err(Unfit::at(name, UnfitProblem::Undeclared)),
            }
        };
        let fitted = member(property, value, asked.below(name)).map_err(|unfit| unfit.below(name))?;
        pairs.extend(fitted.filter(|_| wanted.contains(name)).map(|expression| (name.clone(), expression)));
    }
    RestrictedExpression::new_record(pairs).map_err(|_| Unfit::here(UnfitProblem::Duplicate))
}

/// None is absence, to Cedar.
fn member(property: &Property, value: &Value, asked: &AskedFor) -> Result<Option<RestrictedExpression>, Unfit> {
    if property.nullable && value.is_null() { Ok(None) } else { of_shape(&property.shape, value, asked) }
}

fn of_shape(shape: &Shape, value: &Value, asked: &AskedFor) -> Result<Option<RestrictedExpression>, Unfit> {
    let not_a = |what| Unfit::here(UnfitProblem::NotA(what));
    Ok(Some(match shape {
        Shape::Opaque(_) => return Ok(None),
        Shape::Boolean => RestrictedExpression::new_bool(value.as_bool().ok_or(not_a("a boolean"))?),
        Shape::Long => RestrictedExpression::new_long(value.as_i64().ok_or(not_a("an integer of 64 bits"))?),
        Shape::Decimal => {
            let text = value.as_number().and_then(decimal).ok_or(not_a("a decimal of at most 4 fraction digits"))?;
            RestrictedExpression::new_decimal(text)
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
            let of_item = |value| of_shape(item, value, asked.of_items());
            let fitted = items.map(|(at, value)| of_item(value).map_err(|unfit| unfit.below(&at.to_string())));
            let fitted: Vec<Option<RestrictedExpression>> = fitted.collect::<Result<_, _>>()?;
            RestrictedExpression::new_set(fitted.into_iter().flatten())
        }
        Shape::Record(record) => fit(record, value.as_object().ok_or(not_a("an object"))?, &Names::All, asked)?,
    }))
}

/// `number` in Cedar's decimal notation, if it is one exactly.
fn decimal(number: &Number) -> Option<String> {
    if let Some(whole) = number.as_i64() {
        return (whole.unsigned_abs() <= DECIMAL_WHOLE).then(|| format!("{whole}.0"));
    }
    if number.is_u64() {
        return None;
    }
    // The shortest decimal that reads as this double, without exponent.
    let text = number.as_f64().filter(|double| double.is_finite())?.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let digits =
        whole.trim_start_matches('-').bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').count();
    let magnitude: u64 = whole.trim_start_matches('-').parse().ok()?;
    let exact = digits <= DOUBLE_DIGITS + usize::from(fraction == "0") && fraction.len() <= DECIMAL_FRACTION;
    (exact && magnitude <= DECIMAL_WHOLE).then(|| format!("{whole}.{fraction}"))
}

impl Unfit {
    /// Of `name`, which a policy asks for and could not see.
    pub(super) fn unread(name: &str, remedy: &'static str) -> Self {
        Self::at(name, UnfitProblem::AskedFor(remedy))
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
            Self::Missing => out.write_str("required"),
            Self::Duplicate => out.write_str("present twice"),
            Self::NotListed => out.write_str("not one of those listed"),
            Self::NotA(what) => write!(out, "not {what}"),
        }
    }
}
