//! The arguments of a tool: what its JSON Schema says about their types, and what Cedar may see of them.
//!
//! Decides which arguments fit; never coerces, rounds or guesses. JSON reaches Cedar only as expressions
//! built value by value from the declared type, so `{"__entity": …}` and `{"__extn": …}` are ordinary keys.
//! The rules are public and stand in [`policy`](super).

mod fit;
mod read;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(super) use fit::Unfit;
pub(super) use read::read;

/// The members of an object, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    properties: BTreeMap<String, Property>,
    /// Whether members that are not declared fit.
    open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Property {
    required: bool,
    nullable: bool,
    shape: Shape,
}

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Boolean,
    Long,
    Decimal,
    /// Any, or one of these.
    String(Option<Vec<String>>),
    Set(Box<Shape>),
    Record(Record),
    /// Any value; Cedar never sees it.
    Opaque,
}

impl Record {
    /// This type in Cedar's JSON schema format.
    pub(super) fn cedar_type(&self) -> Value {
        let attributes: Map<String, Value> = self
            .properties
            .iter()
            .filter_map(|(name, property)| Some((name.clone(), property.cedar_type()?)))
            .collect();
        json!({ "type": "Record", "attributes": attributes })
    }
}

impl Property {
    fn cedar_type(&self) -> Option<Value> {
        let mut cedar_type = self.shape.cedar_type()?;
        cedar_type.as_object_mut()?.insert("required".to_owned(), Value::Bool(self.required && !self.nullable));
        Some(cedar_type)
    }
}

impl Shape {
    fn cedar_type(&self) -> Option<Value> {
        Some(match self {
            Self::Boolean => json!({ "type": "Boolean" }),
            Self::Long => json!({ "type": "Long" }),
            Self::Decimal => json!({ "type": "Extension", "name": "decimal" }),
            Self::String(_) => json!({ "type": "String" }),
            Self::Set(item) => json!({ "type": "Set", "element": item.cedar_type()? }),
            Self::Record(record) => record.cedar_type(),
            Self::Opaque => return None,
        })
    }
}
