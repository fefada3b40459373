//! The policy's part of the decision: what the configured engine says about one action in context.
//!
//! Whatever the engine cannot answer (an evaluation error, arguments that do not fit their schema)
//! is a deny with its own reason; nothing here ever turns a failure into an allow.

mod arguments;
mod cedar;
mod schema;

pub use cedar::{CedarPolicy, LoadError};

use countersign_tokens::UnixTime;

use crate::action::Action;
use crate::catalogue::Risk;
use crate::reason::Reason;
use crate::step_up::Approval;
use crate::task::Task;
use crate::workload::{TokenFacts, Workload};

/// Everything a policy may read.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub now: UnixTime,
    pub workload: &'a Workload,
    pub token: &'a TokenFacts,
    pub task: &'a Task,
    pub action: &'a Action,
    pub risk: Risk,
    /// The labels of the tool, if it is declared.
    pub labels: &'a [String],
    /// The peer's address (`ip:port`), if the gateway says.
    pub source: Option<&'a str>,
    /// The approval of exactly this action, after a step-up.
    pub approval: Option<&'a Approval>,
}

/// What policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow(Allow),
    Deny(Deny),
    /// Every determining forbid asks for an approval, and with one the action would be allowed.
    StepUp(StepUp),
}

/// An allow. Only [`CedarPolicy::decide`] makes one; a [`Permit`](crate::permit::Permit) is made of nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    pub(in crate::policy) determining: Vec<String>,
}

impl Allow {
    /// Ids of the determining policies.
    pub fn determining(&self) -> &[String] {
        &self.determining
    }
}

/// A deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deny {
    /// [`Reason::PolicyDenied`], [`Reason::PolicyError`] or [`Reason::ArgumentsUnfit`].
    pub reason: Reason,
    /// Ids of the determining policies, or of those that failed to evaluate.
    pub determining: Vec<String>,
    /// For the record only, never for the client: the policies' `@reason` texts or what went wrong.
    pub detail: Option<String>,
}

/// A demand for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    pub determining: Vec<String>,
    /// The determining policies' `@step_up` values, sorted, each once: who is to approve.
    pub approvers: Vec<String>,
    /// The determining policies' `@reason` texts: shown to the approver.
    pub reasons: Vec<String>,
    /// SHA-256 over the texts of the determining policies and the catalogue entry of the action:
    /// an approval does not survive a change of either.
    pub basis: [u8; 32],
}
