//! The exceptions to the arrows between rooms, until the code is in its rooms. Both lists only shrink: instead of adding to one, move what
//! is needed down.

use super::names::Import;
use super::rooms::refusal;

/// Imports that go against the arrows: who imports, and what. Sorted.
pub(crate) const RATCHET: &[(&str, &str)] = &[];

/// Arrows between top-level modules that are part of a circle: who imports, and all whom it imports. Sorted.
pub(crate) const CIRCLES: &[(&str, &str)] = &[];

/// What is wrong with `upward`, the imports that go against the arrows, where exactly those in `allowed` may be there. Each text says where,
/// and what to do.
pub(crate) fn complaints(upward: &[Import], allowed: &[(&str, &str)]) -> Vec<String> {
    let found: Vec<(String, String)> =
        upward.iter().map(|import| (import.from.to_string(), import.to.to_string())).collect();
    let is = |(from, to): &(String, String), entry: &(&str, &str)| (from.as_str(), to.as_str()) == *entry;
    let mut complaints = Vec::new();
    if !allowed.is_sorted_by(|one, next| one < next) {
        complaints.push("RATCHET is not sorted, or has an entry twice".to_owned());
    }
    let unlisted = upward.iter().zip(&found).filter(|(_, pair)| !allowed.iter().any(|entry| is(pair, entry)));
    complaints.extend(unlisted.map(|(import, _)| refusal(import)));
    let gone = allowed.iter().filter(|entry| !found.iter().any(|pair| is(pair, entry)));
    complaints
        .extend(gone.map(|(from, to)| format!("RATCHET: (\"{from}\", \"{to}\") is not needed any more: take it out")));
    complaints
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::super::rooms::upward;
    use super::super::sources::Sources;
    use super::*;

    #[test]
    fn only_what_is_listed_goes_against_the_arrows_and_all_of_it() -> Result<()> {
        let files = [
            ("policy.rs", "use crate::config::{A, B};\nuse crate::frameworks;\nfn f(a: crate::config::A) {}"),
            ("config/mod.rs", "use crate::policy::Key;"),
        ];
        let upward = upward(Sources::of(&files)?.imports());
        assert_eq!(complaints(&upward, &[("policy", "config::A"), ("policy", "config::B")]), [""; 0]);
        let found = complaints(&upward, &[("policy", "config::B"), ("policy", "config::C")]);
        let places: Vec<&str> = found.iter().filter_map(|text| text.split(": ").next()).collect();
        assert_eq!(places, ["policy.rs:1", "policy.rs:3", "RATCHET"], "{found:?}");
        let unsorted = [("policy", "config::B"), ("policy", "config::A")];
        assert_eq!(complaints(&upward, &unsorted), ["RATCHET is not sorted, or has an entry twice"]);
        Ok(())
    }
}
