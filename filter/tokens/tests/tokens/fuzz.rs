//! Fuzz targets: header, token, claims and key set, each from the hostile corpus and good tokens as seeds, spoilt further.
//!
//! Nothing may panic, and whatever is accepted must be what a token has to be.

use std::sync::LazyLock;

use countersign_tokens::{
    Algorithm, CompactJws, IssuerRules, JwtSimple, Key, KeyFormat, KeySet, MAX_KEYS, Profile, TokenError, UnixTime,
    Verifier,
};
use serde_json::{Value, json};

use crate::hostile::parts;
use crate::issuer::{AUDIENCE, Failure, Issuer, MAX_BYTES, NOW, claims, encode, header, rules};
use crate::oracle::judged;
use crate::spoil::{INPUTS, Spoilt, fuzz};

/// Pieces of JSON, JOSE and numbers at their edges.
const PIECES: [&str; 24] = [
    "\"alg\":\"none\"",
    "\"alg\":\"HS256\"",
    "\"crit\":[\"b64\"]",
    "\"b64\":false",
    "\"typ\":\"at+jwt\"",
    "\"kid\":null",
    "\"exp\":1e400",
    "\"exp\":-1",
    "\"nbf\":9007199254740993",
    "\"aud\":[]",
    "\"sub\":\"\\u0000\"",
    "\"act\":{\"sub\":\"a\"}",
    "\"cnf\":{\"jkt\":\"\"}",
    "\"iss\":{}",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\\ud800",
    "\u{202e}",
    "\0",
    "=",
    ".",
];

/// A gateway's own cryptography where every signature is right: what is judged behind it is reached.
struct SignatureIsRight;

impl Verifier for SignatureIsRight {
    fn verify(&self, _: &CompactJws<'_>, _: &Key) -> Result<(), TokenError> {
        Ok(())
    }
}

/// Headers, payloads and whole tokens of the corpus, and good ones.
struct Seeds {
    headers: Vec<Vec<u8>>,
    payloads: Vec<Vec<u8>>,
    tokens: Vec<Vec<u8>>,
    key_sets: Vec<Vec<u8>>,
    /// Encoded.
    good_header: String,
    good_payload: String,
    keys: KeySet,
    rules: IssuerRules,
}

#[expect(clippy::expect_used, reason = "a target has no way to fail but to panic")]
static SEEDS: LazyLock<Seeds> = LazyLock::new(|| seeds().expect("the corpus is readable"));

fn seeds() -> Result<Seeds, Failure> {
    let issuer = Issuer::shared()?;
    let algorithms = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];
    let jwks = algorithms.into_iter().map(|algorithm| issuer.jwk(algorithm)).collect::<Result<Vec<_>, _>>()?;
    let key_sets = [json!({ "keys": jwks }), json!({ "keys": [] }), json!({ "keys": [jwks.first()] })];
    let mut seeds = Seeds {
        headers: Vec::new(),
        payloads: Vec::new(),
        tokens: Vec::new(),
        key_sets: key_sets.iter().map(|set| set.to_string().into_bytes()).collect(),
        good_header: encode(header(Algorithm::RS256))?,
        good_payload: encode(claims().to_string())?,
        keys: issuer.keys()?,
        rules: rules(Profile::AccessToken)?,
    };
    for (header, payload, token) in parts()? {
        seeds.headers.push(header.into_bytes());
        seeds.payloads.push(payload.into_bytes());
        seeds.tokens.push(token.into_bytes());
    }
    // A good one for every other, so that deeper checks are reached as often.
    let signed = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    for algorithm in signed.into_iter().cycle().take(seeds.tokens.len()) {
        let (header, payload) = (header(algorithm), claims().to_string());
        seeds.tokens.push(issuer.token(algorithm, &header, &payload)?.into_bytes());
        seeds.headers.push(header.into_bytes());
        seeds.payloads.push(payload.into_bytes());
    }
    Ok(seeds)
}

/// What every accepted token is, whatever else it says.
fn assert_sound(token: &str, verifier: &dyn Verifier) {
    let Seeds { rules, keys, .. } = &*SEEDS;
    let Ok(jws) = CompactJws::parse(token, MAX_BYTES) else { return };
    let Ok(token) = rules.verify(jws, keys, verifier, UnixTime::from_secs(NOW)) else { return };
    assert!(token.expires.plus(rules.leeway()) > UnixTime::from_secs(NOW), "expired");
    let subject = token.subject.sub().unwrap_or_default();
    assert!(!subject.is_empty() && !subject.chars().any(char::is_control), "subject");
    assert!(token.actors.len() <= countersign_tokens::MAX_ACTORS, "actors");
    let audience = token.claims.get("aud").map(Value::to_string).unwrap_or_default();
    assert!(audience.contains(AUDIENCE), "audience {audience}");
    assert!(rules.algorithms().iter().any(|algorithm| Some(*algorithm) == token.algorithm), "algorithm");
    assert_eq!(rules.still_valid(&token, UnixTime::from_secs(NOW)), Ok(()));
}

#[test]
fn token() {
    fuzz!("tokens-token", Spoilt, INPUTS / 4, |spoilt| {
        let Ok(token) = String::from_utf8(spoilt.of(&SEEDS.tokens, &PIECES)) else { return };
        // Both verifiers, which must agree.
        let _ = judged(&token, &SEEDS.rules, &SEEDS.keys, UnixTime::from_secs(NOW));
        assert_sound(&token, &JwtSimple);
    });
}

#[test]
fn header_text() {
    fuzz!("tokens-header-text", Spoilt, INPUTS, |spoilt| {
        let Ok(header) = encode(spoilt.of(&SEEDS.headers, &PIECES)) else { return };
        assert_sound(&format!("{header}.{}.AAAA", SEEDS.good_payload), &SignatureIsRight);
    });
}

#[test]
fn claims_text() {
    fuzz!("tokens-claims-text", Spoilt, INPUTS, |spoilt| {
        let Ok(payload) = encode(spoilt.of(&SEEDS.payloads, &PIECES)) else { return };
        assert_sound(&format!("{}.{payload}.AAAA", SEEDS.good_header), &SignatureIsRight);
    });
}

#[test]
fn key_set() {
    fuzz!("tokens-key-set", Spoilt, INPUTS / 4, |spoilt| {
        let json = spoilt.of(&SEEDS.key_sets, &PIECES);
        for format in [KeyFormat::Jwks, KeyFormat::SpiffeBundle] {
            let Ok(set) = KeySet::read(&json, format) else { continue };
            assert!(set.keys().len() + set.skipped().len() <= MAX_KEYS, "bounded");
            let mut names: Vec<_> = set.keys().iter().filter_map(Key::id).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "two keys of one name");
        }
    });
}

/// Spoilt seeds are not all refused at the door: enough of them pass every check.
#[test]
fn the_seeds_reach_the_last_check() {
    let accepted = SEEDS.tokens.iter().filter(|token| {
        let token = String::from_utf8_lossy(token);
        judged(&token, &SEEDS.rules, &SEEDS.keys, UnixTime::from_secs(NOW)).is_ok()
    });
    assert!(accepted.count() * 3 >= SEEDS.tokens.len(), "too few good seeds");
}
