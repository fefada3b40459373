//! Under load, in a real Envoy with two workers: keys are rotated without losing a request, a flood of unknown key ids
//! neither hammers the issuer nor fills memory, and each of very many DPoP proofs is good once. Takes some minutes:
//! `scripts/check --full`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use countersign_facts::board::LedgerError;
use countersign_facts::ledger::{
    Agreed, Capacity, Ends, Entry, Ledger as _, Room, Spent, Store, StoreError, StoredLedger, Versioned,
};
use countersign_host_tests::envoy::{Envoy, PINNED, RunningEnvoy, module};
use countersign_host_tests::fakes::{Answer, Jwks, Upstream};
use countersign_host_tests::gateway::{Options, PluginConfig, bootstrap};
use countersign_host_tests::scenario::format::{KeyServer, ProofSpec, Token};
use countersign_host_tests::scenario::request::Earlier;
use countersign_host_tests::scenario::token::{mint, proof};
use countersign_host_tests::wrk::Wrk;
use countersign_tokens::UnixTime;
use serde_json::{Value, json};

const AUDIENCE: &str = "https://tools.test/mcp";
/// How often keys are fetched anyway; a retired key is refused when this has passed.
const REFRESH: Duration = Duration::from_secs(2);
const COOLDOWN: Duration = Duration::from_secs(5);

fn config(refresh: Duration) -> PluginConfig {
    PluginConfig::from(configuration(refresh))
}

