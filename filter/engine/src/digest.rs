//! SHA-256 of bytes and of JSON values (RFC 8785), and how digests are written.
//!
//! Two values share a digest only if every conforming reader takes them for the same value: that holds
//! for I-JSON (RFC 7493), which is what [`countersign_tokens::json`] lets through.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The value has no canonical form (a key that is not a string, a number that is not finite).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value has no canonical JSON form")]
pub struct NotCanonical;

/// SHA-256 of `bytes`.
pub fn of_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of several texts: a length before each, so that no two lists give the same bytes.
pub(crate) fn of_texts(texts: &[&str]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    of_bytes(&bytes)
}

/// SHA-256 of the RFC 8785 form of `value`.
pub fn of_json(value: &impl Serialize) -> Result<[u8; 32], NotCanonical> {
    serde_json_canonicalizer::to_vec(value).map(|bytes| of_bytes(&bytes)).map_err(|_| NotCanonical)
}

/// SHA-256 of what a server says about a tool that a model reads: of the RFC 8785 form of the members `name`, `description`,
/// `inputSchema` and `annotations` of `tool`, as far as they are there.
pub fn of_tool(tool: &Map<String, Value>) -> Result<[u8; 32], NotCanonical> {
    let told = ["name", "description", "inputSchema", "annotations"];
    let told = told.into_iter().filter_map(|member| tool.get(member).map(|value| (member, value)));
    of_json(&told.collect::<BTreeMap<_, _>>())
}

/// `sha-256:` and the digest in base64url without padding.
pub fn text(digest: &[u8; 32]) -> String {
    format!("sha-256:{}", base64url(digest))
}

/// Base64url without padding (RFC 4648 §5).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_and_spelling_of_numbers_do_not_matter() {
        assert_eq!(of_json(&json!({"b": 1.0, "a": "é"})), of_json(&json!({"a": "\u{e9}", "b": 1})));
        assert_ne!(of_json(&json!({"a": 1})), of_json(&json!({"a": "1"})));
    }

    #[test]
    fn the_canonical_form_is_what_is_hashed() {
        assert_eq!(of_json(&json!({"b": [true, null], "a": 1e3})), Ok(of_bytes(br#"{"a":1000,"b":[true,null]}"#)));
    }

    #[test]
    fn text_of_the_empty_digest() {
        assert_eq!(text(&of_bytes(b"")), "sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }
}
