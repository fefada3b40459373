//! DPoP proofs, honest and hostile: each of the checks of RFC 9449 §4.3.

use std::time::Duration;

use countersign_tokens::{Algorithm, JwtSimple, KeyFormat, KeySet, Proof, ProvenRequest, UnixTime, thumbprint};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::issuer::{Failure, Issuer, NOW, encode};

const TOKEN: &str = "eyJ.an.access-token";
const URI: &str = "https://tools.example.com/mcp";

/// A proof: what is changed of a good one (`null` takes a member away), who signs it, and what it is presented for.
#[derive(Clone)]
struct Case {
    header: Value,
    claims: Value,
    algorithm: Algorithm,
    method: &'static str,
    uri: &'static str,
    token: &'static str,
    now: u64,
}

fn good() -> Case {
    let (header, claims) = (json!({}), json!({}));
    Case { header, claims, algorithm: Algorithm::ES256, method: "POST", uri: URI, token: TOKEN, now: NOW }
}

fn patched(mut value: Value, patch: &Value) -> Value {
    let empty = Map::new();
    for (name, change) in patch.as_object().unwrap_or(&empty) {
        match value.as_object_mut() {
            Some(members) if change.is_null() => drop(members.remove(name)),
            Some(members) => drop(members.insert(name.clone(), change.clone())),
            None => {}
        }
    }
    value
}

fn public_jwk(algorithm: Algorithm) -> Result<Value, Failure> {
    Ok(patched(Issuer::shared()?.jwk(algorithm)?, &json!({ "kid": null, "use": null })))
}

fn key_thumbprint(algorithm: Algorithm) -> Result<[u8; 32], Failure> {
    let set = KeySet::from_value(&json!({ "keys": [public_jwk(algorithm)?] }), KeyFormat::Jwks)?;
    Ok(thumbprint(set.keys().first().ok_or("no key")?))
}

impl Case {
    fn proof(&self) -> Result<String, Failure> {
        let header = json!({ "typ": "dpop+jwt", "alg": self.algorithm.name(), "jwk": public_jwk(self.algorithm)? });
        let claims = json!({
            "jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": URI, "iat": NOW - 2, "ath": encode(Sha256::digest(TOKEN))?,
        });
        let input = format!(
            "{}.{}",
            encode(patched(header, &self.header).to_string())?,
            encode(patched(claims, &self.claims).to_string())?
        );
        Ok(format!("{input}.{}", encode(Issuer::shared()?.sign(self.algorithm, &input)?)?))
    }

    fn outcome_of(&self, proof: &str) -> Result<Result<UnixTime, String>, Failure> {
        let thumbprint = key_thumbprint(self.algorithm)?;
        let request =
            ProvenRequest { method: self.method, uri: self.uri, access_token: self.token, thumbprint: &thumbprint };
        let (age, leeway, now) = (Duration::from_mins(1), Duration::from_secs(5), UnixTime::from_secs(self.now));
        let verified = Proof::new(proof).verify(&request, age, leeway, &JwtSimple, now);
        Ok(verified.map(|proof| proof.expires).map_err(|error| error.to_string()))
    }

    fn outcome(&self) -> Result<Result<UnixTime, String>, Failure> {
        self.outcome_of(&self.proof()?)
    }
}

#[test]
fn good_proofs() -> Result<(), Failure> {
    let expires = Ok(UnixTime::from_secs(NOW - 2 + 60 + 5));
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        assert_eq!(Case { algorithm, ..good() }.outcome()?, expires, "{algorithm}");
    }
    for htu in [
        "https://tools.example.com/mcp?session=1",
        "https://tools.example.com/mcp#part",
        "HTTPS://Tools.Example.COM:443/mcp",
    ] {
        assert_eq!(Case { claims: json!({ "htu": htu }), ..good() }.outcome()?, expires, "{htu}");
    }
    let root =
        Case { claims: json!({ "htu": "https://tools.example.com" }), uri: "https://tools.example.com/", ..good() };
    assert_eq!(root.outcome()?, expires);
    Ok(())
}

