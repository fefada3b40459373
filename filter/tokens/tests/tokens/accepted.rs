//! Tokens that must pass, and what is known about them afterwards.

use std::time::Duration;

use countersign_tokens::{
    Actor, Algorithm, CompactJws, Confirmation, IssuerRules, Profile, Scalar, TokenError, UnixTime, Verifier,
};
use serde_json::{Value, json};

use crate::issuer::{
    AUDIENCE, Failure, ISSUER, Issuer, MAX_BYTES, NOW, claims, header, rules, svid, svid_claims, transaction_claims,
    verify,
};

/// A token with `changes` over the acceptable claims; `null` takes a claim away.
fn signed(changes: &Value) -> Result<String, Failure> {
    let mut all = claims();
    let members = all.as_object_mut().ok_or("no object")?;
    for (name, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    Issuer::shared()?.token(Algorithm::EdDSA, &header(Algorithm::EdDSA), &all.to_string())
}

fn accepted(changes: &Value) -> Result<Result<(), String>, Failure> {
    let keys = Issuer::shared()?.keys()?;
    let rules = rules(Profile::AccessToken)?;
    Ok(verify(&signed(changes)?, &rules, &keys, UnixTime::from_secs(NOW)).map(drop))
}

#[test]
fn every_algorithm_with_its_key() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let (keys, rules) = (issuer.keys()?, rules(Profile::AccessToken)?);
    assert_eq!(keys.skipped(), []);
    for algorithm in Algorithm::ALL {
        let token = issuer.token(*algorithm, &header(*algorithm), &claims().to_string())?;
        let verified = verify(&token, &rules, &keys, UnixTime::from_secs(NOW))?;
        assert_eq!(verified.algorithm, Some(*algorithm));
        assert_eq!(verified.key_id, Some(algorithm.name().to_lowercase()));
    }
    Ok(())
}

#[test]
fn says_what_the_token_says() -> Result<(), Failure> {
    let act = json!({"sub": "planner", "act": {"sub": "orchestrator", "iss": "https://idp.example.com", "exp": 1}});
    let token = signed(&json!({"act": act, "nbf": NOW - 30, "task": {"id": "t-1"}}))?;
    let keys = Issuer::shared()?.keys()?;
    let verified = verify(&token, &rules(Profile::AccessToken)?, &keys, UnixTime::from_secs(NOW))?;
    let actor = |issuer: &str, subject: &str| {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        Actor { issuer, subject, profile: None }
    };
    assert_eq!(verified.issuer, ISSUER);
    assert_eq!(verified.subject, "agent-7".into());
    assert_eq!(verified.actors, [actor(ISSUER, "planner"), actor("https://idp.example.com", "orchestrator")]);
    assert_eq!(verified.client_id.as_deref(), Some("planner"));
    assert_eq!(verified.id, Some("f3a1".into()));
    assert_eq!(verified.key_id.as_deref(), Some("eddsa"));
    assert_eq!(verified.issued, Some(UnixTime::from_secs(NOW - 60)));
    assert_eq!(verified.not_before, Some(UnixTime::from_secs(NOW - 30)));
    assert_eq!(verified.expires, UnixTime::from_secs(NOW + 300));
    assert_eq!(verified.claims.get("task"), Some(&json!({"id": "t-1"})));
    let debug = format!("{verified:?}");
    assert!(debug.contains("agent-7") && !debug.contains("t-1"), "{debug}");
    Ok(())
}

/// Whoever verifies: jwt-simple alone knows `jti` and `nonce` as texts.
#[test]
fn numbers_that_standards_have_as_texts() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let (keys, rules) = (issuer.keys()?, rules(Profile::AccessToken)?);
    for algorithm in Algorithm::ALL {
        let (mut numbers, mut texts) = (claims(), claims());
        for (claims, seven) in [(&mut numbers, json!(7)), (&mut texts, json!("7"))] {
            for name in ["jti", "acr", "nonce"] {
                claims[name] = seven.clone();
            }
        }
        let verified = |claims: &Value| -> Result<_, Failure> {
            let token = issuer.token(*algorithm, &header(*algorithm), &claims.to_string())?;
            Ok(verify(&token, &rules, &keys, UnixTime::from_secs(NOW))?)
        };
        let (numbers, texts) = (verified(&numbers)?, verified(&texts)?);
        assert_eq!((numbers.id, texts.id), (Some(Scalar::Number(7)), Some("7".into())), "{algorithm}");
        let classes = (numbers.authentication_class, texts.authentication_class);
        assert_eq!(classes, (Some(Scalar::Number(7)), Some("7".into())), "{algorithm}");

        let mut spoilt = issuer.token(*algorithm, &header(*algorithm), &json!({"jti": 7}).to_string())?;
        spoilt.push('A');
        assert!(verify(&spoilt, &rules, &keys, UnixTime::from_secs(NOW)).is_err(), "{algorithm}");
    }
    Ok(())
}

