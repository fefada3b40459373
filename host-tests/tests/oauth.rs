//! A real authorization server (`oidc-provider`) and real Envoys: its keys found by discovery and rotated, its opaque tokens
//! introspected and revoked, its DPoP-bound tokens proven.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{Envoy, RunningEnvoy, module, versions};
use countersign_host_tests::fakes::Upstream;
use countersign_host_tests::gateway::{Options, PluginConfig, bootstrap};
use countersign_host_tests::part::Part;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(10);
/// As in `parts/oauth.mjs`.
const SECRET: &str = "not-for-anything-else-47f1";
const COOLDOWN: Duration = Duration::from_secs(1);
const CACHE: Duration = Duration::from_secs(2);

fn config(issuer: &str) -> PluginConfig {
    let audiences = json!(["https://tools.test/mcp"]);
    PluginConfig::from(json!({
        "version": 1,
        "issuers": [
            {
                "name": "signed", "issuer": issuer, "profile": "access-token", "audiences": audiences,
                "algorithms": ["RS256"],
                "keys": {
                    "discovery": format!("{issuer}/.well-known/openid-configuration"), "cluster": "issuer",
                    "insecure_http": true, "cooldown": "1s", "refresh": "1h",
                },
            },
            {
                "name": "opaque", "issuer": issuer, "profile": "opaque", "audiences": audiences,
                "introspection": {
                    "url": format!("{issuer}/token/introspection"), "cluster": "issuer", "insecure_http": true,
                    "client_id": "gateway", "client_secret": { "env": "INTROSPECTION_SECRET" }, "cache": "2s",
                },
            },
        ],
        "resources": [{ "name": "tools", "match": { "path": "/*" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" },
    }))
}

struct World {
    issuer: Part,
    envoy: RunningEnvoy,
    upstream: Upstream,
}

impl World {
    fn start(name: &str, version: &str) -> Result<Self> {
        let mut issuer = Part::node("oauth.mjs")?;
        let address = issuer.text(&json!({ "do": "start" }), "issuer")?;
        let upstream = Upstream::start()?;
        let mut options = Options::new(module()?, upstream.address().into());
        options.endpoints.insert("issuer".to_owned(), address.trim_start_matches("http://").parse()?);
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{version}.log"));
        let envoy = Envoy::find(version)?
            .with_env("INTROSPECTION_SECRET", SECRET)
            .start(&bootstrap(&config(&address), &options)?, &log)?;
        // The workers' first fetch: discovery, then the keys.
        std::thread::sleep(Duration::from_millis(1500));
        Ok(Self { issuer, envoy, upstream })
    }

    fn token(&mut self, more: serde_json::Value) -> Result<String> {
        let mut command = json!({ "do": "token", "client": "reporter" });
        if let (Some(command), serde_json::Value::Object(more)) = (command.as_object_mut(), more) {
            command.extend(more);
        }
        self.issuer.text(&command, "token")
    }

    /// Status and reason of `GET /` with these header fields.
    fn ask(&self, headers: &[(&str, String)]) -> Result<(u16, String)> {
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build(),
        );
        let mut request = agent.get(self.uri());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let before = self.envoy.records().len();
        let status = request.call()?.status().as_u16();
        for _ in 0..100 {
            if let Some(record) = self.envoy.records().get(before) {
                return Ok((status, record["reason"].as_str().unwrap_or_default().to_owned()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        anyhow::bail!("no record")
    }

    fn bearer(&self, token: &str) -> Result<(u16, String)> {
        self.ask(&[("authorization", format!("Bearer {token}"))])
    }

    fn uri(&self) -> String {
        format!("http://{}/", self.envoy.address())
    }
}

fn in_every_envoy(name: &str, test: impl Fn(&mut World) -> Result<()>) -> Result<()> {
    for version in versions() {
        let mut world = World::start(name, &version)?;
        test(&mut world).with_context(|| format!("Envoy {version}:\n{}", world.envoy.log().join("\n")))?;
    }
    Ok(())
}

fn expect((got, why): (u16, String), status: u16, reason: &str, when: &str) -> Result<()> {
    ensure!((got, why.as_str()) == (status, reason), "{when}: expected {status} {reason}, got {got} {why}");
    Ok(())
}

#[test]
fn keys_are_found_and_rotated() -> Result<()> {
    in_every_envoy("rotation", |world| {
        let first = world.token(json!({}))?;
        expect(world.bearer(&first)?, 200, "allowed", "a token of the first key")?;
        // The old key stays published while its tokens live.
        world.issuer.ask(&json!({ "do": "rotate", "keep": 1 }))?;
        let second = world.token(json!({}))?;
        expect(world.bearer(&second)?, 200, "allowed", "a token of a key that the gateway never saw")?;
        expect(world.bearer(&first)?, 200, "allowed", "a token of the key before")?;
        std::thread::sleep(COOLDOWN);
        world.issuer.ask(&json!({ "do": "rotate", "keep": 0 }))?;
        let third = world.token(json!({}))?;
        expect(world.bearer(&third)?, 200, "allowed", "a token of the next key")?;
        // The other worker hears of it.
        std::thread::sleep(COOLDOWN + Duration::from_millis(500));
        expect(world.bearer(&second)?, 401, "unknown_key", "a token of a key that was withdrawn")?;
        expect(world.bearer(&first)?, 401, "unknown_key", "a token of the first key")?;
        ensure!(world.upstream.count() == 4, "{} requests arrived upstream", world.upstream.count());
        Ok(())
    })
}

#[test]
fn opaque_tokens_are_introspected_and_revoked() -> Result<()> {
    in_every_envoy("introspection", |world| {
        let token = world.token(json!({ "opaque": true }))?;
        expect(world.bearer(&token)?, 200, "allowed", "an opaque token")?;
        world.issuer.ask(&json!({ "do": "revoke", "token": token }))?;
        std::thread::sleep(CACHE);
        expect(world.bearer(&token)?, 401, "token_inactive", "revoked, and the answer no longer holds")?;
        expect(world.bearer("never-issued-by-anybody-at-all")?, 401, "token_inactive", "made up")?;
        Ok(())
    })
}

#[test]
fn bound_tokens_need_their_proof() -> Result<()> {
    in_every_envoy("dpop", |world| {
        for opaque in [false, true] {
            let token = world.token(json!({ "dpop": true, "opaque": opaque }))?;
            let uri = world.uri();
            let proof =
                world.issuer.text(&json!({ "do": "prove", "token": token, "method": "GET", "uri": uri }), "proof")?;
            let proven = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
            expect(world.bearer(&token)?, 401, "proof_missing", "as a bearer token")?;
            expect(world.ask(&proven)?, 200, "allowed", "with its proof")?;
            expect(world.ask(&proven)?, 401, "proof_replayed", "with the same proof")?;
            let elsewhere = json!({ "do": "prove", "token": token, "method": "POST", "uri": uri });
            let elsewhere = world.issuer.text(&elsewhere, "proof")?;
            let headers = [("authorization", format!("DPoP {token}")), ("dpop", elsewhere)];
            expect(world.ask(&headers)?, 401, "proof_refused", "with a proof for another method")?;
        }
        Ok(())
    })
}
