//! The server behind the gateway.

use std::ops::Deref;

use anyhow::Result;
use serde_json::json;

use super::server::{Answer, Seen, Server};
use super::tls::Identity;

/// Answers `{"upstream": true}` until told otherwise; a [`Server`] in everything else.
#[derive(Debug)]
pub struct Upstream(Server);

impl Upstream {
    /// Plain HTTP.
    pub fn start() -> Result<Self> {
        Ok(Self(Server::start(hello)?))
    }

    /// HTTPS as `identity`.
    pub fn start_tls(identity: &Identity) -> Result<Self> {
        Ok(Self(Server::start_tls(identity, hello)?))
    }

    /// Whether nothing ever came: no connection, not a byte.
    pub fn saw_nothing(&self) -> bool {
        self.connections() == 0 && self.bytes() == 0
    }
}

impl Deref for Upstream {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

fn hello(_: &Seen) -> Answer {
    Answer::Json(200, json!({ "upstream": true }))
}
