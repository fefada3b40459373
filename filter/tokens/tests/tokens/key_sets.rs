//! Which keys of a set are used, which are left out, and which sets are refused.

use countersign_tokens::{
    Algorithm, CompactJws, KeyFormat, KeySet, MAX_KEY_SET_BYTES, MAX_KEYS, Parameters, TokenError,
};
use serde_json::{Value, json};

use crate::issuer::{Failure, Issuer, MAX_BYTES, claims, encode};

/// `jwk` with `changes` over it; `null` takes a member away.
fn changed(mut jwk: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        match jwk.as_object_mut() {
            Some(members) if value.is_null() => drop(members.remove(name)),
            Some(members) => drop(members.insert(name.clone(), value.clone())),
            None => {}
        }
    }
    jwk
}

/// Why the only key of a set is left out, in words.
fn left_out(jwk: &Value) -> Result<Option<String>, Failure> {
    let set = KeySet::from_value(&json!({ "keys": [jwk] }), KeyFormat::Jwks)?;
    assert_eq!(set.is_empty(), !set.skipped().is_empty());
    Ok(set.skipped().first().map(|skipped| skipped.reason.to_string()))
}

#[test]
fn keys_that_are_not_for_this_are_left_out() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let (rsa, ec, ed) = (Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA);
    let x384 = issuer.jwk(Algorithm::ES384)?["x"].clone();
    let y_of_another = Issuer::generate()?.jwk(ec)?["y"].clone();
    let short = encode(vec![0xff; 255])?;
    let long = encode(vec![0xff; 513])?;
    let even = encode([vec![0xff; 255], vec![0xfe]].concat())?;
    let padded = encode([vec![0], vec![0xff; 256]].concat())?;
    // Of crocs-muni/roca: `mod03.txt` of an affected card, and `mod04.txt` of another generator.
    let factorable = "nc10IOQgwnCmgGDri1qnRXqfZkj4b6_tJ3XMH3muli8eY_G55RxV-epv3HMy6bAFjJ_y6x_ImFUCnPaq_iHmif6zisn_sS8c43G7XQ6armQWGrznS0JEv2jx7bRBH3VqCXyJKcFHQCReo1X4My0ao2u1DH3LRQXajeAuTlPTj43wYJfadSTfDfk9tI6sjMSvLToWJX6ysq3Ka6Rk5ZdPqSVQ0xsbq_Fh52ktALhuPdiG7KtKv74aj4zCY_9K9VzbRfQkmlGTkl9emD12LwtoAJQ-sCZ7CPQu0xHOH1yG6svIzk08t6L-4e9WQUI6HPQRTl7PUANKYKQSUjr55vSqEQ";
    let other = "r2WWdhl_HbBtp6wRGgoOwXW4t-8HGS_80fa4VMMneF8af9PbfaRc1KMbKy5c4Ngjpo4oyK3xdHMWvszh_ldoBkA5rSBiJgyNGjTgWG3Om8EwkPzJ-4uLLAjtOujWGymBimaWiafZwdqwU7VX-40_nET6rT4YxV5zmwDTyRJlWLyOmAzSrzdxJu9bE3QTZ3S4vTcOPBwUnbOVyPmWlrYosQWUb-ogEG_iTRA6wGJmGpJI6MP2KOALMI0zlTqr5VUTLiGOdO9LV4cWtP5880Do5gSjGb9umVHhlCYB00KRAy21SZnQnl0Dbd41RK01JWu7l9Xj__04Fmwh6ukZlUiFOw";
    let (algorithm, point) = (
        Some("`alg` is not a supported algorithm of this type of key"),
        Some("the coordinates are not a point of the curve"),
    );
    let modulus = Some("`n` is not an RSA modulus of 2048 to 4096 bits");
    let key_id = Some("`kid` is not a string of 1 to 256 printable ASCII characters");
    let operations = Some("`key_ops` does not have `verify`");
    for (key, changes, reason) in [
        (rsa, json!({"use": null}), None),
        (rsa, json!({"key_ops": ["sign", "verify"]}), None),
        (ec, json!({"alg": null, "kid": null}), None),
        (rsa, json!({"use": "enc"}), Some("`use` is not `sig`")),
        (rsa, json!({"use": 1}), Some("`use` is not `sig`")),
        (rsa, json!({"key_ops": ["encrypt"]}), operations),
        (rsa, json!({"key_ops": "verify"}), operations),
        (rsa, json!({"kid": 7}), key_id),
        (rsa, json!({"kid": ""}), key_id),
        (rsa, json!({"kid": "a\nb"}), key_id),
        (rsa, json!({"kid": "k".repeat(257)}), key_id),
        (rsa, json!({"kty": "AKP"}), Some("`kty` is not RSA, EC or OKP")),
        (rsa, json!({"kty": null}), Some("`kty` is not RSA, EC or OKP")),
        (rsa, json!({"alg": "RSA-OAEP"}), algorithm),
        (rsa, json!({"alg": "ES256"}), algorithm),
        (rsa, json!({"alg": "HS256"}), algorithm),
        (rsa, json!({"alg": "none"}), algorithm),
        (rsa, json!({"alg": 256}), algorithm),
        (rsa, json!({"n": short}), modulus),
        (rsa, json!({"n": long}), modulus),
        (rsa, json!({"n": even}), modulus),
        (
            rsa,
            json!({"n": factorable}),
            Some(
                "`n` is of a generator whose keys can be factored (ROCA, CVE-2017-15361); the issuer needs another key",
            ),
        ),
        (rsa, json!({"n": other}), None),
        (rsa, json!({"n": padded}), Some("`n` is missing or not canonical base64url")),
        (rsa, json!({"n": ""}), Some("`n` is missing or not canonical base64url")),
        (rsa, json!({"n": null}), Some("`n` is missing or not canonical base64url")),
        (rsa, json!({"e": "AQAB="}), Some("`e` is missing or not canonical base64url")),
        (rsa, json!({"e": "AQ"}), Some("`e` is not 65537")),
        (rsa, json!({"e": "Aw"}), Some("`e` is not 65537")),
        (rsa, json!({"e": "AAEAAQ"}), Some("`e` is missing or not canonical base64url")),
        (ec, json!({"alg": "ES384"}), algorithm),
        (ec, json!({"crv": "P-384", "alg": null}), point),
        (ec, json!({"crv": "P-521", "alg": null}), Some("`crv` is not P-256, P-384 or Ed25519")),
        (ec, json!({"crv": "secp256k1", "alg": null}), Some("`crv` is not P-256, P-384 or Ed25519")),
        (ec, json!({"x": x384}), point),
        (ec, json!({"y": y_of_another}), point),
        (ec, json!({"y": null}), Some("`y` is missing or not canonical base64url")),
        (ed, json!({"crv": "X25519"}), Some("`crv` is not P-256, P-384 or Ed25519")),
        (ed, json!({"alg": "ES256"}), algorithm),
        (ed, json!({"x": encode([0xff; 31])?}), point),
        // The neutral element: any signature of one form would verify (RFC 8725 §3.4).
        (ed, json!({"x": encode([[1].as_slice(), &[0; 31]].concat())?}), point),
    ] {
        assert_eq!(left_out(&changed(issuer.jwk(key)?, &changes))?.as_deref(), reason, "{key} {changes}");
    }
    Ok(())
}

