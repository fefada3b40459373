//! Paths in the eyes of the most lenient server there is.
//!
//! Without case, in any form of Unicode, with an escape or a `+` for what it stands for, with or without one trailing slash, and
//! without the dots and blanks that some file systems drop from the end of a name. What else servers make of a path (dot and
//! empty segments, `;`, `\`, escaped slashes) no head has that gets here. What two paths that are nearly the same come to is not
//! decided here.

use std::borrow::Cow;

use countersign_facts::fold::fold;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

use super::PathMatch;

impl PathMatch {
    /// Whether such a server takes `path` (without query) for one that looks like it.
    pub fn nearly_admits(&self, path: &str) -> bool {
        let mut asked = segments(path);
        let begins = self.literals().all(|own| asked.next().is_some_and(|segment| is_nearly(segment, own)));
        begins && path.starts_with('/') && (matches!(self, Self::Below(_)) || asked.next().is_none())
    }

    /// How much it says: how many segments, and then whether nothing may follow them.
    pub(crate) fn says(&self) -> (usize, bool) {
        (self.literals().count(), matches!(self, Self::Exact(_)))
    }

    fn literals(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::Exact(path) | Self::Below(path) => segments(path),
        }
    }
}

/// The segments of `path`, whether it ends with a slash or not.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').filter(|_| !path.is_empty())
}

/// Whether `one` and `other`, as written, are one segment to such a server.
fn is_nearly(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.is_ascii() && !text.contains(['%', '+']) && !text.ends_with('.');
    if plain(one) && plain(other) {
        return one.eq_ignore_ascii_case(other);
    }
    let decoded = |text| folded(&percent_decode_str(text).decode_utf8_lossy());
    decoded(one) == decoded(other)
}

/// What is the same of every segment that is nearly `segment`, which is decoded.
pub(super) fn folded(segment: &str) -> String {
    let composed: Cow<'_, str> =
        if segment.is_ascii() { segment.into() } else { segment.nfkc().collect::<String>().into() };
    let name = fold(&composed).replace('+', " ");
    name.trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests;
