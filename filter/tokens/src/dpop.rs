//! DPoP proofs: that whoever presents a token holds the key it is bound to, for exactly this request (RFC 9449 §4.3).
//!
//! It decides everything about a proof but whether it was used before, which is the caller's memory to know by
//! [`VerifiedProof::id`], and what its nonce is worth. A proof brings its own key, so it says nothing about who made it until the key's thumbprint is
//! compared with the token's `cnf.jkt`; [`Proof::verify`] does that too.
//!
//! It is signed with whatever tokens may be signed with. Its signature is verified only if its key is the token's, so nobody
//! without a good token can have this much computed.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::base64url;
use crate::claims::date;
use crate::error::TokenError;
use crate::jws::CompactJws;
use crate::key::Key;
use crate::time::UnixTime;
use crate::verifier::Verifier;

/// What proofs may be signed with, under every name, what costs least first; `algs` of challenges (RFC 9449 §7.1).
pub const PROOF_ALGORITHMS: [&str; 10] =
    ["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/// Longest proof, in bytes.
pub const MAX_PROOF_BYTES: usize = 4096;

/// Longest `jti` and `htu`, in bytes.
const MAX_TEXT: usize = 2048;

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not one well-formed JWT with its key in the header, signed with one of [`PROOF_ALGORITHMS`] (§4.3 checks 2, 5).
    #[error("proof: {0}")]
    Malformed(TokenError),
    /// `typ` is not `dpop+jwt` (check 4).
    #[error("proof's `typ` is not dpop+jwt")]
    Type,
    /// The signature is not the key's in the header (check 6).
    #[error("proof's signature does not verify")]
    Signature,
    /// A claim is missing or has the wrong form (check 3).
    #[error("proof's `{claim}` is missing or has the wrong form")]
    Claim {
        /// The claim.
        claim: &'static str,
    },
    /// Another method (check 8).
    #[error("proof is for another method")]
    Method,
    /// Another URI (check 9).
    #[error("proof is for another URI")]
    Uri,
    /// Made too long ago, or in the future (check 11).
    #[error("proof was not made just now")]
    Stale,
    /// For another access token (check 12).
    #[error("proof is for another access token")]
    AccessToken,
    /// The token is bound to another key (check 12).
    #[error("proof is of another key than the token's")]
    Key,
}

/// The request a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct ProvenRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// Scheme, authority and path as clients know them: `https://tools.example.com/mcp`.
    pub uri: &'a str,
    /// The access token it comes with.
    pub access_token: &'a str,
    /// `cnf.jkt` of that token.
    pub thumbprint: &'a [u8; 32],
}

/// A proof that holds. It is good once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    /// SHA-256 of the key's thumbprint and `jti`: what tells it from every other.
    pub id: [u8; 32],
    /// After this it is refused for its age.
    pub expires: UnixTime,
    /// Its `nonce`: whether it must have one, and which, is the caller's to say (§9).
    pub nonce: Option<String>,
}

/// A proof as it came, nothing of it believed.
#[derive(Clone, Debug)]
pub struct Proof<'a>(&'a str);

impl<'a> Proof<'a> {
    /// The value of the one `DPoP` header.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Whether it proves, for `request`, that its maker holds the token's key; `max_age` from `iat`, which may be `leeway` ahead.
    pub fn verify(
        &self,
        request: &ProvenRequest<'_>,
        max_age: Duration,
        leeway: Duration,
        verifier: &dyn Verifier,
        now: UnixTime,
    ) -> Result<VerifiedProof, ProofError> {
        let (jws, key) = CompactJws::parse_with_key(self.0, MAX_PROOF_BYTES).map_err(ProofError::Malformed)?;
        let header = jws.header();
        if header.typ().is_none_or(|typ| !typ.eq_ignore_ascii_case("dpop+jwt")) {
            return Err(ProofError::Type);
        }
        let thumbprint = thumbprint(&key);
        if thumbprint != *request.thumbprint {
            return Err(ProofError::Key);
        }
        verifier.verify(&jws, &key).map_err(|_| ProofError::Signature)?;
        let text = |claim| {
            let text = jws.payload().get(claim).and_then(Value::as_str);
            text.filter(|text| !text.is_empty() && text.len() <= MAX_TEXT).ok_or(ProofError::Claim { claim })
        };
        let issued = date(jws.payload(), "iat").ok().flatten().ok_or(ProofError::Claim { claim: "iat" })?;
        let id = text("jti")?;
        if text("htm")? != request.method {
            return Err(ProofError::Method);
        }
        if !is_same_uri(text("htu")?, request.uri) {
            return Err(ProofError::Uri);
        }
        let expires = issued.plus(max_age);
        if expires <= now || issued > now.plus(leeway) {
            return Err(ProofError::Stale);
        }
        let hash = base64url::decode(text("ath")?).ok_or(ProofError::Claim { claim: "ath" })?;
        if hash != Sha256::digest(request.access_token).as_slice() {
            return Err(ProofError::AccessToken);
        }
        let nonce = match jws.payload().get("nonce") {
            Some(_) => Some(text("nonce")?.to_owned()),
            None => None,
        };
        let id = Sha256::new().chain_update(thumbprint).chain_update(id).finalize().into();
        Ok(VerifiedProof { id, expires, nonce })
    }
}

/// RFC 7638 §3: SHA-256 of the required members, in order and without blanks.
pub fn thumbprint(key: &Key) -> [u8; 32] {
    Sha256::digest(key.canonical_jwk()).into()
}

/// §4.3 check 9: whether both are one URI after the normalisation of RFC 3986 §6.2.2 and §6.2.3, without query and fragment.
/// What cannot be normalised is nobody's.
fn is_same_uri(claimed: &str, actual: &str) -> bool {
    match (Normal::of(claimed), Normal::of(actual)) {
        (Some(claimed), Some(actual)) => claimed == actual,
        _ => false,
    }
}

/// An `http` or `https` URI that every equivalent spelling has in common.
#[derive(PartialEq, Eq)]
struct Normal {
    scheme: String,
    /// Without the scheme's own port.
    authority: String,
    path: String,
}

impl Normal {
    fn of(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let own_port = match scheme.as_str() {
            "https" => "443",
            "http" => "80",
            _ => return None,
        };
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = unescaped(authority)?.to_ascii_lowercase();
        let authority = match authority.rsplit_once(':') {
            Some((host, port)) if port.is_empty() || port == own_port => host.to_owned(),
            Some(_) | None => authority,
        };
        if authority.is_empty() || authority.contains('@') {
            return None;
        }
        Some(Self { scheme, authority, path: without_dots(&unescaped(path)?) })
    }
}

/// RFC 3986 §6.2.2.2 and §6.2.2.1: escapes of what need not be escaped are undone, the others are written in upper case; none
/// where a `%` is not an escape.
fn unescaped(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        let byte =
            u8::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            plain.push(char::from(byte));
        } else {
            plain.push('%');
            plain.push_str(&digits.to_ascii_uppercase());
        }
        plain.push_str(rest);
    }
    Some(plain)
}

/// RFC 3986 §5.2.4, of a path that is empty or absolute; one that is empty is `/` (§6.2.3).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}
