//! A verified token, for tests.

use countersign_tokens::{Algorithm, UnixTime, VerifiedToken};
use serde_json::Value;

/// One with these claims, besides those that were checked.
pub fn token(claims: &Value) -> VerifiedToken {
    VerifiedToken {
        tenant: None,
        issuer: "https://issuer.example".to_owned(),
        subject: "agent".into(),
        actors: Vec::new(),
        client_id: None,
        requester: None,
        confirmation: None,
        authentication_class: None,
        authenticated: None,
        id: Some("jti".into()),
        key_id: None,
        algorithm: Some(Algorithm::ES256),
        issued: None,
        not_before: None,
        expires: UnixTime::from_secs(2000),
        claims: claims.as_object().cloned().unwrap_or_default(),
    }
}
