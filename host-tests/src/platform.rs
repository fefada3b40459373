//! The world of a test about one real gateway: an issuer called `platform`, whose keys the gateway fetches, resources that
//! policy leaves to the grants of tokens, and tokens of that issuer.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::envoy::{Envoy, RunningEnvoy, module};
use crate::fakes::Jwks;
use crate::gateway::{HostPort, Options, PluginConfig, bootstrap};
use crate::scenario::format::{KeyServer, Token};
use crate::scenario::token::mint;

/// For how long the keys may not be asked for.
const PATIENCE: Duration = Duration::from_secs(10);
/// For how long they are on the way, once they are.
const TAKEN_OVER: Duration = Duration::from_millis(300);

/// The issuer; its key server runs for as long as it is there.
#[derive(Debug)]
pub struct Platform(Jwks);

impl Platform {
    /// With its usual keys.
    pub fn start() -> Result<Self> {
        Ok(Self(Jwks::start(KeyServer::default().document()?)?))
    }

    /// The bootstrap of a gateway with `resources`, in front of `upstream`; what grants cover is allowed.
    pub fn bootstrap(&self, resources: &Value, upstream: SocketAddr) -> Result<Value> {
        self.bootstrap_with(resources, &json!({ "cedar": "permit (principal, action, resource);" }), upstream, &[])
    }

    /// The bootstrap of a gateway in which `policy` decides; `clusters` lead to where it asks.
    pub fn bootstrap_with(
        &self,
        resources: &Value,
        policy: &Value,
        upstream: SocketAddr,
        clusters: &[(&str, HostPort)],
    ) -> Result<Value> {
        self.bootstrap_of(json!({ "resources": resources, "policy": policy }), upstream, clusters)
    }

    /// The bootstrap of a gateway whose configuration has these members besides the issuer.
    pub fn bootstrap_of(&self, members: Value, upstream: SocketAddr, clusters: &[(&str, HostPort)]) -> Result<Value> {
        let mut config = json!({
            "version": 1,
            "issuers": [{
                "name": "platform", "issuer": "https://sts.test", "profile": "access-token",
                "audiences": ["https://tools.test/mcp"], "algorithms": ["RS256"],
                "task": { "id": "/task/id", "grants": "/task/grants" },
                "keys": { "url": "http://sts.test/jwks.json", "cluster": "keys", "insecure_http": true },
            }],
        });
        if let (Value::Object(config), Value::Object(members)) = (&mut config, members) {
            config.extend(members);
        }
        let config = PluginConfig::from(config);
        let mut options = Options::new(module()?, upstream.into());
        options.endpoints.insert("keys".to_owned(), self.0.address().into());
        options.endpoints.extend(clusters.iter().map(|(name, address)| ((*name).to_owned(), address.clone())));
        Ok(bootstrap(&config, &options)?)
    }

    /// Starts that gateway in `version`, logging into `log`; it has the keys.
    pub fn gateway(&self, version: &str, bootstrap: &Value, log: &Path) -> Result<RunningEnvoy> {
        let envoy = Envoy::find(version)?.start(bootstrap, log)?;
        self.wait_for_keys()?;
        Ok(envoy)
    }

    /// Waits until the one gateway that asks for its keys has them.
    pub fn wait_for_keys(&self) -> Result<()> {
        keys_are_taken(&self.0)
    }
}

/// Waits until the one gateway that asks `keys` has them.
pub fn keys_are_taken(keys: &Jwks) -> Result<()> {
    ensure!(keys.wait_for(1, PATIENCE), "nobody fetched the keys");
    std::thread::sleep(TAKEN_OVER);
    Ok(())
}

/// A token of the issuer with `claims` beside the usual ones, or instead of them; it begins now.
pub fn token(claims: Value) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    mint(&Token { key: Some("rsa1".to_owned()), claims: Some(claims), ..Token::default() }, now, &[])
}
