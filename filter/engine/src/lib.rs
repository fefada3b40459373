//! The decision engine of Countersign: every step of an AI agent, authorised again at the moment it is asked for.
//!
//! The flow of one request is the list of modules, top to bottom:
//!
//! 1. [`route`](countersign_protocols::route): which protected resource is this for, and can the head be read one way only?
//! 2. [`credential`](countersign_trust::credential): exactly one credential, verified now, with keys from [`keys`](countersign_trust::keys) or by [`introspection`](countersign_trust::introspection), in the hands of
//!    whoever it is bound to ([`possession`](countersign_trust::possession)) → [`workload`](countersign_rights::workload), and what is unhealthy about it ([`hygiene`](countersign_rights::hygiene)).
//! 3. [`task`](countersign_rights::task): what the credential was issued for; the [`ledger`](countersign_facts::ledger) knows what is spent.
//! 4. [`action`](countersign_protocols::action): what the request is about to do, read strictly.
//! 5. The task's grants cover it, then [`policy`](countersign_policy) decides in context.
//! 6. [`step_up`]: a risky action is held while an approver is asked about exactly this call.
//! 7. [`record`]: one line per decision; then [`forward`] with a [`permit`], or [`reply`]. What is only watched is forwarded
//!    whatever was decided ([`rollout`](countersign_facts::rollout)).
//! 8. [`response`](countersign_protocols::response): of an MCP server passes what was asked for; lists are cut down to what their reader could call, and what
//!    they show of tools is [`learned`](countersign_protocols::learned); tasks of agents that are over are seen; [`sessions`] belong to who opened them.
//!
//! What is held on the way has [`shares`], so that one caller leaves room for others.
//!
//! [`Session`] runs that flow as a state machine; [`Background`] keeps keys fresh. Both are sans-IO: time is an
//! argument, randomness comes in as a [`DecisionId`](countersign_facts::ids::DecisionId), effects come out as [`io::Step`]. [`drive`] is the one loop that carries them
//! out, over whatever implements [`drive::Host`]: a gateway, the tests, the command line.
//! This crate never talks to a gateway, never reads a clock and never blocks.
//!
//! ```
//! use countersign_engine::config::NoSecrets;
//! use countersign_engine::Engine;
//!
//! let errors = Engine::load(br#"{"version": 2}"#, &NoSecrets).err().map(|errors| errors.to_string());
//! assert!(errors.is_some_and(|text| text.contains("/version: ")));
//! ```
#![forbid(unsafe_code)]

pub mod background;
pub mod bundle;
pub mod config;
pub mod drive;
mod engine;
pub mod forward;
#[cfg(test)]
mod growth;
pub mod io;
pub mod permit;
pub mod record;
pub mod reply;
pub mod session;
mod sessions;
pub mod shares;
pub mod step_up;

pub use background::{Background, BackgroundInput, Effect, Level, Notice};
pub use engine::Engine;
pub use session::{Explained, Listed, Session, Waits};