#[test]
fn sets_that_cannot_be_trusted_are_refused() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let (rsa, ec) = (issuer.jwk(Algorithm::RS256)?, issuer.jwk(Algorithm::ES256)?);
    let other = Issuer::generate()?.jwk(Algorithm::RS256)?;
    let private = "key 1 has private material; publish public keys only";
    let twice = "key 2 has the `kid` of an earlier key for the same algorithm";
    let several = |count: usize| Value::Array(vec![json!({"kty": "?"}); count]);
    for (set, error) in [
        (json!([]), "key set is not a JSON object"),
        (json!({}), "key set has no array `keys`"),
        (json!({"keys": {}}), "key set has no array `keys`"),
        (json!({"keys": several(MAX_KEYS + 1)}), "key set has more than 64 keys"),
        (json!({"keys": [rsa, "key"]}), "key 1 is not a JSON object"),
        (json!({"keys": [rsa, changed(ec.clone(), &json!({"d": "AQ"}))]}), private),
        (json!({"keys": [ec, changed(rsa.clone(), &json!({"qi": "AQ"}))]}), private),
        // Also where the key itself would be left out.
        (json!({"keys": [ec, changed(rsa.clone(), &json!({"use": "enc", "d": "AQ"}))]}), private),
        (json!({"keys": [ec, {"kty": "AKP", "alg": "ML-DSA-44", "priv": "AQ"}]}), private),
        (json!({"keys": [ec, {"kty": "oct", "k": "c2VjcmV0"}]}), "key 1 is symmetric; only public keys are accepted"),
        (json!({"keys": [ec, rsa, other]}), twice),
        // Without `alg` it is for any that RSA keys are for, whatever the other says.
        (json!({"keys": [ec, rsa, changed(rsa.clone(), &json!({"alg": null}))]}), twice),
        (
            json!({"keys": [ec, changed(other.clone(), &json!({"alg": null})), changed(rsa.clone(), &json!({"alg": "PS512"}))]}),
            twice,
        ),
    ] {
        let refused = KeySet::from_value(&set, KeyFormat::Jwks).map_err(|refused| refused.to_string());
        assert_eq!(refused.err().as_deref(), Some(error), "{set}");
    }
    assert!(KeySet::from_value(&json!({ "keys": several(MAX_KEYS) }), KeyFormat::Jwks).is_ok_and(|set| set.is_empty()));
    // The same name for a key that is left out takes nothing away from the other.
    let encryption = changed(rsa.clone(), &json!({"use": "enc"}));
    assert!(
        KeySet::from_value(&json!({ "keys": [rsa, encryption] }), KeyFormat::Jwks)
            .is_ok_and(|set| set.keys().len() == 1)
    );
    Ok(())
}

