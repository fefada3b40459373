//! Standard Webhooks signatures, ours and the approver's.
//!
//! Signs with the reference library; checks by signing again and comparing, because the library's own check reads a clock.

use std::time::Duration;

use countersign_tokens::UnixTime;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use subtle::{Choice, ConstantTimeEq};

use crate::headers::Headers;
use crate::reason::Reason;

/// How far the signer's clock may be from ours, either way.
const TOLERANCE: Duration = Duration::from_mins(5);
/// Base64 characters of the shortest secret there may be (24 bytes): a shorter one could be guessed.
const MIN_SECRET: usize = 32;
/// Signatures looked at in one field; keys are rotated in pairs.
const MAX_SIGNATURES: usize = 8;

/// The fields that sign `body`; [`Reason::Internal`] when the secret is none.
pub(super) fn sign(secret: &str, id: &str, now: UnixTime, body: &[u8]) -> Result<[(&'static str, String); 3], Reason> {
    let timestamp = i64::try_from(now.secs()).map_err(|_| Reason::Internal)?;
    let signature = signer(secret)?.sign(id, timestamp, body).map_err(|_| Reason::Internal)?;
    Ok([
        (HEADER_WEBHOOK_ID, id.to_owned()),
        (HEADER_WEBHOOK_TIMESTAMP, timestamp.to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signature),
    ])
}

/// That the approver signed `body` about now.
pub(super) fn check(secret: &str, headers: &Headers, now: UnixTime, body: &[u8]) -> Result<(), Reason> {
    let field = |name| headers.single(name).ok().flatten().and_then(|value| std::str::from_utf8(value).ok());
    let (Some(id), Some(timestamp), Some(signatures)) =
        (field(HEADER_WEBHOOK_ID), field(HEADER_WEBHOOK_TIMESTAMP), field(HEADER_WEBHOOK_SIGNATURE))
    else {
        return Err(Reason::ApprovalUnsigned);
    };
    // A dot would move the borders of what is signed: `id.timestamp.body`.
    if id.is_empty() || id.contains('.') || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::ApprovalUnsigned);
    }
    let seconds: u32 = timestamp.parse().map_err(|_| Reason::ApprovalUnsigned)?;
    let expected = signer(secret)?.sign(id, i64::from(seconds), body).map_err(|_| Reason::ApprovalUnsigned)?;
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

fn signer(secret: &str) -> Result<Webhook, Reason> {
    if secret.strip_prefix("whsec_").unwrap_or(secret).len() < MIN_SECRET {
        return Err(Reason::Internal);
    }
    Webhook::new(secret).map_err(|_| Reason::Internal)
}
