//! Where a request goes: the authority it names, and lists of these.
//!
//! Names only: what a name resolves to is the gateway's to judge, after it has resolved it.

use std::net::IpAddr;

use countersign_protocols::route::{Endpoint, split_port};
use serde_json::Value;

/// The most entries of one list.
const MAX_DESTINATIONS: usize = 64;

/// A host, or what is below it, with an optional port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    host: Host,
    /// Any when absent.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// Lower case, IPv6 addresses in brackets.
    Exact(String),
    /// Written `*.example.com`: what is below, not the name itself.
    Below(String),
}

impl Destination {
    /// `api.example.com`, `*.example.com:443`, `[::1]:8443`, `*:443`, `*`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = split_port(text);
        let port = match port {
            None => None,
            Some(port) if port.starts_with(|first: char| ('1'..='9').contains(&first)) => Some(port.parse().ok()?),
            Some(_) => return None,
        };
        let host = match host.strip_prefix("*.") {
            _ if host == "*" => Host::Any,
            Some(parent) => Host::Below(name(parent)?),
            None => Host::Exact(literal(host).or_else(|| name(host))?),
        };
        Some(Self { host, port })
    }

    /// The list that `value` spells.
    pub(super) fn list(value: &Value) -> Option<Vec<Self>> {
        let several = value.as_array().filter(|several| (1..=MAX_DESTINATIONS).contains(&several.len()))?;
        several.iter().map(|one| Self::parse(one.as_str()?)).collect()
    }

    /// Whether `endpoint` is meant. An address is no name: `*.1` admits no `10.0.0.1`.
    pub fn admits(&self, endpoint: &Endpoint<'_>) -> bool {
        let host = match &self.host {
            Host::Any => true,
            Host::Exact(exact) => exact == endpoint.host,
            Host::Below(parent) => {
                let below = endpoint.host.strip_suffix(parent.as_str());
                below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
                    && endpoint.host.parse::<IpAddr>().is_err()
            }
        };
        host && self.port.is_none_or(|port| port == endpoint.port)
    }
}

fn name(text: &str) -> Option<String> {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.split('.').all(label).then(|| text.to_ascii_lowercase())
}

/// An IPv6 address as authorities write it.
fn literal(text: &str) -> Option<String> {
    let address = text.strip_prefix('[')?.strip_suffix(']')?;
    address.parse::<std::net::Ipv6Addr>().ok().map(|address| format!("[{address}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pattern: &str, host: &str, port: u16) -> Option<bool> {
        Destination::parse(pattern).map(|pattern| pattern.admits(&Endpoint { host, port }))
    }

    #[test]
    fn a_destination_is_host_and_port() {
        for (pattern, host, port) in [
            ("api.example.com", "api.example.com", 443),
            ("API.example.com:443", "api.example.com", 443),
            ("*.example.com:443", "a.b.example.com", 443),
            ("*:443", "anything", 443),
            ("*", "10.0.0.1", 1),
            ("10.0.0.1:80", "10.0.0.1", 80),
            ("[0:0::1]:80", "[::1]", 80),
        ] {
            assert_eq!(admits(pattern, host, port), Some(true), "{pattern} {host} {port}");
        }
        for (pattern, host, port) in [
            ("api.example.com:443", "api.example.com", 8443),
            ("*.example.com", "example.com", 443),
            ("*.example.com", "badexample.com", 443),
            ("*.example.com", ".example.com", 443),
            ("*.example.com", "a.example.com.evil.com", 443),
            ("example.com", "a.example.com", 443),
            ("*.0.0.1", "10.0.0.1", 443),
        ] {
            assert_eq!(admits(pattern, host, port), Some(false), "{pattern} {host} {port}");
        }
    }

    #[test]
    fn what_is_no_destination() {
        for bad in [
            "",
            ":443",
            "a:",
            "a:0",
            "a:443x",
            "a:65536",
            "a:+1",
            "**",
            "*.*",
            "*.",
            "a.*",
            "*a",
            "a..b",
            "a/b",
            "u@a",
            "https://a",
            "[::1",
            "[a]",
            "\u{e9}",
        ] {
            assert_eq!(Destination::parse(bad), None, "{bad}");
        }
    }
}
