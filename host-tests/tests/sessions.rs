//! Sessions of real SDKs' clients with real servers through real Envoys: every method that a client has arrives and is
//! answered, streams included, and each request leaves one record.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{RunningEnvoy, root, versions};
use countersign_host_tests::platform::{self, Platform};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(10);
/// What a client sends in a session of the 2025 revisions when it uses everything there is.
const SENT: [&str; 19] = [
    "mcp:DELETE",
    "mcp:GET",
    "mcp:completion/complete",
    "mcp:initialize",
    "mcp:logging/setLevel",
    "mcp:notifications/cancelled",
    "mcp:notifications/initialized",
    "mcp:notifications/roots/list_changed",
    "mcp:ping",
    "mcp:prompts/get",
    "mcp:prompts/list",
    "mcp:resources/list",
    "mcp:resources/read",
    "mcp:resources/subscribe",
    "mcp:resources/templates/list",
    "mcp:resources/unsubscribe",
    "mcp:response",
    "mcp:tools/call",
    "mcp:tools/list",
];

/// A server of a test; ended with this value.
struct Server(Child);

impl Server {
    /// `command` listens on `address`.
    fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let server = Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            ensure!(
                Instant::now() < deadline,
                "nobody listens on {address}; `scripts/setup node python` installs what it needs"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The ways in which the A2A SDK speaks.
const WAYS: [&str; 4] = ["rpc", "rest", "rpc-0.3", "rest-0.3"];
/// What its client does in a session, in the words of A2A 1.0 and in this order; 0.3 has no way to list.
const DONE: [&str; 14] = [
    "AgentCard",
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "SendMessage",
    "SendStreamingMessage",
    "SubscribeToTask",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
    "CancelTask",
    "GetExtendedAgentCard",
];

/// One gateway between a client and a server.
struct World {
    envoy: RunningEnvoy,
    _platform: Platform,
    _server: Server,
}

impl World {
    fn start(name: &str, version: &str, resource: &Value, server: (Server, SocketAddr)) -> Result<Self> {
        let platform = Platform::start()?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("session-{name}-{version}.log"));
        let envoy = platform.gateway(version, &platform.bootstrap(&json!([resource]), server.1)?, &log)?;
        Ok(Self { envoy, _platform: platform, _server: server.0 })
    }

    /// What `client` printed; it knows the token, and is given the URL of `path` at the gateway.
    fn run(&self, client: &mut Command, path: &str, token: &str) -> Result<Value> {
        let url = format!("http://{}{path}", self.envoy.address());
        let output = client.arg(url).env("TOKEN", token).output().context("running the client")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {errors}\n{}", output.status, self.envoy.log().join("\n"));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn decisions(&self) -> Vec<Value> {
        self.envoy.records().into_iter().filter(|record| record["kind"] != "ended").collect()
    }

    /// After the first `earlier` decisions, each of these requests has left one record: of its reason and its action.
    fn left_one_record_each(&self, earlier: usize, mut sent: Vec<(&str, String)>) -> Result<()> {
        let enough = earlier + sent.len();
        self.envoy.wait_for(PATIENCE, |_| (self.decisions().len() >= enough).then_some(()))?;
        // For one too many.
        std::thread::sleep(Duration::from_millis(200));
        let records = self.decisions();
        let reason = |record: &Value| (text(&record["reason"]), text(&record["action"]["name"]));
        let mut recorded: Vec<_> = records.iter().skip(earlier).map(reason).collect();
        recorded.sort();
        sent.sort();
        let same =
            recorded.iter().map(|(reason, action)| (reason.as_str(), action)).eq(sent.iter().map(|(r, a)| (*r, a)));
        ensure!(same, "records: {recorded:?}\nsent:    {sent:?}");
        Ok(())
    }
}

/// A token of a task that may do `actions` on the resource.
fn token(resource: &Value, actions: &[&str]) -> Result<String> {
    let grants: Vec<_> =
        actions.iter().map(|action| json!({ "action": action, "resource": resource["name"] })).collect();
    platform::token(json!({ "task": { "id": "session", "grants": grants } }))
}

/// A program of the test parts with Node; given up after a minute.
fn node(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.arg("60").arg("node").arg(root().join("host-tests/parts").join(program));
    command
}

/// A program of the test parts with Python and the packages in the folder `packages`; given up after a minute.
fn python(packages: &str, program: &str) -> Result<Command> {
    let mut command = Command::new("timeout");
    command.arg("60").arg("python3").arg(root().join("host-tests/parts").join(program));
    command.env("PYTHONPATH", installed(packages)?);
    Ok(command)
}

fn installed(packages: &str) -> Result<PathBuf> {
    let folder = root().join(".cache").join(packages);
    ensure!(folder.is_dir(), "{} is not there; run `scripts/setup python`", folder.display());
    Ok(folder)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// A client of an official MCP SDK.
struct Client {
    name: &'static str,
    command: fn() -> Result<Command>,
    /// The newest revision that it speaks in a session.
    protocol: &'static str,
    /// What it does after a stream, which may have broken.
    resumes: Resumes,
    /// What of [`SENT`] it never sends.
    never: &'static [&'static str],
}

/// When a client asks for the rest of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resumes {
    Never,
    /// Where it broke before the answer.
    Broken,
    /// After the answer too: what was said may be said again then, without a gateway as well.
    Any,
}

