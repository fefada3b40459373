//! A request that is held: what it waits for, and what each input does to the wait.

mod decision_point;
mod held;
mod introspection;
mod keys;
mod renewed;
mod step_up;
mod wait;

use countersign_facts::calls::{CallId, CallOutcome};
use countersign_facts::headers::{HeaderEdit, Headers, same_name};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_policy::{Allow, Given};
use countersign_rights::workload::Owner;
use countersign_tokens::UnixTime;
use countersign_trust::introspection::questions::Number;

use self::step_up::StepUpState;
use self::wait::{Passed, Wait};
use super::account::{About, Account, stripped, stripped_on_the_way_out};
use super::decide::{Halt, NeededFor, Ruling, Told};
use super::request::{Request, is_reserved};
use super::response::Watch;
use super::running::Running;
use super::{Next, State, Turn};
use crate::forward::Forward;
use crate::io::{Cut, Input, Step, Tick};
use crate::permit::Permit;
use crate::shares::Held;

/// By this the gateway picks the sandbox's route. No client's field of this name gets this far.
const SANDBOX: &str = "x-countersign-sandbox";

/// For the record of who spends more than is left to one workload: the limit to look at.
const LEDGER_SHARE: &str = "of limits.ledger the workload holds its share";

/// A held request.
pub(super) struct Pending {
    request: Request,
    /// What the last look at it found; whatever ends the wait tells it.
    account: Account,
    /// What was asked for to hold it.
    held: Held,
    /// A fetch was waited for already; a second one would be no better.
    keys_awaited: bool,
    /// The question of somebody else's that was waited for last.
    waited: Option<Number>,
    /// What the decision point elsewhere said.
    answers: Vec<Given>,
    step_up: StepUpState,
    waiting: Waiting,
}

/// What the decision waits for.
enum Waiting {
    Body(NeededFor),
    Outside(Wait),
}

impl Pending {
    /// Decides as far as the head allows.
    pub(super) fn begin(request: Request, turn: &mut Turn<'_>) -> Next {
        let held = Held::nothing(&turn.engine.shares, Owner::Unknown);
        Box::new(Self::of(request, held)).advance(turn)
    }

    /// Nothing was asked yet, or nothing that counts.
    fn of(request: Request, held: Held) -> Self {
        Self {
            request,
            account: Account::default(),
            held,
            keys_awaited: false,
            waited: None,
            answers: Vec::new(),
            step_up: StepUpState::default(),
            waiting: Waiting::Body(NeededFor::Decision),
        }
    }

    pub(super) fn arrived(&self) -> UnixTime {
        self.request.arrived
    }

    pub(super) fn awaits_body(&self) -> bool {
        matches!(self.waiting, Waiting::Body(_))
    }

    pub(super) fn handle(mut self: Box<Self>, turn: &mut Turn<'_>, input: Input<'_>) -> Next {
        match input {
            Input::Body { chunk, end } => self.body(turn, chunk, end),
            Input::Trailers(trailers) => match self.request.absorb_trailers(trailers, &turn.engine.config) {
                Ok(()) => self.body_arrived(turn),
                Err(reason) => self.deny(turn, reason),
            },
            Input::CallDone(id, outcome) => self.answered(turn, id, &outcome),
            Input::Tick(tick) => self.tick(turn, tick),
            Input::Closed => {
                let line = self.account.line(turn, self.request.about(turn), Reason::ClientGone, 0);
                Next::Done(Step::Cut(Cut { line, reset: false }))
            }
            Input::Head(_) | Input::ResponseHead { .. } | Input::ResponseBody { .. } => self.keep(),
        }
    }

    fn keep(self: Box<Self>) -> Next {
        Next::Wait(State::Pending(self))
    }

    fn await_body(mut self: Box<Self>, turn: &mut Turn<'_>, purpose: NeededFor) -> Next {
        match self.request.untried {
            // It was let go of when only policies in audit would have read it.
            Some(reason) if matches!(purpose, NeededFor::Decision | NeededFor::Start(Mode::Enforce)) => {
                self.deny(turn, reason)
            }
            Some(_) | None => {
                self.waiting = Waiting::Body(purpose);
                self.wait(turn)
            }
        }
    }

    fn body_arrived(self: Box<Self>, turn: &mut Turn<'_>) -> Next {
        match &self.waiting {
            Waiting::Body(NeededFor::Absence) if self.request.has_body() => self.advance(turn),
            Waiting::Body(NeededFor::Start(_)) if self.request.may_name().is_some() => self.advance(turn),
            Waiting::Body(_) if self.request.body().is_some() => self.advance(turn),
            Waiting::Body(_) | Waiting::Outside(_) => self.keep(),
        }
    }

