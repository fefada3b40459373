//! What the catalogue, the lists that a server showed and the risk rules say about the action of a request.
//!
//! Nothing is decided here but that a tool is not what it was, and a task over.

use countersign_facts::board::LedgerError;
use countersign_facts::reason::Reason;
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::{Annotations, Resource};
use countersign_protocols::learned::{self, Holds, Learned, Viewer};
use countersign_rights::risk::{About, Rating};

use super::Turn;
use super::account::Account;

/// Why a tool counts as changed that the caller's own lists did not show changed.
const SEEN_BY_OTHERS: &str = "two others saw it changed, and nobody has seen it as it was pinned since; \
                              it is refused until the caller lists the tools";

impl Turn<'_> {
    /// How risky the action is that `account` is about.
    pub(super) fn rate(&self, resource: &Resource, learned: &Learned, account: &Account) -> Result<Rating, Reason> {
        let (Some(action), Some(verified)) = (&account.action, &account.verified) else {
            return Err(Reason::Internal);
        };
        let about = About { resource, action, workload: &verified.workload, findings: &account.findings };
        Ok(self.engine.config.risk.rate(learned, about))
    }

    /// What lists showed of the tool that is called. Looked up only where it matters.
    pub(super) fn learned(&mut self, resource: &Resource, account: &Account) -> Result<Learned, Reason> {
        let Some(tool) = account.action.as_ref().and_then(Action::called_tool) else {
            return Ok(Learned::default());
        };
        let declared = resource.tools.get(tool);
        let pin = declared.and_then(|tool| tool.pin.as_ref());
        if pin.is_none() && resource.annotations == Annotations::Ignore {
            return Ok(Learned::default());
        }
        let viewer = Viewer::of(account.verified.as_deref().ok_or(Reason::Internal)?.workload.texts());
        let call = learned::Call {
            resource: &resource.name,
            scope: resource.pin_scope,
            viewer,
            tool,
            pin,
            rated: declared.map_or(resource.risk, |tool| tool.risk),
        };
        learned::recall(self.ledger, self.now, &call).map_err(|_: LedgerError| Reason::LedgerUnavailable)
    }

    /// That responses showed nothing since that is against it, whatever policy says.
    pub(super) fn check_seen(
        &mut self,
        resource: &Resource,
        learned: &Learned,
        account: &mut Account,
    ) -> Result<(), Reason> {
        if let Some(holds) = learned.changed {
            account.detail = match holds {
                Holds::ForADay => None,
                Holds::UntilListed => Some(SEEN_BY_OTHERS.to_owned()),
            };
            return Err(Reason::ToolChanged);
        }
        if self.is_for_ended_task(resource, account)? { Err(Reason::AgentTaskOver) } else { Ok(()) }
    }
}
