//! An answer to the client instead of forwarding, in the words of the protocol it speaks.
//!
//! Shapes: RFC 6750 §3 challenges with RFC 9728 `resource_metadata`; a JSON-RPC 2.0 error with the request's id
//! where that is known; RFC 9457 problem details elsewhere. An answer never tells which policy denied, what the
//! catalogue holds or who else exists.

use countersign_tokens::{Algorithm, PROOF_ALGORITHMS};
use serde_json::{Value, json};

use crate::catalogue::{Demand, Metadata};
use crate::reason::{Challenge, Reason};
use crate::record::Line;
use crate::session::DecisionId;

/// Everything the shell does to answer a request itself.
#[derive(Debug)]
pub struct Reply {
    /// Written before the answer is sent.
    pub line: Line,
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// Whom the answer is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addressee<'a> {
    pub(crate) id: DecisionId,
    /// Whether the resource speaks JSON-RPC.
    pub(crate) rpc: bool,
    /// The request's JSON-RPC id, if it was read.
    pub(crate) rpc_id: Option<&'a Value>,
    /// Whether it must, or tried to, prove possession of a key: challenges are then for the scheme DPoP.
    pub(crate) dpop: bool,
    pub(crate) metadata_url: Option<&'a str>,
    /// The scope that would cover the operation.
    pub(crate) scope: Option<&'a str>,
    /// How a person must have authenticated.
    pub(crate) demand: Option<&'a Demand>,
}

impl Reply {
    /// What is known about a protected resource (RFC 9728 §3.2), to whoever asks: browsers on any page too.
    pub(crate) fn metadata(line: Line, identifier: &str, metadata: &Metadata) -> Self {
        let Metadata { path: _, authorization_servers, scopes, documentation, dpop_required, certificate_required } =
            metadata;
        let mut document = json!({
            "resource": identifier,
            "authorization_servers": authorization_servers,
            "bearer_methods_supported": ["header"],
        });
        let mut say = |name: &str, value: Option<Value>| {
            if let (Some(members), Some(value)) = (document.as_object_mut(), value) {
                members.insert(name.to_owned(), value);
            }
        };
        say("scopes_supported", (!scopes.is_empty()).then(|| json!(scopes)));
        say("resource_documentation", documentation.as_ref().map(|url| json!(url)));
        say("dpop_bound_access_tokens_required", dpop_required.then_some(Value::Bool(true)));
        say("tls_client_certificate_bound_access_tokens", certificate_required.then_some(Value::Bool(true)));
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("cache-control", "max-age=300".to_owned()),
            ("access-control-allow-origin", "*".to_owned()),
        ];
        Self { line, status: 200, headers, body: document.to_string().into_bytes() }
    }

    /// The answer that denies with `reason`, as the client may see it ([`Reason::told`]).
    pub(crate) fn deny(line: Line, reason: Reason, to: &Addressee<'_>) -> Self {
        let row = reason.row();
        let mut headers = Vec::new();
        if let Some(challenge) = challenge(reason, to) {
            headers.push(("www-authenticate", challenge));
        }
        if row.status == 405 {
            headers.push(("allow", "GET, POST, DELETE, OPTIONS".to_owned()));
        }
        if let Some(seconds) = retry_after(reason) {
            headers.push(("retry-after", seconds.to_owned()));
        }
        headers.push(("cache-control", "no-store".to_owned()));
        let (media_type, body) = match to.rpc_id {
            Some(id) if to.rpc => ("application/json", rpc_error(reason, id, to)),
            Some(_) | None => ("application/problem+json", problem(reason, to)),
        };
        headers.push(("content-type", media_type.to_owned()));
        Self { line, status: row.status, headers, body: body.to_string().into_bytes() }
    }
}

fn challenge(reason: Reason, to: &Addressee<'_>) -> Option<String> {
    let row = reason.row();
    let error = match row.challenge {
        Challenge::None => return None,
        Challenge::Bare => None,
        Challenge::InvalidRequest => Some("invalid_request"),
        Challenge::InvalidToken => Some("invalid_token"),
        Challenge::InvalidProof => Some("invalid_dpop_proof"),
        Challenge::InsufficientScope => Some("insufficient_scope"),
        Challenge::InsufficientAuthentication => Some("insufficient_user_authentication"),
    };
    let mut parts = Vec::new();
    if let Some(error) = error {
        parts.push(format!("error={}", quoted(error)));
        parts.push(format!("error_description={}", quoted(row.detail)));
    }
    if let (Challenge::InsufficientScope, Some(scope)) = (row.challenge, to.scope) {
        parts.push(format!("scope={}", quoted(scope)));
    }
    if let (Challenge::InsufficientAuthentication, Some(Demand { classes, max_age })) = (row.challenge, to.demand) {
        if !classes.is_empty() {
            parts.push(format!("acr_values={}", quoted(&classes.join(" "))));
        }
        parts.extend(max_age.map(|age| format!("max_age={}", quoted(&age.as_secs().to_string()))));
    }
    if let Some(url) = to.metadata_url {
        parts.push(format!("resource_metadata={}", quoted(url)));
    }
    let scheme = if to.dpop || row.challenge == Challenge::InvalidProof { "DPoP" } else { "Bearer" };
    if scheme == "DPoP" {
        let algorithms = PROOF_ALGORITHMS.map(Algorithm::name).join(" ");
        parts.push(format!("algs={}", quoted(&algorithms)));
    }
    // A challenge needs at least one parameter to stand alone beside others (RFC 9110 §11.6.1).
    if parts.is_empty() {
        parts.push("realm=\"countersign\"".to_owned());
    }
    Some(format!("{scheme} {}", parts.join(", ")))
}

/// A quoted-string (RFC 9110 §5.6.4) of what it can hold; anything else is left out.
fn quoted(text: &str) -> String {
    let safe: String = text.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
    format!("\"{safe}\"")
}

fn retry_after(reason: Reason) -> Option<&'static str> {
    match reason.row().status {
        503 => Some("1"),
        _ if reason == Reason::ApprovalPending => Some("5"),
        _ => None,
    }
}

/// RFC 9457 §3.1.
fn problem(reason: Reason, to: &Addressee<'_>) -> Value {
    let row = reason.row();
    json!({
        "type": format!("urn:countersign:{}", reason.row().code),
        "title": title(row.status),
        "status": row.status,
        "detail": row.detail,
        "instance": format!("urn:uuid:{}", to.id),
    })
}

/// JSON-RPC 2.0 §5.1.
fn rpc_error(reason: Reason, id: &Value, to: &Addressee<'_>) -> Value {
    let row = reason.row();
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": {
            "code": rpc_code(reason),
            "message": row.detail,
            "data": { "reason": reason.row().code, "decision": to.id.to_string() },
        },
    })
}

/// The specification's code where it has one; otherwise one outside the range it reserves (-32768 to -32000),
/// made of the HTTP status: -31403 for a 403.
fn rpc_code(reason: Reason) -> i32 {
    const SPECIFIED: &[(Reason, i32)] = &[
        (Reason::MalformedJson, -32700),
        (Reason::Batch, -32600),
        (Reason::MalformedMessage, -32600),
        (Reason::UnknownMethod, -32601),
        (Reason::HeaderBodyMismatch, -32020),
        (Reason::UnsupportedVersion, -32022),
    ];
    let specified = SPECIFIED.iter().find(|(candidate, _)| *candidate == reason);
    specified.map_or_else(|| -31000 - i32::from(reason.row().status), |(_, code)| *code)
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
