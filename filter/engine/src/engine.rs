//! One loaded configuration: what every session and the background share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_facts::mistakes::{ConfigError, ConfigErrors};
use countersign_facts::progress::Progress;
use countersign_facts::rollout::Mode;
use countersign_policy::{self as policy, Compiling, Judges};
use countersign_protocols::catalogue::Resource;
use countersign_tokens::{JwtSimple, UnixTime, Verifier};
use countersign_trust::credential::{TokenCache, Trust};
use countersign_trust::introspection::questions::Questions;
use countersign_trust::keys::KeyStore;
use serde_json::{Map, Value};

use crate::bundle::{Freshness, MaxStale, WhenStale};
use crate::config::{Base, Config, Keeping, Limits, Secrets};
use crate::sessions::SessionKeys;
use crate::shares::{Each, Shares};

/// A configuration with its compiled policy, the issuers' current keys and the tokens verified with them.
///
/// Shared per worker. Keys and cached tokens are the only things in it that change.
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) policy: Judges,
    pub(crate) keys: Arc<[KeyStore]>,
    pub(crate) tokens: TokenCache,
    pub(crate) sessions: Arc<SessionKeys>,
    pub(crate) shares: Arc<Shares>,
    pub(crate) questions: Arc<Questions>,
    pub(crate) verifier: Arc<dyn Verifier + Send + Sync>,
    /// What bundles are laid over, where there are any.
    base: Option<Arc<Base>>,
    /// The revision of the bundle in force.
    bundle: Option<u64>,
    pub(crate) freshness: Arc<Freshness>,
}

impl Engine {
    /// Reads and compiles a plugin configuration (JSON); tokens are verified inside this program.
    ///
    /// # Errors
    /// Every mistake at once, each with its JSON Pointer.
    pub fn load(configuration: &[u8], secrets: &dyn Secrets) -> Result<Self, ConfigErrors> {
        Self::load_with(configuration, secrets, Box::new(JwtSimple))
    }

