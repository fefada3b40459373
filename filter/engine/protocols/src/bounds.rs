//! What may hold of arguments: where in them, and which of the values there. Written by whoever writes grants, and by whoever declares
//! what policies read of a tool's arguments.
//!
//! It says whether values are inside; never what follows from that.
pub mod authority;
mod constraint;
mod error;
mod glob;
pub mod networks;
mod place;
pub mod text;

use countersign_tokens::json::Members;
use serde_json::Value;

pub use constraint::Constraint;
pub use error::TaskError;
pub use place::ArgumentPlace;
pub(crate) use place::Step;

/// Constraints of one grant.
const MAX_CONSTRAINTS: usize = 64;

/// What must hold of arguments, all of it, as grants write it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds(Vec<(ArgumentPlace, Constraint)>);

impl Bounds {
    /// By JSON Pointer, constraints by kind: `{ "/paths/*": { "prefix": "/data/" } }`.
    pub fn parse(value: &Value) -> Result<Self, TaskError> {
        match constraints(value)? {
            none if none.is_empty() => Err(TaskError::unusable("constraint")),
            some => Ok(Self(some)),
        }
    }

    /// Whether all of it holds; of an argument that is absent nothing does.
    pub fn admit(&self, arguments: &Members) -> bool {
        self.0.iter().all(|(place, constraint)| is_met(place, constraint, Some(arguments)))
    }

    /// What it is about.
    pub fn places(&self) -> impl Iterator<Item = &ArgumentPlace> {
        self.0.iter().map(|(place, _)| place)
    }
}

/// Each place in arguments, and a constraint on what is there, as grants write them.
pub fn constraints(arguments: &Value) -> Result<Vec<(ArgumentPlace, Constraint)>, TaskError> {
    let arguments = arguments.as_object().ok_or_else(|| TaskError::unusable("`arguments` of a grant"))?;
    let mut read = Vec::new();
    for (pointer, demands) in arguments {
        let place = ArgumentPlace::parse(pointer).ok_or_else(|| TaskError::unusable("pointer of a constraint"))?;
        let demands = demands.as_object().filter(|demands| !demands.is_empty());
        for (kind, operand) in demands.ok_or_else(|| TaskError::unusable("constraint"))? {
            read.push((place.clone(), Constraint::parse(kind, operand)?));
        }
    }
    if read.len() > MAX_CONSTRAINTS { Err(TaskError::TooMany("constraints")) } else { Ok(read) }
}

/// Whether all that is at `place` in `arguments` meets `constraint`; what is absent does not.
pub fn is_met(place: &ArgumentPlace, constraint: &Constraint, arguments: Option<&Members>) -> bool {
    arguments.is_some_and(|arguments| place.all(arguments, &|argument| constraint.admits(argument)))
}
