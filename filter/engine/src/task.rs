//! What the credential was issued for: the task, and the grants that bound it.
//!
//! Grants only narrow: policy is asked about what they cover, and never about anything else.

mod constraint;
mod grant;
mod mapping;

use countersign_tokens::UnixTime;

pub use constraint::Constraint;
pub use grant::Grant;
pub use mapping::{TaskError, TaskMapping};

/// The unit of work a credential was issued for.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// From the configured claim; else `jti`; else a digest of the credential.
    pub id: String,
    pub purpose: Option<String>,
    pub grants: Vec<Grant>,
    /// The earlier of the task's own end and the credential's `exp`.
    pub expires: UnixTime,
}
