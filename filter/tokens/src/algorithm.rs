//! The signature algorithms a token may name: asymmetric ones only.
//!
//! `none`, the HMAC family and everything else cannot be expressed, so no later code can accept them by mistake
//! (RFC 8725 §2.1 and §3.1).

use std::fmt;
use std::str::FromStr;

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519, which is also called that; Ed448 is not supported.
    EdDSA,
}

impl Algorithm {
    /// Every algorithm, in the order of this enum.
    pub const ALL: &'static [Self] = &[
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The names in `alg`: of Ed25519 there are two, for the same signatures by the same keys (RFC 9864 §2.2).
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::RS256 => &["RS256"],
            Self::RS384 => &["RS384"],
            Self::RS512 => &["RS512"],
            Self::PS256 => &["PS256"],
            Self::PS384 => &["PS384"],
            Self::PS512 => &["PS512"],
            Self::ES256 => &["ES256"],
            Self::ES384 => &["ES384"],
            Self::EdDSA => &["EdDSA", "Ed25519"],
        }
    }

    /// Whether `name` in `alg` means it.
    pub fn is_called(self, name: &str) -> bool {
        self.names().contains(&name)
    }

    /// Whether its keys are RSA keys, which are alike for several algorithms.
    pub(crate) const fn is_rsa(self) -> bool {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => true,
            Self::ES256 | Self::ES384 | Self::EdDSA => false,
        }
    }

    /// The name in records, of the two the older.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The name is none of [`Algorithm::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsupported algorithm (RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, Ed25519)")]
pub struct UnsupportedAlgorithm;

impl FromStr for Algorithm {
    type Err = UnsupportedAlgorithm;

    /// Exact and case-sensitive (RFC 7515 §4.1.1).
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.is_called(name)).ok_or(UnsupportedAlgorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for algorithm in Algorithm::ALL {
            for name in algorithm.names() {
                assert_eq!(name.parse(), Ok(*algorithm));
            }
            assert!(algorithm.is_called(algorithm.name()));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDSA));
        for name in
            ["none", "None", "HS256", "HS512", "ES512", "ES256K", "rs256", "RS256 ", "", "Ed448", "ed25519", "RSA-OAEP"]
        {
            assert_eq!(name.parse::<Algorithm>(), Err(UnsupportedAlgorithm), "{name}");
        }
    }
}
