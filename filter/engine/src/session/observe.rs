//! Audit: a request that is only watched goes on as it came, whatever was decided about it.
//!
//! The one place where a decision is recorded and not done. Removed are only fields that nobody but this filter may set, in
//! trailers too, so that an upstream which believes them is not lied to; and on the way out what is for this proxy alone, which
//! would otherwise be shown to whoever is asked. Nothing is spent and nobody is asked. Of an MCP server's response is looked at
//! whether it was asked for; it passes as it came, lists and sessions included.

use countersign_facts::headers::{HeaderEdit, same_name};
use countersign_facts::reason::Reason;

use super::account::{About, Account, stripped_on_the_way_out};
use super::request::{Request, is_identity, without_identity};
use super::response::Watch;
use super::running::Running;
use super::{Next, Turn};
use crate::config::Config;
use crate::forward::Forward;
use crate::io::Step;
use crate::permit::Permit;
use crate::sessions;

impl Turn<'_> {
    /// Lets a request go on although `decided` was decided about it; `None` where decisions are enforced.
    pub(super) fn observe(&self, account: &Account, about: About<'_>, decided: Reason) -> Option<Next> {
        self.observed(account, about, decided, Vec::new(), None)
    }

    /// As [`observe`](Self::observe), of a held request, whose trailers and session may be known.
    pub(super) fn observe_held(&self, request: &Request, account: &Account, decided: Reason) -> Option<Next> {
        let mut edits = without_identity(&request.trailers);
        // A session that was opened while decisions were enforced goes on.
        if let Some(session) = &account.session {
            edits.extend(HeaderEdit::removals(&request.head.headers, |name| same_name(name, sessions::FIELD)));
            edits.push(HeaderEdit::Set(sessions::FIELD, session.clone()));
        }
        self.observed(account, request.about(self), decided, edits, Watch::in_audit(self, request, account))
    }

    fn observed(
        &self,
        account: &Account,
        about: About<'_>,
        decided: Reason,
        mut edits: Vec<HeaderEdit>,
        watch: Option<Box<Watch>>,
    ) -> Option<Next> {
        let permit = Permit::for_watched(about.mode)?;
        let line = account.line(self, about, decided, 0);
        edits.extend(unspoofed(about, &self.engine.config));
        Some(Next::Run(Running::observed(self.now, watch), Step::Forward(Forward::new(permit, line, edits))))
    }
}

/// Removes identity headers, and on the way out the proxy's credential.
fn unspoofed(about: About<'_>, config: &Config) -> Vec<HeaderEdit> {
    if about.resource.is_some_and(|resource| resource.interface.egress) {
        return stripped_on_the_way_out(about.headers, config, about.dpop, is_identity);
    }
    HeaderEdit::removals(about.headers, is_identity)
}