    /// Its body cannot be had. What only policies in audit would have read is not missed.
    fn without_body(mut self: Box<Self>, turn: &mut Turn<'_>, reason: Reason) -> Next {
        match self.waiting {
            // It begins as what is not held, however much of it came at once.
            Waiting::Body(NeededFor::Start(_)) if self.request.may_name() == Some(false) => self.advance(turn),
            Waiting::Body(NeededFor::Trial | NeededFor::Start(Mode::Audit)) => {
                self.request.untried = Some(reason);
                self.advance(turn)
            }
            // Its first bytes are more than is held, and one is too much.
            Waiting::Body(NeededFor::Absence) if self.request.has_body() => self.advance(turn),
            Waiting::Body(NeededFor::Decision | NeededFor::Absence | NeededFor::Start(Mode::Enforce))
            | Waiting::Outside(_) => self.deny(turn, reason),
        }
    }

    fn answered(mut self: Box<Self>, turn: &mut Turn<'_>, id: CallId, outcome: &CallOutcome) -> Next {
        match self.no_longer(|wait| wait.call() == Some(id)) {
            Some(wait) => wait.answered(self, turn, outcome),
            None if self.step_up.call() == Some(id) => self.approver_was_early(turn, outcome),
            None => self.keep(),
        }
    }

    fn tick(mut self: Box<Self>, turn: &mut Turn<'_>, tick: Tick) -> Next {
        let passed = match &self.waiting {
            Waiting::Body(_) if tick.body_withheld => return self.without_body(turn, Reason::BodyWithheld),
            Waiting::Body(_) if turn.now.since(self.request.arrived) > turn.engine.config.limits.body_wait => {
                return self.without_body(turn, Reason::BodyTimeout);
            }
            Waiting::Body(_) => Passed::On,
            Waiting::Outside(wait) => wait.passed(turn),
        };
        match passed {
            Passed::On => self.keep(),
            Passed::Late(reason) => self.deny(turn, reason),
            Passed::Over => match self.no_longer(|_| true) {
                Some(wait) => wait.over(self, turn),
                None => self.keep(),
            },
        }
    }

    /// Goes on with `wait`, which is not over.
    fn again(mut self: Box<Self>, wait: Wait) -> Next {
        self.waiting = Waiting::Outside(wait);
        self.keep()
    }

    /// What is waited for outside, and from now on no longer, if it is the one that is `meant`.
    fn no_longer(&mut self, meant: impl FnOnce(&Wait) -> bool) -> Option<Wait> {
        match &self.waiting {
            Waiting::Outside(wait) if meant(wait) => {}
            Waiting::Body(_) | Waiting::Outside(_) => return None,
        }
        match std::mem::replace(&mut self.waiting, Waiting::Body(NeededFor::Decision)) {
            Waiting::Outside(wait) => Some(wait),
            Waiting::Body(_) => None,
        }
    }

    /// Decides from the credential on with what is there now.
    fn advance(mut self: Box<Self>, turn: &mut Turn<'_>) -> Next {
        // What was read of the message stays known, whatever ends the request now.
        let rpc_id = self.account.rpc_id.take();
        self.account = Account { rpc_id, ..Account::of(Some(&self.request.target)) };
        let approved = self.step_up.approved();
        let approval = approved.map(|approved| &approved.approval);
        if let Some(approval) = approval {
            self.account.challenge = Some(approval.challenge.clone());
            self.account.approval = Some(approval.clone());
        }
        let told = Told { approval, answers: &self.answers };
        let ruling = turn.decide(&self.request, told, &mut self.account);
        match (ruling, approved) {
            (Ok(Ruling::Allow(allow)), None) => self.permit(turn, &allow, Reason::Allowed),
            (Ok(Ruling::Allow(allow)), Some(approved)) if approved.binds(&self.account) => {
                self.permit(turn, &allow, Reason::Approved)
            }
            (Ok(Ruling::Allow(_)), Some(_)) => self.deny(turn, Reason::ApprovalForOtherCall),
            (Ok(Ruling::StepUp(step_up)), None) => self.step_up(turn, step_up),
            // Policy never asks again for what it was just given.
            (Ok(Ruling::StepUp(_)), Some(_)) => self.deny(turn, Reason::Internal),
            (Err(Halt::Deny(reason)), _) => self.deny(turn, reason),
            (Err(Halt::NeedBody(purpose)), _) => self.await_body(turn, purpose),
            (Err(Halt::NeedKeys(need)), _) => self.await_keys(turn, need),
            (Err(Halt::NeedIntrospection(issuer)), _) => self.introspect(turn, issuer),
            (Err(Halt::NeedAnswer(question)), _) => self.consult(turn, question),
        }
    }

