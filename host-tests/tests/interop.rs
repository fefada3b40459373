//! Three other implementations: `jose` (npm), `joserfc` (Python) and the crate `spiffe`. What they make is accepted; what is accepted
//! here they accept too, and where nothing of ours is deliberately stricter all say the same.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::root;
use countersign_host_tests::part::Part;
use countersign_host_tests::scenario::format::{Signing, Spoil, Token};
use countersign_host_tests::scenario::token::{ISSUER, mint};
use countersign_host_tests::scenario::{keys, text};
use countersign_tokens::{
    Algorithm, CompactJws, IssuerRules, JwtSimple, KeyFormat, KeySet, Profile, TokenError, UnixTime, VerifiedToken,
};
use serde_json::{Value, json};
use spiffe::{JwtBundle, JwtBundleSet, JwtSvid, TrustDomain};

const AUDIENCE: &str = "https://tools.test/mcp";
const MAX_BYTES: usize = 16 * 1024;

fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn rules(profile: Profile) -> Result<IssuerRules> {
    let issuer = profile.trust_domain().map_or_else(|| ISSUER.to_owned(), countersign_tokens::TrustDomain::id);
    let svid = matches!(profile, Profile::JwtSvid { .. });
    let algorithms = Algorithm::ALL.iter().copied().filter(|algorithm| !svid || *algorithm != Algorithm::EdDSA);
    let lifetime = Some(Duration::from_mins(15));
    Ok(IssuerRules::new(issuer, profile, vec![AUDIENCE.to_owned()], algorithms.collect(), lifetime, Duration::ZERO)?)
}

fn ours(token: &str, jwk: &Value, profile: Profile) -> Result<Result<VerifiedToken, TokenError>> {
    let format = if profile == Profile::AccessToken { KeyFormat::Jwks } else { KeyFormat::SpiffeBundle };
    let keys = KeySet::from_value(&json!({ "keys": [jwk] }), format)?;
    let rules = rules(profile)?;
    let now = UnixTime::from_secs(now()?);
    Ok(CompactJws::parse(token, MAX_BYTES).and_then(|jws| rules.verify(jws, &keys, &JwtSimple, now)))
}