#[test]
fn each_check() -> Result<(), Failure> {
    let private = json!({ "jwk": patched(public_jwk(Algorithm::ES256)?, &json!({ "d": "AAAA" })) });
    let other = Issuer::generate()?.jwk(Algorithm::ES256)?;
    let wrong = |claim: &str| format!("proof's `{claim}` is missing or has the wrong form");
    let refused_key = "proof: header `jwk` is not a public key for `alg`";
    for (case, error) in [
        // 2, 4, 5, 7: one JWT, its type, its algorithm, its key.
        (Case { header: json!({ "jwk": null }), ..good() }, "proof: header `jwk` is not a public key".to_owned()),
        (Case { header: private, ..good() }, refused_key.to_owned()),
        (Case { header: json!({ "typ": "JWT" }), ..good() }, "proof's `typ` is not dpop+jwt".to_owned()),
        (Case { header: json!({ "typ": null }), ..good() }, "proof's `typ` is not dpop+jwt".to_owned()),
        (Case { algorithm: Algorithm::RS256, ..good() }, "proof's `alg` is not ES256, ES384 or EdDSA".to_owned()),
        (Case { header: json!({ "alg": "ES384" }), ..good() }, refused_key.to_owned()),
        (
            Case { header: json!({ "alg": "none" }), ..good() },
            "proof: header `alg` is not a supported signature algorithm".to_owned(),
        ),
        (
            Case { header: json!({ "crit": ["b64"] }), ..good() },
            "proof: header has `crit`, which is not accepted".to_owned(),
        ),
        // 6, 12: the key's signature, and the token's key.
        (Case { header: json!({ "jwk": other }), ..good() }, "proof is of another key than the token's".to_owned()),
        // 3: the claims.
        (Case { claims: json!({ "jti": null }), ..good() }, wrong("jti")),
        (Case { claims: json!({ "jti": "" }), ..good() }, wrong("jti")),
        (Case { claims: json!({ "jti": 7 }), ..good() }, wrong("jti")),
        (Case { claims: json!({ "htm": null }), ..good() }, wrong("htm")),
        (Case { claims: json!({ "htu": null }), ..good() }, wrong("htu")),
        (Case { claims: json!({ "iat": null }), ..good() }, wrong("iat")),
        (Case { claims: json!({ "iat": "now" }), ..good() }, wrong("iat")),
        (Case { claims: json!({ "ath": null }), ..good() }, wrong("ath")),
        // 8, 9: the request.
        (Case { method: "GET", ..good() }, "proof is for another method".to_owned()),
        (Case { claims: json!({ "htm": "post" }), ..good() }, "proof is for another method".to_owned()),
        (Case { uri: "https://tools.example.com/other", ..good() }, "proof is for another URI".to_owned()),
        (Case { uri: "https://tools.example.com/mcp/", ..good() }, "proof is for another URI".to_owned()),
        (Case { uri: "http://tools.example.com/mcp", ..good() }, "proof is for another URI".to_owned()),
        (Case { uri: "https://tools.example.com:8443/mcp", ..good() }, "proof is for another URI".to_owned()),
        (Case { claims: json!({ "htu": "/mcp" }), ..good() }, "proof is for another URI".to_owned()),
        (
            Case { claims: json!({ "htu": "https://a@tools.example.com/mcp" }), ..good() },
            "proof is for another URI".to_owned(),
        ),
        // 11: just now.
        (Case { claims: json!({ "iat": NOW - 65 }), ..good() }, "proof was not made just now".to_owned()),
        (Case { claims: json!({ "iat": NOW + 6 }), ..good() }, "proof was not made just now".to_owned()),
        // 12: this token.
        (Case { token: "another.token.", ..good() }, "proof is for another access token".to_owned()),
    ] {
        assert_eq!(case.outcome()?, Err(error), "{} {}", case.header, case.claims);
    }
    Ok(())
}

#[test]
fn a_signature_that_is_not_the_keys() -> Result<(), Failure> {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let case = Case { algorithm, ..good() };
        let proof = case.proof()?;
        let (input, signature) = proof.rsplit_once('.').ok_or("no signature")?;
        let other = Issuer::generate()?.sign(algorithm, input)?;
        for signature in [encode(other)?, encode(vec![0_u8; 64])?, signature.chars().rev().collect()] {
            let outcome = case.outcome_of(&format!("{input}.{signature}"))?;
            assert!(outcome.is_err(), "{algorithm} {signature}");
        }
    }
    Ok(())
}

/// The example of RFC 7638 §3.1.
#[test]
fn the_thumbprint_of_the_standard() -> Result<(), Failure> {
    let jwk = json!({
        "kty": "RSA", "alg": "RS256", "e": "AQAB", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    });
    let set = KeySet::from_value(&json!({ "keys": [jwk] }), KeyFormat::Jwks)?;
    let found = thumbprint(set.keys().first().ok_or("no key")?);
    assert_eq!(encode(found)?, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    Ok(())
}
