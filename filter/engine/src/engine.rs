//! One loaded configuration: what every session and the background share.

use countersign_tokens::{JwtSimple, Verifier};

use crate::catalogue::Resource;
use crate::config::{Config, ConfigError, ConfigErrors, Issuer, Limits, Secrets};
use crate::credential::TokenCache;
use crate::keys::KeyStore;
use crate::policy::CedarPolicy;

/// A configuration with its compiled policy, the issuers' current keys and the tokens verified with them.
///
/// Shared per worker. Keys and cached tokens are the only things in it that change.
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) policy: CedarPolicy,
    pub(crate) keys: Vec<KeyStore>,
    pub(crate) tokens: TokenCache,
    pub(crate) verifier: Box<dyn Verifier + Send + Sync>,
}

impl Engine {
    /// Reads and compiles a plugin configuration (JSON).
    ///
    /// # Errors
    /// Every mistake at once, each with its JSON Pointer.
    pub fn load(configuration: &[u8], secrets: &dyn Secrets) -> Result<Self, ConfigErrors> {
        let config = Config::parse(configuration, secrets)?;
        let policy = CedarPolicy::compile(&config.policy, &config.resources).map_err(|errors| {
            ConfigErrors::from(
                errors.iter().map(|error| ConfigError::new("/policy/cedar", error.to_string())).collect::<Vec<_>>(),
            )
        })?;
        let keys = config.issuers.iter().map(|issuer| KeyStore::new(&issuer.keys)).collect();
        let tokens = TokenCache::new(config.limits.cached_tokens);
        Ok(Self { config, policy, keys, tokens, verifier: Box::new(JwtSimple) })
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Names the policy and catalogue in force; on every record.
    pub fn policy_revision(&self) -> &str {
        self.policy.revision()
    }

    pub(crate) fn resource(&self, index: ResourceIndex) -> Option<&Resource> {
        self.config.resources.get(index.0)
    }

    /// The issuer that calls itself `issuer` in tokens, with its keys.
    pub(crate) fn issuer(&self, issuer: &str) -> Option<(IssuerIndex, &Issuer, &KeyStore)> {
        self.config
            .issuers
            .iter()
            .zip(&self.keys)
            .enumerate()
            .find(|(_, (candidate, _))| candidate.rules.issuer() == issuer)
            .map(|(index, (issuer, keys))| (IssuerIndex(index), issuer, keys))
    }
}

/// Which configured resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceIndex(pub(crate) usize);

/// Which configured issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IssuerIndex(pub(crate) usize);
