//! Sandboxes: where what is allowed and risky goes instead, and what it goes without.

use countersign_policy::Sandbox;

use super::distinct;
use super::seen::Names;
use crate::config::read::Node;
use crate::config::text;

/// The list of them.
pub(super) fn sandboxes(node: &Node<'_>) -> Option<Vec<Sandbox>> {
    let mut names = Names::new("names are unique, choose another");
    node.list(|node| {
        node.object(|object| {
            let name = object.required("name", "choose one, for policies and routes", |node| {
                let name = node.parse(text::name)?;
                names.claim(node, &name)?;
                Some(name)
            });
            let strip_headers =
                object.or("strip_headers", Vec::new(), |node| distinct(node, |node| node.parse(text::stripped_header)));
            Some(Sandbox { name: name?, strip_headers: strip_headers? })
        })
    })
}
