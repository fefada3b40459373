//! The program behind `scripts/gateway`: any plugin configuration in a local Envoy, in the foreground.
//!
//! Says what it derived and how to try it, then only what Envoy says: records, errors and the access log. Ends Envoy
//! when it is told to end, and ends when Envoy does. Never writes a secret anywhere: Envoy gets the environment.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use countersign_host_tests::envoy::{self, Envoy, PINNED};
use countersign_host_tests::gateway::{HandOver, HostPort, Options, PluginConfig, Upstream, bootstrap};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Runs any plugin configuration (YAML or JSON) in a local Envoy, in the foreground, until Ctrl-C.
///
/// Clusters are derived from the names and URLs in the configuration. Secrets that it names are read from the
/// environment.
#[derive(Debug, Parser)]
#[command(name = "scripts/gateway")]
struct Arguments {
    /// The plugin configuration.
    config: PathBuf,
    /// Where permitted requests go: HOST:PORT, or an http or https URL without a path.
    #[arg(long, default_value = "127.0.0.1:8080")]
    upstream: Upstream,
    /// Where to listen for agents.
    #[arg(long, default_value_t = 10000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The Envoy release, as `scripts/setup envoy VERSION` installed it [default: what `scripts/setup` found].
    #[arg(long, value_name = "VERSION")]
    envoy: Option<String>,
    /// Envoy's admin interface on loopback: statistics and configuration, and a way to stop it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    admin_port: Option<u16>,
    /// PEM file of the authorities that vouch for https URLs [default: the system's].
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Connect a cluster somewhere else than its URL says; the name in its certificate stays that of the URL.
    #[arg(long = "cluster", value_name = "NAME=HOST:PORT", value_parser = endpoint)]
    endpoints: Vec<(String, HostPort)>,
    /// Envoy's worker threads.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// The filter [default: target/countersign.wasm, built if it is missing].
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Print the Envoy bootstrap, the plugin configuration readable in it, and end.
    #[arg(long)]
    print: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let place = arguments.config.display();
    let config = PluginConfig::read(&arguments.config).with_context(|| place.to_string())?;
    let options = options(arguments)?;
    let document = bootstrap(&config, &options).with_context(|| place.to_string())?;
    if arguments.print {
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(ExitCode::SUCCESS);
    }
    require_secrets(&config)?;
    require_free(options.listen)?;
    options.admin.map_or(Ok(()), require_free)?;
    let envoy = find_envoy(arguments.envoy.as_deref())?;
    if !options.module.is_file() {
        ensure!(arguments.module.is_none(), "no module at {}", options.module.display());
        build()?;
    }
    let folder = tempfile::Builder::new().prefix("countersign-gateway.").tempdir()?;
    let path = folder.path().join("bootstrap.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&document)?)?;
    let running = Running::start(&envoy, &path, arguments.concurrency)?;
    let status = running.wait(|| println!("{}", introduction(&config, &options, &envoy)), options.listen)?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

fn options(arguments: &Arguments) -> Result<Options> {
    let module = arguments.module.clone().unwrap_or_else(envoy::module_path);
    let mut options = Options::new(module, arguments.upstream.clone());
    options.listen = SocketAddr::new(arguments.bind, arguments.port);
    options.admin = arguments.admin_port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    if let Some(ca) = &arguments.ca {
        options.trusted_ca = ca.canonicalize().with_context(|| ca.display().to_string())?;
    }
    if arguments.print {
        options.hand_over = HandOver::Struct;
    }
    options.endpoints = arguments.endpoints.iter().cloned().collect::<BTreeMap<_, _>>();
    Ok(options)
}

fn endpoint(text: &str) -> Result<(String, HostPort), String> {
    let (name, address) = text.split_once('=').ok_or("write NAME=HOST:PORT")?;
    let address = address.parse::<HostPort>().map_err(|error| error.to_string())?;
    Ok((name.to_owned(), address))
}

fn require_secrets(config: &PluginConfig) -> Result<()> {
    let missing: Vec<_> = config.secrets().into_iter().filter(|name| std::env::var_os(name).is_none()).collect();
    ensure!(
        missing.is_empty(),
        "the configuration reads secrets from the environment; set {} and start again",
        missing.join(", ")
    );
    Ok(())
}

/// Envoy would share a port with another Envoy, and each would get some of the requests.
fn require_free(address: SocketAddr) -> Result<()> {
    TcpListener::bind(address).map(drop).with_context(|| format!("cannot listen on {address}; choose another port"))
}

fn find_envoy(version: Option<&str>) -> Result<Envoy> {
    match version {
        Some(version) => Envoy::find(version),
        None => Envoy::find("default").or_else(|_| Envoy::find(PINNED)),
    }
}

fn build() -> Result<()> {
    let status = Command::new(envoy::root().join("scripts/build")).status().context("scripts/build")?;
    ensure!(status.success(), "scripts/build failed");
    Ok(())
}

/// What runs, and how to try it.
fn introduction(config: &PluginConfig, options: &Options, envoy: &Envoy) -> String {
    let base = format!("http://{}", options.listen);
    let mut lines = vec![
        format!("{base} → {}  ({})", options.upstream, envoy.binary().display()),
        format!("  configuration: {} bytes, module {}", config.text().len(), options.module.display()),
    ];
    for destination in config.destinations().unwrap_or_default() {
        let to = options.endpoints.get(&destination.cluster).map(|to| format!(" at {to}")).unwrap_or_default();
        let trust = if destination.tls { format!(" (trusts {})", options.trusted_ca.display()) } else { String::new() };
        lines.push(format!("  cluster {}: {}{to}{trust}", destination.cluster, destination.origin()));
    }
    if let Some(admin) = options.admin {
        lines.push(format!("  admin: http://{admin}"));
    }
    lines.push(format!("Try: {}", example(config.value(), &base)));
    lines.push("Ctrl-C ends it.".to_owned());
    lines.join("\n")
}

/// A request for the first resource that says where it is.
fn example(config: &Value, base: &str) -> String {
    let text = |resource: &Value, pointer: &str| resource.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let resources = config.pointer("/resources").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let first = resources.first().cloned().unwrap_or_default();
    let path = text(&first, "/match/path").unwrap_or_else(|| "/".to_owned());
    let host = text(&first, "/match/host").map(|host| format!(" -H 'host: {host}'")).unwrap_or_default();
    let bearer = "-H \"authorization: Bearer $TOKEN\"";
    let mcp = if text(&first, "/protocol").as_deref() == Some("mcp") {
        " -H 'content-type: application/json' -H 'accept: application/json, text/event-stream' \
         -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}'"
    } else {
        ""
    };
    format!("curl -i {base}{path}{host} {bearer}{mcp}")
}

/// Envoy as a child; asked to end with this value.
struct Running {
    process: Child,
}

impl Running {
    fn start(envoy: &Envoy, bootstrap: &Path, concurrency: u32) -> Result<Self> {
        let mut command = envoy.command(bootstrap, concurrency);
        let process = command.stdin(Stdio::null()).spawn().with_context(|| envoy.binary().display().to_string())?;
        let id = pid(&process)?;
        // Ctrl-C reaches Envoy too; a plain `kill` of this process does not.
        ctrlc::set_handler(move || {
            kill(id, Signal::SIGTERM).ok();
        })?;
        Ok(Self { process })
    }

    /// Calls `ready` once somebody listens on `address`; returns when Envoy ends.
    fn wait(mut self, ready: impl FnOnce(), address: SocketAddr) -> Result<ExitStatus> {
        let local = if address.ip().is_unspecified() {
            SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
        } else {
            address
        };
        while TcpStream::connect_timeout(&local, Duration::from_secs(1)).is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("envoy did not start ({status}); it says why above");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        ready();
        Ok(self.process.wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            pid(&self.process).ok().and_then(|id| kill(id, Signal::SIGTERM).ok());
            self.process.wait().ok();
        }
    }
}

fn pid(process: &Child) -> Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(process.id())?))
}
