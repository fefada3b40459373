//! Documents that somebody signed for this gateway: a compact JWS of one type, by a key that is pinned.
//!
//! Decides whether a document is authentic, and nothing about what it says; it names neither issuer nor time.

use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::json::Limits;
use crate::jws::CompactJws;
use crate::key_set::KeySet;
use crate::verifier::Verifier;

/// What `text` says, which one of `keys` signed as a document of type `typ` (RFC 7515 §4.1.9).
///
/// # Errors
/// As of a token: the form, the header, the type, the key, the signature. Never with anything of the document.
pub fn signed_document(
    text: &str,
    typ: &str,
    keys: &KeySet,
    verifier: &dyn Verifier,
    limits: &Limits,
) -> Result<Map<String, Value>, TokenError> {
    let jws = CompactJws::parse_document(text, limits)?;
    if jws.header().typ() != Some(typ) {
        return Err(TokenError::TypeRefused);
    }
    verifier.verify(&jws, keys.find(jws.header())?)?;
    Ok(jws.into_parts().1)
}
