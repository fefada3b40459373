//! `scripts/bench`: what a decision costs the gateway, beside Envoy alone and beside Envoy's own filters.
//!
//! One Envoy release, one worker, one upstream, one load; the variants alternate in every round of one run. Cost is the
//! gateway's CPU time (user and system) per request above the same Envoy without any filter.
//! With `--count` nothing is timed: instructions, allocations and hostcalls are counted instead ([`count`]).

mod count;
mod envoy;
mod load;
mod report;
mod tokens;
mod variants;

use std::alloc::System;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use countersign_host_tests::cerbos::Cerbos;
use countersign_host_tests::envoy::{Envoy, PINNED};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts what is asked of it; that is all it does besides.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Measures the filter in a real Envoy.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds of load for each variant in each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds; the median of the rounds is reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load before that: V8 compiles what runs often a second time while it runs, and until then that is measured too.
    #[arg(long, default_value_t = 12)]
    warm_up: u64,
    /// Connections held open by the load generator.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Only the variants whose name contains this, beside Envoy alone and its native filters.
    #[arg(long, default_value = "")]
    only: String,
    /// The Envoy release.
    #[arg(long, default_value = PINNED)]
    envoy: String,
    /// Where the figures go as JSON; `target/bench.json`, or `target/count.json`, if that is not said.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Counts what a decision costs, stage by stage, and times nothing.
    #[arg(long)]
    count: bool,
    /// What callgrind watches: decides about what is in this file.
    #[arg(long, hide = true)]
    decide: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments {
        Arguments { decide: Some(file), .. } => count::decide(file),
        Arguments { count: true, json, .. } => count::run(&json_or(json.as_deref(), "target/count.json")),
        Arguments { .. } => measure(&arguments),
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let envoy = Envoy::find(&arguments.envoy)?;
    let folder = tempfile::tempdir()?;
    let minted = tokens::mint(tokens::FRESH)?;
    let load = load::Load::prepare(folder.path(), &minted, arguments.connections)?;
    let upstream = envoy::Process::upstream(&envoy, folder.path())?;
    let cerbos = Cerbos::start(variants::CERBOS)?;
    let mut variants = variants::all(&minted, upstream.port(), &cerbos)?;
    variants.retain(|variant| {
        [variants::BASELINE, variants::NATIVE].contains(&variant.name) || variant.name.contains(&arguments.only)
    });

    let steps = arguments.rounds.saturating_mul(variants.len());
    let progress =
        ProgressBar::new(steps as u64).with_style(ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}")?);
    let mut report = report::Report::new(&arguments.envoy, arguments.seconds, arguments.rounds);
    for round in 0..arguments.rounds {
        for variant in &variants {
            progress.set_message(format!("round {}: {}", round + 1, variant.name));
            let gateway = envoy::Process::gateway(&envoy, &variant.bootstrap, folder.path())?;
            load.check(gateway.port(), variant.tokens).with_context(|| format!("variant `{}`", variant.name))?;
            load.run(gateway.port(), variant.tokens, Duration::from_secs(arguments.warm_up))?;
            let before = gateway.cpu()?;
            let run = load.run(gateway.port(), variant.tokens, Duration::from_secs(arguments.seconds))?;
            report.add(variant.name, &run, gateway.cpu()?.saturating_sub(before));
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    println!("{report}");
    keep(&report.figures(), &json_or(arguments.json.as_deref(), "target/bench.json"))
}

fn json_or(said: Option<&Path>, default: &str) -> PathBuf {
    said.unwrap_or(Path::new(default)).to_owned()
}

/// Writes `figures` to `file`, and says so.
fn keep(figures: &Value, file: &Path) -> Result<()> {
    std::fs::write(file, serde_json::to_vec_pretty(figures)?).with_context(|| format!("writing {}", file.display()))?;
    println!("figures: {}", file.display());
    Ok(())
}
