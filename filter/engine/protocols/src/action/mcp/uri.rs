//! URIs of MCP resources: read only in the one spelling that needs no normalisation (RFC 3986 §6.2).
//!
//! Grants and policies compare URIs as text, and servers resolve them afterwards. Whatever a server could take for another
//! URI than its text shows is refused, never normalised: the bytes judged are the bytes forwarded.
//!
//! Which spellings are one URI depends on the scheme. Of those that everybody reads alike all of it is in normal form. Any other
//! is opaque behind its scheme: `s3://My-Bucket/key` is one thing and `s3://my-bucket/key` another, unless the generic syntax alone
//! says that two are the same.

use std::net::{Ipv4Addr, Ipv6Addr};

use countersign_facts::escapes;
use unicode_normalization::is_nfc;

use crate::action::HTTPS;
use crate::route::split_port;

/// Schemes that cannot be without an authority, whose default ports are no part of them (WHATWG URL §4.2).
const SPECIAL: [(&str, &str); 6] =
    [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443"), ("ftp", "21"), ("file", "")];

/// What delimits, or what a reader could take for it once it has undone an escape: of a scheme that is known, nothing of it may be
/// escaped.
const DELIMITERS: &[u8] = b"/\\%;?#";
/// What may not be escaped in any other scheme, where its readers alone know what delimits. An escaped `\` is still one.
const DELIMITS_EVERYWHERE: &[u8] = b"\\";

/// Whether `text` is an absolute URI, without fragment, in normal form.
pub(super) fn is_normal(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let special = SPECIAL.iter().find(|(name, _)| *name == scheme);
    is_scheme(scheme)
        && rest.bytes().all(is_uri_byte)
        && match special {
            Some((_, port)) => is_normal_special(scheme, port, rest) && has_normal_escapes(rest, DELIMITERS),
            None => is_normal_opaque(rest) && has_normal_escapes(rest, DELIMITS_EVERYWHERE),
        }
}

/// Whether `text`, such a URI, is of a scheme that is known and has user information.
pub(super) fn has_user(text: &str) -> bool {
    let Some((scheme, hierarchy)) = text.split_once("://") else { return false };
    let authority = hierarchy.split(['/', '?']).next().unwrap_or_default();
    SPECIAL.iter().any(|(name, _)| *name == scheme) && authority.contains('@')
}

/// Host and port of `text`, a URI in normal form, if its scheme is `https`.
pub(super) fn https(text: &str) -> Option<(&str, u16)> {
    let authority = text.strip_prefix("https://")?.split(['/', '?']).next()?;
    let (host, port) = split_port(authority);
    Some((host, port.map_or(Some(HTTPS), |port| port.parse().ok())?))
}

/// What follows a scheme that is known, whose default `port` is not written.
fn is_normal_special(scheme: &str, port: &str, rest: &str) -> bool {
    let (before, query) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
    let Some(hierarchy) = before.strip_prefix("//") else { return false };
    let (authority, path) = hierarchy.find('/').map_or((hierarchy, ""), |at| hierarchy.split_at(at));
    has_normal_authority(scheme, port, authority)
        && !path.contains("//")
        && !climbs(path)
        && query.is_none_or(|query| scheme != "file" && !query.is_empty() && !climbs(query))
}

/// What follows any other scheme: an authority in any spelling or none, or another URI (`jdbc:postgresql://host/database`).
fn is_normal_opaque(rest: &str) -> bool {
    let before = rest.split('?').next().unwrap_or_default();
    let path = match before.split_once("//") {
        Some((outer, hierarchy)) if is_schemes(outer) => {
            hierarchy.find('/').and_then(|at| hierarchy.get(at..)).unwrap_or_default()
        }
        Some(_) | None => before,
    };
    let plain = escapes::undone(rest);
    let climbs = plain.split(|byte| b"/?".contains(byte)).any(climbs_as);
    !before.is_empty() && !path.contains("//") && !climbs
}

/// Whether what is before a `//` makes it that of an authority: nothing, or schemes.
fn is_schemes(outer: &str) -> bool {
    outer.is_empty() || outer.strip_suffix(':').is_some_and(|schemes| schemes.split(':').all(is_scheme))
}

/// Whether `text` is such a URI when its variables (RFC 6570) stand for something plain.
pub(super) fn is_normal_template(text: &str) -> bool {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((expression, after)) = after.split_once('}') else { return false };
        if expression.is_empty() || !expression.bytes().all(|byte| byte.is_ascii_graphic() && !b"{\\".contains(&byte)) {
            return false;
        }
        plain.push_str(before);
        plain.push('x');
        rest = after;
    }
    plain.push_str(rest);
    is_normal(&plain)
}

fn is_scheme(scheme: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(plain)
}

