//! Tokens, honest and hostile, with real signatures.

use anyhow::Context;
use countersign_tokens::{KeyFormat, KeySet};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::format::{ProofSpec, Spoil, Token};
use super::keys::{self, base64};
use super::request::Earlier;
use super::text::{fill_dates, merge, pieces, with_dates, with_texts};

/// The issuer `base` trusts.
pub const ISSUER: &str = "https://sts.test";

/// The text of the credential `spec` describes. `earlier` are the credentials of earlier steps.
pub fn mint(spec: &Token, now_secs: u64, earlier: &[String]) -> anyhow::Result<String> {
    if let Some(raw) = &spec.raw {
        return pieces(raw);
    }
    if let Some(step) = spec.of_step {
        return step.checked_sub(1).and_then(|index| earlier.get(index)).cloned().context("no such step before");
    }
    let name = spec.key.as_deref().unwrap_or("rsa1");
    let key = keys::key(name)?;
    let signing = spec.sign.unwrap_or_else(|| key.algorithm());
    let header = spec.header_text.clone().unwrap_or_else(|| {
        let mut header = json!({ "alg": signing.alg(key), "kid": name, "typ": "at+jwt" });
        merge(&mut header, spec.header.as_ref().unwrap_or(&json!({})));
        fill_own_key(&mut header, &key.jwk(name));
        header.to_string()
    });
    let claims = match &spec.claims_text {
        Some(text) => fill_dates(text, now_secs),
        None => claims(spec.claims.as_ref(), now_secs).to_string(),
    };
    let input = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
    let signature = key.sign(signing, input.as_bytes())?;
    spoilt(&input, signature, spec.spoil)
}

/// The claims of a task that may do whatever `base` offers, patched.
pub(super) fn claims(patch: Option<&Value>, now_secs: u64) -> Value {
    let mut claims = json!({
        "iss": ISSUER,
        "sub": "agent-7",
        "aud": "https://tools.test/mcp",
        "client_id": "agents",
        "iat": now_secs,
        "exp": now_secs + 300,
        "jti": uuid::Uuid::new_v4().to_string(),
        "task": {
            "id": "task-1",
            "purpose": "settle the invoice",
            "expires": now_secs + 300,
            "grants": [
                { "action": "mcp:tools/call", "resource": "payments", "object": "*" },
                { "action": "mcp:resources/read", "resource": "payments", "object": "*" },
                { "action": "mcp:prompts/get", "resource": "payments", "object": "*" },
                { "action": "http:GET", "resource": "reports", "object": "/reports/*" },
                { "action": "http:POST", "resource": "reports", "object": "/reports/*" },
            ],
        },
    });
    if let Some(patch) = patch {
        merge(&mut claims, patch);
    }
    let unique = |text: &str| (text == "{unique}").then(|| uuid::Uuid::new_v4().to_string());
    let claims = with_texts(claims, &|text| thumbprint(text).or_else(|| unique(text)).map(Value::from));
    with_dates(claims, now_secs)
}

/// `{jkt:NAME}` is the thumbprint of the key of that name (RFC 7638).
fn thumbprint(text: &str) -> Option<String> {
    let name = text.strip_prefix("{jkt:")?.strip_suffix('}')?;
    let key = keys::key(name).ok()?;
    let set = KeySet::from_value(&json!({ "keys": [key.jwk(name)] }), KeyFormat::Jwks).ok()?;
    Some(base64(&countersign_tokens::thumbprint(set.keys().first()?)))
}

/// The DPoP proof that `spec` describes, for `method` and `uri` with `credential`; `{nonce:STEP}` is what the client got in that
/// step.
pub fn proof(
    spec: &ProofSpec,
    (method, uri): (&str, &str),
    credential: &str,
    now_secs: u64,
    earlier: &Earlier,
) -> anyhow::Result<String> {
    if let Some(step) = spec.of_step {
        return step.checked_sub(1).and_then(|index| earlier.proofs.get(index)).cloned().context("no such step before");
    }
    let name = spec.key.as_deref().unwrap_or("ec2");
    let key = keys::key(name)?;
    let mut jwk = key.jwk(name);
    merge(&mut jwk, &json!({ "kid": null, "use": null }));
    let signing = spec.sign.unwrap_or_else(|| key.algorithm());
    let mut header = json!({ "typ": "dpop+jwt", "alg": signing.alg(key), "jwk": jwk });
    merge(&mut header, spec.header.as_ref().unwrap_or(&json!({})));
    let ath = base64(&sha2::Sha256::digest(credential));
    let mut claims =
        json!({ "jti": uuid::Uuid::new_v4().to_string(), "htm": method, "htu": uri, "iat": now_secs, "ath": ath });
    merge(&mut claims, spec.claims.as_ref().unwrap_or(&json!({})));
    let claims = with_texts(with_dates(claims, now_secs), &|text| nonce(text, &earlier.nonces).map(Value::from));
    let input = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
    Ok(format!("{input}.{}", base64(&key.sign(signing, input.as_bytes())?)))
}

fn nonce(text: &str, earlier: &[String]) -> Option<String> {
    let step: usize = text.strip_prefix("{nonce:")?.strip_suffix('}')?.parse().ok()?;
    earlier.get(step.checked_sub(1)?).filter(|nonce| !nonce.is_empty()).cloned()
}

/// `"{own}"` stands for the signer's public JWK: for tokens that bring their own key.
fn fill_own_key(header: &mut Value, jwk: &Value) {
    if let Some(own) = header.get_mut("jwk").filter(|own| **own == json!("{own}")) {
        *own = jwk.clone();
    }
}

fn spoilt(input: &str, mut signature: Vec<u8>, spoil: Option<Spoil>) -> anyhow::Result<String> {
    let whole = |signature: &[u8]| format!("{input}.{}", base64(signature));
    Ok(match spoil {
        None => whole(&signature),
        Some(Spoil::FlipSignature) => {
            *signature.last_mut().context("there is no signature to flip")? ^= 1;
            whole(&signature)
        }
        Some(Spoil::SwapClaims) => {
            let (header, claims) = input.split_once('.').context("two parts")?;
            let mut claims: Value = serde_json::from_slice(&decoded(claims)?)?;
            merge(&mut claims, &json!({ "sub": "admin" }));
            format!("{header}.{}.{}", base64(claims.to_string().as_bytes()), base64(&signature))
        }
        Some(Spoil::Padding) => format!("{}=.{}=", input.replacen('.', "=.", 1), base64(&signature)),
        Some(Spoil::Blank) => format!("{input}. {}", base64(&signature)),
        Some(Spoil::FourthPart) => format!("{}.e30", whole(&signature)),
        Some(Spoil::TwoParts) => input.to_owned(),
        Some(Spoil::StandardAlphabet) => {
            // A byte sequence that is `+` and `/` in the standard alphabet, whatever the signature was.
            signature.splice(..3, [0xfb, 0xff, 0xbf]);
            format!("{input}.{}", base64(&signature).replace('-', "+").replace('_', "/"))
        }
        Some(Spoil::LooseBits) => {
            // 256 bytes end in a character of which four bits are unused, and zero in the one right spelling.
            let mut text = whole(&signature);
            let last = text.pop().context("a signature")?;
            let next = char::from_u32(u32::from(last) + 1).filter(char::is_ascii_alphanumeric);
            text.push(next.context("the last character of such a signature is A, Q, g or w")?);
            text
        }
    })
}

fn decoded(part: &str) -> anyhow::Result<Vec<u8>> {
    use ::base64::Engine as _;
    Ok(::base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part)?)
}
