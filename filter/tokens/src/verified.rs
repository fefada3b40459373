//! What is known once a token has passed every rule.

use std::fmt;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::scalar::Scalar;
use crate::subject::Subject;
use crate::time::UnixTime;

/// Somebody acting for the subject, or for the actor inside (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Its `iss`, or the token's.
    pub issuer: String,
    /// Its `sub`: non-empty, at most 2,048 bytes, no control characters.
    pub subject: String,
    /// What it says it is: `sub_profile`.
    pub profile: Option<String>,
}

/// What whoever presents a token must prove to hold: everything that is stated (RFC 7800 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `jkt`: the RFC 7638 thumbprint of a DPoP key (RFC 9449 §6.1).
    pub key: Option<[u8; 32]>,
    /// `x5t#S256`: the SHA-256 of a certificate's DER form (RFC 8705 §3.1).
    pub certificate: Option<[u8; 32]>,
}

/// A token that its issuer signed and that passed the issuer's rules at one moment.
///
/// What depends on time is checked again by [`crate::IssuerRules::still_valid`].
#[derive(Clone, PartialEq)]
pub struct VerifiedToken {
    /// Who vouches: `iss`, or the trust domain as `spiffe://…`.
    pub issuer: String,
    /// The tenant of an issuer that has several; it is in `issuer`.
    pub tenant: Option<String>,
    /// `sub`, or the machine that it names instead.
    pub subject: Subject,
    /// The chain of `act`, the current actor first; at most [`crate::MAX_ACTORS`].
    pub actors: Vec<Actor>,
    /// `client_id` (RFC 8693 §4.3).
    pub client_id: Option<String>,
    /// Who asked for a transaction token, `req_wl`.
    pub requester: Option<String>,
    /// What tells it from every other: `jti`; a transaction token's `txn`.
    pub id: Option<Scalar>,
    /// What its presenter must prove; without it the token is good for whoever bears it.
    pub confirmation: Option<Confirmation>,
    /// `acr`: how a person authenticated (RFC 9470 §4).
    pub authentication_class: Option<Scalar>,
    /// `auth_time`: when, rounded down to a millisecond.
    pub authenticated: Option<UnixTime>,
    /// The header's `kid`.
    pub key_id: Option<String>,
    /// What it was signed with, if it was signed.
    pub algorithm: Option<Algorithm>,
    /// `iat`, rounded up to a millisecond.
    pub issued: Option<UnixTime>,
    /// `nbf`, rounded up to a millisecond.
    pub not_before: Option<UnixTime>,
    /// `exp`, rounded down to a millisecond; without leeway.
    pub expires: UnixTime,
    /// Every claim as signed.
    pub claims: Map<String, Value>,
}

impl fmt::Debug for VerifiedToken {
    /// Without the claims, which may be personal or secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            issuer,
            tenant,
            subject,
            actors,
            client_id,
            requester,
            id,
            confirmation,
            authentication_class,
            authenticated,
            key_id,
            algorithm,
            issued,
            not_before,
            expires,
            claims: _,
        } = self;
        formatter
            .debug_struct("VerifiedToken")
            .field("issuer", issuer)
            .field("tenant", tenant)
            .field("subject", subject)
            .field("actors", actors)
            .field("client_id", client_id)
            .field("requester", requester)
            .field("id", id)
            .field("confirmation", confirmation)
            .field("authentication_class", authentication_class)
            .field("authenticated", authenticated)
            .field("key_id", key_id)
            .field("algorithm", algorithm)
            .field("issued", issued)
            .field("not_before", not_before)
            .field("expires", expires)
            .finish_non_exhaustive()
    }
}
