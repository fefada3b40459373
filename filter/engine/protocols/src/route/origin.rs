//! Whether a page in a browser may ask an MCP resource (RFC 6454 `Origin`).
//!
//! Against DNS rebinding: a page's own name is made to lead to a server that the page's origin has nothing to do with, and then
//! `Origin` and `:authority` agree, for both are the attacker's. So the request's own authority is enough only where
//! configuration matches the resource by host. Who sends no `Origin` is no page, and is judged by its credential alone.
//!
//! Source: modelcontextprotocol/modelcontextprotocol, `docs/specification/2026-07-28/basic/transports/streamable-http.mdx`
//! (Security & Endpoint).

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;

use super::{Target, host_matches};
use crate::catalogue::{Protocol, Resource};

/// Refuses pages from elsewhere.
pub fn check_origin(resource: &Resource, target: &Target, headers: &Headers) -> Result<(), Reason> {
    if resource.protocol != Protocol::Mcp {
        return Ok(());
    }
    let Some(origin) = headers.single("origin").map_err(|_| Reason::AmbiguousHeaders)? else { return Ok(()) };
    let origin = std::str::from_utf8(origin).ok().and_then(Origin::parse);
    let scheme = headers.single(":scheme").ok().flatten();
    let acceptable = origin.is_some_and(|origin| match &resource.allowed_origins {
        Some(allowed) => allowed.iter().any(|allowed| Origin::parse(allowed).as_ref() == Some(&origin)),
        None => origin.is_of(resource) || origin.is_host_of(resource, target, scheme),
    });
    if acceptable { Ok(()) } else { Err(Reason::OriginRefused) }
}

/// Scheme and authority, both in lower case, without the scheme's own port.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    authority: String,
}

impl Origin {
    /// `https://host` or `https://host:port`; never `null`.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if scheme.is_empty() || authority.is_empty() || !authority.bytes().all(plain) {
            return None;
        }
        let (scheme, mut authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
        let port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        if let Some(host) = authority.strip_suffix(port) {
            authority = host.to_owned();
        }
        Some(Self { scheme, authority })
    }

    /// Whether `resource` says that it is its own.
    fn is_of(&self, resource: &Resource) -> bool {
        let identifier = resource.identifier.as_deref().map(|identifier| {
            let end = identifier.find("://").and_then(|at| Some(at + 3 + identifier.get(at + 3..)?.find('/')?));
            end.and_then(|end| identifier.get(..end)).unwrap_or(identifier)
        });
        [resource.origin.as_deref(), identifier]
            .into_iter()
            .flatten()
            .any(|own| Self::parse(own).as_ref() == Some(self))
    }

    /// Whether it is what the request is addressed to, which is the resource's by configuration. A page that anybody on the
    /// way can write (`http`) may only ask what is asked for in the clear itself.
    fn is_host_of(&self, resource: &Resource, target: &Target, scheme: Option<&[u8]>) -> bool {
        let configured = resource.matching.host.as_deref().is_some_and(|host| host_matches(host, &target.host));
        let asked = Self::parse(&format!("{}://{}", self.scheme, target.host));
        configured && asked.as_ref() == Some(self) && (self.scheme == "https" || scheme == Some(b"http"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::test_support::{resource, target};

    fn check(resource: &Resource, origin: &str) -> Result<(), Reason> {
        let pairs = [("origin", origin), (":scheme", "https")];
        let headers = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into_iter().collect();
        check_origin(resource, &target("POST"), &headers)
    }

    #[test]
    fn without_anything_configured_no_page_may_ask() {
        for origin in ["https://tools.example.com", "http://tools.example.com", "null", "", "https://"] {
            assert_eq!(check(&resource(), origin), Err(Reason::OriginRefused), "{origin}");
        }
        assert_eq!(check_origin(&resource(), &target("POST"), &Headers::default()), Ok(()));
        let http = Resource { protocol: Protocol::Http, ..resource() };
        assert_eq!(check(&http, "https://evil.test"), Ok(()));
    }

    #[test]
    fn the_host_it_is_matched_by_is_its_own() {
        let mut matched = resource();
        matched.matching.host = Some("tools.example.com".to_owned());
        for origin in ["https://tools.example.com", "https://tools.example.com:443", "HTTPS://Tools.example.com"] {
            assert_eq!(check(&matched, origin), Ok(()), "{origin}");
        }
        for origin in [
            "http://tools.example.com",
            "https://tools.example.com:8443",
            "https://evil.test",
            "https://tools.example.com/",
            "https://u@tools.example.com",
            "https://tools.example.com.evil.test",
            "app://tools.example.com",
        ] {
            assert_eq!(check(&matched, origin), Err(Reason::OriginRefused), "{origin}");
        }
        let pairs = [("origin", "http://tools.example.com"), (":scheme", "http")];
        let headers = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into_iter().collect();
        assert_eq!(check_origin(&matched, &target("POST"), &headers), Ok(()));
    }

    #[test]
    fn its_identifier_and_its_stated_origin_are_its_own() {
        let mut named = resource();
        named.identifier = Some("https://a.example.com/mcp".to_owned());
        named.origin = Some("http://localhost:8080".to_owned());
        for (origin, expected) in [
            ("https://a.example.com", Ok(())),
            ("http://localhost:8080", Ok(())),
            ("http://localhost", Err(Reason::OriginRefused)),
            ("http://a.example.com", Err(Reason::OriginRefused)),
        ] {
            assert_eq!(check(&named, origin), expected, "{origin}");
        }
        named.identifier = Some("https://b.example.com".to_owned());
        assert_eq!(check(&named, "https://b.example.com"), Ok(()));
    }

    #[test]
    fn a_list_stands_instead() {
        let mut listed = resource();
        listed.matching.host = Some("tools.example.com".to_owned());
        listed.allowed_origins = Some(vec!["https://app.example.com".to_owned()]);
        assert_eq!(check(&listed, "https://app.example.com"), Ok(()));
        assert_eq!(check(&listed, "https://tools.example.com"), Err(Reason::OriginRefused));
        listed.allowed_origins = Some(Vec::new());
        assert_eq!(check(&listed, "https://app.example.com"), Err(Reason::OriginRefused));
    }

    #[test]
    fn two_origins_are_none() {
        let pair = ("origin".to_owned(), b"https://tools.example.com".to_vec());
        let headers = Headers::new(vec![pair.clone(), pair]);
        assert_eq!(check_origin(&resource(), &target("POST"), &headers), Err(Reason::AmbiguousHeaders));
    }
}
