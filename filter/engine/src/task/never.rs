//! Grants that cover nothing a catalogue has: for people who write them into a configuration. What a token grants is judged when
//! it comes, and is a finding at most.

use std::fmt;

use super::grant::{Grant, Object};
use super::pointer::Pointer;
use crate::action::{a2a, http, mcp};
use crate::catalogue::Resource;
use crate::hygiene;
use crate::shape::Rest;

/// Why a grant covers nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {
    /// There is no such operation.
    Operation(String),
    /// The resource is not asked for such a thing.
    Elsewhere,
    /// A constraint is on an argument that the tool does not have, and must not be given.
    Argument(Pointer),
}

impl fmt::Display for Never {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(name) => write!(out, "covers nothing: there is no operation `{name}`"),
            Self::Elsewhere => out.write_str("covers nothing: its resource is never asked for that"),
            Self::Argument(place) => {
                write!(
                    out,
                    "covers nothing: it bounds `{place}`, which `input_schema` does not declare, so no call has it"
                )
            }
        }
    }
}

impl Grant {
    /// Why it covers nothing that `resources` are asked for, if it does not.
    pub fn never(&self, resources: &[Resource]) -> Option<Never> {
        if !is_operation(&self.action) {
            return Some(Never::Operation(self.action.clone()));
        }
        if hygiene::is_dead(self, resources) {
            return Some(Never::Elsewhere);
        }
        let places = self.arguments.iter().map(|(place, _)| place.pointer());
        places.into_iter().find(|place| self.is_refused(place, resources)).cloned().map(Never::Argument)
    }

    /// Whether what it names never has the argument at `place`.
    fn is_refused(&self, place: &Pointer, resources: &[Resource]) -> bool {
        let (Some(Object::Exact(tool)), Some(name)) = (&self.object, place.tokens().next()) else { return false };
        let mut meant = resources.iter().filter(|resource| self.is_on(&resource.name)).peekable();
        let refuses = |resource: &Resource| {
            let schema = resource.tools.get(tool).and_then(|tool| tool.input_schema.as_ref());
            let types = schema.and_then(|schema| schema.types().ok());
            types.is_some_and(|types| types.rest == Rest::Refused && !types.properties.contains_key(&name))
        };
        meant.peek().is_some() && meant.all(refuses)
    }
}

/// Whether an action can be called so.
fn is_operation(name: &str) -> bool {
    let listed =
        |methods: &[(&str, crate::action::Class)], method: &str| methods.iter().any(|(name, _)| *name == method);
    match name.split_once(':') {
        Some(("mcp", method)) => listed(mcp::METHODS, method),
        Some(("a2a", operation)) => listed(a2a::METHODS, operation),
        Some(("http", method)) => http::METHODS.contains(&method),
        Some(("grpc", operation)) => operation == "call",
        Some(_) | None => false,
    }
}