    /// As [`Engine::load`]; tokens are verified by `verifier`.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn load_with(
        configuration: &[u8],
        secrets: &dyn Secrets,
        verifier: Box<dyn Verifier + Send + Sync>,
    ) -> Result<Self, ConfigErrors> {
        let secrets = Keeping::new(secrets);
        let (config, policy) = read(configuration, &secrets)?;
        let keys = config.issuers.iter().map(|issuer| KeyStore::new(&issuer.voucher.rules, &issuer.keys)).collect();
        let tokens = TokenCache::new(config.limits.cached_tokens);
        let sessions = Arc::new(SessionKeys::new(config.sessions.secret.as_deref()));
        let shares = Arc::new(Shares::new(config.limits.shares));
        let questions = Arc::new(Questions::new(config.limits.refused_tokens));
        let base = config.bundle.as_ref().map(|_| Arc::new(Base::new(configuration, secrets.into_kept())));
        Ok(Self {
            config,
            policy,
            keys,
            tokens,
            sessions,
            shares,
            questions,
            verifier: verifier.into(),
            base,
            bundle: None,
            freshness: Arc::default(),
        })
    }

    /// Begins to load the same with the `configuration` of a bundle.
    ///
    /// # Errors
    /// As [`Engine::load`]; and if loading it would take longer than `most`.
    pub(crate) fn with_bundle(
        older: &Arc<Self>,
        revision: u64,
        configuration: Map<String, Value>,
        most: Duration,
    ) -> Result<Loading, Refused> {
        let base = older.base.as_ref();
        let base = base.ok_or_else(|| ConfigErrors::from(ConfigError::new("/bundle", "there are no bundles here")))?;
        let config = Config::parse(&base.with(configuration)?, base.secrets())?;
        let effort = policy::effort(&config.parts());
        if effort > most {
            return Err(Refused::TooLong(effort));
        }
        Ok(Loading { older: Arc::clone(older), config, revision, policy: Compiling::default() })
    }

    /// The engine with what a bundle changes. Keys, sessions and what is held go on; tokens are judged again.
    fn succeeded_by(&self, config: Config, policy: Judges, revision: u64) -> Self {
        Self {
            tokens: TokenCache::new(config.limits.cached_tokens),
            config,
            policy,
            keys: Arc::clone(&self.keys),
            sessions: Arc::clone(&self.sessions),
            shares: Arc::clone(&self.shares),
            questions: Arc::clone(&self.questions),
            verifier: Arc::clone(&self.verifier),
            base: self.base.clone(),
            bundle: Some(revision),
            freshness: Arc::clone(&self.freshness),
        }
    }

    /// The revision of the bundle in force, if there is one.
    pub fn bundle(&self) -> Option<u64> {
        self.bundle
    }

    /// Whether what is in force may be too old to decide by.
    pub(crate) fn is_stale(&self, now: UnixTime) -> bool {
        let max_stale = self.config.bundle.as_ref().and_then(|bundle| bundle.max_stale);
        max_stale.is_some_and(|MaxStale { after, then }| then == WhenStale::Refuse && self.freshness.age(now) > after)
    }

    /// With randomness, of which a key becomes that nobody else knows. Without it sessions need a configured secret.
    #[must_use]
    pub fn seeded(mut self, seed: [u8; 32]) -> Self {
        if let Some(sessions) = Arc::get_mut(&mut self.sessions) {
            sessions.seed(seed);
        }
        self
    }

    /// What was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// What its sessions hold at the moment.
    pub fn held(&self) -> Each<usize> {
        self.shares.taken()
    }

    /// Whether some resource is matched by the gateway's name for a route.
    pub(crate) fn reads_route(&self) -> bool {
        self.config.resources.iter().any(|resource| resource.matching.route.is_some())
    }

    /// Names the policy and catalogue in force; on every record.
    pub fn policy_revision(&self) -> &str {
        self.policy.revision()
    }

    pub(crate) fn resource(&self, index: ResourceIndex) -> Option<&Resource> {
        self.config.resources.get(index.0)
    }

    /// Whether what is decided about a request for `resource` is done; without one the filter's mode counts.
    pub(crate) fn mode(&self, resource: Option<&Resource>) -> Mode {
        resource.map_or(Mode::Enforce, |resource| resource.mode).within(self.config.mode)
    }

    /// What credentials are judged by.
    pub(crate) fn trust(&self) -> Trust<'_> {
        let Config { issuers, credential_headers, resources, workloads, hygiene, client_certificate, limits, .. } =
            &self.config;
        Trust {
            issuers,
            keys: &self.keys,
            tokens: &self.tokens,
            verifier: self.verifier.as_ref(),
            credential_headers,
            client_certificate: *client_certificate,
            token_bytes: limits.token_bytes,
            workloads,
            hygiene,
            resources,
        }
    }
}

impl fmt::Debug for Engine {
    /// Which one it is: what is in it is long, and partly secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policy, bundle) = (self.policy_revision(), self.bundle);
        formatter.debug_struct("Engine").field("policy", &policy).field("bundle", &bundle).finish_non_exhaustive()
    }
}

/// An engine with a bundle's configuration, on its way.
#[derive(Debug)]
pub(crate) struct Loading {
    older: Arc<Engine>,
    config: Config,
    revision: u64,
    policy: Compiling,
}

impl Loading {
    /// The next step.
    pub(crate) fn step(self) -> Result<Progress<Box<Engine>, Self>, ConfigErrors> {
        let Self { older, config, revision, policy } = self;
        Ok(match policy.step(&config.parts())? {
            Progress::Done(policy) => Progress::Done(Box::new(older.succeeded_by(config, policy, revision))),
            Progress::More(policy) => Progress::More(Self { older, config, revision, policy }),
        })
    }
}

/// Why a bundle's configuration is not loaded.
#[derive(Debug)]
pub(crate) enum Refused {
    Unusable(ConfigErrors),
    /// It would take about so long.
    TooLong(Duration),
}

impl From<ConfigErrors> for Refused {
    fn from(errors: ConfigErrors) -> Self {
        Self::Unusable(errors)
    }
}

/// A configuration and its compiled policy.
fn read(configuration: &[u8], secrets: &dyn Secrets) -> Result<(Config, Judges), ConfigErrors> {
    let config = Config::parse(configuration, secrets)?;
    let policy = Judges::new(&config.parts())?;
    Ok((config, policy))
}

/// Which configured resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceIndex(pub(crate) usize);
