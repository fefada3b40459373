//! An issuer with a key for every algorithm, which signs whatever text it is given.
//!
//! It signs with the primitives, not with jwt-simple's token builder: hostile headers and claims need no permission.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use countersign_tokens::{Algorithm, IssuerRules, KeyFormat, KeySet, Profile, UnixTime, VerifiedToken};
use jwt_simple::reexports::ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use p256::ecdsa::signature::Signer as _;
use p256::elliptic_curve::Generate as _;
use serde_json::{Value, json};
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Private};
use superboring::rsa::{Padding, Rsa};
use superboring::sign::Signer;

use crate::oracle::judged;

pub(crate) type Failure = Box<dyn Error>;

/// Every test's present, in seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) const ISSUER: &str = "https://sts.example.com";

pub(crate) const AUDIENCE: &str = "https://tools.example.com/mcp";

/// Longest token the tests read, in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

pub(crate) struct Issuer {
    rsa: Rsa<Private>,
    p256: p256::ecdsa::SigningKey,
    p384: p384::ecdsa::SigningKey,
    ed25519: ed25519_compact::KeyPair,
}

impl Issuer {
    /// One for all tests: RSA keys take seconds to make.
    pub(crate) fn shared() -> Result<&'static Self, Failure> {
        static SHARED: OnceLock<Result<Issuer, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::generate().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| error.as_str().into())
    }

    pub(crate) fn generate() -> Result<Self, Failure> {
        Ok(Self {
            rsa: Rsa::<Private>::generate(2048).map_err(|error| error.to_string())?,
            p256: p256::ecdsa::SigningKey::generate(),
            p384: p384::ecdsa::SigningKey::generate(),
            ed25519: ed25519_compact::KeyPair::generate(),
        })
    }

    /// The signature over `input`, in JWS form.
    pub(crate) fn sign(&self, algorithm: Algorithm, input: &str) -> Result<Vec<u8>, Failure> {
        let (sha256, sha384, sha512) = (MessageDigest::sha256(), MessageDigest::sha384(), MessageDigest::sha512());
        match algorithm {
            Algorithm::RS256 => self.sign_rsa(sha256, Padding::PKCS1, input),
            Algorithm::RS384 => self.sign_rsa(sha384, Padding::PKCS1, input),
            Algorithm::RS512 => self.sign_rsa(sha512, Padding::PKCS1, input),
            Algorithm::PS256 => self.sign_rsa(sha256, Padding::PKCS1_PSS, input),
            Algorithm::PS384 => self.sign_rsa(sha384, Padding::PKCS1_PSS, input),
            Algorithm::PS512 => self.sign_rsa(sha512, Padding::PKCS1_PSS, input),
            Algorithm::ES256 => {
                let signature: p256::ecdsa::Signature = self.p256.try_sign(input.as_bytes())?;
                Ok(signature.to_vec())
            }
            Algorithm::ES384 => {
                let signature: p384::ecdsa::Signature = self.p384.try_sign(input.as_bytes())?;
                Ok(signature.to_vec())
            }
            Algorithm::EdDSA => Ok(self.ed25519.sk.sign(input, None).to_vec()),
        }
    }

    /// A compact JWS of exactly these texts.
    pub(crate) fn token(&self, algorithm: Algorithm, header: &str, payload: &str) -> Result<String, Failure> {
        let input = format!("{}.{}", encode(header)?, encode(payload)?);
        let signature = self.sign(algorithm, &input)?;
        Ok(format!("{input}.{}", encode(signature)?))
    }

    /// A key of its own for every algorithm; the algorithm in lower case is its `kid`.
    pub(crate) fn jwks(&self) -> Result<Value, Failure> {
        let keys: Result<Vec<Value>, Failure> = Algorithm::ALL.iter().map(|algorithm| self.jwk(*algorithm)).collect();
        Ok(json!({ "keys": keys? }))
    }

    pub(crate) fn jwk(&self, algorithm: Algorithm) -> Result<Value, Failure> {
        let mut jwk = match algorithm {
            Algorithm::ES256 => ec_jwk("P-256", self.p256.verifying_key().to_sec1_point(false).as_bytes())?,
            Algorithm::ES384 => ec_jwk("P-384", self.p384.verifying_key().to_sec1_point(false).as_bytes())?,
            Algorithm::EdDSA => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(self.ed25519.pk.as_ref())?}),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => {
                json!({"kty": "RSA", "n": encode(self.rsa.n().to_vec())?, "e": encode(self.rsa.e().to_vec())?})
            }
        };
        jwk["kid"] = json!(algorithm.name().to_lowercase());
        jwk["alg"] = json!(algorithm.name());
        jwk["use"] = json!("sig");
        Ok(jwk)
    }

    pub(crate) fn keys(&self) -> Result<KeySet, Failure> {
        Ok(KeySet::from_value(&self.jwks()?, KeyFormat::Jwks)?)
    }

    fn sign_rsa(&self, digest: MessageDigest, padding: Padding, input: &str) -> Result<Vec<u8>, Failure> {
        let key = PKey::from_rsa(self.rsa.clone()).map_err(|error| error.to_string())?;
        let mut signer = Signer::new(digest, &key).map_err(|error| error.to_string())?;
        signer.set_rsa_padding(padding).map_err(|error| error.to_string())?;
        signer.update(input.as_bytes()).map_err(|error| error.to_string())?;
        Ok(signer.sign_to_vec().map_err(|error| error.to_string())?)
    }
}

