//! RS256 access tokens (RFC 9068) for the load, and the key set they verify with.

use anyhow::Result;
use jwt_simple::prelude::{Claims, Duration, RS256KeyPair, RSAKeyPairLike};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://sts.example.com";
pub(crate) const AUDIENCE: &str = "https://tools.example.com/mcp";
/// More than any cache on the way holds (ours 1,024; `jwt_authn`'s 100).
const FRESH: usize = 5_000;

/// Tokens and their keys.
pub(crate) struct Minted {
    pub(crate) known: String,
    pub(crate) fresh: Vec<String>,
    /// JWKS.
    pub(crate) keys: Value,
}

/// Signs everything with a key made now.
pub(crate) fn mint() -> Result<Minted> {
    let key = RS256KeyPair::generate(2048)?.with_key_id("bench");
    let mut jwk: Value = serde_json::from_str(&key.public_key().to_jwk())?;
    jwk["kid"] = json!("bench");
    jwk["alg"] = json!("RS256");
    jwk["use"] = json!("sig");
    let known = sign(&key, 0)?;
    let progress = indicatif::ProgressBar::new(FRESH as u64).with_message("signing tokens");
    let fresh = (1..=FRESH)
        .map(|number| {
            progress.inc(1);
            sign(&key, number)
        })
        .collect::<Result<_>>()?;
    progress.finish_and_clear();
    Ok(Minted { known, fresh, keys: json!({ "keys": [jwk] }) })
}

fn sign(key: &RS256KeyPair, number: usize) -> Result<String> {
    let claims = Claims::with_custom_claims(
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
    .with_jwt_id(format!("token-{number}"));
    let options = jwt_simple::common::HeaderOptions { content_type: None, signature_type: Some("at+jwt".to_owned()) };
    key.sign_with_options(claims, &options)
}
