//! An answer to the client instead of forwarding, in the words of the protocol it speaks.
//!
//! Shapes: RFC 6750 §3 challenges with RFC 9728 `resource_metadata`; a JSON-RPC 2.0 error with the request's id
//! where that is known; a gRPC status; `google.rpc.Status` in JSON of A2A's REST; RFC 9457 problem details elsewhere. An
//! answer never tells which policy denied, what the catalogue holds or who else exists.

mod denial;

use countersign_facts::ids::DecisionId;
use countersign_facts::reason::{Challenge, Mend, Reason};
use countersign_protocols::catalogue::{Demand, Metadata};
use countersign_tokens::{PROOF_ALGORITHMS, Scalar};
use countersign_trust::possession::nonce;
use serde_json::{Value, json};

use crate::record::Line;
pub(crate) use denial::Denial;
pub use denial::GrpcStatus;
use denial::{Form, Words};

/// Everything the shell does to answer a request itself.
#[derive(Debug)]
pub struct Reply {
    /// Written before the answer is sent.
    pub line: Line,
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Of an answer in gRPC's words, which gateways write themselves: what `grpc-status` and `grpc-message` say.
    pub grpc: Option<(GrpcStatus, String)>,
}

/// Whom the answer is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addressee<'a> {
    pub(crate) id: DecisionId,
    pub(crate) denial: Denial<'a>,
    /// Whether it asked its proxy: challenges are then that (RFC 9110 §15.5.8).
    pub(crate) proxy: bool,
    /// The request's JSON-RPC id, if it was read.
    pub(crate) rpc_id: Option<&'a Value>,
    /// Whether it must, or tried to, prove possession of a key: challenges are then for the scheme DPoP.
    pub(crate) dpop: bool,
    /// What its next proof is to have in it.
    pub(crate) nonce: Option<&'a str>,
    pub(crate) metadata_url: Option<&'a str>,
    /// The scope that would cover the operation.
    pub(crate) scope: Option<&'a str>,
    /// How a person must have authenticated.
    pub(crate) demand: Option<&'a Demand>,
    /// What it can mend, where it may know that.
    pub(crate) mend: Option<&'a Mend>,
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
        Self { line, status: 200, headers, body: document.to_string().into_bytes(), grpc: None }
    }

    /// The answer that denies with `reason`, as the client may see it ([`Reason::told`]).
    pub(crate) fn deny(line: Line, reason: Reason, to: &Addressee<'_>) -> Self {
        let row = reason.row();
        let mut headers = Vec::new();
        if let Some(challenge) = challenge(reason, to) {
            headers.push((if to.proxy { "proxy-authenticate" } else { "www-authenticate" }, challenge));
        }
        headers.extend(to.nonce.map(|nonce| (nonce::FIELD, nonce.to_owned())));
        if row.status == 405 {
            headers.push(("allow", to.denial.allow.to_owned()));
        }
        headers.extend(row.retry_after.map(|seconds| ("retry-after", seconds.to_string())));
        headers.push(("cache-control", "no-store".to_owned()));
        let decision = to.id.to_string();
        let words = Words::new(reason, to.mend, &decision);
        let (media_type, body) = match (to.denial.form, to.rpc_id) {
            (Form::Grpc(status), _) => return Self::grpc(line, &words, status, headers),
            (Form::Error { code, version }, Some(id)) => ("application/json", words.error(code, id, version)),
            (Form::A2a { code, rpc: true }, id) => {
                ("application/json", words.a2a_error(code, id.unwrap_or(&Value::Null)))
            }
            (Form::A2a { rpc: false, .. }, _) => ("application/json", words.a2a_status(to.denial.status)),
            (Form::Result { typed }, Some(id)) => ("application/json", words.tool_result(id, typed)),
            (Form::Problem, _) | (Form::Error { .. } | Form::Result { .. }, None) => {
                ("application/problem+json", problem(&words, to.denial.status))
            }
        };
        headers.push(("content-type", media_type.to_owned()));
        Self { line, status: to.denial.status, headers, body: body.to_string().into_bytes(), grpc: None }
    }

    /// What the client gets in place of a result of `initialize`, whose id is `id` and which offered this version, where its server
    /// names one that is not read: JSON in one line.
    pub(crate) fn other_version(decision: DecisionId, id: &Value, offered: Option<&str>) -> String {
        let reason = Reason::UnsupportedVersion;
        Words::new(reason, None, &decision.to_string()).error(denial::INVALID_PARAMS, id, offered).to_string()
    }

    /// What the client gets on a stream that no request of its own opened where nothing more of it passes for `reason`: an event.
    pub(crate) fn last_event(decision: DecisionId, reason: Reason) -> Vec<u8> {
        let code = denial::own_code(reason.row().status);
        let error = Words::new(reason, None, &decision.to_string()).error(code, &Value::Null, None);
        format!("data: {error}\n\n").into_bytes()
    }

    /// An answer that is headers only: what went wrong is in `grpc-status`.
    fn grpc(line: Line, words: &Words<'_>, status: GrpcStatus, mut headers: Vec<(&'static str, String)>) -> Self {
        const UNSAFE: percent_encoding::AsciiSet = percent_encoding::CONTROLS.add(b'%');
        let message = words.message();
        headers.push(("content-type", "application/grpc".to_owned()));
        headers.push(("grpc-status", (status as u8).to_string()));
        headers.push(("grpc-message", percent_encoding::utf8_percent_encode(&message, &UNSAFE).to_string()));
        Self { line, status: 200, headers, body: Vec::new(), grpc: Some((status, message)) }
    }
}

fn challenge(reason: Reason, to: &Addressee<'_>) -> Option<String> {
    let row = reason.row();
    if row.challenge == Challenge::None {
        return None;
    }
    let mut parts = Vec::new();
    if let Some(error) = row.challenge.error() {
        parts.push(format!("error={}", quoted(error)));
        parts.push(format!("error_description={}", quoted(row.detail)));
    }
    if let (Challenge::InsufficientScope, Some(scope)) = (row.challenge, to.scope) {
        parts.push(format!("scope={}", quoted(scope)));
    }
    if let (Challenge::InsufficientAuthentication, Some(Demand { classes, max_age })) = (row.challenge, to.demand) {
        if !classes.is_empty() {
            let classes: Vec<String> = classes.iter().map(Scalar::word).collect();
            parts.push(format!("acr_values={}", quoted(&classes.join(" "))));
        }
        parts.extend(max_age.map(|age| format!("max_age={}", quoted(&age.as_secs().to_string()))));
    }
    if let Some(url) = to.metadata_url {
        parts.push(format!("resource_metadata={}", quoted(url)));
    }
    let about_proof = matches!(row.challenge, Challenge::InvalidProof | Challenge::UseNonce);
    let scheme = if to.dpop || about_proof { "DPoP" } else { "Bearer" };
    if scheme == "DPoP" {
        parts.push(format!("algs={}", quoted(&PROOF_ALGORITHMS.join(" "))));
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

/// RFC 9457 §3.1.
fn problem(words: &Words<'_>, status: u16) -> Value {
    let mut problem = json!({
        "type": format!("urn:countersign:{}", words.reason.row().code),
        "title": title(status),
        "status": status,
        "detail": words.message(),
        "instance": format!("urn:uuid:{}", words.decision),
    });
    words.mend_in(&mut problem);
    problem
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
