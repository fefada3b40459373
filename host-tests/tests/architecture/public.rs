//! What is public without need. Rustc cannot tell in a crate of its own: it takes for used whatever anybody could name.
//!
//! Of a room, only what another crate of the workspace names is public, and what stands in the signature of such a thing. Names are compared as
//! words: a method that has the name of another one that is used passes. The tokens are left out: they are a library of their own, with an
//! interface that is whole.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{Field, ImplItemFn, Item, ItemImpl, ItemMod, Signature, Variant, Visibility};

use super::packages::Package;
use super::reader::{attributes, is_for_tests};
use super::rooms::Room;
use super::sources;

/// Something public: where it is, and what stands in its signature.
#[derive(Debug)]
struct Offered {
    place: String,
    name: String,
    words: BTreeSet<String>,
}

/// What the crates of the decision make public and nobody needs.
pub(crate) fn complaints(members: &[Package]) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for member in members {
        texts.push((member, files(member)?));
    }
    let mut complaints = Vec::new();
    for (member, own) in &texts {
        if !Room::of(&member.name).is_some_and(|room| Room::Explain.sees(room) && room != Room::Tokens) {
            continue;
        }
        let mut outside = BTreeSet::new();
        for (_, files) in texts.iter().filter(|(other, _)| other.name != member.name) {
            for (_, text) in files {
                words(text.parse().map_err(|error| anyhow::anyhow!("{error}"))?, &mut outside);
            }
        }
        let mut offered = Vec::new();
        for (place, text) in own {
            offered.extend(read(place, text)?);
        }
        complaints.extend(needless(offered, outside).into_iter().map(|Offered { place, name, .. }| {
            format!("{place}: no other crate names `{name}`: make it `pub(crate)`, or less")
        }));
    }
    Ok(complaints)
}

/// All Rust files of a package, with their texts.
fn files(member: &Package) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        let below = member.folder().join(folder);
        if !below.is_dir() {
            continue;
        }
        for place in sources::files(&below)? {
            let path = below.join(&place);
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((format!("{}/{folder}/{place}", member.place()), text));
        }
    }
    Ok(files)
}

/// Of what is `offered`, what is neither among the words `outside` nor in the signature of what is.
fn needless(mut offered: Vec<Offered>, mut known: BTreeSet<String>) -> Vec<Offered> {
    loop {
        let (used, rest): (Vec<Offered>, Vec<Offered>) =
            offered.into_iter().partition(|offered| known.contains(&offered.name));
        if used.is_empty() {
            return rest;
        }
        known.extend(used.into_iter().flat_map(|used| used.words));
        offered = rest;
    }
}

/// What the file at `place` makes public.
fn read(place: &str, text: &str) -> Result<Vec<Offered>> {
    let mut reader = Reader { place, offered: Vec::new() };
    reader.visit_file(&syn::parse_file(text).with_context(|| place.to_owned())?);
    Ok(reader.offered)
}

fn words(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => _ = into.insert(ident.to_string()),
            TokenTree::Group(group) => words(group.stream(), into),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

struct Reader<'p> {
    place: &'p str,
    offered: Vec<Offered>,
}

impl Reader<'_> {
    fn offer(&mut self, visibility: &Visibility, name: &syn::Ident, signature: TokenStream) {
        if matches!(visibility, Visibility::Public(_)) {
            let mut found = BTreeSet::new();
            words(signature, &mut found);
            let place = format!("{}:{}", self.place, name.span().start().line);
            self.offered.push(Offered { place, name: name.to_string(), words: found });
        }
    }

    fn function(&mut self, visibility: &Visibility, signature: &Signature) {
        self.offer(visibility, &signature.ident, signature.to_token_stream());
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        match item {
            Item::Const(item) => self.offer(&item.vis, &item.ident, item.ty.to_token_stream()),
            Item::Static(item) => self.offer(&item.vis, &item.ident, item.ty.to_token_stream()),
            Item::Type(item) => self.offer(&item.vis, &item.ident, item.ty.to_token_stream()),
            Item::Fn(item) => self.function(&item.vis, &item.sig),
            Item::Trait(item) => self.offer(&item.vis, &item.ident, item.to_token_stream()),
            Item::Struct(item) => self.offer(&item.vis, &item.ident, public(item.fields.iter())),
            Item::Enum(item) => self.offer(&item.vis, &item.ident, variants(item.variants.iter())),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        for item in item.content.iter().flat_map(|(_, items)| items) {
            self.visit_item(item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if item.trait_.is_none() {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.function(&function.vis, &function.sig);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if let Some(name) = &field.ident {
            self.offer(&field.vis, name, field.ty.to_token_stream());
        }
    }
}

fn public<'f>(fields: impl Iterator<Item = &'f Field>) -> TokenStream {
    fields.filter(|field| matches!(field.vis, Visibility::Public(_))).map(|field| field.ty.to_token_stream()).collect()
}

fn variants<'v>(variants: impl Iterator<Item = &'v Variant>) -> TokenStream {
    variants.flat_map(|variant| variant.fields.iter()).map(|field| field.ty.to_token_stream()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_names_is_found() -> Result<()> {
        let text = "
            pub struct Used { pub member: Part, inner: Hidden }
            pub enum Part { One(Deep) }
            pub struct Deep;
            pub struct Hidden;
            impl Used { pub fn asked(&self) {} pub fn never(&self) -> Part { Part::One(Deep) } }
            pub(crate) fn inside() {}
            pub fn alone() {}
            #[cfg(test)] pub fn tried() {}
            pub mod below { pub const LEFT: u8 = 0; }
        ";
        let outside = ["Used", "member", "asked"].map(str::to_owned).into();
        let found: Vec<String> = needless(read("a.rs", text)?, outside).into_iter().map(|one| one.name).collect();
        assert_eq!(found, ["Hidden", "never", "alone", "LEFT"]);
        Ok(())
    }
}
