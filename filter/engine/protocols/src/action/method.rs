//! The methods of every protocol, and how actions are called by them: `mcp:tools/call`, `http:GET`.
//!
//! What there is to know of a method is in the table of its protocol; what is here is the same for all of them. Nothing is read
//! here, and nothing decided.

use std::{fmt, iter};

use super::{Class, a2a, grpc, http, mcp};
use crate::catalogue::{Protocol, Resource, Tool};
use crate::shape::InputSchema;

/// A method of a protocol: of MCP a message or a leg of the transport, of A2A an operation, of HTTP and gRPC what they call so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    pub protocol: Protocol,
    /// As the protocol spells it: `tools/call`.
    pub name: &'static str,
    /// As actions are called by it: `mcp:tools/call`.
    pub action: &'static str,
    pub class: Class,
    pub(super) subject: Subject,
}

/// What kind of thing a method names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// What is called by its name, with arguments: a tool, the method of a gRPC service.
    Tool,
    /// An event, with arguments. `delivers` where it says where the server is to send what happens.
    Event { delivers: bool },
    /// What may be a URI.
    Uri,
    /// Something else, or nothing.
    Other,
}

impl Method {
    /// The one that actions are called `action` by.
    pub(super) const fn new(protocol: Protocol, action: &'static str, class: Class) -> Self {
        let name = match action.split_at_checked(protocol.name().len() + 1) {
            Some((_, name)) => name,
            None => action,
        };
        Self { protocol, name, action, class, subject: Subject::Other }
    }

    /// It, by protocol and name.
    pub const fn spelled(&self) -> Spelled<'static> {
        Spelled { protocol: self.protocol, method: self.name }
    }

    /// Whether it calls something by name that need not be declared: a tool, the method of a gRPC service.
    pub fn calls(&self) -> bool {
        self.subject == Subject::Tool
    }

    /// Whether it is about an event, with arguments.
    pub(super) fn is_about_event(&self) -> bool {
        matches!(self.subject, Subject::Event { .. })
    }

    /// Whether it says where its server is to send what happens.
    pub fn delivers(&self) -> bool {
        self.subject == Subject::Event { delivers: true }
    }

    /// Whether what it names may be URIs.
    pub fn names_uris(&self) -> bool {
        self.subject == Subject::Uri
    }
}

/// An action as grants, policies and records call it: `mcp:tools/call`. Its protocol need not have such a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spelled<'a> {
    pub protocol: Protocol,
    pub method: &'a str,
}

impl<'a> Spelled<'a> {
    /// What `name` stands for, if it begins with a protocol.
    pub fn parse(name: &'a str) -> Option<Self> {
        let (protocol, method) = name.split_once(':')?;
        let protocol = Protocol::ALL.into_iter().find(|known| known.name() == protocol)?;
        Some(Self { protocol, method })
    }

    /// The method that is meant, if the protocol has it.
    pub fn known(self) -> Option<Method> {
        self.protocol.methods().iter().copied().find(|known| known.name == self.method)
    }

    /// Whether grants can demand something of its arguments: of most methods of MCP none are read.
    pub fn has_arguments(self) -> bool {
        self.protocol != Protocol::Mcp || self.known().is_some_and(|method| method.calls() || method.is_about_event())
    }

    /// Whether the client says where it leads. Elsewhere the authority is this gateway's own name.
    pub fn leads(self) -> bool {
        self.protocol == Protocol::Http || self.known().is_some_and(|method| method.delivers())
    }

