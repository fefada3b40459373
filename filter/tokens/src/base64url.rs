//! Base64url as JOSE writes it: no padding, no line breaks, and only the one canonical spelling of each byte string
//! (RFC 7515 §2, RFC 4648 §3.5).

use jwt_simple::reexports::ct_codecs::{Base64UrlSafeNoPadding, Decoder, Encoder};

/// The one canonical spelling.
pub(crate) fn encode(bytes: &[u8]) -> String {
    // Fails only where the length of the text overflows, and a key's or a digest's does not.
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap_or_default()
}

/// The bytes, or `None` when `text` is not their canonical encoding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlSafeNoPadding::decode_to_vec(text, None).ok()
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
