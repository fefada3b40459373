//! What an issuer's tokens must say beyond what their profile demands, and whom a token without `aud` is for.
//!
//! Some issuers leave `aud` out of access tokens and name only the client that they are for (AWS Cognito: `client_id`). The
//! same issuer's ID token has that client in `aud`. So the client is read in place of `aud` only where configuration also says
//! what tells the two kinds apart.

use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::rules_error::RulesError;
use crate::scalar::Scalar;

/// Longest name of a claim, in bytes.
const MAX_NAME: usize = 256;

/// Claims that speak of something else than who a client is.
const NOT_OF_CLIENTS: [&str; 18] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "act",
    "may_act",
    "cnf",
    "nonce",
    "scope",
    "scp",
    "acr",
    "auth_time",
    "typ",
    "token_type",
    "token_use",
];

/// Claims that rules of their own judge, or that say nothing about a token's kind.
const JUDGED: [&str; 9] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "act"];

/// Claims with the one value that each must have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequiredClaims(Vec<(String, Scalar)>);

impl RequiredClaims {
    pub(crate) fn new(claims: Vec<(String, Scalar)>) -> Result<Self, RulesError> {
        if claims.is_empty() {
            return Err(RulesError::NoRequiredClaim);
        }
        let unfit = |name: &str| name.is_empty() || name.len() > MAX_NAME || JUDGED.contains(&name);
        match claims.iter().find(|(name, _)| unfit(name)) {
            Some((name, _)) => Err(RulesError::RequiredClaim(name.clone())),
            None => Ok(Self(claims)),
        }
    }

    /// Whether one of them is another claim than `claim`.
    pub(crate) fn has_other_than(&self, claim: &str) -> bool {
        self.0.iter().any(|(name, _)| name != claim)
    }

    pub(crate) fn get(&self, number: usize) -> Option<(&str, &Scalar)> {
        self.0.get(number).map(|(name, value)| (name.as_str(), value))
    }

    /// That `claims` say all of it, exactly.
    pub(crate) fn check(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let says = |(name, value): &(String, Scalar)| claims.get(name).and_then(Scalar::of).as_ref() == Some(value);
        match self.0.iter().position(|required| !says(required)) {
            Some(number) => Err(TokenError::OtherClaim { number }),
            None => Ok(()),
        }
    }
}

/// The claim that says whom a token without `aud` is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudienceClaim(String);

impl AudienceClaim {
    /// `required` tells the tokens that it is read of from the issuer's others.
    pub(crate) fn new(claim: String, required: &RequiredClaims) -> Result<Self, RulesError> {
        if !names_clients(&claim) {
            return Err(RulesError::AudienceClaim(claim));
        }
        if required.has_other_than(&claim) { Ok(Self(claim)) } else { Err(RulesError::AnyAudience) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Whom `claims`, which have no `aud`, are for.
    pub(crate) fn read<'c>(&self, claims: &'c Map<String, Value>) -> Result<&'c str, TokenError> {
        claims.get(&self.0).and_then(Value::as_str).ok_or(TokenError::AudienceUnnamed)
    }
}

/// Whether `claim` may name a client.
pub(crate) fn names_clients(claim: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    (1..=64).contains(&claim.len()) && claim.bytes().all(letter) && !NOT_OF_CLIENTS.contains(&claim)
}
