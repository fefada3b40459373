//! The tools of real MCP servers in one configuration: it loads, every argument can be read by policies or it is said why not,
//! and what a tool's schema admits is not refused. The servers are installed by `scripts/setup servers`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use countersign_cli::{pack, validate};
use countersign_explain::validate::{Argument, Checked};
use countersign_host_tests::envoy::root;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// At least so many servers list at least so many tools.
const SERVERS: usize = 8;
const TOOLS: usize = 250;

/// What one server lists, in its own words.
#[derive(Debug, Deserialize)]
struct Listed {
    tools: Vec<Tool>,
    /// For each tool the fewest arguments that its schema admits, and all.
    calls: Vec<[Map<String, Value>; 2]>,
}

#[derive(Debug, Deserialize)]
struct Tool {
    name: String,
    #[serde(rename = "inputSchema")]
    input_schema: Value,
}

/// By server, each of which is a resource of that name.
type Servers = BTreeMap<String, Listed>;

#[test]
#[ignore = "installs and starts servers of others: `scripts/check --full`"]
fn the_tools_of_real_servers_load_and_can_be_read_and_called() -> Result<()> {
    let servers = list()?;
    let tools: usize = servers.values().map(|server| server.tools.len()).sum();
    println!("{tools} tools of {} servers", servers.len());
    ensure!(servers.len() >= SERVERS && tools >= TOOLS, "too few: {tools} tools of {} servers", servers.len());
    let scratch = tempfile::tempdir()?;
    let coverage = coverage(&scratch.path().join("servers.yaml"), &servers, PERMIT)?;
    let readable = coverage.iter().filter(|argument| argument.unreadable.is_none()).count();
    println!("{readable} arguments can be read, of {} it is said why not", coverage.len() - readable);
    every_argument_is_named(&servers, &coverage)?;
    what_can_be_read_is_read(scratch.path(), &servers, &coverage)?;
    what_schemas_admit_is_allowed(scratch.path(), &servers)
}

const PERMIT: &str = r#"@id("tasks-may") permit (principal, action, resource);"#;

