//! What one issuer's tokens must be like, and the one place where their claims are judged.
//!
//! The order is fixed: allowed algorithm and `typ`, key, signature, then every claim (RFC 8725 §3, RFC 9068 §4). No
//! claim is judged before the signature verifies, so a forger learns nothing from the answer.
//!
//! It never reads a clock, never fetches a key, and never accepts a token that does not expire or has no audience.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::claims::{Registered, RegisteredActor};
use crate::error::TokenError;
use crate::introspected;
use crate::jws::CompactJws;
use crate::key::is_printable;
use crate::key_set::KeySet;
use crate::profile::{Profile, is_foreign};
use crate::required::{AudienceClaim, RequiredClaims, names_clients};
use crate::rules_error::RulesError;
use crate::scalar::Scalar;
use crate::spiffe::SpiffeId;
use crate::subject::{Machine, Subject};
use crate::tenants::{self, IssuerTemplate, Tenants};
use crate::time::UnixTime;
use crate::verified::{Actor, VerifiedToken};
use crate::verifier::Verifier;

/// The most that clocks may differ.
pub const MAX_LEEWAY: Duration = Duration::from_mins(1);

/// What names the client of a token (RFC 8693 §4.3).
const CLIENT: &str = "client_id";

/// One issuer's rules; valid by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRules {
    issuer: String,
    profile: Profile,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    max_lifetime: Option<Duration>,
    leeway: Duration,
    /// What names a machine, in a token without `sub`.
    machine: Option<String>,
    required: RequiredClaims,
    audience_claim: Option<AudienceClaim>,
    /// Where `issuer` is a template: whose `iss` are accepted.
    tenants: Option<Tenants>,
}

/// How a token was signed.
struct Signed<'a> {
    key_id: Option<&'a str>,
    algorithm: Algorithm,
    /// Which issuer the key is published for, if that is stated.
    key_issuer: Option<&'a str>,
}

