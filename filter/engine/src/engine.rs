//! One loaded configuration: what every session and the background share.

use countersign_tokens::{CompactJws, JwtSimple, Profile, SpiffeId, Verifier};

use crate::catalogue::Resource;
use crate::config::{Config, ConfigError, ConfigErrors, Issuer, Limits, Secrets};
use crate::credential::{Carrier, TokenCache};
use crate::keys::KeyStore;
use crate::policy::Judges;
use crate::rollout::Mode;
use crate::sessions::SessionKeys;

/// A configuration with its compiled policy, the issuers' current keys and the tokens verified with them.
///
/// Shared per worker. Keys and cached tokens are the only things in it that change.
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) policy: Judges,
    pub(crate) keys: Vec<KeyStore>,
    pub(crate) tokens: TokenCache,
    pub(crate) sessions: SessionKeys,
    pub(crate) verifier: Box<dyn Verifier + Send + Sync>,
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
        let config = Config::parse(configuration, secrets)?;
        let policy = Judges::new(&config).map_err(|errors| {
            let errors = errors.iter().map(|(pointer, error)| ConfigError::new(*pointer, error.to_string()));
            ConfigErrors::from(errors.collect::<Vec<_>>())
        })?;
        let keys = config.issuers.iter().map(|issuer| KeyStore::new(issuer.rules.issuer(), &issuer.keys)).collect();
        let tokens = TokenCache::new(config.limits.cached_tokens);
        let sessions = SessionKeys::new(config.sessions.secret.as_deref());
        Ok(Self { config, policy, keys, tokens, sessions, verifier })
    }

    /// With randomness, of which a key becomes that nobody else knows. Without it sessions need a configured secret.
    #[must_use]
    pub fn seeded(mut self, seed: [u8; 32]) -> Self {
        self.sessions.seed(seed);
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

    /// Whose rules and keys `jws` must pass. Nothing is believed yet: it says which issuer to try, and no other is.
    pub(crate) fn issuer_of(
        &self,
        jws: &CompactJws<'_>,
        carrier: Carrier,
    ) -> Option<(IssuerIndex, &Issuer, &KeyStore)> {
        let named = |issuer: &Issuer| jws.unverified_issuer() == Some(issuer.rules.issuer());
        let found = match carrier {
            Carrier::Authorization => self
                .find_issuer(|issuer| is_named_by_token(issuer) && named(issuer))
                // A JWT-SVID may have any `iss` or none: its trust domain is in `sub` (JWT-SVID §3).
                .or_else(|| {
                    let id: SpiffeId = jws.unverified_subject()?.parse().ok()?;
                    let domain = id.trust_domain().id();
                    self.find_issuer(|issuer| is_svid(issuer) && issuer.rules.issuer() == domain)
                }),
            // Whoever issues transaction tokens need not say so; configuration lets only one be silent.
            Carrier::TxnToken => match jws.unverified_issuer() {
                Some(_) => self.find_issuer(|issuer| is_transaction(issuer) && named(issuer)),
                None => self.find_issuer(is_transaction),
            },
        };
        found.and_then(|index| {
            let (issuer, keys) = self.config.issuers.get(index).zip(self.keys.get(index))?;
            Some((IssuerIndex(index), issuer, keys))
        })
    }

    /// Who is to be asked about a token that only its issuer can read; it is no JWT, which says whose it is.
    pub(crate) fn introspector_of(&self, token: &str, carrier: Carrier) -> Option<IssuerIndex> {
        let opaque = carrier == Carrier::Authorization && token.split('.').count() != 3;
        let readable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !opaque || !token.bytes().all(readable) {
            return None;
        }
        self.find_issuer(|issuer| *issuer.rules.profile() == Profile::Opaque).map(IssuerIndex)
    }

    fn find_issuer(&self, is_it: impl Fn(&Issuer) -> bool) -> Option<usize> {
        self.config.issuers.iter().position(is_it)
    }
}

/// Whether a token says in `iss` that it is of this issuer.
fn is_named_by_token(issuer: &Issuer) -> bool {
    match issuer.rules.profile() {
        Profile::AccessToken | Profile::Generic { .. } => true,
        Profile::JwtSvid { .. } | Profile::TxnToken | Profile::Opaque | Profile::X509Svid { .. } => false,
    }
}

fn is_svid(issuer: &Issuer) -> bool {
    matches!(issuer.rules.profile(), Profile::JwtSvid { .. })
}

fn is_transaction(issuer: &Issuer) -> bool {
    *issuer.rules.profile() == Profile::TxnToken
}

/// Which configured resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceIndex(pub(crate) usize);

/// Which configured issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IssuerIndex(pub(crate) usize);
