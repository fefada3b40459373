//! The unforgeable value without which nothing is forwarded.

use crate::catalogue::Card;
use crate::config::Unmatched;
use crate::policy::Allow;

/// Proof that exactly this request may go upstream. It is made of an [`Allow`], or of the
/// configuration's word that requests for no resource, or for an agent's public card, pass; of nothing else.
///
/// ```compile_fail
/// let forged = countersign_engine::permit::Permit(());
/// ```
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    pub(crate) fn from_allow(_allow: &Allow) -> Self {
        Self(())
    }

    pub(crate) fn for_unmatched(rule: Unmatched) -> Option<Self> {
        match rule {
            Unmatched::Pass => Some(Self(())),
            Unmatched::Deny => None,
        }
    }

    pub(crate) fn for_card(card: Card) -> Option<Self> {
        match card {
            Card::Public => Some(Self(())),
            Card::Decided => None,
        }
    }
}
