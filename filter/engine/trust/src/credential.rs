//! Exactly one credential, verified now: who is calling, for which task.
//!
//! Never decides what the caller may do, and never lets token text out of this module except to the verifier.

mod cache;
mod trust;
mod verified;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use countersign_facts::calls::{Call, CallId, CallOutcome};
use countersign_facts::digest;
use countersign_facts::headers::{AUTHORIZATION, Headers, PROOF, RequestHead, same_name};
use countersign_facts::reason::Reason;
use countersign_protocols::catalogue::Resource;
use countersign_protocols::route::Target;
use countersign_rights::task::TaskSource;
use countersign_rights::workload::{Owner, Voucher};
use countersign_tokens::{CompactJws, TokenError, TokenErrorClass, UnixTime, VerifiedProof};

use self::cache::Held;
pub use self::cache::TokenCache;
pub use self::trust::Trust;
pub use self::verified::{Refused, Verified};
use crate::carrier::{CacheKey, Carrier};
use crate::introspection::{self, Introspection};
use crate::keys::KeySource;
use crate::possession::{Binding, Evidence, Presented, Unproven};

/// Where a client has a credential for its proxy (RFC 9110 §11.7.2); `Authorization` is then for the server behind it.
const PROXY_AUTHORIZATION: &str = "proxy-authorization";
const TXN_TOKEN: &str = "txn-token";

/// For how long an issuer's answer about an opaque token decides about the request that asked, however short answers are kept for
/// others: of one that takes longer the issuer is asked again.
const MOMENT: Duration = Duration::from_secs(2);

/// A decision about a certificate is good for a moment: it is never remembered.
const CERTIFICATE_LIFETIME: Duration = Duration::from_mins(1);

/// The header fields that carry tokens, besides those that issuers name; a request has at most one of them.
const CARRIERS: &[(&str, Carrier)] = &[(AUTHORIZATION, Carrier::Authorization), (TXN_TOKEN, Carrier::TxnToken)];
/// The header fields that carry tokens of requests that are on their way out.
const PROXY_CARRIERS: &[(&str, Carrier)] = &[(PROXY_AUTHORIZATION, Carrier::Authorization)];

/// The header fields that are the credential's, or proof that it is the client's, whatever is configured.
pub const FIELDS: [&str; 3] = [AUTHORIZATION, TXN_TOKEN, PROOF];

/// Those that carry tokens.
pub const STANDING: [&str; 2] = [AUTHORIZATION, TXN_TOKEN];

/// All of them; issuers name `named` for their tokens.
pub fn fields(named: &[String]) -> impl Iterator<Item = &str> {
    FIELDS.into_iter().chain(named.iter().map(String::as_str))
}

/// Whether the field called `name` is for this proxy, and never for whoever is asked through it: its credential, a proof that came
/// with that, and what a proxy in front of it says: in the fields `named`.
pub fn is_the_proxys(name: &str, named: &[String], dpop: bool) -> bool {
    let proof = dpop.then_some(PROOF);
    let named = named.iter().map(String::as_str);
    [PROXY_AUTHORIZATION].into_iter().chain(proof).chain(named).any(|field| same_name(name, field))
}

