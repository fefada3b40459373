//! Which built-in checks a configuration can lead to: one that nothing asks for answers no risk.

use countersign_engine::catalogue::{Protocol, Resource, Tool};
use countersign_engine::config::{Bound, Config, Denied, Issuer, Unmatched};
use countersign_engine::reason::Reason;
use countersign_engine::workload::register::{Governed, Unclassified};

/// Whether a request could be denied with `reason`.
#[expect(clippy::too_many_lines, reason = "one table: every reason is a row of it")]
pub(super) fn is_possible(reason: Reason, config: &Config) -> bool {
    let issuer = |is: &dyn Fn(&Issuer) -> bool| config.issuers.iter().any(is);
    let resource = |is: &dyn Fn(&Resource) -> bool| config.resources.iter().any(is);
    let tool = |is: &dyn Fn(&Tool) -> bool| config.resources.iter().flat_map(|one| one.tools.values()).any(is);
    let spoken = |protocol: Protocol| resource(&|resource| resource.protocol == protocol);
    let entry = |is: &dyn Fn(&Governed) -> bool| config.workloads.entries.iter().any(|entry| is(&entry.governed));
    match reason {
        Reason::NoResource | Reason::NoMetadata => config.unmatched == Unmatched::Deny,
        Reason::LifetimeTooLong => issuer(&|issuer| issuer.rules.max_lifetime().is_some()),
        Reason::TokenSpent => issuer(&|issuer| issuer.one_shot),
        Reason::TokenInactive | Reason::IntrospectionUnavailable => issuer(&|issuer| issuer.introspection.is_some()),
        Reason::Revoked => config.denied != Denied::default() || config.bundle.is_some(),
        Reason::TokenUnbound => issuer(&|issuer| issuer.binding.require != Bound::Optional),
        Reason::UnknownWorkload => !config.workloads.entries.is_empty(),
        Reason::ActorUnclassified => config.workloads.actors.unclassified == Unclassified::Deny,
        Reason::ActsLikeAnAgent => entry(&|governed| matches!(governed, Governed::Automation { .. })),
        Reason::BeyondWorkload => entry(&|governed| matches!(governed, Governed::Agent { actions: Some(_), .. })),
        Reason::Undeclared => resource(&|resource| resource.interface.closed),
        Reason::AuthenticationInsufficient => {
            resource(&|resource| resource.authentication.is_some()) || tool(&|tool| tool.authentication.is_some())
        }
        Reason::ClaimUnreadable => issuer(&|issuer| !issuer.claims.is_empty()),
        Reason::ArgumentsUnfit => tool(&|tool| tool.input_schema.is_some()) || spoken(Protocol::A2a),
        Reason::ToolChanged => tool(&|tool| tool.pin.is_some()),
        Reason::UnknownSession => config.sessions.seal && spoken(Protocol::Mcp),
        Reason::AgentTaskOver => spoken(Protocol::A2a),
        Reason::Batch | Reason::MalformedMessage | Reason::HeaderBodyMismatch | Reason::UnsupportedVersion => {
            spoken(Protocol::Mcp) || spoken(Protocol::A2a)
        }
        Reason::MetaMissing
        | Reason::MethodNotFound
        | Reason::AmbiguousUri
        | Reason::OriginRefused
        | Reason::ResponseUnreadable
        | Reason::TransportUnsupported => spoken(Protocol::Mcp),
        Reason::PdpUnavailable => config.policy.pdp.is_some(),
        Reason::UnreadBody => spoken(Protocol::Http) || spoken(Protocol::A2a),
        Reason::PolicyStale => config.bundle.as_ref().is_some_and(|bundle| bundle.max_stale.is_some()),
        Reason::ApprovalNeeded
        | Reason::ApprovalDenied
        | Reason::ApprovalPending
        | Reason::ApprovalTimeout
        | Reason::ApproverUnreachable
        | Reason::ApprovalUnsigned
        | Reason::ApprovalMalformed
        | Reason::ApprovalForOtherCall
        | Reason::ApprovalReplayed
        | Reason::ApprovalExpired
        | Reason::ApproverIsRequester => config.step_up.is_some(),
        Reason::ApprovalUnavailable => config.step_up.is_none(),

        // Whatever is configured.
        Reason::Allowed
        | Reason::Approved
        | Reason::Unmatched
        | Reason::AgentCard
        | Reason::Metadata
        | Reason::PreflightUnanswered
        | Reason::AmbiguousHeaders
        | Reason::AmbiguousPath
        | Reason::NearMiss
        | Reason::OverrideHeader
        | Reason::MethodNotAllowed
        | Reason::UpgradeRefused
        | Reason::BodyTooLarge
        | Reason::BodyTimeout
        | Reason::BodyWithheld
        | Reason::MediaType
        | Reason::MalformedJson
        | Reason::UnknownMethod
        | Reason::AmbiguousArguments
        | Reason::NoCredential
        | Reason::ManyCredentials
        | Reason::MalformedToken
        | Reason::UnknownIssuer
        | Reason::TokenHeaderRefused
        | Reason::UnknownKey
        | Reason::BadSignature
        | Reason::TokenExpired
        | Reason::TokenNotYetValid
        | Reason::WrongAudience
        | Reason::ClaimRefused
        | Reason::ProofRefused
        | Reason::ProofReplayed
        | Reason::ProofMissing
        | Reason::ProofNonce
        | Reason::CertificateMismatch
        | Reason::KeysUnavailable
        | Reason::ActorChainTooLong
        | Reason::TaskRefused
        | Reason::TaskExpired
        | Reason::ConstraintUnsupported
        | Reason::NotGranted
        | Reason::ArgumentsBeyondGrant
        | Reason::CircumstancesBeyondGrant
        | Reason::CallLimitReached
        | Reason::PolicyDenied
        | Reason::PolicyError
        | Reason::LedgerUnavailable
        | Reason::Overloaded
        | Reason::ShareUsedUp
        | Reason::ClientGone
        | Reason::Internal => true,
    }
}
