//! One Envoy that is given one listener after the other while it runs (xDS from files).
//!
//! Each filter has a VM of its own (`vm_id`), and with it shared data of its own, as in an Envoy of its own; but the module is
//! compiled once, which is nearly all that starting an Envoy with it costs.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::{before, later, sleep};
use crate::envoy::{Envoy, RunningEnvoy};
use crate::gateway::{Options, PluginConfig, Upstream, bootstrap, filter_in};
use crate::scenario::format::KeyServer;

/// How long a change may take: the first one compiles the module.
const PATIENCE: Duration = Duration::from_mins(1);
const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9));
const LISTENERS: &str = "listener_manager.lds";
const CLUSTERS: &str = "cluster_manager.cds";

/// The Envoy, and the files it watches.
pub(super) struct Changing {
    running: RunningEnvoy,
    folder: tempfile::TempDir,
    versions: u32,
}

/// A listener and the clusters it leads to, as they are in a bootstrap.
#[derive(Clone)]
pub(super) struct Front {
    name: String,
    listener: Value,
    clusters: Vec<Value>,
}

impl Front {
    /// Those of `bootstrap`, under names of their own.
    pub(super) fn of(bootstrap: &Value, name: String) -> anyhow::Result<Self> {
        let mut listener = bootstrap.pointer("/static_resources/listeners/0").context("no listener")?.clone();
        listener["name"] = json!(name);
        let filter = filter_in(&listener, "/filter_chains/0/filters/0/typed_config").context("no filter")?;
        listener.pointer_mut(&filter).context("no filter")?["vm_config"]["vm_id"] = json!(name);
        let clusters = bootstrap.pointer("/static_resources/clusters").and_then(Value::as_array);
        Ok(Self { name, listener, clusters: clusters.context("no clusters")?.clone() })
    }

    /// What the module's lines in the log have right before the message: which VM says it. What is before that differs (of a
    /// configuration that is being read the gateway does not name the root context).
    pub(super) fn prefix(&self) -> String {
        format!(" {}: ", self.name)
    }
}

impl Changing {
    /// With nothing deployed but a filter that nobody asks: it holds the compiled module, and it is there before Envoy starts its
    /// workers (1.36 crashes where a worker is older than the first module; measured).
    pub(super) fn start(envoy: &Envoy, module: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let source = |name: &str| json!({ "resource_api_version": "V3", "path_config_source": { "path": folder.path().join(name) } });
        let mut document = bootstrap(&PluginConfig::from(unasked()?), &Options::new(module, Upstream::from(NOWHERE)))?;
        document["node"] = json!({ "id": "scenarios", "cluster": "scenarios" });
        document["dynamic_resources"] = json!({ "lds_config": source(LISTENERS), "cds_config": source(CLUSTERS) });
        document["static_resources"]["clusters"] = json!([]);
        document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]
            ["validate_clusters"] = json!(false);
        write(folder.path(), LISTENERS, 0, &[])?;
        write(folder.path(), CLUSTERS, 0, &[])?;
        let running = envoy.start(&document, &folder.path().join("envoy.log"))?;
        Ok(Self { running, folder, versions: 0 })
    }

    pub(super) fn running(&self) -> &RunningEnvoy {
        &self.running
    }

    /// Deploys all of `fronts` and nothing else, the clusters of the last one first; where the last one listens, or none if
    /// Envoy does not take it.
    pub(super) fn deploy(&mut self, fronts: &[Front]) -> anyhow::Result<Option<SocketAddr>> {
        let last = fronts.last().context("nothing to deploy")?;
        ensure!(self.change(CLUSTERS, "config.cluster.v3.Cluster", &last.clusters)?, "Envoy refuses the clusters");
        let listeners: Vec<Value> = fronts.iter().map(|front| front.listener.clone()).collect();
        if !self.change(LISTENERS, "config.listener.v3.Listener", &listeners)? {
            return Ok(None);
        }
        self.wait_for_the_retired()?;
        Ok(Some(self.address_of(&last.name)?))
    }

    /// Whether Envoy takes `resources`.
    fn change(&mut self, subscription: &str, kind: &str, resources: &[Value]) -> anyhow::Result<bool> {
        let (taken, refused) = self.updates(subscription)?;
        let typed = |resource: &Value| {
            let mut resource = resource.clone();
            resource["@type"] = json!(format!("type.googleapis.com/envoy.{kind}"));
            resource
        };
        self.versions += 1;
        write(self.folder.path(), subscription, self.versions, &resources.iter().map(typed).collect::<Vec<_>>())?;
        let deadline = later(PATIENCE);
        while before(deadline) {
            let (now_taken, now_refused) = self.updates(subscription)?;
            if now_taken > taken || now_refused > refused {
                return Ok(now_refused == refused);
            }
            sleep(Duration::from_millis(5));
        }
        bail!("{subscription} did not change:\n{}", self.running.log().join("\n"))
    }

    /// Changes taken and refused so far.
    fn updates(&self, subscription: &str) -> anyhow::Result<(u64, u64)> {
        let value = |name: &str| self.statistic(&format!("{subscription}.{name}"));
        Ok((value("update_success")?, value("update_rejected")?))
    }

    fn statistic(&self, name: &str) -> anyhow::Result<u64> {
        let text = self.running.admin_get(&format!("/stats?filter=^{name}$"))?;
        let (_, value) = text.trim().split_once(": ").with_context(|| format!("no statistic {name}: {text}"))?;
        Ok(value.parse()?)
    }

    /// What was deployed before asks nobody anything any more.
    fn wait_for_the_retired(&self) -> anyhow::Result<()> {
        let deadline = later(PATIENCE);
        while self.statistic("listener_manager.total_listeners_draining")? > 0 {
            ensure!(before(deadline), "a listener does not end");
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn address_of(&self, name: &str) -> anyhow::Result<SocketAddr> {
        let listeners: Value = serde_json::from_str(&self.running.admin_get("/listeners?format=json")?)?;
        let listeners = listeners.get("listener_statuses").and_then(Value::as_array).context("no listeners")?;
        let found = listeners.iter().find(|listener| listener.get("name").and_then(Value::as_str) == Some(name));
        let address = found.and_then(|found| found.pointer("/local_address/socket_address"));
        let port = address.and_then(|address| address.get("port_value")).and_then(Value::as_u64);
        Ok(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port.with_context(|| format!("no listener {name}"))?)?)))
    }
}

/// A configuration that asks nobody for anything.
fn unasked() -> anyhow::Result<Value> {
    Ok(json!({
        "version": 1,
        "issuers": [{
            "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": ["https://tools.test/mcp"],
            "algorithms": ["RS256"], "keys": { "inline": KeyServer::default().document()? },
        }],
        "resources": [{ "name": "tools", "match": { "path": "/" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" },
    }))
}

/// A discovery response, moved to where it is watched for.
fn write(folder: &Path, subscription: &str, version: u32, resources: &[Value]) -> anyhow::Result<()> {
    let response = json!({ "version_info": version.to_string(), "resources": resources });
    let written = folder.join(format!("{subscription}.new"));
    std::fs::write(&written, serde_json::to_vec(&response)?)?;
    Ok(std::fs::rename(written, folder.join(subscription))?)
}
