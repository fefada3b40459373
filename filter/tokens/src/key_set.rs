//! An issuer's public keys, from its JWK Set (RFC 7517 §5) or its trust domain's bundle.
//!
//! It decides which key a token may be verified with: the one its `kid` names, or the only one of its algorithm. A set
//! that publishes private or symmetric material, or names two keys alike, is refused as a whole: nobody can say who
//! signs with it. Keys for other purposes and keys outside what is supported are left out ([`KeySet::skipped`]).
//!
//! It never fetches, and never tries one key after the other.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::json::{self, JsonError, Limits, MAX_DEPTH};
use crate::jws::Header;
use crate::key::{Key, KeyFormat, PRIVATE, PRIVATE_RSA, Unusable};

/// Longest JWK Set, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 128 * 1024;

/// Most keys in a set, those left out included.
pub const MAX_KEYS: usize = 64;

/// `use` of a key that signs JWT-SVIDs (SPIFFE Trust Domain and Bundle §4.2.2).
const SVID_USE: &str = "jwt-svid";

/// Why a JWK Set is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Longer than [`MAX_KEY_SET_BYTES`], not strict JSON, or a member comes twice (RFC 7517 §4).
    #[error("key set: {0}")]
    Json(JsonError),
    /// Not an object (RFC 7517 §5).
    #[error("key set is not a JSON object")]
    NotObject,
    /// No array `keys` (RFC 7517 §5.1).
    #[error("key set has no array `keys`")]
    NoKeys,
    /// More than [`MAX_KEYS`].
    #[error("key set has more than {limit} keys")]
    TooManyKeys {
        /// The limit that was exceeded.
        limit: usize,
    },
    /// A key is not an object (RFC 7517 §4).
    #[error("key {index} is not a JSON object")]
    KeyNotObject {
        /// Place in `keys`, from 0.
        index: usize,
    },
    /// A private key: published, so anybody may sign with it (RFC 7517 §9.2).
    #[error("key {index} has private material; publish public keys only")]
    PrivateKey {
        /// Place in `keys`, from 0.
        index: usize,
    },
    /// `kty` is `oct`: whoever can verify with it can sign (RFC 7518 §6.4).
    #[error("key {index} is symmetric; only public keys are accepted")]
    SymmetricKey {
        /// Place in `keys`, from 0.
        index: usize,
    },
    /// Two usable keys for one algorithm have the same `kid`: a token cannot say which signed it (RFC 7517 §4.5).
    #[error("key {index} has the `kid` of an earlier key for the same algorithm")]
    DuplicateKeyId {
        /// Place in `keys` of the second one, from 0.
        index: usize,
    },
}

/// A key of the set that is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Place in `keys`, from 0.
    pub index: usize,
    /// Why.
    pub reason: Unusable,
}

/// The keys of one issuer; possibly none.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<Skipped>,
    format: KeyFormat,
    unmarked: usize,
    sequence: Option<u64>,
    refresh_hint: Option<Duration>,
}

