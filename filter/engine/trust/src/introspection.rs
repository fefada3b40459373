//! Tokens that only their issuer can read: asking it (RFC 7662), and what its answer is worth.
//!
//! Whatever is not a plain yes is a no: an error, a redirect, another media type, an answer that is not strict JSON. It never
//! sends a token anywhere but to the issuer's own endpoint.

pub mod questions;

use std::fmt;
use std::time::Duration;

use countersign_facts::calls::{Call, CallId, CallOutcome, Endpoint};
use countersign_facts::reason::Reason;
use countersign_tokens::{IssuerRules, UnixTime, VerifiedToken, json};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use questions::Budget;

/// Of an answer.
const DOCUMENT: json::Limits = json::Limits { depth: 32, bytes: 64 * 1024, nodes: 8_192 };

/// `application/x-www-form-urlencoded` (RFC 6749 appendix B), with `%20` for a blank.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where an issuer is asked about its tokens, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Introspection {
    pub endpoint: Endpoint,
    pub client_id: String,
    pub client_secret: String,
    /// How long an answer holds, at most until the token's own end.
    pub cache: Duration,
}

impl fmt::Debug for Introspection {
    /// Everything but the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, client_id, client_secret: _, cache } = self;
        formatter
            .debug_struct("Introspection")
            .field("endpoint", endpoint)
            .field("client_id", client_id)
            .field("client_secret", &format_args!("…"))
            .field("cache", cache)
            .finish()
    }
}

impl Introspection {
    /// The question about `token` (RFC 7662 §2.1), asked with HTTP Basic (RFC 6749 §2.3.1).
    pub(crate) fn call(&self, id: CallId, token: &str) -> Call {
        let form = |text: &str| utf8_percent_encode(text, FORM).to_string();
        let client = STANDARD.encode(format!("{}:{}", form(&self.client_id), form(&self.client_secret)));
        let headers = vec![
            ("accept", "application/json".to_owned()),
            ("authorization", format!("Basic {client}")),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let body = format!("token={}&token_type_hint=access_token", form(token));
        Call::to(&self.endpoint, id, "POST", headers, body.into_bytes())
    }
}

/// The token that its issuer says is active, if its answer says so and the token is good by the issuer's `rules`.
pub fn read(outcome: &CallOutcome, rules: &IssuerRules, now: UnixTime) -> Result<VerifiedToken, NoToken> {
    let CallOutcome::Response { status: 200, headers, body } = outcome else { return Err(NoToken::Unusable) };
    if !headers.media_type().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return Err(NoToken::Unusable);
    }
    let document = json::tolerant(body, &DOCUMENT).map_err(|_| NoToken::Unusable)?;
    let serde_json::Value::Object(claims) = document else { return Err(NoToken::Unusable) };
    match claims.get("active").and_then(serde_json::Value::as_bool) {
        Some(true) => rules.introspected(claims, now).map_err(NoToken::Refused),
        Some(false) => Err(NoToken::Inactive),
        None => Err(NoToken::Unusable),
    }
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// The issuer did not answer, or not so that it can be relied on.
    Unusable,
    /// The token is unknown, revoked or expired: the issuer does not say which.
    Inactive,
    /// It is active, and not for this gateway.
    Refused(countersign_tokens::TokenError),
}

impl NoToken {
    /// The rule that refuses what it says, if one does.
    pub(crate) fn error(self) -> Option<countersign_tokens::TokenError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Unusable | Self::Inactive => None,
        }
    }

    /// How the request is answered.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Unusable => Reason::IntrospectionUnavailable,
            Self::Inactive => Reason::TokenInactive,
            Self::Refused(error) => Reason::of_token(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_a_form_and_the_client_says_who_it_is() {
        let endpoint = Endpoint {
            cluster: "as".to_owned(),
            scheme: "https".to_owned(),
            authority: "as.example.com".to_owned(),
            path: "/introspect".to_owned(),
            timeout: Duration::from_secs(1),
        };
        let (client_id, client_secret) = ("gate way".to_owned(), "s3:cr%t".to_owned());
        let introspection = Introspection { endpoint, client_id, client_secret, cache: Duration::ZERO };
        let call = introspection.call(CallId(3), "a+b/c=&token=x");
        assert_eq!(call.body, b"token=a%2Bb%2Fc%3D%26token%3Dx&token_type_hint=access_token");
        // gate%20way:s3%3Acr%25t
        let basic = ("authorization", "Basic Z2F0ZSUyMHdheTpzMyUzQWNyJTI1dA==".to_owned());
        assert!(call.headers.contains(&basic), "{:?}", call.headers);
        assert!(!format!("{introspection:?}").contains("s3"));
    }
}
