//! Which kind of token an issuer's tokens are, told by `typ` and required claims.
//!
//! Kinds exclude each other (RFC 8725 §3.11, §3.12): a token made for another purpose, such as an identity assertion
//! or a logout token, is never taken for an access token, even where its signature and audience would pass.

use crate::error::TokenError;
use crate::jws::Header;
use crate::spiffe::TrustDomain;

/// A kind of token with its validation rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// JWT-SVID: the header has nothing but `alg`, `kid` and `typ` (`JWT` or `JOSE`, if at all), no EdDSA; `sub`, a SPIFFE
    /// ID of the trust domain, `aud` and `exp` are required, and `iss` says nothing (JWT-SVID §2, §3).
    JwtSvid {
        /// Whose bundle verifies it: the trust domain of `sub`.
        trust_domain: TrustDomain,
    },
    /// Transaction token: `typ` is `txntoken+jwt`; `iat`, `aud`, `exp`, `txn`, `sub`, `scope` and `req_wl` are required,
    /// `iss` is optional (draft-ietf-oauth-transaction-tokens §10). It comes in a header of its own.
    TxnToken,
    /// RFC 9068: `typ` is `at+jwt` or `application/at+jwt`; `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and `jti`
    /// are required.
    AccessToken,
    /// A token that only its issuer can read: what it says comes from there (RFC 7662). `exp`, `aud` and `sub`, or
    /// for a client that acts for itself `client_id`, are required.
    Opaque,
    /// An X.509-SVID that the gateway verified on the connection: it names the workload and says nothing else (X509-SVID §2).
    X509Svid {
        /// Whose certificates.
        trust_domain: TrustDomain,
    },
    /// A JWT of an issuer that follows no profile: `typ` is one of `types`; `iss`, `exp`, `aud` and `sub` are required.
    Generic {
        /// Accepted `typ`, compared as media types: without regard to case, `application/` optional (RFC 7515
        /// §4.1.9). A token without `typ` is accepted only if `""` is listed.
        types: Vec<String>,
    },
}

impl Profile {
    /// [`Profile::Generic`] for `typ: JWT`; a token without `typ` is refused.
    pub fn generic() -> Self {
        Self::Generic { types: vec!["JWT".to_owned()] }
    }

    /// Whether tokens of this kind are signed JWTs, which need keys and algorithms.
    pub const fn is_signed(&self) -> bool {
        match self {
            Self::JwtSvid { .. } | Self::TxnToken | Self::AccessToken | Self::Generic { .. } => true,
            Self::Opaque | Self::X509Svid { .. } => false,
        }
    }

    /// The trust domain that vouches, for SVIDs.
    pub const fn trust_domain(&self) -> Option<&TrustDomain> {
        match self {
            Self::JwtSvid { trust_domain } | Self::X509Svid { trust_domain } => Some(trust_domain),
            Self::TxnToken | Self::AccessToken | Self::Opaque | Self::Generic { .. } => None,
        }
    }

    /// Whether a token of this kind may have no `sub` or no `aud` where configuration says what names machines or whom such
    /// a token is for: RFC 9068 §2.2 demands both, and products leave them out all the same.
    pub(crate) const fn is_lax(&self) -> bool {
        match self {
            Self::AccessToken | Self::Opaque | Self::Generic { .. } => true,
            Self::JwtSvid { .. } | Self::TxnToken | Self::X509Svid { .. } => false,
        }
    }

    /// Whether a proxy in front may hand such tokens over in a field of its own.
    pub const fn comes_in_any_field(&self) -> bool {
        match self {
            Self::AccessToken | Self::Opaque | Self::Generic { .. } => true,
            Self::JwtSvid { .. } | Self::TxnToken | Self::X509Svid { .. } => false,
        }
    }

    /// Whether a token with this header can be of this kind.
    pub(crate) fn check_header(&self, header: &Header) -> Result<(), TokenError> {
        if matches!(self, Self::JwtSvid { .. }) && !header.is_bare() {
            return Err(TokenError::HeaderBeyondSvid);
        }
        if self.accepts_type(header.typ()) { Ok(()) } else { Err(TokenError::TypeRefused) }
    }

