//! The decision itself, from the credential on: made as often as something was waited for.

use super::Turn;
use super::account::Account;
use super::request::Request;
use crate::action::{Action, http, mcp};
use crate::catalogue::{Protocol, Resource, Risk};
use crate::credential::{NeedKeys, Unverified, Verified};
use crate::digest;
use crate::ledger::{Entry, LedgerError};
use crate::policy::{Allow, Facts, StepUp, Verdict};
use crate::reason::Reason;
use crate::step_up::Approval;
use crate::task::Coverage;

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
        let verified = request.credential.verify(self.engine, self.now).map_err(|unverified| match unverified {
            Unverified::Refused(reason) => Halt::Deny(reason),
            Unverified::NeedKeys(need) => Halt::NeedKeys(need),
        })?;
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
        Ok(())
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

/// An entry in the workload's share of the ledger.
pub(super) fn entry(verified: &Verified, kind: &str, id: &str) -> Entry {
    let identity = &verified.workload.identity;
    // A length before each part: no two lists of parts give the same bytes.
    let digest = |parts: [&str; 2]| {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        digest::of_bytes(&bytes)
    };
    Entry { partition: digest([&identity.issuer, &identity.subject]), key: digest([kind, id]) }
}
