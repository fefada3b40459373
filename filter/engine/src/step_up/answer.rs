//! The answer: believed only if it is signed, fresh, about exactly this call and from somebody who is not part of it.
//!
//! Does not spend the challenge and does not decide: an approval is one more fact for policy.

use countersign_facts::board::LedgerError;
use countersign_facts::calls::{CallFailure, CallOutcome};
use countersign_facts::clock;
use countersign_facts::digest;
use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_policy::Approval;
use countersign_rights::workload::{Identity, Workload};
use countersign_tokens::json::{self, Limits};
use countersign_tokens::{Subject, UnixTime};
use serde::Deserialize;
use serde_json::Value;

use super::request::Challenge;
use super::{StepUpConfig, signature};

/// An answer is small.
const LIMITS: Limits = Limits { depth: 4, bytes: 16 * 1024, nodes: 64 };

/// What the approver said, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApproverSays {
    /// Yes, to exactly this call.
    Approved(Approval),
    /// No.
    Denied {
        /// Who said so.
        approver: Identity,
        /// For the record only.
        comment: Option<String>,
    },
    /// Nobody has decided yet; the same call may be tried again.
    Pending,
}

/// What `outcome` says about `challenge`, or why it says nothing that counts.
///
/// `spent` tells whether a challenge of this id was used before; it is asked only about ids other than this challenge's.
pub fn read_answer(
    outcome: &CallOutcome,
    challenge: &Challenge,
    config: &StepUpConfig,
    workload: &Workload,
    now: UnixTime,
    spent: &mut dyn FnMut(&str) -> Result<bool, LedgerError>,
) -> Result<ApproverSays, Reason> {
    let (status, headers, body) = received(outcome)?;
    signature::check(&config.secret, headers, now, body)?;
    let wire = read(status, body)?;
    check_call(&wire, challenge, spent)?;
    let approver =
        wire.approver.map(|wire::Approver { iss, sub }| Identity { issuer: iss, subject: Subject::Sub(sub) });
    if approver.as_ref().is_some_and(|approver| workload.involves(approver)) {
        return Err(Reason::ApproverIsRequester);
    }
    let approver = approver.ok_or(Reason::ApprovalMalformed);
    match wire.decision {
        wire::Word::Denied => Ok(ApproverSays::Denied { approver: approver?, comment: wire.reason }),
        wire::Word::Pending => Ok(ApproverSays::Pending),
        wire::Word::Approved => {
            let (expires, stated) = (wire.expires_at.unwrap_or(challenge.expires), wire.expires_at.is_some());
            let approval = Approval { challenge: wire.challenge, approver: approver?, expires, stated };
            if approval.expires <= now { Err(Reason::ApprovalExpired) } else { Ok(ApproverSays::Approved(approval)) }
        }
    }
}

fn received(outcome: &CallOutcome) -> Result<(u16, &Headers, &[u8]), Reason> {
    match outcome {
        CallOutcome::Response { status: status @ (200 | 202), headers, body } => Ok((*status, headers, body)),
        // The gateway's own word for a timeout (ARCHITECTURE H2).
        CallOutcome::Response { status: 504, .. } => Err(Reason::ApprovalTimeout),
        CallOutcome::Response { .. } | CallOutcome::Failed(CallFailure::NotDispatched | CallFailure::NoAnswer) => {
            Err(Reason::ApproverUnreachable)
        }
        CallOutcome::Failed(CallFailure::TooLarge) => Err(Reason::ApprovalMalformed),
    }
}

struct Read {
    challenge: String,
    call: String,
    body: String,
    decision: wire::Word,
    approver: Option<wire::Approver>,
    expires_at: Option<UnixTime>,
    reason: Option<String>,
}

fn read(status: u16, body: &[u8]) -> Result<Read, Reason> {
    let value = json::tolerant(body, &LIMITS).map_err(|_| Reason::ApprovalMalformed)?;
    // serde would read an array as a struct; nothing in an answer is an array.
    if value.as_object().is_none_or(|members| members.values().any(Value::is_array)) {
        return Err(Reason::ApprovalMalformed);
    }
    let wire = wire::Document::deserialize(value).map_err(|_| Reason::ApprovalMalformed)?;
    let wire::Document { challenge, binding: wire::Binding { call, body }, decision, approver, expires_at, reason } =
        wire;
    let named = approver.as_ref().is_none_or(|approver| !approver.iss.is_empty() && !approver.sub.is_empty());
    // "Accepted" is not a decision (RFC 9110 §15.3.3).
    let decided = status == 202 && !matches!(decision, wire::Word::Pending);
    let needs_approver = !matches!(decision, wire::Word::Pending) && approver.is_none();
    let expires_at = expires_at.map(|text| clock::parse(&text).ok_or(Reason::ApprovalMalformed)).transpose()?;
    if decided || needs_approver || !named {
        return Err(Reason::ApprovalMalformed);
    }
    Ok(Read { challenge, call, body, decision, approver, expires_at, reason })
}

fn check_call(
    wire: &Read,
    challenge: &Challenge,
    spent: &mut dyn FnMut(&str) -> Result<bool, LedgerError>,
) -> Result<(), Reason> {
    if wire.call != digest::text(&challenge.binding.call) {
        return Err(Reason::ApprovalForOtherCall);
    }
    if wire.challenge != challenge.id {
        let replayed = spent(&wire.challenge).map_err(|_| Reason::LedgerUnavailable)?;
        return Err(if replayed { Reason::ApprovalReplayed } else { Reason::ApprovalForOtherCall });
    }
    if wire.body != digest::text(&challenge.binding.body) {
        return Err(Reason::ApprovalForOtherCall);
    }
    Ok(())
}

/// The answer as it travels.
mod wire {
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Document {
        pub(super) challenge: String,
        pub(super) binding: Binding,
        pub(super) decision: Word,
        pub(super) approver: Option<Approver>,
        pub(super) expires_at: Option<String>,
        pub(super) reason: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Binding {
        pub(super) call: String,
        pub(super) body: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub(super) enum Word {
        Approved,
        Denied,
        Pending,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Approver {
        pub(super) iss: String,
        pub(super) sub: String,
    }
}
