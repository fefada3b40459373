//! Envoy processes whose CPU time can be read.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::Envoy;
use serde_json::{Value, json};

use crate::load::ANSWER;

/// A running Envoy on one worker; gone with this value.
pub(crate) struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// An upstream that answers once it has the whole request: one that answers the head alone closes the connection,
    /// and every row would pay for a new one.
    pub(crate) fn upstream(envoy: &Envoy, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let bootstrap = json!({"static_resources": {"listeners": [{
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{
                "name": "http",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": "upstream",
                    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{
                        "match": {"prefix": "/"},
                        "direct_response": {"status": 200, "body": {"inline_string": ANSWER}},
                    }]}]},
                    "http_filters": [{
                        "name": "envoy.filters.http.buffer",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                            "max_request_bytes": 65536,
                        },
                    }, {
                        "name": "envoy.filters.http.router",
                        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                    }],
                },
            }]}],
        }]}});
        Self::start(envoy, &bootstrap, port, &folder.join("upstream"))
    }

    /// `bootstrap` on a free port.
    pub(crate) fn gateway(envoy: &Envoy, bootstrap: &Value, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut bootstrap = bootstrap.clone();
        *bootstrap.pointer_mut("/static_resources/listeners/0/address").context("a bootstrap without listener")? =
            json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
        Self::start(envoy, &bootstrap, port, &folder.join("gateway"))
    }

    fn start(envoy: &Envoy, bootstrap: &Value, port: u16, files: &Path) -> Result<Self> {
        let config = files.with_extension("json");
        std::fs::write(&config, serde_json::to_vec(bootstrap)?)?;
        // Records and access log are written, as in production.
        let log = File::create(files.with_extension("log"))?;
        let child = envoy
            .command(&config, 1)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("running envoy")?;
        let process = Self { child, port };
        let deadline = Instant::now() + Duration::from_mins(1);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(
                Instant::now() < deadline,
                "envoy does not listen:\n{}",
                std::fs::read_to_string(files.with_extension("log"))?
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(process)
    }

    /// Where it listens, on loopback.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// CPU time used so far, user and system, all threads.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let process = procfs::process::Process::new(i32::try_from(self.child.id())?)?.stat()?;
        let ticks = process.utime + process.stime;
        let micros = ticks.saturating_mul(1_000_000) / procfs::ticks_per_second();
        Ok(Duration::from_micros(micros))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
