//! Texts that may be said only once, with the place where each was first said.

use std::collections::BTreeMap;

use super::read::Node;

/// Texts none of which may appear twice.
#[derive(Debug)]
pub(super) struct Names {
    remedy: &'static str,
    first: BTreeMap<String, String>,
}

impl Names {
    /// None yet; `remedy` is told to whoever repeats one.
    pub(super) fn new(remedy: &'static str) -> Self {
        Self { remedy, first: BTreeMap::new() }
    }

    /// How many were claimed.
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }

    /// Those that were claimed.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.first.keys().map(String::as_str)
    }

    /// Notes a mistake unless `text` was claimed before; `what` it would be.
    pub(super) fn expect(&self, node: &Node<'_>, what: &str, text: &str) -> Option<()> {
        if self.first.contains_key(text) {
            return Some(());
        }
        node.refuse(format!("no {what} is called {text:?}; name one that is configured"))
    }

    /// Notes a mistake if `text` was claimed before.
    pub(super) fn claim(&mut self, node: &Node<'_>, text: &str) -> Option<()> {
        if let Some(first) = self.first.get(text) {
            return node.refuse(format!("{text:?} is at {first} already; {}", self.remedy));
        }
        self.first.insert(text.to_owned(), node.pointer().to_owned());
        Some(())
    }
}