impl KeySet {
    /// Reads a JWK Set as an issuer publishes it.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeySetError> {
        Self::read(json, KeyFormat::Jwks)
    }

    /// Reads keys as they are published.
    pub fn read(json: &[u8], format: KeyFormat) -> Result<Self, KeySetError> {
        let limits = Limits { depth: MAX_DEPTH, bytes: MAX_KEY_SET_BYTES, nodes: 8_192 };
        Self::from_value(&json::parse(json, &limits).map_err(KeySetError::Json)?, format)
    }

    /// Reads keys that [`json::parse`] has read.
    pub fn from_value(value: &Value, format: KeyFormat) -> Result<Self, KeySetError> {
        let document = value.as_object().ok_or(KeySetError::NotObject)?;
        let jwks = document.get("keys").and_then(Value::as_array).ok_or(KeySetError::NoKeys)?;
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys { limit: MAX_KEYS });
        }
        let number = |name| match format {
            KeyFormat::Jwks => None,
            KeyFormat::SpiffeBundle => document.get(name).and_then(Value::as_u64),
        };
        let (sequence, refresh_hint) = (number("spiffe_sequence"), number("spiffe_refresh_hint"));
        let refresh_hint = refresh_hint.map(Duration::from_secs);
        let mut set = Self { keys: Vec::new(), skipped: Vec::new(), format, unmarked: 0, sequence, refresh_hint };
        for (index, jwk) in jwks.iter().enumerate() {
            set.add(index, jwk.as_object().ok_or(KeySetError::KeyNotObject { index })?, format)?;
        }
        Ok(set)
    }

    /// It for an issuer that signs with `algorithms`: a key that does not say for which it is is for the first of them that it
    /// fits (RFC 8725 §3.1: one key, one algorithm).
    #[must_use]
    pub fn for_algorithms(self, algorithms: &[Algorithm]) -> Self {
        let keys = self.keys.into_iter().map(|key| key.for_first_of(algorithms)).collect();
        Self { keys, ..self }
    }

    /// Whether a token that is signed with one of `algorithms` can be verified with one of its keys: the key is for it, and a
    /// token can say which key it is, or need not.
    pub fn can_verify(&self, algorithms: &[Algorithm]) -> bool {
        let is_only = |key: &Key| self.keys.iter().filter(|other| other.algorithm() == key.algorithm()).count() == 1;
        let can = |key: &&Key| algorithms.contains(&key.algorithm()) && (key.id().is_some() || is_only(key));
        self.keys.iter().any(|key| can(&key))
    }

    /// The form that it was read in.
    pub fn format(&self) -> KeyFormat {
        self.format
    }

    /// How many keys of a SPIFFE bundle do not say what they are for, or that they sign what is no SVID: what JWK Sets have,
    /// so this may be one.
    pub fn unmarked(&self) -> usize {
        self.unmarked
    }

    /// How often to ask for them again, if the publisher says (`spiffe_refresh_hint`).
    pub fn refresh_hint(&self) -> Option<Duration> {
        self.refresh_hint
    }

    /// Which one in the publisher's order it is, if the publisher says (`spiffe_sequence`).
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Whether no token can be verified with it, and it was not meant so: there are keys for tokens in it, and none is usable;
    /// or it is a JWK Set, which says nothing by having no key. A SPIFFE bundle without keys for SVIDs says that nobody in its
    /// trust domain is trusted (SPIFFE Trust Domain and Bundle §4.1).
    pub fn is_unusable(&self, format: KeyFormat) -> bool {
        self.keys.is_empty() && (format == KeyFormat::Jwks || !self.skipped.is_empty())
    }

    /// Whether one of the keys is called `id`.
    pub fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
    }

    /// The key to verify a token with.
    ///
    /// With `kid`, the key of that name for the header's `alg`; without, the only key for it. Several are never tried in turn: a
    /// token could then pick the weakest. One name may be that of a key for each algorithm (RFC 7517 §4.5).
    pub fn find(&self, header: &Header) -> Result<&Key, TokenError> {
        if self.keys.is_empty() {
            return Err(TokenError::UnknownKey);
        }
        let fits = |key: &&Key| key.algorithm() == header.algorithm();
        if let Some(id) = header.key_id() {
            let unfit = if self.has(id) { TokenError::KeyAlgorithm } else { TokenError::UnknownKey };
            return self.keys.iter().filter(fits).find(|key| key.id() == Some(id)).ok_or(unfit);
        }
        let mut fitting = self.keys.iter().filter(fits);
        let key = fitting.next().ok_or(TokenError::KeyAlgorithm)?;
        if fitting.next().is_some() { Err(TokenError::KeyIdRequired) } else { Ok(key) }
    }

    /// Whether no token can be verified with it.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The usable keys, in the set's order.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys that were left out, in the set's order: worth a line in the log.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn add(&mut self, index: usize, jwk: &Map<String, Value>, format: KeyFormat) -> Result<(), KeySetError> {
        if jwk.get("kty").is_some_and(|kty| kty == "oct") {
            return Err(KeySetError::SymmetricKey { index });
        }
        let rsa = jwk.get("kty").is_some_and(|kty| kty == "RSA");
        let has = |name: &&str| jwk.contains_key(*name);
        if PRIVATE.iter().any(has) || rsa && PRIVATE_RSA.iter().any(has) {
            return Err(KeySetError::PrivateKey { index });
        }
        if format == KeyFormat::SpiffeBundle && jwk.get("use").is_none_or(|value| value != SVID_USE) {
            if jwk.get("use").is_none_or(|value| value == "sig") {
                self.unmarked += 1;
            }
            return Ok(());
        }
        match Key::from_jwk(jwk, format) {
            Err(reason) => self.skipped.push(Skipped { index, reason }),
            Ok(key) if key.id().is_some() && self.keys.iter().any(|other| other.is_named_like(&key)) => {
                // The same once more is the same.
                if !self.keys.iter().any(|other| *other == key && other.is_open() == key.is_open()) {
                    return Err(KeySetError::DuplicateKeyId { index });
                }
            }
            Ok(key) => self.keys.push(key),
        }
        Ok(())
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.keys).finish()
    }
}