/// What nobody reads spoils nothing, whoever verifies: to jwt-simple a number that no double holds is not JSON.
#[test]
fn numbers_that_nobody_reads() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let (keys, rules) = (issuer.keys()?, rules(Profile::AccessToken)?);
    let claims = claims().to_string();
    for algorithm in Algorithm::ALL {
        let verified = |more: &str| -> Result<_, Failure> {
            let payload = claims.replacen('{', &format!("{{{more},"), 1);
            let token = issuer.token(*algorithm, &header(*algorithm), &payload)?;
            Ok(verify(&token, &rules, &keys, UnixTime::from_secs(NOW)).map(|token| token.claims))
        };
        let read = verified(r#""a":1e400,"b":{"c":[12345678901234567890123]},"d":9223372036854775807"#)??;
        // Neither a number nor a text to who reads it, or exactly what was written.
        let expected = json!([[null], { "c": [[null]] }, i64::MAX]);
        assert_eq!(json!([read.get("a"), read.get("b"), read.get("d")]), expected, "{algorithm}");
        for (more, error) in [
            (r#""auth_time":1e400"#, "claim `auth_time` is not a NumericDate"),
            (r#""auth_time":18446744073709551615"#, "claim `auth_time` is not a NumericDate"),
            (r#""act":1e400"#, "claim `act` is not an object"),
            (r#""acr":1e400"#, "claim `acr` is not a string or a whole number from 0 to 2^53 - 1"),
            (
                r#""nonce":12345678901234567890123"#,
                "claim `nonce` is not a string or a whole number from 0 to 2^53 - 1",
            ),
            (r#""cnf":{"jkt":1e400}"#, "claim `cnf` binds the token in a way that cannot be checked here"),
            (r#""a":1e400,"a":1"#, "payload: an object has two members of the same name"),
        ] {
            assert_eq!(verified(more)?.map(drop), Err(error.to_owned()), "{algorithm} {more}");
        }
        let mut spoilt = issuer.token(*algorithm, &header(*algorithm), r#"{"a":1e400}"#)?;
        spoilt.push('A');
        assert!(verify(&spoilt, &rules, &keys, UnixTime::from_secs(NOW)).is_err(), "{algorithm}");
    }
    Ok(())
}

#[test]
fn the_edges_of_every_rule() -> Result<(), Failure> {
    for (changes, outcome) in [
        (json!({"aud": ["https://a.example.com", AUDIENCE]}), Ok(())),
        (json!({"aud": []}), Err("claim `aud` names none of the configured audiences")),
        // Leeway is 30 s, on either side; `exp` itself is too late (RFC 7519 §4.1.4).
        (json!({"exp": NOW - 29}), Ok(())),
        (json!({"exp": NOW - 30}), Err("claim `exp` has passed")),
        (json!({"nbf": NOW + 30}), Ok(())),
        (json!({"nbf": NOW + 31}), Err("claim `nbf` is in the future")),
        (json!({"iat": NOW + 30}), Ok(())),
        (json!({"iat": NOW + 31}), Err("claim `iat` is in the future")),
        (json!({"iat": NOW - 600, "exp": NOW + 300}), Ok(())),
        (json!({"iat": NOW - 600, "exp": NOW + 301}), Err("claim `exp` is further from `iat` than allowed")),
        // Fractions (RFC 7519 §2), against the token's holder.
        (json!({"exp": 1_799_999_970.5}), Ok(())),
        (json!({"exp": 1_799_999_970.000_4}), Err("claim `exp` has passed")),
        (json!({"nbf": 1_800_000_030.000_1}), Err("claim `nbf` is in the future")),
        (json!({"exp": 1.800_000_3e9}), Ok(())),
        (json!({"sub": "a".repeat(2048)}), Ok(())),
        (json!({"sub": "a".repeat(2049)}), Err("claim `sub` is empty, too long or has control characters")),
        (json!({"sub": "Zoë 代理"}), Ok(())),
        (json!({"nonce": "n"}), Ok(())),
        (json!({"nonce": 1_769_472_000}), Ok(())),
        (json!({"jti": 9_007_199_254_740_991_u64, "acr": 1}), Ok(())),
        (
            json!({"jti": 9_007_199_254_740_992_u64}),
            Err("claim `jti` is not a string or a whole number from 0 to 2^53 - 1"),
        ),
        (json!({"exp": 1e16}), Err("claim `exp` is not a NumericDate")),
        (json!({"sub": u64::MAX}), Err("claim `sub` is not a string")),
        // Nobody reads it.
        (json!({"id": u64::MAX, "seen": 1_764_547_200_000_000_000_u64}), Ok(())),
        (json!({"acr": 0.5}), Err("claim `acr` is not a string or a whole number from 0 to 2^53 - 1")),
        (json!({"act": nested_actors(8)}), Ok(())),
        (json!({"act": nested_actors(9)}), Err("claim `act` is nested too deep")),
    ] {
        assert_eq!(accepted(&changes)?, outcome.map_err(str::to_owned), "{changes}");
    }
    Ok(())
}

fn nested_actors(levels: usize) -> Value {
    (1..levels).fold(json!({"sub": "inner"}), |act, _| json!({"sub": "outer", "act": act}))
}

/// `typ` that jwt-simple alone would refuse, and a time that it cannot count to.
#[test]
fn generic_tokens_of_the_listed_types() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let types = ["JOSE", "JWT", ""].map(str::to_owned).to_vec();
    let rules = IssuerRules::new(
        ISSUER.to_owned(),
        Profile::Generic { types },
        vec![AUDIENCE.to_owned()],
        vec![Algorithm::ES256],
        None,
        Duration::ZERO,
    )?;
    let payload = json!({"iss": ISSUER, "sub": "s", "aud": AUDIENCE, "exp": 253_402_300_799_u64}).to_string();
    for typ in [r#","typ":"JOSE""#, r#","typ":"jwt""#, r#","typ":"application/jwt""#, ""] {
        let header = format!(r#"{{"alg":"ES256","kid":"es256","x5c":["MII"],"jku":"https://evil.example"{typ}}}"#);
        let token = issuer.token(Algorithm::ES256, &header, &payload)?;
        let verified = verify(&token, &rules, &issuer.keys()?, UnixTime::from_secs(NOW))?;
        assert_eq!((verified.issued, verified.client_id, verified.id), (None, None, None));
    }
    Ok(())
}

#[test]
fn jwt_svids_are_told_by_their_trust_domain() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let audiences = vec![AUDIENCE.to_owned()];
    let algorithms = vec![Algorithm::ES256];
    let domain = "spiffe://example.org".to_owned();
    let lifetime = Some(Duration::from_mins(15));
    let rules = IssuerRules::new(domain.clone(), svid()?, audiences, algorithms, lifetime, Duration::ZERO)?;
    for typ in [r#","typ":"JOSE""#, r#","typ":"JWT""#, ""] {
        let header = format!(r#"{{"alg":"ES256","kid":"es256"{typ}}}"#);
        for issued_by in [json!(null), json!("https://oidc.example.org"), json!("anything")] {
            let mut claims = svid_claims();
            if !issued_by.is_null() {
                claims["iss"] = issued_by;
            }
            let token = issuer.token(Algorithm::ES256, &header, &claims.to_string())?;
            let verified = verify(&token, &rules, &issuer.keys()?, UnixTime::from_secs(NOW))?;
            assert_eq!(
                (&verified.issuer, verified.subject.sub()),
                (&domain, Some("spiffe://example.org/agents/seven"))
            );
        }
    }
    Ok(())
}

#[test]
fn transaction_tokens_are_known_by_their_transaction() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let rules = rules(Profile::TxnToken)?;
    let header = header(Algorithm::PS256).replace("at+jwt", "txntoken+jwt");
    for issued_by in [None, Some(ISSUER)] {
        let mut claims = transaction_claims();
        claims["jti"] = json!("another id");
        if let Some(issued_by) = issued_by {
            claims["iss"] = json!(issued_by);
        }
        let token = issuer.token(Algorithm::PS256, &header, &claims.to_string())?;
        let verified = verify(&token, &rules, &issuer.keys()?, UnixTime::from_secs(NOW))?;
        assert_eq!((verified.issuer.as_str(), verified.id), (ISSUER, Some("97053963-771d".into())));
        assert_eq!(verified.requester.as_deref(), Some("apigateway.trust-domain.example"));
    }
    Ok(())
}

#[test]
fn what_a_token_is_bound_to_is_read() -> Result<(), Failure> {
    let (zeros, ones) = (crate::issuer::encode([0; 32])?, crate::issuer::encode([1; 32])?);
    for (cnf, key, certificate) in [
        (json!({"jkt": zeros}), Some([0; 32]), None),
        (json!({"x5t#S256": ones}), None, Some([1; 32])),
        (json!({"jkt": zeros, "x5t#S256": ones}), Some([0; 32]), Some([1; 32])),
    ] {
        let token = signed(&json!({"cnf": cnf}))?;
        let keys = Issuer::shared()?.keys()?;
        let verified = verify(&token, &rules(Profile::AccessToken)?, &keys, UnixTime::from_secs(NOW))?;
        assert_eq!(verified.confirmation, Some(Confirmation { key, certificate }));
    }
    Ok(())
}

#[test]
fn a_cached_token_is_judged_by_the_clock_again() -> Result<(), Failure> {
    let rules = rules(Profile::AccessToken)?;
    let token = signed(&json!({"nbf": NOW - 10}))?;
    let verified = verify(&token, &rules, &Issuer::shared()?.keys()?, UnixTime::from_secs(NOW))?;
    let at = |now: u64| rules.still_valid(&verified, UnixTime::from_secs(now));
    assert_eq!(at(NOW), Ok(()));
    assert_eq!(at(NOW + 329), Ok(()));
    assert_eq!(at(NOW + 330), Err(TokenError::Expired));
    // A clock that was set back.
    assert_eq!(at(NOW - 40), Ok(()));
    assert_eq!(at(NOW - 41), Err(TokenError::NotYetValid));
    Ok(())
}

#[test]
fn a_verifier_refuses_a_key_for_another_algorithm() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let token = issuer.token(Algorithm::RS256, &header(Algorithm::RS256), &claims().to_string())?;
    let jws = CompactJws::parse(&token, MAX_BYTES)?;
    let keys = issuer.keys()?;
    for key in keys.keys() {
        let expected = if key.algorithm() == Algorithm::RS256 { Ok(()) } else { Err(TokenError::KeyAlgorithm) };
        assert_eq!(countersign_tokens::JwtSimple.verify(&jws, key), expected, "{key:?}");
    }
    Ok(())
}

/// AWS Cognito's access tokens have `client_id` and no `aud`; its ID tokens have the client in `aud`.
#[test]
fn whom_a_token_without_aud_is_for() -> Result<(), Failure> {
    let issuer = Issuer::shared()?;
    let keys = issuer.keys()?;
    let required = vec![("token_use".to_owned(), Scalar::from("access"))];
    let lax = rules(Profile::AccessToken)?.with_required(required)?.with_audience_claim("client".to_owned())?;
    let missing = "claim `aud` is missing, and so is the claim that is to take its place";
    let other = "claim `aud` is missing, and the claim in its place names none of the configured audiences";
    for (changes, outcome) in [
        (json!({"token_use": "access"}), Ok(false)),
        (json!({"token_use": "access", "aud": null, "client": AUDIENCE}), Ok(true)),
        (json!({"token_use": "access", "client": "another"}), Ok(false)),
        (json!({"token_use": "access", "aud": null}), Err(missing)),
        (json!({"token_use": "access", "aud": null, "client": [AUDIENCE]}), Err(missing)),
        (json!({"token_use": "access", "aud": null, "client": "another"}), Err(other)),
        (
            json!({"token_use": "access", "aud": [], "client": AUDIENCE}),
            Err("claim `aud` names none of the configured audiences"),
        ),
        (json!({"aud": null, "client": AUDIENCE}), Err("a claim is not what the issuer's tokens must say")),
        (json!({"token_use": "id"}), Err("a claim is not what the issuer's tokens must say")),
    ] {
        let verified = verify(&signed(&changes)?, &lax, &keys, UnixTime::from_secs(NOW));
        assert_eq!(verified.map(|token| lax.is_for_client(&token)), outcome.map_err(str::to_owned), "{changes}");
    }
    let strict = rules(Profile::AccessToken)?;
    let without = signed(&json!({"aud": null, "client": AUDIENCE}))?;
    let refused = verify(&without, &strict, &keys, UnixTime::from_secs(NOW)).map(drop);
    assert_eq!(refused, Err("claim `aud` is missing".to_owned()));
    Ok(())
}
