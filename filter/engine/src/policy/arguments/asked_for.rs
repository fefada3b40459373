//! What policies ask of arguments, as a tree of names.

use std::collections::BTreeMap;

static NOTHING: AskedFor = AskedFor { whole: false, below: BTreeMap::new() };
static ALL: AskedFor = AskedFor { whole: true, below: BTreeMap::new() };

/// The names that are asked for, each with what is asked below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct AskedFor {
    /// Whether the value itself is read: all that is in it.
    whole: bool,
    below: BTreeMap<String, AskedFor>,
}

impl AskedFor {
    /// `path` is asked for too; `whole` if its value is read.
    pub(in crate::policy) fn add(&mut self, path: &[String], whole: bool) {
        match path.split_first() {
            None => self.whole |= whole,
            Some((name, rest)) => self.below.entry(name.clone()).or_default().add(rest, whole),
        }
    }

    /// Whether `name` is asked for.
    pub(in crate::policy) fn contains(&self, name: &str) -> bool {
        self.whole || self.below.contains_key(name)
    }

    /// Those that are asked for by name.
    pub(in crate::policy) fn names(&self) -> impl Iterator<Item = &String> {
        self.below.keys()
    }

    /// What is asked below `name`.
    pub(in crate::policy) fn below(&self, name: &str) -> &Self {
        if self.whole { &ALL } else { self.below.get(name).unwrap_or(&NOTHING) }
    }

    /// What is asked of each item of a list that is read, or not.
    pub(in crate::policy) fn of_items(&self) -> &Self {
        if self.whole { &ALL } else { &NOTHING }
    }
}
