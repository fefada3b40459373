//! What the upstream answers, as far as it matters: lists of what there is, rewritten while they pass, and tasks of agents that
//! are over, seen while answers pass as they are.
//!
//! A list shows what its reader could call and nothing else. Responses are never held beyond one element of a list and are
//! rewritten chunk by chunk (DESIGN H19); whatever cannot be read one way only is [`Unreadable`] and is not passed on.
//! Which elements are shown is asked of the caller, element by element, and not decided here.
//!
//! Sources: MCP 2025-11-25 and 2026-07-28, `tools/list`, `prompts/list`, `resources/list`, `resources/templates/list`;
//! RFC 8259; the `text/event-stream` format (WHATWG HTML §9.2).

mod element;
mod ending;
mod event_stream;
mod head;
mod hints;
mod list;
mod token;

#[cfg(test)]
mod tests;

pub(crate) use element::Element;
pub(crate) use ending::{Endings, Sight, TaskEnd};
pub(crate) use head::{Content, Treatment, treatment};

/// Bytes of one element of a list.
pub(crate) const ELEMENT_BYTES: usize = 256 * 1024;

/// What cannot be read, or not in one way only, or is beyond a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Which list an element is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    Tools,
    Prompts,
    Resources,
    Templates,
}

impl Listing {
    /// Every list.
    #[cfg(test)]
    const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::Templates];

    /// The member of a result that holds it.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }
}

/// Whether an element of a list is shown.
pub(crate) trait Audience {
    /// Whether `element` of `listing` is shown.
    fn sees(&mut self, listing: Listing, element: &Element) -> Result<bool, Unreadable>;
}
