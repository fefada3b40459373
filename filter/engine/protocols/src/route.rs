//! Which protected resource a request is for, read from a head that can be read one way only.
//!
//! Everything here exists because gateway, filter and upstream may take the same head for different
//! requests: a second `:path`, `%2e%2e`, a header that overrides the method, a token in the query. Such heads
//! are refused, never normalised: the bytes judged are the bytes forwarded. A head that could name another resource to
//! somebody names none ([`addressed`]); what else is wrong with one ([`check_rest`]) is between it and its resource. What may
//! be done with the resource is not decided here.

mod origin;
mod path;

use std::net::{IpAddr, SocketAddr};

use countersign_facts::headers::{Headers, RequestHead, same_name};
use countersign_facts::reason::Reason;

use crate::catalogue::{Card, Match, Metadata, PathMatch, Protocol, Resource};
pub use origin::check_origin;
pub(crate) use path::{check_override, check_parameter};

/// Where an agent's card is (A2A 1.0 §8.2), on the agent's host and below the agent's path.
const CARD_PATH: &str = "/.well-known/agent-card.json";

/// Fields that say another method, path or host than the request line, to upstreams that listen to them.
/// `x-forwarded-host` and `x-forwarded-prefix` are not among them: proxies in front set both, and they name where the
/// client came in, not what it asks for.
const OVERRIDES: &[&str] = &[
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-http-path-override",
    "x-http-host-override",
    "x-original-url",
    "x-original-uri",
    "x-original-method",
    "x-rewrite-url",
    "x-forwarded-path",
    "x-forwarded-uri",
    "x-forwarded-method",
];

/// Whether the field called `name` could say another method, path or host than the request line.
pub fn is_override(name: &str) -> bool {
    OVERRIDES.iter().any(|field| same_name(field, name))
}

/// Fields that decide how the request is read; `authorization` is the credential's business.
pub const SINGLE: &[&str] = &[
    "host",
    "content-type",
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
    "a2a-version",
];

/// Where documents about a host are (RFC 8615), and where those about its protected resources are (RFC 9728 §3).
const WELL_KNOWN: &str = "/.well-known/";
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Of these, those that say where a message is for and where it ends: with two of them it could hide another message.
const FRAMING: &[&str] = &["host", "content-length", "transfer-encoding"];

/// Where a request is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The HTTP method as received.
    pub method: String,
    /// `:authority` as received.
    pub authority: String,
    /// `:authority` for matching: lower case, without the root's trailing dot, port as written.
    pub host: String,
    /// The port in `:authority`, else that of `:scheme`.
    pub port: u16,
    /// The path as received, without the query; empty of `CONNECT`. Never holds dot segments, empty segments or needless escapes.
    pub path: String,
    /// What follows the first `?`.
    pub query: Option<String>,
    /// Path and query as received.
    pub target: String,
}

/// A host and a port: where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// Lower case, without the root's trailing dot.
    pub host: &'a str,
    pub port: u16,
}

/// The host in `authority` as destinations are matched; none for what [`check_head`] refuses.
pub fn host_of(authority: &str) -> Option<String> {
    let host = matching_host(authority)?;
    Some(split_port(&host).0.to_owned())
}

/// The target of a head that can be read one way only; `routing_headers` are fields that pick a route.
pub fn check_head(head: &RequestHead, routing_headers: &[String]) -> Result<Target, Reason> {
    let target = addressed(head, routing_headers)?;
    check_rest(head, &target)?;
    Ok(target)
}

