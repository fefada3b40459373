//! Certificates of authorities that exist for one test.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority. Two of them are how a swapped certificate is made.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's or a workload's certificate with its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: PrivateKeyDer<'static>,
    key_pem: String,
}

impl Authority {
    /// A fresh one.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// A certificate for `name` (a DNS name or an IP address).
    pub fn issue(&self, name: &str) -> Result<Identity> {
        self.sign(&CertificateParams::new([name.to_owned()])?)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            key_pem: key.serialize_pem(),
        })
    }

    /// A workload's certificate: an X.509-SVID for `id` (`spiffe://…`).
    pub fn issue_svid(&self, id: &str) -> Result<Identity> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    /// Its own certificate, for a gateway's `trusted_ca`.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes [`pem`](Self::pem) to a file.
    pub fn write_pem(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, self.pem())?)
    }
}

impl Identity {
    /// Writes certificate and key for a gateway that serves as this.
    pub fn write_pem(&self, certificate: &Path, key: &Path) -> Result<()> {
        std::fs::write(certificate, &self.certificate_pem)?;
        Ok(std::fs::write(key, &self.key_pem)?)
    }

    /// SHA-256 of the certificate's DER form.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.certificate).into()
    }

    /// The [`digest`](Self::digest) in base64url (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.digest())
    }

    /// Certificate and key in PEM, for a client.
    pub fn pem(&self) -> (&str, &str) {
        (&self.certificate_pem, &self.key_pem)
    }

    pub(super) fn acceptor(&self) -> Result<TlsAcceptor> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}
