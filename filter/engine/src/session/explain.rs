//! What a session looks at on its way to a decision, for people: whom it takes the caller for, how far each grant reaches, what
//! each policy says.
//!
//! It goes the way of the decision itself and then asks for the parts. It decides nothing: nothing here becomes a permit, and
//! nothing is spent.

use std::sync::Arc;

use countersign_facts::headers::RequestHead;
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::Ledger;
use countersign_facts::pointer::Pointer;
use countersign_policy::{Facts, Opined, StepUp};
use countersign_protocols::action::{Action, DeclaredIn};
use countersign_protocols::catalogue::{Resource, Risk};
use countersign_rights::hygiene;
use countersign_rights::task::{Circumstances, Grant, Grants, Reach};
use countersign_rights::workload::{Identity, Voucher};
use countersign_tokens::{TokenError, UnixTime};
use countersign_trust::credential::{IssuerIndex, Verified};

use super::Turn;
use super::account::Account;
use super::decide::{Halt, Ruling, Told};
use super::request::{Arrival, Request};
use crate::engine::Engine;

/// What is known of a request once it was decided as far as that goes without asking anybody.
#[derive(Debug, Default)]
pub struct Explained<'e> {
    pub resource: Option<&'e Resource>,
    pub verified: Option<Arc<Verified>>,
    /// What exactly is wrong with the token, and whose it says it is if that issuer is known.
    pub trouble: Option<(Option<&'e Voucher>, TokenError)>,
    pub action: Option<Action>,
    pub risk: Option<Risk>,
    /// Names of the rules that raised it to that.
    pub raised_by: Vec<String>,
    /// Whose grants must cover it: of every workload with a list, then of the task.
    pub lists: Vec<Listed>,
    /// Every policy that could apply, asked whatever came of earlier checks.
    pub policies: Vec<Opined<'e>>,
    /// What somebody would be asked.
    pub asks: Option<StepUp>,
    /// Who has to be asked before anything can be decided.
    pub waits: Option<Waits>,
}

/// Somebody else that a decision waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// The rest of the body.
    Body,
    /// The issuer's keys.
    Keys,
    /// The issuer, who alone can read its token.
    Introspection,
    /// The decision point elsewhere.
    DecisionPoint,
}

/// Grants that must cover a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The workload that has this list; none of the task's own.
    pub whose: Option<Identity>,
    pub grants: Vec<(Grant, Reach)>,
}

impl Engine {
    /// What a session looks at that gets `head` and all of `body` at `now`.
    pub fn explain(&self, now: UnixTime, head: RequestHead, body: &[u8], ledger: &mut dyn Ledger) -> Explained<'_> {
        let mut request = match Arrival::of(head, self, now) {
            Arrival::Request(request) => *request,
            Arrival::Refused(refused) => {
                let resource = refused.resource.and_then(|index| self.resource(index));
                return Explained { resource, ..Explained::default() };
            }
            Arrival::Metadata(described) => {
                return Explained { resource: self.resource(described.resource), ..Explained::default() };
            }
            Arrival::Unmatched(_) => return Explained::default(),
        };
        // What is too long is refused by the session; here it is a body that is not there.
        if let Some(more) = request.growth(body, self.config.limits.body_bytes) {
            request.absorb(body, true, more);
        }
        let mut turn =
            Turn { engine: self, id: DecisionId::from_random([0; 16]), next_call: &mut 0, arrived: now, now, ledger };
        let mut account = Account::of(Some(&request.target));
        let told = Told { approval: None, answers: &[] };
        let ruling = turn.decide(&request, told, &mut account);
        Explained::of(self, now, &request, account, ruling)
    }
}

impl<'e> Explained<'e> {
    fn of(
        engine: &'e Engine,
        now: UnixTime,
        request: &Request,
        account: Account,
        ruling: Result<Ruling, Halt>,
    ) -> Self {
        let resource = engine.resource(request.resource);
        let trouble = request.credential.trouble(engine.trust(), now).filter(|_| account.verified.is_none());
        let issuer = |index: IssuerIndex| engine.config.issuers.get(index.0).map(|issuer| &issuer.voucher);
        let (asks, waits) = match ruling {
            Ok(Ruling::StepUp(step_up)) => (Some(step_up), None),
            Ok(Ruling::Allow(_)) | Err(Halt::Deny(_)) => (None, None),
            Err(Halt::NeedBody(_)) => (None, Some(Waits::Body)),
            Err(Halt::NeedKeys(_)) => (None, Some(Waits::Keys)),
            Err(Halt::NeedIntrospection(_)) => (None, Some(Waits::Introspection)),
            Err(Halt::NeedAnswer(_)) => (None, Some(Waits::DecisionPoint)),
        };
        Self {
            resource,
            trouble: trouble.map(|(index, error)| (index.and_then(issuer), error)),
            lists: lists(engine, now, request, &account),
            policies: resource.map(|resource| opinions(engine, now, request, &account, resource)).unwrap_or_default(),
            asks,
            waits,
            risk: account.rating.as_ref().map(|rating| rating.risk),
            raised_by: account.rating.as_ref().map(|rating| rating.rules.clone()).unwrap_or_default(),
            verified: account.verified,
            action: account.action,
        }
    }
}

/// How far the grants reach of everybody who has any.
fn lists(engine: &Engine, now: UnixTime, request: &Request, account: &Account) -> Vec<Listed> {
    let (Some(verified), Some(task), Some(action)) = (&account.verified, account.task(), &account.action) else {
        return Vec::new();
    };
    let circumstances = Circumstances::of(now, request.head.source.as_deref(), verified.workload.actors.len());
    let listed = |whose, grants: &Grants| {
        let each = grants.each(action, &circumstances).map(|(grant, reach)| (grant.clone(), reach));
        Listed { whose, grants: each.collect() }
    };
    let ceilings = verified.ceilings().iter().filter_map(|ceiling| {
        let entry = engine.config.workloads.entry(ceiling.entry)?;
        Some(listed(Some(ceiling.who.clone()), entry.governed.actions()?))
    });
    ceilings.chain([listed(None, &task.grants)]).collect()
}

/// What each policy says, of a request that names several things about all of them.
fn opinions<'e>(
    engine: &'e Engine,
    now: UnixTime,
    request: &Request,
    account: &Account,
    resource: &Resource,
) -> Vec<Opined<'e>> {
    let Some(facts) = account.facts(now, resource, request.head.source.as_deref(), None) else { return Vec::new() };
    let action = facts.action;
    let parts = action.parts();
    let opinions = parts.iter().flat_map(|part| engine.policy.opinions(&Facts { action: part, ..facts }));
    opinions.map(|opined| redacted(opined, resource, action)).collect()
}

/// Without values that nobody is to see: header fields (gRPC metadata), secrets in a query, and what approvers are not shown.
fn redacted<'e>(mut opined: Opined<'e>, resource: &Resource, action: &Action) -> Opined<'e> {
    let withheld = action.entry(resource).map_or(&[][..], |tool| &tool.redact);
    let hidden = |name: &str| {
        let first = |pointer: &str| Pointer::parse(pointer).and_then(|pointer| pointer.tokens().next());
        let within = |pointer: &String| first(pointer).is_some_and(|first| first == name);
        action.declared_in() == DeclaredIn::Metadata || hygiene::has_secret(name) || withheld.iter().any(within)
    };
    for (name, value) in &mut opined.reads {
        if !value.is_null() && name.strip_prefix("args.").is_some_and(hidden) {
            *value = "…".into();
        }
    }
    opined
}
