//! The small notations inside configuration values: durations, sizes, names, header names, pointers.
//!
//! Each has exactly one spelling. Errors are `<cause>; <remedy>`.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::pointer::Pointer;
use countersign_protocols::action::mcp::{self, transport};
use countersign_protocols::bounds::ArgumentPlace;
use countersign_protocols::bounds::text::is_domain;
use countersign_protocols::route;
use countersign_trust::credential;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(test)]
use serde_json::json;

use super::key::{Parsed, parsed};
#[cfg(test)]
use super::schema::{pattern, reference};

/// The name of a header in lower case.
#[cfg(test)]
pub(super) const HEADER: &str = "^[a-z0-9!#$%&'*+.^`|~-]+$";

const DURATION_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const SIZE_UNITS: [(&str, u64); 3] = [("KiB", 1024), ("MiB", 1024 * 1024), ("B", 1)];

/// A whole number and a unit: `500ms`, `30s`, `15m`, `1h`.
pub(super) fn duration(text: &str, bounds: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = quantity(text, &DURATION_UNITS).map(Duration::from_millis).ok_or_else(|| {
        format!("{text:?} is not a duration; write a whole number and a unit (ms, s, m, h), such as `30s`")
    })?;
    if bounds.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (spell_duration(*bounds.start()), spell_duration(*bounds.end()));
    Err(format!("`{text}` is out of bounds; choose {least} to {most}"))
}

/// A whole number and a unit: `512B`, `256KiB`, `1MiB`.
pub(super) fn size(text: &str, bounds: &RangeInclusive<usize>) -> Result<usize, String> {
    let bytes = quantity(text, &SIZE_UNITS).ok_or_else(|| {
        format!("{text:?} is not a size; write a whole number and a unit (B, KiB, MiB), such as `256KiB`")
    })?;
    match usize::try_from(bytes) {
        Ok(bytes) if bounds.contains(&bytes) => Ok(bytes),
        Ok(_) | Err(_) => {
            let (least, most) = (spell_size(*bounds.start()), spell_size(*bounds.end()));
            Err(format!("`{text}` is out of bounds; choose {least} to {most}"))
        }
    }
}

/// The name of an issuer or resource: it becomes part of records, counters and policy entities.
pub(super) const NAME: Parsed<String> = parsed!(name, reference("name"));

fn name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if text.len() > 64 || !text.bytes().all(plain) {
        return Err(format!("{text:?} is not a name; use a-z, 0-9, `-`, `_`, `.`, at most 64 characters"));
    }
    Ok(text.to_owned())
}

/// What policies call a claim: an identifier of Cedar.
pub(super) fn claim(text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if text.len() > 64 || !text.bytes().all(plain) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(format!(
            "{text:?} is not a claim's name; use a-z, 0-9, `_`, a letter first, at most 64 characters"
        ));
    }
    Ok(())
}

/// The name of a tool as the server spells it: no control characters, at most 128 bytes.
pub(super) const TOOL_NAME: Parsed<String> =
    parsed!(tool_name, json!({ "type": "string", "minLength": 1, "maxLength": 128 }));

fn tool_name(text: &str) -> Result<String, String> {
    let name = server_name(text, "a tool's")?;
    if mcp::event(text).is_some() {
        return Err("an event's name, as policies have it; declare it under `events`".to_owned());
    }
    Ok(name)
}

/// The name of an event as the server spells it: no control characters, at most 128 bytes.
pub(super) const EVENT_NAME: Parsed<String> =
    parsed!(event_name, json!({ "type": "string", "minLength": 1, "maxLength": 128 }));

fn event_name(text: &str) -> Result<String, String> {
    server_name(text, "an event's")
}

fn server_name(text: &str, whose: &str) -> Result<String, String> {
    if text.len() > 128 || text.chars().any(char::is_control) {
        return Err(format!("not {whose} name; at most 128 bytes, no control characters"));
    }
    Ok(text.to_owned())
}

