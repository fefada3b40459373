//! What a JSON Schema says about the types of a tool's arguments, and where it says none that policies could read.
//!
//! Types, the names of members and bounds of single values are read here; what else there is, is named. Never decides: whether a value fits is
//! judged by the room of policies, where the rules stand that are public.

mod limits;
mod pattern;
mod place;
mod problem;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::bounds::Bounds;

pub(crate) use limits::Limits;
pub use pattern::Effort;
pub use place::beside;
pub use problem::{SchemaProblem, Unreadable, Why};

/// A tool's JSON Schema, as it is written and as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSchema {
    written: Value,
    types: Result<Arc<Record>, Vec<(String, SchemaProblem)>>,
    not_enforced: Vec<String>,
    additional: bool,
}

/// The members of an object, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub properties: BTreeMap<String, Property>,
    pub rest: Rest,
    /// What is worked out of the members, for policies, under names that none of them has.
    pub derived: BTreeMap<String, Bounds>,
}

/// What holds of members that are not declared by name.
#[derive(Clone, Debug, PartialEq)]
pub enum Rest {
    /// None fits.
    Refused,
    /// They fit, and nobody knows what they are: this keyword admits them.
    Open(&'static str),
    /// Those fit that nobody asks for, as configuration has it: no policy, no grant and no rule about risk.
    Unasked,
    /// The object is a map of these; as a whole it cannot be read.
    Map(Box<Property>, Unreadable),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub required: bool,
    pub nullable: bool,
    pub shape: Shape,
    /// Of what is not `null`.
    pub limits: Limits,
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Boolean,
    Long,
    Decimal,
    /// Any, or one of these.
    String(Option<Vec<String>>),
    /// Each item is so, and is there.
    Set(Box<Property>),
    Record(Record),
    /// Any value; policies never see it.
    Opaque(Unreadable),
}

impl InputSchema {
    /// As it is written.
    pub fn written(&self) -> &Value {
        &self.written
    }

    /// What it says, or every problem with its place below the schema (`/properties/amount/type`).
    pub fn types(&self) -> Result<&Arc<Record>, &[(String, SchemaProblem)]> {
        self.types.as_ref().map_err(Vec::as_slice)
    }

    /// Keywords that bound arguments and that nothing here enforces, as RFC 6901 pointers from its root.
    pub fn not_enforced(&self) -> &[String] {
        &self.not_enforced
    }

    /// This schema, but its objects admit members that it does not name and that nobody asks for.
    #[must_use]
    pub fn admitting_additional(self) -> Self {
        let types = self.types.map(|record| Arc::new(record.as_ref().clone().admitting_unasked()));
        Self { types, additional: true, ..self }
    }

    /// Whether it was [made to](Self::admitting_additional) admit more than it says.
    pub fn admits_additional(&self) -> bool {
        self.additional
    }

    /// This schema, and `derived` is worked out from the arguments.
    #[must_use]
    pub fn deriving(self, derived: BTreeMap<String, Bounds>) -> Self {
        let types = self.types.map(|record| Arc::new(Record { derived, ..record.as_ref().clone() }));
        Self { types, ..self }
    }

    /// What is worked out of the arguments, by the names that policies have for it.
    pub fn derived(&self) -> impl Iterator<Item = (&String, &Bounds)> {
        self.types.iter().flat_map(|record| &record.derived)
    }

    /// The type of the argument `name`, if it is declared.
    pub fn argument(&self, name: &str) -> Option<&Shape> {
        self.types.as_ref().ok()?.member(name).map(|property| &property.shape)
    }
}

impl From<Value> for InputSchema {
    fn from(written: Value) -> Self {
        let (types, not_enforced) = read::read(&written);
        Self { types: types.map(Arc::new), not_enforced, written, additional: false }
    }
}

impl Record {
    /// Of which nothing is known.
    pub const fn open() -> Self {
        Self { properties: BTreeMap::new(), rest: Rest::Open("additionalProperties"), derived: BTreeMap::new() }
    }

    /// Why a policy cannot read all of it; none where it can.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        match &self.rest {
            Rest::Map(_, unreadable) => Some(unreadable),
            Rest::Refused | Rest::Open(_) | Rest::Unasked => {
                self.properties.values().find_map(|property| property.shape.unreadable())
            }
        }
    }

    /// The member `name`, if it is declared: by its name, or as one of a map.
    pub fn member(&self, name: &str) -> Option<&Property> {
        self.properties.get(name).or(match &self.rest {
            Rest::Map(property, _) => Some(property),
            Rest::Refused | Rest::Open(_) | Rest::Unasked => None,
        })
    }

    /// This record, but every object that refused undeclared members admits those that nobody asks for.
    fn admitting_unasked(self) -> Self {
        let properties = self.properties.into_iter().map(|(name, property)| (name, property.admitting_unasked()));
        let rest = match self.rest {
            Rest::Refused | Rest::Unasked => Rest::Unasked,
            Rest::Open(keyword) => Rest::Open(keyword),
            Rest::Map(property, unreadable) => Rest::Map(Box::new(property.admitting_unasked()), unreadable),
        };
        Self { properties: properties.collect(), rest, derived: self.derived }
    }
}

impl Property {
    fn admitting_unasked(self) -> Self {
        let shape = match self.shape {
            Shape::Set(item) => Shape::Set(Box::new(item.admitting_unasked())),
            Shape::Record(record) => Shape::Record(record.admitting_unasked()),
            other @ (Shape::Boolean | Shape::Long | Shape::Decimal | Shape::String(_) | Shape::Opaque(_)) => other,
        };
        Self { shape, ..self }
    }
}

impl Shape {
    /// Why a policy cannot read all of it; none where it can.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        match self {
            Self::Boolean | Self::Long | Self::Decimal | Self::String(_) => None,
            Self::Opaque(unreadable) => Some(unreadable),
            Self::Set(item) => item.shape.unreadable(),
            Self::Record(record) => record.unreadable(),
        }
    }
}
