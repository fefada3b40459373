//! Every scenario, and every case of the shipped policies, on every driver; and that they cover every reason.
//!
//! In this process each scenario is a test of its own, `native::step_up::an_approved_call_goes_on`. In Envoy all of them are one,
//! `in_envoy`, because many share a gateway. `COUNTERSIGN_SCENARIO` picks some of them, everywhere.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, ensure};
use countersign_facts::reason::Reason;
use countersign_host_tests::drivers::envoy::RealEnvoy;
use countersign_host_tests::drivers::native::Native;
use countersign_host_tests::drivers::wasm::Wasm;
use countersign_host_tests::drivers::{Driver, run, run_all};
use countersign_host_tests::envoy::versions;
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::DriverKind;
use libtest_mimic::{Arguments, Failed, Trial};

/// Reasons no scenario can bring about, and why.
const OUT_OF_REACH: &[(&str, &str)] = &[("internal", "a state the filter should not be in: there is no way into it")];

/// Makes a driver that begins now.
type Start = fn(u64) -> Result<Box<dyn Driver>>;

/// The drivers whose scenarios are tests by themselves.
const HERE: [(&str, DriverKind, Start); 3] = [
    ("native", DriverKind::Native, |now| Ok(Box::new(Native::at(now)))),
    ("wasm", DriverKind::Wasm, |now| Ok(Box::new(Wasm::at(now)?))),
    // A gateway that verifies no signatures itself, so that jwt-simple does: nothing may be different.
    ("wasm_without_native_crypto", DriverKind::Wasm, |now| Ok(Box::new(Wasm::without_native_crypto(now)?))),
];

fn main() -> Result<ExitCode> {
    let arguments = Arguments::from_args();
    let mut library = Library::with_packs()?;
    library.select(&wanted())?;
    let library = Arc::new(library);
    let mut tests = vec![
        // First, because it takes longest.
        test("in_envoy".to_owned(), &library, in_every_envoy),
        test("every_reason_is_expected_by_some_scenario".to_owned(), &Arc::new(Library::read()?), every_reason),
    ];
    for (driver, kind, start) in HERE {
        for (index, (file, scenario)) in library.scenarios.iter().enumerate() {
            if !scenario.drivers.contains(&kind) {
                continue;
            }
            let name = format!("{driver}::{}::{}", path(file), path(&scenario.name));
            tests.push(test(name, &library, move |library| {
                let (_, scenario) = library.scenarios.get(index).ok_or_else(|| anyhow!("it is gone"))?;
                run(start(now()?)?.as_mut(), library, scenario)
            }));
        }
    }
    Ok(libtest_mimic::run(&arguments, tests).exit_code())
}

fn test(name: String, library: &Arc<Library>, run: impl FnOnce(&Library) -> Result<()> + Send + 'static) -> Trial {
    let library = Arc::clone(library);
    Trial::test(name, move || run(&library).map_err(|error| Failed::from(format!("{error:#}"))))
}

/// `text` as part of a test's name.
fn path(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

/// What is in the file or the name of the scenarios to run: everything, unless `COUNTERSIGN_SCENARIO` says.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment what to test")]
fn wanted() -> String {
    std::env::var("COUNTERSIGN_SCENARIO").unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "scenarios begin now, as tokens in a real gateway do")]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// Every release, all at once: most of the time is spent waiting for what must not come.
fn in_every_envoy(library: &Library) -> Result<()> {
    let versions = versions();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = versions.iter().map(|version| scope.spawn(move || in_envoy(version, library))).collect();
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

fn in_envoy(version: &str, library: &Library) -> Result<()> {
    let report = run_all(&mut RealEnvoy::new(version)?, library);
    println!("Envoy {version}: {report}");
    ensure!(report.failed.is_empty(), "{report}");
    ensure!(report.passed > 0, "no scenario ran");
    Ok(())
}

fn every_reason(library: &Library) -> Result<()> {
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