/// Both other implementations of JOSE.
fn others() -> Result<[(&'static str, Part); 2]> {
    let python = root().join(".cache/python");
    ensure!(python.is_dir(), "joserfc is not there; run `scripts/setup python`");
    let mut joserfc = Command::new("python3");
    joserfc.arg(root().join("host-tests/parts/joserfc_part.py")).env("PYTHONPATH", python);
    Ok([("jose", Part::node("jose.mjs")?), ("joserfc", Part::start(&mut joserfc)?)])
}

#[test]
fn tokens_of_other_implementations_are_read_as_they_were_written() -> Result<()> {
    for (name, mut other) in others()? {
        for algorithm in Algorithm::ALL {
            let claims = json!({
                "iss": ISSUER, "sub": "agent-7 \u{2014} \u{1f916}", "aud": [AUDIENCE], "client_id": "c", "jti": "j-1",
                "iat": now()?, "exp": now()? + 60, "scope": "mcp:tool:lookup", "act": { "sub": "planner" },
                "nested": { "list": [1, -2, 0.5, true, null, "\u{e9}\\\"/"] },
            });
            let command = json!({
                "do": "mint", "algorithm": algorithm.name(), "header": { "typ": "at+jwt" }, "claims": claims,
            });
            let answer = other.ask(&command)?;
            let token = answer["token"].as_str().context("no token")?;
            let verified = ours(token, &answer["jwk"], Profile::AccessToken)?
                .with_context(|| format!("{name} {}", algorithm.name()))?;
            ensure!(Value::Object(verified.claims) == claims, "{name} {}: other claims", algorithm.name());
        }
    }
    Ok(())
}

/// A token of ours and whether others must say the same of it; if not, why we are stricter.
struct Case {
    name: &'static str,
    token: Token,
    stricter: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    let claims = |claims: Value| Token { claims: Some(claims), ..Token::default() };
    let header = |header: Value| Token { header: Some(header), ..Token::default() };
    let spoilt = |spoil| Token { spoil: Some(spoil), ..Token::default() };
    let signed = |sign| Token { sign: Some(sign), ..Token::default() };
    let alike = |name, token| Case { name, token, stricter: None };
    let stricter = |name, token, why| Case { name, token, stricter: Some(why) };
    vec![
        alike("good", Token::default()),
        alike("good, ES256", Token { key: Some("ec1".to_owned()), ..Token::default() }),
        alike("good, EdDSA", Token { key: Some("ed1".to_owned()), ..Token::default() }),
        stricter(
            "RS384 with a key for RS256",
            Token { sign: Some(Signing::Rs384), header: Some(json!({ "alg": "RS384" })), ..Token::default() },
            "one algorithm per key (RFC 8725bis)",
        ),
        alike("two audiences", claims(json!({ "aud": ["https://elsewhere.test", AUDIENCE] }))),
        alike("another audience", claims(json!({ "aud": "https://elsewhere.test" }))),
        alike("no audience", claims(json!({ "aud": null }))),
        alike("another issuer", claims(json!({ "iss": "https://elsewhere.test" }))),
        alike("issuer with a slash", claims(json!({ "iss": "https://sts.test/" }))),
        alike("expired", claims(json!({ "exp": "now-1s" }))),
        alike("no expiry", claims(json!({ "exp": null }))),
        alike("not yet valid", claims(json!({ "nbf": "now+60s" }))),
        alike("no subject", claims(json!({ "sub": null }))),
        alike("another type", header(json!({ "typ": "JWT" }))),
        alike("no type", header(json!({ "typ": null }))),
        alike("flipped signature", spoilt(Spoil::FlipSignature)),
        alike("swapped claims", spoilt(Spoil::SwapClaims)),
        alike("four parts", spoilt(Spoil::FourthPart)),
        alike("two parts", spoilt(Spoil::TwoParts)),
        alike(
            "alg none",
            Token { header: Some(json!({ "alg": "none" })), sign: Some(Signing::None), ..Token::default() },
        ),
        alike(
            "HS256 with the public key",
            Token {
                header: Some(json!({ "alg": "HS256" })),
                sign: Some(Signing::HmacWithPublicPem),
                ..Token::default()
            },
        ),
        alike("zero signature", signed(Signing::Zero)),
        alike("unknown critical parameter", header(json!({ "crit": ["x"], "x": 1 }))),
        alike("algorithm in another case", header(json!({ "alg": "rs256" }))),
        stricter("loose bits", spoilt(Spoil::LooseBits), "two spellings of one token"),
        stricter("padding", spoilt(Spoil::Padding), "two spellings of one token"),
        stricter("no jti", claims(json!({ "jti": null })), "RFC 9068 §2.2"),
        stricter("no client_id", claims(json!({ "client_id": null })), "RFC 9068 §2.2"),
        stricter("too long", claims(json!({ "exp": "now+1h" })), "max_lifetime"),
        stricter("issued in the future", claims(json!({ "iat": "now+60s" })), "iat is judged"),
        stricter(
            "duplicate member",
            Token {
                claims_text: Some(format!(
                    r#"{{"iss":"{ISSUER}","sub":"a","sub":"b","aud":"{AUDIENCE}","client_id":"c","jti":"j","iat":{{now}},"exp":{{now+60s}}}}"#
                )),
                ..Token::default()
            },
            "RFC 8725bis: duplicate members",
        ),
    ]
}

#[test]
fn verdicts_agree() -> Result<()> {
    let mut others = others()?;
    let mut accepted = 0;
    for Case { name, token: spec, stricter } in cases() {
        let key = spec.key.as_deref().unwrap_or("rsa1");
        // The key is for whatever the token says: what is refused is refused for the token's sake.
        let mut jwk = keys::key(key)?.jwk(key);
        text::merge(&mut jwk, &json!({ "alg": null }));
        let token = mint(&spec, now()?, &[])?;
        let verdict = ours(&token, &jwk, Profile::AccessToken)?;
        accepted += usize::from(verdict.is_ok());
        for (other, part) in &mut others {
            let algorithms: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
            let command = json!({
                "do": "judge", "token": token, "jwk": jwk, "algorithms": algorithms, "issuer": ISSUER, "audience": AUDIENCE,
            });
            let answer = part.ask(&command)?;
            let theirs = answer["accepts"] == true;
            let same = theirs == verdict.is_ok();
            ensure!(
                same || (stricter.is_some() && theirs && verdict.is_err()),
                "{name}: {other} says {answer}, ours {verdict:?}"
            );
        }
        ensure!(stricter.is_none() || verdict.is_err(), "{name}: accepted, though {stricter:?}");
    }
    ensure!(accepted == 4, "{accepted} good ones");
    Ok(())
}

/// The members of both; `more`'s where both have one.
fn over(mut members: Value, more: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (members.as_object_mut(), more) {
        members.extend(more);
    }
    members
}

#[test]
fn jwt_svids_are_judged_as_the_spiffe_library_judges_them() -> Result<()> {
    let id = "spiffe://example.org/agents/seven";
    let svid = |header: Value, claims: Value| {
        // Patches of what tokens say otherwise: null is absence.
        let all = json!({ "iss": null, "sub": id, "client_id": null, "jti": null, "task": null });
        let (header, claims) = (over(json!({ "typ": "JWT" }), header), over(all, claims));
        Token { header: Some(header), claims: Some(claims), ..Token::default() }
    };
    let plain = |claims: Value| svid(json!({}), claims);
    let ec = Token { key: Some("ec1".to_owned()), ..svid(json!({}), json!({})) };
    let none = json!({});
    let mut accepted = Vec::new();
    for (name, spec, stricter) in [
        ("good", plain(none.clone()), false),
        ("good, ES256", ec, false),
        ("typ JOSE", svid(json!({ "typ": "JOSE" }), none.clone()), false),
        ("no typ", svid(json!({ "typ": null }), none.clone()), false),
        ("typ at+jwt", svid(json!({ "typ": "at+jwt" }), none.clone()), false),
        ("another audience", plain(json!({ "aud": "https://elsewhere.test" })), false),
        ("no audience", plain(json!({ "aud": null })), false),
        ("expired", plain(json!({ "exp": "now-1s" })), false),
        ("no expiry", plain(json!({ "exp": null })), false),
        ("not yet valid", plain(json!({ "nbf": "now+60s" })), false),
        ("another trust domain", plain(json!({ "sub": "spiffe://example.com/agents/seven" })), false),
        ("no SPIFFE ID", plain(json!({ "sub": "agent-7" })), false),
        ("path that climbs", plain(json!({ "sub": "spiffe://example.org/a/../b" })), false),
        ("path that ends in a slash", plain(json!({ "sub": "spiffe://example.org/a/" })), false),
        ("port", plain(json!({ "sub": "spiffe://example.org:8443/a" })), false),
        ("query", plain(json!({ "sub": "spiffe://example.org/a?b" })), false),
        ("header with jku", svid(json!({ "jku": "https://evil.test" }), none.clone()), false),
        ("header with jwk", svid(json!({ "jwk": "{own}" }), none.clone()), false),
        ("flipped signature", Token { spoil: Some(Spoil::FlipSignature), ..plain(none.clone()) }, false),
        ("swapped claims", Token { spoil: Some(Spoil::SwapClaims), ..plain(none.clone()) }, false),
        (
            "signed with another key",
            Token { key: Some("rsa2".to_owned()), ..svid(json!({ "kid": "rsa1" }), none.clone()) },
            false,
        ),
        // `max_lifetime` is the operator's.
        ("too long", plain(json!({ "exp": "now+2h" })), true),
    ] {
        let key = if spec.key.as_deref() == Some("ec1") { "ec1" } else { "rsa1" };
        let token = mint(&spec, now()?, &[])?;
        let mut jwk = keys::key(key)?.jwk(key);
        text::merge(&mut jwk, &json!({ "use": "jwt-svid" }));
        let trust_domain: countersign_tokens::TrustDomain = "example.org".parse()?;
        let verdict = ours(&token, &jwk, Profile::JwtSvid { trust_domain })?;

        let mut bundle = JwtBundle::new(TrustDomain::new("example.org")?);
        bundle.add_jwk_authority_json(jwk.to_string().as_bytes())?;
        let mut bundles = JwtBundleSet::new();
        bundles.add_bundle(bundle);
        let theirs = JwtSvid::parse_and_validate(&token, &bundles, &[AUDIENCE]);
        let same = theirs.is_ok() == verdict.is_ok();
        ensure!(same || (stricter && verdict.is_err()), "{name}: theirs {theirs:?}, ours {verdict:?}");
        ensure!(!stricter || verdict.is_err(), "{name}: accepted");
        accepted.extend(verdict.is_ok().then_some(name));
    }
    ensure!(accepted == ["good", "good, ES256", "typ JOSE", "no typ"], "{accepted:?}");
    Ok(())
}
