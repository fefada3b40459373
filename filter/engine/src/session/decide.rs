//! The decision itself, from the credential on: made as often as something was waited for.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use countersign_facts::board::LedgerError;
use countersign_facts::digest;
use countersign_facts::ledger::{Ends, Entry, Room};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_policy::{
    Allow, Approval, Carried, Deny, Facts, Given, Judges, Opinion, Question, StepUp, Unknown, Verdict,
};
use countersign_protocols::action::{Action, Beside, Rejection};
use countersign_protocols::catalogue::Resource;
use countersign_protocols::learned::Learned;
use countersign_protocols::shape::InputSchema;
use countersign_rights::task::{Circumstances, Coverage, Grant, Object};
use countersign_rights::workload::Identity;
use countersign_rights::workload::register::Ceiling;
use countersign_tokens::{MAX_LEEWAY, Scalar, UnixTime, VerifiedProof};
use countersign_trust::credential::{Authenticated, IssuerIndex, NeedKeys, Refused, Unverified, Verified};
use countersign_trust::possession::nonce::{NonceRule, Worth};

use super::account::Account;
use super::request::Request;
use super::spending::remembered;
use super::wanted::{Hold, Wanted};
use super::{Turn, remedy};
use crate::sessions::{self, Digester, NoKey};

/// Why there is no ruling.
pub(super) enum Halt {
    /// The body must be complete first.
    NeedBody(NeededFor),
    NeedKeys(NeedKeys),
    NeedIntrospection(IssuerIndex),
    /// The decision point elsewhere is yet to be asked.
    NeedAnswer(Question),
    Deny(Reason),
}

/// What the body is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NeededFor {
    /// The action cannot be read without it, or an approval is about all of it.
    Decision,
    /// There may be none.
    Absence,
    /// How it begins says whether a decision, in audit a trial, needs all of it.
    Start(Mode),
    /// A policy in audit reads it.
    Trial,
}

/// What policy ruled.
pub(super) enum Ruling {
    Allow(Allow),
    StepUp(StepUp),
}

/// What others said about the request.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) approval: Option<&'a Approval>,
    /// Of the decision point elsewhere.
    pub(super) answers: &'a [Given],
}

impl From<Reason> for Halt {
    fn from(reason: Reason) -> Self {
        Self::Deny(reason)
    }
}

