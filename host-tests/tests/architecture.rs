//! The engine and the tokens stay free of gateways, browsers, clocks and randomness.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::root;

/// Crates that would bring a gateway, a browser, a clock or randomness into the decision.
const BANNED: [&str; 9] =
    ["proxy-wasm", "wasm-bindgen", "js-sys", "web-sys", "chrono", "coarsetime", "getrandom", "rand", "tokio"];

#[test]
fn the_engine_and_the_tokens_depend_on_no_gateway_clock_or_randomness() -> Result<()> {
    for manifest in ["filter/engine/Cargo.toml", "filter/tokens/Cargo.toml"] {
        let named = dependencies(&root().join(manifest))?;
        ensure!(!named.is_empty(), "{manifest} names no dependencies");
        for banned in BANNED {
            ensure!(!named.iter().any(|name| name == banned), "{manifest} depends on {banned}");
        }
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

/// Names in `[dependencies]`; what only tests use does not count.
fn dependencies(manifest: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(manifest)?;
    let (_, section) = text.split_once("[dependencies]\n").context("no [dependencies]")?;
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
    Ok(lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(name).collect())
}
