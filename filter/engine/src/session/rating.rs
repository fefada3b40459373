//! What the catalogue, the lists that a server showed and the risk rules say about the action of a request.
//!
//! Nothing is decided here but that a tool is not what it was, and a task over.

use super::Turn;
use super::account::Account;
use crate::action::Operation;
use crate::catalogue::{Annotations, Resource};
use crate::learned::{self, Learned};
use crate::ledger::LedgerError;
use crate::reason::Reason;
use crate::risk::{About, Rating};

impl Turn<'_> {
    /// How risky the action is that `account` is about.
    pub(super) fn rate(&self, resource: &Resource, learned: Learned, account: &Account) -> Result<Rating, Reason> {
        let (Some(action), Some(verified)) = (&account.action, &account.verified) else {
            return Err(Reason::Internal);
        };
        let about = About { resource, action, workload: &verified.workload, findings: &account.findings };
        Ok(self.engine.config.risk.rate(learned, about))
    }

    /// What lists showed of the tool that is called. Looked up only where it matters.
    pub(super) fn learned(&mut self, resource: &Resource, account: &Account) -> Result<Learned, Reason> {
        let Some(Operation::ToolCall(call)) = account.action.as_ref().map(|action| &action.operation) else {
            return Ok(Learned::default());
        };
        let pin = resource.tools.get(&call.tool).and_then(|tool| tool.pin.as_ref());
        if pin.is_none() && resource.annotations == Annotations::Ignore {
            return Ok(Learned::default());
        }
        learned::recall(self.ledger, self.now, &resource.name, &call.tool, pin)
            .map_err(|_: LedgerError| Reason::LedgerUnavailable)
    }

    /// That responses showed nothing since that is against it, whatever policy says.
    pub(super) fn check_seen(
        &mut self,
        resource: &Resource,
        learned: Learned,
        account: &Account,
    ) -> Result<(), Reason> {
        if learned.changed {
            return Err(Reason::ToolChanged);
        }
        if self.is_for_ended_task(resource, account)? { Err(Reason::AgentTaskOver) } else { Ok(()) }
    }
}
