//! The unforgeable value without which nothing is forwarded.

use crate::policy::Allow;

/// Proof that policy allowed exactly this request. Its only constructor takes the [`Allow`].
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    pub(crate) fn from_allow(_allow: &Allow) -> Self {
        Self(())
    }
}
