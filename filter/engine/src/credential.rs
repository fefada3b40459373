//! Exactly one credential, verified now: who is calling.
//!
//! Never decides what the caller may do, and never lets token text out of this module except to the verifier.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_tokens::{CompactJws, TokenError, TokenErrorClass, UnixTime, VerifiedProof, VerifiedToken};

use crate::catalogue::Resource;
use crate::config::Config;
use crate::digest;
use crate::engine::{Engine, IssuerIndex};
use crate::headers::Headers;
use crate::io::RequestHead;
use crate::possession::{Evidence, Unproven};
use crate::reason::Reason;
use crate::route::Target;
use crate::workload::{Identity, TokenFacts, Workload};

/// Where a request carries its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization`, with the scheme `Bearer` (RFC 6750 §2.1) or, where a proof comes with it, `DPoP` (RFC 9449 §7.1).
    Authorization,
    /// `Txn-Token` (draft-ietf-oauth-transaction-tokens §11): for transaction tokens, and they come nowhere else.
    TxnToken,
}

const AUTHORIZATION: &str = "authorization";
const TXN_TOKEN: &str = "txn-token";
/// Carries the proof that goes with `Authorization: DPoP` (RFC 9449 §4.1).
const PROOF: &str = "dpop";

/// The header fields that carry credentials; a request has one of them.
const CARRIERS: [(&str, Carrier); 2] = [(AUTHORIZATION, Carrier::Authorization), (TXN_TOKEN, Carrier::TxnToken)];

/// The header fields that are the credential's, or proof that it is the client's.
pub(crate) const FIELDS: [&str; 3] = [AUTHORIZATION, TXN_TOKEN, PROOF];

/// The text of a credential, and what the request shows beside it. Its `Debug` says nothing.
#[derive(Clone)]
pub struct Credential {
    carrier: Carrier,
    text: String,
    digest: [u8; 32],
    evidence: Evidence,
}

/// A credential that is good, in the hands of whoever it is good for.
#[derive(Clone, Debug)]
pub(crate) struct Authenticated {
    pub(crate) verified: Arc<Verified>,
    /// The proof that was needed; good once.
    pub(crate) proof: Option<VerifiedProof>,
}

/// A verified credential.
#[derive(Clone, Debug)]
pub struct Verified {
    pub workload: Workload,
    pub facts: TokenFacts,
    pub token: VerifiedToken,
    pub(crate) issuer: IssuerIndex,
}

/// Why a credential is not verified (yet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    Refused(Reason),
    /// The credential is good, but not proven to be the client's.
    Unproven(Unproven),
    /// The issuer's current keys do not include the one named, or there are none: fetch and try again.
    NeedKeys(NeedKeys),
}

impl Unverified {
    /// What the request is denied with when waiting is no use.
    pub fn reason(self) -> Reason {
        match self {
            Self::Refused(reason) => reason,
            Self::Unproven(unproven) => unproven.reason(),
            Self::NeedKeys(need) => need.reason(),
        }
    }
}

/// Whose keys are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedKeys {
    pub(crate) issuer: IssuerIndex,
    /// The generation that did not have the key; none when there were no keys at all.
    pub(crate) seen: Option<u64>,
}

impl NeedKeys {
    /// What the request is denied with when waiting is no use.
    pub fn reason(self) -> Reason {
        if self.seen.is_some() { Reason::UnknownKey } else { Reason::KeysUnavailable }
    }
}

impl Credential {
    /// The one token of a request for `resource`.
    ///
    /// # Errors
    /// None, more than one, or not written as its carrier demands.
    pub fn of(
        head: &RequestHead,
        target: &Target,
        resource: &Resource,
        config: &Config,
        now: UnixTime,
    ) -> Result<Self, Reason> {
        let (carrier, text, proof) = read(&head.headers)?;
        if text.is_empty() || text.len() > config.limits.token_bytes {
            return Err(Reason::MalformedToken);
        }
        if text.contains(',') {
            return Err(Reason::ManyCredentials);
        }
        let evidence = Evidence::of(head, target, proof, resource.origin.as_deref(), config.client_certificate, now);
        Ok(Self { carrier, text: text.to_owned(), digest: digest_of(carrier, text), evidence })
    }

    /// Whether it must be, or was meant to be, answered as DPoP.
    pub(crate) fn is_dpop(&self) -> bool {
        self.evidence.has_proof()
    }

    /// SHA-256 of the credential and how it came: what was verified as one kind is not known as another.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Verifies the credential with the keys at hand, and that it is in the right hands.
    pub(crate) fn verify(&self, engine: &Engine, now: UnixTime) -> Result<Authenticated, Unverified> {
        let verified = self.verify_token(engine, now)?;
        let issuer = engine.config.issuers.get(verified.issuer.0).ok_or(Unverified::Refused(Reason::Internal))?;
        let proven = self.evidence.prove(&verified.token, &self.text, &issuer.binding, engine.verifier.as_ref());
        let proof = proven.map_err(Unverified::Unproven)?;
        Ok(Authenticated { verified, proof })
    }