/// Where `head` is addressed to, beyond doubt. Nothing is said yet about its query, nor about fields that only decide how it is
/// read.
pub fn addressed(head: &RequestHead, routing_headers: &[String]) -> Result<Target, Reason> {
    let headers = &head.headers;
    check_names(headers, routing_headers)?;
    let method = pseudo(headers, ":method")?;
    let extended = headers.contains(":protocol");
    let tunnel = method == "CONNECT" && !extended;
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(Reason::AmbiguousHeaders);
    }
    let authority = pseudo(headers, ":authority")?;
    let host = matching_host(&authority).ok_or(Reason::AmbiguousHeaders)?;
    if let Some(value) = headers.single("host").ok().flatten()
        && !value.eq_ignore_ascii_case(authority.as_bytes())
    {
        return Err(Reason::AmbiguousHeaders);
    }
    let port = port(headers, &host, tunnel)?;
    let target = headers.single(":path").map_err(|_| Reason::AmbiguousHeaders)?;
    if tunnel {
        // RFC 9110 §9.3.6, RFC 9113 §8.5: an authority and nothing else.
        let (path, query, bare) = (String::new(), None, target.is_none_or(<[u8]>::is_empty));
        let target = Target { method, authority, host, port, path, query, target: String::new() };
        return if bare { Ok(target) } else { Err(Reason::AmbiguousPath) };
    }
    let target = target.ok_or(Reason::AmbiguousPath)?;
    let (path, query) = path::split(target).map_err(|reason| if extended { Reason::UpgradeRefused } else { reason })?;
    let target = String::from_utf8_lossy(target).into_owned();
    Ok(Target { method, authority, host, port, path, query, target })
}

/// What else can be wrong with a head that is addressed to `target`.
pub fn check_rest(head: &RequestHead, target: &Target) -> Result<(), Reason> {
    let mut rest = SINGLE.iter().filter(|name| !FRAMING.contains(name));
    if rest.any(|name| head.headers.single(name).is_err()) {
        return Err(Reason::AmbiguousHeaders);
    }
    if head.headers.contains(":protocol") {
        return Err(Reason::UpgradeRefused);
    }
    path::check_query(&target.target, target.query.as_deref())
}

/// Whether `head` asks for a web socket, which is its resource's own: what is said in any other tunnel could be for anybody.
pub fn is_web_socket(head: &RequestHead) -> bool {
    let wanted = [":protocol", "upgrade"].map(|name| head.headers.single(name).ok().flatten());
    wanted.into_iter().flatten().all(|wanted| wanted.eq_ignore_ascii_case(b"websocket")) && wanted != [None, None]
}

/// Whether what follows a head with `headers` has no end: an upgrade or a tunnel.
pub fn is_endless(target: &Target, headers: &Headers) -> bool {
    target.method == "CONNECT" || headers.contains("upgrade")
}

/// That `head` asks for no upgrade, or for one that `resource` allows: what follows it nobody reads.
pub fn check_upgrade(head: &RequestHead, resource: Option<&Resource>) -> Result<(), Reason> {
    let wanted = match head.headers.single("upgrade") {
        Ok(None) => return Ok(()),
        Ok(Some(wanted)) => wanted,
        Err(_) => return Err(Reason::AmbiguousHeaders),
    };
    let allowed = resource.is_some_and(|resource| {
        resource.upgrades.iter().any(|upgrade| wanted.eq_ignore_ascii_case(upgrade.as_bytes()))
    });
    if allowed { Ok(()) } else { Err(Reason::UpgradeRefused) }
}

/// The most specific of `resources` that matches, if any, and its index.
///
/// An exact path goes before a subtree, a longer path before a shorter one, a host with a port before a host
/// without before none, a named route before none; of equals, the first configured.
///
/// A host written without a port matches every port: otherwise `tools.example.com:443` would step around
/// the rules for `tools.example.com`. One written with a port matches that port only.
pub fn find<'c>(resources: &'c [Resource], target: &Target, route: Option<&str>) -> Option<(usize, &'c Resource)> {
    resources
        .iter()
        .enumerate()
        .filter(|(_, resource)| matches(&resource.matching, target, route))
        .reduce(|best, next| if rank(&next.1.matching) > rank(&best.1.matching) { next } else { best })
}

