//! The one account of a decision: a JSON line, counters, and fields for access logs.

use std::time::Duration;

use crate::reason::Reason;

/// One line for the log, and what the shell counts and exposes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// One JSON object, without a line break.
    pub json: String,
    pub kind: Kind,
    pub reason: Reason,
    /// From the first byte to the decision, waiting included.
    pub elapsed: Duration,
    /// For access logs: set as filter state under `countersign.<name>` (DESIGN H15).
    pub fields: Vec<(&'static str, String)>,
}

/// What a line is about. A closed set: counters are labelled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Allow,
    Deny,
    StepUp,
    /// A forwarded stream that outlived its response head, or was cut, is over.
    Ended,
}

impl Kind {
    /// As records and counters spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::StepUp => "step_up",
            Self::Ended => "ended",
        }
    }
}
