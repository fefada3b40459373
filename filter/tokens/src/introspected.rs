//! Whether an introspection answer is about an access token (RFC 7662 §2.2): no other kind of token is a credential here.
//!
//! Issuers call a refresh or an ID token active, too, and say what it is in one of several members, which are all looked at.
//! Only words for an access token are accepted: there are more other kinds than anybody can list.

use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::verified::Confirmation;

/// Members that say what kind of token it is, and how they say that it is an access token, in lower case.
const KINDS: [(&str, &[&str]); 3] = [
    // RFC 7662 §2.2: as in RFC 6749 §5.1. `PoP` is of RFC 9201; a type that says only that it is an access token is common.
    ("token_type", &["bearer", "dpop", "pop", "access_token", "urn:ietf:params:oauth:token-type:access_token"]),
    ("token_use", &["access_token", "access"]),
    // The claim, as Keycloak has it, or the header's.
    ("typ", &["bearer", "dpop", "access_token", "jwt", "at+jwt", "application/at+jwt"]),
];

/// How a token is said to be bound to a key (RFC 9449 §5).
const BOUND: &str = "dpop";

/// That `claims` are of an access token, and of a bound one if they say so.
pub(crate) fn check(claims: &Map<String, Value>, confirmation: Option<&Confirmation>) -> Result<(), TokenError> {
    for (claim, words) in KINDS {
        let kind = match claims.get(claim) {
            None | Some(Value::Null) => continue,
            Some(Value::String(kind)) => kind.to_ascii_lowercase(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(TokenError::ClaimType { claim, expected: "text" });
            }
        };
        if !words.contains(&kind.as_str()) {
            return Err(TokenError::OtherKind { claim });
        }
        if kind == BOUND && confirmation.is_none_or(|bound| bound.key.is_none()) {
            return Err(TokenError::ClaimMissing { claim: "cnf" });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(claims: &Value) -> Result<(), TokenError> {
        check(claims.as_object().unwrap_or(&Map::new()), None)
    }

    #[test]
    fn access_tokens_under_the_names_that_issuers_have_for_them() {
        for claims in [
            json!({}),
            json!({ "token_type": null }),
            json!({ "token_type": "Bearer" }),
            json!({ "token_type": "access_token" }),
            json!({ "token_type": "urn:ietf:params:oauth:token-type:access_token" }),
            json!({ "token_type": "Bearer", "token_use": "access_token" }),
            json!({ "token_use": "access" }),
            json!({ "typ": "Bearer", "token_type": "Bearer" }),
            json!({ "typ": "at+JWT" }),
        ] {
            assert_eq!(checked(&claims), Ok(()), "{claims}");
        }
    }

    #[test]
    fn every_other_kind_is_refused() {
        for (claim, kinds) in [
            ("token_type", &["refresh_token", "Refresh", "id_token", "mac", "N_A", "", "Bearer ", "bearer,dpop"][..]),
            ("token_type", &["urn:ietf:params:oauth:token-type:refresh_token", "urn:ietf:params:oauth:token-type:jwt"]),
            ("token_use", &["refresh_token", "id_token", "id", "refresh", "authorization_code"]),
            ("typ", &["Refresh", "ID", "Offline", "Logout", "logout+jwt", "oauth-id-jag+jwt", "dpop+jwt"]),
        ] {
            for kind in kinds {
                assert_eq!(checked(&json!({ claim: kind })), Err(TokenError::OtherKind { claim }), "{claim}: {kind}");
            }
            // What one member says, no other takes back.
            assert_eq!(
                checked(&json!({ "token_type": "Bearer", "token_use": "access", "typ": "Refresh" })),
                Err(TokenError::OtherKind { claim: "typ" })
            );
            assert_eq!(checked(&json!({ claim: ["Bearer"] })), Err(TokenError::ClaimType { claim, expected: "text" }));
        }
    }

    #[test]
    fn what_is_said_to_be_bound_says_to_which_key() {
        let claims = json!({ "token_type": "DPoP" });
        let claims = claims.as_object().cloned().unwrap_or_default();
        let missing = Err(TokenError::ClaimMissing { claim: "cnf" });
        assert_eq!(check(&claims, None), missing);
        assert_eq!(check(&claims, Some(&Confirmation { key: None, certificate: Some([1; 32]) })), missing);
        assert_eq!(check(&claims, Some(&Confirmation { key: Some([1; 32]), certificate: None })), Ok(()));
    }
}
