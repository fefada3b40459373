//! Modules that import each other in circles. Such modules can only be read, moved and tested together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::names::Import;
use super::rooms::Room;

/// Arrows between two modules of a room that are part of a circle, and why they may be: who imports, and whom.
const CIRCLES: &[(Room, &str, &str, &str)] = &[];

/// Top-level modules, each with those that it imports.
#[derive(Debug, Default)]
pub(crate) struct Arrows(BTreeMap<String, BTreeSet<String>>);

/// The two modules of an import from one to the other.
fn ends(import: &Import) -> Option<(&str, &str)> {
    let (from, to) = (import.from.top()?, import.to.top()?);
    (from != to).then_some((from, to))
}

impl Arrows {
    pub(crate) fn of(imports: &[Import]) -> Self {
        let mut arrows = Self::default();
        for (from, to) in imports.iter().filter_map(ends) {
            arrows.0.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
        arrows
    }

    /// The arrows that are part of a circle.
    pub(crate) fn in_circles(&self) -> Vec<(&str, &str)> {
        let all = self.0.iter().flat_map(|(from, seen)| seen.iter().map(move |to| (from.as_str(), to.as_str())));
        all.filter(|(from, to)| self.way(to, from).is_some()).collect()
    }

    /// The shortest way from one module to another, both included.
    fn way<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let (mut ways, mut seen) = (VecDeque::from([vec![from]]), BTreeSet::from([from]));
        while let Some(way) = ways.pop_front() {
            let last = *way.last()?;
            if last == to {
                return Some(way);
            }
            for next in self.0.get(last).into_iter().flatten().map(String::as_str) {
                if seen.insert(next) {
                    ways.push_back([way.as_slice(), &[next]].concat());
                }
            }
        }
        None
    }
}

/// What is wrong with the `imports` of one crate, of which only the arrows in [`CIRCLES`] may be part of circles, and all of these are. Each text
/// says where, and what to do.
pub(crate) fn complaints(room: Room, imports: &[Import]) -> Vec<String> {
    beside(imports, CIRCLES.iter().filter(|circle| circle.0 == room).map(|(_, from, to, _)| (*from, *to)).collect())
}

fn beside(imports: &[Import], allowed: Vec<(&str, &str)>) -> Vec<String> {
    let arrows = Arrows::of(imports);
    let found = arrows.in_circles();
    let mut complaints = Vec::new();
    for (from, to) in found.iter().copied().filter(|arrow| !allowed.contains(arrow)) {
        let way = arrows.way(to, from).unwrap_or_default().join("` → `");
        let closing = imports.iter().filter(|import| ends(import) == Some((from, to)));
        complaints.extend(closing.map(|Import { file, line, written, .. }| {
            format!(
                "{file}:{line}: `{written}`: closes a circle of modules, `{from}` → `{way}`. Move what is needed to a module \
                 below both, or hand it in"
            )
        }));
    }
    let gone = allowed.into_iter().filter(|arrow| !found.contains(arrow));
    complaints.extend(
        gone.map(|(from, to)| format!("CIRCLES: `{from}` → `{to}` is not part of a circle any more: take it out")),
    );
    complaints
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::super::sources::Sources;
    use super::*;

    /// `a`, `b` and `c` are a circle; `d` sees it, and `e` is seen by it.
    fn imports(further: (&str, &str)) -> Result<Vec<Import>> {
        let files = [
            ("a/mod.rs", "use crate::b::B;\nmod part;"),
            ("a/part.rs", "use super::A;\nuse crate::e::E;"),
            ("b.rs", "fn f() { crate::c::f() }"),
            ("c.rs", "use crate::a::part::Part;"),
            ("d.rs", "use crate::{a, b, e};"),
            ("e.rs", ""),
            further,
        ];
        Ok(Sources::of(&files)?.imports())
    }

    const LISTED: [(&str, &str); 3] = [("a", "b"), ("b", "c"), ("c", "a")];

    #[test]
    fn a_circle_is_known_by_all_of_its_arrows() -> Result<()> {
        let imports = imports(("f.rs", "use crate::d::D;"))?;
        assert_eq!(Arrows::of(&imports).in_circles(), LISTED);
        assert_eq!(beside(&imports, LISTED.to_vec()), [""; 0]);
        Ok(())
    }

    #[test]
    fn what_closes_a_circle_is_refused() -> Result<()> {
        let found = beside(&imports(("e/part.rs", "\nfn f() { crate::d::D }"))?, LISTED.to_vec());
        let places: Vec<&str> = found.iter().filter_map(|text| text.split(": `").next()).collect();
        // With it the circle is larger: what leads from it and back is part of it.
        assert_eq!(places, ["a/part.rs:2", "d.rs:1", "d.rs:1", "d.rs:1", "e/part.rs:2"], "{found:?}");
        assert!(found.concat().contains("`crate::d::D`: closes a circle of modules, `e` → `d` → `e`. "), "{found:?}");
        Ok(())
    }

    #[test]
    fn what_is_listed_must_be_there() -> Result<()> {
        let found = beside(&imports(("f.rs", ""))?, [&LISTED[..], &[("a", "e")]].concat());
        assert_eq!(found, ["CIRCLES: `a` → `e` is not part of a circle any more: take it out"]);
        Ok(())
    }
}
