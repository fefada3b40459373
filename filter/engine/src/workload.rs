//! Who is calling: the workload a verified credential names, and through whom it acts.

use countersign_tokens::{UnixTime, VerifiedToken};

/// A name that is only unique together with who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// `iss`: who vouches for the subject.
    pub issuer: String,
    /// `sub`: the subject.
    pub subject: String,
}

/// The authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The credential's subject.
    pub identity: Identity,
    /// The configured name of the issuer that vouched.
    pub issuer_name: String,
    /// RFC 8693 `act`, outermost (the current actor) first; empty when the subject acts itself.
    pub actors: Vec<Identity>,
    /// OAuth `client_id`, if the credential names one.
    pub client_id: Option<String>,
    /// Who asked for the transaction token (`req_wl`), if it is one.
    pub requester: Option<String>,
}

impl Workload {
    /// Whether `who` is the subject or anyone in the actor chain.
    pub fn involves(&self, who: &Identity) -> bool {
        self.identity == *who || self.actors.contains(who)
    }
}

/// What is known of the credential besides whom it names. Never the credential itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    pub id: Option<String>,
    pub key_id: Option<String>,
    pub algorithm: &'static str,
    pub issued: Option<UnixTime>,
    pub expires: UnixTime,
}

impl TokenFacts {
    /// The facts of `token`.
    pub fn of(token: &VerifiedToken) -> Self {
        Self {
            id: token.id.clone(),
            key_id: token.key_id.clone(),
            algorithm: token.algorithm.name(),
            issued: token.issued,
            expires: token.expires,
        }
    }
}
