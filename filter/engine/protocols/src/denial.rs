//! In whose words a denial is put: those of the protocol that the client speaks. The words themselves are not chosen here.

use countersign_facts::headers::Headers;

use crate::action::mcp::{self, Era};
use crate::action::{Action, a2a};
use crate::catalogue::{Denials, Protocol, Resource};
use crate::route::Target;

/// The form that a denial has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenialForm<'a> {
    /// A problem of HTTP (RFC 9457); `proxy` where the gateway is the client's proxy (RFC 9110 §15.5.8).
    Problem { proxy: bool },
    /// An error of MCP, or what the model reads as the result of its tool.
    Message {
        denials: Denials,
        /// Whether a tool was called.
        called: bool,
        /// Of the era without sessions.
        stateless: bool,
        /// The version that was asked for, as far as it can be repeated.
        version: Option<&'a str>,
    },
    /// An error of an A2A agent, `rpc` at its endpoint for JSON-RPC.
    Agent { rpc: bool },
    /// A status of gRPC.
    GrpcStatus,
}

impl<'a> DenialForm<'a> {
    /// Of what is denied at `resource` to a request with `headers`, as far as it was read.
    pub fn of(
        resource: Option<&Resource>,
        target: Option<&Target>,
        headers: &'a Headers,
        action: Option<&Action>,
    ) -> Self {
        let Some(resource) = resource else { return Self::Problem { proxy: false } };
        match resource.protocol {
            Protocol::Http => Self::Problem { proxy: resource.interface.egress },
            Protocol::Mcp => Self::Message {
                denials: resource.denials,
                called: action.is_some_and(|action| action.called_tool().is_some()),
                stateless: Era::stateless(headers),
                version: mcp::requested(headers),
            },
            Protocol::A2a => Self::Agent { rpc: target.is_some_and(|target| a2a::is_rpc(resource, target)) },
            Protocol::Grpc => Self::GrpcStatus,
        }
    }
}