/// Whose resource a lenient server would take `target` for, where `found`, which admits it as it stands, says less.
///
/// Such a server would do what the rules of the one are for under the rules of the other, or of none.
pub fn nearly<'c>(
    resources: &'c [Resource],
    target: &Target,
    route: Option<&str>,
    found: Option<&Resource>,
) -> Option<&'c Resource> {
    let says = |resource: &Resource| resource.matching.path.says();
    let admitted = found.map(says);
    // An exact path says all of it.
    if matches!(admitted, Some((_, true))) {
        return None;
    }
    resources
        .iter()
        .filter(|resource| Some(says(resource)) > admitted && !resource.matching.exact)
        .filter(|resource| is_addressed(&resource.matching, target, route))
        .filter(|resource| resource.matching.path.nearly_admits(&target.path))
        .max_by_key(|resource| says(resource))
}

/// The address in `ip:port` or `ip`; an IPv4 address that came as IPv6 is IPv4, so that one range covers both.
pub fn address(source: &str) -> Option<IpAddr> {
    let address = source.parse::<SocketAddr>().map(|socket| socket.ip()).or_else(|_| source.parse::<IpAddr>());
    address.ok().map(|address| address.to_canonical())
}

/// Which of `resources` has its metadata served at `target` (RFC 9728 §3.1): at its own path, and at the root too where no other
/// has any on the host, for clients that know the host alone; but for what `found` is asked about itself, which admits the target.
pub fn described(resources: &[Resource], target: &Target, found: Option<&Resource>) -> Option<usize> {
    if target.method != "GET" || below_metadata(&target.path).is_none() {
        return None;
    }
    let on_host = || described_on(resources, target);
    let own = on_host().find(|(_, metadata)| metadata.path == target.path);
    let at_root = target.path == METADATA && !found.is_some_and(answers_itself);
    let only = || on_host().next().filter(|_| at_root && on_host().nth(1).is_none());
    own.or_else(only).map(|(index, _)| index)
}

/// Whether `target` asks for metadata that nobody has: of a host where metadata is served, or in nobody's name. `found` admits it
/// as it stands.
pub fn asks_about_nothing(resources: &[Resource], target: &Target, found: Option<&Resource>) -> bool {
    let asks = target.method == "GET" && below_metadata(&target.path).is_some();
    asks && found.is_none_or(|found| !answers_itself(found) && described_on(resources, target).next().is_some())
}

/// Whether what is asked of `resource` below the place of metadata is for itself: it serves such documents, or it is on the way out,
/// where they are somebody else's.
fn answers_itself(resource: &Resource) -> bool {
    let (PathMatch::Exact(own) | PathMatch::Below(own)) = &resource.matching.path;
    own.starts_with(WELL_KNOWN) || resource.interface.egress
}

/// Whether `head` is what a browser asks before it asks (Fetch, CORS preflight): of no agent's doing, and never with a credential.
pub fn is_preflight(head: &RequestHead, target: &Target) -> bool {
    let has = |name| head.headers.contains(name);
    target.method == "OPTIONS" && has("origin") && has("access-control-request-method")
}

/// What is behind the place of all metadata in `path`, if it is there.
pub fn below_metadata(path: &str) -> Option<&str> {
    path.strip_prefix(METADATA).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Those of `resources` whose metadata is served on the host of `target`.
fn described_on<'c>(resources: &'c [Resource], target: &Target) -> impl Iterator<Item = (usize, &'c Metadata)> {
    let on_host =
        |resource: &Resource| resource.matching.host.as_deref().is_none_or(|host| host_matches(host, &target.host));
    let all = resources.iter().enumerate().filter(move |(_, resource)| on_host(resource));
    all.filter_map(|(index, resource)| Some((index, resource.metadata.as_ref()?)))
}

/// Whether `target` is the card of the agent `resource`, which everybody may see.
pub fn asks_for_card(resource: &Resource, target: &Target, route: Option<&str>) -> bool {
    resource.protocol == Protocol::A2a
        && resource.interface.card == Card::Public
        && is_card(resource, target)
        && is_addressed(&resource.matching, target, route)
}

/// Whether `target` is the card of the agent `resource`.
pub(crate) fn is_card(resource: &Resource, target: &Target) -> bool {
    target.method == "GET" && (target.path == CARD_PATH || below(resource, &target.path) == Some(CARD_PATH))
}