    fn verify_token(&self, engine: &Engine, now: UnixTime) -> Result<Arc<Verified>, Unverified> {
        if let Some(verified) = engine.tokens.find(engine, &self.digest, now)? {
            return Ok(verified);
        }
        let jws = CompactJws::parse(&self.text, engine.config.limits.token_bytes).map_err(refused)?;
        let (index, issuer, keys) =
            engine.issuer_of(&jws, self.carrier).ok_or(Unverified::Refused(Reason::UnknownIssuer))?;
        let Some(current) = keys.current(now) else {
            return Err(Unverified::NeedKeys(NeedKeys { issuer: index, seen: None }));
        };
        let token = issuer.rules.verify(&jws, &current.set, engine.verifier.as_ref(), now).map_err(|error| {
            if error.class() == TokenErrorClass::UnknownKey {
                Unverified::NeedKeys(NeedKeys { issuer: index, seen: Some(current.generation) })
            } else {
                refused(error)
            }
        })?;
        let verified = Arc::new(verified(index, &issuer.name, token));
        engine.tokens.insert(self.digest, Cached { verified: Arc::clone(&verified), generation: current.generation });
        Ok(verified)
    }
}

/// Where the one token is, its text, and the proof that came with it.
fn read(headers: &Headers) -> Result<(Carrier, &str, Option<&str>), Reason> {
    let mut found = None;
    for (name, carrier) in CARRIERS {
        match headers.single(name) {
            Ok(None) => {}
            Ok(Some(value)) if found.is_none() => found = Some((carrier, value)),
            Ok(Some(_)) | Err(_) => return Err(Reason::ManyCredentials),
        }
    }
    let (carrier, value) = found.ok_or(Reason::NoCredential)?;
    let text = std::str::from_utf8(value).map_err(|_| Reason::MalformedToken)?;
    if carrier == Carrier::TxnToken {
        return Ok((carrier, text, None));
    }
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok((carrier, token, None))
    } else if scheme.eq_ignore_ascii_case("dpop") {
        // Exactly one (RFC 9449 §4.3 check 1).
        let proof = headers.single(PROOF).ok().flatten().and_then(|proof| std::str::from_utf8(proof).ok());
        Ok((carrier, token, Some(proof.ok_or(Reason::ProofRefused)?)))
    } else {
        Err(Reason::NoCredential)
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

fn digest_of(carrier: Carrier, token: &str) -> [u8; 32] {
    match carrier {
        Carrier::Authorization => digest::of_bytes(token.as_bytes()),
        Carrier::TxnToken => digest::of_bytes(format!("txn-token {token}").as_bytes()),
    }
}

fn verified(issuer: IssuerIndex, issuer_name: &str, token: VerifiedToken) -> Verified {
    let workload = Workload {
        identity: Identity { issuer: token.issuer.clone(), subject: token.subject.clone() },
        issuer_name: issuer_name.to_owned(),
        actors: token
            .actors
            .iter()
            .map(|actor| Identity { issuer: actor.issuer.clone(), subject: actor.subject.clone() })
            .collect(),
        client_id: token.client_id.clone(),
        requester: token.requester.clone(),
    };
    Verified { workload, facts: TokenFacts::of(&token), token, issuer }
}

fn refused(error: TokenError) -> Unverified {
    Unverified::Refused(match error.class() {
        TokenErrorClass::Malformed => Reason::MalformedToken,
        TokenErrorClass::HeaderRefused => Reason::TokenHeaderRefused,
        TokenErrorClass::UnknownKey => Reason::UnknownKey,
        TokenErrorClass::BadSignature => Reason::BadSignature,
        TokenErrorClass::Expired => Reason::TokenExpired,
        TokenErrorClass::NotYetValid => Reason::TokenNotYetValid,
        TokenErrorClass::WrongIssuer => Reason::UnknownIssuer,
        TokenErrorClass::WrongAudience => Reason::WrongAudience,
        TokenErrorClass::LifetimeTooLong => Reason::LifetimeTooLong,
        TokenErrorClass::ClaimRefused => Reason::ClaimRefused,
    })
}

/// Tokens verified before, by digest: bounded, first in first out, per worker.
///
/// A hit is as good as verifying again: it holds only while the key set is the one it was verified
/// with and the token's time-dependent claims still hold.
#[derive(Debug)]
pub struct TokenCache {
    capacity: usize,
    held: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    by_digest: BTreeMap<[u8; 32], Cached>,
    order: VecDeque<[u8; 32]>,
}

#[derive(Clone, Debug)]
struct Cached {
    verified: Arc<Verified>,
    generation: u64,
}

impl TokenCache {
    /// A cache of at most `capacity` tokens.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::new(Cache::default()) }
    }

    fn find(&self, engine: &Engine, digest: &[u8; 32], now: UnixTime) -> Result<Option<Arc<Verified>>, Unverified> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(cached) = held.by_digest.get(digest) else { return Ok(None) };
        let index = cached.verified.issuer.0;
        let Some((issuer, keys)) = engine.config.issuers.get(index).zip(engine.keys.get(index)) else {
            return Ok(None);
        };
        if keys.current(now).is_none_or(|current| current.generation != cached.generation) {
            return Ok(None);
        }
        issuer.rules.still_valid(&cached.verified.token, now).map_err(refused)?;
        Ok(Some(Arc::clone(&cached.verified)))
    }

    fn insert(&self, digest: [u8; 32], cached: Cached) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.by_digest.insert(digest, cached).is_none() {
            held.order.push_back(digest);
        }
        while held.order.len() > self.capacity {
            let Some(oldest) = held.order.pop_front() else { return };
            held.by_digest.remove(&oldest);
        }
    }
}
