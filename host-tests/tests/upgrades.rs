//! Websockets through real Envoys: opened where a resource offers them to a task that may, with bytes both ways, and
//! refused elsewhere before anything arrives.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{RunningEnvoy, versions};
use countersign_host_tests::fakes::{Wire, wire};
use countersign_host_tests::platform::{self, Platform};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(10);
/// More than Envoy buffers of a connection.
const BYTES: usize = 4 << 20;
/// What stays open for longer than five seconds leaves a line when it ends.
const OPEN: Duration = Duration::from_millis(5500);

fn resources() -> Value {
    json!([
        { "name": "live", "match": { "path": "/live/*" }, "protocol": "http", "upgrades": ["websocket"] },
        { "name": "reports", "match": { "path": "/reports/*" }, "protocol": "http" },
        { "name": "tools", "match": { "path": "/mcp" }, "protocol": "mcp" },
    ])
}

fn token() -> Result<String> {
    let grants = [("http:GET", "live", "/live/a"), ("http:GET", "reports", "*")]
        .map(|(action, resource, object)| json!({ "action": action, "resource": resource, "object": object }));
    platform::token(json!({ "task": { "grants": grants } }))
}

fn handshake(path: &str, token: Option<&str>) -> String {
    let credential = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nhost: tools.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{credential}\r\n"
    )
}

/// Reasons of all records so far: of decisions, and outcomes of what ended after them.
fn told(envoy: &RunningEnvoy) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    envoy.records().iter().filter_map(|record| text(&record["outcome"]).or_else(|| text(&record["reason"]))).collect()
}

fn refused(envoy: &RunningEnvoy, path: &str, token: Option<&str>, status: u16, reason: &str) -> Result<()> {
    let earlier = told(envoy).len();
    let (head, _) = wire::open(envoy.address(), &handshake(path, token))?;
    ensure!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
    let recorded = envoy.wait_for(PATIENCE, |envoy| told(envoy).get(earlier).cloned())?;
    ensure!(recorded == reason, "{path}: {recorded}");
    Ok(())
}

#[test]
fn a_websocket_is_opened_where_it_may_be_and_nowhere_else() -> Result<()> {
    for version in versions() {
        let (upstream, platform) = (Wire::start_websocket()?, Platform::start()?);
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("upgrades-{version}.log"));
        let envoy = platform.gateway(&version, &platform.bootstrap(&resources(), upstream.address())?, &log)?;
        let token = token()?;
        let run = || -> Result<()> {
            refused(&envoy, "/live/a", None, 401, "no_credential")?;
            refused(&envoy, "/live/b", Some(&token), 403, "not_granted")?;
            refused(&envoy, "/reports/a", Some(&token), 403, "upgrade_refused")?;
            refused(&envoy, "/mcp", Some(&token), 403, "upgrade_refused")?;
            refused(&envoy, "/elsewhere", Some(&token), 403, "upgrade_refused")?;
            ensure!(upstream.heads().is_empty(), "something arrived: {:?}", upstream.heads());

            let earlier = told(&envoy).len();
            let (head, mut stream) = wire::open(envoy.address(), &handshake("/live/a", Some(&token)))?;
            ensure!(head.starts_with("HTTP/1.1 101 "), "{head}");
            wire::greeted(&mut stream)?;
            wire::exchange(&mut stream, BYTES)?;
            std::thread::sleep(OPEN);
            wire::exchange(&mut stream, BYTES)?;
            drop(stream);
            let arrived = upstream.heads().concat().to_ascii_lowercase();
            ensure!(arrived.starts_with("get /live/a ") && arrived.contains("upgrade: websocket"), "{arrived}");
            ensure!(!arrived.contains("authorization:"), "the credential went on: {arrived}");
            // The decision, and the end.
            let recorded =
                envoy.wait_for(PATIENCE, |envoy| told(envoy).get(earlier..earlier + 2).map(<[_]>::to_vec))?;
            ensure!(recorded == ["allowed", "closed"], "{recorded:?}");
            println!("Envoy {version}: {} bytes each way; records: {recorded:?}", 2 * BYTES);
            Ok(())
        };
        run().with_context(|| format!("Envoy {version}:\n{}", envoy.log().join("\n")))?;
    }
    Ok(())
}
