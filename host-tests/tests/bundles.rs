//! Signed bundles in real Envoys: what is good takes effect without a restart, what is not leaves the last good one in force and
//! says so in the log and in the gateway's counters; and under load no request is lost or decided by half of one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{PINNED, RunningEnvoy, versions};
use countersign_host_tests::fakes::{Answer, Seen, Server, Upstream};
use countersign_host_tests::platform::{self, Platform};
use countersign_host_tests::scenario::keys::{base64, key};
use countersign_host_tests::wrk::Wrk;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(15);
/// Of each gateway here: two that serve, and the main thread's.
const WORKERS: usize = 3;

/// A bundle signed with the key called `signer`.
fn signed(signer: &str, payload: &Value) -> Result<String> {
    let key = key(signer)?;
    let header = json!({ "alg": key.algorithm().alg(key), "kid": signer, "typ": "countersign-bundle+jwt" });
    let input = format!("{}.{}", base64(header.to_string().as_bytes()), base64(payload.to_string().as_bytes()));
    let signature = key.sign(key.algorithm(), input.as_bytes())?;
    Ok(format!("{input}.{}", base64(&signature)))
}

fn bundle(revision: u64, configuration: &Value) -> Value {
    json!({ "name": "edge", "revision": revision, "configuration": configuration })
}

/// What the catalogue of a revision rates everything.
fn risk(revision: u64) -> &'static str {
    ["low", "medium", "high", "critical"]
        .get(usize::try_from(revision % 4).unwrap_or_default())
        .copied()
        .unwrap_or_default()
}

/// Everything may be done, by a policy named after the revision, in a catalogue that says which it is, too.
fn open(revision: u64) -> Value {
    let configuration = json!({
        "policy": { "cedar": format!("@id(\"p{revision}\") permit (principal, action, resource);") },
        "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "http", "risk": risk(revision) }],
    });
    bundle(revision, &configuration)
}

fn as_it_is(body: String) -> impl Fn(&Seen) -> Answer {
    move |_| {
        Answer::Raw(200, vec![("content-type".to_owned(), "application/jose".to_owned())], body.clone().into_bytes())
    }
}

struct World {
    envoy: RunningEnvoy,
    bundles: Server,
    upstream: Upstream,
    token: String,
    _platform: Platform,
}

impl World {
    fn start(version: &str, name: &str) -> Result<Self> {
        let (platform, upstream) = (Platform::start()?, Upstream::start()?);
        upstream.answer(|_| Answer::Json(200, json!({})));
        let bundles = Server::start(|_| Answer::Raw(404, Vec::new(), Vec::new()))?;
        let members = json!({
            "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "http" }],
            "policy": { "cedar": "@id(\"closed\") forbid (principal, action, resource);" },
            "bundle": {
                "name": "edge", "url": "http://bundles.test/edge", "cluster": "bundles", "insecure_http": true,
                "refresh": "1s", "timeout": "1s", "keys": { "keys": [key("ec1")?.jwk("ec1")] },
            },
        });
        let bootstrap = platform.bootstrap_of(members, upstream.address(), &[("bundles", bundles.address().into())])?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bundles-{name}-{version}.log"));
        let envoy = platform.gateway(version, &bootstrap, &log)?;
        let grants = json!([{ "action": "http:GET", "resource": "api" }]);
        let token = platform::token(json!({ "task": { "id": "task-1", "grants": grants } }))?;
        Ok(Self { envoy, bundles, upstream, token, _platform: platform })
    }

    /// The record of one request.
    fn ask(&self) -> Result<Value> {
        let earlier = self.envoy.records().len();
        ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build())
            .get(format!("http://{}/", self.envoy.address()))
            .header("authorization", format!("Bearer {}", self.token))
            .call()?;
        self.envoy.wait_for(PATIENCE, |envoy| envoy.records().get(earlier).cloned())
    }

    /// Waits until every worker serves with `revision`.
    fn wait_until_in_force(&self, revision: u64) -> Result<()> {
        let line = format!("bundle: revision {revision} is in force");
        self.envoy.wait_for(PATIENCE, |envoy| {
            let workers = envoy.log().iter().filter(|logged| logged.contains(&line)).count();
            (workers >= WORKERS).then_some(())
        })
    }

    /// A counter or gauge of the module's, as the admin interface shows it.
    fn metric(&self, name: &str) -> Result<u64> {
        let stats = self.envoy.admin_get("/stats")?;
        let line = stats.lines().find(|line| line.contains(name)).with_context(|| format!("no {name}"))?;
        Ok(line.rsplit(' ').next().unwrap_or_default().parse()?)
    }
}

