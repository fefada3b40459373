//! This program again, under callgrind, which looks at one stage.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{COUNTED, Stage};

/// What one stage of one decision costs, on average.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) instructions: f64,
    /// Instructions in functions of ours and what they call, by name.
    pub(super) within: BTreeMap<String, f64>,
}

/// Runs the decisions about the world in `file`; `folder` takes callgrind's own file.
pub(super) fn count(file: &Path, stage: Stage, folder: &Path) -> Result<Counts> {
    let out = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect={}", stage.function()))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .arg("--decide")
        .arg(file)
        .output()
        .context("running valgrind; `scripts/setup tools` installs it")?;
    ensure!(output.status.success(), "the counted run failed:\n{}", String::from_utf8_lossy(&output.stderr));
    let counts = read(&std::fs::read_to_string(&out)?)?;
    ensure!(counts.instructions > 0.0, "callgrind saw nothing of `{}`", stage.function());
    Ok(counts)
}

/// What a file in callgrind's format 1 says, per decision.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn read(text: &str) -> Result<Counts> {
    let per_decision = |count: u64| count as f64 / COUNTED as f64;
    let mut counts = Counts::default();
    let mut called = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(total) = line.strip_prefix("totals: ") {
            counts.instructions = per_decision(total.trim().parse()?);
        } else if let Some(function) = line.strip_prefix("cfn=") {
            called = Some(function);
        } else if line.starts_with("calls=") {
            let function = called.take().context("a call of nothing")?;
            let inclusive = lines.next().and_then(|line| line.rsplit(' ').next()).context("a call without cost")?;
            if let Some(ours) = ours(function) {
                *counts.within.entry(ours).or_default() += per_decision(inclusive.parse()?);
            }
        }
    }
    Ok(counts)
}

/// The name of a function of the filter's crates as it is written there.
fn ours(function: &str) -> Option<String> {
    let name = function.strip_prefix('<').unwrap_or(function);
    let path = name.strip_prefix("countersign_")?;
    // What the compiler adds to tell instances apart.
    let end = path.rfind("::h").filter(|at| path.len() == at + 19).unwrap_or(path.len());
    path.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_with_what_they_cost() -> Result<()> {
        let text = "version: 1\nevents: Ir\n\nfn=bench::counted_body\n12 6400\n\
            cfn=countersign_engine::session::Session::handle::h0123456789abcdef\ncalls=64 100\n12 12800\n\
            fn=countersign_engine::session::Session::handle::h0123456789abcdef\n100 6400\n\
            cfn=malloc\ncalls=128 0\n101 6400\ntotals: 25600\n";
        let within = BTreeMap::from([("engine::session::Session::handle".to_owned(), 200.0)]);
        assert_eq!(read(text)?, Counts { instructions: 400.0, within });
        Ok(())
    }
}
