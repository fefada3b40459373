//! Where an issuer writes what a credential is for, and reading it there.
//!
//! Whatever is configured must be in the token, in a usable form: a token without it is refused, not taken for one
//! without bounds.

use countersign_facts::pointer::Pointer;
use countersign_protocols::bounds::TaskError;
use countersign_tokens::VerifiedToken;
use serde_json::{Map, Value};

use super::claims::{MAX_ID, MAX_PURPOSE, fallback_id, instant, line, required, unusable};
use super::grant::Grant;
use super::grants::Grants;
use super::scope::ScopeClaim;
use super::{Task, scope};

/// Grants of one task, from claim and scope together.
pub(super) const MAX_GRANTS: usize = 256;

/// Where the claims are that make a [`Task`].
#[derive(Clone, Debug, PartialEq)]
pub struct TaskMapping {
    id: Option<Pointer>,
    purpose: Option<Pointer>,
    grants: Option<Pointer>,
    expires: Option<Pointer>,
    /// The claim with the scopes, where they grant.
    scope: Option<ScopeClaim>,
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

impl Default for TaskMapping {
    /// Grants from `scope`, the id from `jti`.
    fn default() -> Self {
        Self { id: None, purpose: None, grants: None, expires: None, scope: Some(ScopeClaim::Scope) }
    }
}

impl TaskMapping {
    /// A mapping of RFC 6901 pointers into the claims; every one that is not a pointer is reported.
    ///
    /// `scope` says whether scopes grant (beside the claim of `grants`, if both); when absent, it does where there
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
        let scope = scope.unwrap_or(grants.is_none()).then_some(ScopeClaim::Scope);
        let (id, purpose) = (read("id", id), read("purpose", purpose));
        let (grants, expires) = (read("grants", grants), read("expires", expires));
        if errors.is_empty() { Ok(Self { id, purpose, grants, expires, scope }) } else { Err(errors) }
    }

    /// This mapping, with scopes read from `claim` where they grant.
    #[must_use]
    pub fn with_scopes_in(self, claim: ScopeClaim) -> Self {
        Self { scope: self.scope.map(|_| claim), ..self }
    }

    /// The task of `token`; `credential_digest` (SHA-256) names it where neither claim nor `jti` does.
    pub fn task(&self, token: &VerifiedToken, credential_digest: &dyn Fn() -> [u8; 32]) -> Result<Task, TaskError> {
        let claims = &token.claims;
        let id = match &self.id {
            Some(pointer) => line(pointer, claims, MAX_ID)?,
            None => fallback_id(token, credential_digest)?,
        };
        let purpose = self.purpose.as_ref().map(|pointer| line(pointer, claims, MAX_PURPOSE)).transpose()?;
        let end = self.expires.as_ref().map(|pointer| instant(pointer, claims)).transpose()?;
        let expires = end.map_or(token.expires, |end| end.min(token.expires));
        Ok(Task { id, purpose, grants: self.grants(claims)?, asks: Grants::default(), end, expires })
    }

    fn grants(&self, claims: &Map<String, Value>) -> Result<Grants, TaskError> {
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
        if let Some(claim) = self.scope {
            grants.extend(scope::grants(claims, claim)?);
        }
        if grants.len() > MAX_GRANTS { Err(TaskError::TooMany("grants")) } else { Ok(grants.into()) }
    }
}
