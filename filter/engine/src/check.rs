//! The checks that a request passes, in their order, and which of them each reason is the answer of: for people and reports.
//!
//! Nothing is decided with it, and nothing is checked here.

use crate::reason::Reason;

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
            Self::Possession => "whoever presents it is whom it is bound to",
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

    /// The check that ends with `reason`; none where it can be any.
    pub const fn of(reason: Reason) -> Option<Self> {
        Some(match reason {
            Reason::AmbiguousHeaders | Reason::AmbiguousPath | Reason::OverrideHeader | Reason::UpgradeRefused => {
                Self::Request
            }
            Reason::NoResource
            | Reason::NearMiss
            | Reason::NoMetadata
            | Reason::OriginRefused
            | Reason::PreflightUnanswered
            | Reason::Unmatched
            | Reason::AgentCard
            | Reason::Metadata => Self::Route,
            Reason::NoCredential
            | Reason::ManyCredentials
            | Reason::MalformedToken
            | Reason::UnknownIssuer
            | Reason::TokenHeaderRefused
            | Reason::UnknownKey
            | Reason::BadSignature
            | Reason::TokenExpired
            | Reason::TokenNotYetValid
            | Reason::WrongAudience
            | Reason::LifetimeTooLong
            | Reason::ClaimRefused
            | Reason::KeysUnavailable
            | Reason::IntrospectionUnavailable
            | Reason::TokenInactive => Self::Credential,
            Reason::ProofRefused
            | Reason::ProofMissing
            | Reason::ProofNonce
            | Reason::CertificateMismatch
            | Reason::TokenUnbound => Self::Possession,
            Reason::UnknownWorkload | Reason::ActorChainTooLong | Reason::ActorUnclassified => Self::Workload,
            Reason::TaskRefused | Reason::TaskExpired | Reason::ConstraintUnsupported => Self::Task,
            Reason::TokenSpent | Reason::ProofReplayed | Reason::Revoked | Reason::LedgerUnavailable => Self::Ledger,
            Reason::MethodNotAllowed
            | Reason::BodyTooLarge
            | Reason::BodyTimeout
            | Reason::BodyWithheld
            | Reason::UnreadBody
            | Reason::MediaType
            | Reason::MalformedJson
            | Reason::Batch
            | Reason::MalformedMessage
            | Reason::UnknownMethod
            | Reason::AmbiguousArguments
            | Reason::MethodNotFound
            | Reason::MetaMissing
            | Reason::AmbiguousUri
            | Reason::UnsupportedVersion
            | Reason::HeaderBodyMismatch => Self::Action,
            Reason::UnknownSession => Self::Session,
            Reason::ActsLikeAnAgent
            | Reason::BeyondWorkload
            | Reason::NotGranted
            | Reason::ArgumentsBeyondGrant
            | Reason::CircumstancesBeyondGrant
            | Reason::CallLimitReached => Self::Grants,
            Reason::Undeclared => Self::Catalogue,
            Reason::AuthenticationInsufficient => Self::Authentication,
            Reason::PolicyDenied
            | Reason::PolicyError
            | Reason::PolicyStale
            | Reason::PdpUnavailable
            | Reason::ClaimUnreadable
            | Reason::ArgumentsUnfit => Self::Policy,
            Reason::ToolChanged | Reason::AgentTaskOver | Reason::Allowed => Self::Seen,
            Reason::Approved
            | Reason::ApprovalUnavailable
            | Reason::ApprovalNeeded
            | Reason::ApprovalDenied
            | Reason::ApprovalPending
            | Reason::ApprovalTimeout
            | Reason::ApproverUnreachable
            | Reason::ApprovalUnsigned
            | Reason::ApprovalMalformed
            | Reason::ApprovalForOtherCall
            | Reason::ApprovalReplayed
            | Reason::ApprovalExpired
            | Reason::ApproverIsRequester => Self::Approval,
            Reason::ResponseUnreadable
            | Reason::TransportUnsupported
            | Reason::Overloaded
            | Reason::ShareUsedUp
            | Reason::ClientGone
            | Reason::Internal => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_some_reasons_answer() {
        for check in Check::ALL {
            assert!(Reason::ALL.iter().any(|reason| Check::of(*reason) == Some(check)), "{check:?}");
        }
        assert!(Check::ALL.is_sorted());
    }
}
