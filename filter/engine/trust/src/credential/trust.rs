//! What credentials are judged by, and who is asked about them.

use countersign_protocols::catalogue::Resource;
use countersign_rights::hygiene::Hygiene;
use countersign_rights::workload::Voucher;
use countersign_rights::workload::register::Register;
use countersign_tokens::{CompactJws, Profile, SpiffeId, TrustDomain, Verifier};

use super::{Issuer, IssuerIndex, TokenCache};
use crate::carrier::Carrier;
use crate::keys::KeyStore;
use crate::possession::ClientCertificate;

/// What credentials are judged by, of one configuration in one worker, and what is remembered of them.
#[derive(Clone, Copy)]
pub struct Trust<'e> {
    pub issuers: &'e [Issuer],
    /// Of each issuer.
    pub keys: &'e [KeyStore],
    pub tokens: &'e TokenCache,
    pub verifier: &'e dyn Verifier,
    /// Header fields that issuers name for their tokens, in lower case.
    pub credential_headers: &'e [String],
    pub client_certificate: ClientCertificate,
    /// Bytes of a credential.
    pub token_bytes: usize,
    /// Who is let in, and how each is governed.
    pub workloads: &'e Register,
    pub hygiene: &'e Hygiene,
    pub resources: &'e [Resource],
}

impl<'e> Trust<'e> {
    /// The issuer at `index`.
    pub(crate) fn issuer(&self, index: IssuerIndex) -> Option<&'e Issuer> {
        self.issuers.get(index.0)
    }

    /// Who vouches for workloads here.
    pub(super) fn vouchers(&self) -> impl Iterator<Item = &'e Voucher> + Clone {
        self.issuers.iter().map(|issuer| &issuer.voucher)
    }

    /// Whose rules and keys `jws` must pass. Nothing is believed yet: it says which issuer to try, and no other is.
    pub(super) fn issuer_of(
        &self,
        jws: &CompactJws<'_>,
        carrier: Carrier,
    ) -> Option<(IssuerIndex, &'e Issuer, &'e KeyStore)> {
        let named = |issuer: &Issuer| jws.unverified_issuer().is_some_and(|iss| issuer.voucher.rules.is_issuer(iss));
        let found = match carrier {
            Carrier::Authorization | Carrier::Field(_) => self
                .find_issuer(|issuer| issuer.carrier == carrier && is_named_by_token(issuer) && named(issuer))
                // A JWT-SVID may have any `iss` or none: its trust domain is in `sub` (JWT-SVID §3).
                .or_else(|| {
                    let id: SpiffeId = jws.unverified_subject()?.parse().ok()?;
                    let domain = id.trust_domain().id();
                    self.find_issuer(|issuer| {
                        issuer.carrier == carrier && is_svid(issuer) && issuer.voucher.rules.issuer() == domain
                    })
                }),
            // Whoever issues transaction tokens need not say so; configuration lets only one be silent.
            Carrier::TxnToken => match jws.unverified_issuer() {
                Some(_) => self.find_issuer(|issuer| is_transaction(issuer) && named(issuer)),
                None => self.find_issuer(is_transaction),
            },
        };
        found.and_then(|index| {
            let (issuer, keys) = self.issuers.get(index).zip(self.keys.get(index))?;
            Some((IssuerIndex(index), issuer, keys))
        })
    }

    /// Who is to be asked about a token that only its issuer can read; it is no JWT, which says whose it is.
    pub(super) fn introspector_of(&self, token: &str, carrier: Carrier) -> Option<IssuerIndex> {
        let opaque = carrier != Carrier::TxnToken && token.split('.').count() != 3;
        let readable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !opaque || !token.bytes().all(readable) {
            return None;
        }
        let asked = |issuer: &Issuer| issuer.carrier == carrier && *issuer.voucher.rules.profile() == Profile::Opaque;
        self.find_issuer(asked).map(IssuerIndex)
    }

    fn find_issuer(&self, is_it: impl Fn(&Issuer) -> bool) -> Option<usize> {
        self.issuers.iter().position(is_it)
    }

    /// Whose certificates are credentials, of that trust `domain`.
    pub(super) fn certifier(&self, domain: &TrustDomain) -> Option<(IssuerIndex, &'e Issuer)> {
        let certifies =
            |profile: &Profile| matches!(profile, Profile::X509Svid { trust_domain } if trust_domain == domain);
        let index = IssuerIndex(self.find_issuer(|issuer| certifies(issuer.voucher.rules.profile()))?);
        Some((index, self.issuer(index)?))
    }
}

/// Whether a token says in `iss` that it is of this issuer.
fn is_named_by_token(issuer: &Issuer) -> bool {
    match issuer.voucher.rules.profile() {
        Profile::AccessToken | Profile::Generic { .. } => true,
        Profile::JwtSvid { .. } | Profile::TxnToken | Profile::Opaque | Profile::X509Svid { .. } => false,
    }
}

fn is_svid(issuer: &Issuer) -> bool {
    matches!(issuer.voucher.rules.profile(), Profile::JwtSvid { .. })
}

fn is_transaction(issuer: &Issuer) -> bool {
    *issuer.voucher.rules.profile() == Profile::TxnToken
}
