//! The built module in a real Envoy, with servers of our own around it and a client that writes bytes.
//!
//! One Envoy, and in it a listener with a filter per configuration, kept while it is of use. What the upstream saw is counted
//! below HTTP: on a deny, not one byte may have arrived since the request before.

mod around;
mod changing;
mod client;
mod deviation;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};

use super::{Deployed, Deployment, Driver, Exchange, Observed};
use crate::envoy::{Envoy, MODULE_PREFIX, module, record};
use crate::gateway::{Options, PluginConfig, bootstrap};
use crate::scenario::format::{Deviation, DriverKind, KeyServer};
use around::Around;
use changing::{Changing, Front};

/// What the module logs for each mistake of its configuration.
const REFUSED: &str = "configuration refused: ";
/// The authority's certificate.
const AUTHORITY: &str = "ca.pem";
/// How long a record may be on its way to the log after the answer.
const RECORD: Duration = Duration::from_millis(400);
/// How long something that must not come is waited for.
const SETTLE: Duration = Duration::from_millis(25);
/// The longest time that is worth sleeping for.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// The driver for one release.
pub struct RealEnvoy {
    module: PathBuf,
    around: Around,
    envoy: Changing,
    /// Where the servers' authority is.
    folder: tempfile::TempDir,
    kept: Vec<Kept>,
    launched: usize,
    /// How much of the log was looked at.
    looked: usize,
}

/// What is deployed, for which configuration.
struct Kept {
    configuration: String,
    gateway: Vec<Deviation>,
    reusable: bool,
    front: Front,
    address: SocketAddr,
}

impl RealEnvoy {
    /// For the release `version`, which must be on this machine (`scripts/setup envoy VERSION`).
    pub fn new(version: &str) -> anyhow::Result<Self> {
        let (around, folder) = (Around::start()?, tempfile::tempdir()?);
        around.authority().write_pem(&folder.path().join(AUTHORITY))?;
        let module = module()?;
        let envoy = Changing::start(&Envoy::find(version)?, &module)?;
        Ok(Self { module, around, envoy, folder, kept: Vec::new(), launched: 0, looked: 0 })
    }

