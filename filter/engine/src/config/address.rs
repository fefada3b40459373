//! URLs, hosts and path patterns as the configuration may write them.
//!
//! A URL is never repeated in an error: people paste credentials into them.

use std::net::{Ipv4Addr, Ipv6Addr};

use countersign_protocols::catalogue::PathMatch;
use http::uri::{Authority, Uri};

use super::key::{Parsed, parsed};
#[cfg(test)]
use super::schema::{pattern, reference};

/// The parts of an absolute `http` or `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// `http` or `https`.
    pub(super) scheme: String,
    /// Lower case.
    pub(super) authority: String,
    /// Path and query, at least `/`.
    pub(super) path: String,
}

/// An absolute URL without user information and fragment.
pub(super) const URL: Parsed<Address> = parsed!(url, reference("url"));

pub(super) fn url(text: &str) -> Result<Address, String> {
    let unreadable = || "not an absolute URL; write `https://host/path`".to_owned();
    if text.contains('#') {
        return Err("the URL has a fragment; remove `#` and what follows".to_owned());
    }
    if !text.bytes().all(is_uri_byte) {
        return Err("the URL has characters that URLs cannot hold; percent-encode them".to_owned());
    }
    let parts = text.parse::<Uri>().map_err(|_| unreadable())?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else { return Err(unreadable()) };
    if authority.as_str().contains('@') {
        return Err("the URL has user information; remove it, credentials do not belong into URLs".to_owned());
    }
    if !["http", "https"].contains(&scheme.as_str()) {
        return Err("the URL is neither https nor http; write `https://host/path`".to_owned());
    }
    if !has_usable_port(&authority) {
        return Err(
            "the URL's host or port is unusable; write `https://host/path` or `https://host:8443/path`".to_owned()
        );
    }
    let path = parts.path_and_query.map_or_else(|| "/".to_owned(), |path| path.to_string());
    Ok(Address { scheme: scheme.to_string(), authority: authority.as_str().to_ascii_lowercase(), path })
}

/// A URL that clients are told, as it is written.
pub(super) const PUBLIC_URL: Parsed<String> = parsed!(public_url, reference("url"));

fn public_url(text: &str) -> Result<String, String> {
    url(text).map(|_| text.to_owned())
}

/// Scheme and authority, nothing else: `https://tools.example.com`.
pub(super) const ORIGIN: Parsed<String> = parsed!(origin, pattern("^[hH][tT][tT][pP][sS]?://[^@#/?]+$"));

pub(super) fn origin(text: &str) -> Result<String, String> {
    let Address { scheme, authority, path } = url(text)?;
    if path != "/" || text.ends_with('/') {
        return Err("an origin has no path; write `https://host` and nothing behind it".to_owned());
    }
    Ok(format!("{scheme}://{authority}"))
}

/// The address of protected-resource metadata (RFC 9728 §3: https), named to clients as it is written.
pub(super) const METADATA_URL: Parsed<String> = parsed!(metadata_url, reference("url"));

pub(super) fn metadata_url(text: &str) -> Result<String, String> {
    let address = url(text)?;
    if address.scheme != "https" && !is_loopback(&address.authority) {
        return Err("metadata must be served over https (RFC 9728 §3); write an https URL".to_owned());
    }
    Ok(text.to_owned())
}

/// What clients and issuers call a resource (RFC 9728 §1.2: https, no fragment; here no query either).
pub(super) const IDENTIFIER: Parsed<Address> = parsed!(identifier, reference("url"));

pub(super) fn identifier(text: &str) -> Result<Address, String> {
    let address = url(text)?;
    if address.scheme != "https" && !is_loopback(&address.authority) {
        return Err("a resource's identifier is an https URL (RFC 9728 §1.2); write `https://host/path`".to_owned());
    }
    if address.path.contains('?') {
        return Err("a resource's identifier has no query; write `https://host/path`".to_owned());
    }
    Ok(address)
}

/// What `:authority` must be: a host with an optional port; lower case.
pub(super) const HOST: Parsed<String> = parsed!(host, pattern(r"^[^@*%,/?#\s]+$"));

pub(super) fn host(text: &str) -> Result<String, String> {
    let readable = text
        .parse::<Authority>()
        .ok()
        .filter(|authority| !text.contains(['@', '*', '%', ',']) && has_usable_port(authority));
    match readable {
        Some(authority) => Ok(authority.as_str().to_ascii_lowercase()),
        None => Err(format!("{text:?} is not a host; write `host` or `host:port`, or leave it out to match any")),
    }
}

/// A path to match: `/mcp` exactly, or `/api/*` with everything below. Must be what a gateway that
/// normalises paths would pass on: another spelling would never match, and so protect nothing.
pub(super) const PATH: Parsed<PathMatch> = parsed!(path_pattern, reference("path"));

pub(super) fn path_pattern(text: &str) -> Result<PathMatch, String> {
    let refuse = |cause: &str| Err(format!("{text:?} {cause}; write `/mcp` for one path or `/api/*` for all below it"));
    let (base, below) = text.strip_suffix("/*").map_or((text, false), |base| (base, true));
    if !(base.starts_with('/') || below && base.is_empty()) {
        return refuse("does not start with `/`");
    }
    if base.contains('*') {
        return refuse("has a `*` that is not its last segment");
    }
    if base.contains(['?', '#']) {
        return refuse("has a query or fragment");
    }
    if base.contains("//")
        || base.split('/').any(|segment| segment == "." || segment == "..")
        || below && base.ends_with('/')
    {
        return refuse("is not normalised (empty, `.` or `..` segments)");
    }
    if !base.bytes().all(is_uri_byte) || base.contains(['[', ']']) || !has_normal_escapes(base) {
        return refuse("is not normalised (percent-encode exactly what needs it, in upper case, and no slashes)");
    }
    let base = base.to_owned();
    Ok(if below { PathMatch::Below(base) } else { PathMatch::Exact(base) })
}

/// Reserved, unreserved or `%` (RFC 3986 §2), but for `#`, which no value here may hold.
fn is_uri_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"%:/?[]@!$&'()*+,;=".contains(&byte)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Every `%` starts an upper-case escape of a byte that must be escaped, and that is no slash (RFC 3986 §6.2.2).
fn has_normal_escapes(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let Some(digits) = rest.get(..2) else { return false };
        let upper = digits.bytes().all(|digit| digit.is_ascii_digit() || (b'A'..=b'F').contains(&digit));
        upper
            && u8::from_str_radix(digits, 16)
                .is_ok_and(|byte| !is_unreserved(byte) && !byte.is_ascii_control() && !b"/\\".contains(&byte))
    })
}

/// A host, and a port between 1 and 65535 if there is one.
fn has_usable_port(authority: &Authority) -> bool {
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host);
    !host.is_empty()
        && match port {
            Some("") => true,
            Some(_) => authority.port_u16().is_some_and(|port| port > 0),
            None => false,
        }
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host();
    let v6 = host.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || v6.is_ok_and(|address| address.is_loopback())
}
