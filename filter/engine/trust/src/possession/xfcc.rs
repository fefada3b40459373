//! The header in which a proxy in front says which client certificate it verified (`x-forwarded-client-cert`).
//!
//! Whoever can send the header can be anybody, so it is read only where configuration says that the proxy in front replaces
//! it. That proxy writes one element, so several say that somebody else had a hand in it: then nothing is believed.

use countersign_facts::headers::{Headers, Peer};

const HEADER: &str = "x-forwarded-client-cert";

/// The certificate the header tells of; none if there is none, or it can be read in more than one way.
pub fn peer(headers: &Headers) -> Option<Peer> {
    let value = std::str::from_utf8(headers.single(HEADER).ok()??).ok()?;
    let mut peer = Peer::default();
    let (mut hashes, mut uris) = (0, 0);
    for pair in split(value, ';')? {
        let (key, value) = pair.split_once('=')?;
        let value = unquoted(value)?;
        // Keys are case-insensitive; `By` is the proxy's own identity, not the client's.
        if key.eq_ignore_ascii_case("hash") {
            hashes += 1;
            peer.sha256 = Some(digest(&value)?);
        } else if key.eq_ignore_ascii_case("uri") {
            uris += 1;
            peer.uri = Some(value);
        }
    }
    // A certificate may name several URIs; a workload's has one (X.509-SVID §2).
    if uris > 1 {
        peer.uri = None;
    }
    (hashes <= 1).then_some(peer)
}

/// The parts of one element between `separator`s outside quotes; none for an open quote or a second element.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return None,
            _ if letter == separator && !quoted => {
                parts.push(text.get(start..at)?);
                start = at.saturating_add(letter.len_utf8());
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (!quoted).then_some(parts)
}

fn unquoted(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let inner = rest.strip_suffix('"')?;
    let (mut text, mut escaped) = (String::new(), false);
    for letter in inner.chars() {
        match letter {
            '\\' if !escaped => escaped = true,
            // A quote that was not escaped would have ended the value.
            '"' if !escaped => return None,
            _ => {
                escaped = false;
                text.push(letter);
            }
        }
    }
    (!escaped).then_some(text)
}

/// 32 bytes in hexadecimal.
pub fn digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

    fn read(value: &str) -> Option<Peer> {
        peer(&[(HEADER.to_owned(), value.as_bytes().to_vec())].into_iter().collect())
    }

    #[test]
    fn one_element_as_a_proxy_writes_it() {
        let uri = Some("spiffe://example.org/agents/seven".to_owned());
        for (value, uri) in [
            (format!("By=spiffe://example.org/gw;Hash={HASH};URI=spiffe://example.org/agents/seven"), uri.clone()),
            (
                format!(r#"Hash={HASH};Subject="/C=US/O=\"a, b; c\"";URI=spiffe://example.org/agents/seven;DNS=a"#),
                uri.clone(),
            ),
            (format!(r#"hash="{HASH}";uri="spiffe://example.org/agents/seven""#), uri),
            (format!("Hash={HASH};URI=spiffe://example.org/a;URI=spiffe://example.org/b"), None),
            (format!("Hash={}", HASH.to_uppercase()), None),
        ] {
            assert_eq!(read(&value), Some(Peer { sha256: digest(HASH), uri }), "{value}");
        }
    }

    #[test]
    fn nothing_is_believed_that_can_be_read_in_two_ways() {
        for value in [
            String::new(),
            "Hash".to_owned(),
            "Hash=abc".to_owned(),
            format!("Hash={}g", HASH.get(1..).unwrap_or_default()),
            format!("Hash={HASH};Hash={HASH}"),
            // Two elements: the first is whoever was in front of the proxy, or says so.
            format!("Hash={HASH};URI=spiffe://example.org/admin,Hash={HASH};URI=spiffe://example.org/a"),
            format!(r#"Hash={HASH};Subject="open"#),
            format!(r#"Hash={HASH};Subject="a"b""#),
            format!(r#"Hash={HASH};URI=spiffe://example.org/a"b""#),
        ] {
            assert_eq!(read(&value), None, "{value}");
        }
        let twice =
            [HEADER, "X-Forwarded_Client-Cert"].map(|name| (name.to_owned(), format!("Hash={HASH}").into_bytes()));
        assert_eq!(peer(&twice.into_iter().collect()), None);
        assert_eq!(peer(&Headers::default()), None);
    }
}
