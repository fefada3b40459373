//! Keywords of JSON Schema that bound one value: numbers, texts, lists, and what is listed. Each is judged exactly, and holds of
//! values of its own type only (JSON Schema validation §6).

use std::collections::BTreeSet;
use std::fmt;

use countersign_tokens::json::{Json, Numeral};
use serde_json::{Map, Value};

use super::pattern::{Effort, Pattern};

/// Keywords that bound one value and are none of [`Limit`]: by the standard an annotation (`format`), or about several.
pub(super) const NOT_ENFORCED: [&str; 14] = [
    "additionalItems",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "dependentRequired",
    "format",
    "maxContains",
    "maxProperties",
    "minContains",
    "minProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Bounds of one value, all of which hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(Vec<Limit>);

/// One bound.
#[derive(Clone, Debug)]
pub enum Limit {
    /// `enum` and `const`.
    OneOf(Vec<Json>),
    Minimum(Numeral),
    Maximum(Numeral),
    ExclusiveMinimum(Numeral),
    ExclusiveMaximum(Numeral),
    /// A number above zero.
    MultipleOf(Numeral),
    /// Characters.
    MinLength(u64),
    MaxLength(u64),
    Pattern(Pattern),
    MinItems(u64),
    MaxItems(u64),
    UniqueItems,
    /// Of alternatives all of one type.
    AnyOf(Vec<Limits>),
}

impl Limits {
    /// Those of `schema` itself. Tells `unknown` every keyword whose value is none that can be held to.
    pub(super) fn read(schema: &Map<String, Value>, unknown: &mut dyn FnMut(&'static str)) -> Self {
        let mut limits = Vec::new();
        let mut add = |keyword: &'static str, limit: Option<Option<Limit>>| match limit {
            None => {}
            Some(None) => unknown(keyword),
            Some(limit) => limits.extend(limit),
        };
        let number = |keyword: &str| schema.get(keyword).map(|value| value.as_number().map(Numeral::from));
        let count = |keyword: &str| schema.get(keyword).map(count);
        let json = |value: &Value| Json::from(value.clone());
        add("enum", schema.get("enum").map(|listed| Some(Limit::OneOf(listed.as_array()?.iter().map(json).collect()))));
        add("const", schema.get("const").map(|value| Some(Limit::OneOf(vec![json(value)]))));
        // In draft 4 the bound is `minimum`, and `exclusiveMinimum: true` beside it.
        let exclusive = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
        let (above, below) = (exclusive("exclusiveMinimum"), exclusive("exclusiveMaximum"));
        add(
            "minimum",
            number("minimum").map(|number| number.map(if above { Limit::ExclusiveMinimum } else { Limit::Minimum })),
        );
        add(
            "maximum",
            number("maximum").map(|number| number.map(if below { Limit::ExclusiveMaximum } else { Limit::Maximum })),
        );
        let flag = |keyword: &str| schema.get(keyword).is_some_and(Value::is_boolean);
        if !flag("exclusiveMinimum") {
            add("exclusiveMinimum", number("exclusiveMinimum").map(|number| number.map(Limit::ExclusiveMinimum)));
        }
        if !flag("exclusiveMaximum") {
            add("exclusiveMaximum", number("exclusiveMaximum").map(|number| number.map(Limit::ExclusiveMaximum)));
        }
        add(
            "multipleOf",
            number("multipleOf").map(|number| {
                number
                    .filter(|number| *number > Numeral::from(0) && number.is_multiple_of(number).is_some())
                    .map(Limit::MultipleOf)
            }),
        );
        add("minLength", count("minLength").map(|count| count.map(Limit::MinLength)));
        add("maxLength", count("maxLength").map(|count| count.map(Limit::MaxLength)));
        add("pattern", schema.get("pattern").map(|text| Pattern::read(text.as_str()?).map(Limit::Pattern)));
        add("minItems", count("minItems").map(|count| count.map(Limit::MinItems)));
        add("maxItems", count("maxItems").map(|count| count.map(Limit::MaxItems)));
        match schema.get("uniqueItems") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => add("uniqueItems", Some(Some(Limit::UniqueItems))),
            Some(_) => add("uniqueItems", Some(None)),
        }
        Self(limits)
    }

    /// These and `others`.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Those of one of several alternatives: none where one has none.
    pub(super) fn any_of(several: Vec<Self>) -> Self {
        match <[Self; 1]>::try_from(several) {
            Ok([only]) => only,
            Err(several) if several.is_empty() || several.iter().any(|limits| limits.0.is_empty()) => Self::default(),
            Err(several) => Self(vec![Limit::AnyOf(several)]),
        }
    }

    /// The first that `value` does not keep to.
    pub fn broken(&self, value: &Json, effort: &Effort) -> Option<&Limit> {
        self.0.iter().find(|limit| !limit.admits(value, effort))
    }
}