/// `package.Service/Method`.
pub(super) const GRPC_METHOD: Parsed<String> =
    parsed!(grpc_method, pattern(r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*/[A-Za-z0-9_]+$"));

fn grpc_method(text: &str) -> Result<String, String> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let valid = text.split_once('/').is_some_and(|(service, method)| {
        let segments = service.split('.').all(|segment| !segment.is_empty() && segment.bytes().all(word));
        segments && !method.is_empty() && method.bytes().all(word)
    });
    if text.len() > 256 || !valid {
        return Err(format!("{text:?} is not a gRPC method; write `package.Service/Method`"));
    }
    Ok(text.to_owned())
}

/// The name of a metadata field that can be an argument.
pub(super) const GRPC_METADATA: Parsed<String> = parsed!(grpc_metadata, pattern("^[a-z0-9.-]+$"));

fn grpc_metadata(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let reserved = ["grpc-", "x-countersign-", "x-envoy-"].iter().any(|prefix| text.starts_with(prefix));
    if !text.bytes().all(plain) || reserved || text.ends_with("-bin") || text == "authorization" {
        return Err(format!(
            "{text:?} cannot be an argument; name a field in lower case that is text and the caller's own"
        ));
    }
    Ok(text.to_owned())
}

/// A SHA-256 as records write it.
pub(super) const DIGEST: Parsed<[u8; 32]> = parsed!(digest, pattern("^sha-256:[A-Za-z0-9_-]{43}$"));

fn digest(text: &str) -> Result<[u8; 32], String> {
    let bytes = text.strip_prefix("sha-256:").and_then(|digits| URL_SAFE_NO_PAD.decode(digits).ok());
    let digest = bytes.and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| "not a digest; it is `sha-256:` and 43 characters of base64url".to_owned())
}

/// The gateway's name for a destination.
pub(super) const CLUSTER: Parsed<String> = parsed!(cluster, reference("cluster"));

fn cluster(text: &str) -> Result<String, String> {
    if text.len() > 255 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("not a cluster's name; printable ASCII without spaces, at most 255 characters".to_owned());
    }
    Ok(text.to_owned())
}

/// A media type that servers read as a form.
pub(super) const FORM: Parsed<String> =
    parsed!(form, pattern("^(application/x-www-form-urlencoded|multipart/([*]|[a-z0-9._+-]+))$"));

fn form(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.+_".contains(&byte);
    let part = text.strip_prefix("multipart/");
    let known = text == "application/x-www-form-urlencoded"
        || part.is_some_and(|part| part == "*" || (!part.is_empty() && part.bytes().all(plain)));
    if known {
        return Ok(text.to_owned());
    }
    let remedy =
        "write `application/x-www-form-urlencoded`, `multipart/form-data` or `multipart/*`; all else passes as it is";
    Err(format!("{text:?} is not a form; {remedy}"))
}

/// A scope token (RFC 6749 §3.3), or another word that goes into a list in a challenge.
pub(super) const SCOPE: Parsed<String> = parsed!(scope, pattern(r"^[!#-\[\]-~]+$"));

fn scope(text: &str) -> Result<String, String> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        return Err(format!("{text:?} cannot be in a list of words; printable ASCII without spaces, `\"` and `\\`"));
    }
    Ok(text.to_owned())
}

/// A domain, or what is below one.
pub(super) const DOMAIN: Parsed<String> = parsed!(domain, reference("domain"));

fn domain(text: &str) -> Result<String, String> {
    let remedy = "write one in lower case, such as `example.com`, or `*.example.com` for what is below it";
    if is_domain(text) { Ok(text.to_owned()) } else { Err(format!("{text:?} is not a domain; {remedy}")) }
}

/// A JSON Pointer (RFC 6901 §3).
pub(super) const POINTER: Parsed<String> = parsed!(pointer, reference("pointer"));

fn pointer(text: &str) -> Result<String, String> {
    let remedy = "start with `/`, write `~` as `~0` and `/` in a key as `~1`";
    let pointer = Pointer::parse(text).ok_or_else(|| format!("{text:?} is not a JSON Pointer; {remedy}"))?;
    Ok(pointer.to_string())
}

/// Why a place in arguments that is one item of a list is refused.
pub(super) fn one_item(place: &ArgumentPlace) -> String {
    format!(
        "`{place}` is one item of a list; write `*` for every item, or declare a type for each position in `input_schema`"
    )
}

/// A request header that picks a route (RFC 9110 §5.1).
pub(super) const ROUTING_HEADER: Parsed<String> = parsed!(routing_header, pattern(HEADER));

fn routing_header(text: &str) -> Result<String, String> {
    // Refusing these from clients would refuse every request.
    const NEEDED: [&str; 6] = ["accept", "authorization", "content-length", "content-type", "host", "user-agent"];
    let text = header(text)?;
    if NEEDED.contains(&text.as_str()) || text.starts_with("mcp-") {
        return Err(format!("`{text}` is needed from clients; name a header that only picks a route"));
    }
    Ok(text)
}

/// The name of a header that may carry a token, of those that issuers name or one of the standing ones.
pub(super) fn carrier(text: &str, named: &[String]) -> Result<String, String> {
    let text = header(text)?;
    let standing = credential::STANDING.contains(&text.as_str());
    if standing || named.contains(&text) {
        return Ok(text);
    }
    let all: Vec<&str> = credential::STANDING.into_iter().chain(named.iter().map(String::as_str)).collect();
    Err(format!("`{text}` carries no token; name one of {}", all.join(", ")))
}

