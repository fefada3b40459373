//! Where an issuer writes what a credential is for, and reading it there.
//!
//! Whatever is configured must be in the token, in a usable form: a token without it is refused, not taken for one
//! without bounds.

use countersign_tokens::{UnixTime, VerifiedToken};
use serde_json::{Map, Value};

use super::grant::Grant;
use super::pointer::Pointer;
use super::{Task, scope};
use crate::digest;
use crate::reason::Reason;

/// Grants of one task, from claim and scope together.
const MAX_GRANTS: usize = 256;
/// Characters of a task's id.
const MAX_ID: usize = 256;
/// Characters of a purpose.
const MAX_PURPOSE: usize = 1024;

/// Where the claims are that make a [`Task`].
#[derive(Clone, Debug, PartialEq)]
pub struct TaskMapping {
    id: Option<Pointer>,
    purpose: Option<Pointer>,
    grants: Option<Pointer>,
    expires: Option<Pointer>,
    scope: bool,
}

/// A member of the configuration that is not a JSON Pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a JSON Pointer to a claim (`/claim`, `/claim/member`)")]
pub struct MappingError {
    /// `id`, `purpose`, `grants` or `expires`.
    pub member: &'static str,
    /// What was written.
    pub text: String,
}

/// Why a token makes no task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// A configured claim is not in the token.
    #[error("claim `{0}` is missing")]
    Missing(String),
    /// A claim, or a part of a grant, is not what it must be.
    #[error("unusable {0}")]
    Unusable(String),
    /// More grants or constraints than are read.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// A grant demands what cannot be enforced.
    #[error("constraint `{0}` is not supported")]
    UnsupportedConstraint(String),
}

impl TaskError {
    pub(super) fn unusable(what: impl Into<String>) -> Self {
        Self::Unusable(what.into())
    }

    /// How the request is answered.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing(_) | Self::Unusable(_) | Self::TooMany(_) => Reason::TaskRefused,
            Self::UnsupportedConstraint(_) => Reason::ConstraintUnsupported,
        }
    }
}

impl Default for TaskMapping {
    /// Grants from `scope`, the id from `jti`.
    fn default() -> Self {
        Self { id: None, purpose: None, grants: None, expires: None, scope: true }
    }
}

impl TaskMapping {
    /// A mapping of RFC 6901 pointers into the claims; every one that is not a pointer is reported.
    ///
    /// `scope` says whether the `scope` claim grants (beside the claim of `grants`, if both); when absent, it does where there
    /// is no pointer to grants.
    pub fn new(
        id: Option<&str>,
        purpose: Option<&str>,
        grants: Option<&str>,
        expires: Option<&str>,
        scope: Option<bool>,
    ) -> Result<Self, Vec<MappingError>> {
        let mut errors = Vec::new();
        let mut read = |member, text: Option<&str>| {
            let pointer = Pointer::parse(text?);
            if pointer.is_none() {
                errors.push(MappingError { member, text: text?.to_owned() });
            }
            pointer
        };
        let scope = scope.unwrap_or(grants.is_none());
        let (id, purpose) = (read("id", id), read("purpose", purpose));
        let (grants, expires) = (read("grants", grants), read("expires", expires));
        if errors.is_empty() { Ok(Self { id, purpose, grants, expires, scope }) } else { Err(errors) }
    }

    /// The task of `token`; `credential_digest` (SHA-256) names it where neither claim nor `jti` does.
    pub fn task(&self, token: &VerifiedToken, credential_digest: &[u8; 32]) -> Result<Task, TaskError> {
        let claims = &token.claims;
        let id = match (&self.id, &token.id) {
            (Some(pointer), _) => line(pointer, claims, MAX_ID)?,
            (None, Some(id)) => {
                if !is_line(id, MAX_ID) {
                    return Err(TaskError::unusable("claim `/jti`"));
                }
                id.clone()
            }
            (None, None) => digest::text(credential_digest),
        };
        let purpose = self.purpose.as_ref().map(|pointer| line(pointer, claims, MAX_PURPOSE)).transpose()?;
        let end = self.expires.as_ref().map(|pointer| instant(pointer, claims)).transpose()?;
        let expires = end.map_or(token.expires, |end| end.min(token.expires));
        Ok(Task { id, purpose, grants: self.grants(claims)?, end, expires })
    }

    fn grants(&self, claims: &Map<String, Value>) -> Result<Vec<Grant>, TaskError> {
        let mut grants = Vec::new();
        if let Some(pointer) = &self.grants {
            let Value::Array(values) = required(pointer, claims)? else { return Err(unusable(pointer)) };
            if values.len() > MAX_GRANTS {
                return Err(TaskError::TooMany("grants"));
            }
            for value in values {
                grants.push(Grant::parse(value)?);
            }
        }
        if self.scope {
            match claims.get("scope") {
                None => {}
                Some(Value::String(tokens)) => grants.extend(tokens.split(' ').filter_map(scope::grant)),
                Some(_) => return Err(TaskError::unusable("claim `/scope`")),
            }
        }
        if grants.len() > MAX_GRANTS { Err(TaskError::TooMany("grants")) } else { Ok(grants) }
    }
}

fn required<'c>(pointer: &Pointer, claims: &'c Map<String, Value>) -> Result<&'c Value, TaskError> {
    pointer.find(claims).ok_or_else(|| TaskError::Missing(pointer.to_string()))
}

fn unusable(pointer: &Pointer) -> TaskError {
    TaskError::unusable(format!("claim `{pointer}`"))
}

fn line(pointer: &Pointer, claims: &Map<String, Value>, longest: usize) -> Result<String, TaskError> {
    let text = required(pointer, claims)?.as_str().filter(|text| is_line(text, longest));
    text.map(str::to_owned).ok_or_else(|| unusable(pointer))
}

/// People and log files will read it.
fn is_line(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
}

/// A JWT `NumericDate` (RFC 7519 §2); fractions are cut off.
fn instant(pointer: &Pointer, claims: &Map<String, Value>) -> Result<UnixTime, TaskError> {
    let value = required(pointer, claims)?;
    let seconds = value.as_u64().or_else(|| whole_seconds(value.as_f64()?));
    seconds.map(UnixTime::from_secs).ok_or_else(|| unusable(pointer))
}

fn whole_seconds(seconds: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let cut = seconds as u64;
    (0.0..=9_007_199_254_740_992.0).contains(&seconds).then_some(cut)
}
