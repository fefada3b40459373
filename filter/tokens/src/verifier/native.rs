//! Signatures checked by the gateway's own cryptography, which is many times faster than any inside the module
//! (ARCHITECTURE H10), for the algorithms it gets right; everything else stays with [`JwtSimple`].
//!
//! What the gateway answers is believed only after it has told good signatures from spoilt ones
//! ([`NativeFirst::probe`]), and an answer that is none falls back: it never accepts by being silent.

use super::{JwtSimple, Verifier, known_answers};
use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::jws::CompactJws;
use crate::key::Key;
use crate::key_set::KeySet;

/// Longest known answer, in bytes.
const MAX_KNOWN: usize = 4096;

/// What a gateway can do: check a signature, or not say.
pub trait SignatureOracle {
    /// Whether `signature` is that of `text`, hashed with `hash` (`sha256`, `sha384`, `sha512`), by `public_key` in DER
    /// (RFC 5280 `SubjectPublicKeyInfo`): RSASSA-PKCS1-v1_5 as it is, ECDSA in DER (RFC 3279 §2.2.3). `None` when it
    /// cannot be asked.
    fn verify(&self, hash: &'static str, public_key: &[u8], signature: &[u8], text: &[u8]) -> Option<bool>;
}

/// The gateway where it is right, jwt-simple elsewhere. Both give the same answer to every token.
#[derive(Clone, Debug)]
pub struct NativeFirst<O> {
    oracle: O,
    algorithms: Vec<Algorithm>,
}

impl<O: SignatureOracle> NativeFirst<O> {
    /// Finds out what `oracle` gets right: it must accept a good signature and refuse a spoilt one.
    pub fn probe(oracle: O) -> Self {
        let algorithms = known_answers::all().filter(|known| is_right(&oracle, known)).map(|(algorithm, ..)| algorithm);
        let algorithms = algorithms.collect();
        Self { oracle, algorithms }
    }

    /// What the gateway checks.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }
}

impl<O: SignatureOracle> Verifier for NativeFirst<O> {
    fn verify(&self, jws: &CompactJws<'_>, key: &Key) -> Result<(), TokenError> {
        if !self.algorithms.contains(&key.algorithm()) {
            return JwtSimple.verify(jws, key);
        }
        if jws.header().algorithm() != key.algorithm() {
            return Err(TokenError::KeyAlgorithm);
        }
        let Some(signature) = in_der(key.algorithm(), jws.signature()) else { return Err(TokenError::BadSignature) };
        match ask(&self.oracle, key, &signature, jws.signing_input()) {
            Some(true) => Ok(()),
            Some(false) => Err(TokenError::BadSignature),
            None => JwtSimple.verify(jws, key),
        }
    }
}

fn is_right(oracle: &impl SignatureOracle, (algorithm, keys, token): &(Algorithm, String, String)) -> bool {
    let known = || {
        let jws = CompactJws::parse(token, MAX_KNOWN).ok()?;
        let set = KeySet::from_jwks(keys.as_bytes()).ok()?;
        let key = set.find(jws.header()).ok()?;
        let signature = in_der(*algorithm, jws.signature())?;
        let good = ask(oracle, key, &signature, jws.signing_input())?;
        let spoilt = ask(oracle, key, &signature, &format!("{} ", jws.signing_input()))?;
        Some(good && !spoilt)
    };
    known() == Some(true)
}

fn ask(oracle: &impl SignatureOracle, key: &Key, signature: &[u8], text: &str) -> Option<bool> {
    let hash = match key.algorithm() {
        Algorithm::RS256 | Algorithm::ES256 => "sha256",
        Algorithm::RS384 | Algorithm::ES384 => "sha384",
        Algorithm::RS512 => "sha512",
        Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 | Algorithm::EdDSA => return None,
    };
    oracle.verify(hash, key.der()?, signature, text.as_bytes())
}

/// As the oracle wants it: of ECDSA, R and S in DER instead of side by side; none where they are no signature at all.
fn in_der(algorithm: Algorithm, signature: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        Algorithm::ES256 => Some(p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec()),
        Algorithm::ES384 => Some(p384::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec()),
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512
        | Algorithm::EdDSA => Some(signature.to_vec()),
    }
}