/// Lower case, without default ports and the root's dot.
fn has_normal_authority(scheme: &str, default: &str, authority: &str) -> bool {
    let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
    let (host, port) = split_port(place);
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let known = match literal {
        // One that stands for an IPv4 address is written in two ways (RFC 5952 §5, WHATWG URL).
        Some(address) => address
            .parse::<Ipv6Addr>()
            .is_ok_and(|parsed| parsed.to_string() == address && parsed.to_ipv4_mapped().is_none()),
        None => host
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._~!$&'()*+,;=".contains(&byte)),
    };
    let known = known && (!ends_in_number(host) || host.parse::<Ipv4Addr>().is_ok());
    let port = port.is_none_or(|port| {
        !port.starts_with('0') && port.parse::<u16>().is_ok() && !port.starts_with('+') && port != default
    });
    // `file://localhost/a` is `file:///a`, and only a file needs no host.
    let place = match scheme {
        "file" => host != "localhost" && user.is_none(),
        _ => !host.is_empty(),
    };
    known && port && place && !host.ends_with('.') && user.is_none_or(is_normal_user)
}

/// Whether URL readers take `host` for an IPv4 address, in whatever spelling: `127.1`, `0x7f000001`, `2130706433` (WHATWG URL, the
/// ends-in-a-number checker). Only one spelling is read by everybody.
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(hexadecimal)
}

/// A name, or a name and a password, as URL readers write them again (WHATWG URL, userinfo percent-encode set). That it is there is
/// for grants to allow.
fn is_normal_user(user: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,%".contains(&byte);
    let part = |part: &str| !part.is_empty() && part.bytes().all(plain);
    let (name, password) = user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password)));
    part(name) && password.is_none_or(part)
}

fn climbs(text: &str) -> bool {
    text.split('/').any(|segment| climbs_as(segment.as_bytes()))
}

/// Also behind a `;`, where some servers cut parameters away before they resolve.
fn climbs_as(segment: &[u8]) -> bool {
    matches!(segment.split(|byte| *byte == b';').next(), Some(b"." | b".."))
}

/// Reserved, unreserved or `%` (RFC 3986 §2), but for `#`: a fragment is cut away by some readers and not by others.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%:/?[]@!$&'()*+,;=".contains(&byte)
}

/// Every `%` starts an upper-case escape of what must be escaped and is none of `delimiters`, however often it is undone; without
/// escapes it is readable text.
fn has_normal_escapes(text: &str, delimiters: &[u8]) -> bool {
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            continue;
        }
        let [high, low, after @ ..] = rest else { return false };
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return false };
        let escaped = high * 16 + low;
        if escaped.is_ascii_alphanumeric() || b"-._~".contains(&escaped) || delimiters.contains(&escaped) {
            return false;
        }
        rest = after;
    }
    String::from_utf8(escapes::undone(text))
        .is_ok_and(|text| is_nfc(&text) && !text.chars().any(char::is_control) && !text.contains('\\'))
}

