//! How much of a body the decision about a request needs: as little as possible, so that what nobody reads is streamed.

use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_protocols::action::http::Following;
use countersign_protocols::action::{Action, a2a, grpc, http};
use countersign_protocols::catalogue::{BodyKind, Endpoint, Protocol, Resource};

use super::Turn;
use super::account::Account;
use super::request::Request;

/// What of a request is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) hold: Hold,
    /// Whether the arguments are read, wherever they are.
    pub(super) arguments: bool,
}

/// What of the body a request is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Nothing: it is streamed, and the decision is made at the head.
    Nothing,
    /// That there is none.
    Absence,
    /// Its first bytes, which tell whether anything in it is read; in audit only by policies that are tried.
    Start(Mode),
    /// All of it: for what it says, or because an approval is for these bytes.
    All,
}

impl Wanted {
    const NOTHING: Self = Self { hold: Hold::Nothing, arguments: false };
    const ABSENCE: Self = Self { hold: Hold::Absence, arguments: false };
    const BYTES: Self = Self { hold: Hold::All, arguments: false };
    const MESSAGE: Self = Self { hold: Hold::All, arguments: true };
}

impl Turn<'_> {
    /// What of the body `request` must be held for. Who calls is known.
    pub(super) fn wanted(&self, resource: &Resource, request: &Request, account: &Account) -> Result<Wanted, Reason> {
        let (target, headers) = (&request.target, &request.head.headers);
        match resource.protocol {
            Protocol::Mcp => Ok(Wanted::MESSAGE),
            Protocol::A2a if a2a::needs_body(target)? => Ok(Wanted::MESSAGE),
            Protocol::A2a => Ok(if request.is_endless() { Wanted::NOTHING } else { Wanted::ABSENCE }),
            Protocol::Grpc => {
                let action = grpc::read(resource, target, headers, None)?;
                Ok(if self.may_ask(&action, account) { Wanted::BYTES } else { Wanted::NOTHING })
            }
            // A tunnel has no body: nothing comes before it is open.
            Protocol::Http if target.method == "CONNECT" => Ok(Wanted::NOTHING),
            Protocol::Http => self.wanted_of_http(resource, request, account),
        }
    }

    fn wanted_of_http(&self, resource: &Resource, request: &Request, account: &Account) -> Result<Wanted, Reason> {
        let action = http::read(resource, &request.target, None)?;
        let endpoint = http::endpoint(resource, &action);
        let following = Following::of(resource, endpoint, &request.head.headers, request.head.end)?;
        let asks = self.may_ask(&action, account);
        let (arguments, needed) = match endpoint {
            Some(endpoint) => self.wanted_of_endpoint(resource, endpoint, &action, account),
            None => (false, false),
        };
        let hold = match following {
            // What is said after an upgrade nobody reads; before it there may be no body that others would read.
            Following::Nothing if request.is_endless() => {
                http::check_bodiless(&request.head.headers).map(|()| Hold::Nothing)?
            }
            Following::Nothing => Hold::Absence,
            Following::Form => Hold::All,
            // An approval is for the whole request, and approvers see its arguments.
            Following::Anything if asks || needed => Hold::All,
            Following::Anything if request.is_endless() => Hold::Nothing,
            Following::Anything if endpoint.is_none() => self.hold_for_names(request, &action),
            Following::Anything => Hold::Nothing,
        };
        Ok(Wanted { hold, arguments: arguments || asks })
    }

    /// What of a body at a path that is no endpoint is held for the names in it that policies ask for. What it is held for is
    /// a trial where only those in audit do.
    fn hold_for_names(&self, request: &Request, action: &Action) -> Hold {
        let asked = self.engine.policy.asked(action);
        match request.may_name() {
            Some(true) if asked.any(Mode::Enforce) => Hold::All,
            None if asked.any(Mode::Enforce) => Hold::Start(Mode::Enforce),
            None if asked.any(Mode::Audit) && request.untried.is_none() => Hold::Start(Mode::Audit),
            Some(_) | None => Hold::Nothing,
        }
    }

    /// Whether the arguments of a request for `endpoint` are read, and whether its body is needed for that.
    fn wanted_of_endpoint(
        &self,
        resource: &Resource,
        endpoint: &Endpoint,
        action: &Action,
        account: &Account,
    ) -> (bool, bool) {
        let tool = resource.tools.get(&endpoint.name);
        let needed = self.engine.policy.reads_arguments(action)
            || self.is_restricted(action, account)
            || self.engine.config.risk.read_arguments(tool);
        let at_head = http::is_read_at_head(endpoint);
        // What costs nothing is checked against its schema, whether a rule reads it or not.
        let free = endpoint.body == BodyKind::Form || (at_head && tool.is_some_and(|tool| tool.input_schema.is_some()));
        (needed || free, needed && !at_head)
    }

    /// Whether somebody could be asked about it.
    fn may_ask(&self, action: &Action, account: &Account) -> bool {
        self.engine.policy.may_step_up(action) || account.task().is_some_and(|task| task.asks.name(action))
    }

    /// Whether a grant demands something of its arguments.
    fn is_restricted(&self, action: &Action, account: &Account) -> bool {
        let ceilings = account.verified.iter().flat_map(|verified| verified.ceilings());
        let entries = ceilings.filter_map(|ceiling| self.engine.config.workloads.entry(ceiling.entry));
        let mut listed = entries.filter_map(|entry| entry.governed.actions());
        account.task().is_some_and(|task| task.grants.restrict(action)) || listed.any(|grants| grants.restrict(action))
    }
}
