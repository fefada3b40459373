//! The registered claims with the types their specifications give them; whether they are acceptable is judged in
//! `rules`.
//!
//! Whatever is present must have its type, required or not: `null` is no value for a claim.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use crate::base64url;
use crate::error::TokenError;
use crate::json::MAX_INTEGER;
use crate::scalar::Scalar;
use crate::time::UnixTime;
use crate::verified::Confirmation;

/// Longest claim that becomes an identity, in bytes (a SPIFFE ID's bound).
const MAX_TEXT: usize = 2048;

/// What [`Scalar`] is, for errors.
const SCALAR: &str = "a string or a whole number from 0 to 2^53 - 1";

/// Longest actor chain (RFC 8693 §4.1 sets none).
pub const MAX_ACTORS: usize = 8;

/// RFC 7519 §4.1, RFC 8693 §4.1 and §4.3, of one token.
pub(crate) struct Registered<'a> {
    pub(crate) issuer: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) audiences: Option<Vec<&'a str>>,
    /// Rounded down to a millisecond.
    pub(crate) expires: Option<UnixTime>,
    /// Rounded up.
    pub(crate) not_before: Option<UnixTime>,
    /// Rounded up.
    pub(crate) issued: Option<UnixTime>,
    pub(crate) id: Option<Scalar>,
    /// What the claim says by which its issuer names machines, of a token without `sub`.
    pub(crate) machine: Option<&'a str>,
    pub(crate) client_id: Option<&'a str>,
    /// `txn` (draft-ietf-oauth-transaction-tokens §10.1).
    pub(crate) transaction: Option<&'a str>,
    /// `req_wl` (draft-ietf-oauth-transaction-tokens §10.1).
    pub(crate) requester: Option<&'a str>,
    pub(crate) confirmation: Option<Confirmation>,
    /// `acr` (RFC 9470 §4).
    pub(crate) authentication_class: Option<Scalar>,
    /// `auth_time` (RFC 9470 §4), rounded down: an authentication is never younger than it says.
    pub(crate) authenticated: Option<UnixTime>,
    /// Outermost, the current actor, first.
    pub(crate) actors: Vec<RegisteredActor<'a>>,
}

/// One level of `act` (RFC 8693 §4.1).
pub(crate) struct RegisteredActor<'a> {
    pub(crate) issuer: Option<&'a str>,
    pub(crate) subject: &'a str,
    /// `sub_profile` (draft-mcguinness-oauth-actor-profile).
    pub(crate) profile: Option<&'a str>,
}

impl<'a> Registered<'a> {
    /// `machine` names machines.
    pub(crate) fn read(claims: &'a Map<String, Value>, machine: Option<&str>) -> Result<Self, TokenError> {
        // Not used here (OpenID Connect Core §2).
        if claims.get("nonce").is_some_and(|value| Scalar::of(value).is_none()) {
            return Err(TokenError::ClaimType { claim: "nonce", expected: SCALAR });
        }
        let machine = machine.filter(|_| !claims.contains_key("sub"));
        let machine = machine.map(|claim| text(claims, claim, "sub").map_err(|_| TokenError::Machine));
        Ok(Self {
            issuer: text(claims, "iss", "iss")?,
            subject: text(claims, "sub", "sub")?,
            audiences: audiences(claims)?,
            expires: rounded_date(claims, "exp", Round::Down)?,
            not_before: rounded_date(claims, "nbf", Round::Up)?,
            issued: date(claims, "iat")?,
            id: scalar(claims, "jti")?,
            machine: machine.transpose()?.flatten(),
            client_id: text(claims, "client_id", "client_id")?,
            transaction: text(claims, "txn", "txn")?,
            requester: text(claims, "req_wl", "req_wl")?,
            confirmation: claims.get("cnf").map(confirmation).transpose()?,
            authentication_class: scalar(claims, "acr")?,
            authenticated: rounded_date(claims, "auth_time", Round::Down)?,
            actors: actors(claims)?,
        })
    }
}

