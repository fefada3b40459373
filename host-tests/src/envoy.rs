//! A real Envoy for tests: started with a bootstrap, waited for, read, ended.
//!
//! A release that is not there is an error that says how to get it, never a skipped test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// The oldest release that is supported.
pub const OLDEST: &str = "1.36.4";
/// The release that is pinned everywhere.
pub const PINNED: &str = "1.40.0";
/// Built without a wasm runtime; only of use to see that nothing opens.
pub const WITHOUT_WASM: &str = "1.38.3";

/// Envoy's own lines carry their logger; the module's begin behind this.
pub(crate) const MODULE_PREFIX: &str = "wasm log ";
const START: Duration = Duration::from_mins(5);

/// One release on this machine.
#[derive(Clone, Debug)]
pub struct Envoy {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    drain: Duration,
}

/// What Envoy says about a bootstrap without running it.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Whether it would start.
    pub accepted: bool,
    /// Everything it printed.
    pub output: String,
}

/// A running Envoy; gone with this value.
#[derive(Debug)]
pub struct RunningEnvoy {
    process: Child,
    readers: Vec<JoinHandle<()>>,
    lines: Arc<Mutex<Lines>>,
    listener: SocketAddr,
    admin: SocketAddr,
    /// Holds the bootstrap; removed last.
    _folder: tempfile::TempDir,
}

#[derive(Debug, Default)]
struct Lines {
    log: Vec<String>,
    access: Vec<String>,
}

/// The releases that tests run in: `COUNTERSIGN_ENVOY_VERSIONS`, or the oldest supported and the pinned one.
pub fn versions() -> Vec<String> {
    let wanted = std::env::var("COUNTERSIGN_ENVOY_VERSIONS").unwrap_or_default();
    let wanted = if wanted.trim().is_empty() { format!("{OLDEST} {PINNED}") } else { wanted };
    wanted.split_whitespace().map(str::to_owned).collect()
}

impl Envoy {
    /// The release `version` as `scripts/setup envoy VERSION` left it, in `COUNTERSIGN_ENVOY_DIR` or `.cache/envoy`.
    /// `default` is whatever `scripts/setup envoy` found or installed.
    pub fn find(version: &str) -> Result<Self> {
        let folder =
            std::env::var_os("COUNTERSIGN_ENVOY_DIR").map_or_else(|| root().join(".cache/envoy"), PathBuf::from);
        let binary = folder.join(version).join("envoy");
        let wanted = if version == "default" { "" } else { version };
        ensure!(
            binary.is_file(),
            "no Envoy {version} at {}; run `{}`",
            binary.display(),
            format!("scripts/setup envoy {wanted}").trim_end()
        );
        Ok(Self { binary, environment: Vec::new(), drain: Duration::ZERO })
    }

    /// This Envoy with a variable in its environment, where secrets are (`host_env_keys`).
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// This Envoy, in which a listener or a filter chain that is taken away goes on for so long with what is
    /// under way. Otherwise it ends at once.
    #[must_use]
    pub fn draining_for(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// The program.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A command that runs `bootstrap` (a file) in the foreground, logging what the module says.
    pub fn command(&self, bootstrap: &Path, concurrency: u32) -> Command {
        let mut command = Command::new(&self.binary);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--disable-hot-restart", "--log-level", "warning", "--component-log-level", "wasm:info"]);
        command.args(["--log-format", "[%Y-%m-%dT%T.%e][%l][%n] %v"]);
        command.args(["--concurrency", &concurrency.to_string(), "--config-path"]).arg(bootstrap);
        command
    }

    /// Asks Envoy whether it would start with `bootstrap`; the module is loaded and configured, no port is opened.
    pub fn validate(&self, bootstrap: &Value) -> Result<Validation> {
        let (_folder, path) = written(bootstrap)?;
        self.validate_file(&path)
    }

    /// Asks Envoy whether it would start with this file, YAML or JSON.
    pub fn validate_file(&self, path: &Path) -> Result<Validation> {
        let output = self.command(path, 1).args(["--mode", "validate"]).output().context("running envoy")?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok(Validation { accepted: output.status.success(), output: text })
    }

    /// Runs `bootstrap` on two workers and waits until it serves. Ports are the system's choice whatever it says: every
    /// listener and the admin interface are moved to port 0 on loopback. Everything printed also goes to `log`.
    pub fn start(&self, bootstrap: &Value, log: &Path) -> Result<RunningEnvoy> {
        let (folder, path) = written(&on_free_ports(bootstrap))?;
        let admin_file = folder.path().join("admin");
        let mut process = self
            .command(&path, 2)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--drain-time-s", &self.drain.as_secs().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("running {}", self.binary.display()))?;
        let lines = Arc::new(Mutex::new(Lines::default()));
        let file = Arc::new(Mutex::new(std::fs::File::create(log).context("creating the log file")?));
        let readers = vec![
            read_lines(process.stdout.take(), &lines, &file, |lines, line| lines.access.push(line)),
            read_lines(process.stderr.take(), &lines, &file, |lines, line| lines.log.push(line)),
        ];
        let unset = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut running = RunningEnvoy { process, readers, lines, listener: unset, admin: unset, _folder: folder };
        running.wait_until_ready(&admin_file)?;
        Ok(running)
    }
}

impl RunningEnvoy {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where agents connect: the first listener.
    pub fn address(&self) -> SocketAddr {
        self.listener
    }

    /// Memory of the process by a name of `/proc/<pid>/status` (proc(5)), in bytes.
    pub fn memory(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        let kibibytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kibibytes * 1024)
    }

    /// The admin interface.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The body of `GET path` on the admin interface, e.g. `/stats?filter=countersign`.
    pub fn admin_get(&self, path: &str) -> Result<String> {
        http_get(self.admin, path)
    }

