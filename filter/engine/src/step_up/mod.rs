//! Asking a human or a system about one risky call, and believing nothing but its signed answer.
//!
//! One POST in the form of [Standard Webhooks](https://www.standardwebhooks.com), held open by the approver for as long
//! as `Prefer: wait` allows (RFC 7240 §4.3). How many questions are open is remembered here; that an approval is used once is
//! the ledger's business, that it lifts a `forbid` is policy's.
//!
//! # What is sent
//!
//! | member | content |
//! |---|---|
//! | `type` | `approval.requested` |
//! | `challenge` | names this question; also the `webhook-id` |
//! | `binding` | `call` and `body`, each `sha-256:` and base64url: what exactly is asked about; `call` is the same when the same call is tried again |
//! | `requested_at`, `lapses_at` | RFC 3339; nobody waits for an answer after the second |
//! | `workload` | `subject {iss, sub}` (of a machine `{iss, machine: {claim, id}}`), `issuer` (its configured name), `client_id` or null |
//! | `actors` | the actor chain, `{iss, sub}`, the current actor first |
//! | `task` | `id`, `purpose` or null |
//! | `action` | `protocol`, `operation`, `resource`, `object` or null, `method`, `authority`, `target` |
//! | `arguments` | of a tool call, with `"[redacted]"` where the catalogue says so (in an endpoint's `target`, too); otherwise null |
//! | `risk` | `low`, `medium`, `high`, `critical` |
//! | `approvers` | who is to approve: the policies' `@step_up` |
//! | `reasons` | why it is asked: the policies' `@reason` |
//!
//! # What is answered
//!
//! Status 200, or 202 while undecided; `webhook-id`, `webhook-timestamp` and `webhook-signature` over the body with the same
//! secret; strict JSON without other members:
//!
//! ```json
//! { "challenge": "…", "binding": { "call": "sha-256:…", "body": "sha-256:…" }, "decision": "approved",
//!   "approver": { "iss": "https://id.example.com", "sub": "erin" }, "expires_at": "2026-11-23T10:00:00Z", "reason": "ok" }
//! ```
//!
//! `decision` is `approved`, `denied` or `pending`; the first two need an `approver`. `expires_at` is until when an approval
//! holds (else until the challenge lapses). `reason` is for the record.

mod answer;
mod binding;
pub(crate) mod open;
mod request;
mod signature;

use std::fmt;
use std::time::Duration;

use countersign_facts::calls::Endpoint;

pub use answer::{ApproverSays, read_answer};
pub use binding::Binding;
pub(crate) use binding::BindingFacts;
pub(crate) use open::OpenBounds;
pub use request::Challenge;
pub(crate) use request::{ApprovalRequest, webhook_call};

/// The approval webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct StepUpConfig {
    pub endpoint: Endpoint,
    /// The Standard Webhooks secret (`whsec_…` or bare base64, 24 to 64 bytes), both directions.
    pub secret: String,
    /// How long a request may be held for the answer; bounds the endpoint's timeout.
    pub(crate) hold: Duration,
}

impl fmt::Debug for StepUpConfig {
    /// Everything but the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, secret: _, hold } = self;
        formatter
            .debug_struct("StepUpConfig")
            .field("endpoint", endpoint)
            .field("secret", &format_args!("…"))
            .field("hold", hold)
            .finish()
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "serde_json indexes test documents by member")]
pub(crate) mod tests;
