//! Which names the modules in one file use, as they are written.
//!
//! Both `use` trees and paths in code count, also those in the tokens of macros. What only tests compile is left out: what is marked
//! `#[cfg(test)]` or `#[test]`, with everything below it, and what is there for the tests of other crates.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemMod, ItemUse, Macro, Meta, UseTree, Visibility};

use super::names::Name;

/// What one module says.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    /// What its imports bring, by the name it has here, as it is written.
    pub(crate) brought: BTreeMap<String, Vec<String>>,
    pub(crate) written: Vec<Written>,
}

/// A path, as it stands there.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Whether it is in a `use`, where what another one brings does not count.
    pub(crate) is_import: bool,
}

/// Reads the text of one file.
struct Reader<'f> {
    file: &'f str,
    /// The module that it is in at the moment.
    module: Name,
    found: Found,
}

/// What there is in one file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The file's module, and those that are written in it.
    pub(crate) modules: BTreeMap<Name, Module>,
    /// Modules that only tests compile, in the file or not.
    pub(crate) tests: BTreeSet<Name>,
}

/// Reads `text`, which is all of `module` and which messages call `file`.
pub(crate) fn read(module: Name, file: &str, text: &str) -> Result<Found> {
    let parsed = syn::parse_file(text).map_err(|error| {
        let line = error.span().start().line;
        anyhow::anyhow!("{file}:{line}: {error}")
    })?;
    let mut reader = Reader { file, module, found: Found::default() };
    reader.here();
    reader.visit_file(&parsed);
    Ok(reader.found)
}

impl Reader<'_> {
    fn here(&mut self) -> &mut Module {
        let Self { file, module, found } = self;
        let new = || Module { file: (*file).to_owned(), ..Module::default() };
        found.modules.entry(module.clone()).or_insert_with(new)
    }

    fn import(&mut self, segments: Vec<String>, line: usize) {
        self.here().written.push(Written { segments, line, is_import: true });
    }

    /// A path in code: one segment alone is a name of this module, and counts where it is imported.
    fn path(&mut self, segments: Vec<String>, line: usize) {
        if segments.len() > 1 {
            self.here().written.push(Written { segments, line, is_import: false });
        }
    }

    fn tree(&mut self, tree: &UseTree, mut before: Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before.clone());
                }
            }
            UseTree::Name(name) => self.bring(before, &name.ident, None),
            UseTree::Rename(rename) => self.bring(before, &rename.ident, Some(&rename.rename)),
            UseTree::Glob(glob) => {
                before.push("*".to_owned());
                self.import(before, glob.star_token.span.start().line);
            }
        }
    }

    /// `last` of what is at `path`, under the name `renamed` or its own. `self` is the module at `path`.
    fn bring(&mut self, mut path: Vec<String>, last: &Ident, renamed: Option<&Ident>) {
        if last != "self" || path.is_empty() {
            path.push(last.to_string());
        }
        let name = renamed.map(ToString::to_string).or_else(|| path.last().cloned());
        self.here().brought.extend(name.map(|name| (name, path.clone())));
        self.import(path, last.span().start().line);
    }

    /// What a macro gets: paths are read as they stand, whatever it makes of them.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut line, mut colons) = (Vec::new(), 0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    match (colons, path.is_empty()) {
                        (2, false) => path.push(ident.to_string()),
                        // It goes on after something that is not a name.
                        (2, true) => {}
                        _ => {
                            self.path(std::mem::take(&mut path), line);
                            (path, line) = (vec![ident.to_string()], ident.span().start().line);
                        }
                    }
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.path(std::mem::take(&mut path), line);
                    colons = 0;
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.path(std::mem::take(&mut path), line);
                    colons = 0;
                }
            }
        }
        self.path(path, line);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        } else if let Item::Mod(module) = item {
            self.found.tests.insert(self.module.then(&[module.ident.to_string()]));
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let Some((_, items)) = &item.content else { return };
        let inside = self.module.then(&[item.ident.to_string()]);
        let outside = std::mem::replace(&mut self.module, inside);
        self.here();
        for item in items {
            self.visit_item(item);
        }
        self.module = outside;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&item.tree, Vec::new());
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.path(segments, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }

    /// Documentation names what it likes.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    /// Who may see it is not what it uses.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Conditions that hold in tests only: this crate's, and those of the crates above it.
const TESTS: [&str; 2] = ["test", "any (test , feature = \"test-support\")"];

pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => list.path.is_ident("cfg") && TESTS.contains(&list.tokens.to_string().as_str()),
        Meta::NameValue(_) => false,
    })
}
