//! `scripts/bench --count`: what one decision costs in instructions, allocations and hostcalls, stage by stage.
//!
//! Instructions and allocations are the engine's, natively. Callgrind counts instructions: the same for the same code,
//! whatever else the machine is doing. Hostcalls are the built module's, counted by the scripted host. Checking a signature costs nothing
//! here: in a gateway that is the gateway's work.

mod callgrind;
mod hosted;
mod native;
mod report;

use std::path::Path;

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::load::{BODY, Tokens};
use crate::tokens::{self, Minted};
use crate::variants;

pub(crate) use native::run as decide;

/// Decisions before the counted ones: what is read once and kept is kept by then.
const WARM: usize = 8;
/// Decisions that are counted.
const COUNTED: usize = 64;

/// What of a request a callback of the gateway is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Body,
    Response,
    End,
}

/// A figure for each stage, in their order.
#[derive(Clone, Copy, Debug, Default)]
struct PerStage<T>([T; Stage::ALL.len()]);

/// What is decided: the bench's configuration, its request, and a token for each decision.
#[derive(Debug, Serialize, Deserialize)]
struct World {
    configuration: Value,
    body: String,
    tokens: Vec<String>,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Head, Self::Body, Self::Response, Self::End];

    const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Body => "body: decided, recorded, forwarded",
            Self::Response => "response",
            Self::End => "end",
        }
    }
}

impl<T> PerStage<T> {
    fn of(&mut self, stage: Stage) -> &mut T {
        let Self([head, body, response, end]) = self;
        match stage {
            Stage::Head => head,
            Stage::Body => body,
            Stage::Response => response,
            Stage::End => end,
        }
    }
}

impl Tokens {
    const ALL: [Self; 3] = [Self::Known, Self::Fresh, Self::FreshEs256];

    const fn name(self) -> &'static str {
        match self {
            Self::Known => "known token",
            Self::Fresh => "fresh RS256 token",
            Self::FreshEs256 => "fresh ES256 token",
        }
    }

    fn of(self, minted: &Minted) -> Vec<String> {
        let fresh = match self {
            Self::Known => return vec![minted.known.clone(); WARM + COUNTED],
            Self::Fresh => &minted.fresh,
            Self::FreshEs256 => &minted.fresh_es256,
        };
        fresh.clone()
    }
}

/// Counts, prints, and writes the figures to `json`.
pub(crate) fn run(json: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let minted = tokens::mint(WARM + COUNTED)?;
    let configuration = variants::counted(&minted)?;
    let steps = Tokens::ALL.len() * (Stage::ALL.len() + 1);
    let progress =
        ProgressBar::new(steps as u64).with_style(ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}")?);
    let mut report = report::Report::default();
    for tokens in Tokens::ALL {
        let world = World { configuration: configuration.clone(), body: BODY.to_owned(), tokens: tokens.of(&minted) };
        let file = folder.path().join("world.json");
        std::fs::write(&file, serde_json::to_vec(&world)?)?;
        progress.set_message(format!("{}: hostcalls and allocations", tokens.name()));
        let mut allocations = native::allocations(&world).with_context(|| format!("{} natively", tokens.name()))?;
        let mut hostcalls = hosted::count(&world).with_context(|| format!("{} in the module", tokens.name()))?;
        progress.inc(1);
        for stage in Stage::ALL {
            progress.set_message(format!("{}: {}", tokens.name(), stage.name()));
            let counts = callgrind::count(&file, stage, folder.path())?;
            report.add(tokens, stage, counts, *allocations.of(stage), *hostcalls.of(stage));
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    println!("{report}");
    crate::keep(&report.figures(), json)
}