impl Turn<'_> {
    /// Credential, task, ledger, action, grants, policy: in this order, all of them, now.
    pub(super) fn decide(&mut self, request: &Request, told: Told<'_>, account: &mut Account) -> Result<Ruling, Halt> {
        let resource = self.engine.resource(request.resource).ok_or(Reason::Internal)?;
        if self.engine.is_stale(self.now) {
            return Err(Reason::PolicyStale.into());
        }
        self.admit(request, account)?;
        let wanted = self.read_head(resource, request, account).inspect_err(|reason| {
            account.detail = remedy::of(*reason, resource, request);
        })?;
        if request.body().is_none()
            && let Some(purpose) = self.needs_body(wanted, resource, request)
        {
            return Err(Halt::NeedBody(purpose));
        }
        let action = read_action(resource, request, wanted, account)?;
        let action = self.with_carried(action, request, Mode::Enforce).inspect_err(|reason| {
            account.detail = remedy::of(*reason, resource, request);
        })?;
        let authentication = resource.demand(action.entry(resource));
        let undeclared = resource.interface.closed && action.entry(resource).is_none();
        account.digester = self.digester(&action);
        account.action = Some(action);
        account.rating = Some(self.rate(resource, &Learned::default(), account)?);
        self.claim_session(request, resource, account)?;
        self.cover(request, account)?;
        if undeclared {
            return Err(Reason::Undeclared.into());
        }
        if let (Some(demand), Some(verified)) = (authentication, &account.verified)
            && !demand.is_met_by(&verified.facts.authentication, self.now)
        {
            return Err(Reason::AuthenticationInsufficient.into());
        }
        let learned = self.learned(resource, account)?;
        if learned != Learned::default() {
            account.rating = Some(self.rate(resource, &learned, account)?);
            account.warnings.clone_from(&learned.warnings);
        }
        let ruling = self.rule(request, told, account)?;
        // Whoever may not do it is told that, not what became of it; and nobody is asked about it.
        self.check_seen(resource, &learned, account)?;
        Ok(ruling)
    }

    /// What of the body is wanted; an error where one has begun and there may be none.
    fn read_head(&self, resource: &Resource, request: &Request, account: &Account) -> Result<Wanted, Reason> {
        let wanted = self.wanted(resource, request, account)?;
        if wanted.hold == Hold::Absence && request.has_body() { Err(Reason::UnreadBody) } else { Ok(wanted) }
    }

    /// What the body is waited for, if it is.
    fn needs_body(&self, wanted: Wanted, resource: &Resource, request: &Request) -> Option<NeededFor> {
        match wanted.hold {
            Hold::All => Some(NeededFor::Decision),
            Hold::Absence => Some(NeededFor::Absence),
            Hold::Start(mode) => Some(NeededFor::Start(mode)),
            Hold::Nothing => self.holds_for_trial(resource, request).then_some(NeededFor::Trial),
        }
    }

    /// Who calls, for which task; and neither is over or used up.
    fn admit(&mut self, request: &Request, account: &mut Account) -> Result<(), Halt> {
        let Authenticated { verified, proof } =
            request.credential.verify(self.engine.trust(), self.now).map_err(|unverified| match unverified {
                Unverified::Refused(reason) => Halt::Deny(reason),
                Unverified::Faulty(fault) => {
                    account.detail = Some(fault.detail(self.engine.trust()));
                    Halt::Deny(fault.reason())
                }
                Unverified::NeedKeys(need) => Halt::NeedKeys(need),
                Unverified::NeedIntrospection(index) => Halt::NeedIntrospection(index),
                Unverified::Unproven(unproven) => {
                    account.detail = Some(unproven.to_string());
                    account.wants_proof = unproven.wants_proof();
                    Halt::Deny(unproven.reason())
                }
            })?;
        let issuer = self.engine.config.issuers.get(verified.issuer().0).ok_or(Reason::Internal)?;
        account.proof = proof;
        account.admit(Arc::clone(&verified));
        if let Some(rule) = issuer.binding.nonce {
            self.check_nonce(&rule, issuer.binding.leeway, request, account)?;
        }
        if let Some(Refused { reason, detail }) = &verified.refused {
            account.detail.clone_from(detail);
            return Err((*reason).into());
        }
        match &verified.task {
            Ok(task) if task.is_over(self.now) => return Err(Reason::TaskExpired.into()),
            Ok(_) => {}
            Err(error) => {
                account.detail = Some(error.to_string());
                return Err(error.reason().into());
            }
        }
        if verified.is_denied(&self.engine.config.denied) {
            return Err(Reason::Revoked.into());
        }
        if issuer.one_shot && self.token_is_spent(account)? {
            return Err(Reason::TokenSpent.into());
        }
        self.check_proof(request, account)?;
        Ok(())
    }

    /// The proof, if there is one, is shown for the first time.
    fn check_proof(&mut self, request: &Request, account: &mut Account) -> Result<(), Reason> {
        let Some(proof) = account.proof.as_ref().filter(|proof| !request.has_shown(proof)) else { return Ok(()) };
        let enforced = self.engine.mode(self.engine.resource(request.resource)) == Mode::Enforce;
        if enforced && remembered(proof) <= self.now {
            account.detail = Some("proof ended so long ago that nobody knows whether it was used".to_owned());
            account.wants_proof = true;
            return Err(Reason::ProofRefused);
        }
        if self.proof_is_spent(account)? { Err(Reason::ProofReplayed) } else { Ok(()) }
    }

    /// The proof, if there is one, has a nonce that was good when the request came.
    fn check_nonce(
        &mut self,
        rule: &NonceRule,
        leeway: Duration,
        request: &Request,
        account: &mut Account,
    ) -> Result<(), Reason> {
        let Some(proof) = &account.proof else { return Ok(()) };
        let nonces = rule.nonces(|| self.engine.sessions.nonce_key(self.ledger));
        let nonces = nonces.map_err(|NoKey| Reason::LedgerUnavailable)?;
        let has = proof.nonce.as_deref();
        let worth = has.map_or(Worth::Nothing, |nonce| nonces.worth(nonce, leeway, request.arrived));
        if worth == Worth::Good {
            return Ok(());
        }
        let why = if has.is_some() { "proof's nonce is not one of the last" } else { "proof has no nonce of the last" };
        account.nonce = nonces.give(self.now);
        if worth == Worth::Aging {
            return Ok(());
        }
        account.wants_proof = true;
        account.detail = Some(format!("{why} {} seconds", rule.lifetime.as_secs()));
        Err(Reason::ProofNonce)
    }

    /// A session, if the request is in one, is the caller's own.
    fn claim_session(&mut self, request: &Request, resource: &Resource, account: &mut Account) -> Result<(), Reason> {
        let engine = self.engine;
        // In the era without sessions there is none; what says otherwise does not go upstream.
        if !engine.config.sessions.seal || !resource.has_sessions(&request.head.headers) {
            return Ok(());
        }
        let claimed = request.head.headers.single(sessions::FIELD).map_err(|_| Reason::AmbiguousHeaders)?;
        if claimed.is_none() && !account.action.as_ref().is_some_and(Action::opens_session) {
            return Ok(());
        }
        let verified = account.verified.as_deref().ok_or(Reason::Internal)?;
        let seal = engine.sessions.seal(&verified.workload, &resource.name, self.ledger);
        let seal = account.seal.insert(seal.map_err(|NoKey| Reason::LedgerUnavailable)?);
        if let Some(claimed) = claimed {
            account.session = match (seal.open(claimed), engine.mode(Some(resource))) {
                (None, Mode::Enforce) => return Err(Reason::UnknownSession),
                // Clients of what is only watched have their server's own ids, which nobody can judge.
                (None, Mode::Audit) => None,
                (session @ Some(_), Mode::Enforce | Mode::Audit) => session,
            };
        }
        Ok(())
    }

    /// `action` with the names that it carries, that nothing declares and that policies ask for; in audit those that are only
    /// tried too. Where none asks, nothing is looked at.
    pub(super) fn with_carried(&self, mut action: Action, request: &Request, mode: Mode) -> Result<Action, Reason> {
        // What others carry was read with them.
        if action.beside() == Beside::Nowhere {
            return Ok(action);
        }
        let asked = self.engine.policy.asked(&action);
        if !asked.any(mode) {
            return Ok(action);
        }
        let (target, headers, body) = (&request.target, &request.head.headers, request.body().unwrap_or_default());
        let mut carried = Carried::default();
        let mut found = |name: &str| asked.note(name, &mut carried);
        action.names_beside(target, headers, body, &mut found)?;
        action.carried = carried.names();
        Ok(action)
    }

    /// What makes digests for the record of an action that names URIs; none without a key.
    fn digester(&mut self, action: &Action) -> Option<Digester> {
        action.names_uris().then(|| self.engine.sessions.digester(self.ledger).ok()).flatten()
    }

    fn proof_is_spent(&mut self, account: &Account) -> Result<bool, Reason> {
        let Some(proof) = &account.proof else { return Ok(false) };
        let verified = account.verified.as_deref().ok_or(Reason::Internal)?;
        let spent = self.ledger.is_spent(self.now, &proof_entry(verified, proof));
        spent.map_err(|_: LedgerError| Reason::LedgerUnavailable)
    }

    fn token_is_spent(&mut self, account: &Account) -> Result<bool, Reason> {
        let verified = account.verified.as_deref().ok_or(Reason::Internal)?;
        let entry = one_shot_entry(verified).ok_or(Reason::ClaimRefused)?;
        self.ledger.is_spent(self.now, &entry).map_err(|_: LedgerError| Reason::LedgerUnavailable)
    }

    /// The grants of everybody in the chain that has any, and those of the task, cover all of it and are not used up.
    fn cover(&mut self, request: &Request, account: &mut Account) -> Result<(), Reason> {
        let action = account.action.take().ok_or(Reason::Internal)?;
        let covered = action.parts().iter().try_for_each(|part| self.cover_part(part, request, account));
        account.action = Some(action);
        covered
    }

    fn cover_part(&mut self, action: &Action, request: &Request, account: &mut Account) -> Result<(), Reason> {
        let verified = account.verified.clone().ok_or(Reason::Internal)?;
        let Ok(task) = &verified.task else { return Err(Reason::Internal) };
        let circumstances = Circumstances::of(self.now, request.head.source.as_deref(), verified.workload.actors.len());
        let mut uses = Vec::new();
        // A new token must not forget what one that just expired has used.
        let end = task.end.unwrap_or(verified.facts.expires).plus(MAX_LEEWAY);
        for Ceiling { entry, who } in verified.ceilings() {
            let entry = self.engine.config.workloads.entry(*entry).ok_or(Reason::Internal)?;
            let actions = entry.governed.actions().ok_or(Reason::Internal)?;
            let Coverage::Covered(grants) = actions.cover(action, &circumstances) else {
                return Err(entry.governed.beyond());
            };
            uses.extend(self.uses(who, &["workload"], &grants, end)?);
        }
        let grants = match task.grants.cover(action, &circumstances) {
            Coverage::Covered(grants) => grants,
            Coverage::NotGranted => {
                return Err(if action.names_user() { Reason::AmbiguousUri } else { Reason::NotGranted });
            }
            Coverage::BeyondArguments => return Err(Reason::ArgumentsBeyondGrant),
            Coverage::BeyondCircumstances => return Err(Reason::CircumstancesBeyondGrant),
        };
        uses.extend(self.uses(&verified.workload.identity, &["task", &task.id], &grants, end)?);
        account.known = grants.iter().any(|grant| matches!(grant.object, Some(Object::Exact(_))));
        account.uses.extend(uses);
        Ok(())
    }

    /// What using one of `grants` uses up: of the first that is not used up. Counts of a task are kept until `end`.
    fn uses(
        &mut self,
        who: &Identity,
        of: &[&str],
        grants: &[&Grant],
        end: UnixTime,
    ) -> Result<Vec<(Entry, UnixTime)>, Reason> {
        if grants.is_empty() || grants.iter().any(|grant| grant.metered.is_none()) {
            return Ok(Vec::new());
        }
        for metered in grants.iter().filter_map(|grant| grant.metered.as_ref()) {
            let mut uses = Vec::new();
            let mut used_up = false;
            for (number, calls) in metered.calls.iter().enumerate() {
                let (grant, number) = (digest::text(&metered.id), number.to_string());
                let name = [&["calls", &grant, &number], of].concat();
                let entry = Entry { limit: calls.most, ..entry_of(who, &name) };
                let spent = self.ledger.is_spent(self.now, &entry);
                used_up |= spent.map_err(|_: LedgerError| Reason::LedgerUnavailable)?;
                uses.push((entry, calls.remembered_until(self.now, end)));
            }
            if !used_up {
                return Ok(uses);
            }
        }
        Err(Reason::CallLimitReached)
    }

    /// Policy decides, and what the task wants a person to approve is asked for.
    fn rule(&mut self, request: &Request, told: Told<'_>, account: &mut Account) -> Result<Ruling, Halt> {
        let resource = self.engine.resource(request.resource).ok_or(Reason::Internal)?;
        let facts = account.facts(self.now, resource, request.head.source.as_deref(), told.approval);
        let facts = facts.ok_or(Reason::Internal)?;
        let (task, parts) = (facts.task, facts.action.parts());
        let asks = told.approval.is_none() && parts.iter().any(|part| task.asks.name(part));
        let cedar = self.engine.policy.cedar(&facts, &parts);
        let flips = cedar.as_ref().map(|verdict| self.flips(request, &facts, verdict)).unwrap_or_default();
        let opinion = match self.check_bounded(resource, &facts, account) {
            Ok(()) => self.engine.policy.decide(resource, &facts, &parts, cedar, told.answers),
            Err(deny) => Opinion::Verdict(Verdict::Deny(deny)),
        };
        let verdict = match opinion {
            Opinion::Verdict(verdict) => verdict,
            Opinion::Ask(question) => {
                account.flips = flips;
                return Err(Halt::NeedAnswer(question));
            }
        };
        // Who may call it with other arguments is told what to mend.
        let mends = matches!(&verdict, Verdict::Deny(deny) if deny.mend.is_some());
        let known = mends && self.engine.policy.could_allow(&facts, Unknown::Arguments);
        account.flips = flips;
        account.known |= known;
        match verdict {
            Verdict::Allow(allow) if asks => {
                account.policies = allow.determining().to_vec();
                Ok(Ruling::StepUp(self.oversight(&allow)))
            }
            Verdict::Allow(allow) => {
                account.policies = allow.determining().to_vec();
                account.sandbox = allow.sandbox().map(str::to_owned);
                Ok(Ruling::Allow(allow))
            }
            Verdict::StepUp(step_up) => {
                account.policies.clone_from(&step_up.determining);
                Ok(Ruling::StepUp(step_up))
            }
            Verdict::Deny(deny) => {
                account.policies = deny.determining;
                account.detail = deny.detail;
                account.mend = deny.mend;
                Err(deny.reason.into())
            }
        }
    }

    /// That nothing undeclared is carried where a grant that names the action, a rule about risk, or what is derived of the arguments
    /// looks.
    fn check_bounded(&self, resource: &Resource, facts: &Facts<'_>, account: &Account) -> Result<(), Deny> {
        let (config, action) = (&self.engine.config, facts.action);
        let ceilings = account.verified.iter().flat_map(|verified| verified.ceilings());
        let listed = ceilings.filter_map(|ceiling| config.workloads.entry(ceiling.entry)?.governed.actions());
        let granted = listed.chain([&facts.task.grants]).flat_map(|grants| grants.places(action));
        let declared = action.entry(resource);
        let leading = config.risk.places(declared);
        let derived = declared.and_then(|tool| tool.input_schema.as_ref()).into_iter().flat_map(InputSchema::derived);
        let derived = derived.flat_map(|(_, bounds)| bounds.places());
        Judges::check_bounded(resource, facts, granted.chain(derived).map(Cow::Borrowed).chain(leading.map(Cow::Owned)))
    }
}