#[test]
fn good_bundles_take_effect_and_bad_ones_leave_the_last_good_one() -> Result<()> {
    for version in versions() {
        let world = World::start(&version, "rules")?;
        let record = world.ask()?;
        ensure!(record["policies"] == json!(["closed"]), "Envoy {version}: before the first bundle: {record}");
        world.bundles.answer(as_it_is(signed("ec1", &open(7))?));
        world.wait_until_in_force(7)?;
        let check = |what: &str| -> Result<()> {
            let record = world.ask()?;
            let good =
                record["reason"] == "allowed" && record["policies"] == json!(["p7"]) && record["bundle_revision"] == 7;
            ensure!(good && world.metric("countersign.bundle.revision")? == 7, "Envoy {version}: {what}: {record}");
            Ok(())
        };
        check("the first")?;
        for (what, body, told) in [
            ("a wrong signature", signed("ec2", &open(9))?, "not signed for this gateway"),
            ("an older revision", signed("ec1", &open(6))?, "revision 6 is older than 7"),
            (
                "a broken policy",
                signed("ec1", &bundle(9, &json!({ "policy": { "cedar": "permit (principal" } })))?,
                "revision 9 cannot be used: /policy/cedar: 1:18",
            ),
            (
                "another schema",
                signed("ec1", &bundle(9, &json!({ "resources": [{ "name": "r9", "tools": 3 }] })))?,
                "revision 9 cannot be used: /resources/0: ",
            ),
            (
                "a bundle for others",
                signed("ec1", &json!({ "name": "core", "revision": 9, "configuration": {} }))?,
                "it is for `core`",
            ),
        ] {
            let refused = world.metric("countersign.bundle.refused")?;
            world.bundles.answer(as_it_is(body));
            let line = format!("bundle: {told}");
            let says = |logged: &String| logged.contains(&line) && logged.contains("revision 7 stays in force");
            let logged = world.envoy.wait_for(PATIENCE, |envoy| envoy.log().iter().any(says).then_some(()));
            logged.with_context(|| format!("Envoy {version}: {what} is not in the log"))?;
            ensure!(world.metric("countersign.bundle.refused")? > refused, "Envoy {version}: {what} is not counted");
            check(what)?;
        }
        world.bundles.answer(as_it_is(signed("ec1", &open(8))?));
        world.wait_until_in_force(8)?;
        ensure!(world.ask()?["policies"] == json!(["p8"]), "Envoy {version}: a good one after bad ones");
        ensure!(world.upstream.count() == 7, "Envoy {version}: {} arrived", world.upstream.count());
    }
    Ok(())
}

#[test]
#[ignore = "takes more than a minute: scripts/check --full"]
fn swapping_every_second_under_load_loses_no_request() -> Result<()> {
    let world = World::start(PINNED, "load")?;
    // Each answer is a newer one: workers that ask every second swap every second.
    let revision = Arc::new(AtomicU64::new(1));
    let serving = Arc::clone(&revision);
    let began = Instant::now();
    world.bundles.answer(move |_| {
        let revision = began.elapsed().as_secs() + 1;
        serving.store(revision, Ordering::Relaxed);
        let body = signed("ec1", &open(revision)).unwrap_or_default();
        Answer::Raw(200, Vec::new(), body.into_bytes())
    });
    world.envoy.wait_for(PATIENCE, |_| (world.ask().ok()?.get("reason")? == "allowed").then_some(()))?;
    load(&world, Duration::from_secs(10))?;
    let before = world.envoy.memory("VmRSS")?;
    let first = world.envoy.log_length();
    let seen = load(&world, Duration::from_mins(1))?;
    let after = world.envoy.memory("VmRSS")?;
    let installed = world.metric("countersign.bundle.installed")?;
    println!(
        "bundles: {seen}, {installed} installed by two workers up to revision {}, memory {} to {} MiB",
        revision.load(Ordering::Relaxed),
        before >> 20,
        after >> 20
    );
    ensure!(seen["refused"] == 0 && seen["broken"] == 0, "requests were lost: {seen}");
    ensure!(seen["requests"].as_u64().is_some_and(|requests| requests > 1000), "hardly any load: {seen}");
    ensure!(installed > 100, "hardly any swap: {installed}");
    ensure!(after < before + (24 << 20), "memory grew from {before} to {after}");
    // One worker may get what another one has gone beyond since.
    let log = world.envoy.log_from(first);
    let mut refused = log.iter().filter(|line| line.contains("stays in force") && !line.contains("is older than"));
    ensure!(refused.next().is_none(), "a good bundle was refused");
    let records: Vec<Value> =
        log.iter().filter_map(|line| serde_json::from_str(line.get(line.find('{')?..)?).ok()).collect();
    ensure!(!records.is_empty(), "no records");
    // What the load leaves under way as it stops ends in a line of its own, which is no decision.
    let decisions = records.iter().filter(|record| record["countersign"] == 1 && record["kind"] != "ended");
    for record in decisions {
        let revision = record["bundle_revision"].as_u64().with_context(|| format!("no revision: {record}"))?;
        let whole = record["policies"] == json!([format!("p{revision}")]) && record["risk"] == risk(revision);
        ensure!(whole, "decided by half a bundle: {record}");
    }
    Ok(())
}

