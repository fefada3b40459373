//! How the code hangs together: which rooms may see which, that no modules import each other in circles, what none of them may link or call,
//! what is public without need, and what the built module needs from a gateway.

mod circles;
#[cfg(feature = "scenarios")]
mod imports;
mod names;
mod packages;
mod public;
mod reader;
mod rooms;
mod sources;

use std::sync::LazyLock;

use anyhow::{Result, anyhow, ensure};
use countersign_host_tests::envoy::root;

use packages::Package;
use rooms::Room;
use sources::Sources;

/// Crates that would bring a gateway, a browser, a clock or randomness into the decision.
const BANNED: [&str; 9] =
    ["proxy-wasm", "wasm-bindgen", "js-sys", "web-sys", "chrono", "coarsetime", "getrandom", "rand", "tokio"];

/// What is there for the tests of the rooms above.
const TEST_SUPPORT: &str = "test-support";

#[test]
fn rooms_see_what_is_below_them() -> Result<()> {
    let mut complaints = Vec::new();
    for member in members()? {
        let named = member.dependencies.iter().map(|dependency| dependency.name.as_str());
        let wrong = rooms::dependencies(&member.name, named);
        complaints.extend(wrong.iter().map(|wrong| format!("{}/Cargo.toml: {wrong}", member.place())));
    }
    for room in Room::ALL {
        if !members()?.iter().any(|member| member.name == room.package()) {
            complaints.push(format!("no member of the workspace is `{}`", room.package()));
        }
    }
    none(&complaints)
}

#[test]
fn what_decides_depends_on_no_gateway_clock_or_randomness() -> Result<()> {
    let mut complaints = Vec::new();
    for (_, member) in rooms()?.filter(|(room, _)| Room::Engine.sees(*room)) {
        ensure!(member.shipped().count() > 0, "{} depends on nothing", member.name);
        let banned = member.shipped().filter(|dependency| BANNED.contains(&dependency.name.as_str()));
        complaints.extend(banned.map(|banned| format!("{}/Cargo.toml depends on {}", member.place(), banned.name)));
    }
    none(&complaints)
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
fn modules_of_a_room_import_each_other_in_no_circles() -> Result<()> {
    let mut complaints = Vec::new();
    // The tests' own helpers ship nowhere, and are left to themselves.
    for (room, member) in rooms()?.filter(|(room, _)| *room != Room::HostTests) {
        let place = member.place();
        let sources = Sources::below(&member.folder().join("src"), &format!("{place}/src"))?;
        complaints.extend(circles::complaints(room, &sources.imports()));
    }
    none(&complaints)
}

#[test]
fn what_no_other_room_names_is_not_public() -> Result<()> {
    none(&public::complaints(members()?)?)
}

/// What only tests of other crates use is in nothing that ships: no crate turns it on but for its own tests, and none that has it builds for a
/// gateway with it.
#[test]
fn what_is_for_tests_does_not_ship() -> Result<()> {
    let mut complaints = Vec::new();
    for member in members()? {
        let place = member.place();
        for dependency in member.shipped().filter(|dependency| dependency.features.iter().any(|on| on == TEST_SUPPORT))
        {
            complaints.push(format!(
                "{place}/Cargo.toml: `{}` is for tests: turn `{TEST_SUPPORT}` on as a dev-dependency",
                dependency.name
            ));
        }
        for (feature, on) in &member.features {
            if on.iter().any(|on| on.rsplit('/').next() == Some(TEST_SUPPORT)) {
                complaints.push(format!(
                    "{place}/Cargo.toml: the feature `{feature}` turns `{TEST_SUPPORT}` on, which is for tests"
                ));
            }
        }
        if member.features.contains_key(TEST_SUPPORT) {
            let text = std::fs::read_to_string(member.folder().join("src/lib.rs"))?;
            let refused = "#[cfg(all(feature = \"test-support\", target_family = \"wasm\"))]\ncompile_error!(";
            if !text.contains(refused) {
                complaints.push(format!(
                    "{place}/src/lib.rs: a module with `{TEST_SUPPORT}` must not compile: write\n{refused}…)"
                ));
            }
        }
    }
    none(&complaints)
}

/// The members of the workspace that are rooms.
fn rooms() -> Result<impl Iterator<Item = (Room, &'static Package)>> {
    Ok(members()?.iter().filter_map(|member| Some((Room::of(&member.name)?, member))))
}

/// The members of the workspace, asked for once.
fn members() -> Result<&'static [Package]> {
    static MEMBERS: LazyLock<Result<Vec<Package>>> = LazyLock::new(packages::members);
    MEMBERS.as_deref().map_err(|error| anyhow!("{error:#}"))
}

fn none(complaints: &[String]) -> Result<()> {
    ensure!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    Ok(())
}
