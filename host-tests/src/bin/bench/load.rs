//! The load: `wrk` sending MCP `tools/call` requests of about 400 bytes, with one token or a new one each time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::tokens::Minted;

/// How long a worker may take to begin.
const MOST_SECONDS: usize = 60;

/// Which token a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// One token, the same on every request.
    Known,
    /// Another on every request, more of them than anything caches.
    Fresh,
    /// As [`Tokens::Fresh`], signed with ES256.
    FreshEs256,
}

/// Scripts and token files for the load generator.
pub(crate) struct Load {
    script: PathBuf,
    known: PathBuf,
    fresh: PathBuf,
    fresh_es256: PathBuf,
    connections: u32,
}

/// What one run of the load saw.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) duration_us: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

const SCRIPT: &str = r#"
local tokens = {}
for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = line end
local body = os.getenv("BODY")
local next_token = 0
function request()
  next_token = next_token % #tokens + 1
  return wrk.format("POST", "/mcp", {
    ["authorization"] = "Bearer " .. tokens[next_token],
    ["content-type"] = "application/json",
    ["accept"] = "application/json, text/event-stream",
    ["mcp-protocol-version"] = "2025-11-25",
  }, body)
end
function done(summary, latency, requests)
  io.write(string.format(
    '{"requests":%d,"failed":%d,"duration_us":%d,"p50_us":%f,"p99_us":%f}\n',
    summary.requests,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
"#;

/// An MCP `tools/call` of about 400 bytes.
pub(crate) const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"transfer","arguments":{"amount":125,"currency":"EUR","payee":"DE89370400440532013000","reference":"invoice 2026-11-0042, goods received on 20 November, approved by purchasing","urgent":false,"cost_center":"4711-operations-emea"},"_meta":{"progressToken":"4c8e2f4a-6a6e-4d6e-9c53-1a0cbe0c6d1f","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}}"#;

/// What the upstream answers.
pub(crate) const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

/// Where requests come from, as a gateway prints it.
pub(crate) const PEER: &str = "127.0.0.1:40000";

/// The head of the load generator's request with `token`, as a gateway hands it over.
pub(crate) fn head(token: &str) -> Vec<(String, Vec<u8>)> {
    let authorization = format!("Bearer {token}");
    let fields = [
        (":authority", "127.0.0.1:18080"),
        (":path", "/mcp"),
        (":method", "POST"),
        (":scheme", "http"),
        ("authorization", &authorization),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
        ("content-length", &BODY.len().to_string()),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "7c6f2f4e-9a57-4b5c-8d0c-2f5f0b6f2a11"),
    ];
    owned(&fields)
}

/// The head of [`ANSWER`].
pub(crate) fn answer_head() -> Vec<(String, Vec<u8>)> {
    owned(&[(":status", "200"), ("content-type", "application/json"), ("content-length", &ANSWER.len().to_string())])
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

impl Load {
    /// Writes what the load generator reads into `folder`.
    pub(crate) fn prepare(folder: &Path, minted: &Minted, connections: u32) -> Result<Self> {
        let (script, known, fresh) = (folder.join("load.lua"), folder.join("known"), folder.join("fresh"));
        std::fs::write(&script, SCRIPT)?;
        std::fs::write(&known, &minted.known)?;
        std::fs::write(&fresh, minted.fresh.join("\n"))?;
        let fresh_es256 = folder.join("fresh-es256");
        std::fs::write(&fresh_es256, minted.fresh_es256.join("\n"))?;
        Ok(Self { script, known, fresh, fresh_es256, connections })
    }

    /// One second of one connection; every answer must be a 200, or the figures would be of refusals. A worker that is still
    /// compiling its policies answers nobody.
    pub(crate) fn check(&self, port: u16, tokens: Tokens) -> Result<()> {
        for _ in 0..MOST_SECONDS {
            let run = self.wrk(port, tokens, Duration::from_secs(1), 1)?;
            ensure!(run.failed == 0, "{} of {} requests failed", run.failed, run.requests);
            if run.requests > 0 {
                return Ok(());
            }
        }
        bail!("nobody answers")
    }

    /// Load for `duration`.
    pub(crate) fn run(&self, port: u16, tokens: Tokens, duration: Duration) -> Result<Run> {
        self.wrk(port, tokens, duration, self.connections)
    }

    fn wrk(&self, port: u16, tokens: Tokens, duration: Duration, connections: u32) -> Result<Run> {
        let file = match tokens {
            Tokens::Known => &self.known,
            Tokens::Fresh => &self.fresh,
            Tokens::FreshEs256 => &self.fresh_es256,
        };
        let output = Command::new("wrk")
            .args(["-t", "1", "-c", &connections.to_string(), "-d", &format!("{}s", duration.as_secs())])
            .arg("-s")
            .arg(&self.script)
            .arg(format!("http://127.0.0.1:{port}/mcp"))
            .env("TOKENS", file)
            .env("BODY", BODY)
            .output()
            .context("running wrk; `scripts/setup tools` installs it")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with('{')).with_context(|| format!("wrk said:\n{text}"))?;
        Ok(serde_json::from_str(line)?)
    }
}
