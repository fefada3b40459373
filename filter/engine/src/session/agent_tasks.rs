//! Tasks of A2A agents that are over, as the agents' answers say: a workload that saw one end sends it no more messages.
//!
//! That is remembered for the workload and the agent in this gateway process; what cannot be remembered is only not known, and
//! the agent itself has to refuse (1.0 §3.1.1). Nothing is ever permitted because of what an agent says.

use std::time::Duration;

use countersign_facts::board::LedgerError;
use countersign_facts::digest;
use countersign_facts::ledger::{Ends, Entry, Room, Spent};
use countersign_facts::reason::Reason;
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Resource;
use countersign_protocols::response::TaskEnd;
use countersign_rights::workload::Identity;

use super::Turn;
use super::account::Account;

/// How long a task is known to be over. Agents forget tasks too: who still names one after a day is told so by the agent.
const LIFETIME: Duration = Duration::from_hours(24);

/// Whose tasks an answer can tell about: those of one workload at one agent. They fill no ledger but their own share of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AgentTasks {
    partition: [u8; 32],
}

impl AgentTasks {
    /// Those of whom `account` is about at the agent `resource`.
    pub(super) fn told_to(account: &Account, resource: &Resource) -> Option<Self> {
        Some(Self::of(&account.verified.as_deref()?.workload.identity, resource))
    }

    fn of(identity: &Identity, resource: &Resource) -> Self {
        let texts = identity.texts().chain(["agent tasks", &resource.name]);
        Self { partition: digest::of_texts(&texts.collect::<Vec<_>>()) }
    }

    fn entry(self, task: &str) -> Entry {
        let key = digest::of_texts(&["agent task", task]);
        // Agents say how many there are: they take no room of what has to be remembered.
        Entry { partition: self.partition, key, limit: 1, ends: Ends::Variously, room: Room::Spare }
    }
}

impl Turn<'_> {
    /// Whether what is asked for is a message to a task that is over.
    pub(super) fn is_for_ended_task(&mut self, resource: &Resource, account: &Account) -> Result<bool, Reason> {
        let Some(task) = account.action.as_ref().and_then(Action::messaged_task) else { return Ok(false) };
        let verified = account.verified.as_deref().ok_or(Reason::Internal)?;
        let entry = AgentTasks::of(&verified.workload.identity, resource).entry(task);
        self.ledger.is_spent(self.now, &entry).map_err(|_: LedgerError| Reason::LedgerUnavailable)
    }

    /// Remembers that one of `tasks` is over; whether that was not known before.
    pub(super) fn remember_end(&mut self, tasks: AgentTasks, end: &TaskEnd) -> bool {
        match self.ledger.spend(self.now, &tasks.entry(&end.task), self.now.plus(LIFETIME)) {
            Ok(Spent::Before) => false,
            Ok(Spent::Now) | Err(LedgerError::Full | LedgerError::Unavailable) => true,
        }
    }
}
