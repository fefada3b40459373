//! `scripts/bench`: what a decision costs the gateway, beside Envoy alone and beside Envoy's own filters.
//!
//! One Envoy release, one worker, one upstream, one load; the variants alternate in every round of one run. Cost is the
//! gateway's CPU time (user and system) per request above the same Envoy without any filter.

mod envoy;
mod load;
mod report;
mod tokens;
mod variants;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use countersign_host_tests::cerbos::Cerbos;
use countersign_host_tests::envoy::{Envoy, PINNED};
use indicatif::{ProgressBar, ProgressStyle};

/// Measures the filter in a real Envoy.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds of load for each variant in each round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds; the median of the rounds is reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load before that: V8 compiles what runs often anew while it runs, and until it has, it is measured too.
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
    /// Where the figures go as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let envoy = Envoy::find(&arguments.envoy)?;
    let folder = tempfile::tempdir()?;
    let minted = tokens::mint()?;
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
    std::fs::write(&arguments.json, serde_json::to_vec_pretty(&report.figures())?)
        .with_context(|| format!("writing {}", arguments.json.display()))?;
    println!("figures: {}", arguments.json.display());
    Ok(())
}
