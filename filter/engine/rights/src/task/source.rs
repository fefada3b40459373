//! Where it is written what a credential is for: in claims that configuration points to, in the claims of a profile, or
//! nowhere in the credential.

mod aap;
mod details;

use countersign_protocols::bounds::TaskError;
use countersign_protocols::catalogue::Resource;
use countersign_tokens::VerifiedToken;
use serde_json::{Map, Value};

use super::claims::{MAX_PURPOSE, fallback_id, is_line};
use super::grant::Grant;
use super::grants::Grants;
use super::mapping::{MAX_GRANTS, TaskMapping};
use super::scope::ScopeClaim;
use super::{Task, scope};

/// Where it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskSource {
    /// In these claims.
    Claims(TaskMapping),
    /// In the claims of draft-aap-oauth-profile: agent, task, capabilities, oversight, delegation, context.
    Aap,
    /// In `authorization_details` of these types (RFC 9396 §9.1).
    AuthorizationDetails { types: Vec<String> },
    /// In `tctx`, else in `scope` (draft-ietf-oauth-transaction-tokens §10.1).
    Transaction,
    /// Not in the credential: the workload's entry in the configuration says what it may do.
    Workload,
}

impl TaskSource {
    /// The task of `token`. `credential_digest` (SHA-256) names it where nothing else does; `pinned` is what configuration lets the
    /// workload do, if it says.
    pub fn task(
        &self,
        token: &VerifiedToken,
        credential_digest: &dyn Fn() -> [u8; 32],
        resources: &[Resource],
        pinned: Option<&Grants>,
    ) -> Result<Task, TaskError> {
        let named = |grants: Vec<Grant>| {
            if grants.len() > MAX_GRANTS {
                return Err(TaskError::TooMany("grants"));
            }
            Ok(Task {
                id: fallback_id(token, credential_digest)?,
                purpose: None,
                grants: grants.into(),
                asks: Grants::default(),
                end: None,
                expires: token.expires,
            })
        };
        let task = match self {
            Self::Claims(mapping) => mapping.task(token, credential_digest),
            Self::Aap => aap::task(token, resources),
            Self::AuthorizationDetails { types } => named(details::grants(&token.claims, types, resources)?),
            Self::Transaction => {
                let context = token
                    .claims
                    .get("tctx")
                    .map(|context| context.as_object().ok_or_else(|| TaskError::unusable("claim `/tctx`")));
                let context = context.transpose()?;
                let grants = context.and_then(|context| context.get("grants"));
                let grants = grants.map_or_else(
                    || scope::grants(&token.claims, ScopeClaim::Scope),
                    |grants| list(grants, "/tctx/grants"),
                )?;
                let purpose = context.and_then(|context| context.get("purpose"));
                let purpose = purpose.map(|purpose| {
                    let line = purpose.as_str().filter(|purpose| is_line(purpose, MAX_PURPOSE));
                    line.map(str::to_owned).ok_or_else(|| TaskError::unusable("claim `/tctx/purpose`"))
                });
                Ok(Task { purpose: purpose.transpose()?, ..named(grants)? })
            }
            Self::Workload => Ok(Task { grants: pinned.cloned().unwrap_or_default(), ..named(Vec::new())? }),
        }?;
        task.grants.check(resources)?;
        Ok(task)
    }
}

fn list(value: &Value, claim: &str) -> Result<Vec<Grant>, TaskError> {
    let several = value.as_array().ok_or_else(|| TaskError::unusable(format!("claim `{claim}`")))?;
    several.iter().map(Grant::parse).collect()
}

/// The member `name` of the claim `claim`: an object, if it is there.
fn object<'c>(members: &'c Map<String, Value>, claim: &str) -> Result<Option<&'c Map<String, Value>>, TaskError> {
    let object = members.get(claim).map(|value| value.as_object());
    object.map(|object| object.ok_or_else(|| TaskError::unusable(format!("claim `/{claim}`")))).transpose()
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "serde_json indexes test documents by member")]
mod tests;