fn configuration(refresh: Duration) -> Value {
    json!({
        "version": 1,
        "issuers": [{
            "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": [AUDIENCE],
            "algorithms": ["RS256"], "max_lifetime": "15m", "task": { "grants": "/task/grants" },
            "keys": {
                "url": "http://sts.test/jwks.json", "cluster": "keys", "insecure_http": true,
                "refresh": format!("{}s", refresh.as_secs()), "cooldown": format!("{}s", COOLDOWN.as_secs()),
            },
        }],
        "resources": [{ "name": "tools", "match": { "path": "/*" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" },
    })
}

struct World {
    envoy: RunningEnvoy,
    keys: Jwks,
    upstream: Upstream,
    folder: tempfile::TempDir,
}

impl World {
    fn start(name: &str, refresh: Duration) -> Result<Self> {
        Self::of(name, &config(refresh))
    }

    fn of(name: &str, config: &PluginConfig) -> Result<Self> {
        let (upstream, keys) = (Upstream::start()?, Jwks::start(served(&["rsa1"])?)?);
        upstream.answer(|_| Answer::Json(200, json!({})));
        let mut options = Options::new(module()?, upstream.address().into());
        options.endpoints.insert("keys".to_owned(), keys.address().into());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{name}.log"));
        let envoy = Envoy::find(PINNED)?.start(&bootstrap(config, &options)?, &log)?;
        ensure!(keys.wait_for(1, Duration::from_secs(5)), "nobody fetched the keys");
        std::thread::sleep(Duration::from_millis(500));
        Ok(Self { envoy, keys, upstream, folder: tempfile::tempdir()? })
    }

    /// `wrk` with a Lua script.
    fn load(&self, script: &str, duration: Duration) -> Result<Wrk> {
        Wrk::start(script, self.envoy.address(), duration)
    }

    /// A file with so many tokens of this key, one a line.
    fn tokens(&self, key: &str, count: usize) -> Result<PathBuf> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let tokens = (0..count).map(|_| mint(&token(key), now, &[])).collect::<Result<Vec<_>>>()?;
        let path = self.folder.path().join(key);
        std::fs::write(&path, tokens.join("\n"))?;
        Ok(path)
    }

    fn status(&self, token: &str) -> Result<u16> {
        let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
        let request = agent.get(format!("http://{}/", self.envoy.address()));
        Ok(request.header("authorization", format!("Bearer {token}")).call()?.status().as_u16())
    }
}

fn token(key: &str) -> Token {
    let grants = json!({ "task": { "grants": [{ "action": "http:GET", "resource": "tools" }] } });
    Token { key: Some(key.to_owned()), claims: Some(grants), ..Token::default() }
}

fn served(names: &[&str]) -> Result<Value> {
    let serves = Some(names.iter().map(|name| (*name).to_owned()).collect());
    KeyServer { serves, ..KeyServer::default() }.document()
}

/// Thirty seconds: the old key signs for ten; the new one is published, and signs from the twelfth on; the old one is
/// withdrawn at the twentieth.
#[test]
#[ignore = "takes half a minute: scripts/check --full"]
fn keys_are_rotated_without_losing_a_request() -> Result<()> {
    let world = World::start("rotation", REFRESH)?;
    let (old, new) = (world.tokens("rsa1", 500)?, world.tokens("rsa2", 500)?);
    let script = format!(
        r#"
local function read(path) local lines = {{}} for line in io.lines(path) do lines[#lines + 1] = line end return lines end
local old, new, start, at = read("{}"), read("{}"), os.time(), 0
function request()
  local tokens = os.time() - start < 12 and old or new
  at = at % #tokens + 1
  return wrk.format("GET", "/", {{ ["authorization"] = "Bearer " .. tokens[at] }})
end"#,
        old.display(),
        new.display()
    );
    let began = Instant::now();
    let load = world.load(&script, Duration::from_secs(30))?;
    let until = |secs: u64| std::thread::sleep(Duration::from_secs(secs).saturating_sub(began.elapsed()));
    until(10);
    world.keys.publish(served(&["rsa1", "rsa2"])?);
    until(20);
    world.keys.publish(served(&["rsa2"])?);
    // Its grace: the longest that an older set can be in use.
    until(20 + REFRESH.as_secs() + 1);
    let retired = std::fs::read_to_string(&old)?.lines().next().context("no token")?.to_owned();
    ensure!(world.status(&retired)? == 401, "a retired key is accepted after its grace");
    let seen = load.end()?;
    println!("rotation: {seen}, {} fetches", world.keys.count());
    ensure!(seen["refused"] == 0 && seen["broken"] == 0, "requests were lost: {seen}");
    ensure!(seen["requests"].as_u64().is_some_and(|requests| requests > 1000), "hardly any load: {seen}");
    // What wrk had under way when it ended arrived too.
    ensure!(world.upstream.count() as u64 >= seen["requests"].as_u64().unwrap_or(u64::MAX), "fewer arrived upstream");
    ensure!(world.status(&retired)? == 401, "a retired key is accepted");
    Ok(())
}

/// A hundred thousand tokens, each with a key id of its own.
#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn unknown_key_ids_neither_hammer_the_issuer_nor_fill_memory() -> Result<()> {
    const IDS: u64 = 100_000;
    let world = World::start("unknown-keys", Duration::from_hours(1))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let good = mint(&token("rsa1"), now, &[])?;
    let rest = good.split_once('.').context("no token")?.1;
    // The header {"alg":"RS256","kid":"<24 hexadecimal digits>","typ":"at+jwt"}, of which only the id changes; 24 digits
    // are 32 characters of base64url, so the parts around it stay as they are.
    let script = format!(
        r#"
local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local function base64url(text)
  local out = {{}}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    for shift = 3, 3 - (b and 1 or 0) - (c and 1 or 0) - 1, -1 do
      local at = math.floor(n / 64 ^ shift) % 64 + 1
      out[#out + 1] = alphabet:sub(at, at)
    end
  end
  return table.concat(out)
end
local thread, count = 0, 0
function setup(t) t:set("number", thread) thread = thread + 1 end
function request()
  count = count + 1
  local kid = string.format("%08d-%015d", number, count)
  local header = base64url('{{"alg":"RS256","kid":"' .. kid .. '","typ":"at+jwt"}}')
  return wrk.format("GET", "/", {{ ["authorization"] = "Bearer " .. header .. ".{rest}" }})
end"#
    );
    // Warm: what a running gateway needs anyway.
    world.load(&script, Duration::from_secs(3))?.end()?;
    let (before, fetched) = (world.envoy.memory("VmRSS")?, world.keys.count());
    let (mut sent, began) = (0, Instant::now());
    let mut most = before;
    while sent < IDS {
        let seen = world.load(&script, Duration::from_secs(10))?.end()?;
        ensure!(seen["refused"] == seen["requests"] && seen["broken"] == 0, "some were accepted or lost: {seen}");
        sent += seen["requests"].as_u64().context("no count")?;
        most = most.max(world.envoy.memory("VmRSS")?);
    }
    let fetches = world.keys.count() - fetched;
    let allowed = began.elapsed().as_secs() / COOLDOWN.as_secs() + 1;
    println!(
        "{sent} unknown key ids in {:?}: {fetches} fetches (at most {allowed}), memory {} to {} MiB",
        began.elapsed(),
        before >> 20,
        most >> 20
    );
    ensure!(fetches as u64 <= allowed, "{fetches} fetches, {allowed} allowed");
    ensure!(most < before + (32 << 20), "memory grew from {before} to {most}");
    ensure!(world.upstream.saw_nothing(), "something went upstream");
    ensure!(world.status(&good)? == 200, "a good token is refused after the flood");
    Ok(())
}

/// Eight workloads with 6,000 proofs each, all of which matter at the same time: each is good once.
#[test]
#[ignore = "takes two minutes: scripts/check --full"]
fn each_of_very_many_proofs_is_good_once() -> Result<()> {
    const WORKLOADS: usize = 8;
    const EACH: usize = 6000;
    /// Of `wrk`: what they have under way when it ends is not counted.
    const CONNECTIONS: usize = 8;
    let mut configuration = configuration(Duration::from_hours(1));
    let issuer = configuration.pointer_mut("/issuers/0").and_then(Value::as_object_mut).context("no issuer")?;
    issuer.insert("binding".to_owned(), json!({ "require": "dpop", "proof_age": "10m" }));
    let world = World::of("proofs", &PluginConfig::from(configuration))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let uri = format!("http://{}/", world.envoy.address());
    // One thread of `wrk` has the even lines, the other the odd ones.
    let mut lines = String::new();
    let tokens = (0..WORKLOADS).map(|workload| {
        let claims = json!({
            "sub": format!("agent-{workload}"), "cnf": { "jkt": "{jkt:ec2}" },
            "task": { "grants": [{ "action": "http:GET", "resource": "tools" }] },
        });
        mint(&Token { key: Some("rsa1".to_owned()), claims: Some(claims), ..Token::default() }, now, &[])
    });
    let tokens = tokens.collect::<Result<Vec<_>>>()?;
    for token in tokens.iter().cycle().take(WORKLOADS * EACH) {
        let proof = proof(&ProofSpec::default(), ("GET", &uri), token, now, &Earlier::default())?;
        writeln!(lines, "{token} {proof}")?;
    }
    let path = world.folder.path().join("proofs");
    std::fs::write(&path, lines)?;
    let script = format!(
        r#"
local threads = 0
function setup(thread) thread:set("number", threads) threads = threads + 1 end
local lines, at
function request()
  if not lines then
    lines, at = {{}}, 0
    local count = 0
    for line in io.lines("{}") do
      if count % 2 == number then lines[#lines + 1] = line end
      count = count + 1
    end
  end
  at = at + 1
  if at > #lines then wrk.thread:stop() at = #lines end
  local token, proof = lines[at]:match("(%S+) (%S+)")
  return wrk.format("GET", "/", {{ ["authorization"] = "DPoP " .. token, ["dpop"] = proof }})
end"#,
        path.display()
    );
    let before = world.envoy.memory("VmRSS")?;
    let seen = world.load(&script, Duration::from_mins(3))?.end()?;
    let (once, after) = (world.upstream.count(), world.envoy.memory("VmRSS")?);
    println!("proofs: {seen}, {once} upstream, memory {} to {} MiB", before >> 20, after >> 20);
    ensure!(seen["broken"] == 0, "requests were lost: {seen}");
    // The last line of a thread is sent again while it stops.
    ensure!(seen["refused"].as_u64().is_some_and(|refused| refused <= CONNECTIONS as u64), "some were refused: {seen}");
    ensure!(once + CONNECTIONS >= WORKLOADS * EACH && once <= WORKLOADS * EACH, "{once} arrived upstream");
    ensure!(after < before + (96 << 20), "memory grew from {before} to {after}");
    let again = world.load(&script, Duration::from_mins(3))?.end()?;
    println!("proofs again: {again}, {} upstream", world.upstream.count());
    ensure!(world.upstream.count() <= WORKLOADS * EACH, "a proof was good twice");
    let refused = again["refused"].as_u64().unwrap_or_default();
    ensure!(refused + 2 * CONNECTIONS as u64 >= (WORKLOADS * EACH) as u64, "hardly any was refused: {again}");
    Ok(())
}

/// A gateway's shared data, and what goes to and fro.
#[derive(Clone, Default)]
struct Counting(Rc<Counted>);

#[derive(Default)]
struct Counted {
    values: RefCell<BTreeMap<String, Versioned>>,
    moved: Cell<usize>,
}

impl Counting {
    /// What the values take, with `beside` for each.
    fn bytes(&self, beside: usize) -> usize {
        self.0.values.borrow().values().map(|found| found.value.capacity() + beside).sum()
    }
}

impl Store for Counting {
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        let found = self.0.values.borrow().get(key).cloned();
        self.0.moved.update(|moved| moved + found.as_ref().map_or(0, |found| found.value.len()));
        Ok(found)
    }

    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError> {
        let mut values = self.0.values.borrow_mut();
        let number = match values.get(key) {
            Some(found) if found.cas != cas => return Err(StoreError::Changed),
            found => found.map_or(1, |found| found.cas + 1),
        };
        self.0.moved.update(|moved| moved + value.len());
        values.insert(key.to_owned(), Versioned { value: value.to_vec(), cas: number });
        Ok(())
    }

    fn random(&self) -> Option<[u8; 32]> {
        Some([3; 32])
    }
}

/// Two lives of a proof: 8 workloads at 1,000 a second, 1,000 at 10, 10,000 one-shot tokens of one, and somebody who spends as fast
/// as it is let.
#[test]
#[ignore = "takes some minutes: scripts/check --full"]
fn what_a_ledger_is_made_for_fits_into_64_mib() -> Result<()> {
    const MIB: usize = 1 << 20;
    // `proof_age` and what is added to it, as it is by default; milliseconds.
    const LIFE: u64 = 70_000;
    let store = Counting::default();
    let mut ledger = StoredLedger::new(store.clone(), Capacity::of_bytes(64 * MIB), Agreed::default());
    let mut number = 0_u64;
    let mut spend = |now: UnixTime, workload: u64, life: Duration| {
        number += 1;
        let (mut partition, mut key) = ([0; 32], [0; 32]);
        partition.iter_mut().zip(workload.to_le_bytes()).for_each(|(stored, byte)| *stored = byte);
        key.iter_mut().zip(number.to_le_bytes()).for_each(|(stored, byte)| *stored = byte);
        let until = now.plus(life);
        let entry = Entry { partition, key, limit: 1, ends: Ends::At(until), room: Room::Needed };
        // As a session does: with the head, and when the call is first held or let go.
        ledger.rest();
        ensure!(ledger.is_spent(now, &entry) == Ok(false), "{workload} at {now:?} is not unspent");
        Ok(ledger.spend(now, &entry, until))
    };
    let (start, life) = (UnixTime::from_secs(1_800_000_000), Duration::from_millis(LIFE));
    for token in 0..10_000 {
        ensure!(spend(start, 1, Duration::from_hours(1))? == Ok(Spent::Now), "token {token}");
    }
    let (mut most, mut hog, mut requests) = (0, 0_usize, 0_usize);
    for millis in 0..2 * LIFE {
        let now = start.plus(Duration::from_millis(millis));
        let small = (0..10).map(|one| 100 + (millis * 10 + one) % 1000);
        for workload in (1..=8).chain(small) {
            store.0.moved.set(0);
            let answer = spend(now, workload, life)?;
            ensure!(answer == Ok(Spent::Now), "{workload} is refused after {millis} ms: {answer:?}");
            most = most.max(store.0.moved.get());
            requests += 1;
        }
        // Ten thousand a second.
        for _ in 0..10 {
            match spend(now, 99, life)? {
                Ok(Spent::Now) => hog += 1,
                Err(LedgerError::Full) => {}
                other => anyhow::bail!("{other:?}"),
            }
        }
    }
    let (bytes, values) = (store.bytes(272), store.0.values.borrow().len());
    println!(
        "{requests} honest requests, {hog} of the other: {values} values, {} MiB, at most {most} bytes moved",
        bytes / MIB
    );
    ensure!(bytes <= 64 * MIB, "{bytes} bytes");
    ensure!(most <= 16 * 1024, "{most} bytes moved for one request");
    Ok(())
}
