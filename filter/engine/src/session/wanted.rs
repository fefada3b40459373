//! How much of a body the decision about a request needs: as little as possible, so that what nobody reads is streamed.

use super::Turn;
use super::account::Account;
use super::request::Request;
use crate::action::{Action, a2a, grpc, http};
use crate::catalogue::{Protocol, Resource};
use crate::reason::Reason;

/// What of the body is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing: it is streamed, and the decision is made at the head.
    Nothing,
    /// Nothing; but the arguments, all of which are in the head, are read.
    HeadArguments,
    /// All of it, as bytes: an approval is for these bytes.
    Bytes,
    /// All of it, with what it says.
    Message,
}

impl Wanted {
    /// Whether the request is held until its whole body is there.
    pub(super) fn holds(self) -> bool {
        match self {
            Self::Nothing | Self::HeadArguments => false,
            Self::Bytes | Self::Message => true,
        }
    }

    /// Whether the arguments are read.
    pub(super) fn reads_arguments(self) -> bool {
        match self {
            Self::Nothing | Self::Bytes => false,
            Self::HeadArguments | Self::Message => true,
        }
    }
}

impl Turn<'_> {
    /// What of the body `request` must be held for. Who calls is known.
    pub(super) fn wanted(&self, resource: &Resource, request: &Request, account: &Account) -> Result<Wanted, Reason> {
        let (target, headers) = (&request.target, &request.head.headers);
        match resource.protocol {
            Protocol::Mcp => Ok(Wanted::Message),
            Protocol::A2a => Ok(if a2a::needs_body(target)? { Wanted::Message } else { Wanted::Nothing }),
            Protocol::Grpc => {
                let action = grpc::read(resource, target, headers, None)?;
                Ok(if self.may_ask(&action, account) { Wanted::Bytes } else { Wanted::Nothing })
            }
            // A tunnel has no body: nothing comes before it is open.
            Protocol::Http if target.method == "CONNECT" => Ok(Wanted::Nothing),
            Protocol::Http => Ok(self.wanted_of_http(resource, &http::read(resource, target, None)?, account)),
        }
    }

    fn wanted_of_http(&self, resource: &Resource, action: &Action, account: &Account) -> Wanted {
        let asks = self.may_ask(action, account);
        let Some(endpoint) = http::endpoint(resource, action) else {
            return if asks { Wanted::Bytes } else { Wanted::Nothing };
        };
        let typed = resource.tools.get(&endpoint.name).is_some_and(|tool| tool.input_schema.is_some());
        let needed = asks
            || self.engine.policy.reads_arguments(action)
            || self.is_restricted(action, account)
            || self.engine.config.risk.read_arguments(resource.tools.get(&endpoint.name));
        match (http::is_read_at_head(endpoint), needed, asks) {
            // An approval is for the whole request, and approvers see its arguments.
            (_, _, true) | (false, true, false) => Wanted::Message,
            (true, true, false) => Wanted::HeadArguments,
            // What costs nothing is checked against its schema, whether a rule reads it or not.
            (true, false, false) if typed => Wanted::HeadArguments,
            (_, false, false) => Wanted::Nothing,
        }
    }

    /// Whether somebody could be asked about it.
    fn may_ask(&self, action: &Action, account: &Account) -> bool {
        self.engine.policy.may_step_up(action) || account.task().is_some_and(|task| task.asks.name(action))
    }

    /// Whether a grant demands something of its arguments.
    fn is_restricted(&self, action: &Action, account: &Account) -> bool {
        let ceilings = account.verified.iter().flat_map(|verified| &verified.ceilings);
        let entries = ceilings.filter_map(|ceiling| self.engine.config.workloads.entry(ceiling.entry));
        let mut listed = entries.filter_map(|entry| entry.governed.actions());
        account.task().is_some_and(|task| task.grants.restrict(action)) || listed.any(|grants| grants.restrict(action))
    }
}
