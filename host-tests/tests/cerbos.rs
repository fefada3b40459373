//! A real decision point (Cerbos, over AuthZEN) behind real Envoys: it decides about identity, risk and arguments, and
//! without it nothing is allowed.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::cerbos::Cerbos;
use countersign_host_tests::envoy::{RunningEnvoy, versions};
use countersign_host_tests::fakes::Upstream;
use countersign_host_tests::platform::{self, Platform};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// Transfers of agents up to 100, of what the catalogue rates high; everybody may open a session.
const TOOLS: &str = r#"
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: Tool
  rules:
    - actions: ["payments/transfer"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition:
        match:
          all:
            of:
              - expr: P.attr.kind == "agent"
              - expr: P.id == "platform/agent-7"
              - expr: R.attr.risk == "high"
              - expr: R.attr.args.amount <= 100
"#;

fn resources() -> Value {
    json!([{
        "name": "payments", "match": { "path": "/mcp" }, "protocol": "mcp",
        "tools": [{ "name": "transfer", "risk": "high" }, { "name": "close", "risk": "critical" }],
    }])
}

struct World {
    envoy: RunningEnvoy,
    upstream: Upstream,
}

impl World {
    fn start(version: &str, cerbos: &Cerbos) -> Result<Self> {
        let (platform, upstream) = (Platform::start()?, Upstream::start()?);
        let policy = json!({ "authzen": { "url": "http://pdp.test", "cluster": "pdp", "insecure_http": true } });
        let pdp = ("pdp", format!("127.0.0.1:{}", cerbos.port()).parse()?);
        let bootstrap = platform.bootstrap_with(&resources(), &policy, upstream.address(), &[pdp])?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cerbos-{version}.log"));
        Ok(Self { envoy: platform.gateway(version, &bootstrap, &log)?, upstream })
    }

    /// The reason of the decision about a call of `tool` by `subject`.
    fn call(&self, subject: &str, tool: &str, amount: u32) -> Result<String> {
        let grants = json!([{ "action": "mcp:tools/call", "resource": "payments" }]);
        let token = platform::token(json!({ "sub": subject, "task": { "id": "task-1", "grants": grants } }))?;
        let message = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": tool, "arguments": { "amount": amount } },
        });
        let earlier = self.envoy.records().len();
        ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build())
            .post(format!("http://{}/mcp", self.envoy.address()))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .send(message.to_string())?;
        let record = self.envoy.wait_for(PATIENCE, |envoy| envoy.records().get(earlier).cloned())?;
        Ok(record.get("reason").and_then(Value::as_str).context("a record without reason")?.to_owned())
    }
}

#[test]
fn a_real_decision_point_decides_and_without_it_nothing_is_allowed() -> Result<()> {
    for version in versions() {
        let cerbos = Cerbos::start(TOOLS)?;
        let world = World::start(&version, &cerbos)?;
        let expected = [
            (("agent-7", "transfer", 100), "allowed"),
            (("agent-7", "transfer", 101), "policy_denied"),
            (("agent-8", "transfer", 100), "policy_denied"),
            (("agent-7", "close", 1), "policy_denied"),
        ];
        for ((subject, tool, amount), reason) in expected {
            let told = world.call(subject, tool, amount)?;
            ensure!(told == reason, "Envoy {version}: {subject} {tool} {amount}: {told}");
        }
        drop(cerbos);
        let told = world.call("agent-7", "transfer", 100)?;
        ensure!(told == "pdp_unavailable", "Envoy {version}: without a decision point: {told}");
        ensure!(world.upstream.count() == 1, "Envoy {version}: {} calls arrived", world.upstream.count());
    }
    Ok(())
}