/// Servers, as `everything.json` calls them: `server-everything` of today, and of a year ago with the SDK of that time; ours, made
/// with the Python SDK of today and of a year ago.
const SERVERS: [&str; 4] = ["current", "2025", "python", "python-2025"];

/// What `everything.json` says of the server called `name`.
fn described(name: &str) -> Result<Value> {
    let servers: Value = serde_json::from_slice(&std::fs::read(root().join("host-tests/parts/everything.json"))?)?;
    servers.get(name).cloned().with_context(|| format!("no server `{name}`"))
}

/// The server that is `described`. One has a tool that prints its environment: so it gets none.
fn server(described: &Value) -> Result<(Server, SocketAddr)> {
    let (parts, address) = (root().join("host-tests/parts"), free_address()?);
    let mut command = if let Some(packages) = described["packages"].as_str() {
        let mut command = Command::new("python3");
        command.env_clear().env("PYTHONPATH", installed(packages)?).arg(parts.join("mcp_server.py"));
        command
    } else {
        let program = parts.join("node_modules").join(text(&described["package"])).join("dist/index.js");
        let mut command = Command::new("node");
        command.env_clear().arg("--import").arg(parts.join("loopback.mjs")).arg(program).arg("streamableHttp");
        command
    };
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("PORT", address.port().to_string());
    Ok((Server::start(&mut command, address)?, address))
}

/// With the first server in every release of Envoy, with the others in the newest.
fn mcp_session(client: &Client) -> Result<()> {
    let mut pairs: Vec<_> = versions().into_iter().map(|version| (version, SERVERS[0])).collect();
    let newest = pairs.last().context("no release of Envoy")?.0.clone();
    pairs.extend(SERVERS.into_iter().skip(1).map(|server| (newest.clone(), server)));
    for (version, server) in pairs {
        let name = format!("{}-{server}", client.name);
        held(client, &name, server, &version).with_context(|| format!("{name} in Envoy {version}"))?;
    }
    Ok(())
}

fn held(client: &Client, name: &str, server: &str, version: &str) -> Result<()> {
    let resource = json!({ "name": "everything", "match": { "path": "/mcp" }, "protocol": "mcp", "risk": "low" });
    let actions = [
        "mcp:tools/call",
        "mcp:resources/read",
        "mcp:resources/subscribe",
        "mcp:prompts/get",
        "mcp:completion/complete",
    ];
    let described = described(server)?;
    let world = World::start(name, version, &resource, self::server(&described)?)?;
    let mut command = (client.command)()?;
    let told = world.run(command.args(["--server", server]), "/mcp", &token(&resource, &actions)?)?;
    check_results(&told, client, &described).with_context(|| told.to_string())?;
    if client.resumes == Resumes::Broken && described["resumes"] == true {
        check_resumed(&told).with_context(|| told.to_string())?;
    }
    let sent = texts(&told["sent"]);
    let distinct: BTreeSet<&str> = sent.iter().map(String::as_str).collect();
    let lacks = texts(&described["lacks"]);
    let used = |action: &&str| !client.never.contains(action) && !lacks.iter().any(|lacking| lacking == action);
    let expected: BTreeSet<&str> = SENT.into_iter().filter(used).collect();
    ensure!(distinct == expected, "it did not use everything: {distinct:?}");
    world.left_one_record_each(0, sent.into_iter().map(|action| ("allowed", action)).collect())
}

