//! One public key of an issuer: which JWK is usable, and for which one algorithm.
//!
//! Each key verifies exactly one algorithm, chosen when it is loaded and never by a token (RFC 8725 §3.1): the JWK's
//! `alg`, or what its curve implies; an RSA key without `alg` the first of its issuer's algorithms that it fits, RS256 where
//! nobody says ([`crate::KeySet::for_algorithms`]). A JWK that is for something else or
//! is outside what is supported is left out with a reason (RFC 7517 §5).
//!
//! It never holds private material; [`crate::KeySet`] refuses sets that publish it.

use std::fmt;

use jwt_simple::algorithms::{
    ES256PublicKey, ES384PublicKey, Ed25519PublicKey, PS256PublicKey, PS384PublicKey, PS512PublicKey, RS256PublicKey,
    RS384PublicKey, RS512PublicKey,
};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::roca;

/// Longest `kid` and `typ`, in bytes.
const MAX_PARAMETER: usize = 256;

/// In which form keys are published, and so which of them are for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// A JWK Set (RFC 7517 §5): keys whose `use` is `sig` or absent.
    Jwks,
    /// A SPIFFE bundle (SPIFFE Trust Domain and Bundle §4): keys whose `use` is `jwt-svid`, which must have a `kid`. Keys of
    /// any other `use` are not ours and are passed over without a word.
    SpiffeBundle,
}

/// RSA moduli that are verified with, in bits (RFC 7518 §3.3 sets the lower bound, jwt-simple the upper).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// The one RSA exponent that is verified with, 65537.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// Private members of any key type; `k` is a symmetric key (RFC 7518 §6.4), `priv` an ML-DSA one.
pub(crate) const PRIVATE: [&str; 3] = ["d", "k", "priv"];

/// Further private members of an RSA key (RFC 7518 §6.3.2).
pub(crate) const PRIVATE_RSA: [&str; 6] = ["p", "q", "dp", "dq", "qi", "oth"];

/// Why a JWK of a set is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// `kty` is missing or not RSA, EC or OKP (RFC 7517 §4.1).
    #[error("`kty` is not RSA, EC or OKP")]
    KeyType,
    /// `crv` is missing or not supported (RFC 7518 §6.2.1.1, RFC 8037 §2).
    #[error("`crv` is not P-256, P-384 or Ed25519")]
    Curve,
    /// `use` is not `sig` (RFC 7517 §4.2).
    #[error("`use` is not `sig`")]
    Use,
    /// `key_ops` does not have `verify` (RFC 7517 §4.3).
    #[error("`key_ops` does not have `verify`")]
    Operations,
    /// `kid` is not 1 to 256 printable ASCII characters (RFC 7517 §4.5).
    #[error("`kid` is not a string of 1 to 256 printable ASCII characters")]
    KeyId,
    /// A key of a SPIFFE bundle without `kid` (SPIFFE Trust Domain and Bundle §4.2.3).
    #[error("`kid` is missing")]
    NoKeyId,
    /// `alg` is not supported, or not an algorithm of this type of key (RFC 7517 §4.4).
    #[error("`alg` is not a supported algorithm of this type of key")]
    Algorithm,
    /// A parameter is missing or not its canonical base64url (RFC 7518 §6.2, §6.3, RFC 8037 §2).
    #[error("`{name}` is missing or not canonical base64url")]
    Parameter {
        /// The parameter.
        name: &'static str,
    },
    /// The modulus is even, shorter than 2,048 bits (RFC 7518 §3.3) or longer than 4,096.
    #[error("`n` is not an RSA modulus of 2048 to 4096 bits")]
    Modulus,
    /// The modulus is of a generator whose keys can be factored (CVE-2017-15361).
    #[error("`n` is of a generator whose keys can be factored (ROCA, CVE-2017-15361); the issuer needs another key")]
    Factorable,
    /// The exponent is not 65537.
    #[error("`e` is not 65537")]
    Exponent,
    /// The coordinates have the wrong length or are not a point of the curve, or a weak one (RFC 8725 §3.4).
    #[error("the coordinates are not a point of the curve")]
    Point,
}

/// A public key's numbers, for verifiers that do not use jwt-simple.
#[derive(Clone, PartialEq, Eq)]
pub enum Parameters {
    /// Big-endian, without leading zeros.
    Rsa {
        /// The modulus, 2,048 to 4,096 bits.
        modulus: Vec<u8>,
        /// The exponent, 65537.
        exponent: Vec<u8>,
    },
    /// On P-256 or P-384, as [`Key::algorithm`] says.
    Ec {
        /// Uncompressed SEC1: 0x04, X, Y; 65 or 97 bytes.
        point: Vec<u8>,
    },
    /// On Ed25519.
    Ed25519 {
        /// RFC 8032 §5.1.2: 32 bytes.
        point: Vec<u8>,
    },
}

/// A public key, checked and ready to verify with.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    /// Whether its publisher says so.
    says_algorithm: bool,
    /// Whose it is, where that is stated; one of many tenants, or their template. What is no text is nobody's.
    issuer: Option<String>,
    parameters: Parameters,
    public: PublicKey,
    /// For gateways that verify; made once.
    der: Option<Vec<u8>>,
}

