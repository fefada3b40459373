//! What the credential was issued for: the task, and the grants that bound it.
//!
//! Grants only narrow: policy is asked about what they cover, and never about anything else.
//!
//! # Grants in a claim
//!
//! An array of objects; whoever issues tokens writes it, so its form is part of the public contract:
//!
//! ```json
//! [{ "action": "mcp:tools/call", "resource": "payments", "object": "transfer",
//!    "arguments": { "/amount": { "max": 500 }, "/currency": { "one_of": ["EUR", "USD"] } } }]
//! ```
//!
//! | member | meaning |
//! |---|---|
//! | `action` | the operation: `mcp:` and a method of MCP (or `GET`, `DELETE`), `http:` and an HTTP method |
//! | `resource` | the resource's configured name |
//! | `object` | the tool, prompt, URI, task or path; a trailing `*` stands for any ending; any object when absent |
//! | `arguments` | RFC 6901 pointers into a tool's arguments and what must hold there; `mcp:tools/call` only |
//!
//! What must hold: `equals`, `one_of`, `min`, `max`, `prefix`; all that are written. An argument that is spoken about
//! must be there. An unknown member refuses the token, so does a constraint that is not understood: it was meant to
//! narrow. Where `*` or `prefix` is given, an ending with `.` or `..` as a path segment, escaped or not, is outside.
//!
//! # Grants in `scope`
//!
//! `mcp:tool:<name>` is `tools/call` of that tool, `mcp:<method>` any object of a method (`mcp:resources/read`),
//! `http:<METHOD>:<path>` a path, `http:<METHOD>:<path>/*` what is below it. They hold for every resource the token's
//! audience admits. Other scope tokens grant nothing; there is no `mcp:*`.

mod constraint;
mod grant;
mod mapping;
mod pointer;
mod scope;

use countersign_tokens::UnixTime;

pub use constraint::Constraint;
pub use grant::{Grant, Object};
pub use mapping::{MappingError, TaskError, TaskMapping};
pub use pointer::Pointer;
pub use scope::scope_for;

use crate::action::{Action, Class, Operation};

/// The unit of work a credential was issued for.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// From the configured claim; else `jti`; else a digest of the credential.
    pub id: String,
    /// What it is for, in the issuer's words; for people and policies.
    pub purpose: Option<String>,
    /// What it may do; any one suffices.
    pub grants: Vec<Grant>,
    /// When the task itself ends, where the credential says so; the credential's own end is judged with it.
    pub end: Option<UnixTime>,
    /// The earlier of [`Task::end`] and the credential's `exp`: what policies are told.
    pub expires: UnixTime,
}

/// Whether a task's grants reach an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// One grant covers all of it.
    Covered,
    /// No grant names it.
    NotGranted,
    /// A grant names it, and none admits its arguments.
    BeyondArguments,
}

impl Task {
    /// Whether the task has ended. A credential that has expired is refused before, with the issuer's leeway.
    pub fn is_over(&self, now: UnixTime) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// Whether any one grant covers `action`.
    ///
    /// Session plumbing and lists ([`Class::Control`], [`Class::List`]) need any MCP grant on the resource, whatever it names.
    pub fn covers(&self, action: &Action) -> Coverage {
        if is_incidental(action) && self.grants.iter().any(|grant| grant.is_mcp() && grant.is_on(&action.resource)) {
            return Coverage::Covered;
        }
        let name = action.name();
        let mut naming = self.grants.iter().filter(|grant| grant.names(&name, action)).peekable();
        if naming.peek().is_none() {
            Coverage::NotGranted
        } else if naming.any(|grant| grant.admits(action.arguments())) {
            Coverage::Covered
        } else {
            Coverage::BeyondArguments
        }
    }
}

fn is_incidental(action: &Action) -> bool {
    match &action.operation {
        Operation::Mcp(operation) => match operation.class {
            Class::Control | Class::List => true,
            Class::Read | Class::Execute => false,
        },
        Operation::ToolCall(_) | Operation::Http { .. } => false,
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "serde_json indexes test documents by member")]
mod tests;
