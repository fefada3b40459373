//! How rules take effect: enforced, or only watched; and what those that are watched would have changed.
//!
//! A filter, a resource and a policy each have a [`Mode`]. Of a filter or resource in audit every request is decided as usual,
//! the decision is recorded, and the request goes on as it came, without the identity headers that a client made up: nobody is
//! asked, nothing is spent, and the response is not touched. Of a policy in audit only the [`Flip`] is recorded: the decision
//! is that of the others.
//!
//! A head that could name another resource to somebody has no resource whose mode could count: it has the filter's. Otherwise what
//! one resource in audit lets pass would open those beside it.
//!
//! What was never spent is never found spent: that a token was used before, or a grant as often as it may be, no audit shows.
//! MCP sessions go on: clients of an auditing resource get their server's own session ids, which are not judged; an id that was
//! sealed while decisions were enforced is opened for its owner. Once decisions are enforced, clients with an id that is not
//! sealed are told to start again (404), as the protocol has it.
//!
//! Nothing is decided here.

use crate::reason::{LineKind, Reason};

/// Whether what is decided is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    Enforce,
    /// It is recorded, and nothing comes of it.
    Audit,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Enforce, Self::Audit];

    /// As configuration, policies and records spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
        }
    }

    /// The mode that is spelt `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The mode of something that is part of something else: what is in an auditing whole is only watched.
    #[must_use]
    pub const fn within(self, whole: Self) -> Self {
        match (self, whole) {
            (Self::Enforce, Self::Enforce) => Self::Enforce,
            (Self::Audit, _) | (_, Self::Audit) => Self::Audit,
        }
    }
}

/// What comes of a request. A closed set: counters are labelled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    Allow,
    Deny,
    /// Somebody is asked.
    StepUp,
    /// The filter answers itself, and denies nothing.
    Served,
    /// A policy cannot be evaluated, or what it reads cannot be had: it denies, and somebody should look at it.
    Error,
}

impl Effect {
    /// As records and counters spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::StepUp => "step_up",
            Self::Served => "served",
            Self::Error => "error",
        }
    }
}

/// What would have come of a request, had something been enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    pub cause: Cause,
    /// What policy alone says, or what was done, as it is.
    pub from: Effect,
    /// What policy would say, or what would have been done, had it been enforced.
    pub to: Effect,
    /// Why it could not be tried, where that is no policy's doing.
    pub reason: Option<Reason>,
}

/// What was not enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The decision itself: filter or resource are in audit.
    Mode,
    /// The policies of these ids.
    Policies(Vec<String>),
}

impl Cause {
    /// As counters spell it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Policies(_) => "policy",
        }
    }
}

impl Flip {
    /// What was done to a request that was only watched, and what enforcing would have done.
    pub fn of_mode(mode: Mode, decided: Reason) -> Option<Self> {
        let to = match decided.row().kind {
            // With whoever leaves, nothing would have been done either.
            LineKind::Deny if decided == Reason::ClientGone => return None,
            LineKind::Deny => Effect::Deny,
            LineKind::StepUp => Effect::StepUp,
            LineKind::Served => Effect::Served,
            LineKind::Allow | LineKind::Ended => return None,
        };
        match mode {
            Mode::Enforce => None,
            Mode::Audit => Some(Self { cause: Cause::Mode, from: Effect::Allow, to, reason: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_an_auditing_whole_is_watched() {
        for (part, whole, expected) in [
            (Mode::Enforce, Mode::Enforce, Mode::Enforce),
            (Mode::Enforce, Mode::Audit, Mode::Audit),
            (Mode::Audit, Mode::Enforce, Mode::Audit),
            (Mode::Audit, Mode::Audit, Mode::Audit),
        ] {
            assert_eq!(part.within(whole), expected, "{part:?} in {whole:?}");
        }
    }

    #[test]
    fn nothing_flips_that_is_done_or_would_have_been() {
        for reason in Reason::ALL {
            assert_eq!(Flip::of_mode(Mode::Enforce, *reason), None);
            let flips = Flip::of_mode(Mode::Audit, *reason).is_some();
            let done = reason.row().kind == LineKind::Allow || *reason == Reason::ClientGone;
            assert_eq!(flips, !done, "{reason:?}");
        }
    }
}
