//! Every scenario, and every case of the shipped policies, on every driver; and that they cover every reason.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, ensure};
use countersign_engine::reason::Reason;
use countersign_host_tests::drivers::envoy::RealEnvoy;
use countersign_host_tests::drivers::native::Native;
use countersign_host_tests::drivers::wasm::Wasm;
use countersign_host_tests::drivers::{Driver, run_all};
use countersign_host_tests::envoy::versions;
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::DriverKind;

/// Reasons no scenario can bring about, and why.
const OUT_OF_REACH: &[(&str, &str)] = &[("internal", "a state the filter should not be in: there is no way into it")];

fn run(driver: &mut dyn Driver) -> Result<()> {
    let report = run_all(driver, &Library::with_packs()?);
    println!("{report}");
    ensure!(report.failed.is_empty(), "{report}");
    ensure!(report.passed > 0, "no scenario ran");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "scenarios begin now, as tokens in a real gateway do")]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

#[test]
fn native() -> Result<()> {
    run(&mut Native::at(now()?))
}

#[test]
fn wasm() -> Result<()> {
    run(&mut Wasm::at(now()?)?)
}

/// A gateway that verifies no signatures itself, so that jwt-simple does: nothing may be different.
#[test]
fn wasm_without_native_crypto() -> Result<()> {
    run(&mut Wasm::without_native_crypto(now()?)?)
}

/// Every release, all at once: most of the time is spent waiting for what must not come.
#[test]
fn envoy() -> Result<()> {
    let versions = versions();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = versions.iter().map(|version| scope.spawn(move || in_envoy(version))).collect();
        let ended = runs.into_iter().map(|run| run.join().unwrap_or_else(|_| Err(anyhow!("the run panicked"))));
        versions
            .iter()
            .zip(ended)
            .filter_map(|(version, ran)| Some(format!("Envoy {version}: {:#}", ran.err()?)))
            .collect()
    });
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn in_envoy(version: &str) -> Result<()> {
    run(&mut RealEnvoy::new(version)?)
}

#[test]
fn every_reason_is_expected_by_some_scenario() -> Result<()> {
    let library = Library::read()?;
    let expected: Vec<_> = [DriverKind::Native, DriverKind::Wasm, DriverKind::Envoy]
        .into_iter()
        .flat_map(|driver| library.expected_reasons(driver))
        .collect();
    let out_of_reach = |code: &str| OUT_OF_REACH.iter().any(|(reason, _)| *reason == code);
    let codes = Reason::ALL.iter().map(|reason| reason.row().code);
    let missing: Vec<_> = codes.filter(|code| !expected.contains(code) && !out_of_reach(code)).collect();
    ensure!(missing.is_empty(), "no scenario expects {missing:?}");
    Ok(())
}
