//! RS256 and ES256 access tokens (RFC 9068) for the load, and the key set they verify with.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use jwt_simple::common::HeaderOptions;
use jwt_simple::prelude::{
    Claims, Duration, ECDSAP256KeyPairLike, ES256KeyPair, JWTClaims, RS256KeyPair, RSAKeyPairLike,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://sts.example.com";
const RSA: &str = "bench-rsa";
const EC: &str = "bench-ec";
pub(crate) const AUDIENCE: &str = "https://tools.example.com/mcp";
/// More than any cache on the way holds (ours 1,024; `jwt_authn`'s 100).
pub(crate) const FRESH: usize = 5_000;

/// Tokens and their keys.
pub(crate) struct Minted {
    pub(crate) known: String,
    pub(crate) fresh: Vec<String>,
    pub(crate) fresh_es256: Vec<String>,
    /// JWKS.
    pub(crate) keys: Value,
}

/// Signs everything with keys made now; `fresh` tokens of each algorithm besides the known one.
pub(crate) fn mint(fresh: usize) -> Result<Minted> {
    let rsa = RS256KeyPair::generate(2048)?.with_key_id(RSA);
    let ec = ES256KeyPair::generate().with_key_id(EC);
    let jwk = |text: &str, id: &str, algorithm: &str| {
        let mut jwk: Value = serde_json::from_str(text)?;
        (jwk["kid"], jwk["alg"], jwk["use"]) = (json!(id), json!(algorithm), json!("sig"));
        anyhow::Ok(jwk)
    };
    let keys = json!({ "keys": [jwk(&rsa.public_key().to_jwk(), RSA, "RS256")?, jwk(&ec.public_key().to_jwk(), EC, "ES256")?] });
    let options = HeaderOptions { content_type: None, signature_type: Some("at+jwt".to_owned()) };
    let progress = indicatif::ProgressBar::new(2 * fresh as u64).with_message("signing tokens");
    let many = |sign: &dyn Fn(JWTClaims<Value>) -> Result<String>| {
        let token = |number| {
            progress.inc(1);
            sign(claims(number))
        };
        (1..=fresh).map(token).collect::<Result<_>>()
    };
    let known = rsa.sign_with_options(claims(0), &options)?;
    let fresh_rs256 = many(&|claims| rsa.sign_with_options(claims, &options))?;
    let fresh_es256 = many(&|claims| ec.sign_with_options(claims, &options))?;
    progress.finish_and_clear();
    Ok(Minted { known, fresh: fresh_rs256, fresh_es256, keys })
}

/// Seconds since 1970, while the tokens are valid.
#[expect(clippy::disallowed_methods, reason = "the tokens are made now")]
pub(crate) fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn claims(number: usize) -> JWTClaims<Value> {
    Claims::with_custom_claims(
        json!({
            "client_id": "bench-agent",
            "task": {
                "id": format!("task-{number}"),
                "purpose": "pay the approved invoices",
                "grants": [{
                    "action": "mcp:tools/call", "resource": "payments", "object": "transfer",
                    "arguments": { "/amount": { "max": 500 } },
                }],
            },
        }),
        Duration::from_hours(1),
    )
    .with_issuer(ISSUER)
    .with_subject("spiffe://example.org/agents/bench")
    .with_audience(AUDIENCE)
    .with_jwt_id(format!("token-{number}"))
}
