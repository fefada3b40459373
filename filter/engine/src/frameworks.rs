//! Which risks of public frameworks the built-in checks answer, and which identifiers policies may name (`@maps`).
//!
//! For people, records and reports: nothing is decided with it. Titles and sources are in `policies/frameworks.yaml`, and a test of
//! the command line holds its identifiers and these together.

use crate::hygiene::Finding;
use crate::reason::Reason;

/// Every identifier there is, in the order of `policies/frameworks.yaml`.
pub const IDENTIFIERS: [&str; 63] = [
    "ASI01",
    "ASI02",
    "ASI03",
    "ASI04",
    "ASI05",
    "ASI06",
    "ASI07",
    "ASI08",
    "ASI09",
    "ASI10",
    "T1",
    "T2",
    "T3",
    "T4",
    "T5",
    "T6",
    "T7",
    "T8",
    "T9",
    "T10",
    "T11",
    "T12",
    "T13",
    "T14",
    "T15",
    "T16",
    "T17",
    "MAESTRO-L1",
    "MAESTRO-L2",
    "MAESTRO-L3",
    "MAESTRO-L4",
    "MAESTRO-L5",
    "MAESTRO-L6",
    "MAESTRO-L7",
    "GOVERN-1.7",
    "GOVERN-3.2",
    "GOVERN-4.3",
    "GOVERN-6.1",
    "MAP-3.3",
    "MAP-3.5",
    "MAP-4.2",
    "MEASURE-2.4",
    "MEASURE-2.6",
    "MEASURE-2.7",
    "MEASURE-2.8",
    "MEASURE-2.10",
    "MEASURE-3.1",
    "MANAGE-1.3",
    "MANAGE-2.3",
    "MANAGE-2.4",
    "MANAGE-3.1",
    "MANAGE-4.1",
    "MANAGE-4.3",
    "NHI1",
    "NHI2",
    "NHI3",
    "NHI4",
    "NHI5",
    "NHI6",
    "NHI7",
    "NHI8",
    "NHI9",
    "NHI10",
];

/// What one record for each decision, with its reason and whoever is behind it, answers by itself.
pub const OF_RECORDS: &[&str] = &["T8", "MAESTRO-L5", "GOVERN-4.3", "MEASURE-2.4", "MEASURE-2.8", "MANAGE-4.1"];

/// The identifier that is spelt `word`.
pub fn identifier(word: &str) -> Option<&'static str> {
    IDENTIFIERS.into_iter().find(|identifier| *identifier == word)
}