impl Key {
    /// Its `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The only algorithm it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Which issuer its publisher says it is for (`issuer`, which Microsoft Entra ID adds to RFC 7517), if it says.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Its numbers.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// RFC 5280 `SubjectPublicKeyInfo`, for algorithms that gateways verify.
    pub(crate) fn der(&self) -> Option<&[u8]> {
        self.der.as_deref()
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The set has looked at `use` already where the format has one of its own.
    pub(crate) fn from_jwk(jwk: &Map<String, Value>, format: KeyFormat) -> Result<Self, Unusable> {
        let id = match jwk.get("kid") {
            None => None,
            Some(value) => Some(value.as_str().filter(|id| is_printable(id)).ok_or(Unusable::KeyId)?.to_owned()),
        };
        match format {
            KeyFormat::Jwks if jwk.get("use").is_some_and(|value| value != "sig") => return Err(Unusable::Use),
            KeyFormat::SpiffeBundle if id.is_none() => return Err(Unusable::NoKeyId),
            KeyFormat::Jwks | KeyFormat::SpiffeBundle => {}
        }
        let verifies = |value: &Value| value.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"));
        if jwk.get("key_ops").is_some_and(|value| !verifies(value)) {
            return Err(Unusable::Operations);
        }
        let algorithm = algorithm(jwk)?;
        let parameters = Parameters::from_jwk(jwk, algorithm)?;
        let public = PublicKey::new(algorithm, &parameters)?;
        let der = public.der();
        let issuer = jwk.get("issuer").map(|issuer| issuer.as_str().unwrap_or_default().to_owned());
        Ok(Self { id, algorithm, says_algorithm: jwk.contains_key("alg"), issuer, parameters, public, der })
    }

    /// Whether it fits several algorithms, and its publisher does not say for which it is.
    pub(crate) const fn is_open(&self) -> bool {
        self.algorithm.is_rsa() && !self.says_algorithm
    }

    /// Whether a token that names one of the two by `kid` and `alg` may name the other.
    pub(crate) fn is_named_like(&self, other: &Self) -> bool {
        let any = |one: &Self, other: &Self| one.is_open() && other.algorithm.is_rsa();
        self.id == other.id && (self.algorithm == other.algorithm || any(self, other) || any(other, self))
    }

    /// It for the first of `algorithms` that it fits, if its publisher does not say for which it is.
    pub(crate) fn for_first_of(self, algorithms: &[Algorithm]) -> Self {
        let is_open = self.is_open();
        let Some(algorithm) = algorithms.iter().copied().find(|algorithm| is_open && algorithm.is_rsa()) else {
            return self;
        };
        match PublicKey::new(algorithm, &self.parameters) {
            Ok(public) => Self { algorithm, der: public.der(), public, ..self },
            Err(_) => self,
        }
    }

    /// The key somebody presents to prove possession of its private half, for `algorithm`; none for anything else, and
    /// for a key that gives its private half away (RFC 9449 §4.3 check 7).
    pub(crate) fn presented(jwk: &Map<String, Value>, algorithm: Algorithm) -> Option<Self> {
        let own = |name: &&str| jwk.contains_key(*name);
        if PRIVATE.iter().any(own) || PRIVATE_RSA.iter().any(own) {
            return None;
        }
        let key = Self::from_jwk(jwk, KeyFormat::Jwks).ok()?.for_first_of(&[algorithm]);
        Some(key).filter(|key| key.algorithm == algorithm)
    }

    /// The required members in lexicographic order, without blanks (RFC 7638 §3.2, RFC 8037 §2).
    pub(crate) fn canonical_jwk(&self) -> String {
        let text = |bytes: &[u8]| base64url::encode(bytes);
        match &self.parameters {
            Parameters::Rsa { modulus, exponent } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(exponent), text(modulus))
            }
            Parameters::Ec { point } => {
                let (x, y) = point.get(1..).and_then(|xy| xy.split_at_checked(xy.len() / 2)).unwrap_or_default();
                let curve = if self.algorithm == Algorithm::ES256 { "P-256" } else { "P-384" };
                format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
            }
            Parameters::Ed25519 { point } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(point)),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        // `public` follows from the rest.
        (&self.id, self.algorithm, &self.issuer, &self.parameters)
            == (&other.id, other.algorithm, &other.issuer, &other.parameters)
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Key").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What type and curve a JWK has, and so which algorithms it may be for.
fn algorithm(jwk: &Map<String, Value>) -> Result<Algorithm, Unusable> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let curve = jwk.get("crv").and_then(Value::as_str);
    let fitting: &[Algorithm] = match (jwk.get("kty").and_then(Value::as_str), curve) {
        (Some("RSA"), _) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        (Some("EC"), Some("P-256")) => &[ES256],
        (Some("EC"), Some("P-384")) => &[ES384],
        (Some("OKP"), Some("Ed25519")) => &[EdDSA],
        (Some("EC" | "OKP"), _) => return Err(Unusable::Curve),
        _ => return Err(Unusable::KeyType),
    };
    match jwk.get("alg") {
        None => fitting.first().copied(),
        Some(name) => {
            let name = name.as_str().unwrap_or_default();
            fitting.iter().copied().find(|algorithm| algorithm.is_called(name))
        }
    }
    .ok_or(Unusable::Algorithm)
}

