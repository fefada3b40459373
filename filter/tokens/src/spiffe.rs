//! SPIFFE IDs and trust domains, valid by construction (SPIFFE-ID §2).
//!
//! One spelling per identity: the standard folds the case of scheme and trust domain, so only lower case is read here,
//! and two IDs are the same workload exactly when their texts are equal. It decides nothing about who may do what.

use std::fmt;
use std::str::FromStr;

/// Longest SPIFFE ID, in bytes (SPIFFE-ID §2.3).
const MAX_ID: usize = 2048;

/// Longest trust domain, in bytes (SPIFFE-ID §2.1).
const MAX_TRUST_DOMAIN: usize = 255;

const SCHEME: &str = "spiffe://";

/// Who issues the identities of a set of workloads: `example.org`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

/// A workload's name: `spiffe://example.org/billing/agent`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: String,
    trust_domain: TrustDomain,
}

/// Why a text is no SPIFFE ID or trust domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeError {
    /// Not `spiffe://` in lower case.
    #[error("does not begin with `spiffe://`")]
    Scheme,
    /// More than 2,048 bytes.
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// Empty, more than 255 bytes, or with anything but `a-z`, `0-9`, `.`, `-` and `_`: ports and user information too.
    #[error("has no trust domain of 1 to 255 characters `a-z`, `0-9`, `.`, `-`, `_`")]
    TrustDomain,
    /// A segment is empty, `.`, `..`, or has anything but `A-Z`, `a-z`, `0-9`, `.`, `-` and `_`: escapes, query and
    /// fragment too.
    #[error("has a path segment that is not `A-Z`, `a-z`, `0-9`, `.`, `-`, `_`, or is empty, `.` or `..`")]
    Path,
}

impl TrustDomain {
    /// The name, without scheme.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// As a SPIFFE ID (SPIFFE-ID §2.1): `spiffe://example.org`.
    pub fn id(&self) -> String {
        format!("{SCHEME}{}", self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeError;

    fn from_str(name: &str) -> Result<Self, SpiffeError> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
        if (1..=MAX_TRUST_DOMAIN).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(SpiffeError::TrustDomain)
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl SpiffeId {
    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Who issued it.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Whether it names a workload; a trust domain's own ID has no path.
    pub fn has_path(&self) -> bool {
        self.text.len() > SCHEME.len() + self.trust_domain.0.len()
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeError;

    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        if text.len() > MAX_ID {
            return Err(SpiffeError::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeError::Scheme)?;
        let (domain, path) = match rest.split_once('/') {
            Some((domain, path)) => (domain, Some(path)),
            None => (rest, None),
        };
        let trust_domain = domain.parse()?;
        if path.is_some_and(|path| !path.split('/').all(is_segment)) {
            return Err(SpiffeError::Path);
        }
        Ok(Self { text: text.to_owned(), trust_domain })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn is_segment(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_standard() -> Result<(), SpiffeError> {
        for (text, domain, has_path) in [
            ("spiffe://example.org", "example.org", false),
            ("spiffe://example.org/billing/agent", "example.org", true),
            ("spiffe://staging_1.example-2.com/9eebccd2-12bf-40a6-b262-65fe0487d453", "staging_1.example-2.com", true),
            ("spiffe://k8s/ns/Prod/sa/a..b", "k8s", true),
        ] {
            let id: SpiffeId = text.parse()?;
            assert_eq!((id.as_str(), id.trust_domain().name(), id.has_path()), (text, domain, has_path));
        }
        let longest = format!("spiffe://example.org/{}", "a".repeat(MAX_ID - 21));
        assert_eq!(longest.parse::<SpiffeId>().map(|id| id.as_str().len()), Ok(MAX_ID));
        assert_eq!("example.org".parse::<TrustDomain>()?.id(), "spiffe://example.org");
        Ok(())
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, error) in [
            ("", SpiffeError::Scheme),
            ("example.org/a", SpiffeError::Scheme),
            ("SPIFFE://example.org/a", SpiffeError::Scheme),
            ("https://example.org/a", SpiffeError::Scheme),
            ("spiffe:///a", SpiffeError::TrustDomain),
            ("spiffe://Example.org/a", SpiffeError::TrustDomain),
            ("spiffe://example.org:8443/a", SpiffeError::TrustDomain),
            ("spiffe://user@example.org/a", SpiffeError::TrustDomain),
            ("spiffe://ex%61mple.org/a", SpiffeError::TrustDomain),
            ("spiffe://exämple.org/a", SpiffeError::TrustDomain),
            ("spiffe://example.org?a=b", SpiffeError::TrustDomain),
            ("spiffe://example.org/", SpiffeError::Path),
            ("spiffe://example.org/a/", SpiffeError::Path),
            ("spiffe://example.org//a", SpiffeError::Path),
            ("spiffe://example.org/./a", SpiffeError::Path),
            ("spiffe://example.org/a/../b", SpiffeError::Path),
            ("spiffe://example.org/a%2fb", SpiffeError::Path),
            ("spiffe://example.org/a?b", SpiffeError::Path),
            ("spiffe://example.org/a#b", SpiffeError::Path),
            ("spiffe://example.org/a b", SpiffeError::Path),
            ("spiffe://example.org/ä", SpiffeError::Path),
        ] {
            assert_eq!(text.parse::<SpiffeId>(), Err(error), "{text}");
        }
        let too_long = format!("spiffe://example.org/{}", "a".repeat(MAX_ID - 20));
        assert_eq!(too_long.parse::<SpiffeId>(), Err(SpiffeError::TooLong));
        let domain = format!("spiffe://{}/a", "a".repeat(MAX_TRUST_DOMAIN + 1));
        assert_eq!(domain.parse::<SpiffeId>(), Err(SpiffeError::TrustDomain));
    }
}
