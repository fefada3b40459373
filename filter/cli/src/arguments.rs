//! The command line as it is written.

mod explain;
mod replay;
mod report;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use explain::{Carrier, Explain};
pub use replay::Replay;
pub use report::{About, Frameworks, Report};

/// What Countersign would make of it, without a gateway.
#[derive(Clone, Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON document instead of text.
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    Validate(Validate),
    Test(Test),
    Explain(Box<Explain>),
    Replay(Replay),
    Report(Report),
}

const EXIT_CODES: &str = "\
Exit codes: 0 nothing to object to; 1 there is: findings, failed cases, a denial; 2 the command line or a file cannot be read.";

/// Says everything that is wrong with plugin configurations, each with its place.
///
/// Reads YAML and JSON. Secrets are named in a configuration, not written, and none is read here: each counts as present,
/// and the answer says which environment variables the gateway must have.
#[derive(Clone, Debug, Args)]
#[command(after_help = VALIDATE)]
pub struct Validate {
    /// Plugin configurations.
    #[arg(required = true, value_name = "CONFIG")]
    pub configs: Vec<PathBuf>,
    /// Objects to warnings and notes, too: what is not read or enforced (an argument of no type, `format` in a schema), what is likely
    /// not meant (a rule that nothing meets), what may not be what it looks like.
    #[arg(long)]
    pub strict: bool,
    /// Also lists every argument of the catalogue, whether policies can read it, and which ask for it.
    #[arg(long)]
    pub coverage: bool,
}

const VALIDATE: &str = "\
Examples:
  countersign validate envoy/demo.yaml
  countersign validate --strict --json staging.yaml production.yaml

Exit codes: 0 all of them can be loaded; 1 there are findings, with --strict warnings or notes; 2 a file cannot be read.";

/// Decides the cases of policy packs, and says which policies no case exercises.
///
/// A pack is a folder with `policy.cedar` and `cases.yaml`; their format is in policies/starter/README.md. A policy that is
/// determining in no case is a failure, too.
#[derive(Clone, Debug, Args)]
#[command(after_help = TEST)]
pub struct Test {
    /// Folders of policy packs.
    #[arg(required = true, value_name = "DIR")]
    pub packs: Vec<PathBuf>,
}

const TEST: &str = "\
Examples:
  countersign test policies/starter
  countersign test --json policies/*/

Exit codes: 0 every case is decided as it says and every policy is exercised; 1 one is not; 2 a file cannot be read.";