/// What the check answers that ends with `reason`; nothing where nothing is denied.
pub const fn of_reason(reason: Reason) -> &'static [&'static str] {
    match reason {
        Reason::Allowed
        | Reason::Approved
        | Reason::Unmatched
        | Reason::AgentCard
        | Reason::Metadata
        | Reason::ClientGone => &[],

        // What parsers disagree about, and what nobody can read.
        Reason::AmbiguousHeaders
        | Reason::AmbiguousPath
        | Reason::NearMiss
        | Reason::OverrideHeader
        | Reason::MethodNotAllowed
        | Reason::UpgradeRefused
        | Reason::UnreadBody
        | Reason::MediaType
        | Reason::MalformedJson
        | Reason::Batch
        | Reason::MalformedMessage
        | Reason::AmbiguousArguments
        | Reason::AmbiguousUri
        | Reason::UnsupportedVersion
        | Reason::MethodNotFound
        | Reason::MetaMissing
        | Reason::HeaderBodyMismatch
        | Reason::NoMetadata
        | Reason::OriginRefused
        | Reason::PreflightUnanswered => &["ASI07", "T16", "MAESTRO-L4", "MEASURE-2.7"],
        Reason::BodyTooLarge | Reason::BodyTimeout | Reason::Overloaded | Reason::ShareUsedUp => {
            &["ASI08", "T4", "MAESTRO-L4"]
        }

        // What is not offered.
        Reason::NoResource | Reason::UnknownMethod | Reason::Undeclared => &["ASI02", "T2", "MAESTRO-L4", "MAP-3.3"],

        // Who calls.
        Reason::NoCredential
        | Reason::ManyCredentials
        | Reason::MalformedToken
        | Reason::UnknownIssuer
        | Reason::TokenHeaderRefused
        | Reason::UnknownKey
        | Reason::BadSignature
        | Reason::TokenNotYetValid
        | Reason::ClaimRefused => &["ASI03", "T9", "MAESTRO-L6", "NHI4"],
        Reason::TokenExpired | Reason::LifetimeTooLong => &["ASI03", "T9", "MAESTRO-L6", "NHI7"],
        Reason::WrongAudience => &["ASI03", "T3", "MAESTRO-L6", "NHI8", "NHI9"],
        Reason::TokenInactive | Reason::Revoked => &["ASI03", "ASI10", "MAESTRO-L6", "MANAGE-2.4", "NHI1"],
        Reason::TokenSpent => &["ASI03", "T3", "MAESTRO-L6", "NHI2", "NHI7"],
        Reason::ProofRefused
        | Reason::ProofReplayed
        | Reason::ProofMissing
        | Reason::ProofNonce
        | Reason::CertificateMismatch
        | Reason::TokenUnbound => &["ASI03", "T9", "MAESTRO-L6", "NHI2", "NHI4"],
        Reason::UnknownSession => &["ASI03", "ASI07", "T9", "MAESTRO-L7"],
        Reason::AuthenticationInsufficient => &["ASI03", "T9", "MAESTRO-L6", "GOVERN-3.2"],
        Reason::UnknownWorkload => &["ASI10", "T9", "T13", "MAESTRO-L7", "NHI1"],
        Reason::ActorChainTooLong | Reason::ActorUnclassified => &["ASI03", "ASI07", "T3", "T14", "MAESTRO-L7"],
        Reason::ActsLikeAnAgent => &["ASI10", "T7", "T13", "MAESTRO-L7", "MAP-3.3", "NHI5"],

        // For what.
        Reason::TaskRefused | Reason::ConstraintUnsupported => &["ASI03", "T3", "MAESTRO-L6", "MAP-3.3", "NHI5"],
        Reason::TaskExpired => &["ASI03", "ASI10", "MAESTRO-L6", "GOVERN-1.7", "MANAGE-2.4", "NHI1"],
        Reason::BeyondWorkload | Reason::NotGranted => {
            &["ASI01", "ASI02", "ASI03", "T2", "T3", "T6", "MAESTRO-L7", "MAP-3.3", "NHI5"]
        }
        Reason::ArgumentsBeyondGrant | Reason::CircumstancesBeyondGrant => {
            &["ASI01", "ASI02", "T2", "T3", "T6", "MAESTRO-L7", "MAP-3.3", "NHI5"]
        }
        Reason::CallLimitReached => &["ASI02", "ASI08", "T2", "T4", "MAESTRO-L7", "MANAGE-2.4"],

        // Policy.
        Reason::PolicyDenied => &["ASI02", "T2", "MAESTRO-L6", "MANAGE-1.3"],
        Reason::ClaimUnreadable => &["ASI03", "T3", "MAESTRO-L6"],
        Reason::ArgumentsUnfit => &["ASI02", "T2", "MAESTRO-L6"],

        // What servers and other agents are and do.
        Reason::ToolChanged => &["ASI04", "T17", "MAESTRO-L3", "GOVERN-6.1", "MANAGE-3.1", "NHI3"],
        // A list that is not passed shows nothing that its reader may not call.
        Reason::ResponseUnreadable | Reason::TransportUnsupported => &["ASI02", "T2", "MAESTRO-L3"],
        Reason::AgentTaskOver => &["ASI07", "ASI08", "T12", "MAESTRO-L7"],

        // People.
        Reason::ApprovalNeeded | Reason::ApprovalDenied | Reason::ApprovalPending => {
            &["ASI02", "ASI09", "MAESTRO-L6", "GOVERN-3.2", "MAP-3.5"]
        }
        Reason::ApprovalUnsigned
        | Reason::ApprovalMalformed
        | Reason::ApprovalForOtherCall
        | Reason::ApprovalReplayed
        | Reason::ApprovalExpired
        | Reason::ApproverIsRequester => &["ASI03", "ASI09", "T8", "MAESTRO-L6", "GOVERN-3.2", "MAP-3.5"],

        // What cannot be answered denies.
        Reason::BodyWithheld
        | Reason::KeysUnavailable
        | Reason::IntrospectionUnavailable
        | Reason::PdpUnavailable
        | Reason::PolicyStale
        | Reason::PolicyError
        | Reason::ApprovalUnavailable
        | Reason::ApprovalTimeout
        | Reason::ApproverUnreachable
        | Reason::LedgerUnavailable
        | Reason::Internal => &["MAESTRO-L6", "MEASURE-2.6", "MEASURE-2.7"],
    }
}

/// What it helps against that `finding` is on the record.
pub const fn of_finding(finding: Finding) -> &'static [&'static str] {
    match finding {
        Finding::LongLived | Finding::OldKey => &["MEASURE-3.1", "NHI7"],
        Finding::NoId => &["T8", "MEASURE-3.1", "NHI1"],
        Finding::WildcardGrant | Finding::DeadGrant => &["ASI03", "MEASURE-3.1", "NHI5"],
        Finding::SharedAccount => &["T8", "MEASURE-3.1", "NHI9", "NHI10"],
        Finding::AudienceByClient => &["ASI03", "MEASURE-3.1", "NHI9"],
        Finding::SecretInQuery => &["MEASURE-2.10", "MEASURE-3.1", "NHI2"],
    }
}

/// What is said on the record of a decision with `reason`: what its check answers and what its `policies` say they do, each once.
pub(crate) fn on_record<'p>(reason: Reason, policies: impl Iterator<Item = &'p [&'static str]>) -> Vec<&'static str> {
    let mut maps = of_reason(reason).to_vec();
    for identifier in policies.flatten() {
        if !maps.contains(identifier) {
            maps.push(identifier);
        }
    }
    maps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    #[test]
    fn checks_name_what_there_is_and_every_denial_answers_something() {
        let named = Reason::ALL.iter().map(|reason| of_reason(*reason));
        let named = named.chain(Finding::ALL.map(of_finding)).chain([OF_RECORDS]);
        for identifier in named.flatten() {
            assert_eq!(super::identifier(identifier), Some(*identifier));
        }
        for reason in Reason::ALL {
            let silent = matches!(reason.row().kind, Kind::Allow | Kind::Served) || *reason == Reason::ClientGone;
            assert_eq!(of_reason(*reason).is_empty(), silent, "{reason:?}");
        }
    }

    #[test]
    fn a_record_names_each_once() {
        let policies: [&[&str]; 2] = [&["T2", "NHI5"], &["NHI5"]];
        assert_eq!(on_record(Reason::ArgumentsUnfit, policies.into_iter()), ["ASI02", "T2", "MAESTRO-L6", "NHI5"]);
        assert!(on_record(Reason::Allowed, [].into_iter()).is_empty());
    }
}
