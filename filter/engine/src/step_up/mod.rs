//! Asking a human or a system about one risky call, and believing nothing but its signed answer.

mod answer;
mod binding;
mod request;

use countersign_tokens::UnixTime;

pub use answer::{read_answer, Answer};
pub use binding::{Binding, BindingFacts};
pub use request::{webhook_call, Challenge};

use crate::workload::Identity;

/// An approval of exactly one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The challenge it answers.
    pub challenge: String,
    pub approver: Identity,
    /// Until when it holds.
    pub expires: UnixTime,
}
