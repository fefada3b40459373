//! Why a token was refused: one variant per rule, the rule's section beside it.
//!
//! No variant holds anything of the token, so errors may be logged.

use crate::json::JsonError;
use crate::spiffe::SpiffeError;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    // The compact serialization.
    /// Longer than the caller reads (RFC 8725bis: bound the size of what is parsed).
    #[error("token is longer than {limit} bytes")]
    TooLong {
        /// The limit that was exceeded, in bytes.
        limit: usize,
    },
    /// A character that no compact JWS has (RFC 7515 §7.1, RFC 8725bis).
    #[error("token has a character other than `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`")]
    Character,
    /// Not `header.payload.signature`, or one of them empty; an encrypted token has five parts (RFC 7515 §7.1, §5.2).
    #[error("token is not three non-empty parts separated by `.`")]
    Parts,
    /// Padding, or bits behind the last byte (RFC 7515 §2, RFC 4648 §3.5).
    #[error("header is not canonical base64url")]
    HeaderEncoding,
    /// As [`TokenError::HeaderEncoding`], for the payload.
    #[error("payload is not canonical base64url")]
    PayloadEncoding,
    /// As [`TokenError::HeaderEncoding`], for the signature.
    #[error("signature is not canonical base64url")]
    SignatureEncoding,
    /// The header is not strict JSON; duplicate parameters included (RFC 7515 §4).
    #[error("header: {0}")]
    HeaderJson(JsonError),
    /// The payload is not strict JSON; duplicate claims included (RFC 7519 §4).
    #[error("payload: {0}")]
    PayloadJson(JsonError),
    /// The header is JSON, but no object (RFC 7515 §4).
    #[error("header is not a JSON object")]
    HeaderNotObject,
    /// The payload is JSON, but no object (RFC 7519 §7.2).
    #[error("payload is not a JSON object")]
    PayloadNotObject,

    // The header.
    /// No `alg` (RFC 7515 §4.1.1).
    #[error("header has no `alg`")]
    AlgorithmMissing,
    /// `none`, an HMAC, or an algorithm nobody here knows (RFC 8725 §2.1, §3.1).
    #[error("header `alg` is not a supported signature algorithm")]
    AlgorithmUnsupported,
    /// A header parameter has the wrong JSON type, is empty, too long or not printable (RFC 7515 §4.1, RFC 8725bis).
    #[error("header `{name}` is not {expected}")]
    HeaderParameter {
        /// The parameter.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A parameter that changes how the token is read, or brings its own key: `crit` (RFC 7515 §4.1.11), `b64`
    /// (RFC 7797 §3), `jwk` (RFC 8725 §2.5), `enc` and `zip` (RFC 7516 §4.1.2, §4.1.3), `salt`.
    #[error("header has `{name}`, which is not accepted")]
    HeaderRefused {
        /// The parameter.
        name: &'static str,
    },
    /// Not on the issuer's list (RFC 8725 §3.1).
    #[error("header `alg` is not on the issuer's list")]
    AlgorithmNotAllowed,
    /// More than `alg`, `kid` and `typ` (JWT-SVID §2).
    #[error("header has a parameter that a JWT-SVID may not have")]
    HeaderBeyondSvid,
    /// Not a `typ` of the profile, or absent where it must not be (RFC 8725 §3.11, RFC 9068 §4).
    #[error("header `typ` is not one the profile accepts")]
    TypeRefused,

    // The key and the signature.
    /// The issuer has no key of this `kid`, or no key at all (RFC 7515 §4.1.4).
    #[error("no key of the issuer fits header `kid`")]
    UnknownKey,
    /// The key is for another algorithm than the header names (RFC 8725 §3.1).
    #[error("header `alg` is not the algorithm of the key")]
    KeyAlgorithm,
    /// Several keys could have signed and the header does not say which (RFC 7515 §6).
    #[error("header has no `kid` and more than one key fits")]
    KeyIdRequired,
    /// The signature does not verify (RFC 7515 §5.2).
    #[error("signature does not verify")]
    BadSignature,

    // The claims.
    /// A claim the profile or a rule requires (RFC 7519 §4.1, RFC 9068 §2.2).
    #[error("claim `{claim}` is missing")]
    ClaimMissing {
        /// The claim; `act.sub` for one of an actor.
        claim: &'static str,
    },
    /// A claim has the wrong JSON type (RFC 7519 §4.1, RFC 8693 §4.1).
    #[error("claim `{claim}` is not {expected}")]
    ClaimType {
        /// The claim.
        claim: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// An introspection answer is about another kind of token than an access token (RFC 7662 §2.2).
    #[error("claim `{claim}` says that it is not an access token")]
    OtherKind {
        /// The claim.
        claim: &'static str,
    },
    /// A claim that becomes an identity is empty, longer than 2,048 bytes, or has control characters.
    #[error("claim `{claim}` is empty, too long or has control characters")]
    ClaimText {
        /// The claim.
        claim: &'static str,
    },
    /// The claim that names a machine, where there is no `sub`, cannot be one.
    #[error("the claim that names machines is not text, or is empty, too long or has control characters")]
    Machine,
    /// A token has no `aud`, nor the claim that is to say whom such a token is for.
    #[error("claim `aud` is missing, and so is the claim that is to take its place")]
    AudienceUnnamed,
    /// A claim that tokens of this issuer must have is missing or says something else.
    #[error("a claim is not what the issuer's tokens must say")]
    OtherClaim {
        /// Place among the claims that are required, from 0.
        number: usize,
    },
    /// The actor chain is longer than [`crate::MAX_ACTORS`] (RFC 8693 §4.1).
    #[error("claim `act` is nested too deep")]
    TooManyActors,
    /// RFC 7800 §3.1: neither `jkt` (RFC 9449 §6.1) nor `x5t#S256` (RFC 8705 §3.1), more than these, or not a SHA-256.
    #[error("claim `cnf` binds the token in a way that cannot be checked here")]
    Confirmation,
    /// `sub` is not a SPIFFE ID (JWT-SVID §3.1).
    #[error("claim `sub` {0}")]
    NotSpiffeId(SpiffeError),
    /// `sub` is of another trust domain than the bundle (JWT-SVID §4.1).
    #[error("claim `sub` is of another trust domain")]
    WrongTrustDomain,
    /// `iss` is another issuer (RFC 7519 §4.1.1, RFC 9068 §4).
    #[error("claim `iss` is another issuer")]
    WrongIssuer,
    /// `iss` is of one tenant, and the claim that is the tenant does not name it.
    #[error("the claim that is the tenant does not name that of `iss`")]
    OtherTenant,
    /// The key is published for other tenants than that of `iss`.
    #[error("the key of the issuer that header `kid` names is not for the tenant of `iss`")]
    KeyOfOtherTenant,
    /// `aud` names none of the configured audiences (RFC 7519 §4.1.3, RFC 9068 §4).
    #[error("claim `aud` names none of the configured audiences")]
    WrongAudience,
    /// A token has no `aud`, and the client that it names is none of the configured audiences.
    #[error("claim `aud` is missing, and the claim in its place names none of the configured audiences")]
    WrongClient,
    /// `exp` has passed (RFC 7519 §4.1.4).
    #[error("claim `exp` has passed")]
    Expired,
    /// `nbf` is in the future (RFC 7519 §4.1.5).
    #[error("claim `nbf` is in the future")]
    NotYetValid,
    /// `iat` is in the future (RFC 7519 §4.1.6).
    #[error("claim `iat` is in the future")]
    IssuedInFuture,
    /// `exp` is further from `iat` than the issuer's rule allows.
    #[error("claim `exp` is further from `iat` than allowed")]
    LifetimeTooLong,
}

/// What a refused token has in common with others: the answer to the client depends on this only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenErrorClass {
    /// Not a compact JWS every parser reads alike, or too long.
    Malformed,
    /// An algorithm, `typ` or header parameter that is not accepted.
    HeaderRefused,
    /// No key of the issuer fits: fetching its keys again may help.
    UnknownKey,
    /// The signature does not verify.
    BadSignature,
    /// `exp` has passed.
    Expired,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// `iss` is not the issuer whose rules were applied.
    WrongIssuer,
    /// `aud` does not name this resource.
    WrongAudience,
    /// It lives longer than the issuer's rule allows.
    LifetimeTooLong,
    /// A required claim is missing or has the wrong form.
    ClaimRefused,
}

