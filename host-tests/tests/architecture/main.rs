//! How the code hangs together: which crates and modules may see which, what none of them may link or call, and what the built module needs
//! from a gateway.
//!
//! The engine is to become a crate for each of its [`rooms`]. Until then its modules are held to the same arrows, except for what is listed
//! in [`ratchet`]; that list only shrinks.

mod circles;
#[cfg(feature = "scenarios")]
mod imports;
mod names;
mod ratchet;
mod reader;
mod rooms;
mod sources;

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use countersign_host_tests::envoy::root;

use ratchet::{CIRCLES, RATCHET};
use rooms::{ROOMS, Room};
use sources::Sources;

/// Where the engine's modules are.
const ENGINE: &str = "filter/engine/src";

/// Crates that would bring a gateway, a browser, a clock or randomness into the decision.
const BANNED: [&str; 9] =
    ["proxy-wasm", "wasm-bindgen", "js-sys", "web-sys", "chrono", "coarsetime", "getrandom", "rand", "tokio"];

#[test]
fn the_engine_and_the_tokens_depend_on_no_gateway_clock_or_randomness() -> Result<()> {
    let mut seen = Vec::new();
    for member in members()? {
        let (package, named) = manifest(&member)?;
        if !Room::ALL.into_iter().any(|room| room.package() == package && Room::Engine.sees(room)) {
            continue;
        }
        ensure!(!named.is_empty(), "{member}/Cargo.toml names no dependencies");
        for banned in BANNED {
            ensure!(!named.iter().any(|name| name == banned), "{member}/Cargo.toml depends on {banned}");
        }
        seen.push(package);
    }
    for package in [Room::Engine.package(), Room::Tokens.package()] {
        ensure!(seen.iter().any(|name| name == package), "no member of the workspace is {package}");
    }
    Ok(())
}

#[test]
fn clippy_bans_clocks_randomness_and_the_environment() -> Result<()> {
    let clippy = std::fs::read_to_string(root().join(".clippy.toml"))?;
    for banned in ["std::time::SystemTime::now", "std::time::Instant::now", "std::env::var", "getrandom::"] {
        ensure!(clippy.contains(banned), ".clippy.toml does not ban {banned}");
    }
    Ok(())
}

#[test]
fn crates_depend_on_what_is_below_them() -> Result<()> {
    let mut complaints = Vec::new();
    for member in members()? {
        let (package, named) = manifest(&member)?;
        let wrong = rooms::dependencies(&package, &named);
        complaints.extend(wrong.iter().map(|wrong| format!("{member}/Cargo.toml: {wrong}")));
    }
    none(&complaints)
}

#[test]
fn every_module_of_the_engine_is_in_a_room() -> Result<()> {
    let engine = engine()?;
    let modules = engine.tops();
    let unplaced = modules.iter().filter(|module| !ROOMS.iter().any(|(placed, _)| placed == *module));
    let mut complaints: Vec<String> =
        unplaced.map(|module| format!("{ENGINE}/{module}: add `{module}` to ROOMS: which room is it in?")).collect();
    let gone = ROOMS.iter().filter(|(placed, _)| placed.split("::").next().is_none_or(|top| !modules.contains(top)));
    complaints.extend(gone.map(|(placed, _)| format!("ROOMS: there is no module `{placed}` any more: take it out")));
    none(&complaints)
}

#[test]
fn modules_of_the_engine_import_what_is_below_them() -> Result<()> {
    none(&ratchet::complaints(&rooms::upward(engine()?.imports()), RATCHET))
}

#[test]
fn modules_of_the_engine_import_each_other_in_no_further_circles() -> Result<()> {
    none(&circles::complaints(&engine()?.imports(), CIRCLES))
}

#[test]
fn policy_alone_links_cedar_and_rego() -> Result<()> {
    none(&rooms::linked(&engine()?.other_crates()))
}

/// What the engine's modules import, read once.
fn engine() -> Result<&'static Sources> {
    static READ: LazyLock<Result<Sources>> = LazyLock::new(|| Sources::below(&root().join(ENGINE), ENGINE));
    READ.as_ref().map_err(|error| anyhow!("{error:#}"))
}

fn none(complaints: &[String]) -> Result<()> {
    ensure!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    Ok(())
}

/// The folders of the workspace's packages.
fn members() -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root().join("Cargo.toml"))?;
    let list = text.split_once("\nmembers = [").and_then(|(_, rest)| rest.split_once(']')).context("no members")?.0;
    Ok(list
        .split(',')
        .map(|member| member.trim().trim_matches('"').to_owned())
        .filter(|member| !member.is_empty())
        .collect())
}

/// The name of the package in `folder`, and what it depends on.
fn manifest(folder: &str) -> Result<(String, Vec<String>)> {
    let path = root().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    Ok((name.with_context(|| format!("{folder} has no name"))?.to_owned(), dependencies(&path)?))
}

/// Names in `[dependencies]`; what only tests use does not count.
fn dependencies(manifest: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(manifest)?;
    let (_, section) = text.split_once("[dependencies]\n").context("no [dependencies]")?;
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
    Ok(lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(name).collect())
}
