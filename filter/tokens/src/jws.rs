//! A compact JWS, taken apart and read strictly, before anything in it is believed.
//!
//! It decides whether the text is a token that every parser reads alike, and whether its header asks for nothing this
//! gateway refuses to do. It never follows a link in the header: `jku`, `x5u` and `x5c` are ignored as RFC 7515
//! §4.1.2–4.1.6 allows (following them is server-side request forgery, RFC 8725 §3.10), an embedded `jwk` refuses the
//! token (RFC 8725 §2.5). Unknown parameters are ignored (RFC 7515 §4), known ones must have their type.

use std::fmt;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::error::TokenError;
use crate::json::{self, Limits, MAX_DEPTH};
use crate::key::{Key, is_printable};

/// Most JSON values in a header or a payload.
const MAX_NODES: usize = 16_384;

/// What the header says, as far as anything here depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    typ: Option<String>,
    bare: bool,
}

impl Header {
    /// `alg` (RFC 7515 §4.1.1).
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`: 1 to 256 printable ASCII characters, chosen by whoever made the token (RFC 7515 §4.1.4).
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Whether there is nothing but `alg`, `kid` and `typ`.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// `typ` as written: 1 to 256 printable ASCII characters (RFC 7515 §4.1.9).
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }
}

/// A compact JWS whose signature has not been verified.
#[derive(Clone)]
pub struct CompactJws<'a> {
    token: &'a str,
    signing_input: &'a str,
    signature: Vec<u8>,
    header: Header,
    payload: Map<String, Value>,
    /// Whether each number in it is one that every reader keeps.
    interoperable: bool,
    brings_key: bool,
}

impl<'a> CompactJws<'a> {
    /// Takes `token` apart (RFC 7515 §7.1, RFC 7519 §7.2); `max_bytes` bounds its length.
    pub fn parse(token: &'a str, max_bytes: usize) -> Result<Self, TokenError> {
        Self::parse_document(token, &Limits { depth: MAX_DEPTH, bytes: max_bytes, nodes: MAX_NODES })
    }

    /// As [`CompactJws::parse`], with other bounds on the payload; `limits.bytes` bounds the whole text.
    pub(crate) fn parse_document(text: &'a str, limits: &Limits) -> Result<Self, TokenError> {
        let (jws, header) = Self::take_apart(text, limits)?;
        if header.contains_key("jwk") {
            return Err(TokenError::HeaderRefused { name: "jwk" });
        }
        Ok(jws)
    }

    /// As [`CompactJws::parse`], for what brings its own key, and that key; it proves possession and nothing else
    /// (RFC 9449 §4.2).
    pub(crate) fn parse_with_key(token: &'a str, max_bytes: usize) -> Result<(Self, Key), TokenError> {
        let limits = Limits { depth: MAX_DEPTH, bytes: max_bytes, nodes: MAX_NODES };
        let (mut jws, header) = Self::take_apart(token, &limits)?;
        let jwk = header.get("jwk").and_then(Value::as_object);
        let jwk = jwk.ok_or(TokenError::HeaderParameter { name: "jwk", expected: "a public key" })?;
        let key = Key::presented(jwk, jws.header.algorithm);
        jws.brings_key = true;
        Ok((jws, key.ok_or(TokenError::HeaderParameter { name: "jwk", expected: "a public key for `alg`" })?))
    }

    fn take_apart(token: &'a str, limits: &Limits) -> Result<(Self, Map<String, Value>), TokenError> {
        if token.len() > limits.bytes {
            return Err(TokenError::TooLong { limit: limits.bytes });
        }
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return Err(TokenError::Character);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenError::Parts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(TokenError::Parts)?;
        if header.is_empty() || payload.is_empty() || payload.contains('.') || signature.is_empty() {
            return Err(TokenError::Parts);
        }
        let header = base64url::decode(header).ok_or(TokenError::HeaderEncoding)?;
        let payload = base64url::decode(payload).ok_or(TokenError::PayloadEncoding)?;
        let signature = base64url::decode(signature).ok_or(TokenError::SignatureEncoding)?;
        let limits_of = |bytes: &[u8], depth, nodes| Limits { depth, bytes: bytes.len(), nodes };
        let Value::Object(header) =
            json::parse(&header, &limits_of(&header, MAX_DEPTH, MAX_NODES)).map_err(TokenError::HeaderJson)?
        else {
            return Err(TokenError::HeaderNotObject);
        };
        let payload = json::exact(&payload, &limits_of(&payload, limits.depth, limits.nodes));
        let payload = payload.map_err(TokenError::PayloadJson)?;
        let interoperable = payload.is_interoperable();
        let Value::Object(payload) = payload.into_tolerant() else { return Err(TokenError::PayloadNotObject) };
        let header_read = read_header(&header)?;
        let jws =
            Self { token, signing_input, signature, header: header_read, payload, interoperable, brings_key: false };
        Ok((jws, header))
    }

    /// What it says. Nothing vouches for either but whoever verified it.
    pub(crate) fn into_parts(self) -> (Header, Map<String, Value>) {
        (self.header, self.payload)
    }

    /// Whether its key is in its header.
    pub(crate) fn brings_key(&self) -> bool {
        self.brings_key
    }

    /// Whether each number in its payload is one that every reader keeps.
    pub(crate) fn is_interoperable(&self) -> bool {
        self.interoperable
    }

    /// Whether one of these claims is a number.
    pub(crate) fn has_numbers(&self, claims: &[&str]) -> bool {
        claims.iter().any(|claim| self.payload.get(*claim).is_some_and(Value::is_number))
    }

    /// The header; nothing vouches for it yet.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// `iss` if it is a string: to pick the issuer whose rules and keys are to be tried, for nothing else.
    pub fn unverified_issuer(&self) -> Option<&str> {
        self.payload.get("iss").and_then(Value::as_str)
    }

    /// `sub` if it is a string: to pick the trust domain whose rules and keys are to be tried, for nothing else.
    pub fn unverified_subject(&self) -> Option<&str> {
        self.payload.get("sub").and_then(Value::as_str)
    }

    /// The whole text: a credential, not to be logged.
    pub fn token(&self) -> &'a str {
        self.token
    }

    /// What the signature covers: header and payload as written (RFC 7515 §5.2).
    pub fn signing_input(&self) -> &'a str {
        self.signing_input
    }

    /// The signature's bytes in JWS form: R and S concatenated for ECDSA (RFC 7518 §3.4).
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The claims; nothing vouches for them yet.
    pub(crate) fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }
}

impl fmt::Debug for CompactJws<'_> {
    /// Without token, claims and signature.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CompactJws").field("header", &self.header).finish_non_exhaustive()
    }
}

fn read_header(members: &Map<String, Value>) -> Result<Header, TokenError> {
    // `salt` is jwt-simple's own parameter; refused so that every verifier judges alike.
    for name in ["crit", "b64", "enc", "zip", "salt"] {
        if members.contains_key(name) {
            return Err(TokenError::HeaderRefused { name });
        }
    }
    for name in ["cty", "jku", "x5u", "x5t", "x5t#S256"] {
        if members.get(name).is_some_and(|value| !value.is_string()) {
            return Err(TokenError::HeaderParameter { name, expected: "a string" });
        }
    }
    if members.get("x5c").is_some_and(|value| !is_strings(value)) {
        return Err(TokenError::HeaderParameter { name: "x5c", expected: "an array of strings" });
    }
    let algorithm = match members.get("alg") {
        None => return Err(TokenError::AlgorithmMissing),
        Some(value) => value.as_str().ok_or(TokenError::HeaderParameter { name: "alg", expected: "a string" })?,
    };
    Ok(Header {
        algorithm: algorithm.parse().map_err(|_| TokenError::AlgorithmUnsupported)?,
        key_id: printable(members, "kid")?,
        typ: printable(members, "typ")?,
        bare: members.keys().all(|name| matches!(name.as_str(), "alg" | "kid" | "typ")),
    })
}

fn is_strings(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

fn printable(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, TokenError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    value
        .as_str()
        .filter(|text| is_printable(text))
        .map(|text| Some(text.to_owned()))
        .ok_or(TokenError::HeaderParameter { name, expected: "a string of 1 to 256 printable ASCII characters" })
}
