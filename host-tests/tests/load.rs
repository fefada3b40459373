//! Under load, in a real Envoy with two workers: keys are rotated without losing a request, and a flood of unknown key ids
//! neither hammers the issuer nor fills memory. Takes a minute or two: `scripts/check --full`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{Envoy, PINNED, RunningEnvoy, module};
use countersign_host_tests::fakes::{Answer, Jwks, Upstream};
use countersign_host_tests::gateway::{Options, PluginConfig, bootstrap};
use countersign_host_tests::scenario::format::{KeyServer, Token};
use countersign_host_tests::scenario::token::mint;
use countersign_host_tests::wrk::Wrk;
use serde_json::{Value, json};

const AUDIENCE: &str = "https://tools.test/mcp";
/// How often keys are fetched anyway; a retired key is refused when this has passed.
const REFRESH: Duration = Duration::from_secs(2);
const COOLDOWN: Duration = Duration::from_secs(5);

fn config(refresh: Duration) -> PluginConfig {
    PluginConfig::from(json!({
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
    }))
}

struct World {
    envoy: RunningEnvoy,
    keys: Jwks,
    upstream: Upstream,
    folder: tempfile::TempDir,
}

impl World {
    fn start(name: &str, refresh: Duration) -> Result<Self> {
        let (upstream, keys) = (Upstream::start()?, Jwks::start(served(&["rsa1"])?)?);
        upstream.answer(|_| Answer::Json(200, json!({})));
        let mut options = Options::new(module()?, upstream.address().into());
        options.endpoints.insert("keys".to_owned(), keys.address().into());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{name}.log"));
        let envoy = Envoy::find(PINNED)?.start(&bootstrap(&config(refresh), &options)?, &log)?;
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