/// Of an upper-case hexadecimal digit.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_spelling_is_read() {
        for text in [
            "file:///a",
            "file:///a/",
            "file:///reports/2026%20Q1.pdf",
            "file:///%C3%A9tat",
            "file://nas/share",
            "https://example.com",
            "https://example.com:8443/a?b=c&d=../e",
            "https://127.0.0.1/",
            "https://10.example.com/0x7f",
            "https://a.b1/",
            "https://a.0xg/",
            "https://[::1]:8443/",
            "https://user@example.com/",
            "ftp://user:p%40w@example.com/a",
            "test://static-text",
            "demo://resource/dynamic/text/1",
            "u://x",
            "x:///a",
            "urn:isbn:0451450523",
            "mailto:erin@example.com",
            "db://[::1]/t",
            "a+b-c.1://h/p;v=1",
            "file:///a/..b/.hidden/c...",
        ] {
            assert!(is_normal(text), "{text}");
        }
    }

    #[test]
    fn user_information_is_known_as_such_where_the_scheme_is_known() {
        for (text, expected) in [
            ("https://user@example.com/", true),
            ("ftp://user:pw@example.com", true),
            ("https://example.com/a@b", false),
            ("https://example.com?a@b", false),
            ("postgres://app@db/Orders", false),
            ("mailto:erin@example.com", false),
        ] {
            assert!(is_normal(text), "{text}");
            assert_eq!(has_user(text), expected, "{text}");
        }
    }

    #[test]
    fn behind_a_scheme_that_is_not_known_everything_is_what_it_is() {
        for text in [
            "greeting://World",
            "greeting://J%C3%BCrgen%20A.",
            "jira://PROJ-123",
            "s3://My-Bucket/key",
            "s3://My-Bucket/Key%2Fwith%3Fall%23of%3Bit",
            "postgres://app@db:05432/Orders/schema",
            "postgres://app:@db/",
            "gitlab://projects/group%2Fproject",
            "sales://growth/100%25",
            "x://example.com:80/a?",
            "x://example.com./a",
            "x://[0:0::1]:0/a",
            "x://",
            "jdbc:postgresql://db:5432/Orders",
            "git+file:file:///srv/repo",
            "jdbc:h2:tcp://db/Orders",
            "note:a%2Fb",
            "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
        ] {
            assert!(is_normal(text), "{text}");
        }
        for text in [
            "S3://My-Bucket/key",
            "jira://PROJ-123#comment",
            "greeting://../World",
            "greeting://./World",
            "greeting://..",
            "s3://b/a/../key",
            "s3://b/a%2F..%2Fkey",
            "s3://b/a%2F.%2Fkey",
            "s3://b/a%252F..%252Fkey",
            "s3://b/a%252F%252E%252E%252Fkey",
            "s3://b/..%3Bx/key",
            "s3://b/a?x/../y",
            "s3://b/a?..",
            "s3://b//key",
            "s3:////key",
            "s3://b/a//",
            "s3://b/a\\key",
            "s3://b/a%5Ckey",
            "s3://b/a%255Ckey",
            "s3://b/%41",
            "s3://%42ucket/key",
            "s3://b/%7Ekey",
            "s3://b/%c3%a9",
            "s3://b/%00",
            "s3://b/%250A",
            "s3://b/%FF",
            "s3://b/%C0%AE%C0%AE/key",
            "s3://b/e%CC%81",
            "s3://b/%",
            "s3://b/a b",
            "s3://b/\u{e9}",
            "s3:",
            "s3:?a",
            "s3:a//b",
            "s3:a/b//c",
            "jdbc:postgresql://db//Orders",
            "jdbc:postgresql://../Orders",
        ] {
            assert!(!is_normal(text), "{text}");
        }
    }

    #[test]
    fn what_could_be_another_is_refused() {
        for text in [
            "",
            "a",
            "/a",
            ":a",
            "file:",
            "1x://a",
            "FILE:///a",
            "File:///a",
            "file:/a",
            "file:a",
            "http:a",
            "http:///a",
            "https://EXAMPLE.com/",
            "https://@example.com/",
            "https://user:@example.com/",
            "https://:pw@example.com/",
            "https://a@b@example.com/",
            "https://a=b@example.com/",
            "https://us%65r@example.com/",
            "https://user@/",
            "file://user@nas/share",
            "https://example.com:443/",
            "https://example.com:/",
            "https://example.com:08443/",
            "https://example.com:99999/",
            "https://example.com:+80/",
            "https://example.com./",
            "https://ex%61mple.com/",
            "https://%C3%A9.com/",
            "https://[0:0::1]/t",
            "https://127.1/",
            "https://0251.0376.0251.0376/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://a.0x/",
            "https://10.0.0.256/",
            "https://[::ffff:7f00:1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::1/t",
            "file://localhost/a",
            "file:///a?b",
            "file:///a#b",
            "https://a/b#",
            "https://a/b?",
            "file:///a/../b",
            "file:///a/..",
            "file:///./a",
            "file:///a/.",
            "file:///a/..;x/b",
            "file:///a//b",
            "file:////etc/passwd",
            "x:a/../b",
            "https://a/b?c/../d",
            "file:///%2e%2e/a",
            "file:///%2E%2E/a",
            "file:///a%2Fb",
            "file:///a%2fb",
            "file:///a%5Cb",
            "file:///a\\b",
            "file:///%252e%252e/a",
            "file:///100%25",
            "file:///%41",
            "file:///%7Ea",
            "file:///a%3Fb",
            "file:///a%23b",
            "file:///a%3Bb",
            "file:///%c3%a9",
            "file:///%00",
            "file:///%0A",
            "file:///%7F",
            "file:///%C2%85",
            "file:///%FF",
            "file:///%C0%AE%C0%AE/a",
            "file:///e%CC%81",
            "file:///%",
            "file:///%4",
            "file:///%zz",
            "file:///état",
            "file:///a b",
            " file:///a",
            "file:///a\n",
            "file:///a|b",
            "file:///{a}",
            "file:///a\"b",
        ] {
            assert!(!is_normal(text), "{text}");
        }
    }

    #[test]
    fn templates_are_normal_around_their_variables() {
        for text in [
            "file:///{path}",
            "x://{a}/b/{c}",
            "https://a/b{?q,r}",
            "file:///a",
            "x://a{/b*}",
            "greeting://Hello-{Name}",
        ] {
            assert!(is_normal_template(text), "{text}");
        }
        for text in
            ["file:///../{a}", "file:///{", "file:///{a", "file:///a}", "file:///{}", "file:///{a b}", "FILE:///{a}"]
        {
            assert!(!is_normal_template(text), "{text}");
        }
    }
}