/// Where a request for `resource` may carry its token.
fn carriers<'c>(resource: &'c Resource, trust: Trust<'c>) -> impl Iterator<Item = (&'c str, Carrier)> + Clone {
    let (standing, named): (&[(&'c str, Carrier)], &[String]) =
        if resource.interface.egress { (PROXY_CARRIERS, &[]) } else { (CARRIERS, trust.credential_headers) };
    let named = named.iter().enumerate().map(|(number, name)| (name.as_str(), Carrier::Field(number)));
    standing.iter().copied().chain(named).filter(move |(name, _)| !resource.ignores(name))
}

/// One trusted issuer.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What it is called, by which rules its tokens are good, and which of their claims are read.
    pub voucher: Voucher,
    /// Where its tokens come, and nowhere else.
    pub carrier: Carrier,
    pub keys: KeySource,
    /// Where its tokens are introspected, if only it can read them.
    pub introspection: Option<Introspection>,
    /// Where it writes what a credential is for.
    pub task: TaskSource,
    /// Each credential (by `jti`, a transaction token by `txn`) is good for one forwarded request.
    pub one_shot: bool,
    pub binding: Binding,
}

/// Which configured issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerIndex(pub usize);

/// A credential, and what the request shows beside it. Its `Debug` says nothing.
#[derive(Clone)]
pub struct Credential {
    kind: Kind,
    evidence: Evidence,
    /// What its issuer said when this request asked, and when that decides about this request.
    answer: Option<(Arc<Verified>, Range<UnixTime>)>,
}

/// What a credential is.
#[derive(Clone)]
enum Kind {
    Token {
        carrier: Carrier,
        text: String,
        key: CacheKey,
    },
    /// The certificate of the connection, where there is no token.
    Certificate,
}

/// A credential that is good, in the hands of whoever it is good for.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub verified: Arc<Verified>,
    /// The proof that was needed; good once.
    pub proof: Option<VerifiedProof>,
}

/// Why a credential is not verified (yet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    Refused(Reason),
    /// A rule about credentials refuses it.
    Faulty(Fault),
    /// The credential is good, but not proven to be the client's.
    Unproven(Unproven),
    /// The issuer's current keys do not include the one named, or there are none: fetch and try again.
    NeedKeys(NeedKeys),
    /// Only its issuer can read it: ask, and try again.
    NeedIntrospection(IssuerIndex),
}

/// What is wrong with a credential: the rule, and by whose rules if that is known. Nothing of the credential is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    issuer: Option<IssuerIndex>,
    error: TokenError,
}

impl Fault {
    /// How the request is answered.
    pub fn reason(self) -> Reason {
        Reason::of_token(self.error)
    }

    /// For the record.
    pub fn detail(self, trust: Trust<'_>) -> String {
        let Self { issuer, error } = self;
        let Some(issuer) = issuer.and_then(|index| trust.issuer(index)) else { return error.to_string() };
        format!("issuer `{}`: {}", issuer.voucher.name, issuer.voucher.rules.describe(error))
    }
}

/// Whose keys are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedKeys {
    pub issuer: IssuerIndex,
    /// The generation that did not have the key; none when there were no keys at all.
    pub seen: Option<u64>,
}

impl NeedKeys {
    /// What the request is denied with when waiting is no use.
    pub fn reason(self) -> Reason {
        if self.seen.is_some() { Reason::UnknownKey } else { Reason::KeysUnavailable }
    }
}

impl Credential {
    /// The one credential of a request for `resource`: a token, else the certificate of an SVID that is trusted.
    ///
    /// # Errors
    /// None, more than one, or not written as its carrier demands.
    pub fn of(
        head: &RequestHead,
        target: &Target,
        resource: &Resource,
        trust: Trust<'_>,
        now: UnixTime,
    ) -> Result<Self, Reason> {
        let carriers = carriers(resource, trust);
        if carriers.clone().all(|(field, _)| !head.headers.contains(field)) {
            let evidence = Evidence::of(head, None, trust.client_certificate, now);
            return Self::of_connection(evidence, trust).ok_or(Reason::NoCredential);
        }
        let (carrier, text, proof) = read(&head.headers, carriers)?;
        if text.is_empty() || text.len() > trust.token_bytes {
            return Err(Reason::MalformedToken);
        }
        if text.contains(',') {
            return Err(Reason::ManyCredentials);
        }
        let proof = proof.map(|proof| Presented::of(proof, text, head, target, resource.origin.as_deref()));
        let evidence = Evidence::of(head, proof, trust.client_certificate, now);
        let key = CacheKey::of(carrier, text);
        Ok(Self { kind: Kind::Token { carrier, text: text.to_owned(), key }, evidence, answer: None })
    }

    /// The certificate of the connection, if it is an SVID of a trust domain whose certificates are credentials.
    fn of_connection(evidence: Evidence, trust: Trust<'_>) -> Option<Self> {
        let (id, _) = evidence.svid()?;
        trust.certifier(id.trust_domain())?;
        Some(Self { kind: Kind::Certificate, evidence, answer: None })
    }