    /// What `resource` declares of the one thing that is called `object` where this is done: a tool, an event for this method, an
    /// endpoint that is asked with this method, a gRPC method. Each method has names of its own: a tool and an event may be called
    /// alike.
    pub fn entry<'r>(self, object: &str, resource: &'r Resource) -> Option<&'r Tool> {
        if self.protocol != resource.protocol {
            return None;
        }
        let declared = || resource.tools.get(object);
        match self.protocol {
            Protocol::Mcp => match self.known()? {
                method if method.is_about_event() => resource.tools.get(&mcp::declared(method.name, object)),
                method => declared().filter(|_| method.calls() && !resource.is_event(object)),
            },
            Protocol::Http => {
                let method = &resource.interface.endpoint(object)?.method;
                // Servers answer it as they answer `GET` (`Interface::find`).
                let is_asked = method == self.method || (method == "GET" && self.method == "HEAD");
                declared().filter(|_| is_asked)
            }
            Protocol::Grpc => declared(),
            Protocol::A2a => None,
        }
    }

    /// Whether it can be done on `resource`, as far as the catalogue says: to what is called `object`, or to anything.
    pub fn may_be_on(self, resource: &Resource, object: Option<&str>) -> bool {
        if self.protocol != resource.protocol {
            return false;
        }
        let is_declared = |object| self.entry(object, resource).is_some();
        match (self.protocol, object) {
            (Protocol::Http, Some(path)) if path.starts_with('/') => true,
            (Protocol::Http, Some(endpoint)) => is_declared(endpoint),
            (Protocol::Mcp, Some(tool)) if self.known().is_some_and(|method| method.calls()) => {
                // Where no tool is declared, none is known to be absent.
                resource.tools.keys().all(|name| resource.is_event(name)) || is_declared(tool)
            }
            (Protocol::Grpc, Some(method)) => {
                self.known().is_some() && (!resource.interface.closed || is_declared(method))
            }
            (Protocol::Mcp | Protocol::A2a, Some(_)) | (_, None) => true,
        }
    }
}

impl fmt::Display for Spelled<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.protocol.name(), self.method)
    }
}

/// What every protocol says of its methods, made of a `table` whose rows have it.
macro_rules! methods_of {
    ($table:ident) => {{
        let mut methods = [$table[0].method(); $table.len()];
        let mut row = 1;
        while row < $table.len() {
            methods[row] = $table[row].method();
            row += 1;
        }
        methods
    }};
}
pub(super) use methods_of;

impl Protocol {
    /// Every method that it has.
    pub fn methods(self) -> &'static [Method] {
        match self {
            Self::Http => &http::METHODS,
            Self::Mcp => mcp::methods(),
            Self::A2a => a2a::methods(),
            Self::Grpc => &[grpc::CALL],
        }
    }

    /// What all of its methods have as arguments, where that is the same for each.
    pub fn arguments(self) -> Option<InputSchema> {
        (self == Self::A2a).then(|| InputSchema::from(a2a::arguments_schema()))
    }

    /// The method that calls what has a name and need not be declared, if there are such things: a tool, the method of a gRPC service.
    pub fn call(self) -> Option<Method> {
        self.methods().iter().copied().find(Method::calls)
    }
}

impl Resource {
    /// Every method that requests for it can be of: its protocol's, and HTTP's, for browsers ask with `OPTIONS` first.
    pub fn methods(&self) -> impl Iterator<Item = Method> {
        let own = iter::once(self.protocol).filter(|own| *own != Protocol::Http);
        iter::once(Protocol::Http).chain(own).flat_map(Protocol::methods).copied()
    }

    /// The method that `tool`, which it declares, is called by: an event by its own, an endpoint by that of HTTP.
    pub fn method_of(&self, tool: &str) -> Option<Method> {
        match self.protocol {
            Protocol::Http => {
                let endpoint = self.interface.endpoint(tool)?;
                self.protocol.methods().iter().copied().find(|method| method.name == endpoint.method)
            }
            Protocol::Mcp => mcp::event(tool).map(|(method, _)| method).or_else(|| self.protocol.call()),
            Protocol::A2a | Protocol::Grpc => self.protocol.call(),
        }
    }

    /// Whether `tool` is how an event is called that it may declare.
    pub fn is_event(&self, tool: &str) -> bool {
        self.protocol == Protocol::Mcp && mcp::event(tool).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_called_by_protocol_and_method() {
        for method in Protocol::ALL.into_iter().flat_map(Protocol::methods).copied() {
            assert_eq!(method.action, format!("{}:{}", method.protocol.name(), method.name));
            assert_eq!(Spelled::parse(method.action), Some(method.spelled()));
            assert_eq!(method.spelled().known(), Some(method));
        }
        assert_eq!(Spelled::parse("mcp:tools/none").map(Spelled::known), Some(None));
        for name in ["mcp", "MCP:ping", "soap:a", ":a", ""] {
            assert_eq!(Spelled::parse(name), None, "{name}");
        }
    }

    #[test]
    fn one_method_of_a_protocol_calls_by_name() {
        let calls = |protocol: Protocol| {
            protocol.methods().iter().filter(|method| method.calls()).map(|method| method.action).collect()
        };
        let called: Vec<Vec<&str>> = Protocol::ALL.into_iter().map(calls).collect();
        assert_eq!(called, [vec![], vec!["mcp:tools/call"], vec![], vec!["grpc:call"]]);
    }
}