#[test]
#[ignore = "takes a while: scripts/check --full"]
fn what_takes_long_to_load_is_loaded_between_requests() -> Result<()> {
    let world = World::start(PINNED, "large")?;
    world.bundles.answer(as_it_is(signed("ec1", &open(7))?));
    world.wait_until_in_force(7)?;
    let over = AtomicBool::new(false);
    let clients = std::thread::scope(|scope| -> Result<Vec<Vec<Duration>>> {
        // More connections than workers, so that each worker has some.
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| until(&over, &world))).collect();
        let began = Instant::now();
        world.bundles.answer(as_it_is(signed("ec1", &large(8))?));
        let loaded = world.wait_until_in_force(8);
        println!("bundles: 1,000 tools and 100 policies for each of them are in force after {:?}", began.elapsed());
        over.store(true, Ordering::Relaxed);
        loaded?;
        clients.into_iter().map(|client| client.join().map_err(|_| anyhow::anyhow!("a client failed"))?).collect()
    })?;
    let mut answers: Vec<Duration> = clients.into_iter().flatten().collect();
    answers.sort_unstable();
    let longest: Vec<_> = answers.iter().rev().take(16).collect();
    println!("bundles: {} requests meanwhile, the longest took {longest:?}", answers.len());
    ensure!(answers.len() > 100, "hardly any request");
    Ok(())
}

/// A catalogue of 1,000 tools, and 100 policies that are for every action.
fn large(revision: u64) -> Value {
    let tools: Vec<Value> = (0..1_000).map(|number| json!({ "name": format!("tool-{number}") })).collect();
    let policy = |number| {
        format!("@id(\"p{number}\") forbid (principal, action, resource) when {{ context.risk == \"critical\" }};\n")
    };
    let policies: String = (0..100).map(policy).collect();
    let configuration = json!({
        "policy": { "cedar": format!("permit (principal, action, resource);\n{policies}") },
        "resources": [
            { "name": "api", "match": { "path": "/*" }, "protocol": "http" },
            { "name": "tools", "match": { "path": "/mcp" }, "protocol": "mcp", "tools": tools },
        ],
    });
    bundle(revision, &configuration)
}

/// How long each request of one client took until it is `over`; all of them are answered, and rightly.
fn until(over: &AtomicBool, world: &World) -> Result<Vec<Duration>> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
    let agent = ureq::Agent::new_with_config(config);
    let mut answers = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let request = agent.get(format!("http://{}/", world.envoy.address()));
        let mut response = request.header("authorization", format!("Bearer {}", world.token)).call()?;
        response.body_mut().read_to_vec()?;
        ensure!(response.status() == 200, "{}", response.status());
        answers.push(began.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(answers)
}

/// So much of `wrk`.
fn load(world: &World, duration: Duration) -> Result<Value> {
    let script = format!(r#"wrk.headers["authorization"] = "Bearer {}""#, world.token);
    Wrk::start(&script, world.envoy.address(), duration)?.end()
}
