//! The shipped way into a sandbox, in every Envoy that is tested: routes are chosen again after the filter has decided, and
//! what is for the sandbox never reaches the ordinary server, whatever a client says.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{Envoy, RunningEnvoy, module, root, versions};
use countersign_host_tests::fakes::{Authority, Jwks, Upstream, wire};
use countersign_host_tests::platform;
use countersign_host_tests::scenario::format::KeyServer;
use serde_json::{Value, json};

const CHAIN: &str = "/static_resources/listeners/0/filter_chains/0";
const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const FIELD: &str = "x-countersign-sandbox";

/// Both servers, and the issuer.
struct World {
    ordinary: Upstream,
    sandbox: Upstream,
    keys: Jwks,
    home: tempfile::TempDir,
}

impl World {
    fn start() -> Result<Self> {
        let (home, authority) = (tempfile::tempdir()?, Authority::new("test")?);
        let keys = Jwks::start_tls(&authority.issue("sts.example.com")?, KeyServer::default().document()?)?;
        authority.write_pem(&home.path().join("ca.pem"))?;
        Ok(Self { ordinary: Upstream::start()?, sandbox: Upstream::start()?, keys, home })
    }

    /// The shipped file without TLS at the front, in front of these.
    fn shipped(&self) -> Result<Value> {
        let text = std::fs::read_to_string(root().join("envoy/sandbox.yaml"))?;
        let text = text.replace("/etc/countersign/countersign.wasm", &module()?.to_string_lossy());
        let text = text.replace("/etc/countersign", self.home.path().to_str().context("a folder that is not UTF-8")?);
        let mut shipped = serde_norway::from_str::<serde_norway::Value>(&text)?;
        shipped.apply_merge()?;
        let mut document: Value = serde_json::to_value(shipped)?;
        let chain = document.pointer_mut(CHAIN).and_then(Value::as_object_mut).context("no filter chain")?;
        chain.remove("transport_socket").context("no TLS")?;
        let addresses = [self.ordinary.address(), self.sandbox.address(), self.keys.address()];
        for (index, address) in addresses.iter().enumerate() {
            let endpoint =
                format!("/static_resources/clusters/{index}/load_assignment/endpoints/0/lb_endpoints/0/endpoint");
            *document.pointer_mut(&endpoint).context("no endpoint")? = json!({
                "address": { "socket_address": { "address": "127.0.0.1", "port_value": address.port() } },
            });
        }
        Ok(document)
    }

    fn gateway(&self, version: &str, name: &str, document: &Value) -> Result<RunningEnvoy> {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sandbox-{name}-{version}.log"));
        let envoy = Envoy::find(version)?.start(document, &log)?;
        platform::keys_are_taken(&self.keys)?;
        Ok(envoy)
    }

    /// How many requests the ordinary server got, and how many the sandbox.
    fn counts(&self) -> (usize, usize) {
        (self.ordinary.count(), self.sandbox.count())
    }
}

/// The status of what comes back for a transfer of `amount` with the fields `more`.
fn transfer(envoy: &RunningEnvoy, amount: u32, more: &str) -> Result<u16> {
    let token = platform::token(json!({
        "iss": "https://sts.example.com", "aud": "https://tools.example.com/mcp",
        "task": { "id": "t", "grants": [{ "action": "mcp:tools/call", "resource": "payments" }] },
    }))?;
    let call = json!({ "name": "transfer", "arguments": { "amount": amount, "currency": "EUR", "to": "ada" } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call }).to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: tools.example.com\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\ncookie: a=b\r\n\
         {more}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (head, mut rest) = wire::open(envoy.address(), &request)?;
    let mut body = Vec::new();
    rest.read_to_end(&mut body)?;
    head.split(' ').nth(1).and_then(|code| code.parse().ok()).with_context(|| head.clone())
}

