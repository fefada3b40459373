//! SHA-256 of bytes and of JSON values (RFC 8785), and how digests are written.
//!
//! Two values share a digest only if every conforming reader takes them for the same value: that holds
//! for I-JSON (RFC 7493), which is what [`countersign_tokens::json`] lets through.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_tokens::json::{self, Json, Members, Written};
use serde::Serialize;
use serde_json::Value;
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
pub fn of_texts(texts: &[&str]) -> [u8; 32] {
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

/// SHA-256 of what an agent sent, and what was hashed: two values never have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SentDigest {
    scheme: Scheme,
    sha256: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    /// The RFC 8785 form.
    Canonical,
    /// Where that form of a number would have another value than the one that was written: the same with all numbers as
    /// normalised decimals.
    Exact,
}

impl SentDigest {
    /// Of no value: for what was never sent.
    pub const NOTHING: Self = Self { scheme: Scheme::Canonical, sha256: [0; 32] };

    /// Of one value.
    pub fn of(value: &Json) -> Self {
        value.canonical().and_then(|written| Self::canonical(&written)).unwrap_or_else(|| Self::exact(&exact(value)))
    }

    /// Of an object with these members.
    pub fn of_members(members: &Members) -> Self {
        let canonical = json::canonical(members).and_then(|written| Self::canonical(&written));
        canonical.unwrap_or_else(|| Self::exact(&exact_members(members)))
    }

    fn canonical(written: &Written<'_>) -> Option<Self> {
        of_json(written).ok().map(|sha256| Self { scheme: Scheme::Canonical, sha256 })
    }

    /// Of what has no numbers left in it; no canonical JSON begins like what is hashed.
    fn exact(value: &Value) -> Self {
        let canonical = serde_json_canonicalizer::to_vec(value).unwrap_or_default();
        Self { scheme: Scheme::Exact, sha256: of_bytes(&[b"exact ".as_slice(), &canonical].concat()) }
    }
}

impl fmt::Display for SentDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Canonical => "sha-256",
            Scheme::Exact => "sha-256-exact",
        };
        write!(formatter, "{scheme}:{}", base64url(&self.sha256))
    }
}

/// `value` with numbers as texts, and a letter before each text that tells the two apart.
fn exact(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::String(format!("n{}", number.normal())),
        Json::String(text) => Value::String(format!("s{text}")),
        Json::Array(items) => items.iter().map(exact).collect(),
        Json::Object(members) => exact_members(members),
    }
}

fn exact_members(members: &Members) -> Value {
    members.iter().map(|(name, value)| (name.clone(), exact(value))).collect()
}

/// SHA-256 of what a server says about a tool that a model reads: of the RFC 8785 form of the members `name`, `description`,
/// `inputSchema` and `annotations` of `tool`, as far as they are there. As the form has it, a number is the nearest double: schemas
/// have bounds that only integers of 64 bits hold.
pub fn of_tool(tool: &Members) -> Result<[u8; 32], NotCanonical> {
    let told = ["name", "description", "inputSchema", "annotations"];
    let told = told.into_iter().filter_map(|member| tool.get(member).map(|value| (member, value.rounded())));
    of_json(&told.collect::<BTreeMap<_, _>>())
}

/// `sha-256:` and the digest in base64url without padding.
pub fn text(digest: &[u8; 32]) -> String {
    format!("sha-256:{}", base64url(digest))
}

/// Base64url without padding (RFC 4648 §5).
pub fn base64url(bytes: &[u8]) -> String {
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

    fn sent(text: &str) -> Option<SentDigest> {
        json::exact(text.as_bytes(), &json::Limits::DEFAULT).ok().map(|value| SentDigest::of(&value))
    }

    #[test]
    fn what_was_sent_has_the_canonical_digest_where_that_is_exact() {
        for text in
            [r#"{"a":5}"#, r#"{"a":5.0}"#, r#"{"a":1e22,"b":[0.1,-0]}"#, r#"{"a":9007199254740992}"#, "[]", "null"]
        {
            let canonical = serde_json::from_str::<Value>(text).ok().and_then(|value| of_json(&value).ok());
            assert_eq!(
                sent(text).map(|digest| digest.to_string()),
                canonical.map(|sha256| super::text(&sha256)),
                "{text}"
            );
        }
        for text in ["9007199254740993", "[100.500000000000001]", r#"{"a":{"b":1e400}}"#, "1e-400"] {
            assert!(sent(text).is_some_and(|digest| digest.to_string().starts_with("sha-256-exact:")), "{text}");
        }
    }

    #[test]
    fn two_values_never_share_a_digest() {
        let values = [
            "1e400",
            "2e400",
            "\"1e400\"",
            "\"n1e401\"",
            "[1e400]",
            r#"["1e400"]"#,
            r#"{"a":1e400}"#,
            r#"{"a":"1e400"}"#,
            r#"{"a":"n1e401"}"#,
            "9007199254740992",
            "9007199254740993",
            "9007199254740994",
            "100.5",
            "100.500000000000001",
            "0",
            "1e-400",
            "-1e-400",
            r#"["n1e401"]"#,
            r#"[1e400,"x"]"#,
            r#"[1e400,"sx"]"#,
        ];
        for (at, one) in values.iter().enumerate() {
            for (beside, other) in values.iter().enumerate() {
                assert_eq!(sent(one) == sent(other), at == beside, "{one} {other}");
            }
        }
        for same in [["1e400", "10e399"], ["100.5000000000000010", "1005000000000000010e-16"], ["5", "5.0"]] {
            assert_eq!(sent(same[0]), sent(same[1]), "{same:?}");
        }
    }

    #[test]
    fn a_tool_is_pinned_as_rfc_8785_has_its_schema() {
        let of = |bound: &str| {
            let text = format!(r#"{{"name":"t","x":1e400,"inputSchema":{{"maximum":{bound}}}}}"#);
            let tool = json::exact(text.as_bytes(), &json::Limits::DEFAULT).ok()?;
            of_tool(tool.as_object()?).ok()
        };
        for (bound, written) in [
            ("5.0", "5"),
            ("-0", "0"),
            // The nearest doubles, as ECMAScript writes them.
            ("9223372036854775807", "9223372036854776000"),
            ("18446744073709551615", "18446744073709552000"),
            ("0.1000000000000000055", "0.1"),
        ] {
            let expected = format!(r#"{{"inputSchema":{{"maximum":{written}}},"name":"t"}}"#);
            assert_eq!(of(bound), Some(of_bytes(expected.as_bytes())), "{bound}");
        }
        assert_eq!(of("1e400"), None);
    }

    #[test]
    fn text_of_the_empty_digest() {
        assert_eq!(text(&of_bytes(b"")), "sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }
}
