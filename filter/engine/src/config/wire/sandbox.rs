//! Sandboxes: where what is allowed and risky goes instead, and what it goes without.

use countersign_policy::Sandbox;
#[cfg(test)]
use serde_json::json;

use crate::config::key::{Defaulted, Distinct, Key, Parsed, Required, defaulted, distinct, keys, required};
use crate::config::names::Names;
use crate::config::read::Node;
use crate::config::text;

keys! {
    pub(super) struct SandboxKeys;

    const NAME: Required<Parsed<String>> = required("name", text::NAME);

    /// Header fields that clients send and that do not arrive there: lower case, `-` for `_`; every spelling is
    /// removed. None that the request is read by.
    const STRIP_HEADERS: Defaulted<Distinct<Parsed<String>>> =
        defaulted("strip_headers", distinct(text::STRIPPED_HEADER), Vec::new())
        => json!({ "examples": [["cookie", "x-api-key"]] });
}

/// The list of them.
pub(super) fn sandboxes(node: &Node<'_>) -> Option<Vec<Sandbox>> {
    let mut names = Names::new("names are unique, choose another");
    node.list(|node| {
        node.object(|object| {
            let name = object.required_with(&SandboxKeys::NAME, "choose one, for policies and routes", |node| {
                let name = SandboxKeys::NAME.read(node)?;
                names.claim(node, &name)?;
                Some(name)
            });
            let strip_headers = object.or(&SandboxKeys::STRIP_HEADERS);
            Some(Sandbox { name: name?, strip_headers: strip_headers? })
        })
    })
}
