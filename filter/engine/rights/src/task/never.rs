//! Grants that cover nothing a catalogue has: for people who write them into a configuration. What a token grants is judged when
//! it comes, and is a finding at most.

use std::fmt;

use countersign_facts::pointer::Pointer;
use countersign_protocols::action::Spelled;
use countersign_protocols::catalogue::{Protocol, Resource};
use countersign_protocols::shape::Rest;

use super::grant::{Grant, Object};

/// Why a grant covers nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {
    /// There is no such operation.
    Operation(String),
    /// The operation is of another protocol than the resource.
    Protocol { operation: String, resource: String, protocol: Protocol },
    /// The resource declares others of `what` (tools, endpoints, methods), and not this one.
    Undeclared { what: &'static str, name: String, resource: String },
    /// The endpoint is asked with another method.
    Method { endpoint: String, asked: String, operation: String },
    /// A constraint is on an argument that what it names does not have, and must not be given.
    Argument { place: Pointer, name: String },
}

impl fmt::Display for Never {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(name) => write!(out, "covers nothing: `{name}` is not an operation"),
            Self::Protocol { operation, resource, protocol } => {
                let protocol = protocol.name();
                write!(out, "covers nothing: `{resource}` has `protocol: {protocol}`, and `{operation}` is of another")
            }
            Self::Undeclared { what, name, resource } => {
                write!(out, "covers nothing that is declared: `{name}` is not among the `{what}` of `{resource}`")
            }
            Self::Method { endpoint, asked, operation } => {
                write!(out, "covers nothing: the endpoint `{endpoint}` is `http:{asked}`, and this is `{operation}`")
            }
            Self::Argument { place, name } => {
                write!(
                    out,
                    "covers nothing: it bounds `{place}`, which the `input_schema` of `{name}` does not declare, so no call has it"
                )
            }
        }
    }
}

impl Grant {
    /// Whether it is for nothing that any of `resources` has.
    pub(crate) fn is_dead(&self, resources: &[Resource]) -> bool {
        let Some(action) = Spelled::parse(&self.action) else { return true };
        let object = if let Some(Object::Exact(name)) = &self.object { Some(name.as_str()) } else { None };
        let reaches = |resource: &Resource| action.may_be_on(resource, object);
        !resources
            .iter()
            .any(|resource| self.resource.as_ref().is_none_or(|name| *name == resource.name) && reaches(resource))
    }

    /// Why it covers nothing that `resources` are asked for, if it does not.
    pub fn never(&self, resources: &[Resource]) -> Option<Never> {
        if Spelled::parse(&self.action).and_then(Spelled::known).is_none() {
            return Some(Never::Operation(self.action.clone()));
        }
        let meant = || resources.iter().filter(|resource| self.is_on(&resource.name));
        if self.is_dead(resources) {
            return meant().next().map(|resource| self.absent(resource));
        }
        let Some(Object::Exact(name)) = &self.object else { return None };
        let places = self.arguments.iter().map(|(place, _)| place.pointer());
        let refused = |place: &&Pointer| meant().all(|resource| self.is_refused(place, resource));
        places.into_iter().find(refused).map(|place| Never::Argument { place: place.clone(), name: name.clone() })
    }

    /// Why `resource`, which it is on, has nothing that it could be about.
    fn absent(&self, resource: &Resource) -> Never {
        let (operation, protocol) = (self.action.clone(), resource.protocol);
        let other = || Never::Protocol { operation: operation.clone(), resource: resource.name.clone(), protocol };
        let spoken = operation.split_once(':').is_some_and(|(spoken, _)| spoken == protocol.name());
        let Some(Object::Exact(name)) = self.object.as_ref().filter(|_| spoken) else { return other() };
        let undeclared = |what| Never::Undeclared { what, name: name.clone(), resource: resource.name.clone() };
        match (resource.interface.endpoint(name), protocol.declares()) {
            (Some(endpoint), _) => Never::Method { endpoint: name.clone(), asked: endpoint.method.clone(), operation },
            (None, Some(what)) => undeclared(what),
            (None, None) => other(),
        }
    }

    /// Whether what it names on `resource` never has the argument at `place`.
    fn is_refused(&self, place: &Pointer, resource: &Resource) -> bool {
        let schema = self.entry(resource).and_then(|entry| entry.input_schema.as_ref());
        let types = schema.and_then(|schema| schema.types().ok());
        let named = place.tokens().next();
        types
            .zip(named)
            .is_some_and(|(types, name)| types.rest == Rest::Refused && !types.properties.contains_key(&name))
    }
}
