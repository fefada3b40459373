//! What texts name when somebody resolves them later: paths, and the host an address leads to.
//!
//! Files, URIs and paths are resolved by servers only after a filter has looked, so whatever could be resolved to
//! something else than it looks like is outside.

use std::net::IpAddr;

use countersign_facts::escapes::undone;
use http::uri::Authority;

use super::glob::Glob;

/// Whether `text` starts with `prefix` and what follows cannot lead out of it.
///
/// What follows may hold no `.` or `..` between slashes (of either kind), however often it is percent-encoded.
pub fn is_below(prefix: &str, text: &str) -> bool {
    let Some(rest) = text.strip_prefix(prefix) else { return false };
    // The segment that the prefix ends in goes on in `rest`.
    let start = prefix.rfind(['/', '\\']).and_then(|at| prefix.get(at + 1..)).unwrap_or(prefix);
    !climbs(&undone(&format!("{start}{rest}")))
}

/// Whether `text` matches `pattern`.
///
/// A text that could be read as more or other segments than it shows matches nothing.
pub(crate) fn is_like(pattern: &Glob, text: &str) -> bool {
    let plain = undone(text);
    !climbs(&plain)
        && !text.contains('\\')
        && segments(&plain).count() == segments(text.as_bytes()).count()
        && pattern.admits(text)
}

fn climbs(plain: &[u8]) -> bool {
    plain.contains(&b'\0') || segments(plain).any(|segment| matches!(segment, b"." | b".."))
}

fn segments(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'/' | b'\\'))
}

/// The host that `text` leads to, lower case and without the root's dot: of a URL, an e-mail address, or itself. None where
/// two readers could see two hosts.
pub fn host(text: &str) -> Option<String> {
    // Browsers read `\` as `/` and drop tabs; others do not.
    if text.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return None;
    }
    let host = match text.split_once("://") {
        Some((scheme, rest)) => {
            let scheme = scheme.strip_prefix(|first: char| first.is_ascii_alphabetic())?;
            let authority = rest.split(['/', '?', '#']).next()?;
            let plain = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            if !plain || authority.contains('@') {
                return None;
            }
            without_port(authority)?
        }
        None => match text.split_once('@') {
            Some((local, domain)) => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
                (!local.is_empty() && local.bytes().all(plain)).then_some(domain)?
            }
            None => text,
        },
    };
    let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if !named && literal.is_none_or(|literal| literal.parse::<IpAddr>().is_err()) {
        return None;
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let labels = host.split('.').all(|label| !label.is_empty());
    (labels || literal.is_some()).then_some(host)
}

/// The library knows brackets; whatever follows the host is a port or nothing.
fn without_port(authority: &str) -> Option<&str> {
    let host = authority.parse::<Authority>().ok()?.host().len();
    let (host, port) = authority.split_at_checked(host)?;
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(digits)).then_some(host)
}

/// Whether `text` is a domain, or written `*.` and one, in lower case.
pub fn is_domain(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    host(name).as_deref() == Some(name)
}

/// The address `text` is, or leads to.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let host = host(text);
    let literal = host.as_deref().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    text.parse().ok().or_else(|| literal?.parse().ok())
}

/// Whether `host` is `domain`, or is below it where that is written `*.domain`.
pub fn is_in_domain(host: &str, domain: &str) -> bool {
    match domain.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        None => host == domain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_climbs_out_of_a_prefix() {
        for (prefix, text) in [
            ("/data/", "/data/a"),
            ("/data/", "/data/.hidden"),
            ("/data/", "/data/a..b"),
            ("/data/", "/data/"),
            ("", "a"),
            ("../shared/", "../shared/a"),
            ("/da", "/data/x"),
            ("acc-", "acc-..x"),
            ("/a/.", "/a/.b"),
            ("/d/", "/d/100%"),
        ] {
            assert!(is_below(prefix, text), "{prefix} {text}");
        }
        for (prefix, text) in [
            ("/data/", "/data/../etc"),
            ("/data/", "/data/a/.."),
            ("/data/", "/data/./x"),
            ("/data/", "/data/%2e%2E/x"),
            ("/data/", "/data/a%2f..%2fx"),
            ("/data/", "/data/%252e%252e/x"),
            ("/data/", "/data/%25252e./x"),
            ("/data/", "/data/%25%32%65%2e/x"),
            ("/data/", "/data/%%32%65./x"),
            ("/data/", "/data/..\\x"),
            ("/data/", "/data/a%5c..%5cx"),
            ("/data/", "/etc"),
            ("/a/.", "/a/../b"),
            ("", "../x"),
            ("/data/", "/data/a\0"),
            ("/data/", "/data/%00"),
        ] {
            assert!(!is_below(prefix, text), "{prefix} {text}");
        }
    }

    #[test]
    fn patterns_match_what_a_text_shows() {
        for (pattern, text) in [
            ("/data/*.csv", "/data/a.csv"),
            ("/data/**", "/data/a/b"),
            ("acc-?", "acc-7"),
            ("{a,b}/*", "b/x"),
            ("[a-c]1", "b1"),
            ("*", "100%"),
        ] {
            assert!(Glob::parse(pattern).is_some_and(|glob| is_like(&glob, text)), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("/data/*.csv", "/data/x/a.csv"),
            ("/data/*", "/data/a%2fb"),
            ("/data/*", "/data/a%252fb"),
            ("/data/*", "/data/a%25%32%66b"),
            ("/data/*", "/data/a\\b"),
            ("/data/**", "/data/../etc"),
            ("/data/**", "/data/%2e%2e/etc"),
            ("/data/*.csv", "/DATA/a.csv"),
            ("acc-?", "acc-77"),
            ("*", "a\0"),
        ] {
            assert!(Glob::parse(pattern).is_some_and(|glob| !is_like(&glob, text)), "{pattern} {text}");
        }
    }

    #[test]
    fn the_host_that_everybody_sees() {
        for (text, expected) in [
            ("example.com", "example.com"),
            ("EXAMPLE.com.", "example.com"),
            ("https://Example.com/a?b#c", "example.com"),
            ("https://example.com:8443", "example.com"),
            ("wss://a.example.com?x=@y", "a.example.com"),
            ("erin@example.com", "example.com"),
            ("http://[::1]:80/", "[::1]"),
            ("http://10.1.2.3/", "10.1.2.3"),
        ] {
            assert_eq!(host(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "https://good.com@evil.com/",
            "https://good.com\\@evil.com/",
            "https://good.com\\.evil.com",
            "https://evil.com%2f.good.com/",
            "https://ex\tample.com/",
            "//example.com/",
            "/example.com",
            "https:example.com",
            "https:///example.com",
            "https://example..com",
            "a@b@example.com",
            "\"a b\"@example.com",
            "https://ex\u{e4}mple.com",
            "https://example.com:x/",
            "https://[::1",
            "http://example.com :80",
        ] {
            assert_eq!(host(text), None, "{text}");
        }
    }

    #[test]
    fn domains_end_at_dots() {
        assert!(is_in_domain("example.com", "example.com"));
        assert!(is_in_domain("a.b.example.com", "*.example.com"));
        for (host, domain) in [
            ("a.example.com", "example.com"),
            ("example.com", "*.example.com"),
            ("badexample.com", "*.example.com"),
            (".example.com", "*.example.com"),
            ("example.com.evil.com", "*.example.com"),
        ] {
            assert!(!is_in_domain(host, domain), "{host} {domain}");
        }
    }
}
