//! `countersign replay`, as it is written.

use std::path::PathBuf;

use clap::Args;

/// Judges recorded decisions against another configuration, and says which would flip.
///
/// Records are the lines that the filter writes (one JSON object each; what a gateway puts before it, and other lines, are
/// passed over). A request that was only watched (`"mode": "audit"`) was let through, whatever was decided about it; the
/// configuration is judged as if it enforced. Routes, denylists, who is let in, catalogue and Cedar policies are asked again, about
/// what the record holds; workload, task and grants are taken as they were, and what was refused for one of them is refused again.
/// Where policies and catalogue are those of the record (`policy_revision`), they say what they said. Where a rule reads what no
/// record holds, nothing is guessed: the answer is `undetermined`, names it as policies do (`context.args.amount`) and says what makes
/// the filter record it (`record: { arguments: [/amount] }`). All arguments count as known where the recorded ones have the recorded
/// digest.
#[derive(Clone, Debug, Args)]
#[command(after_help = REPLAY)]
pub struct Replay {
    /// The configuration to judge by.
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,
    /// Files of records (`-` is standard input).
    #[arg(required = true, value_name = "RECORDS")]
    pub records: Vec<PathBuf>,
}

const REPLAY: &str = "\
Examples:
  countersign replay next.yaml decisions.jsonl
  kubectl logs deploy/gateway --since 24h | countersign replay next.yaml -
  countersign replay --json next.yaml decisions.jsonl

Exit codes, for CI: 0 no decision flips; 1 one does, or is undetermined; 2 a file cannot be read, holds no decision, or the
configuration is not valid.";
