//! What a request for a list takes along to a server whose tools are pinned: nothing that the client could have it list otherwise by
//! than for others.
//!
//! The transport's own fields go on, who calls, and what configuration names. The path's query and the message go as they are: what
//! they change, only who sent them sees.

use countersign_facts::headers::{HeaderEdit, same_name};
use countersign_protocols::action::mcp::transport;
use countersign_trust::credential;

use super::Turn;
use super::request::{Request, is_reserved};

/// Removes every other field of `request`, and its trailers. Reserved ones and the credential are looked after already.
pub(super) fn cleaned(turn: &Turn<'_>, request: &Request) -> Vec<HeaderEdit> {
    let Some(resource) = turn.engine.resource(request.resource).filter(|resource| resource.has_pins()) else {
        return Vec::new();
    };
    let goes_on = |name: &str| {
        let credential = credential::fields(&turn.engine.config.credential_headers);
        let mut named = credential.chain(resource.list_headers.iter().map(String::as_str));
        transport::is_own(name) || is_reserved(name) || named.any(|field| same_name(field, name))
    };
    let mut edits = HeaderEdit::removals(&request.head.headers, |name| !goes_on(name));
    edits.extend(HeaderEdit::trailer_removals(&request.trailers, |_| true));
    edits
}
