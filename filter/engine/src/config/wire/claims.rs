//! Claims of an issuer's credentials that policies may read.

use countersign_facts::pointer::Pointer;
use countersign_rights::claims::{self, ClaimKind, ClaimRule};
use countersign_tokens::Profile;
use serde_json::Value;

use super::seen::Seen;
use crate::config::read::Node;
use crate::config::text;

/// Claims that speak of somebody else than the subject.
const OF_OTHERS: [&str; 2] = ["act", "may_act"];

/// `claims`, by the names that policies have for them.
pub(super) fn claims(node: &Node<'_>, profile: Option<&Profile>, seen: &mut Seen) -> Option<Vec<ClaimRule>> {
    if matches!(profile, Some(Profile::X509Svid { .. })) {
        return node.refuse("a certificate has no claims; remove it");
    }
    let rules = node.map(|name, node| {
        let known = text::claim(name);
        let rule = node.object(|object| {
            let at = object.required("at", "write a JSON Pointer, such as `/groups`", at);
            let kind = object.required("type", "write `string`, `[string]`, `integer` or `boolean`", kind);
            let required = object.or("required", false, Node::flag);
            let record = object.or("record", false, Node::flag);
            Some(ClaimRule { name: name.to_owned(), at: at?, kind: kind?, required: required?, record: record? })
        });
        let rule = match known {
            Ok(()) => rule?,
            Err(message) => return node.refuse(message),
        };
        seen.claims.agree(node, &rule)?;
        Some(rule)
    })?;
    if rules.len() > claims::MOST {
        return node.refuse(format!("{} claims; name at most {}", rules.len(), claims::MOST));
    }
    Some(rules)
}

fn at(node: &Node<'_>) -> Option<Pointer> {
    let pointer = node.parse(|text| {
        Pointer::parse(text)
            .ok_or_else(|| format!("{text:?} is not a JSON Pointer; it starts with `/`, and `~` is written `~0`"))
    })?;
    let of_others = pointer.tokens().next().filter(|first| OF_OTHERS.contains(&first.as_str()));
    match of_others {
        Some(name) => node
            .refuse(format!("`{name}` is about others, and claims are the subject's; name one of the subject's own")),
        None => Some(pointer),
    }
}

fn kind(node: &Node<'_>) -> Option<ClaimKind> {
    let text = || ("string", ClaimKind::Text);
    match node.value() {
        Value::Array(_) => {
            let items = node.list(|item| item.choice("type of items", &[text()]))?;
            if items.len() == 1 { Some(ClaimKind::Texts) } else { node.refuse("a list of one type; write `[string]`") }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            node.choice("type", &[text(), ("integer", ClaimKind::Number), ("boolean", ClaimKind::Flag)])
        }
    }
}
