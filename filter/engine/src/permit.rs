//! The unforgeable value without which nothing is forwarded.

use countersign_facts::rollout::Mode;
use countersign_policy::Allow;
use countersign_protocols::catalogue::Card;

/// What happens to a request that is for no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    Deny,
    /// Goes upstream undecided except that spoofable headers are removed; recorded as `unmatched`.
    Pass,
}

/// Proof that exactly this request may go upstream. It is made of an [`Allow`], or of the
/// configuration's word that requests for no resource, or for an agent's public card, pass, or that decisions are only
/// watched; of nothing else.
///
/// ```compile_fail
/// let forged = countersign_engine::permit::Permit { sandbox: None };
/// ```
#[derive(Debug)]
pub struct Permit {
    /// The one place that it is good for, if it is not the ordinary upstream.
    sandbox: Option<String>,
}

impl Permit {
    pub(crate) fn from_allow(allow: &Allow) -> Self {
        Self { sandbox: allow.sandbox().map(str::to_owned) }
    }

    pub(crate) fn for_unmatched(rule: Unmatched) -> Option<Self> {
        match rule {
            Unmatched::Pass => Some(Self { sandbox: None }),
            Unmatched::Deny => None,
        }
    }

    pub(crate) fn for_card(card: Card) -> Option<Self> {
        match card {
            Card::Public => Some(Self { sandbox: None }),
            Card::Decided => None,
        }
    }

    /// For what is only watched, whatever was decided.
    pub(crate) fn for_watched(mode: Mode) -> Option<Self> {
        match mode {
            Mode::Audit => Some(Self { sandbox: None }),
            Mode::Enforce => None,
        }
    }

    /// The sandbox that the request must go to.
    pub fn sandbox(&self) -> Option<&str> {
        self.sandbox.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_on_for_being_watched_where_it_is_enforced() {
        assert!(Permit::for_watched(Mode::Enforce).is_none());
        assert!(Permit::for_watched(Mode::Audit).is_some_and(|permit| permit.sandbox().is_none()));
    }
}