    /// What Envoy and the module logged so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().log.clone()
    }

    /// How many lines that is.
    pub fn log_length(&self) -> usize {
        self.lines.lock().log.len()
    }

    /// What was logged so far, without the first `start` lines.
    pub fn log_from(&self, start: usize) -> Vec<String> {
        self.lines.lock().log.get(start..).unwrap_or_default().to_vec()
    }

    /// Every JSON object that the module logged so far.
    pub fn records(&self) -> Vec<Value> {
        self.lines.lock().log.iter().filter_map(|line| record(line)).collect()
    }

    /// The access log so far, where it is JSON. Envoy writes it some time after the answer.
    pub fn access(&self) -> Vec<Value> {
        self.lines.lock().access.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until `read` finds something in what was printed so far; an error with the log when it does not within
    /// `patience`.
    pub fn wait_for<T>(&self, patience: Duration, read: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = read(self) {
                return Ok(found);
            }
            ensure!(
                Instant::now() < deadline,
                "it did not come within {patience:?}; the log:\n{}",
                self.log().join("\n")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks Envoy to end, waits for it, and answers with everything it logged.
    pub fn stop(mut self) -> Result<Vec<String>> {
        http_post(self.admin, "/quitquitquit")?;
        self.process.wait()?;
        for reader in self.readers.drain(..) {
            reader.join().ok();
        }
        Ok(self.log())
    }

    fn wait_until_ready(&mut self, admin_file: &Path) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.process.try_wait()? {
                std::thread::sleep(Duration::from_millis(100));
                bail!("envoy ended with {status}:\n{}", self.log().join("\n"));
            }
            if let Some(admin) = std::fs::read_to_string(admin_file).ok().and_then(|text| text.trim().parse().ok()) {
                self.admin = admin;
                if http_get(admin, "/ready").is_ok_and(|body| body.trim() == "LIVE") {
                    self.listener = first_listener(admin)?;
                    return Ok(());
                }
            }
            ensure!(Instant::now() < deadline, "envoy was not ready within {START:?}:\n{}", self.log().join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for RunningEnvoy {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The project's top folder: `COUNTERSIGN_ROOT`, or where this crate was built from.
pub fn root() -> PathBuf {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
    std::env::var_os("COUNTERSIGN_ROOT").map_or_else(built, PathBuf::from)
}

/// Where `scripts/build` leaves the filter; `COUNTERSIGN_WASM` says otherwise.
pub fn module_path() -> PathBuf {
    std::env::var_os("COUNTERSIGN_WASM").map_or_else(|| root().join("target/countersign.wasm"), PathBuf::from)
}

/// The filter, or an error that says how to get it.
pub fn module() -> Result<PathBuf> {
    let path = module_path();
    ensure!(path.is_file(), "no module at {}; run `scripts/build`", path.display());
    Ok(path.canonicalize()?)
}

/// A JSON object that the module logged: `… wasm log <plugin> <root> <vm>: {…}`.
pub(crate) fn record(line: &str) -> Option<Value> {
    let (_, from_module) = line.split_once(MODULE_PREFIX)?;
    let (_, message) = from_module.split_once(": ")?;
    serde_json::from_str(message).ok().filter(Value::is_object)
}

fn written(bootstrap: &Value) -> Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::Builder::new().prefix("countersign-envoy.").tempdir()?;
    let path = folder.path().join("bootstrap.json");
    std::fs::write(&path, serde_json::to_vec_pretty(bootstrap)?)?;
    Ok((folder, path))
}

fn on_free_ports(bootstrap: &Value) -> Value {
    let free = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let mut moved = bootstrap.clone();
    let listeners = moved.pointer_mut("/static_resources/listeners").and_then(Value::as_array_mut);
    for listener in listeners.into_iter().flatten().filter_map(Value::as_object_mut) {
        listener.insert("address".to_owned(), free.clone());
    }
    if let Some(members) = moved.as_object_mut() {
        members.insert("admin".to_owned(), json!({ "address": free }));
    }
    moved
}

fn read_lines(
    from: Option<impl Read + Send + 'static>,
    lines: &Arc<Mutex<Lines>>,
    file: &Arc<Mutex<std::fs::File>>,
    keep: fn(&mut Lines, String),
) -> JoinHandle<()> {
    let (lines, file) = (Arc::clone(lines), Arc::clone(file));
    std::thread::spawn(move || {
        let Some(from) = from else { return };
        // Bytes, as what a client sent may be among them.
        for line in BufReader::new(from).split(b'\n').map_while(std::result::Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            writeln!(file.lock(), "{line}").ok();
            keep(&mut lines.lock(), line);
        }
    })
}

fn first_listener(admin: SocketAddr) -> Result<SocketAddr> {
    let listeners: Value = serde_json::from_str(&http_get(admin, "/listeners?format=json")?)?;
    let address =
        listeners.pointer("/listener_statuses/0/local_address/socket_address").context("envoy has no listener")?;
    let host = address.get("address").and_then(Value::as_str).context("the listener has no address")?;
    let port = address.get("port_value").and_then(Value::as_u64).context("the listener has no port")?;
    Ok(SocketAddr::new(host.parse()?, u16::try_from(port)?))
}

fn http_get(server: SocketAddr, path: &str) -> Result<String> {
    Ok(agent().get(format!("http://{server}{path}")).call()?.into_body().read_to_string()?)
}

fn http_post(server: SocketAddr, path: &str) -> Result<String> {
    Ok(agent().post(format!("http://{server}{path}")).send_empty()?.into_body().read_to_string()?)
}

fn agent() -> ureq::Agent {
    ureq::Agent::new_with_config(ureq::Agent::config_builder().timeout_global(Some(START)).build())
}
