//! Every scenario again, its bodies cut into single bytes, into halves, and ended by trailers: what is expected of it stays
//! the same, natively and in wasm. Cuts at every position, and random ones, are in `properties.rs`.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use countersign_host_tests::drivers::native::Native;
use countersign_host_tests::drivers::wasm::Wasm;
use countersign_host_tests::drivers::{Driver, run_all};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::{Send, Step};
use countersign_host_tests::scenario::request::{Earlier, Request};

/// Bodies that are longer are not cut into single bytes: one scenario of their kind does it.
const LONGEST: usize = 4096;
/// Fewer bodies than this and the library is not what it was.
const FEWEST: usize = 150;

/// How a body arrives.
#[derive(Clone, Copy, Debug)]
enum Cut {
    SingleBytes,
    Halves,
}

#[expect(clippy::disallowed_methods, reason = "scenarios begin now, as tokens in a real gateway do")]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// The library with every body that arrives whole cut like this; and how many are.
fn library(cut: Cut, trailers: bool) -> Result<(Library, usize)> {
    let mut library = Library::read()?;
    let mut count = 0;
    for (_, scenario) in &mut library.scenarios {
        for step in &mut scenario.steps {
            count += usize::from(divide(step, cut, trailers)?);
        }
    }
    Ok((library, count))
}

fn divide(step: &mut Step, cut: Cut, trailers: bool) -> Result<bool> {
    let Some(send) = &mut step.send else { return Ok(false) };
    let length = length(send)?;
    let told_how = !send.chunks.is_empty() || !send.trailers.is_empty() || send.stalls.is_some();
    if !(2..=LONGEST).contains(&length) || told_how || send.leaves_after_chunks.is_some() {
        return Ok(false);
    }
    send.chunks = match cut {
        Cut::SingleBytes => vec![0],
        Cut::Halves => vec![length / 2],
    };
    // Lists of pinned tools are asked for without.
    let is_list = send.mcp.as_deref().is_some_and(|method| method.ends_with("/list"));
    if trailers && !is_list {
        send.trailers.insert("x-checksum".to_owned(), "none".to_owned());
    }
    Ok(true)
}

/// The length of the body, whatever its credential and headers: what an earlier step was told is not known here.
fn length(send: &Send) -> Result<usize> {
    let token = serde_json::from_value(serde_json::json!({ "raw": "x" }))?;
    let anonymous = Send { token, headers: BTreeMap::default(), ..send.clone() };
    Ok(Request::of(&anonymous, now()?, &Earlier::default())?.body.map_or(0, |body| body.len()))
}

fn run(driver: &mut dyn Driver, cut: Cut, trailers: bool) -> Result<()> {
    let (library, count) = library(cut, trailers)?;
    ensure!(count >= FEWEST, "only {count} bodies were cut");
    let report = run_all(driver, &library);
    ensure!(report.failed.is_empty(), "{cut:?}, trailers: {trailers}: {report}");
    ensure!(report.passed > 0, "no scenario ran");
    Ok(())
}

#[test]
fn natively() -> Result<()> {
    run(&mut Native::at(now()?), Cut::SingleBytes, false)?;
    run(&mut Native::at(now()?), Cut::Halves, true)
}

#[test]
fn in_wasm() -> Result<()> {
    run(&mut Wasm::at(now()?)?, Cut::SingleBytes, true)
}
