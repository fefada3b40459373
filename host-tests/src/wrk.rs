//! Load on a running gateway, by `wrk`.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

/// What is written at the end, on one line.
const DONE: &str = r#"
function done(summary)
  io.write(string.format('{"requests":%d,"refused":%d,"broken":%d}\n', summary.requests, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"#;

/// Load under way.
#[derive(Debug)]
pub struct Wrk {
    process: Child,
    _folder: TempDir,
}

impl Wrk {
    /// Requests on eight connections to `address`, as the Lua `script` has them.
    pub fn start(script: &str, address: SocketAddr, duration: Duration) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("load.lua");
        std::fs::write(&path, format!("{script}\n{DONE}"))?;
        let process = Command::new("wrk")
            // A machine that stalls loses nothing.
            .args(["-t", "2", "-c", "8", "--timeout", "30s", "-d", &format!("{}s", duration.as_secs()), "-s"])
            .arg(&path)
            .arg(format!("http://{address}/"))
            .stdout(Stdio::piped())
            .spawn()
            .context("running wrk; `scripts/setup tools` installs it")?;
        Ok(Self { process, _folder: folder })
    }

    /// Waits for its end: how many `requests` there were, how many were `refused` (by status) and how many `broken`.
    pub fn end(self) -> Result<Value> {
        let output = self.process.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with('{')).with_context(|| format!("wrk said:\n{text}"))?;
        Ok(serde_json::from_str(line)?)
    }
}