/// As some issuers publish one RSA key for all of its algorithms (keycloak/keycloak#14794, #15616).
#[test]
fn one_name_for_a_key_of_each_algorithm() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let rsa = issuer.jwk(Algorithm::RS256)?;
    let named = |alg: &str| changed(rsa.clone(), &json!({"alg": alg, "kid": "k"}));
    let elliptic = changed(issuer.jwk(Algorithm::ES256)?, &json!({"alg": null, "kid": "k"}));
    // The same key twice is one.
    let keys = json!({"keys": [named("RS256"), named("RS512"), named("PS256"), named("RS512"), elliptic]});
    let set = KeySet::from_value(&keys, KeyFormat::Jwks)?.for_algorithms(&[Algorithm::PS384]);
    assert_eq!(set.keys().len(), 4);
    for (alg, found) in [
        ("RS256", Ok(Algorithm::RS256)),
        ("RS512", Ok(Algorithm::RS512)),
        ("PS256", Ok(Algorithm::PS256)),
        ("ES256", Ok(Algorithm::ES256)),
        ("RS384", Err(TokenError::KeyAlgorithm)),
        ("PS384", Err(TokenError::KeyAlgorithm)),
    ] {
        for (kid, found) in [("k", found), ("l", Err(TokenError::UnknownKey))] {
            let token = format!("{}.e30.AAAA", encode(format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#))?);
            let jws = CompactJws::parse(&token, MAX_BYTES)?;
            assert_eq!(set.find(jws.header()).map(countersign_tokens::Key::algorithm), found, "{alg} {kid}");
        }
    }
    Ok(())
}

#[test]
fn key_sets_are_read_strictly() {
    let long = format!("{{\"keys\":[]{}}}", " ".repeat(MAX_KEY_SET_BYTES));
    for (text, error) in [
        (r#"{"keys":[],"keys":[]}"#, "key set: an object has two members of the same name"),
        (r#"{"keys":[{"kid":"a","k\u0069d":"b"}]}"#, "key set: an object has two members of the same name"),
        (r#"{"keys":[]"#, "key set: not JSON at line 1, column 10"),
        (long.as_str(), "key set: JSON text is longer than 131072 bytes"),
    ] {
        let refused = KeySet::from_jwks(text.as_bytes()).map_err(|refused| refused.to_string());
        assert_eq!(refused.err().as_deref(), Some(error));
    }
}

#[test]
fn each_key_is_for_one_algorithm_and_found_for_it_only() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let nameless = |algorithm: Algorithm| -> Result<Value, Failure> {
        Ok(changed(issuer.jwk(algorithm)?, &json!({"kid": null, "alg": null})))
    };
    let named = KeySet::from_value(
        &json!({"keys": [changed(issuer.jwk(Algorithm::RS256)?, &json!({"alg": null}))]}),
        KeyFormat::Jwks,
    )?;
    let one_each = KeySet::from_value(
        &json!({"keys": [nameless(Algorithm::RS256)?, nameless(Algorithm::ES256)?]}),
        KeyFormat::Jwks,
    )?;
    let two = KeySet::from_value(
        &json!({"keys": [issuer.jwk(Algorithm::RS256)?, nameless(Algorithm::RS256)?]}),
        KeyFormat::Jwks,
    )?;
    let empty = KeySet::from_value(&json!({"keys": []}), KeyFormat::Jwks)?;
    for (set, header, expected) in [
        // An RSA key without `alg` is for RS256.
        (&named, r#"{"alg":"RS256","kid":"rs256"}"#, Ok(Algorithm::RS256)),
        (&named, r#"{"alg":"RS256"}"#, Ok(Algorithm::RS256)),
        (&named, r#"{"alg":"PS256","kid":"rs256"}"#, Err(TokenError::KeyAlgorithm)),
        (&named, r#"{"alg":"PS256"}"#, Err(TokenError::KeyAlgorithm)),
        (&named, r#"{"alg":"RS256","kid":"RS256"}"#, Err(TokenError::UnknownKey)),
        (&one_each, r#"{"alg":"ES256"}"#, Ok(Algorithm::ES256)),
        (&one_each, r#"{"alg":"ES384"}"#, Err(TokenError::KeyAlgorithm)),
        (&one_each, r#"{"alg":"ES256","kid":"es256"}"#, Err(TokenError::UnknownKey)),
        (&two, r#"{"alg":"RS256"}"#, Err(TokenError::KeyIdRequired)),
        (&two, r#"{"alg":"RS256","kid":"rs256"}"#, Ok(Algorithm::RS256)),
        (&empty, r#"{"alg":"RS256"}"#, Err(TokenError::UnknownKey)),
        (&empty, r#"{"alg":"RS256","kid":"rs256"}"#, Err(TokenError::UnknownKey)),
    ] {
        let token = format!("{}.{}.AA", encode(header)?, encode(claims().to_string())?);
        let jws = CompactJws::parse(&token, MAX_BYTES)?;
        assert_eq!(set.find(jws.header()).map(countersign_tokens::Key::algorithm), expected, "{header} {set:?}");
    }
    Ok(())
}

#[test]
fn keys_compare_by_content_and_print_briefly() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let set = KeySet::from_jwks(issuer.jwks()?.to_string().as_bytes())?;
    assert_eq!(set, issuer.keys()?);
    assert_ne!(set, Issuer::generate()?.keys()?);
    let only = KeySet::from_value(&json!({"keys": [issuer.jwk(Algorithm::EdDSA)?]}), KeyFormat::Jwks)?;
    assert_eq!(format!("{only:?}"), r#"[Key { id: Some("eddsa"), algorithm: EdDSA, .. }]"#);
    for key in set.keys() {
        match (key.parameters(), key.algorithm()) {
            (Parameters::Rsa { modulus, exponent }, _) => assert_eq!((modulus.len(), exponent.len()), (256, 3)),
            (Parameters::Ec { point }, Algorithm::ES256) => assert_eq!((point.len(), point[0]), (65, 4)),
            (Parameters::Ec { point }, _) => assert_eq!((point.len(), point[0]), (97, 4)),
            (Parameters::Ed25519 { point }, _) => assert_eq!(point.len(), 32),
        }
    }
    Ok(())
}

#[test]
fn of_a_spiffe_bundle_only_the_keys_for_jwt_svids_are_used() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let key = |algorithm, changes: &Value| issuer.jwk(algorithm).map(|jwk| changed(jwk, changes));
    let svid = json!({"use": "jwt-svid"});
    let bundle = json!({
        "spiffe_sequence": 12, "spiffe_refresh_hint": 600,
        "keys": [
            key(Algorithm::RS256, &json!({"use": "x509-svid", "kid": null, "x5c": ["MII"]}))?,
            key(Algorithm::RS384, &json!({"use": null}))?,
            key(Algorithm::RS512, &json!({"use": "sig"}))?,
            key(Algorithm::ES384, &json!({"use": "wit-svid"}))?,
            key(Algorithm::ES256, &svid)?,
            key(Algorithm::PS256, &json!({"use": "jwt-svid", "kid": null}))?,
        ],
    });
    let set = KeySet::from_value(&bundle, KeyFormat::SpiffeBundle)?;
    assert_eq!(set.keys().iter().map(countersign_tokens::Key::algorithm).collect::<Vec<_>>(), [Algorithm::ES256]);
    let skipped: Vec<_> = set.skipped().iter().map(|skipped| (skipped.index, skipped.reason.to_string())).collect();
    assert_eq!(skipped, [(5, "`kid` is missing".to_owned())]);
    assert_eq!(set.refresh_hint(), Some(std::time::Duration::from_mins(10)));
    // As a JWK Set the same document has other keys, and nobody's hint.
    let set = KeySet::from_value(&bundle, KeyFormat::Jwks)?;
    assert_eq!(
        set.keys().iter().map(countersign_tokens::Key::algorithm).collect::<Vec<_>>(),
        [Algorithm::RS384, Algorithm::RS512]
    );
    assert_eq!(set.refresh_hint(), None);
    let distrusted = KeySet::from_value(&json!({"keys": []}), KeyFormat::SpiffeBundle)?;
    assert!(distrusted.is_empty());
    Ok(())
}
