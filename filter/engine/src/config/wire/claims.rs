//! Claims of an issuer's credentials that policies may read.

use countersign_facts::pointer::Pointer;
use countersign_rights::claims::{self, ClaimKind, ClaimRule};
use countersign_tokens::Profile;
use serde_json::Value;
#[cfg(test)]
use serde_json::json;

use super::seen::Seen;
use crate::config::key::{Defaulted, Flag, Own, Required, defaulted, keys, required};
use crate::config::read::Node;
use crate::config::text;

keys! {
    pub(super) struct ClaimKeys;

    /// Where it is in the credential, or in what the issuer answers when it is asked: a JSON Pointer (RFC 6901).
    const AT: Required<Own> = required("at", Own) => json!({
        "type": "string",
        "pattern": "^(?!/(act|may_act)(/|$))(/([^~]|~[01])*)$",
        "examples": ["/groups", "/realm_access/roles", "/https:~1~1example.com~1tenant"]
    });

    /// Its type. Of `[string]` one text stands for a list of one; policies see a set. An `integer` has 64 bits.
    const TYPE: Required<Own> = required("type", Own) => json!({ "enum": ["string", ["string"], "integer", "boolean"] });

    /// A credential without it is refused.
    const REQUIRED: Defaulted<Flag> = defaulted("required", Flag, false);

    /// It is on records, unless it has more than 4 KiB.
    const RECORD: Defaulted<Flag> = defaulted("record", Flag, false);
}

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
            let at = object.required_with(&ClaimKeys::AT, "write a JSON Pointer, such as `/groups`", at);
            let remedy = "write `string`, `[string]`, `integer` or `boolean`";
            let kind = object.required_with(&ClaimKeys::TYPE, remedy, kind);
            let required = object.or(&ClaimKeys::REQUIRED);
            let record = object.or(&ClaimKeys::RECORD);
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