    /// Whether it must be, or was meant to be, answered as DPoP.
    pub fn is_dpop(&self) -> bool {
        self.evidence.has_proof()
    }

    /// What tells its token from every other, if it is one.
    pub fn token_key(&self) -> Option<CacheKey> {
        match &self.kind {
            Kind::Token { key, .. } => Some(*key),
            Kind::Certificate => None,
        }
    }

    /// Whose token it is, if it was good here before. Whether it still is, is open.
    pub fn known(&self, trust: Trust<'_>) -> Option<Owner> {
        trust.tokens.owner(self.token_key()?)
    }

    /// SHA-256 of the credential and how it came.
    fn sha256(&self, trust: Trust<'_>) -> [u8; 32] {
        match &self.kind {
            Kind::Token { carrier: Carrier::Authorization, text, .. } => digest::of_bytes(text.as_bytes()),
            Kind::Token { carrier: Carrier::TxnToken, text, .. } => {
                digest::of_bytes(format!("txn-token {text}").as_bytes())
            }
            Kind::Token { carrier: Carrier::Field(number), text, .. } => {
                let name = trust.credential_headers.get(*number).map_or("", String::as_str);
                digest::of_texts(&["field", name, text])
            }
            Kind::Certificate => {
                let certificate = self.evidence.svid().map(|(_, sha256)| digest::text(&sha256));
                digest::of_texts(&["certificate", &certificate.unwrap_or_default()])
            }
        }
    }

    /// Verifies the credential with the keys at hand, and that it is in the right hands.
    pub fn verify(&self, trust: Trust<'_>, now: UnixTime) -> Result<Authenticated, Unverified> {
        let verified = match &self.kind {
            Kind::Token { carrier, text, key } => self.verify_token(*carrier, text, *key, trust, now)?,
            Kind::Certificate => self.verify_certificate(trust, now)?,
        };
        let issuer = trust.issuer(verified.issuer).ok_or(Unverified::Refused(Reason::Internal))?;
        let apart = matches!(self.kind, Kind::Token { carrier: Carrier::Field(_), .. });
        if apart && verified.token.confirmation.is_some() {
            return Err(Unverified::Unproven(Unproven::Apart));
        }
        let proven = self.evidence.prove(&verified.token, &issuer.binding, trust.verifier);
        let proof = proven.map_err(Unverified::Unproven)?;
        Ok(Authenticated { verified, proof })
    }

    fn verify_token(
        &self,
        carrier: Carrier,
        text: &str,
        key: CacheKey,
        trust: Trust<'_>,
        now: UnixTime,
    ) -> Result<Arc<Verified>, Unverified> {
        if let Some(verified) = trust.tokens.find(trust, key, now)? {
            return Ok(verified);
        }
        if let Some(index) = trust.introspector_of(text, carrier) {
            let answered = self.answer.as_ref().filter(|(_, while_it_holds)| while_it_holds.contains(&now));
            return answered.map(|(verified, _)| Arc::clone(verified)).ok_or(Unverified::NeedIntrospection(index));
        }
        let jws = CompactJws::parse(text, trust.token_bytes).map_err(|error| faulty(None, error))?;
        let (index, issuer, keys) = trust.issuer_of(&jws, carrier).ok_or(Unverified::Refused(Reason::UnknownIssuer))?;
        let Some(current) = keys.current(now) else {
            return Err(Unverified::NeedKeys(NeedKeys { issuer: index, seen: None }));
        };
        let token = issuer.voucher.rules.verify(jws, &current.set, trust.verifier, now).map_err(|error| {
            if error.class() == TokenErrorClass::UnknownKey {
                Unverified::NeedKeys(NeedKeys { issuer: index, seen: Some(current.generation) })
            } else {
                faulty(Some(index), error)
            }
        })?;
        let key_age = token.key_id.as_deref().map_or(Duration::ZERO, |id| keys.age_of(id, now));
        let verified = Arc::new(Verified::of(token, self, index, issuer, trust, key_age));
        trust.tokens.insert(key, &verified, Held::WithKeys(current.generation));
        Ok(verified)
    }