fn in_every_envoy(
    name: &str,
    change: impl Fn(&mut Value) -> Result<()>,
    test: impl Fn(&World, &RunningEnvoy) -> Result<()>,
) -> Result<()> {
    for version in versions() {
        let world = World::start()?;
        let mut document = world.shipped()?;
        change(&mut document)?;
        let envoy = world.gateway(&version, name, &document)?;
        test(&world, &envoy).with_context(|| format!("Envoy {version}:\n{}", envoy.log().join("\n")))?;
    }
    Ok(())
}

#[test]
fn what_is_for_the_sandbox_arrives_there_and_nowhere_else() -> Result<()> {
    in_every_envoy(
        "shipped",
        |_| Ok(()),
        |world, envoy| {
            ensure!(transfer(envoy, 500, "")? == 200 && world.counts() == (0, 1), "{:?}", world.counts());
            ensure!(world.ordinary.saw_nothing(), "the ordinary server was touched");
            let arrived = world.sandbox.seen();
            let arrived = arrived.first().context("nothing arrived")?;
            ensure!(
                arrived.header(FIELD) == ["quarantine"] && arrived.header("cookie").is_empty(),
                "{:?}",
                arrived.headers
            );
            // What is not goes where it ever went, as it was sent, and no client can choose.
            ensure!(transfer(envoy, 5, "")? == 200 && world.counts() == (1, 1), "{:?}", world.counts());
            let chosen = format!("{FIELD}: quarantine\r\n");
            ensure!(transfer(envoy, 5, &chosen)? == 200 && world.counts() == (2, 1), "{:?}", world.counts());
            for arrived in world.ordinary.seen() {
                ensure!(
                    arrived.header(FIELD).is_empty() && arrived.header("cookie") == ["a=b"],
                    "{:?}",
                    arrived.headers
                );
            }
            let elsewhere = format!("{FIELD}: elsewhere\r\n");
            ensure!(transfer(envoy, 500, &elsewhere)? == 200 && world.counts() == (2, 2), "{:?}", world.counts());
            Ok(())
        },
    )
}

/// The filter alone takes a client's field away: the file's own removal is a second line.
#[test]
fn no_client_chooses_where_only_the_filter_removes_its_field() -> Result<()> {
    let change = |document: &mut Value| -> Result<()> {
        let manager = document.pointer_mut(MANAGER).and_then(Value::as_object_mut).context("no manager")?;
        manager.remove("early_header_mutation_extensions").context("nothing is removed early")?;
        Ok(())
    };
    in_every_envoy("late", change, |world, envoy| {
        let chosen = format!("{FIELD}: quarantine\r\n");
        ensure!(transfer(envoy, 5, &chosen)? == 200 && world.counts() == (1, 0), "{:?}", world.counts());
        ensure!(world.sandbox.saw_nothing(), "the sandbox was touched");
        let elsewhere = format!("{FIELD}: elsewhere\r\n");
        ensure!(transfer(envoy, 500, &elsewhere)? == 200 && world.counts() == (1, 1), "{:?}", world.counts());
        Ok(())
    })
}

/// A sandbox that the gateway has no route for is not the ordinary server.
#[test]
fn without_its_route_what_is_for_the_sandbox_goes_nowhere() -> Result<()> {
    let change = |document: &mut Value| -> Result<()> {
        let routes = document.pointer_mut(&format!("{MANAGER}/route_config/virtual_hosts/0/routes"));
        let routes = routes.and_then(Value::as_array_mut).context("no routes")?;
        ensure!(routes.remove(0).get("name") == Some(&json!("quarantine")), "it is not the first");
        Ok(())
    };
    in_every_envoy("unrouted", change, |world, envoy| {
        ensure!(transfer(envoy, 500, "")? == 503, "it was let through");
        ensure!(world.ordinary.saw_nothing() && world.sandbox.saw_nothing(), "something arrived");
        ensure!(transfer(envoy, 5, "")? == 200 && world.counts() == (1, 0), "{:?}", world.counts());
        Ok(())
    })
}
