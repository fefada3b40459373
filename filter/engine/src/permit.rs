//! The unforgeable value without which nothing is forwarded.

use countersign_facts::reason::Reason;
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
/// let forged = countersign_engine::permit::Permit { observed: None, sandbox: None };
/// ```
#[derive(Debug)]
pub struct Permit {
    /// The decision that it stands in for, of a request that is only watched.
    observed: Option<Reason>,
    /// The one place that it is good for, if it is not the ordinary upstream.
    sandbox: Option<String>,
}

impl Permit {
    pub(crate) fn from_allow(allow: &Allow) -> Self {
        Self { observed: None, sandbox: allow.sandbox().map(str::to_owned) }
    }

    pub(crate) fn for_unmatched(rule: Unmatched) -> Option<Self> {
        match rule {
            Unmatched::Pass => Some(Self { observed: None, sandbox: None }),
            Unmatched::Deny => None,
        }
    }

    pub(crate) fn for_card(card: Card) -> Option<Self> {
        match card {
            Card::Public => Some(Self { observed: None, sandbox: None }),
            Card::Decided => None,
        }
    }

    /// Whatever was `decided`, where that is not enforced.
    pub(crate) fn observed(mode: Mode, decided: Reason) -> Option<Self> {
        match mode {
            Mode::Audit => Some(Self { observed: Some(decided), sandbox: None }),
            Mode::Enforce => None,
        }
    }

    /// The decision that was not enforced, of a request that goes on because it is only watched.
    pub fn stands_for(&self) -> Option<Reason> {
        self.observed
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
    fn only_what_is_watched_goes_on_whatever_was_decided() {
        for reason in Reason::ALL {
            assert!(Permit::observed(Mode::Enforce, *reason).is_none());
            let stands_for = Permit::observed(Mode::Audit, *reason).and_then(|permit| permit.stands_for());
            assert_eq!(stands_for, Some(*reason));
        }
    }
}
