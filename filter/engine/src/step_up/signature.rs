//! Signatures of Standard Webhooks 1.0, ours and the approver's: HMAC-SHA256 over `id.timestamp.body`, as `v1,` and base64.
//!
//! Written here because the reference library brings an old base64 into the module and reads a clock to check; it is the tests'
//! oracle.

use std::time::Duration;

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_tokens::UnixTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use subtle::{Choice, ConstantTimeEq};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Sha256;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// How far the signer's clock may be from ours, either way.
const TOLERANCE: Duration = Duration::from_mins(5);
/// Base64 characters of the shortest secret there may be (24 bytes): a shorter one could be guessed.
const MIN_SECRET: usize = 32;
/// Signatures looked at in one field; keys are rotated in pairs.
const MAX_SIGNATURES: usize = 8;

/// The fields that sign `body`; [`Reason::Internal`] when the secret is none.
pub(super) fn sign(secret: &str, id: &str, now: UnixTime, body: &[u8]) -> Result<[(&'static str, String); 3], Reason> {
    let timestamp = now.secs().to_string();
    let signature = signature(secret, id, &timestamp, body)?;
    Ok([(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signature)])
}

/// That the approver signed `body` about now.
pub(super) fn check(secret: &str, headers: &Headers, now: UnixTime, body: &[u8]) -> Result<(), Reason> {
    let field = |name| headers.single(name).ok().flatten().and_then(|value| std::str::from_utf8(value).ok());
    let (Some(id), Some(timestamp), Some(signatures)) = (field(ID), field(TIMESTAMP), field(SIGNATURE)) else {
        return Err(Reason::ApprovalUnsigned);
    };
    // A dot would move the borders of what is signed: `id.timestamp.body`.
    if id.is_empty() || id.contains('.') || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::ApprovalUnsigned);
    }
    let seconds: u32 = timestamp.parse().map_err(|_| Reason::ApprovalUnsigned)?;
    // The number itself: zeros before it are not signed.
    let expected = signature(secret, id, &seconds.to_string(), body)?;
    let matching = signatures
        .split(' ')
        .take(MAX_SIGNATURES)
        .fold(Choice::from(0), |found, candidate| found | candidate.as_bytes().ct_eq(expected.as_bytes()));
    if !bool::from(matching) {
        return Err(Reason::ApprovalUnsigned);
    }
    let signed = UnixTime::from_secs(u64::from(seconds));
    if now.since(signed) > TOLERANCE || signed.since(now) > TOLERANCE {
        return Err(Reason::ApprovalExpired);
    }
    Ok(())
}

/// The signature of `body`; [`Reason::Internal`] when the secret is none.
fn signature(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> Result<String, Reason> {
    let secret = secret.strip_prefix("whsec_").unwrap_or(secret);
    if secret.len() < MIN_SECRET {
        return Err(Reason::Internal);
    }
    let key = STANDARD.decode(secret).map_err(|_| Reason::Internal)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| Reason::Internal)?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}
