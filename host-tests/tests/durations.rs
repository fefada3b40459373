//! How long a decision took is on its record and in the histogram, and what deciding itself took is in it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::scripted::{Module, Options, ScriptedHost};
use serde_json::Value;

const CONFIG: &str = r#"{
    "version": 1,
    "issuers": [{
        "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": ["a"],
        "algorithms": ["ES256"], "keys": { "url": "https://sts.test/jwks.json", "cluster": "sts" }
    }],
    "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "http" }],
    "policy": { "cedar": "permit (principal, action, resource);" }
}"#;

#[test]
fn a_slow_decision_shows() -> Result<()> {
    let options = Options { now: Duration::from_secs(1_800_000_123), ..Options::default() };
    let mut host = ScriptedHost::new(Module::built()?, CONFIG.as_bytes(), &[], options)?;
    host.slow_down(Duration::from_millis(40));
    let head: [(&str, &[u8]); 4] =
        [(":method", b"GET"), (":path", b"/a"), (":authority", b"a.test"), (":scheme", b"https")];
    host.request(&head, true)?;
    let record = host.logs().into_iter().rfind(|line| line.starts_with("{\"countersign\"")).context("no record")?;
    let record: Value = serde_json::from_str(&record)?;
    ensure!(record["reason"] == "no_credential", "{record}");
    let elapsed = record["elapsed_us"].as_u64().context("no duration")?;
    ensure!(elapsed >= 40_000, "{elapsed}");
    ensure!(host.samples("countersign.decision_us") == [elapsed], "{:?}", host.samples("countersign.decision_us"));
    Ok(())
}
