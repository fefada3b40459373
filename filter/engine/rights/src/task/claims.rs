//! Claims as the texts and times that tasks are made of.

use countersign_facts::digest;
use countersign_facts::pointer::Pointer;
use countersign_protocols::bounds::TaskError;
use countersign_tokens::json::MAX_INTEGER;
use countersign_tokens::{Scalar, UnixTime, VerifiedToken};
use serde_json::{Map, Value};

/// Characters of a task's id.
pub(super) const MAX_ID: usize = 256;
/// Characters of a purpose.
pub(super) const MAX_PURPOSE: usize = 1024;

/// What tells a task from others where no claim does: `jti`, a digest of one that is a number, else the credential, whose SHA-256 is made for that.
pub(super) fn fallback_id(
    token: &VerifiedToken,
    credential_digest: &dyn Fn() -> [u8; 32],
) -> Result<String, TaskError> {
    match &token.id {
        Some(Scalar::Text(id)) if is_line(id, MAX_ID) => Ok(id.clone()),
        // No text that is a `jti` is to be the same task.
        Some(Scalar::Number(id)) => Ok(digest::text(&digest::of_texts(&["jti", &id.to_string()]))),
        Some(Scalar::Text(_)) => Err(TaskError::unusable("claim `/jti`")),
        None => Ok(digest::text(&credential_digest())),
    }
}

pub(super) fn required<'c>(pointer: &Pointer, claims: &'c Map<String, Value>) -> Result<&'c Value, TaskError> {
    pointer.find(claims).ok_or_else(|| TaskError::Missing(pointer.to_string()))
}

pub(super) fn unusable(pointer: &Pointer) -> TaskError {
    TaskError::unusable(format!("claim `{pointer}`"))
}

pub(super) fn line(pointer: &Pointer, claims: &Map<String, Value>, longest: usize) -> Result<String, TaskError> {
    let text = required(pointer, claims)?.as_str().filter(|text| is_line(text, longest));
    text.map(str::to_owned).ok_or_else(|| unusable(pointer))
}

/// What people and log files will read.
pub(super) fn is_line(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
}

pub(super) fn instant(pointer: &Pointer, claims: &Map<String, Value>) -> Result<UnixTime, TaskError> {
    numeric_date(required(pointer, claims)?).ok_or_else(|| unusable(pointer))
}

/// A JWT `NumericDate` (RFC 7519 §2); fractions are cut off.
pub(super) fn numeric_date(value: &Value) -> Option<UnixTime> {
    let seconds = value.as_u64().filter(|seconds| *seconds <= MAX_INTEGER).or_else(|| whole_seconds(value.as_f64()?));
    seconds.map(UnixTime::from_secs)
}

fn whole_seconds(seconds: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let cut = seconds as u64;
    (0.0..=9_007_199_254_740_992.0).contains(&seconds).then_some(cut)
}
