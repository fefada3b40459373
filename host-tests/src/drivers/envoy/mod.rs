//! The built module in a real Envoy, with servers of our own around it and a client that writes bytes.
//!
//! One Envoy per configuration, kept while it is of use. What the upstream saw is counted below HTTP: on a deny, not one
//! byte may have arrived since the request before.

mod around;
mod client;
mod deviation;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Deployed, Deployment, Driver, Exchange, Observed};
use crate::envoy::{Envoy, RunningEnvoy, module};
use crate::gateway::{Options, PluginConfig, bootstrap};
use crate::scenario::format::{Deviation, DriverKind, KeyServer};
use around::Around;

/// What the module logs for each mistake of its configuration.
const REFUSED: &str = "configuration refused: ";
/// How long a record may be on its way to the log after the answer.
const RECORD: Duration = Duration::from_millis(400);
/// How long something that must not come is waited for.
const SETTLE: Duration = Duration::from_millis(25);
/// The longest time that is worth sleeping for.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// The driver for one release.
pub struct RealEnvoy {
    envoy: Envoy,
    module: PathBuf,
    around: Around,
    kept: Vec<Kept>,
}

/// A running Envoy, and what of its output was looked at.
struct Kept {
    configuration: String,
    gateway: Vec<Deviation>,
    reusable: bool,
    running: RunningEnvoy,
    records: usize,
    lines: usize,
    _log: tempfile::TempDir,
}

impl RealEnvoy {
    /// For the release `version`, which must be on this machine (`scripts/setup envoy VERSION`).
    pub fn new(version: &str) -> anyhow::Result<Self> {
        Ok(Self { envoy: Envoy::find(version)?, module: module()?, around: Around::start()?, kept: Vec::new() })
    }

    /// Starts an Envoy in front of the servers around.
    fn launch(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Kept> {
        let config = PluginConfig::from_json(deployment.configuration.to_owned())?;
        let folder = tempfile::tempdir()?;
        let gateway = deployment.gateway;
        let mut options = Options::new(&self.module, self.around.upstream(gateway)?);
        options.trusted_ca = folder.path().join("ca.pem");
        self.around.authority().write_pem(&options.trusted_ca)?;
        options.endpoints = self.around.endpoints(&config.destinations()?, gateway)?;
        let bootstrap = deviation::apply(bootstrap(&config, &options)?, gateway)?;
        let running = self.envoy.start(&bootstrap, &folder.path().join("envoy.log"))?;
        Ok(Kept {
            configuration: deployment.configuration.to_owned(),
            gateway: gateway.to_vec(),
            reusable: !deployment.isolated,
            running,
            records: 0,
            lines: 0,
            _log: folder,
        })
    }

    fn current(&mut self) -> anyhow::Result<&mut Kept> {
        self.kept.last_mut().context("nothing is deployed")
    }

    /// The Envoy for `deployment`, if it runs already; it becomes the current one.
    fn reuse(&mut self, deployment: &Deployment<'_>) -> bool {
        let fits = |kept: &Kept| {
            kept.reusable && kept.configuration == deployment.configuration && kept.gateway == deployment.gateway
        };
        let found = self.kept.iter().position(fits).filter(|_| !deployment.isolated);
        if let Some(index) = found {
            let kept = self.kept.remove(index);
            self.kept.push(kept);
        }
        found.is_some()
    }
}

impl Driver for RealEnvoy {
    fn kind(&self) -> DriverKind {
        DriverKind::Envoy
    }

    fn deploy(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Deployed> {
        self.around.serve_keys(deployment.keys)?;
        if self.reuse(deployment) {
            return Ok(Deployed::Running);
        }
        // The first one is what most scenarios run under; of the others only the last is kept.
        self.kept.truncate(1);
        match self.launch(deployment) {
            Ok(kept) => self.kept.push(kept),
            Err(error) => {
                let refused = refusals(&format!("{error:#}"));
                ensure!(!refused.is_empty(), "{error:#}");
                return Ok(Deployed::Refused(refused));
            }
        }
        if *deployment.keys == KeyServer::default() {
            self.around.wait_for_keys();
        }
        Ok(Deployed::Running)
    }

    fn now_secs(&self) -> u64 {
        now_secs()
    }

    fn advance(&mut self, by: Duration) -> anyhow::Result<()> {
        ensure!(by <= LONGEST_SLEEP, "nobody waits {by:?} in Envoy");
        sleep(by);
        Ok(())
    }

    fn serve_keys(&mut self, keys: &KeyServer) -> anyhow::Result<()> {
        self.around.serve_keys(keys)
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) -> anyhow::Result<Observed> {
        ensure!(exchange.faults.is_empty(), "Envoy has no faults to order");
        self.around.prepare(Arc::clone(&exchange.approve), exchange.upstream);
        let kept = self.current()?;
        let answer = client::send(kept.running.address(), exchange.request)?;
        kept.await_record();
        let (records, log) = kept.output();
        let mut observed = Observed { answer, records, log, ..Observed::default() };
        self.around.collect(&mut observed);
        Ok(observed)
    }
}

impl Kept {
    /// Waits until there is a record more, or none can be expected, and for what may still follow it.
    fn await_record(&self) {
        let deadline = later(RECORD);
        while self.running.records().len() <= self.records && before(deadline) {
            sleep(Duration::from_millis(5));
        }
        sleep(SETTLE);
    }

    /// What was written since the last look.
    fn output(&mut self) -> (Vec<Value>, Vec<String>) {
        let (records, lines) = (self.running.records(), self.running.log());
        let new = (
            records.get(self.records..).unwrap_or_default().to_vec(),
            lines.get(self.lines..).unwrap_or_default().to_vec(),
        );
        (self.records, self.lines) = (records.len(), lines.len());
        new
    }
}

/// The configuration's mistakes, each once, in the order logged.
fn refusals(output: &str) -> Vec<String> {
    let mut refused = Vec::new();
    for line in output.lines().filter_map(|line| Some(line.split_once(REFUSED)?.1.to_owned())) {
        if !refused.contains(&line) {
            refused.push(line);
        }
    }
    refused
}

#[expect(clippy::disallowed_methods, reason = "a real gateway runs in real time")]
fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[expect(clippy::disallowed_methods, reason = "a real gateway runs in real time")]
fn later(by: Duration) -> Option<Instant> {
    Instant::now().checked_add(by)
}

#[expect(clippy::disallowed_methods, reason = "a real gateway runs in real time")]
fn before(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() < deadline)
}

#[expect(clippy::disallowed_methods, reason = "a real gateway runs in real time")]
fn sleep(by: Duration) {
    std::thread::sleep(by);
}
