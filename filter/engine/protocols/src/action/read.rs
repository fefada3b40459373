//! Reads a request of any protocol, as far as it is there: by its head, with its body, and with what it carries beside that.

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;

use super::{Action, Operation, Rejection, a2a, grpc, http, mcp};
use crate::catalogue::{Protocol, Resource};
use crate::route::Target;

/// Where names of arguments may be in a request that nothing declares and that were not read with the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nowhere.
    Nowhere,
    /// In its header fields, which are metadata.
    Head,
    /// In its query and its body, for a path that is not an endpoint.
    Body,
}

impl Action {
    /// What a request for `resource` does; `body` whole, when there is one or it was held. Of an endpoint no arguments.
    pub fn read(
        resource: &Resource,
        target: &Target,
        headers: &Headers,
        body: Option<&[u8]>,
    ) -> Result<Self, Rejection> {
        match resource.protocol {
            Protocol::Http => http::read(resource, target, body).map_err(Rejection::from),
            Protocol::Mcp => mcp::read(resource, target, headers, body),
            Protocol::A2a => a2a::read(resource, target, headers, body),
            Protocol::Grpc => grpc::read(resource, target, headers, body).map_err(Rejection::from),
        }
    }

    /// What a request for `resource` does, where its head alone says that. Of an endpoint no arguments.
    pub fn foreseen(resource: &Resource, target: &Target, headers: &Headers) -> Result<Option<Self>, Reason> {
        match resource.protocol {
            Protocol::Http => http::read(resource, target, None).map(Some),
            Protocol::Grpc => grpc::read(resource, target, headers, None).map(Some),
            Protocol::Mcp | Protocol::A2a => Ok(None),
        }
    }

    /// With its arguments, if it is an endpoint: what others have was read with them.
    pub fn with_arguments(
        self,
        resource: &Resource,
        target: &Target,
        headers: &Headers,
        body: &[u8],
    ) -> Result<Self, Reason> {
        http::with_arguments(self, resource, target, headers, body)
    }

    /// Where names may be that are still to be looked for.
    pub fn beside(&self) -> Beside {
        match &self.operation {
            Operation::Http { .. } => Beside::Body,
            Operation::Grpc(_) => Beside::Head,
            Operation::Endpoint(_)
            | Operation::ToolCall(_)
            | Operation::Event(_)
            | Operation::Mcp(_)
            | Operation::A2a(_) => Beside::Nowhere,
        }
    }

    /// Tells `found` every name that is [beside](Self::beside) it, each as any reader could see it.
    ///
    /// # Errors
    /// Where the body says that it is JSON and is not, or cannot be read for what it is coded in.
    pub fn names_beside(
        &self,
        target: &Target,
        headers: &Headers,
        body: &[u8],
        found: &mut dyn FnMut(&str),
    ) -> Result<(), Reason> {
        match self.beside() {
            Beside::Nowhere => Ok(()),
            Beside::Head => {
                grpc::beside(self, headers, found);
                Ok(())
            }
            Beside::Body => http::names(target, headers, body, found),
        }
    }
}