fn ec_jwk(curve: &str, point: &[u8]) -> Result<Value, Failure> {
    let (x, y) = point.get(1..).ok_or("no point")?.split_at(point.len() / 2);
    Ok(json!({"kty": "EC", "crv": curve, "x": encode(x)?, "y": encode(y)?}))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> Result<String, Failure> {
    Ok(Base64UrlSafeNoPadding::encode_to_string(bytes)?)
}

/// The header of an RFC 9068 token for [`Issuer::keys`].
pub(crate) fn header(algorithm: Algorithm) -> String {
    json!({"alg": algorithm.name(), "kid": algorithm.name().to_lowercase(), "typ": "at+jwt"}).to_string()
}

/// The claims of an acceptable RFC 9068 token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "agent-7", "aud": AUDIENCE, "client_id": "planner", "jti": "f3a1",
        "iat": NOW - 60, "exp": NOW + 300,
    })
}

/// The claims of an acceptable JWT-SVID.
pub(crate) fn svid_claims() -> Value {
    json!({ "sub": "spiffe://example.org/agents/seven", "aud": AUDIENCE, "exp": NOW + 300 })
}

/// The claims of an acceptable transaction token.
pub(crate) fn transaction_claims() -> Value {
    json!({
        "sub": "ada", "aud": AUDIENCE, "exp": NOW + 120, "iat": NOW - 5, "txn": "97053963-771d", "scope": "trade.stocks",
        "req_wl": "apigateway.trust-domain.example", "tctx": { "action": "BUY" },
    })
}

/// The profile of [`svid_claims`].
pub(crate) fn svid() -> Result<Profile, Failure> {
    Ok(Profile::JwtSvid { trust_domain: "example.org".parse()? })
}

/// Every algorithm of the profile, at most 15 minutes, 30 seconds of leeway.
pub(crate) fn rules(profile: Profile) -> Result<IssuerRules, Failure> {
    let audiences = vec!["https://other.example.com".to_owned(), AUDIENCE.to_owned()];
    let lifetime = Some(Duration::from_mins(15));
    let mut algorithms = Algorithm::ALL.to_vec();
    if matches!(profile, Profile::JwtSvid { .. }) {
        algorithms.retain(|algorithm| *algorithm != Algorithm::EdDSA);
    }
    Ok(IssuerRules::new(ISSUER.to_owned(), profile, audiences, algorithms, lifetime, Duration::from_secs(30))?)
}

/// What becomes of `token`, by the whole text of the error.
pub(crate) fn verify(token: &str, rules: &IssuerRules, keys: &KeySet, now: UnixTime) -> Result<VerifiedToken, String> {
    judged(token, rules, keys, now).map_err(|error| error.to_string())
}
