//! How much of a body the decision about a request needs: as little as possible, so that what nobody reads is streamed.

use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_protocols::action::{Action, Beside, Following};
use countersign_protocols::catalogue::{BodyKind, Endpoint, Resource};

use super::Turn;
use super::account::Account;
use super::request::Request;

/// What of a request is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) hold: Hold,
    /// Whether the arguments of an endpoint are read, wherever they are.
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

impl Hold {
    /// What the protocol alone wants.
    fn of(following: Following) -> Self {
        match following {
            Following::Message => Self::All,
            Following::Nothing => Self::Absence,
            Following::Endless | Following::Anything => Self::Nothing,
        }
    }
}

impl Turn<'_> {
    /// What of the body `request` must be held for. Who calls is known.
    ///
    /// Its protocol says what it is read from; policies and those who could be asked about it may want more.
    pub(super) fn wanted(&self, resource: &Resource, request: &Request, account: &Account) -> Result<Wanted, Reason> {
        let (target, headers) = (&request.target, &request.head.headers);
        let foreseen = Action::foreseen(resource, target, headers)?;
        let following = Following::of(resource, foreseen.as_ref(), target, headers, request.head.end)?;
        let Some(action) = &foreseen else {
            // What it does is in its message, with its arguments, or known once there is none.
            return Ok(Wanted { hold: Hold::of(following), arguments: false });
        };
        let asks = self.may_ask(action, account);
        let (arguments, needed) = match action.endpoint(resource) {
            Some(endpoint) => self.wanted_of_endpoint(resource, endpoint, action, account),
            None => (false, false),
        };
        let hold = match following {
            // An approval is for the whole request, and approvers see its arguments.
            Following::Anything if asks || needed => Hold::All,
            Following::Anything if !request.is_endless() && action.beside() == Beside::Body => {
                self.hold_for_names(request, action)
            }
            Following::Message | Following::Nothing | Following::Endless | Following::Anything => Hold::of(following),
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
        let at_head = endpoint.is_read_at_head();
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