/// RFC 7800 §3.1: whoever presents the token must prove all of it, so there must be nothing here that nobody checks.
fn confirmation(value: &Value) -> Result<Confirmation, TokenError> {
    let members = value.as_object().filter(|members| !members.is_empty()).ok_or(TokenError::Confirmation)?;
    let mut confirmation = Confirmation { key: None, certificate: None };
    for (name, value) in members {
        let digest = value.as_str().and_then(base64url::decode).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let digest = Some(digest.ok_or(TokenError::Confirmation)?);
        match name.as_str() {
            "jkt" => confirmation.key = digest,
            "x5t#S256" => confirmation.certificate = digest,
            _ => return Err(TokenError::Confirmation),
        }
    }
    Ok(confirmation)
}

fn text<'a>(members: &'a Map<String, Value>, name: &str, claim: &'static str) -> Result<Option<&'a str>, TokenError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or(TokenError::ClaimType { claim, expected: "a string" })?;
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(TokenError::ClaimText { claim });
    }
    Ok(Some(text))
}

/// A claim that issuers write as a number too, though their specifications have a string (RFC 7519 §4.1.7, RFC 9470 §4).
fn scalar(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Scalar>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    if value.is_string() {
        return Ok(text(claims, claim, claim)?.map(|text| Scalar::Text(text.to_owned())));
    }
    Scalar::of(value).map(Some).ok_or(TokenError::ClaimType { claim, expected: SCALAR })
}

/// RFC 7519 §4.1.3: a string, or an array of strings.
fn audiences(claims: &Map<String, Value>) -> Result<Option<Vec<&str>>, TokenError> {
    let Some(value) = claims.get("aud") else { return Ok(None) };
    let strings = match value {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    strings.map(Some).ok_or(TokenError::ClaimType { claim: "aud", expected: "a string or an array of strings" })
}

/// Which way a fraction of a millisecond goes: always the way that makes the token valid for less time.
#[derive(Clone, Copy)]
enum Round {
    Down,
    Up,
}

/// A time something begins to be valid, so rounded up.
pub(crate) fn date(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<UnixTime>, TokenError> {
    rounded_date(claims, claim, Round::Up)
}

fn rounded_date(
    claims: &Map<String, Value>,
    claim: &'static str,
    round: Round,
) -> Result<Option<UnixTime>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    value
        .as_number()
        .and_then(|number| numeric_date(number, round))
        .map(Some)
        .ok_or(TokenError::ClaimType { claim, expected: "a NumericDate" })
}

/// RFC 7519 §2: seconds since the epoch, fractions allowed; nothing before it.
fn numeric_date(number: &Number, round: Round) -> Option<UnixTime> {
    if let Some(seconds) = number.as_u64() {
        return (seconds <= MAX_INTEGER).then(|| UnixTime::from_secs(seconds));
    }
    // From 2^53 on there are seconds between two doubles.
    let double = number.as_f64().filter(|double| *double < 9_007_199_254_740_992.0)?;
    let exact = Duration::try_from_secs_f64(double).ok()?;
    let below = UnixTime::from_millis(u64::try_from(exact.as_millis()).ok()?);
    let whole = exact.subsec_nanos() % 1_000_000 == 0;
    Some(match round {
        Round::Up if !whole => below.plus(Duration::from_millis(1)),
        Round::Up | Round::Down => below,
    })
}

/// RFC 8693 §4.1: `act` objects inside each other; members beside `sub`, `iss` and `sub_profile` say nothing.
fn actors(claims: &Map<String, Value>) -> Result<Vec<RegisteredActor<'_>>, TokenError> {
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(value) = next {
        if actors.len() == MAX_ACTORS {
            return Err(TokenError::TooManyActors);
        }
        let act = value.as_object().ok_or(TokenError::ClaimType { claim: "act", expected: "an object" })?;
        let subject = text(act, "sub", "act.sub")?.ok_or(TokenError::ClaimMissing { claim: "act.sub" })?;
        let (issuer, profile) = (text(act, "iss", "act.iss")?, text(act, "sub_profile", "act.sub_profile")?);
        actors.push(RegisteredActor { issuer, subject, profile });
        next = act.get("act");
    }
    Ok(actors)
}