    fn accepts_type(&self, typ: Option<&str>) -> bool {
        let typ_is = |name: &str| typ.is_some_and(|typ| media_type(typ) == name);
        match self {
            // Exactly as the standard writes them, not as media types.
            Self::JwtSvid { .. } => matches!(typ, None | Some("JWT" | "JOSE")),
            Self::AccessToken => typ_is("at+jwt"),
            Self::TxnToken => typ_is("txntoken+jwt"),
            // Not JWTs.
            Self::Opaque | Self::X509Svid { .. } => false,
            // Foreign types cannot be listed: `IssuerRules::new` refuses them.
            Self::Generic { types } => {
                let typ = typ.map_or_else(String::new, media_type);
                types.iter().any(|listed| media_type(listed) == typ)
            }
        }
    }

    pub(crate) fn required_claims(&self) -> &'static [&'static str] {
        match self {
            Self::JwtSvid { .. } | Self::X509Svid { .. } => &["exp", "aud", "sub"],
            Self::Opaque => &["exp", "aud"],
            Self::AccessToken => &["iss", "exp", "aud", "sub", "client_id", "iat", "jti"],
            Self::TxnToken => &["exp", "aud", "sub", "iat", "txn", "scope", "req_wl"],
            Self::Generic { .. } => &["iss", "exp", "aud", "sub"],
        }
    }
}

/// Kinds of JWT that are not credentials for a resource, or need a profile of their own.
const FOREIGN: [&str; 16] = [
    "client-authentication+jwt",    // draft-ietf-oauth-rfc7523bis
    "dc+sd-jwt",                    // SD-JWT VC
    "dpop+jwt",                     // RFC 9449 §4.2
    "entity-statement+jwt",         // OpenID Federation
    "jwt-authorization-grant+jwt",  // draft-ietf-oauth-rfc7523bis
    "kb+jwt",                       // RFC 9901 §4.3
    "logout+jwt",                   // OpenID Connect Back-Channel Logout
    "oauth-authz-req+jwt",          // RFC 9101 §10.8
    "oauth-client-attestation+jwt", // draft-ietf-oauth-attestation-based-client-auth
    "oauth-id-jag+jwt",             // draft-ietf-oauth-identity-assertion-authz-grant
    "secevent+jwt",                 // RFC 8417 §2.3
    "statuslist+jwt",               // draft-ietf-oauth-status-list
    "token-introspection+jwt",      // RFC 9701 §5
    "txntoken+jwt",                 // draft-ietf-oauth-transaction-tokens
    "wit+jwt",                      // draft-ietf-wimse-workload-creds
    "wpt+jwt",                      // draft-ietf-wimse-wpt
];

/// Whether `typ` is the name of a kind of JWT that [`Profile::Generic`] must not accept.
pub(crate) fn is_foreign(typ: &str) -> bool {
    FOREIGN.contains(&media_type(typ).as_str())
}

fn media_type(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    // RFC 7515 §4.1.9: the prefix may be omitted when there is no other `/`.
    match lower.strip_prefix("application/") {
        Some(rest) if !rest.is_empty() && !rest.contains('/') => rest.to_owned(),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_tokens_say_so() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(Profile::AccessToken.accepts_type(Some(typ)), "{typ}");
        }
        for typ in ["JWT", "at+jw", "at+jwt ", "application/application/at+jwt", "text/at+jwt", "application/"] {
            assert!(!Profile::AccessToken.accepts_type(Some(typ)), "{typ}");
        }
        assert!(!Profile::AccessToken.accepts_type(None));
    }

    #[test]
    fn generic_accepts_what_is_listed() {
        let listed = Profile::Generic { types: vec!["JWT".to_owned(), "application/vendor+jwt".to_owned()] };
        for typ in ["JWT", "jwt", "application/jwt", "vendor+JWT"] {
            assert!(listed.accepts_type(Some(typ)), "{typ}");
        }
        for typ in [Some("at+jwt"), Some("JOSE"), Some("secevent+jwt"), None] {
            assert!(!listed.accepts_type(typ), "{typ:?}");
        }
        let untyped = Profile::Generic { types: vec![String::new()] };
        assert!(untyped.accepts_type(None));
        assert!(!untyped.accepts_type(Some("JWT")));
    }

    #[test]
    fn foreign_types_are_known_in_every_spelling() {
        for typ in ["oauth-id-jag+jwt", "WIT+jwt", "application/dpop+jwt", "secevent+JWT", "logout+jwt"] {
            assert!(is_foreign(typ), "{typ}");
        }
        assert!(!is_foreign("JWT") && !is_foreign("at+jwt") && !is_foreign(""));
    }
}
