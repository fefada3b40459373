//! What must hold for tokens nobody thought of.

use countersign_tokens::{
    Algorithm, CompactJws, JwtSimple, Key, KeyFormat, KeySet, Profile, TokenError, UnixTime, Verifier,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, ISSUER, Issuer, MAX_BYTES, NOW, claims, encode, header, rules};

/// A gateway's own cryptography: it knows nothing of claims. Here every signature is right.
struct SignatureIsRight;

impl Verifier for SignatureIsRight {
    fn verify(&self, _: &CompactJws<'_>, _: &Key) -> Result<(), TokenError> {
        Ok(())
    }
}

fn claim_values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (NOW - 1000..NOW + 1000).prop_map(Value::from),
        (0..9_007_199_254_740_992_u64).prop_map(Value::from),
        (-100..100_i64).prop_map(Value::from),
        (-1e15..1e15_f64).prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
        Just(json!([])),
        Just(json!([AUDIENCE, 7])),
        Just(json!([AUDIENCE, AUDIENCE])),
        Just(json!({"sub": "a", "act": {"sub": "b"}})),
        Just(json!(ISSUER)),
    ]
}

fn claim_names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "client_id", "act", "x"])
}

fn header_values() -> impl Strategy<Value = (&'static str, Value)> {
    let names =
        vec!["typ", "kid", "cty", "x5c", "x5t", "x5t#S256", "jku", "x5u", "jwk", "crit", "salt", "alg", "other"];
    let values = prop_oneof![
        Just(Value::Null),
        Just(json!("JWT")),
        Just(json!("at+jwt")),
        Just(json!("JOSE")),
        Just(json!(["MII"])),
        Just(json!([1])),
        Just(json!([])),
        Just(json!({})),
        ".{0,6}".prop_map(Value::from),
    ];
    (prop::sample::select(names), values)
}

proptest! {
    /// Whatever a correctly signed token says, jwt-simple's own reading changes neither outcome nor reason.
    #[test]
    fn the_verifier_has_no_say_about_claims(
        claim_changes in proptest::collection::vec((claim_names(), claim_values()), 0..4),
        header_changes in proptest::collection::vec(header_values(), 0..3),
    ) {
        let fail = |error: crate::issuer::Failure| TestCaseError::fail(error.to_string());
        let issuer = Issuer::shared().map_err(fail)?;
        let keys = KeySet::from_value(&json!({"keys": [issuer.jwk(Algorithm::EdDSA).map_err(fail)?]}), KeyFormat::Jwks);
        let keys = keys.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let mut payload = claims();
        for (name, value) in claim_changes {
            payload[name] = value;
        }
        let mut head: Value = json!({"alg": "EdDSA", "typ": "JOSE"});
        for (name, value) in header_changes {
            head[name] = value;
        }
        let token = issuer.token(Algorithm::EdDSA, &head.to_string(), &payload.to_string()).map_err(fail)?;
        let types = ["JOSE", "JWT", "at+jwt", ""].map(str::to_owned).to_vec();
        let rules = rules(Profile::Generic { types }).map_err(fail)?;
        if let Ok(jws) = CompactJws::parse(&token, MAX_BYTES) {
            let now = UnixTime::from_secs(NOW);
            let ours = rules.verify(jws.clone(), &keys, &SignatureIsRight, now);
            prop_assert_eq!(rules.verify(jws, &keys, &JwtSimple, now), ours);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}", limit in 0_usize..400) {
        let _ = CompactJws::parse(&text, limit);
    }

    #[test]
    fn arbitrary_parts_never_panic(
        header in r#"[{}\[\]:,"a-z0-9\\]{0,40}"#,
        payload in proptest::collection::vec(any::<u8>(), 0..64),
        signature in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let fail = |error: crate::issuer::Failure| TestCaseError::fail(error.to_string());
        let (header, payload) = (encode(header).map_err(fail)?, encode(payload).map_err(fail)?);
        let _ = CompactJws::parse(&format!("{header}.{payload}.{}", encode(signature).map_err(fail)?), MAX_BYTES);
    }

    #[test]
    fn arbitrary_key_sets_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..128),
        members in proptest::collection::btree_map(
            prop::sample::select(vec!["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid", "key_ops"]),
            prop_oneof![
                prop::sample::select(vec!["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", "sig", ""]).prop_map(Value::from),
                proptest::collection::vec(any::<u8>(), 0..600).prop_map(|bytes| json!(encode(bytes).unwrap_or_default())),
                claim_values(),
            ],
            0..10,
        ),
    ) {
        let _ = KeySet::from_jwks(&bytes);
        let _ = KeySet::from_value(&json!({"keys": [members]}), KeyFormat::Jwks);
    }

    /// Any one byte of the signed text or of the signature changed: never accepted.
    #[test]
    fn one_changed_character_is_never_accepted(
        algorithm in prop::sample::select(vec![Algorithm::ES256, Algorithm::EdDSA]),
        at in any::<prop::sample::Index>(),
        to in prop::sample::select(b"ABab01-_.".to_vec()),
    ) {
        let fail = |error: crate::issuer::Failure| TestCaseError::fail(error.to_string());
        let issuer = Issuer::shared().map_err(fail)?;
        let token = issuer.token(algorithm, &header(algorithm), &claims().to_string()).map_err(fail)?;
        let mut bytes = token.clone().into_bytes();
        let place = at.index(bytes.len());
        bytes[place] = to;
        let changed = String::from_utf8_lossy(&bytes).into_owned();
        prop_assume!(changed != token);
        let keys = KeySet::from_value(&json!({"keys": [issuer.jwk(algorithm).map_err(fail)?]}), KeyFormat::Jwks);
        let keys = keys.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let rules = rules(Profile::AccessToken).map_err(fail)?;
        prop_assert!(crate::issuer::verify(&changed, &rules, &keys, UnixTime::from_secs(NOW)).is_err());
    }
}
