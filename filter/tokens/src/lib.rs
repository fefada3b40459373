//! Credential text → verified claims.
//!
//! It decides whether a token is authentic and for this gateway: [`CompactJws`] reads the text strictly, [`KeySet`]
//! holds the issuer's keys, a [`Verifier`] checks the signature, [`IssuerRules`] judges every claim and gives a
//! [`VerifiedToken`]. Every refusal is one [`TokenError`] without any of the token in it.
//!
//! It never reads a clock, files, the network or randomness: time, keys and limits are arguments. It decides nothing
//! about what the token's bearer may do.
//!
//! Sources: RFC 7515, 7517, 7518, 7519 and 8037 (JOSE), RFC 8725 (best practice), RFC 9068 (access tokens), RFC 8693
//! (actors), RFC 7493 (I-JSON).
//!
//! ```
//! use std::time::Duration;
//! use countersign_tokens::{Algorithm, CompactJws, IssuerRules, JwtSimple, KeySet, Profile, TokenError, UnixTime};
//! # use jwt_simple::prelude::{Audiences, Claims, ES256KeyPair, ECDSAP256KeyPairLike, JWTClaims, NoCustomClaims, UnixTimeStamp};
//! # let issuer = ES256KeyPair::generate().with_key_id("2026-07");
//! # let jwks = format!(r#"{{"keys":[{}]}}"#, issuer.public_key().to_jwk());
//! # let mut claims = JWTClaims::<NoCustomClaims>::default()
//! #     .with_issuer("https://sts.example.com").with_subject("agent-7").with_audience("https://tools.example.com/mcp");
//! # claims.expires_at = Some(UnixTimeStamp::from_secs(1_800_000_300));
//! # let token = issuer.sign(claims)?;
//! let rules = IssuerRules::new(
//!     "https://sts.example.com".to_owned(),
//!     Profile::generic(),
//!     vec!["https://tools.example.com/mcp".to_owned()],
//!     vec![Algorithm::ES256],
//!     None,
//!     Duration::from_secs(30),
//! )?;
//! let keys = KeySet::from_jwks(jwks.as_bytes())?;
//! let jws = CompactJws::parse(&token, 8 * 1024)?;
//! assert_eq!(jws.unverified_issuer(), Some(rules.issuer()));
//!
//! let verified = rules.verify(jws, &keys, &JwtSimple, UnixTime::from_secs(1_800_000_000))?;
//! assert_eq!(verified.subject.sub(), Some("agent-7"));
//!
//! let later = UnixTime::from_secs(1_800_000_330);
//! assert_eq!(rules.still_valid(&verified, later), Err(TokenError::Expired));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod algorithm;
mod base64url;
mod claims;
mod dpop;
mod error;
mod introspected;
pub mod json;
mod jws;
mod key;
mod key_set;
mod profile;
mod required;
mod roca;
mod rules;
mod rules_error;
mod scalar;
mod signed;
mod spiffe;
mod subject;
mod tenants;
mod time;
mod verified;
mod verifier;

pub use algorithm::{Algorithm, UnsupportedAlgorithm};
pub use claims::MAX_ACTORS;
pub use dpop::{MAX_PROOF_BYTES, PROOF_ALGORITHMS, Proof, ProofError, ProvenRequest, VerifiedProof, thumbprint};
pub use error::{TokenError, TokenErrorClass};
pub use jws::{CompactJws, Header};
pub use key::{Key, KeyFormat, Parameters, Unusable};
pub use key_set::{KeySet, KeySetError, MAX_KEY_SET_BYTES, MAX_KEYS, Skipped};
pub use profile::Profile;
pub use rules::{IssuerRules, MAX_LEEWAY};
pub use rules_error::{RulesError, TenantError};
pub use scalar::Scalar;
pub use signed::signed_document;
pub use spiffe::{SpiffeError, SpiffeId, TrustDomain};
pub use subject::{Machine, Subject};
pub use tenants::{IssuerTemplate, MAX_TENANTS};
pub use time::UnixTime;
pub use verified::{Actor, Confirmation, VerifiedToken};
pub use verifier::{JwtSimple, NativeFirst, SignatureOracle, Verifier};
