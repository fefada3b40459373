//! A request on its way upstream: what is removed from it and what is added.

use crate::headers::Headers;
use crate::permit::Permit;
use crate::record::Line;

/// Everything the shell does to let a request through. Cannot be built without a [`Permit`].
#[derive(Debug)]
pub struct Forward {
    permit: Permit,
    /// Written before anything is forwarded.
    pub line: Line,
    /// Edits of the request's headers, in order.
    pub edits: Vec<HeaderEdit>,
}

/// One edit of a header map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Remove every value of this exact name, as the gateway spells it.
    Remove(String),
    /// Replace every value of this name by one.
    Set(&'static str, String),
    /// Remove every value of this exact name from the request's trailers.
    RemoveTrailer(String),
}

impl HeaderEdit {
    /// Removes every field of `headers` whose name is `chosen`, each spelling once.
    pub(crate) fn removals(headers: &Headers, chosen: impl Fn(&str) -> bool) -> Vec<Self> {
        Self::each(headers, chosen, Self::Remove)
    }

    /// The same of a request's `trailers`.
    pub(crate) fn trailer_removals(trailers: &Headers, chosen: impl Fn(&str) -> bool) -> Vec<Self> {
        Self::each(trailers, chosen, Self::RemoveTrailer)
    }

    fn each(fields: &Headers, chosen: impl Fn(&str) -> bool, edit: impl Fn(String) -> Self) -> Vec<Self> {
        let mut edits: Vec<Self> = Vec::new();
        for (name, _) in fields.iter().filter(|(name, _)| chosen(name)) {
            let edit = edit(name.to_owned());
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        edits
    }
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
