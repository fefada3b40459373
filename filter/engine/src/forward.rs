//! A request on its way upstream: what is removed from it and what is added.

use countersign_facts::headers::HeaderEdit;

use crate::permit::Permit;
use crate::record::Line;

/// What the upstream gets to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardConfig {
    /// Send the agent's credential on (never by default).
    pub credential: bool,
    /// Header names that pick a route: refused from clients.
    pub routing_headers: Vec<String>,
}

/// Everything the shell does to let a request through. Cannot be built without a [`Permit`].
///
/// ```compile_fail
/// # use countersign_engine::{forward::Forward, permit::Permit, record::Line};
/// fn forged(permit: Permit, line: Line) -> Forward {
///     Forward { permit, line, edits: Vec::new() }
/// }
/// ```
#[derive(Debug)]
pub struct Forward {
    permit: Permit,
    /// Written before anything is forwarded.
    pub line: Line,
    /// Edits of the request's headers, in order.
    pub edits: Vec<HeaderEdit>,
}

impl Forward {
    pub(crate) fn new(permit: Permit, line: Line, edits: Vec<HeaderEdit>) -> Self {
        Self { permit, line, edits }
    }

    /// The proof that this may go upstream.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }
}