impl Parameters {
    fn from_jwk(jwk: &Map<String, Value>, algorithm: Algorithm) -> Result<Self, Unusable> {
        match algorithm {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => Self::rsa(unsigned(jwk, "n")?, unsigned(jwk, "e")?),
            Algorithm::ES256 => Self::ec(&bytes(jwk, "x")?, &bytes(jwk, "y")?, 32),
            Algorithm::ES384 => Self::ec(&bytes(jwk, "x")?, &bytes(jwk, "y")?, 48),
            Algorithm::EdDSA => Ok(Self::Ed25519 { point: bytes(jwk, "x")? }),
        }
    }

    fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, Unusable> {
        let leading = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let odd = modulus.last().is_some_and(|byte| byte & 1 == 1);
        if !odd || !RSA_BITS.contains(&(modulus.len() * 8).saturating_sub(leading)) {
            return Err(Unusable::Modulus);
        }
        if exponent != RSA_EXPONENT {
            return Err(Unusable::Exponent);
        }
        if roca::is_weak(&modulus) {
            return Err(Unusable::Factorable);
        }
        Ok(Self::Rsa { modulus, exponent })
    }

    /// RFC 7518 §6.2.1.2: a coordinate has its full length, leading zeros included.
    fn ec(x: &[u8], y: &[u8], length: usize) -> Result<Self, Unusable> {
        if x.len() != length || y.len() != length {
            return Err(Unusable::Point);
        }
        Ok(Self::Ec { point: [&[0x04], x, y].concat() })
    }
}

fn bytes(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, Unusable> {
    jwk.get(name).and_then(Value::as_str).and_then(base64url::decode).ok_or(Unusable::Parameter { name })
}

/// RFC 7518 §2, `Base64urlUInt`: no leading zero octet.
fn unsigned(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, Unusable> {
    let bytes = bytes(jwk, name)?;
    if bytes.first().is_none_or(|first| *first == 0) { Err(Unusable::Parameter { name }) } else { Ok(bytes) }
}

/// The key in the form that jwt-simple verifies with, made once.
#[derive(Clone)]
pub(crate) enum PublicKey {
    Rs256(RS256PublicKey),
    Rs384(RS384PublicKey),
    Rs512(RS512PublicKey),
    Ps256(PS256PublicKey),
    Ps384(PS384PublicKey),
    Ps512(PS512PublicKey),
    Es256(ES256PublicKey),
    Es384(ES384PublicKey),
    Ed25519(Ed25519PublicKey),
}

impl PublicKey {
    /// RFC 5280 `SubjectPublicKeyInfo`.
    fn der(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rs256(key) => key.to_der(),
            Self::Rs384(key) => key.to_der(),
            Self::Rs512(key) => key.to_der(),
            Self::Es256(key) => key.to_der(),
            Self::Es384(key) => key.to_der(),
            Self::Ps256(_) | Self::Ps384(_) | Self::Ps512(_) | Self::Ed25519(_) => return None,
        }
        .ok()
    }

    fn new(algorithm: Algorithm, parameters: &Parameters) -> Result<Self, Unusable> {
        match parameters {
            Parameters::Rsa { modulus, exponent } => Self::rsa(algorithm, modulus, exponent),
            Parameters::Ec { point } if algorithm == Algorithm::ES256 => {
                ES256PublicKey::from_bytes(point).map(Self::Es256).map_err(|_| Unusable::Point)
            }
            Parameters::Ec { point } => ES384PublicKey::from_bytes(point).map(Self::Es384).map_err(|_| Unusable::Point),
            Parameters::Ed25519 { point } => {
                Ed25519PublicKey::from_bytes(point).map(Self::Ed25519).map_err(|_| Unusable::Point)
            }
        }
    }

    fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, Unusable> {
        match algorithm {
            Algorithm::RS256 => RS256PublicKey::from_components(n, e).map(Self::Rs256),
            Algorithm::RS384 => RS384PublicKey::from_components(n, e).map(Self::Rs384),
            Algorithm::RS512 => RS512PublicKey::from_components(n, e).map(Self::Rs512),
            Algorithm::PS256 => PS256PublicKey::from_components(n, e).map(Self::Ps256),
            Algorithm::PS384 => PS384PublicKey::from_components(n, e).map(Self::Ps384),
            Algorithm::PS512 => PS512PublicKey::from_components(n, e).map(Self::Ps512),
            Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA => return Err(Unusable::Algorithm),
        }
        .map_err(|_| Unusable::Modulus)
    }
}
/// Whether `text` may be a `kid` or a `typ`: it ends up in look-ups and records (RFC 8725 §3.10).
pub(crate) fn is_printable(text: &str) -> bool {
    (1..=MAX_PARAMETER).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
