//! The checks that a request passes, in their order: for people and reports. Which of them ends with a reason is in the table of
//! reasons ([`Row::check`](crate::reason::Row::check)).
//!
//! Nothing is decided with it, and nothing is checked here.

/// One step of the flow. A closed set, in the order in which a request meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    Request,
    Route,
    Credential,
    Possession,
    Workload,
    Task,
    Ledger,
    Action,
    Session,
    Grants,
    Catalogue,
    Authentication,
    Policy,
    Seen,
    Approval,
}

impl Check {
    /// Every check, in order.
    pub const ALL: [Self; 15] = [
        Self::Request,
        Self::Route,
        Self::Credential,
        Self::Possession,
        Self::Workload,
        Self::Task,
        Self::Ledger,
        Self::Action,
        Self::Session,
        Self::Grants,
        Self::Catalogue,
        Self::Authentication,
        Self::Policy,
        Self::Seen,
        Self::Approval,
    ];

    /// As reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Route => "route",
            Self::Credential => "credential",
            Self::Possession => "possession",
            Self::Workload => "workload",
            Self::Task => "task",
            Self::Ledger => "ledger",
            Self::Action => "action",
            Self::Session => "session",
            Self::Grants => "grants",
            Self::Catalogue => "catalogue",
            Self::Authentication => "authentication",
            Self::Policy => "policy",
            Self::Seen => "seen",
            Self::Approval => "approval",
        }
    }

    /// What is so where it is passed.
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Request => "the head can be read one way only",
            Self::Route => "it is for something that is served",
            Self::Credential => "there is one credential, and it is good",
            Self::Possession => "the caller holds what the credential is bound to",
            Self::Workload => "the caller, and everybody it acts for or through, is let in",
            Self::Task => "the credential is for a task that is not over",
            Self::Ledger => "nothing that is good once was used before",
            Self::Action => "what it does can be read one way only",
            Self::Session => "the session, if it is in one, is the caller's own",
            Self::Grants => "the task, and every workload with a list, may do it",
            Self::Catalogue => "where everything is declared, this is",
            Self::Authentication => "a person authenticated as it demands",
            Self::Policy => "policy allows it",
            Self::Seen => "nothing that the server showed since is against it",
            Self::Approval => "whoever must approve it did",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn every_check_is_some_reasons_answer() {
        for check in Check::ALL {
            assert!(Reason::ALL.iter().any(|reason| reason.row().check == Some(check)), "{check:?}");
        }
        assert!(Check::ALL.is_sorted());
    }
}