/// What is below the path of the agent `resource`; none where the path is another.
pub(crate) fn below<'p>(resource: &Resource, path: &'p str) -> Option<&'p str> {
    match &resource.matching.path {
        PathMatch::Exact(exact) => path.strip_prefix(exact.as_str()).filter(|rest| rest.is_empty()),
        PathMatch::Below(root) => {
            path.strip_prefix(root.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

fn check_names(headers: &Headers, routing_headers: &[String]) -> Result<(), Reason> {
    for (name, _) in headers.iter() {
        if name.starts_with(':') && ![":method", ":path", ":authority", ":scheme", ":protocol"].contains(&name) {
            return Err(Reason::AmbiguousHeaders);
        }
        if OVERRIDES.iter().any(|refused| same_name(name, refused))
            || routing_headers.iter().any(|r| same_name(name, r))
        {
            return Err(Reason::OverrideHeader);
        }
    }
    if FRAMING.iter().chain(&[":scheme"]).any(|name| headers.single(name).is_err()) {
        return Err(Reason::AmbiguousHeaders);
    }
    // One of the two would be ignored, and which one is the reader's choice (RFC 9112 §6.1).
    if headers.contains("content-length") && headers.contains("transfer-encoding") {
        return Err(Reason::AmbiguousHeaders);
    }
    Ok(())
}

/// A tunnel names its port.
fn port(headers: &Headers, host: &str, tunnel: bool) -> Result<u16, Reason> {
    let port = match split_port(host).1 {
        Some(port) => port.parse().map_err(|_| Reason::AmbiguousHeaders)?,
        None if tunnel => return Err(Reason::AmbiguousHeaders),
        None => match single_text(headers, ":scheme")?.as_deref() {
            Some("https") => 443,
            Some(_) | None => 80,
        },
    };
    if port == 0 { Err(Reason::AmbiguousHeaders) } else { Ok(port) }
}

fn pseudo(headers: &Headers, name: &str) -> Result<String, Reason> {
    single_text(headers, name)?.ok_or(Reason::AmbiguousHeaders)
}

fn single_text(headers: &Headers, name: &str) -> Result<Option<String>, Reason> {
    let value = headers.single(name).map_err(|_| Reason::AmbiguousHeaders)?;
    value.map(|value| String::from_utf8(value.to_vec()).map_err(|_| Reason::AmbiguousHeaders)).transpose()
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `host[:port]` in the form that configuration is matched against; none for anything else (user information,
/// escapes, a list).
fn matching_host(authority: &str) -> Option<String> {
    let (name, port) = split_port(authority);
    if port.is_some_and(|port| port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let valid = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if !valid || name.is_empty() || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return None;
    }
    Some(match port {
        Some(port) => format!("{name}:{port}"),
        None => name,
    })
}

/// `host[:port]` in its parts. A colon inside `[…]` belongs to an IPv6 address.
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    }
}

fn matches(matching: &Match, target: &Target, route: Option<&str>) -> bool {
    matching.path.admits(&target.path) && is_addressed(matching, target, route)
}

/// Whether everything matches but the path.
fn is_addressed(matching: &Match, target: &Target, route: Option<&str>) -> bool {
    let Match { host, path: _, route: wanted, exact: _ } = matching;
    host.as_deref().is_none_or(|host| host_matches(host, &target.host))
        && wanted.as_deref().is_none_or(|wanted| route == Some(wanted))
}

fn host_matches(configured: &str, host: &str) -> bool {
    configured == host || (split_port(configured).1.is_none() && split_port(host).0 == configured)
}

fn rank(matching: &Match) -> (bool, usize, u8, bool) {
    let (exact, length) = match &matching.path {
        PathMatch::Exact(path) => (true, path.len()),
        PathMatch::Below(root) => (false, root.trim_end_matches('/').len()),
    };
    let host = match matching.host.as_deref().map(split_port) {
        None => 0,
        Some((_, None)) => 1,
        Some((_, Some(_))) => 2,
    };
    (exact, length, host, matching.route.is_some())
}

#[cfg(test)]
mod tests;
