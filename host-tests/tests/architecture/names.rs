//! How the modules and items of a crate are called, and that one uses another.

use std::fmt;

/// A module or an item, as it is called from the root of its crate: `config::Endpoint`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(pub(super) Vec<String>);

impl Name {
    /// The top-level module that it is in; `None` for the root.
    pub(crate) fn top(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    /// Whether it is `whole`, or in it.
    pub(crate) fn is_within(&self, whole: &Self) -> bool {
        self.0.starts_with(&whole.0)
    }

    /// What is called `segments` in it.
    pub(super) fn then(&self, segments: &[String]) -> Self {
        Self([self.0.as_slice(), segments].concat())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { formatter.write_str("crate") } else { formatter.write_str(&self.0.join("::")) }
    }
}

/// That a module uses a name.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// As it stands there.
    pub(crate) written: String,
    /// The module that uses it.
    pub(crate) from: Name,
    /// The item that it leads to, or a module. A variant or a function of a type counts as the type.
    pub(crate) to: Name,
}
