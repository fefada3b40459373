//! `countersign`: what the filter would make of a configuration, a policy or a request, without a gateway.
//!
//! | command | says |
//! |---|---|
//! | `validate` | everything that is wrong with plugin configurations, each with its place, and what is likely not meant |
//! | `test` | whether policy packs decide their cases as they say, and which policies no case exercises |
//! | `explain` | what becomes of one request, check by check, and what would have to change |
//! | `replay` | which recorded decisions would be others under another configuration |
//! | `report frameworks` | which risks of public frameworks a configuration answers, and by what |
//!
//! Nothing is decided here: every answer is the engine's, asked as the filter asks it. No network is used, no secret is
//! read, and nothing is written but the answer.
//!
//! # Exit codes
//!
//! | code | |
//! |---|---|
//! | 0 | nothing to object to |
//! | 1 | there is: findings, failed cases, a denial |
//! | 2 | the command line, or a file, cannot be read |
#![forbid(unsafe_code)]

pub mod arguments;
pub mod document;
pub mod explain;
mod output;
pub mod pack;
pub mod replay;
pub mod report;
pub mod validate;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use countersign_tokens::UnixTime;
pub use output::{Answer, Verdict};

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { command, json } = Arguments::parse();
    let answer = match &command {
        Command::Validate(arguments) => validate::answer(arguments),
        Command::Test(arguments) => pack::answer(arguments),
        Command::Explain(arguments) => explain::answer(arguments, now()),
        Command::Replay(arguments) => replay::answer(arguments),
        Command::Report(arguments) => report::answer(arguments),
    };
    output::print(&answer, json)
}

/// The time of this machine; commands take another one as an argument.
#[expect(clippy::disallowed_methods, reason = "the one clock of the command line, read once")]
fn now() -> UnixTime {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or_else(|_| UnixTime::default(), |since| UnixTime::default().plus(since))
}