    /// A filter in front of the servers around; what was to be there if Envoy does not take it.
    fn launch(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Result<Kept, Front>> {
        let config = PluginConfig::from_json(deployment.configuration.to_owned())?;
        let gateway = deployment.gateway;
        let mut options = Options::new(&self.module, self.around.upstream(gateway)?);
        options.trusted_ca = self.folder.path().join(AUTHORITY);
        options.endpoints = self.around.endpoints(&config.destinations()?, gateway)?;
        let bootstrap = deviation::apply(bootstrap(&config, &options)?, gateway)?;
        self.launched += 1;
        let front = Front::of(&bootstrap, format!("deployment-{}", self.launched))?;
        let Some(address) = self.deploy_beside(&front)? else { return Ok(Err(front)) };
        if *deployment.keys == KeyServer::default() {
            self.around.wait_for_keys(&config)?;
        }
        Ok(Ok(Kept {
            configuration: deployment.configuration.to_owned(),
            gateway: gateway.to_vec(),
            reusable: !deployment.isolated,
            front,
            address,
        }))
    }

    /// Why `front` was not taken. What was refused before may still be logging.
    fn refusals(&self, front: &Front) -> anyhow::Result<Vec<String>> {
        let prefix = front.prefix();
        let found = || refusals(&prefix, &self.envoy.running().log_from(self.looked));
        let deadline = later(RECORD);
        while found().is_empty() && before(deadline) {
            sleep(Duration::from_millis(5));
        }
        sleep(SETTLE);
        let refused = found();
        ensure!(!refused.is_empty(), "{}", self.envoy.running().log_from(self.looked).join("\n"));
        Ok(refused)
    }

    /// Deploys what is kept, and `front`.
    fn deploy_beside(&mut self, front: &Front) -> anyhow::Result<Option<SocketAddr>> {
        let kept = self.kept.iter().map(|kept| kept.front.clone());
        self.envoy.deploy(&kept.chain([front.clone()]).collect::<Vec<_>>())
    }

    /// The deployment for `deployment`, if there is one already; it becomes the current one.
    fn reuse(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<bool> {
        let fits = |kept: &Kept| {
            kept.reusable && kept.configuration == deployment.configuration && kept.gateway == deployment.gateway
        };
        let Some(index) = self.kept.iter().position(fits).filter(|_| !deployment.isolated) else { return Ok(false) };
        if index + 1 < self.kept.len() {
            let kept = self.kept.remove(index);
            // Its clusters may have been replaced.
            self.deploy_beside(&kept.front)?.context("what was taken before is refused")?;
            self.kept.push(kept);
        }
        Ok(true)
    }

    /// What the current deployment, and Envoy itself, logged since the last look.
    fn take_lines(&mut self) -> Vec<String> {
        let prefix = self.kept.last().map(|kept| kept.front.prefix()).unwrap_or_default();
        let mut lines = self.envoy.running().log_from(self.looked);
        self.looked += lines.len();
        lines.retain(|line| !line.contains(MODULE_PREFIX) || line.contains(&prefix));
        lines
    }

    fn has_record(&self) -> bool {
        let Some(kept) = self.kept.last() else { return false };
        let prefix = kept.front.prefix();
        self.envoy.running().log_from(self.looked).iter().any(|line| line.contains(&prefix) && record(line).is_some())
    }

    /// Waits until there is a record, or none can be expected, and for what may still follow it.
    fn await_record(&self) {
        let deadline = later(RECORD);
        while !self.has_record() && before(deadline) {
            sleep(Duration::from_millis(5));
        }
        sleep(SETTLE);
    }
}

impl Driver for RealEnvoy {
    fn kind(&self) -> DriverKind {
        DriverKind::Envoy
    }

    fn deploy(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Deployed> {
        self.around.serve_keys(deployment.keys)?;
        self.looked = self.envoy.running().log_length();
        if self.reuse(deployment)? {
            return Ok(Deployed::Running);
        }
        // The first one is what most scenarios run under; of the others only the last is kept.
        self.kept.truncate(1);
        let launched = match self.launch(deployment)? {
            Ok(launched) => launched,
            Err(front) => return Ok(Deployed::Refused(self.refusals(&front)?)),
        };
        self.kept.push(launched);
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

    fn set_back(&mut self, _by: Duration) -> anyhow::Result<()> {
        bail!("Envoy's clock is everybody's")
    }

    fn serve_keys(&mut self, keys: &KeyServer) -> anyhow::Result<()> {
        self.around.serve_keys(keys)
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) -> anyhow::Result<Observed> {
        ensure!(exchange.faults.is_empty(), "Envoy has no faults to order");
        self.around.prepare(Arc::clone(&exchange.approve), exchange.meanwhile, exchange.upstream);
        let address = self.kept.last().context("nothing is deployed")?.address;
        let answer = client::send(address, exchange.request)?;
        self.await_record();
        let log = self.take_lines();
        let mut observed = Observed {
            answer,
            records: log.iter().filter_map(|line| record(line)).collect(),
            log,
            ..Observed::default()
        };
        self.around.collect(&mut observed);
        Ok(observed)
    }
}

/// The mistakes of a configuration, whose VM's lines have this prefix: each once, in the order logged.
fn refusals(prefix: &str, log: &[String]) -> Vec<String> {
    let mut refused = Vec::new();
    for line in log.iter().filter_map(|line| Some(line.split_once(prefix)?.1.split_once(REFUSED)?.1)) {
        if !refused.iter().any(|known| known == line) {
            refused.push(line.to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_of_the_vm_that_says_so() {
        let line = |vm: &str, text: &str| format!("[t][error][wasm] wasm log countersign {vm}: countersign: {text}");
        let log = [
            line("deployment-1", "configuration refused: /version: late"),
            line("deployment-12", "configuration refused: /version: another"),
            line("deployment-2", "configuration refused: /mode: one"),
            line("deployment-2", "configuration refused: /version: two"),
            line("deployment-2", "configuration refused: /mode: one"),
        ];
        assert_eq!(refusals(" deployment-2: ", &log), ["/mode: one", "/version: two"]);
        assert!(refusals(" deployment-3: ", &log).is_empty());
    }
}
