//! A real Cerbos, the decision point that is asked over AuthZEN.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::envoy::root;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running Cerbos; gone with this value.
#[derive(Debug)]
pub struct Cerbos {
    process: Child,
    port: u16,
    _policies: tempfile::TempDir,
}

impl Cerbos {
    /// With `policies`, one YAML document.
    pub fn start(policies: &str) -> Result<Self> {
        let text = policies;
        let policies = tempfile::tempdir()?;
        std::fs::write(policies.path().join("tools.yaml"), text)?;
        // It cannot be asked which port it chose.
        let free = || Ok::<_, std::io::Error>(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port());
        let (port, grpc) = (free()?, free()?);
        let process = Command::new(program()?)
            .arg("server")
            .args(["--set=storage.driver=disk", &format!("--set=storage.disk.directory={}", policies.path().display())])
            .arg(format!("--set=server.httpListenAddr=127.0.0.1:{port}"))
            .arg(format!("--set=server.grpcListenAddr=127.0.0.1:{grpc}"))
            .args(["--set=telemetry.disabled=true", "--log-level=error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("running Cerbos")?;
        let cerbos = Self { process, port, _policies: policies };
        let health = format!("http://127.0.0.1:{port}/_cerbos/health");
        let deadline = Instant::now() + PATIENCE;
        while ureq::get(&health).call().is_err() {
            ensure!(Instant::now() < deadline, "Cerbos does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(cerbos)
    }

    /// Where it serves, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Cerbos {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn program() -> Result<PathBuf> {
    let name = "cerbos-linux-x64";
    ensure!(cfg!(target_arch = "x86_64"), "Cerbos is run here on x86-64 only");
    let program = root().join("host-tests/parts/node_modules/@cerbos").join(name).join(name);
    ensure!(program.is_file(), "no Cerbos at {}; run `scripts/setup node`", program.display());
    Ok(program)
}
