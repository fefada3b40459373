//! What a request shows beside its token, and whether that proves what the token is bound to.
//!
//! A token that says it is bound (`cnf`) is good only with the proof, whatever configuration says; configuration can
//! demand more: that tokens are bound, and that a peer's certificate names the same workload as the token. It never decides
//! whether the token itself is good, never whether a proof was used before (the ledger knows), and never what a proof's nonce
//! is worth ([`nonce`]).

pub mod nonce;
pub mod xfcc;

use std::time::Duration;

use countersign_facts::headers::{Headers, Peer, RequestHead};
use countersign_facts::reason::Reason;
use countersign_protocols::route::Target;
use countersign_tokens::{
    Proof, ProofError, ProvenRequest, SpiffeId, UnixTime, VerifiedProof, VerifiedToken, Verifier,
};

use self::nonce::NonceRule;

/// What an issuer's credentials must be bound to, beyond what they say themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    pub require: Bound,
    /// Whether the peer certificate's SPIFFE ID must be the credential's subject.
    pub same_workload: bool,
    /// How old a DPoP proof may be when its request arrives.
    pub proof_age: Duration,
    /// That DPoP proofs need a nonce, if they do.
    pub nonce: Option<NonceRule>,
    /// The issuer's, which clients' clocks get too.
    pub leeway: Duration,
}

/// What a credential must be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Whatever it says; nothing, if it does not.
    Optional,
    /// A DPoP key (RFC 9449).
    Dpop,
    /// A certificate (RFC 8705).
    Certificate,
    /// One of them at least.
    Either,
}

/// Where the client's certificate is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// The gateway's own connection.
    Connection,
    /// `x-forwarded-client-cert`, which a proxy in front replaces.
    Xfcc,
}

/// What a request shows.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// Where the token came with the scheme `DPoP`.
    proof: Option<Presented>,
    peer: Option<Peer>,
    arrived: UnixTime,
}

/// A DPoP proof as it came, the token it came with and the request that it must be for. Its `Debug` says nothing.
#[derive(Clone)]
pub(crate) struct Presented {
    proof: String,
    access_token: String,
    method: String,
    /// Scheme, authority and path as the client knows them.
    uri: String,
}

impl Presented {
    /// `proof`, which came with `access_token` in `head`, which asks for `target`; `origin` is the resource's as clients
    /// know it, if that is configured.
    pub(crate) fn of(
        proof: &str,
        access_token: &str,
        head: &RequestHead,
        target: &Target,
        origin: Option<&str>,
    ) -> Self {
        let origin = origin.map_or_else(|| format!("{}://{}", scheme(&head.headers), target.authority), str::to_owned);
        Self {
            proof: proof.to_owned(),
            access_token: access_token.to_owned(),
            method: target.method.clone(),
            uri: format!("{origin}{}", target.path),
        }
    }
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Presented").finish_non_exhaustive()
    }
}

/// Why possession is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error("the token is bound to a key, and no proof came with it")]
    NoProof,
    #[error("a proof came with a token that is not bound to a key")]
    NeedlessProof,
    #[error("the token is bound to a certificate, and the connection has none")]
    NoCertificate,
    #[error("the token is bound to another certificate than the connection's")]
    OtherCertificate,
    #[error("the connection's certificate names another workload than the token")]
    OtherWorkload,
    #[error("the token is bound, and comes in a field with which no proof comes")]
    Apart,
    #[error("the token is not bound as this issuer's must be")]
    Unbound,
}

impl Unproven {
    /// Whether a (better) DPoP proof would help.
    pub const fn wants_proof(self) -> bool {
        matches!(self, Self::Proof(_) | Self::NoProof)
    }

    /// How the request is answered.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Proof(_) | Self::NeedlessProof => Reason::ProofRefused,
            Self::NoProof | Self::NoCertificate | Self::Apart => Reason::ProofMissing,
            Self::OtherCertificate | Self::OtherWorkload => Reason::CertificateMismatch,
            Self::Unbound => Reason::TokenUnbound,
        }
    }
}

impl Evidence {
    /// What `head` shows, beside the `proof` that is in it.
    pub(crate) fn of(
        head: &RequestHead,
        proof: Option<Presented>,
        certificates: ClientCertificate,
        arrived: UnixTime,
    ) -> Self {
        let peer = match certificates {
            ClientCertificate::Connection => head.peer.clone(),
            ClientCertificate::Xfcc => xfcc::peer(&head.headers),
        };
        Self { proof, peer, arrived }
    }

    /// Whether it proves everything that `token` is bound to and `binding` demands; the proof to be spent, if there is one.
    pub(crate) fn prove(
        &self,
        token: &VerifiedToken,
        binding: &Binding,
        verifier: &dyn Verifier,
    ) -> Result<Option<VerifiedProof>, Unproven> {
        let key = token.confirmation.and_then(|confirmation| confirmation.key);
        let certificate = token.confirmation.and_then(|confirmation| confirmation.certificate);
        let bound = match binding.require {
            Bound::Optional => true,
            Bound::Dpop => key.is_some(),
            Bound::Certificate => certificate.is_some(),
            Bound::Either => key.is_some() || certificate.is_some(),
        };
        if !bound {
            return Err(Unproven::Unbound);
        }
        if let Some(expected) = certificate {
            let shown = self.peer.as_ref().and_then(|peer| peer.sha256).ok_or(Unproven::NoCertificate)?;
            if shown != expected {
                return Err(Unproven::OtherCertificate);
            }
        }
        if binding.same_workload && !token.subject.sub().is_some_and(|sub| self.peer_is(sub)) {
            return Err(Unproven::OtherWorkload);
        }
        match (key, &self.proof) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(Unproven::NoProof),
            (None, Some(_)) => Err(Unproven::NeedlessProof),
            (Some(thumbprint), Some(Presented { proof, access_token, method, uri })) => {
                let request = ProvenRequest { method, uri, access_token, thumbprint: &thumbprint };
                // A proof says when the request was made, so waiting for an approval does not make it older.
                let proof = Proof::new(proof);
                Ok(Some(proof.verify(&request, binding.proof_age, binding.leeway, verifier, self.arrived)?))
            }
        }
    }

    /// Whether the client tried to prove that it holds a key.
    pub(crate) fn has_proof(&self) -> bool {
        self.proof.is_some()
    }

    /// The workload that the client's certificate names, and the certificate's SHA-256.
    pub(crate) fn svid(&self) -> Option<(SpiffeId, [u8; 32])> {
        let id = self.peer_id().filter(SpiffeId::has_path)?;
        Some((id, self.peer.as_ref()?.sha256?))
    }

    fn peer_is(&self, subject: &str) -> bool {
        self.peer_id().is_some_and(|id| id.as_str() == subject)
    }

    fn peer_id(&self) -> Option<SpiffeId> {
        self.peer.as_ref()?.uri.as_deref()?.parse().ok()
    }
}

/// The client's scheme as the gateway knows it; one that does not say serves what it should, https.
fn scheme(headers: &Headers) -> &str {
    let scheme = headers.single(":scheme").ok().flatten().and_then(|scheme| std::str::from_utf8(scheme).ok());
    scheme.unwrap_or("https")
}
