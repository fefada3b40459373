//! The approval webhook's other end. It verifies and signs nothing: its behaviour does, and may do it wrong.

use std::ops::Deref;

use anyhow::Result;

use super::server::{Answer, Seen, Server};
use super::tls::Identity;

/// Answers by its behaviour; a [`Server`] in everything else.
#[derive(Debug)]
pub struct Approver(Server);

impl Approver {
    /// Plain HTTP.
    pub fn start(behaviour: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Result<Self> {
        Ok(Self(Server::start(behaviour)?))
    }

    /// HTTPS as `identity`.
    pub fn start_tls(identity: &Identity, behaviour: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Result<Self> {
        Ok(Self(Server::start_tls(identity, behaviour)?))
    }
}

impl Deref for Approver {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}
