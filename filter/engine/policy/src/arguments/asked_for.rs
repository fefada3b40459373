//! What policies ask of arguments, as a tree of names.

use std::collections::BTreeMap;

use countersign_facts::fold::is_same;
use countersign_facts::rollout::Mode;

static NOTHING: AskedFor = AskedFor { whole: false, below: BTreeMap::new() };
static ALL: AskedFor = AskedFor { whole: true, below: BTreeMap::new() };

/// The names that are asked for, each with what is asked below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AskedFor {
    /// Whether the value itself is read: all that is in it.
    whole: bool,
    below: BTreeMap<String, AskedFor>,
}

impl AskedFor {
    /// `path` is asked for too; `whole` if its value is read.
    pub(crate) fn add(&mut self, path: &[String], whole: bool) {
        match path.split_first() {
            None => self.whole |= whole,
            Some((name, rest)) => self.below.entry(name.clone()).or_default().add(rest, whole),
        }
    }

    /// Whether nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        !self.whole && self.below.is_empty()
    }

    /// Whether some reader takes `name` for one that is asked for.
    pub(crate) fn is_meant(&self, name: &str) -> bool {
        self.whole || self.below.keys().any(|asked| is_same(asked, name))
    }

    /// Those that are asked for by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.below.keys()
    }

    /// Whether `name` is asked for, if only whether it is there.
    pub(crate) fn reads(&self, name: &str) -> bool {
        self.whole || self.below.contains_key(name)
    }

    /// Whether each item of a list is read.
    pub(crate) fn reads_items(&self) -> bool {
        self.whole
    }

    /// What is asked below `name`.
    pub(crate) fn below(&self, name: &str) -> &Self {
        if self.whole { &ALL } else { self.below.get(name).unwrap_or(&NOTHING) }
    }

    /// What is asked of each item of a list that is read, or not.
    pub(crate) fn of_items(&self) -> &Self {
        if self.whole { &ALL } else { &NOTHING }
    }
}

/// The names that policies ask of one action's arguments: those that are enforced, and in audit all of them.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'p> {
    pub(super) enforced: &'p AskedFor,
    pub(super) tried: &'p AskedFor,
}

impl Asked<'_> {
    /// Whether there are any.
    pub fn any(self, mode: Mode) -> bool {
        !self.of(mode).is_empty()
    }

    /// Notes that a call carries `name`, in place of which mode it is the first that is asked for in.
    pub fn note(self, name: &str, carried: &mut Carried) {
        for (first, mode) in [(&mut carried.enforced, Mode::Enforce), (&mut carried.tried, Mode::Audit)] {
            if first.is_none() && self.of(mode).is_meant(name) {
                *first = Some(name.to_owned());
            }
        }
    }

    fn of(&self, mode: Mode) -> &AskedFor {
        match mode {
            Mode::Enforce => self.enforced,
            Mode::Audit => self.tried,
        }
    }
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self { enforced: &NOTHING, tried: &NOTHING }
    }
}

/// The first name that a call carries of those that are asked for: one is enough to refuse it.
#[derive(Debug, Default)]
pub struct Carried {
    enforced: Option<String>,
    tried: Option<String>,
}

impl Carried {
    pub fn names(self) -> Vec<String> {
        self.enforced.into_iter().chain(self.tried).collect()
    }
}
