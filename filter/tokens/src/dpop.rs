//! DPoP proofs: that whoever presents a token holds the key it is bound to, for exactly this request (RFC 9449 §4.3).
//!
//! It decides everything about a proof but whether it was used before: that is the caller's memory to know, by
//! [`VerifiedProof::id`]. A proof brings its own key, so it says nothing about who made it until the key's thumbprint is
//! compared with the token's `cnf.jkt`; [`Proof::verify`] does that too.
//!
//! ECDSA and Ed25519 only: a proof is made for every request, and its key is in it.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::claims::date;
use crate::error::TokenError;
use crate::jws::CompactJws;
use crate::key::Key;
use crate::time::UnixTime;
use crate::verifier::Verifier;

/// What proofs may be signed with; `algs` of challenges (RFC 9449 §7.1).
pub const PROOF_ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];

/// Longest proof, in bytes.
pub const MAX_PROOF_BYTES: usize = 4096;

/// Longest `jti` and `htu`, in bytes.
const MAX_TEXT: usize = 2048;

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not one well-formed JWT with its key in the header (§4.3 check 2).
    #[error("proof: {0}")]
    Malformed(TokenError),
    /// `typ` is not `dpop+jwt` (check 4).
    #[error("proof's `typ` is not dpop+jwt")]
    Type,
    /// Not one of [`PROOF_ALGORITHMS`] (check 5).
    #[error("proof's `alg` is not ES256, ES384 or EdDSA")]
    Algorithm,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    /// SHA-256 of the key's thumbprint and `jti`: what tells it from every other.
    pub id: [u8; 32],
    /// After this it is refused for its age.
    pub expires: UnixTime,
}

/// A proof as it came, nothing of it believed.
#[derive(Clone, Debug)]
pub struct Proof<'a>(&'a str);

impl<'a> Proof<'a> {
    /// The value of the one `DPoP` header.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Whether it proves, for `request`, that its maker holds the token's key; `max_age` from `iat`, `leeway` for clocks.
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
        if !PROOF_ALGORITHMS.contains(&header.algorithm()) {
            return Err(ProofError::Algorithm);
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
        let expires = issued.plus(max_age).plus(leeway);
        if expires <= now || issued > now.plus(leeway) {
            return Err(ProofError::Stale);
        }
        let hash = base64url::decode(text("ath")?).ok_or(ProofError::Claim { claim: "ath" })?;
        if hash != Sha256::digest(request.access_token).as_slice() {
            return Err(ProofError::AccessToken);
        }
        let id = Sha256::new().chain_update(thumbprint).chain_update(id).finalize().into();
        Ok(VerifiedProof { id, expires })
    }
}

/// RFC 7638 §3: SHA-256 of the required members, in order and without blanks.
pub fn thumbprint(key: &Key) -> [u8; 32] {
    Sha256::digest(key.canonical_jwk()).into()
}

/// §4.3 check 9, RFC 3986 §6.2.2 and §6.2.3: without query and fragment; scheme and host in any case, the scheme's own
/// port said or not. The path is compared as it stands: one that could be written otherwise was refused before.
fn is_same_uri(claimed: &str, actual: &str) -> bool {
    match (parts(claimed), parts(actual)) {
        (Some(claimed), Some(actual)) => claimed == actual,
        _ => false,
    }
}

fn parts(uri: &str) -> Option<(String, String, String)> {
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let own_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(own_port).unwrap_or(&authority);
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    Some((scheme, authority.to_owned(), if path.is_empty() { "/" } else { path }.to_owned()))
}