impl IssuerRules {
    /// `issuer`: what `iss` must be; of a JWT-SVID, which need not have one, the trust domain as a SPIFFE ID.
    /// `audiences`: a token must name at least one. `max_lifetime`: from `iat` to `exp`, and makes `iat` required.
    /// `leeway`: how far clocks may differ, at most [`MAX_LEEWAY`].
    pub fn new(
        issuer: String,
        profile: Profile,
        audiences: Vec<String>,
        algorithms: Vec<Algorithm>,
        max_lifetime: Option<Duration>,
        leeway: Duration,
    ) -> Result<Self, RulesError> {
        if issuer.is_empty() {
            return Err(RulesError::NoIssuer);
        }
        check_profile(&profile)?;
        // A certificate is for no one in particular.
        if audiences.is_empty() && !matches!(profile, Profile::X509Svid { .. }) {
            return Err(RulesError::NoAudience);
        }
        if audiences.iter().any(String::is_empty) {
            return Err(RulesError::EmptyAudience);
        }
        if algorithms.is_empty() && profile.is_signed() {
            return Err(RulesError::NoAlgorithm);
        }
        if matches!(profile, Profile::JwtSvid { .. }) && algorithms.contains(&Algorithm::EdDSA) {
            return Err(RulesError::SvidAlgorithm);
        }
        if max_lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            return Err(RulesError::NoLifetime);
        }
        if leeway > MAX_LEEWAY {
            return Err(RulesError::LeewayTooLong);
        }
        // Of a client that acts for itself an issuer need not say more (RFC 7662 §2.2).
        let machine = matches!(profile, Profile::Opaque).then(|| CLIENT.to_owned());
        Ok(Self {
            issuer,
            profile,
            audiences,
            algorithms,
            max_lifetime,
            leeway,
            machine,
            required: RequiredClaims::default(),
            audience_claim: None,
            tenants: None,
        })
    }

    /// These rules, by which a token without `sub` names a machine by `claim`.
    pub fn with_machines(self, claim: String) -> Result<Self, RulesError> {
        if !self.profile.is_lax() {
            return Err(RulesError::NoMachines);
        }
        if !names_clients(&claim) {
            return Err(RulesError::MachineClaim(claim));
        }
        Ok(Self { machine: Some(claim), ..self })
    }

    /// These rules, by which a token is refused unless each of `claims` is there and says exactly this.
    pub fn with_required(self, claims: Vec<(String, Scalar)>) -> Result<Self, RulesError> {
        Ok(Self { required: RequiredClaims::new(claims)?, ..self })
    }

    /// These rules, by which a token without `aud` is for the one that `claim` names. State first what else such a token must say.
    pub fn with_audience_claim(self, claim: String) -> Result<Self, RulesError> {
        if !self.profile.is_lax() {
            return Err(RulesError::AlwaysAudience);
        }
        Ok(Self { audience_claim: Some(AudienceClaim::new(claim, &self.required)?), ..self })
    }

    /// The claim that names a machine in a token without `sub`, if such tokens are accepted.
    pub fn machine_claim(&self) -> Option<&str> {
        self.machine.as_deref()
    }

    /// These rules, of an issuer whose tokens are of one of the `tenants`, each with an `iss` made of `template`.
    pub fn with_tenants(self, template: IssuerTemplate, tenants: Vec<String>) -> Result<Self, RulesError> {
        if !matches!(self.profile, Profile::AccessToken | Profile::Generic { .. }) {
            return Err(RulesError::NoTenants);
        }
        Ok(Self { tenants: Some(Tenants::new(template, tenants)?), ..self })
    }

    /// Whether `issuer` is what `iss` must be; of JWT-SVIDs, the trust domain as a SPIFFE ID.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        match &self.tenants {
            Some(tenants) => tenants.tenant(issuer).is_some(),
            None => issuer == self.issuer,
        }
    }

    /// Whether `issuer` is how a document names this issuer: exactly, or, of one with tenants, all of them.
    pub fn is_stated_as(&self, issuer: &str) -> bool {
        self.tenants.as_ref().map_or(issuer == self.issuer, |tenants| tenants.is_everybodys(issuer))
    }

    /// The tenants that are accepted, in alphabetical order; none of an issuer that has no tenants.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        self.tenants.iter().flat_map(Tenants::listed)
    }

    /// The claim that is the tenant, of an issuer that has tenants.
    pub fn tenant_claim(&self) -> Option<&str> {
        self.tenants.as_ref().map(Tenants::claim)
    }

    /// The tenant that `issuer` is the `iss` of.
    pub fn tenant_of<'i>(&self, issuer: &'i str) -> Option<&'i str> {
        self.tenants.as_ref()?.tenant(issuer)
    }

    /// The claim that says whom a token without `aud` is for, if such tokens are accepted.
    pub fn audience_claim(&self) -> Option<&str> {
        self.audience_claim.as_ref().map(AudienceClaim::name)
    }

    /// Whether `token`, which passed these rules, is for this gateway only because of the client that it is for.
    pub fn is_for_client(&self, token: &VerifiedToken) -> bool {
        self.audience_claim.is_some() && !token.claims.contains_key("aud")
    }

    /// What is wrong with a token that these rules refuse with `error`, by the names that they have for claims.
    pub fn describe(&self, error: TokenError) -> String {
        let audience = self.audience_claim().unwrap_or_default();
        match (error, &self.machine) {
            (TokenError::Machine, Some(claim)) => format!(
                "claim `{claim}` names machines, and is not text, or is empty, too long or has control characters"
            ),
            (TokenError::AudienceUnnamed, _) => format!("claim `aud` is missing, and `{audience}` is not text"),
            (TokenError::WrongClient, _) => {
                format!("claim `aud` is missing, and `{audience}` names none of the configured audiences")
            }
            (TokenError::OtherTenant, _) => {
                format!("claim `{}` does not name the tenant of `iss`", self.tenant_claim().unwrap_or_default())
            }
            (TokenError::OtherClaim { number }, _) => match self.required.get(number) {
                Some((claim, value)) => format!("claim `{claim}` is not {}", value.json()),
                None => error.to_string(),
            },
            (error, _) => error.to_string(),
        }
    }

    /// The issuer, as `iss` must spell it; of one with tenants its template, of JWT-SVIDs the trust domain as a SPIFFE ID.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The kind of token.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Of which a token must name one.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// Of which a token must be signed with one.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The most time from `iat` to `exp`.
    pub fn max_lifetime(&self) -> Option<Duration> {
        self.max_lifetime
    }

    /// How far clocks may differ.
    pub fn leeway(&self) -> Duration {
        self.leeway
    }

    /// Whether `jws` is a token of this issuer for this gateway at `now`; what it says, if so.
    pub fn verify(
        &self,
        jws: CompactJws<'_>,
        keys: &KeySet,
        verifier: &dyn Verifier,
        now: UnixTime,
    ) -> Result<VerifiedToken, TokenError> {
        let header = jws.header();
        if !self.algorithms.contains(&header.algorithm()) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        self.profile.check_header(header)?;
        let key = keys.find(header)?;
        verifier.verify(&jws, key)?;
        let (header, payload) = jws.into_parts();
        let (key_id, algorithm, key_issuer) = (header.key_id(), header.algorithm(), key.issuer());
        let signed = Signed { key_id, algorithm, key_issuer };
        self.judge(payload, Some(signed), now)
    }

    /// Whether what the issuer says about an opaque token (RFC 7662 §2.2) makes it one for this gateway at `now`.
    ///
    /// `claims` came from the issuer itself, which said that the token is active.
    pub fn introspected(&self, claims: Map<String, Value>, now: UnixTime) -> Result<VerifiedToken, TokenError> {
        let token = self.judge(claims, None, now)?;
        introspected::check(&token.claims, token.confirmation.as_ref())?;
        Ok(token)
    }

    /// The credential that a certificate is, whose SPIFFE ID is `id` and whose DER form has this SHA-256. The gateway
    /// verified it with the connection; it is good for the request that came over it, so until `expires`.
    pub fn certified(
        &self,
        id: &SpiffeId,
        sha256: &[u8; 32],
        now: UnixTime,
        expires: UnixTime,
    ) -> Result<VerifiedToken, TokenError> {
        if self.profile.trust_domain() != Some(id.trust_domain()) {
            return Err(TokenError::WrongTrustDomain);
        }
        Ok(VerifiedToken {
            issuer: self.issuer.clone(),
            tenant: None,
            subject: id.as_str().into(),
            actors: Vec::new(),
            client_id: None,
            requester: None,
            id: Some(Scalar::Text(base64url::encode(sha256))),
            confirmation: None,
            authentication_class: None,
            authenticated: None,
            key_id: None,
            algorithm: None,
            issued: Some(now),
            not_before: None,
            expires,
            claims: Map::new(),
        })
    }

    /// Whether a token verified earlier by these rules is valid at `now` too: `exp`, `nbf` and `iat` again.
    pub fn still_valid(&self, token: &VerifiedToken, now: UnixTime) -> Result<(), TokenError> {
        self.judge_times(token.expires, token.not_before, token.issued, now)
    }

    fn judge(
        &self,
        claims: Map<String, Value>,
        signed: Option<Signed<'_>>,
        now: UnixTime,
    ) -> Result<VerifiedToken, TokenError> {
        let read = Registered::read(&claims, self.machine.as_deref())?;
        let instead = |claim: &str| match claim {
            "sub" => read.machine.is_some(),
            "aud" => self.audience_claim.is_some(),
            _ => false,
        };
        let has = |claim: &str| claims.contains_key(claim) || instead(claim);
        if let Some(claim) = self.profile.required_claims().iter().find(|claim| !has(claim)) {
            return Err(TokenError::ClaimMissing { claim });
        }
        // Required by every profile: tokens without them have no meaning here.
        let expires = read.expires.ok_or(TokenError::ClaimMissing { claim: "exp" })?;
        let subject = match (read.subject, &self.machine, read.machine) {
            (Some(sub), _, _) => sub.into(),
            (None, Some(claim), Some(id)) => Subject::Machine(Machine { claim: claim.clone(), id: id.to_owned() }),
            (None, _, _) => return Err(TokenError::ClaimMissing { claim: "sub" }),
        };
        let tenant = self.judge_issuer(read.issuer, &subject, &claims)?;
        let issuer = if tenant.is_some() { read.issuer.unwrap_or_default() } else { &self.issuer };
        let key_issuer = signed.as_ref().and_then(|signed| signed.key_issuer);
        if key_issuer.is_some_and(|stated| !tenants::is_key_for(stated, tenant.as_deref(), issuer)) {
            return Err(TokenError::KeyOfOtherTenant);
        }
        self.required.check(&claims)?;
        self.judge_audience(read.audiences.as_deref(), &claims)?;
        self.judge_times(expires, read.not_before, read.issued, now)?;
        self.judge_lifetime(expires, read.issued, now)?;
        let transaction = || read.transaction.map(|text| Scalar::Text(text.to_owned()));
        let id = if self.profile == Profile::TxnToken { transaction() } else { read.id };
        let token = VerifiedToken {
            issuer: issuer.to_owned(),
            tenant,
            subject,
            actors: read.actors.iter().map(|actor| resolve(actor, issuer)).collect(),
            client_id: read.client_id.map(str::to_owned),
            requester: read.requester.map(str::to_owned),
            id,
            confirmation: read.confirmation,
            authentication_class: read.authentication_class,
            authenticated: read.authenticated,
            key_id: signed.as_ref().and_then(|signed| signed.key_id).map(str::to_owned),
            algorithm: signed.map(|signed| signed.algorithm),
            issued: read.issued,
            not_before: read.not_before,
            expires,
            claims: Map::new(),
        };
        Ok(VerifiedToken { claims, ..token })
    }

    /// Whether this issuer may speak for `subject`, and says that it does; for which of its tenants, if it has any.
    fn judge_issuer(
        &self,
        issuer: Option<&str>,
        subject: &Subject,
        claims: &Map<String, Value>,
    ) -> Result<Option<String>, TokenError> {
        match (&self.profile, issuer) {
            // `iss` is whatever else the trust domain calls itself (JWT-SVID §3).
            (Profile::JwtSvid { trust_domain } | Profile::X509Svid { trust_domain }, _) => {
                let sub = subject.sub().ok_or(TokenError::ClaimMissing { claim: "sub" })?;
                let id: SpiffeId = sub.parse().map_err(TokenError::NotSpiffeId)?;
                if id.trust_domain() == trust_domain { Ok(None) } else { Err(TokenError::WrongTrustDomain) }
            }
            // Of an opaque token the issuer was asked itself (RFC 7662 §2.2 leaves `iss` out).
            (Profile::TxnToken | Profile::Opaque, None) => Ok(None),
            (_, None) => Err(TokenError::ClaimMissing { claim: "iss" }),
            (_, Some(issuer)) => match &self.tenants {
                Some(tenants) => tenants.judge(issuer, claims).map(Some),
                None if issuer == self.issuer => Ok(None),
                None => Err(TokenError::WrongIssuer),
            },
        }
    }

    /// RFC 7519 §4.1.3. Another claim counts only where there is no `aud`, be it empty.
    fn judge_audience(&self, audiences: Option<&[&str]>, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let accepted = |audience: &str| self.audiences.iter().any(|accepted| accepted == audience);
        let (found, refused) = match (audiences, &self.audience_claim) {
            (Some(audiences), _) => (audiences.iter().any(|audience| accepted(audience)), TokenError::WrongAudience),
            (None, Some(claim)) => (accepted(claim.read(claims)?), TokenError::WrongClient),
            (None, None) => return Err(TokenError::ClaimMissing { claim: "aud" }),
        };
        if found { Ok(()) } else { Err(refused) }
    }

    /// RFC 7519 §4.1.4 to §4.1.6: `exp` is the first moment at which it is not valid, `nbf` the first at which it is.
    fn judge_times(
        &self,
        expires: UnixTime,
        not_before: Option<UnixTime>,
        issued: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<(), TokenError> {
        if expires.plus(self.leeway) <= now {
            return Err(TokenError::Expired);
        }
        let future = |time: UnixTime| time > now.plus(self.leeway);
        if not_before.is_some_and(future) {
            return Err(TokenError::NotYetValid);
        }
        if issued.is_some_and(future) {
            return Err(TokenError::IssuedInFuture);
        }
        Ok(())
    }

    /// Where a profile does not require `iat`, a token that does not say its age is as old as this moment.
    fn judge_lifetime(&self, expires: UnixTime, issued: Option<UnixTime>, now: UnixTime) -> Result<(), TokenError> {
        let Some(max) = self.max_lifetime else { return Ok(()) };
        let issued = match (&self.profile, issued) {
            (_, Some(issued)) => issued,
            (Profile::JwtSvid { .. } | Profile::Opaque, None) => now,
            (_, None) => return Err(TokenError::ClaimMissing { claim: "iat" }),
        };
        if expires.since(issued) > max { Err(TokenError::LifetimeTooLong) } else { Ok(()) }
    }
}

fn check_profile(profile: &Profile) -> Result<(), RulesError> {
    let Profile::Generic { types } = profile else { return Ok(()) };
    if types.is_empty() {
        return Err(RulesError::NoType);
    }
    for typ in types {
        if !typ.is_empty() && !is_printable(typ) {
            return Err(RulesError::Type(typ.clone()));
        }
        if is_foreign(typ) {
            return Err(RulesError::ForeignType(typ.clone()));
        }
    }
    Ok(())
}

fn resolve(actor: &RegisteredActor<'_>, token_issuer: &str) -> Actor {
    let RegisteredActor { issuer, subject, profile } = actor;
    Actor {
        issuer: issuer.unwrap_or(token_issuer).to_owned(),
        subject: (*subject).to_owned(),
        profile: profile.map(str::to_owned),
    }
}
