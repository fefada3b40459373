//! Every way a decision can end, in one table ([`Reason::row`]): what it is called, what it means, which check it belongs to and
//! what the client is told.
//!
//! Nothing is decided here.

mod needs;
#[cfg(test)]
mod reference;
mod table;

pub use needs::Needs;
pub use table::Reason;

use countersign_tokens::{TokenError, TokenErrorClass};

use crate::check::Check;

/// What a line of the record is about. A closed set: counters are labelled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineKind {
    Allow,
    Deny,
    /// The client was told that an approval is needed and pending.
    StepUp,
    /// The filter answered what anybody may ask; nothing went upstream.
    Served,
    /// A forwarded stream that outlived its response head, or was cut, is over.
    Ended,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Allow, Self::Deny, Self::StepUp, Self::Served, Self::Ended];

    /// As records and counters spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::StepUp => "step_up",
            Self::Served => "served",
            Self::Ended => "ended",
        }
    }
}

/// What an answer says in `WWW-Authenticate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// There is no such field.
    None,
    /// No error code: no credential was presented (RFC 6750 §3.1).
    Bare,
    /// With `error="invalid_request"`.
    InvalidRequest,
    /// With `error="invalid_token"`.
    InvalidToken,
    /// With `error="invalid_dpop_proof"` (RFC 9449 §7.1).
    InvalidProof,
    /// With `error="use_dpop_nonce"` (RFC 9449 §9).
    UseNonce,
    /// With `error="insufficient_scope"`.
    InsufficientScope,
    /// With `error="insufficient_user_authentication"` (RFC 9470 §3).
    InsufficientAuthentication,
}

impl Challenge {
    /// The error code in it, if it has one.
    pub const fn error(self) -> Option<&'static str> {
        match self {
            Self::None | Self::Bare => None,
            Self::InvalidRequest => Some("invalid_request"),
            Self::InvalidToken => Some("invalid_token"),
            Self::InvalidProof => Some("invalid_dpop_proof"),
            Self::UseNonce => Some("use_dpop_nonce"),
            Self::InsufficientScope => Some("insufficient_scope"),
            Self::InsufficientAuthentication => Some("insufficient_user_authentication"),
        }
    }
}

/// What the caller can mend of a call that was refused: in the caller's own words, without a word about policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// RFC 6901 pointer into the arguments.
    pub argument: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What A2A answers with instead of [`Row::json_rpc`]: an error of its own (1.0 §5.4), or only another code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct A2aError {
    /// In its JSON-RPC binding.
    pub code: i32,
    /// Its `reason`, in the domain `a2a-protocol.org`. Without one the answer has our code, in our domain.
    pub name: Option<&'static str>,
}

/// Whether the client learns of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    AsItIs,
    /// It looks like [`Reason::PolicyDenied`].
    AsPolicyDenied,
    /// It looks like [`Reason::PolicyDenied`] to a caller that could not call the tool with any arguments.
    IfKnown,
}

/// What the table says about one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which way the decision went.
    pub kind: LineKind,
    /// In records, counters and access logs.
    pub code: &'static str,
    /// HTTP status of the answer; 0 where none is sent.
    pub status: u16,
    /// The check that ends with it, unless any can.
    pub check: Option<Check>,
    /// The risks of public frameworks that its check answers; empty where nothing is denied.
    pub maps: &'static [&'static str],
    /// What must be configured for it to happen.
    pub needs: Needs,
    pub challenge: Challenge,
    /// Seconds after which the client may try again.
    pub retry_after: Option<u8>,
    /// The code that the specification has for it (JSON-RPC 2.0 §5.1; MCP 2026-07-28, Error Codes).
    pub json_rpc: Option<i32>,
    /// How A2A answers instead.
    pub a2a: Option<A2aError>,
    pub told: Told,
    /// For the client: what was wrong and what to do. Nothing about policy, catalogue or other tenants.
    pub detail: &'static str,
}

impl Reason {
    /// How a request is answered whose token has such a fault.
    pub fn of_token(error: TokenError) -> Self {
        match error.class() {
            TokenErrorClass::Malformed => Self::MalformedToken,
            TokenErrorClass::HeaderRefused => Self::TokenHeaderRefused,
            TokenErrorClass::UnknownKey => Self::UnknownKey,
            TokenErrorClass::BadSignature => Self::BadSignature,
            TokenErrorClass::Expired => Self::TokenExpired,
            TokenErrorClass::NotYetValid => Self::TokenNotYetValid,
            TokenErrorClass::WrongIssuer => Self::UnknownIssuer,
            TokenErrorClass::WrongAudience => Self::WrongAudience,
            TokenErrorClass::LifetimeTooLong => Self::LifetimeTooLong,
            TokenErrorClass::ClaimRefused => Self::ClaimRefused,
        }
    }

    /// The reason that the client is told; `known` where the caller could call the tool with other arguments.
    ///
    /// A policy that failed looks like one that denied, and what is not declared looks like what is not permitted. A caller that
    /// could not call a tool with any arguments does not learn from arguments that do not fit whether the tool exists.
    #[must_use]
    pub const fn told(self, known: bool) -> Self {
        match self.row().told {
            Told::AsItIs => self,
            Told::IfKnown if known => self,
            Told::IfKnown | Told::AsPolicyDenied => Self::PolicyDenied,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_names_one_reason() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.row().code).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for reason in Reason::ALL {
            let row = reason.row();
            let refused = row.status >= 400;
            assert_eq!(!row.detail.is_empty(), refused, "{}", row.code);
            assert!(!refused || !reason.advice().is_empty(), "{}", row.code);
            assert!(reason.means().ends_with('.') && !reason.means().contains("  "), "{}", row.code);
        }
    }

    #[test]
    fn what_is_unavailable_says_when_to_try_again() {
        for row in Reason::ALL.iter().map(|reason| reason.row()).filter(|row| row.status == 503) {
            assert_eq!(row.retry_after, Some(1), "{}", row.code);
        }
    }

    #[test]
    fn clients_learn_neither_what_is_declared_nor_that_policy_failed() {
        for reason in Reason::ALL {
            let hidden = [Reason::PolicyError, Reason::Undeclared].contains(reason);
            let told = if hidden { Reason::PolicyDenied } else { *reason };
            assert_eq!(reason.told(true), told, "{reason:?}");
            let told = if *reason == Reason::ArgumentsUnfit { Reason::PolicyDenied } else { told };
            assert_eq!(reason.told(false), told, "{reason:?}");
        }
    }
}