    /// What exactly is wrong with a token that is refused, for people: its issuer, if that is known, and the rule.
    pub fn trouble(&self, trust: Trust<'_>, now: UnixTime) -> Option<(Option<IssuerIndex>, TokenError)> {
        let Kind::Token { carrier, text, .. } = &self.kind else { return None };
        let jws = match CompactJws::parse(text, trust.token_bytes) {
            Ok(jws) => jws,
            Err(error) => return Some((None, error)),
        };
        let (index, issuer, keys) = trust.issuer_of(&jws, *carrier)?;
        let error = issuer.voucher.rules.verify(jws, &keys.current(now)?.set, trust.verifier, now).err()?;
        Some((Some(index), error))
    }

    /// The gateway verified the certificate when the connection was made; the credential is as young as the request.
    fn verify_certificate(&self, trust: Trust<'_>, now: UnixTime) -> Result<Arc<Verified>, Unverified> {
        let (id, sha256) = self.evidence.svid().ok_or(Unverified::Refused(Reason::Internal))?;
        let (index, issuer) = trust.certifier(id.trust_domain()).ok_or(Unverified::Refused(Reason::UnknownIssuer))?;
        let token = issuer.voucher.rules.certified(&id, &sha256, now, now.plus(CERTIFICATE_LIFETIME));
        let token = token.map_err(|error| faulty(Some(index), error))?;
        Ok(Arc::new(Verified::of(token, self, index, issuer, trust, Duration::ZERO)))
    }

    /// The question that the issuer at `index` is to answer about it.
    pub fn introspection(&self, trust: Trust<'_>, index: IssuerIndex, id: CallId) -> Option<Call> {
        let issuer = trust.issuer(index)?;
        let Kind::Token { text, .. } = &self.kind else { return None };
        Some(issuer.introspection.as_ref()?.call(id, text))
    }

    /// Takes the issuer's answer; after this it verifies, for as long as the answer holds, and at least for a moment, so that
    /// whoever asked is decided about with it.
    ///
    /// # Errors
    /// Where the answer makes it no credential here, and what is wrong with it if that is what the answer says.
    pub fn introspected(
        &mut self,
        trust: Trust<'_>,
        index: IssuerIndex,
        outcome: &CallOutcome,
        now: UnixTime,
    ) -> Result<(), (Reason, Option<Fault>)> {
        let internal = (Reason::Internal, None);
        let issuer = trust.issuer(index).ok_or(internal)?;
        let cache = issuer.introspection.as_ref().ok_or(internal)?.cache;
        let fault = |error| Fault { issuer: Some(index), error };
        let token = introspection::read(outcome, &issuer.voucher.rules, now)
            .map_err(|answer| (answer.reason(), answer.error().map(fault)))?;
        let end = token.expires.plus(issuer.voucher.rules.leeway());
        let Kind::Token { key, .. } = &self.kind else { return Err(internal) };
        let verified = Arc::new(Verified::of(token, self, index, issuer, trust, Duration::ZERO));
        trust.tokens.insert(*key, &verified, Held::Between(now, end.min(now.plus(cache))));
        self.answer = Some((verified, now..end.min(now.plus(MOMENT))));
        Ok(())
    }
}

/// Where the one token is, its text, and the proof that came with it.
fn read<'h>(
    headers: &'h Headers,
    carriers: impl Iterator<Item = (&'h str, Carrier)>,
) -> Result<(Carrier, &'h str, Option<&'h str>), Reason> {
    let mut found = None;
    for (name, carrier) in carriers {
        match headers.single(name) {
            Ok(None) => {}
            Ok(Some(value)) if found.is_none() => found = Some((carrier, value)),
            Ok(Some(_)) | Err(_) => return Err(Reason::ManyCredentials),
        }
    }
    let (carrier, value) = found.ok_or(Reason::NoCredential)?;
    let text = std::str::from_utf8(value).map_err(|_| Reason::MalformedToken)?;
    match carrier {
        Carrier::TxnToken | Carrier::Field(_) => return Ok((carrier, text, None)),
        Carrier::Authorization => {}
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

fn faulty(issuer: Option<IssuerIndex>, error: TokenError) -> Unverified {
    Unverified::Faulty(Fault { issuer, error })
}