impl Limit {
    fn admits(&self, value: &Json, effort: &Effort) -> bool {
        let number = |admits: &dyn Fn(&Numeral) -> bool| value.as_number().is_none_or(admits);
        let text = |admits: &dyn Fn(&str) -> bool| value.as_str().is_none_or(admits);
        let list = |admits: &dyn Fn(&[Json]) -> bool| value.as_array().is_none_or(admits);
        match self {
            Self::OneOf(listed) => listed.contains(value),
            Self::Minimum(least) => number(&|number| number >= least),
            Self::Maximum(most) => number(&|number| number <= most),
            Self::ExclusiveMinimum(least) => number(&|number| number > least),
            Self::ExclusiveMaximum(most) => number(&|number| number < most),
            Self::MultipleOf(one) => number(&|number| number.is_multiple_of(one) == Some(true)),
            Self::MinLength(least) => text(&|text| length(text.chars().count()) >= *least),
            Self::MaxLength(most) => text(&|text| length(text.chars().count()) <= *most),
            Self::Pattern(pattern) => text(&|text| pattern.is_in(text, effort)),
            Self::MinItems(least) => list(&|items| length(items.len()) >= *least),
            Self::MaxItems(most) => list(&|items| length(items.len()) <= *most),
            Self::UniqueItems => list(&|items| items.iter().collect::<BTreeSet<_>>().len() == items.len()),
            Self::AnyOf(several) => several.iter().any(|limits| limits.broken(value, effort).is_none()),
        }
    }
}

impl PartialEq for Limit {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(one), Self::OneOf(other)) => one == other,
            (Self::Minimum(one), Self::Minimum(other))
            | (Self::Maximum(one), Self::Maximum(other))
            | (Self::ExclusiveMinimum(one), Self::ExclusiveMinimum(other))
            | (Self::ExclusiveMaximum(one), Self::ExclusiveMaximum(other))
            | (Self::MultipleOf(one), Self::MultipleOf(other)) => one == other,
            (Self::MinLength(one), Self::MinLength(other))
            | (Self::MaxLength(one), Self::MaxLength(other))
            | (Self::MinItems(one), Self::MinItems(other))
            | (Self::MaxItems(one), Self::MaxItems(other)) => one == other,
            (Self::Pattern(one), Self::Pattern(other)) => one == other,
            (Self::UniqueItems, Self::UniqueItems) => true,
            (Self::AnyOf(one), Self::AnyOf(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Limit {}

impl fmt::Display for Limit {
    /// The keyword, and what it demands.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(_) => out.write_str("not one of those listed"),
            Self::Minimum(least) => write!(out, "less than {least}"),
            Self::Maximum(most) => write!(out, "more than {most}"),
            Self::ExclusiveMinimum(least) => write!(out, "not more than {least}"),
            Self::ExclusiveMaximum(most) => write!(out, "not less than {most}"),
            Self::MultipleOf(one) => write!(out, "no multiple of {one}"),
            Self::MinLength(least) => write!(out, "shorter than {least} characters"),
            Self::MaxLength(most) => write!(out, "longer than {most} characters"),
            Self::Pattern(_) => out.write_str("not as `pattern` has it, or more text than it is looked for in"),
            Self::MinItems(least) => write!(out, "fewer than {least} items"),
            Self::MaxItems(most) => write!(out, "more than {most} items"),
            Self::UniqueItems => out.write_str("two items are the same"),
            Self::AnyOf(_) => out.write_str("within the bounds of no alternative"),
        }
    }
}

fn count(value: &Value) -> Option<u64> {
    value.as_number().and_then(|number| u64::try_from(Numeral::from(number).as_i64()?).ok())
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