impl Turn<'_> {
    /// The question that the task itself asks for, of a call that policy allows.
    fn oversight(&self, allow: &Allow) -> StepUp {
        StepUp {
            basis: digest::of_texts(&["oversight", self.engine.policy_revision()]),
            determining: allow.determining().to_vec(),
            approvers: vec!["human".to_owned()],
            reasons: vec!["the task wants a person to approve this".to_owned()],
        }
    }
}

fn read_action(
    resource: &Resource,
    request: &Request,
    wanted: Wanted,
    account: &mut Account,
) -> Result<Action, Reason> {
    let (target, headers, body) = (&request.target, &request.head.headers, request.body());
    let read = Action::read(resource, target, headers, body).map_err(|Rejection { reason, id }| {
        account.rpc_id = id;
        reason
    });
    let action = match read? {
        action if wanted.arguments => action.with_arguments(resource, target, headers, body.unwrap_or_default())?,
        action => action,
    };
    account.rpc_id = action.rpc_id().cloned();
    Ok(action)
}

/// What spending `verified` as a one-shot credential means; it needs a `jti`.
pub(super) fn one_shot_entry(verified: &Verified) -> Option<Entry> {
    Some(match verified.facts.id.as_ref()? {
        Scalar::Text(id) => entry(verified, &["token", id]),
        Scalar::Number(id) => entry(verified, &["numbered token", &id.to_string()]),
    })
}

/// What using up `proof` means.
pub(super) fn proof_entry(verified: &Verified, proof: &VerifiedProof) -> Entry {
    let id = digest::text(&proof.id);
    Entry { ends: Ends::At(remembered(proof)), ..entry(verified, &["proof", &id]) }
}

/// An entry in the workload's share of the ledger, for what can be used once.
pub(super) fn entry(verified: &Verified, name: &[&str]) -> Entry {
    entry_of(&verified.workload.identity, name)
}

fn entry_of(identity: &Identity, name: &[&str]) -> Entry {
    let partition = digest::of_texts(&identity.texts().collect::<Vec<_>>());
    Entry { partition, key: digest::of_texts(name), limit: 1, ends: Ends::Variously, room: Room::Needed }
}