/// The name of a header that a request can be forwarded without.
pub(super) const STRIPPED_HEADER: Parsed<String> = parsed!(stripped_header, pattern("^[!#$%&'*+.^`|~0-9a-z-]+$"));

fn stripped_header(text: &str) -> Result<String, String> {
    let text = header(text)?;
    // How the request is read depends on these, and what was judged is what arrives.
    if route::SINGLE.contains(&text.as_str()) || text.starts_with("mcp-") {
        return Err(format!("the request is read by its `{text}`; name a header that it can do without"));
    }
    if text.starts_with("x-countersign-") {
        return Err(format!("`{text}` is never a client's; name a header that clients send"));
    }
    Ok(text)
}

/// The name of a header that carries an issuer's tokens.
pub(super) const CREDENTIAL_HEADER: Parsed<String> = parsed!(credential_header, pattern(FREE_HEADER));

/// What of [`credential_header`] a pattern can say.
#[cfg(test)]
const FREE_HEADER: &str = "^(?!(authorization|txn-token|dpop|baggage|cookie|forwarded|traceparent|tracestate|user-agent|via|host|transfer-encoding|a2a-version|connection|expect|keep-alive|last-event-id|origin|te|trailer|upgrade|x-request-id|x-http-method-override|x-http-method|x-method-override|x-http-path-override|x-http-host-override|x-original-url|x-original-uri|x-original-method|x-rewrite-url)$)(?!accept|content-|if-|mcp-|proxy-|sec-|x-countersign-|x-envoy-|x-forwarded-)[a-z0-9!#$%&'*+.^`|~-]+$";

fn credential_header(text: &str) -> Result<String, String> {
    const OF_OTHERS: [&str; 7] = ["baggage", "cookie", "forwarded", "traceparent", "tracestate", "user-agent", "via"];
    let text = header(text)?;
    let standing = credential::FIELDS.contains(&text.as_str()) || OF_OTHERS.contains(&text.as_str());
    let read = route::SINGLE.contains(&text.as_str()) || route::is_override(&text) || transport::is_own(&text);
    let begins = ["accept", "content-", "if-", "mcp-", "proxy-", "sec-", "x-countersign-", "x-envoy-", "x-forwarded-"];
    if standing || read || begins.iter().any(|start| text.starts_with(start)) || text == "upgrade" {
        return Err(format!(
            "`{text}` has a meaning of its own; name the field that the proxy in front sets, such as \
             `cf-access-jwt-assertion`"
        ));
    }
    Ok(text)
}

/// The name of a header that a server chooses lists by.
pub(super) const LIST_HEADER: Parsed<String> = parsed!(list_header, pattern(HEADER));

fn list_header(text: &str) -> Result<String, String> {
    let text = header(text)?;
    if transport::is_own(&text) {
        return Err(format!("`{text}` is the transport's own and goes to the server anyway; remove it"));
    }
    if text.starts_with("x-countersign-") || text.starts_with("x-envoy-") {
        return Err(format!("`{text}` is never a client's; name a header that clients send"));
    }
    Ok(text)
}

fn header(text: &str) -> Result<String, String> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        return Err(format!("{text:?} has a second spelling; write lower case and `-` for `_`: all are covered"));
    }
    if http::HeaderName::from_lowercase(text.as_bytes()).is_err() {
        return Err(format!("{text:?} is not a header name; write one such as `x-tenant-route`"));
    }
    Ok(text.to_owned())
}

/// The name of an environment variable. Never repeated in an error: a secret pasted here must not reach a log.
pub(super) const ENVIRONMENT_NAME: Parsed<String> = parsed!(environment_name, pattern("^[A-Z_][A-Z0-9_]{0,127}$"));

fn environment_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if text.len() > 128 || text.starts_with(|c: char| c.is_ascii_digit()) || !text.bytes().all(plain) {
        return Err("not the name of an environment variable; use A-Z, 0-9 and `_`; the secret itself does not \
                    belong here"
            .to_owned());
    }
    Ok(text.to_owned())
}

/// In the largest unit that loses nothing.
pub(super) fn spell_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    spell(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATION_UNITS)
}

/// In the largest unit that loses nothing.
pub(super) fn spell_size(bytes: usize) -> String {
    spell(u64::try_from(bytes).unwrap_or(u64::MAX), &SIZE_UNITS)
}

fn spell(amount: u64, units: &[(&str, u64)]) -> String {
    let exact = units.iter().filter(|(_, factor)| amount.is_multiple_of(*factor));
    let (unit, factor) = exact.max_by_key(|(_, factor)| factor).copied().unwrap_or(("", 1));
    format!("{}{unit}", amount / factor)
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, factor) = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}
