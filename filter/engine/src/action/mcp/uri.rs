//! URIs of MCP resources: read only in the one spelling that needs no normalisation (RFC 3986 §6.2).
//!
//! Grants and policies compare URIs as text, and servers resolve them afterwards. Whatever a server could take for another
//! URI than its text shows is refused, never normalised: the bytes judged are the bytes forwarded.

use unicode_normalization::is_nfc;

use crate::route::split_port;

/// Schemes that cannot be without an authority, whose default ports are no part of them (WHATWG URL §4.2).
const SPECIAL: [(&str, &str); 6] =
    [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443"), ("ftp", "21"), ("file", "")];

/// Whether `text` is an absolute URI, without fragment, in normal form.
pub(super) fn is_normal(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let (before, query) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
    let parts = match before.strip_prefix("//") {
        Some(hierarchy) => {
            let (authority, path) = hierarchy.find('/').map_or((hierarchy, ""), |at| hierarchy.split_at(at));
            (Some(authority), path)
        }
        None => (None, before),
    };
    let (authority, path) = parts;
    is_scheme(scheme)
        && has_normal_authority(scheme, authority)
        && has_normal_segments(path)
        && rest.bytes().all(is_uri_byte)
        && has_normal_escapes(rest)
        && query.is_none_or(|query| scheme != "file" && !query.is_empty() && !climbs(query))
        && (authority.is_some() || !path.is_empty())
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

/// Lower case, without user information, escapes, default ports and the root's dot.
fn has_normal_authority(scheme: &str, authority: Option<&str>) -> bool {
    let special = SPECIAL.iter().find(|(name, _)| *name == scheme);
    let Some(authority) = authority else { return special.is_none() };
    let (host, port) = split_port(authority);
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let known = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address),
        None => host
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._~!$&'()*+,;=".contains(&byte)),
    };
    let port = port.is_none_or(|port| {
        !port.starts_with('0')
            && port.parse::<u16>().is_ok()
            && !port.starts_with('+')
            && special.is_none_or(|(_, default)| port != *default)
    });
    // `file://localhost/a` is `file:///a`, and only a file needs no host.
    let place = match scheme {
        "file" => host != "localhost",
        _ => !host.is_empty() || special.is_none(),
    };
    known && port && place && !host.ends_with('.')
}

fn has_normal_segments(path: &str) -> bool {
    !path.contains("//") && !climbs(path)
}

/// Also behind a `;`, where some servers cut parameters away before they resolve.
fn climbs(text: &str) -> bool {
    text.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | "..")))
}

/// Reserved, unreserved or `%` (RFC 3986 §2), but for `#`: a fragment is cut away by some readers and not by others.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%:/?[]@!$&'()*+,;=".contains(&byte)
}

/// Every `%` starts an upper-case escape of what must be escaped and delimits nothing; together they are readable text.
fn has_normal_escapes(text: &str) -> bool {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else { return false };
        let (Some(high), Some(low)) = (digit(high), digit(low)) else { return false };
        let byte = high * 16 + low;
        let refused = byte.is_ascii_alphanumeric() || b"-._~/\\%;?#".contains(&byte);
        if refused {
            return false;
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).is_ok_and(|text| is_nfc(&text) && !text.chars().any(char::is_control))
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
            "https://user@example.com/",
            "https://user:pw@example.com/",
            "https://example.com:443/",
            "https://example.com:/",
            "https://example.com:08443/",
            "https://example.com:99999/",
            "https://example.com:+80/",
            "https://example.com./",
            "https://ex%61mple.com/",
            "https://%C3%A9.com/",
            "db://[0:0::1]/t",
            "db://[::1/t",
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
        for text in ["file:///{path}", "x://{a}/b/{c}", "https://a/b{?q,r}", "file:///a", "x://a{/b*}"] {
            assert!(is_normal_template(text), "{text}");
        }
        for text in
            ["file:///../{a}", "file:///{", "file:///{a", "file:///a}", "file:///{}", "file:///{a b}", "FILE:///{a}"]
        {
            assert!(!is_normal_template(text), "{text}");
        }
    }
}
