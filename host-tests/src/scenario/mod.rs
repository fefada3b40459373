//! Scenarios: what goes in and what must come out, as data (`host-tests/scenarios/*.yaml`).
//!
//! This module reads them, makes requests and tokens of them and compares what a driver observed with what
//! was expected. It decides nothing about a request and knows no gateway; [`crate::drivers`] run the scenarios.
//! A file that cannot be understood completely is an error, never a scenario that is skipped.

pub mod answers;
pub mod approver;
pub mod decision_point;
pub mod expect;
pub mod format;
pub mod introspector;
pub mod key_server;
pub mod keys;
pub mod load;
pub mod request;
pub mod text;
pub mod token;
pub mod upstream;

pub use answers::Answers;
pub use format::{Expect, Scenario, Step};
pub use load::Library;
