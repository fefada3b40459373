//! DPoP proofs, honest and hostile: each of the checks of RFC 9449 §4.3.

use std::time::Duration;

use countersign_tokens::{
    Algorithm, JwtSimple, KeyFormat, KeySet, PROOF_ALGORITHMS, Proof, ProvenRequest, UnixTime, thumbprint,
};
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
    let expires = Ok(UnixTime::from_secs(NOW - 2 + 60));
    for algorithm in Algorithm::ALL.iter().copied() {
        assert_eq!(Case { algorithm, ..good() }.outcome()?, expires, "{algorithm}");
        // The key need not say it, nor in its older name.
        let mut jwk = public_jwk(algorithm)?;
        jwk = patched(jwk, &json!({ "alg": null }));
        let named = algorithm.names().last();
        let silent = Case { header: json!({ "jwk": jwk, "alg": named }), algorithm, ..good() };
        assert_eq!(silent.outcome()?, expires, "{algorithm}");
    }
    for name in PROOF_ALGORITHMS {
        assert!(name.parse::<Algorithm>().is_ok(), "{name}");
    }
    assert_eq!(PROOF_ALGORITHMS.len(), Algorithm::ALL.iter().map(|algorithm| algorithm.names().len()).sum::<usize>());
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

/// RFC 3986 §6.2.2 and §6.2.3, and nothing beyond.
#[test]
fn a_uri_has_many_spellings() -> Result<(), Failure> {
    let paths = "https://tools.example.com/a%2Fb/~c/%E2%82%AC";
    for (htu, uri, same) in [
        ("https://tools.example.com/%6Dcp", URI, true),
        ("https://tools.example.com/x/../mcp", URI, true),
        ("https://tools.example.com/./mcp", URI, true),
        ("https://tools.example.com/%2e%2E/mcp", URI, true),
        ("https://tools.example.com/../../mcp", URI, true),
        ("https://tools.example.com:/mcp", URI, true),
        ("https://%54ools.example.com/mcp", URI, true),
        ("https://tools.example.com/a%2fb/%7Ec/%e2%82%ac", paths, true),
        ("https://tools.example.com", "https://tools.example.com/", true),
        ("https://tools.example.com/mcp/.", "https://tools.example.com/mcp/", true),
        ("https://tools.example.com/mcp/..", "https://tools.example.com/", true),
        ("https://[2001:DB8::1]:443/mcp", "https://[2001:db8::1]/mcp", true),
        ("http://tools.example.com:80/mcp", "http://tools.example.com/mcp", true),
        ("http://tools.example.com:443/mcp", "http://tools.example.com/mcp", false),
        ("https://tools.example.com:0443/mcp", URI, false),
        ("https://tools.example.com./mcp", URI, false),
        ("https://tools.example.com//mcp", URI, false),
        ("https://tools.example.com/MCP", URI, false),
        ("https://tools.example.com/mcp/", URI, false),
        ("https://tools.example.com/mcp/.", URI, false),
        ("https://tools.example.com/mcp%2F..", URI, false),
        ("https://tools.example.com/a/b/~c/%E2%82%AC", paths, false),
        ("https://tools.example.com/%6dc%70%", URI, false),
        ("https://tools.example.com/%+6cp", URI, false),
        ("https://tools.example.com/%256Dcp", URI, false),
        ("https://a%40tools.example.com/mcp", URI, false),
        ("https:/tools.example.com/mcp", URI, false),
        ("ftp://tools.example.com/mcp", "ftp://tools.example.com/mcp", false),
        ("https:///mcp", "https:///mcp", false),
        ("https://:443/mcp", "https://:443/mcp", false),
        ("https://tools.example.com/m\u{e9}", "https://tools.example.com/m%C3%A9", false),
    ] {
        let outcome = Case { claims: json!({ "htu": htu }), uri, ..good() }.outcome()?;
        assert_eq!(outcome.is_ok(), same, "{htu} {outcome:?}");
    }
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
        (Case { claims: json!({ "nonce": 7 }), ..good() }, wrong("nonce")),
        (Case { claims: json!({ "nonce": "" }), ..good() }, wrong("nonce")),
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
        (Case { claims: json!({ "iat": NOW - 60 }), ..good() }, "proof was not made just now".to_owned()),
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
    for algorithm in Algorithm::ALL.iter().copied() {
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
