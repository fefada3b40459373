//! A gateway's cryptography, made of other code than the module's, and that both verifiers judge every token alike.

use std::sync::LazyLock;

use countersign_tokens::{
    Algorithm, CompactJws, IssuerRules, JwtSimple, KeySet, NativeFirst, SignatureOracle, TokenError, UnixTime,
    VerifiedToken,
};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::{Pkcs1v15Sign, RsaPublicKey};

use crate::issuer::{Failure, Issuer, MAX_BYTES, NOW, claims, encode, header, rules};

/// RSA by the crate `rsa`, ECDSA by `p256` and `p384` from DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oracle;

impl SignatureOracle for Oracle {
    fn verify(&self, hash: &'static str, key: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        if let Ok(key) = RsaPublicKey::from_public_key_der(key) {
            let (scheme, digest) = match hash {
                "sha256" => (Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(text).to_vec()),
                "sha384" => (Pkcs1v15Sign::new::<Sha384>(), Sha384::digest(text).to_vec()),
                _ => (Pkcs1v15Sign::new::<Sha512>(), Sha512::digest(text).to_vec()),
            };
            return Some(key.verify(scheme, &digest, signature).is_ok());
        }
        if let Ok(key) = <p256::ecdsa::VerifyingKey as p256::pkcs8::DecodePublicKey>::from_public_key_der(key) {
            let signature = p256::ecdsa::DerSignature::from_bytes(signature).ok()?;
            return Some(p256::ecdsa::signature::Verifier::verify(&key, text, &signature).is_ok());
        }
        let key = <p384::ecdsa::VerifyingKey as p384::pkcs8::DecodePublicKey>::from_public_key_der(key).ok()?;
        let signature = p384::ecdsa::DerSignature::from_bytes(signature).ok()?;
        Some(p384::ecdsa::signature::Verifier::verify(&key, text, &signature).is_ok())
    }
}

/// Says always the same.
struct Constant(Option<bool>);

impl SignatureOracle for Constant {
    fn verify(&self, _: &'static str, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        self.0
    }
}

static NATIVE: LazyLock<NativeFirst<Oracle>> = LazyLock::new(|| NativeFirst::probe(Oracle));

/// What becomes of `token`, which must not depend on who verifies it.
pub(crate) fn judged(
    token: &str,
    rules: &IssuerRules,
    keys: &KeySet,
    now: UnixTime,
) -> Result<VerifiedToken, TokenError> {
    let jws = CompactJws::parse(token, MAX_BYTES)?;
    let portable = rules.verify(jws.clone(), keys, &JwtSimple, now);
    let native = rules.verify(jws, keys, &*NATIVE, now);
    assert!(portable == native, "jwt-simple: {portable:?}, natively: {native:?}");
    native
}

#[test]
fn only_what_an_oracle_gets_right_is_left_to_it() {
    let native = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::ES256, Algorithm::ES384];
    assert_eq!(NATIVE.algorithms(), native);
    for constant in [None, Some(true), Some(false)] {
        assert_eq!(NativeFirst::probe(Constant(constant)).algorithms(), []);
    }
}

#[test]
fn signatures_of_every_odd_form_are_judged_alike() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let rules = rules(countersign_tokens::Profile::AccessToken)?;
    for algorithm in Algorithm::ALL {
        let input = format!("{}.{}", encode(header(*algorithm))?, encode(claims().to_string())?);
        let good = issuer.sign(*algorithm, &input)?;
        let half = good.len() / 2;
        let (r, s) = good.split_at(half);
        let zero = vec![0; half];
        let full = vec![0xff; half];
        let odd: Vec<Vec<u8>> = vec![
            [&zero[..], s].concat(),
            [r, &zero[..]].concat(),
            [&full[..], s].concat(),
            [r, &full[..]].concat(),
            [s, r].concat(),
            [&[0][..], &good].concat(),
            [&good[..], &[0]].concat(),
            good.get(1..).unwrap_or_default().to_vec(),
            vec![0; good.len()],
            vec![1],
            der_of(*algorithm, &good),
        ];
        for signature in odd {
            let token = format!("{input}.{}", encode(&signature)?);
            let outcome = judged(&token, &rules, &issuer.keys()?, UnixTime::from_secs(NOW));
            assert_eq!(outcome.err(), Some(TokenError::BadSignature), "{algorithm}");
        }
        let token = format!("{input}.{}", encode(&good)?);
        assert!(judged(&token, &rules, &issuer.keys()?, UnixTime::from_secs(NOW)).is_ok(), "{algorithm}");
    }
    Ok(())
}

/// The signature as X.509 writes it, which JOSE does not.
fn der_of(algorithm: Algorithm, signature: &[u8]) -> Vec<u8> {
    match (algorithm, p256::ecdsa::Signature::from_slice(signature)) {
        (Algorithm::ES256, Ok(signature)) => signature.to_der().as_bytes().to_vec(),
        _ => vec![0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
    }
}
