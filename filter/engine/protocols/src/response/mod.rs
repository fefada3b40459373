//! What the upstream answers, as far as it matters: of an MCP server every message, and in answers that are lists every element;
//! of an agent whether it says that a task is over.
//!
//! A response of an MCP server passes to who asked for it and nobody else ([`Awaited`]): clients take one from any stream, so
//! a list that comes in answer to something else would be shown whole. A list shows what its reader could call and nothing
//! else. Nothing is held beyond one element of a list, and what passes is rewritten, if at all, chunk by chunk
//! (ARCHITECTURE H19); what cannot be read one way only, or was not asked for, is [`Refused`] before a client can use
//! it: before the end of its JSON. Which elements are shown is asked of the caller, element by element, and not decided
//! here.
//!
//! Sources: JSON-RPC 2.0 §5; MCP 2025-11-25 and 2026-07-28, Streamable HTTP, `tools/list`, `prompts/list`, `resources/list`,
//! `resources/templates/list`, `tasks/list`; `events/list` of SEP-3415; RFC 8259; the `text/event-stream` format (WHATWG HTML §9.2).

mod awaited;
mod content;
mod element;
mod ending;
mod event_stream;
mod field;
mod head;
mod hints;
mod list;
mod message;
mod token;
mod utf8;
mod version;
mod watched;

#[cfg(test)]
mod tests;

use countersign_facts::reason::Reason;

use crate::action::Listing;
pub use awaited::{Awaited, Opening};
pub use content::Content;
pub use element::Element;
pub use ending::{Endings, Sight, TaskEnd};
pub use head::{Treatment, treatment};
pub use watched::Watched;

/// Bytes of one element of a list.
pub(crate) const ELEMENT_BYTES: usize = 256 * 1024;

/// What cannot be read, or not in one way only, or is beyond a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Why nothing more of a response passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// See [`Unreadable`].
    Unreadable,
    /// It brings a result that its request did not ask for.
    Unasked,
    /// It opens a session of a version that is not read.
    Version,
    /// It is of the transport of 2024-11-05, HTTP with SSE.
    Transport,
}

impl Refused {
    /// How the stream ends, as records spell it.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Unasked => "response_unasked",
            Self::Unreadable | Self::Version | Self::Transport => self.reason().row().code,
        }
    }

    /// What a client is told that gets an answer of ours instead.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Unreadable | Self::Unasked => Reason::ResponseUnreadable,
            Self::Version => Reason::UnsupportedVersion,
            Self::Transport => Reason::TransportUnsupported,
        }
    }
}

impl From<Unreadable> for Refused {
    fn from(Unreadable: Unreadable) -> Self {
        Self::Unreadable
    }
}

/// Whether an element of a list is shown.
pub trait Audience {
    /// Whether `element` of `listing` is shown.
    fn sees(&mut self, listing: Listing, element: &Element) -> Result<bool, Unreadable>;
}
