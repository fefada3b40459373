//! An issuer's key set behind HTTP.

use std::ops::Deref;

use anyhow::Result;
use serde_json::Value;

use super::server::{Answer, Server};
use super::tls::Identity;

/// Serves one JSON document on every path; a [`Server`] in everything else (make it fail with
/// [`Server::answer`]).
#[derive(Debug)]
pub struct Jwks(Server);

impl Jwks {
    /// Plain HTTP.
    pub fn start(keys: Value) -> Result<Self> {
        Ok(Self(Server::start(move |_| Answer::Json(200, keys.clone()))?))
    }

    /// HTTPS as `identity`.
    pub fn start_tls(identity: &Identity, keys: Value) -> Result<Self> {
        Ok(Self(Server::start_tls(identity, move |_| Answer::Json(200, keys.clone()))?))
    }

    /// Serves another document from now on: the issuer rotated its keys, or is back.
    pub fn publish(&self, keys: Value) {
        self.answer(move |_| Answer::Json(200, keys.clone()));
    }
}

impl Deref for Jwks {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}