    /// Uses up what may be used once, then forwards. What is only watched uses up nothing.
    fn permit(mut self: Box<Self>, turn: &mut Turn<'_>, allow: &Allow, reason: Reason) -> Next {
        if let Some(observed) = turn.observe_held(&self.request, &self.account, reason) {
            return observed;
        }
        let mut edits = Vec::new();
        let mut watch = Watch::of(turn, &self.request, &self.account, &mut edits);
        if let Some(Err(over)) = watch.as_mut().map(|watch| watch.hold(0)) {
            self.account.detail = Some(over.to_string());
            return self.deny(turn, over.reason());
        }
        match turn.spend(&self.request, &self.account) {
            Ok(()) => self.forward(turn, Permit::from_allow(allow), reason, watch, edits),
            Err(reason) => self.unspent(turn, reason),
        }
    }
}

/// Terminal steps: each consumes the request.
impl Pending {
    /// What it takes cannot be used up.
    fn unspent(mut self: Box<Self>, turn: &Turn<'_>, reason: Reason) -> Next {
        if reason == Reason::ShareUsedUp {
            self.account.detail = Some(LEDGER_SHARE.to_owned());
        }
        self.deny(turn, reason)
    }

    fn deny(self: Box<Self>, turn: &Turn<'_>, reason: Reason) -> Next {
        let observed = turn.observe_held(&self.request, &self.account, reason);
        let reply = || Next::Done(Step::Reply(self.account.reply(turn, self.request.about(turn), reason)));
        observed.unwrap_or_else(reply)
    }

    fn forward(
        self: Box<Self>,
        turn: &Turn<'_>,
        permit: Permit,
        reason: Reason,
        watch: Option<Box<Watch>>,
        of_watch: Vec<HeaderEdit>,
    ) -> Next {
        let line = self.account.line(turn, self.request.about(turn), reason, 0);
        let headers = &self.request.head.headers;
        let (resource, config) = (turn.engine.resource(self.request.resource), &turn.engine.config);
        let mut edits = if resource.is_some_and(|resource| resource.interface.egress) {
            // Who asks is no business of whoever is asked.
            stripped_on_the_way_out(headers, config, self.request.credential.is_dpop(), is_reserved)
        } else {
            let mut edits = stripped(headers, config, resource, config.forward.credential);
            edits.extend(self.request.without_session(turn));
            edits.extend(self.account.identity_headers(turn.id));
            edits
        };
        edits.extend(into_sandbox(turn, headers, &permit));
        edits.extend(of_watch);
        Next::Run(Running::since(turn.now, watch), Step::Forward(Forward::new(permit, line, edits)))
    }
}

/// The field that picks the sandbox's route, and what is not to arrive there.
fn into_sandbox(turn: &Turn<'_>, headers: &Headers, permit: &Permit) -> Vec<HeaderEdit> {
    let Some(name) = permit.sandbox() else { return Vec::new() };
    let sandbox = turn.engine.config.sandboxes.iter().find(|sandbox| sandbox.name == name);
    let stripped = sandbox.map_or(&[][..], |sandbox| &sandbox.strip_headers);
    let mut edits = HeaderEdit::removals(headers, |name| stripped.iter().any(|field| same_name(field, name)));
    edits.push(HeaderEdit::Set(SANDBOX, name.to_owned()));
    edits
}

impl Request {
    /// Removes what would make a request of the era without sessions one of a session.
    fn without_session(&self, turn: &Turn<'_>) -> Vec<HeaderEdit> {
        let headers = &self.head.headers;
        let resource = turn.engine.resource(self.resource);
        let fields = resource.map_or(&[][..], |resource| resource.fields_out_of_session(headers));
        if fields.is_empty() {
            return Vec::new();
        }
        HeaderEdit::removals(headers, |name| fields.iter().any(|field| same_name(field, name)))
    }

    pub(super) fn about<'a>(&'a self, turn: &'a Turn<'_>) -> About<'a> {
        let resource = turn.engine.resource(self.resource);
        About {
            target: Some(&self.target),
            resource,
            mode: turn.engine.mode(resource),
            source: self.head.source.as_deref(),
            headers: &self.head.headers,
            dpop: self.credential.is_dpop(),
            arrived: self.arrived,
        }
    }
}