fn check_results(told: &Value, client: &Client, server: &Value) -> Result<()> {
    let results = &told["results"];
    let protocol = client.protocol.min(server["protocol"].as_str().context("no protocol")?);
    let exactly = json!({
        "protocol": protocol,
        "echo": "Echo: héllo",
        "sum": "The sum of 40 and 2 is 42.",
        "done": "Long running operation completed. Duration: 0.4 seconds, Steps: 4.",
        "prompts": server["prompts"],
        "prompt": server["prompt"]["says"],
        "completion": server["completion"]["values"],
        "resource": server["resource"],
        "templates": server["templates"],
    });
    for (name, expected) in exactly.as_object().into_iter().flatten() {
        ensure!(results[name] == *expected, "{name} is {}", results[name]);
    }
    let mut progress: Vec<_> = results["progress"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    if client.resumes == Resumes::Any {
        progress.sort_by(f64::total_cmp);
        progress.dedup();
    }
    ensure!(progress == [1.0, 2.0, 3.0, 4.0], "progress is {progress:?}");
    // What the client answered came back in what the tool said.
    for (name, answered) in [("sampled", "sampled"), ("elicited", "elicited")] {
        ensure!(text(&results[name]).contains(answered), "{name} is {}", results[name]);
    }
    // The older one asks for the roots before anybody listens, or after.
    let roots = text(&results["roots"]);
    ensure!(texts(&server["rooted"]).iter().any(|known| roots.contains(known)), "roots is {roots}");
    let (tools, called) = (texts(&results["tools"]), server["tools"].as_object().context("no tools")?);
    ensure!(called.values().all(|tool| tools.contains(&text(tool))), "the tools are {tools:?}");
    ensure!(!text(&results["cancelled"]).starts_with("Long running"), "the call was not given up");
    let asked = texts(&told["asked"]);
    for method in texts(&server["asks"]) {
        ensure!(asked.contains(&method), "the server did not ask {method}");
    }
    Ok(())
}

/// A call whose stream broke was answered on the stream that resumed it.
fn check_resumed(told: &Value) -> Result<()> {
    let (resumed, done) = (&told["results"]["resumed"], &told["results"]["done"]);
    ensure!(resumed["done"] == *done && resumed["legs"] == 1, "resumed is {resumed}");
    Ok(())
}

#[test]
fn the_typescript_mcp_sdk_does_everything_it_can() -> Result<()> {
    let command = || Ok(node("mcp-session.mjs"));
    mcp_session(&Client { name: "typescript", command, protocol: "2025-11-25", resumes: Resumes::Broken, never: &[] })
}

#[test]
fn the_typescript_mcp_sdk_of_a_year_ago_does_everything_it_can() -> Result<()> {
    let command = || {
        let mut command = node("mcp-session.mjs");
        command.args(["--sdk", "mcp-sdk-2025", "--never-resumes"]);
        Ok(command)
    };
    mcp_session(&Client { name: "typescript-2025", command, protocol: "2025-06-18", resumes: Resumes::Any, never: &[] })
}

#[test]
fn the_python_mcp_sdk_does_everything_it_can() -> Result<()> {
    let command = || python("python", "mcp_session.py");
    mcp_session(&Client { name: "python", command, protocol: "2025-11-25", resumes: Resumes::Broken, never: &[] })
}

#[test]
fn the_python_mcp_sdk_of_a_year_ago_does_everything_it_can() -> Result<()> {
    let command = || python("python-2025", "mcp_session_2025.py");
    // It gives a call up without telling anybody.
    let never = &["mcp:notifications/cancelled"];
    mcp_session(&Client { name: "python-2025", command, protocol: "2025-06-18", resumes: Resumes::Never, never })
}

/// JSON-RPC and REST of versions 1.0 and 0.3, each with every method that it has.
#[test]
fn the_a2a_sdk_does_everything_it_can() -> Result<()> {
    let actions: Vec<_> = DONE.iter().map(|operation| format!("a2a:{operation}")).collect();
    let actions: Vec<_> = actions.iter().map(String::as_str).filter(|action| !action.ends_with("Card")).collect();
    for version in versions() {
        let world = agent("a2a", &version)?;
        let token = token(&planner(), &actions)?;
        for way in WAYS {
            let earlier = world.decisions().len();
            let told = world.run(node("a2a-session.mjs").args(["--way", way]), "", &token)?;
            check_a2a(&world, way, earlier, &told).with_context(|| format!("{way} in Envoy {version}: {told}"))?;
        }
    }
    Ok(())
}

fn check_a2a(world: &World, way: &str, earlier: usize, told: &Value) -> Result<()> {
    let mut expected = json!({
        "done": ["TASK_STATE_COMPLETED", "Done: work"],
        "streamed": ["TASK_STATE_WORKING", "artifactUpdate", "TASK_STATE_COMPLETED"],
        "got": "TASK_STATE_COMPLETED",
        "listed": true,
        "login": "TASK_STATE_AUTH_REQUIRED",
        "seen": "TASK_STATE_WORKING",
        "configured": ["http://127.0.0.1:9/", 1],
        "cancelled": "TASK_STATE_CANCELED",
        "rests": [["TASK_STATE_CANCELED"], ["TASK_STATE_CANCELED"]],
        "extended": "extended",
    });
    let mut done = DONE.to_vec();
    if let (Some(expected), true) = (expected.as_object_mut(), way.ends_with("0.3")) {
        expected.remove("listed");
        done.retain(|operation| *operation != "ListTasks");
    }
    ensure!(told["results"] == expected, "the results are others");
    ensure!(texts(&told["sent"]).len() == done.len(), "other requests were sent");
    world.left_one_record_each(earlier, done.into_iter().map(|operation| recorded("allowed", operation)).collect())
}

/// The public card is for everybody: it is no action.
fn recorded(reason: &'static str, operation: &str) -> (&'static str, String) {
    if operation == "AgentCard" { ("agent_card", String::new()) } else { (reason, format!("a2a:{operation}")) }
}

/// What a task may not do fails in the SDK as what it is, in each of the ways, and its stream does not begin.
#[test]
fn the_a2a_sdk_is_told_what_its_task_may_not_do() -> Result<()> {
    for version in versions() {
        let world = agent("a2a-refused", &version)?;
        let token = token(&planner(), &["a2a:SendMessage"])?;
        for way in WAYS {
            let earlier = world.decisions().len();
            let told = world.run(node("a2a-session.mjs").args(["--way", way, "--refused"]), "", &token)?;
            check_refused(way, &told["results"]).with_context(|| format!("{way} in Envoy {version}: {told}"))?;
            let sent = [
                recorded("allowed", "AgentCard"),
                recorded("allowed", "SendMessage"),
                recorded("not_granted", "GetTask"),
                recorded("not_granted", "SendStreamingMessage"),
                recorded("not_granted", "SubscribeToTask"),
                recorded("not_granted", "CancelTask"),
            ];
            world.left_one_record_each(earlier, sent.to_vec()).with_context(|| format!("{way} in Envoy {version}"))?;
        }
    }
    Ok(())
}

/// What the SDK tells its user of a denial; of the REST of 0.3, which says nothing about errors, the whole answer.
fn check_refused(way: &str, results: &Value) -> Result<()> {
    let (name, status, code, data) = match way {
        "rest" => ("A2AError", Some(403), None, Value::Null),
        "rest-0.3" => ("Error", None, None, Value::Null),
        _ => ("JsonRpcTransportError", None, Some(-31403), json!("NOT_GRANTED")),
    };
    ensure!(results["done"] == "TASK_STATE_COMPLETED", "what it may do does not work");
    for tried in ["got", "streamed", "subscribed", "cancelled"] {
        let error = &results[tried];
        ensure!(error["name"] == name, "{tried} is {error}");
        ensure!(text(&error["message"]).contains("The task does not cover this."), "{tried} says {error}");
        ensure!(error["statusCode"].as_i64() == status && error["envelopeCode"].as_i64() == code, "{tried} is {error}");
        ensure!(error["data"][0]["reason"] == data, "{tried} has {error}");
    }
    Ok(())
}

fn planner() -> Value {
    json!({ "name": "planner", "match": { "path": "/agent/*" }, "protocol": "a2a", "risk": "low" })
}

fn agent(name: &str, version: &str) -> Result<World> {
    let address = free_address()?;
    let agent = Server::start(node_server("a2a-agent.mjs").arg("--port").arg(address.port().to_string()), address)?;
    World::start(name, version, &planner(), (agent, address))
}

fn node_server(program: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(root().join("host-tests/parts").join(program));
    command
}
