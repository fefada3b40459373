//! The decision itself, from the credential on: made as often as something was waited for.

use countersign_tokens::VerifiedProof;

use super::Turn;
use super::account::Account;
use super::request::Request;
use crate::action::{Action, http, mcp};
use crate::catalogue::{Protocol, Resource, Risk};
use crate::credential::{Authenticated, NeedKeys, Unverified, Verified};
use crate::digest;
use crate::ledger::{Entry, LedgerError};
use crate::policy::{Allow, Facts, StepUp, Verdict};
use crate::reason::Reason;
use crate::step_up::Approval;
use crate::task::Coverage;

/// Shares of the ledger that a workload's DPoP proofs have beside its own.
const PROOF_SHARES: u8 = 16;

/// Why there is no ruling.
pub(super) enum Halt {
    /// The action cannot be read before the body is complete.
    NeedBody,
    NeedKeys(NeedKeys),
    Deny(Reason),
}

/// What policy ruled.
pub(super) enum Ruling {
    Allow(Allow),
    StepUp(StepUp),
}

impl From<Reason> for Halt {
    fn from(reason: Reason) -> Self {
        Self::Deny(reason)
    }
}

impl Turn<'_> {
    /// Credential, task, ledger, action, grants, policy: in this order, all of them, now.
    pub(super) fn decide(
        &mut self,
        request: &Request,
        approval: Option<&Approval>,
        account: &mut Account,
    ) -> Result<Ruling, Halt> {
        let resource = self.engine.resource(request.resource).ok_or(Reason::Internal)?;
        self.admit(request, account)?;
        let body = request.body();
        if body.is_none() && self.engine.holds_body(resource) {
            return Err(Halt::NeedBody);
        }
        let action = read_action(resource, request, body, account)?;
        let (risk, labels) = standing(resource, &action);
        account.risk = Some(risk);
        account.action = Some(action);
        self.rule(request, (risk, labels), approval, account)
    }

    /// Who calls, for which task; and neither is over or used up.
    fn admit(&mut self, request: &Request, account: &mut Account) -> Result<(), Halt> {
        let Authenticated { verified, proof } =
            request.credential.verify(self.engine, self.now).map_err(|unverified| match unverified {
                Unverified::Refused(reason) => Halt::Deny(reason),
                Unverified::NeedKeys(need) => Halt::NeedKeys(need),
                Unverified::Unproven(unproven) => {
                    account.detail = Some(unproven.to_string());
                    account.wants_proof = unproven.wants_proof();
                    Halt::Deny(unproven.reason())
                }
            })?;
        account.proof = proof;
        let issuer = self.engine.config.issuers.get(verified.issuer.0).ok_or(Reason::Internal)?;
        let task = issuer.task.task(&verified.token, request.credential.digest());
        account.verified = Some(verified);
        let task = account.task.insert(task.map_err(|error| {
            account.detail = Some(error.to_string());
            error.reason()
        })?);
        if task.is_over(self.now) {
            return Err(Reason::TaskExpired.into());
        }
        if issuer.one_shot && self.token_is_spent(account)? {
            return Err(Reason::TokenSpent.into());
        }
        if self.proof_is_spent(account)? {
            return Err(Reason::ProofReplayed.into());
        }
        Ok(())
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

    /// The grants cover it, and policy decides.
    fn rule(
        &mut self,
        request: &Request,
        (risk, labels): (Risk, &[String]),
        approval: Option<&Approval>,
        account: &mut Account,
    ) -> Result<Ruling, Halt> {
        let (Some(verified), Some(task), Some(action)) = (&account.verified, &account.task, &account.action) else {
            return Err(Reason::Internal.into());
        };
        match task.covers(action) {
            Coverage::Covered => {}
            Coverage::NotGranted => return Err(Reason::NotGranted.into()),
            Coverage::BeyondArguments => return Err(Reason::ArgumentsBeyondGrant.into()),
        }
        let facts = Facts {
            now: self.now,
            workload: &verified.workload,
            token: &verified.facts,
            task,
            action,
            risk,
            labels,
            source: request.head.source.as_deref(),
            approval,
        };
        match self.engine.policy.decide(&facts) {
            Verdict::Allow(allow) => {
                account.policies = allow.determining().to_vec();
                Ok(Ruling::Allow(allow))
            }
            Verdict::StepUp(step_up) => {
                account.policies.clone_from(&step_up.determining);
                Ok(Ruling::StepUp(step_up))
            }
            Verdict::Deny(deny) => {
                account.policies = deny.determining;
                account.detail = deny.detail;
                Err(deny.reason.into())
            }
        }
    }
}

impl crate::engine::Engine {
    /// Whether requests for `resource` are held until their whole body is there.
    fn holds_body(&self, resource: &Resource) -> bool {
        match resource.protocol {
            Protocol::Mcp => true,
            Protocol::Http => self.policy.may_step_up(&resource.name),
        }
    }
}

fn read_action(
    resource: &Resource,
    request: &Request,
    body: Option<&[u8]>,
    account: &mut Account,
) -> Result<Action, Reason> {
    match resource.protocol {
        Protocol::Http => http::read(resource, &request.target, body),
        Protocol::Mcp => mcp::read(resource, &request.target, &request.head.headers, body).map_err(|rejection| {
            account.rpc_id = rejection.id;
            rejection.reason
        }),
    }
    .inspect(|action| account.rpc_id = action.rpc_id().cloned())
}

/// How the catalogue rates `action`: its risk and its labels.
fn standing<'a>(resource: &'a Resource, action: &Action) -> (Risk, &'a [String]) {
    declared(resource, action).map_or((resource.risk, &[]), |tool| (tool.risk, &tool.labels))
}

/// The catalogue's entry for the tool that `action` calls, if it calls a declared one.
pub(super) fn declared<'a>(resource: &'a Resource, action: &Action) -> Option<&'a crate::catalogue::Tool> {
    action.arguments().and(action.object()).and_then(|tool| resource.tools.get(tool))
}

/// What spending `verified` as a one-shot credential means; it needs a `jti`.
pub(super) fn one_shot_entry(verified: &Verified) -> Option<Entry> {
    let id = verified.facts.id.as_deref()?;
    Some(entry(verified, "token", id))
}

/// What using up `proof` means. Its shares are many: a client makes one for every request.
pub(super) fn proof_entry(verified: &Verified, proof: &VerifiedProof) -> Entry {
    let [first, ..] = proof.id;
    let share = (first % PROOF_SHARES).to_string();
    let identity = &verified.workload.identity;
    Entry { partition: digest::of_texts(&[&identity.issuer, &identity.subject, "proofs", &share]), key: proof.id }
}

/// An entry in the workload's share of the ledger.
pub(super) fn entry(verified: &Verified, kind: &str, id: &str) -> Entry {
    let identity = &verified.workload.identity;
    Entry { partition: digest::of_texts(&[&identity.issuer, &identity.subject]), key: digest::of_texts(&[kind, id]) }
}
