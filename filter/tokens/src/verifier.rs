//! Whether a signature is a key's: nothing about claims, time or issuers.
//!
//! A gateway may bring its own cryptography ([`NativeFirst`]); [`JwtSimple`] works everywhere.

mod known_answers;
mod native;

use jwt_simple::algorithms::{ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, EdDSAPublicKeyLike, RSAPublicKeyLike};
use jwt_simple::claims::NoCustomClaims;
use jwt_simple::common::VerificationOptions;
use jwt_simple::reexports::{coarsetime, serde_json};

use p256::ecdsa::signature::Verifier as _;
use superboring::pkey::PKey;

use crate::claims::Registered;
use crate::error::TokenError;
use crate::jws::CompactJws;
use crate::key::{Key, Parameters, PublicKey};

pub use native::{NativeFirst, SignatureOracle};

/// Verifies a JWS with one key (RFC 7515 §5.2).
pub trait Verifier {
    /// `Ok` only if `key` made the signature with its one algorithm, which must be the header's.
    ///
    /// `key` comes from [`crate::KeySet::find`].
    fn verify(&self, jws: &CompactJws<'_>, key: &Key) -> Result<(), TokenError>;
}

/// Verification inside the module, by the crate `jwt-simple`.
///
/// Its own claim checks are switched off: it looks at no clock, issuer or audience. It still reads the claims after the
/// signature and insists on their JSON types; [`crate::IssuerRules`] insists on the same ones, so no token is accepted
/// or refused differently because of it.
#[derive(Clone, Copy, Debug)]
pub struct JwtSimple;

impl Verifier for JwtSimple {
    fn verify(&self, jws: &CompactJws<'_>, key: &Key) -> Result<(), TokenError> {
        if jws.header().algorithm() != key.algorithm() {
            return Err(TokenError::KeyAlgorithm);
        }
        // jwt-simple reads no header that brings a key, no number where it knows a text, and none that no double holds.
        if jws.brings_key() || jws.has_numbers(&["jti", "nonce"]) || !jws.is_interoperable() {
            return signed_by(jws, key);
        }
        let (token, options) = (jws.token(), Some(signature_only(jws)));
        match key.public() {
            PublicKey::Rs256(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Rs384(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Rs512(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Ps256(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Ps384(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Ps512(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Es256(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Es384(key) => key.verify_token::<NoCustomClaims>(token, options),
            PublicKey::Ed25519(key) => key.verify_token::<NoCustomClaims>(token, options),
        }
        .map(drop)
        .map_err(|error| reason(&error, jws))
    }
}

/// The signature alone, by the primitives that jwt-simple is made of.
fn signed_by(jws: &CompactJws<'_>, key: &Key) -> Result<(), TokenError> {
    let (text, signature) = (jws.signing_input().as_bytes(), jws.signature());
    let verifies = match (key.public(), key.parameters()) {
        (PublicKey::Rs256(key), _) => is_rsa_signature(key, text, signature),
        (PublicKey::Rs384(key), _) => is_rsa_signature(key, text, signature),
        (PublicKey::Rs512(key), _) => is_rsa_signature(key, text, signature),
        (PublicKey::Ps256(key), _) => is_rsa_signature(key, text, signature),
        (PublicKey::Ps384(key), _) => is_rsa_signature(key, text, signature),
        (PublicKey::Ps512(key), _) => is_rsa_signature(key, text, signature),
        (PublicKey::Es256(_), Parameters::Ec { point }) => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .and_then(|key| key.verify(text, &p256::ecdsa::Signature::from_slice(signature)?))
            .is_ok(),
        (PublicKey::Es384(_), Parameters::Ec { point }) => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .and_then(|key| key.verify(text, &p384::ecdsa::Signature::from_slice(signature)?))
            .is_ok(),
        (PublicKey::Ed25519(_), Parameters::Ed25519 { point }) => ed25519_compact::PublicKey::from_slice(point)
            .and_then(|key| key.verify(text, &ed25519_compact::Signature::from_slice(signature)?))
            .is_ok(),
        (PublicKey::Es256(_) | PublicKey::Es384(_) | PublicKey::Ed25519(_), _) => false,
    };
    if verifies { Ok(()) } else { Err(TokenError::BadSignature) }
}

fn is_rsa_signature<K: RSAPublicKeyLike>(key: &K, text: &[u8], signature: &[u8]) -> bool {
    let verifies = || {
        let public = PKey::from_rsa(key.public_key().as_ref().clone()).ok()?;
        let mut verifier = superboring::sign::Verifier::new(K::hash(), &public).ok()?;
        verifier.set_rsa_padding(key.padding_scheme()).ok()?;
        verifier.update(text).ok()?;
        verifier.verify(signature).ok()
    };
    verifies() == Some(true)
}

/// At time zero with no tolerance nothing has expired, and `accept_future` lets `iat` and `nbf` be anything.
fn signature_only(jws: &CompactJws<'_>) -> VerificationOptions {
    VerificationOptions {
        reject_before: None,
        accept_future: true,
        required_subject: None,
        required_key_id: None,
        // Without this it refuses every `typ` but `JWT` and `…+jwt`, so `JOSE` too.
        required_signature_type: jws.header().typ().map(str::to_owned),
        required_content_type: None,
        required_nonce: None,
        allowed_issuers: None,
        allowed_audiences: None,
        time_tolerance: Some(coarsetime::Duration::from_secs(0)),
        max_validity: None,
        // Both bounded by `CompactJws::parse`.
        max_token_length: None,
        max_header_length: Some(usize::MAX),
        artificial_time: Some(coarsetime::UnixTimeStamp::from_secs(0)),
    }
}

/// jwt-simple's JSON errors are about the types of claims, which our own reading names; either way it is a refusal.
fn reason(error: &jwt_simple::Error, jws: &CompactJws<'_>) -> TokenError {
    if error.is::<serde_json::Error>()
        && let Err(claim) = Registered::read(jws.payload(), None)
    {
        return claim;
    }
    TokenError::BadSignature
}