impl TokenError {
    /// Which kind of refusal this is.
    pub const fn class(&self) -> TokenErrorClass {
        match self {
            Self::TooLong { .. }
            | Self::Character
            | Self::Parts
            | Self::HeaderEncoding
            | Self::PayloadEncoding
            | Self::SignatureEncoding
            | Self::HeaderJson(_)
            | Self::PayloadJson(_)
            | Self::HeaderNotObject
            | Self::PayloadNotObject => TokenErrorClass::Malformed,
            Self::AlgorithmMissing
            | Self::AlgorithmUnsupported
            | Self::HeaderParameter { .. }
            | Self::HeaderRefused { .. }
            | Self::AlgorithmNotAllowed
            | Self::HeaderBeyondSvid
            | Self::TypeRefused
            | Self::KeyAlgorithm
            | Self::KeyIdRequired => TokenErrorClass::HeaderRefused,
            Self::UnknownKey => TokenErrorClass::UnknownKey,
            Self::BadSignature => TokenErrorClass::BadSignature,
            Self::ClaimMissing { .. }
            | Self::ClaimType { .. }
            | Self::ClaimText { .. }
            | Self::OtherKind { .. }
            | Self::Machine
            | Self::AudienceUnnamed
            | Self::OtherClaim { .. }
            | Self::TooManyActors
            | Self::Confirmation
            | Self::NotSpiffeId(_) => TokenErrorClass::ClaimRefused,
            Self::WrongIssuer | Self::WrongTrustDomain | Self::OtherTenant | Self::KeyOfOtherTenant => {
                TokenErrorClass::WrongIssuer
            }
            Self::WrongAudience | Self::WrongClient => TokenErrorClass::WrongAudience,
            Self::Expired => TokenErrorClass::Expired,
            Self::NotYetValid | Self::IssuedInFuture => TokenErrorClass::NotYetValid,
            Self::LifetimeTooLong => TokenErrorClass::LifetimeTooLong,
        }
    }
}
