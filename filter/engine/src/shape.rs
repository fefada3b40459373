//! What a JSON Schema says about the types of a tool's arguments, and where it says none that policies could read.
//!
//! Only types and the names of members are read here, and no other keyword is enforced. Never decides: whether a value fits is
//! judged by [`policy`](crate::policy), where the rules stand that are public.

mod problem;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use problem::{SchemaProblem, Unreadable, Why};

/// A tool's JSON Schema, as it is written and as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSchema {
    written: Value,
    types: Result<Arc<Record>, Vec<(String, SchemaProblem)>>,
}

/// The members of an object, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) properties: BTreeMap<String, Property>,
    pub(crate) rest: Rest,
}

/// What holds of members that are not declared by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// None fits.
    Refused,
    /// They fit, and nobody knows what they are.
    Open,
    /// The object is a map of these; as a whole it cannot be read.
    Map(Box<Property>, Unreadable),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) required: bool,
    pub(crate) nullable: bool,
    pub(crate) shape: Shape,
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Boolean,
    Long,
    Decimal,
    /// Any, or one of these.
    String(Option<Vec<String>>),
    Set(Box<Shape>),
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
    pub(crate) fn types(&self) -> Result<&Arc<Record>, &[(String, SchemaProblem)]> {
        self.types.as_ref().map_err(Vec::as_slice)
    }

    /// The type of the argument `name`, if it is declared.
    pub(crate) fn argument(&self, name: &str) -> Option<&Shape> {
        self.types.as_ref().ok()?.member(name).map(|property| &property.shape)
    }
}

impl From<Value> for InputSchema {
    fn from(written: Value) -> Self {
        let types = read::read(&written).map(Arc::new);
        Self { written, types }
    }
}

impl Record {
    /// Of which nothing is known.
    pub(crate) const fn open() -> Self {
        Self { properties: BTreeMap::new(), rest: Rest::Open }
    }

    /// Why a policy cannot read all of it; none where it can.
    pub(crate) fn unreadable(&self) -> Option<&Unreadable> {
        match &self.rest {
            Rest::Map(_, unreadable) => Some(unreadable),
            Rest::Refused | Rest::Open => self.properties.values().find_map(|property| property.shape.unreadable()),
        }
    }

    /// The member `name`, if it is declared: by its name, or as one of a map.
    pub(crate) fn member(&self, name: &str) -> Option<&Property> {
        self.properties.get(name).or(match &self.rest {
            Rest::Map(property, _) => Some(property),
            Rest::Refused | Rest::Open => None,
        })
    }
}

impl Shape {
    /// Why a policy cannot read all of it; none where it can.
    pub(crate) fn unreadable(&self) -> Option<&Unreadable> {
        match self {
            Self::Boolean | Self::Long | Self::Decimal | Self::String(_) => None,
            Self::Opaque(unreadable) => Some(unreadable),
            Self::Set(item) => item.unreadable(),
            Self::Record(record) => record.unreadable(),
        }
    }
}
