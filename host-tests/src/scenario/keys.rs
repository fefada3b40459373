//! The keys scenarios sign with: made once per process, never written down but for one that configurations pin.

use std::sync::LazyLock;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer as _;
use p256::elliptic_curve::Generate as _;
use rsa::Pkcs1v15Sign;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

use super::format::Signing;

/// Served unless a scenario says otherwise. The others sign, and nobody knows them.
pub const SERVED: &[&str] = &["rsa1", "ec1", "ed1"];

/// Every key, by name, which is also its `kid`.
static RING: LazyLock<Vec<(&'static str, Key)>> = LazyLock::new(|| {
    vec![
        ("rsa1", Key::rsa()),
        ("rsa2", Key::rsa()),
        ("ec1", Key::Ec(p256::ecdsa::SigningKey::generate())),
        ("ec2", Key::Ec(p256::ecdsa::SigningKey::generate())),
        ("ed1", Key::Ed(ed25519_compact::KeyPair::generate())),
        ("bundles", Key::pinned()),
    ]
});

/// A key pair.
#[derive(Debug)]
pub enum Key {
    Rsa(Box<rsa::RsaPrivateKey>),
    Ec(p256::ecdsa::SigningKey),
    Ed(ed25519_compact::KeyPair),
}

/// The key called `name`.
pub fn key(name: &str) -> anyhow::Result<&'static Key> {
    let found = RING.iter().find(|(candidate, _)| *candidate == name);
    found.map(|(_, key)| key).with_context(|| format!("there is no key `{name}`"))
}

impl Key {
    #[expect(clippy::expect_used, reason = "2048 is a size RSA keys can have")]
    fn rsa() -> Self {
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key of 2048 bits");
        Self::Rsa(Box::new(key))
    }

    /// A key that is the same in every process, so that configurations of scenarios can pin it.
    #[expect(clippy::expect_used, reason = "a scalar below the order of the group")]
    fn pinned() -> Self {
        Self::Ec(p256::ecdsa::SigningKey::from_slice(&[1; 32]).expect("a scalar of P-256"))
    }

    /// How tokens of this key are signed unless said otherwise.
    pub fn algorithm(&self) -> Signing {
        match self {
            Self::Rsa(_) => Signing::Rs256,
            Self::Ec(_) => Signing::Es256,
            Self::Ed(_) => Signing::EdDsa,
        }
    }

    /// The public half as a JWK (RFC 7517) called `name`.
    pub fn jwk(&self, name: &str) -> Value {
        match self {
            Self::Rsa(key) => json!({
                "kty": "RSA", "kid": name, "use": "sig", "alg": "RS256",
                "n": base64(&key.n().to_bytes_be()), "e": base64(&key.e().to_bytes_be()),
            }),
            Self::Ec(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                json!({
                    "kty": "EC", "crv": "P-256", "kid": name, "use": "sig", "alg": "ES256",
                    "x": base64(point.x().map_or(&[][..], |x| x)), "y": base64(point.y().map_or(&[][..], |y| y)),
                })
            }
            Self::Ed(key) => json!({
                "kty": "OKP", "crv": "Ed25519", "kid": name, "use": "sig", "alg": "EdDSA", "x": base64(&*key.pk),
            }),
        }
    }

    /// The signature of `input`, right or wrong as `signing` says.
    pub fn sign(&self, signing: Signing, input: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(match (self, signing) {
            (_, Signing::None) => Vec::new(),
            (Self::Rsa(_), Signing::Zero) => vec![0; 256],
            (_, Signing::Zero) => vec![0; 64],
            (Self::Rsa(key), Signing::HmacWithPublicPem) => {
                let pem = key.to_public_key().to_public_key_pem(rsa::pkcs8::LineEnding::LF)?;
                hmac_sha256(pem.as_bytes(), input)?
            }
            (Self::Rsa(key), Signing::HmacWithModulus) => {
                hmac_sha256(base64(&key.n().to_bytes_be()).as_bytes(), input)?
            }
            (Self::Rsa(key), Signing::Rs256) => key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input))?,
            (Self::Rsa(key), Signing::Rs384) => key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(input))?,
            (Self::Rsa(key), Signing::Rs512) => key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(input))?,
            (Self::Rsa(key), Signing::Ps256) => {
                key.sign_with_rng(&mut rsa::rand_core::OsRng, rsa::Pss::new::<Sha256>(), &Sha256::digest(input))?
            }
            (Self::Ec(key), Signing::Es256) => {
                let signature: p256::ecdsa::Signature = key.try_sign(input)?;
                signature.to_bytes().to_vec()
            }
            (Self::Ed(key), Signing::EdDsa) => key.sk.sign(input, None).to_vec(),
            (key, signing) => bail!("a key for {:?} cannot sign as {signing:?}", key.algorithm()),
        })
    }
}

impl Signing {
    /// `alg` (RFC 7518 §3.1) as an honest or dishonest signer would state it.
    pub fn alg(self, key: &Key) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::HmacWithPublicPem | Self::HmacWithModulus => "HS256",
            Self::None => "none",
            Self::Zero => key.algorithm().honest_alg(),
        }
    }

    fn honest_alg(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256
            | Self::Rs384
            | Self::Rs512
            | Self::Ps256
            | Self::HmacWithPublicPem
            | Self::HmacWithModulus
            | Self::None
            | Self::Zero => "RS256",
        }
    }
}

/// Base64 as JOSE writes it (RFC 7515 §2).
pub fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hmac_sha256(secret: &[u8], input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret)?;
    mac.update(input);
    Ok(mac.finalize().into_bytes().to_vec())
}