fn list() -> Result<Servers> {
    let folder = root().join("host-tests/parts/servers");
    ensure!(folder.join("node_modules").is_dir(), "the servers are not there; run `scripts/setup servers`");
    let output = Command::new("node").arg(folder.join("list.mjs")).output().context("listing")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn resources(servers: &Servers) -> Value {
    let tool = |tool: &Tool| json!({ "name": tool.name, "risk": "low", "input_schema": tool.input_schema });
    servers
        .iter()
        .map(|(name, server)| {
            let tools: Vec<Value> = server.tools.iter().map(tool).collect();
            json!({ "name": name, "match": { "path": format!("/{name}") }, "protocol": "mcp", "tools": tools })
        })
        .collect()
}

/// What `countersign validate` says of the configuration of all `servers` with the policy `cedar`, written to `file`.
fn validated(file: &Path, servers: &Servers, cedar: &str) -> Result<Checked> {
    let configuration = json!({
        "version": 1,
        "issuers": [{
            "name": "platform", "issuer": "https://sts.test", "profile": "access-token",
            "audiences": ["https://tools.test/mcp"], "algorithms": ["RS256"],
            "keys": { "url": "https://sts.test/jwks.json", "cluster": "sts" },
        }],
        "resources": resources(servers),
        "policy": { "cedar": cedar },
    });
    std::fs::write(file, configuration.to_string())?;
    Ok(validate::file(file))
}

/// Every argument of every tool, of a configuration that loads.
fn coverage(file: &Path, servers: &Servers, cedar: &str) -> Result<Vec<Argument>> {
    let checked = validated(file, servers, cedar)?;
    ensure!(checked.valid, "it does not load: {:#?}", checked.findings.iter().take(10).collect::<Vec<_>>());
    checked.coverage.context("no coverage")
}

/// `/resources/<position>/tools/<position>`, with the names of both and the schema.
fn places(servers: &Servers) -> impl Iterator<Item = (String, String, &Tool)> {
    servers.iter().enumerate().flat_map(|(resource, (name, server))| {
        let place = move |at: usize| format!("/resources/{resource}/tools/{at}");
        server.tools.iter().enumerate().map(move |(at, tool)| (place(at), format!("{name}/{}", tool.name), tool))
    })
}

/// Each declared argument is listed: itself, or everything that is below it.
fn every_argument_is_named(servers: &Servers, coverage: &[Argument]) -> Result<()> {
    for (place, name, tool) in places(servers) {
        let listed = coverage.iter().filter(|argument| argument.pointer == place);
        let listed: BTreeSet<&str> = listed.filter_map(|argument| argument.argument.as_deref()).collect();
        let missing = missing(&tool.input_schema, "", &listed);
        ensure!(missing.is_empty(), "{name}: nothing is said of {missing:?}");
    }
    Ok(())
}

/// The arguments that `schema` declares below `path` and that are not `listed`.
fn missing(schema: &Value, path: &str, listed: &BTreeSet<&str>) -> Vec<String> {
    let declared = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let missing = |(name, schema): (&String, &Value)| {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        let below = format!("{path}/");
        if listed.contains(path.as_str()) {
            Vec::new()
        } else if listed.iter().any(|listed| listed.starts_with(&below)) {
            missing(schema, &path, listed)
        } else {
            vec![path]
        }
    };
    declared.flat_map(missing).collect()
}

/// A policy that reads an argument loads where `coverage` says that it can, and is refused where it says why not.
fn what_can_be_read_is_read(folder: &Path, servers: &Servers, coverage: &[Argument]) -> Result<()> {
    let names: BTreeMap<String, String> = places(servers).map(|(place, name, _)| (place, name)).collect();
    let policy = |argument: &Argument| Some(policy(names.get(&argument.pointer)?, argument.argument.as_deref()?));
    let of = |readable: bool| {
        let arguments = coverage.iter().filter(move |argument| argument.unreadable.is_none() == readable);
        arguments.filter_map(policy).collect::<Vec<String>>()
    };
    let file = folder.join("reading.yaml");
    let readable = of(true);
    self::coverage(&file, servers, &format!("{PERMIT}\n{}", readable.join("\n")))?;
    let unreadable = of(false);
    let refused = validated(&file, servers, &format!("{PERMIT}\n{}", unreadable.join("\n")))?.findings;
    let refused = refused.iter().filter(|finding| finding.cause.contains("cannot be read"));
    let lines: BTreeSet<usize> = refused.filter_map(|finding| finding.line).collect();
    ensure!(
        lines == (2..unreadable.len() + 2).collect(),
        "of {unreadable:#?} only those in these lines are refused: {lines:?}"
    );
    Ok(())
}

/// A policy, in one line, about `tool` that reads `argument`.
fn policy(tool: &str, argument: &str) -> String {
    let mut above = "context.args".to_owned();
    let mut asked = Vec::new();
    for name in argument.split('/').skip(1) {
        let name = Value::from(name.replace("~1", "/").replace("~0", "~"));
        asked.push(format!("{above} has {name}"));
        above = format!("{above}[{name}]");
    }
    let action = Value::from(tool);
    asked.push(format!("{above} == {above}"));
    format!("forbid (principal, action == Action::{action}, resource) when {{ {} }};", asked.join(" && "))
}

/// Calls that a tool's own schema admits are allowed by who permits everything.
fn what_schemas_admit_is_allowed(folder: &Path, servers: &Servers) -> Result<()> {
    let mut cases = Vec::new();
    for (name, server) in servers {
        for (tool, calls) in server.tools.iter().zip(&server.calls) {
            for (call, arguments) in ["fewest", "all"].into_iter().zip(calls) {
                cases.push(json!({
                    "name": format!("{name}/{}: {call} {}", tool.name, json!(arguments)),
                    "request": { "resource": name, "operation": "mcp:tools/call", "tool": tool.name, "arguments": arguments },
                    "expect": { "decision": "allow" },
                }));
            }
        }
    }
    let given = json!({ "workload": { "issuer": "https://sts.test", "subject": "agent" }, "task": { "id": "t" } });
    let pack = json!({ "resources": resources(servers), "given": given, "cases": cases });
    let folder: PathBuf = folder.join("pack");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("cases.yaml"), pack.to_string())?;
    std::fs::write(folder.join("policy.cedar"), PERMIT)?;
    for tested in pack::folder(&folder) {
        let failed: Vec<_> = tested.cases.iter().filter(|case| !case.passed).collect();
        ensure!(tested.unreadable.is_none() && tested.findings.is_empty(), "{tested:#?}");
        ensure!(failed.is_empty(), "{} of {} calls are refused: {failed:#?}", failed.len(), tested.cases.len());
        println!("{} calls are allowed", tested.cases.len());
    }
    Ok(())
}
