//! Base64url as JOSE writes it: no padding, no line breaks, and only the one canonical spelling of each byte string
//! (RFC 7515 §2, RFC 4648 §3.5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The one canonical spelling.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes, or `None` when `text` is not their canonical encoding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_text_decodes() {
        assert_eq!(decode("_-8"), Some(vec![0xff, 0xef]));
        assert_eq!(decode(""), Some(vec![]));
        // Padding, the other alphabet, spaces, line breaks, an impossible length, and bits behind the last byte.
        for text in ["_-8=", "/+8", "_- 8", "_-8\n", "\n_-8", "_", "_-9", "AB", "é"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
