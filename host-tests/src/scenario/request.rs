//! A concrete request, made of what a scenario says: what every driver sends, byte for byte.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::format::{Certificate, Send};
use super::text::{duration, pieces, with_texts};
use super::token::{mint, proof};

/// What is sent.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub host: String,
    /// Path and query.
    pub path: String,
    /// In order, duplicates kept, no pseudo-headers, no framing.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Option<Vec<u8>>,
    /// The lengths of the pieces the body is sent in; they add up to it.
    pub chunks: Vec<usize>,
    pub trailers: Vec<(String, String)>,
    /// The client leaves after so many chunks.
    pub leaves_after_chunks: Option<usize>,
    /// The client says nothing for so long after the head.
    pub stalls: Option<Duration>,
    /// The credential, wherever it is.
    pub credential: String,
    /// The DPoP proof, if there is one.
    pub proof: Option<String>,
    /// The client's certificate, where the driver can show one.
    pub certificate: Option<Certificate>,
}

/// What earlier steps sent.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    pub credentials: Vec<String>,
    pub proofs: Vec<String>,
    /// The session ids that clients got.
    pub sessions: Vec<String>,
    /// The nonces that clients got for their proofs.
    pub nonces: Vec<String>,
}

impl Request {
    /// The request `send` describes.
    pub fn of(send: &Send, now_secs: u64, earlier: &Earlier) -> anyhow::Result<Self> {
        let credential = mint(&send.token, now_secs, &earlier.credentials)?;
        let body = body(send)?;
        let method = send.method.clone().unwrap_or_else(|| "POST".to_owned());
        let chunks = chunks(&send.chunks, body.as_deref().unwrap_or_default().len())?;
        let host = send.host.clone().unwrap_or_else(|| "tools.test".to_owned());
        let path = send.path.as_deref().unwrap_or("/mcp").replace("{token}", &credential);
        let uri = format!("http://{host}{path}");
        let made = send.token.proof.as_ref();
        let made = made.map(|made| proof(made, (&method, &uri), &credential, now_secs, earlier)).transpose()?;
        Ok(Self {
            headers: headers(send, body.as_deref(), &credential, made.as_deref(), &earlier.sessions)?,
            host,
            path,
            proof: made,
            certificate: send.certificate.clone(),
            trailers: send.trailers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            leaves_after_chunks: send.leaves_after_chunks,
            stalls: send.stalls.as_deref().map(duration).transpose()?,
            method,
            body,
            chunks,
            credential,
        })
    }

    /// Whether head and body end together: neither body nor trailers follow.
    pub fn is_head_only(&self) -> bool {
        self.body.as_ref().is_none_or(Vec::is_empty) && self.trailers.is_empty() && self.leaves_after_chunks.is_none()
    }

    /// The head as a gateway's codec hands it over: pseudo-headers first, names in lower case.
    pub fn head(&self) -> Vec<(String, Vec<u8>)> {
        let pseudo =
            [(":method", &*self.method), (":path", &*self.path), (":authority", &*self.host), (":scheme", "http")];
        let pseudo = pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        pseudo.chain(self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))).collect()
    }

    /// The body in its pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.body.as_deref().unwrap_or_default();
        self.chunks.iter().map(move |length| {
            let (piece, after) = rest.split_at(*length);
            rest = after;
            piece
        })
    }
}

fn body(send: &Send) -> anyhow::Result<Option<Vec<u8>>> {
    let stated =
        [send.json.is_some(), send.text.is_some(), send.bytes.is_some(), send.call.is_some(), send.mcp.is_some()];
    ensure!(stated.iter().filter(|stated| **stated).count() <= 1, "a request has one body");
    ensure!(send.arguments.is_none() || send.call.is_some(), "`arguments` needs `call`");
    ensure!(send.params.is_none() || send.mcp.is_some(), "`params` needs `mcp`");
    if let Some(json) = &send.json {
        return Ok(Some(json.to_string().into_bytes()));
    }
    if let Some(text) = &send.text {
        return Ok(Some(pieces(text)?.into_bytes()));
    }
    if let Some(bytes) = &send.bytes {
        return Ok(Some(STANDARD.decode(bytes)?));
    }
    if let Some(method) = &send.mcp {
        let mut message = json!({ "jsonrpc": "2.0", "id": 1, "method": method });
        if let (Some(params), Some(message)) = (&send.params, message.as_object_mut()) {
            message.insert("params".to_owned(), params.clone());
        }
        say_revision(send, &mut message);
        return Ok(Some(message.to_string().into_bytes()));
    }
    let tool = match (&send.call, send.method.as_deref()) {
        (Some(tool), _) => tool,
        (None, None | Some("POST")) if send.path.is_none() => "lookup",
        (None, _) => return Ok(None),
    };
    let arguments = with_texts(send.arguments.clone().unwrap_or_else(|| json!({})), &|_| None);
    let mut message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } });
    say_revision(send, &mut message);
    Ok(Some(message.to_string().into_bytes()))
}

fn headers(
    send: &Send,
    body: Option<&[u8]>,
    credential: &str,
    proof: Option<&str>,
    sessions: &[String],
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut headers = vec![("accept".to_owned(), b"application/json, text/event-stream".to_vec())];
    headers.extend(send.revision.iter().flat_map(|revision| of_revision(revision, body.unwrap_or_default())));
    if body.is_some() {
        headers.push(("content-type".to_owned(), b"application/json".to_vec()));
    }
    if let Some(carrier) = &send.token.carrier {
        headers.push((carrier.clone(), credential.as_bytes().to_vec()));
    } else if !send.token.absent {
        let scheme = send.token.scheme.as_deref().unwrap_or(if proof.is_some() { "DPoP" } else { "Bearer" });
        headers.push(("authorization".to_owned(), format!("{scheme} {credential}").into_bytes()));
    }
    headers.extend(proof.map(|proof| ("dpop".to_owned(), proof.as_bytes().to_vec())));
    for (name, stated) in &send.headers {
        headers.retain(|(candidate, _)| candidate != name);
        for value in values(stated).with_context(|| format!("header `{name}`"))? {
            let value = session(&value, sessions)?.unwrap_or(value);
            let value = replace(&value, b"{proof}", proof.unwrap_or_default().as_bytes());
            headers.push((name.clone(), replace(&value, b"{token}", credential.as_bytes())));
        }
    }
    Ok(headers)
}

/// A revision without sessions, whose requests say everything themselves.
const STATELESS: &str = "2026-07-28";

/// The `_meta` that a request of the revision must have; what is stated stays.
fn say_revision(send: &Send, message: &mut Value) {
    let Some(STATELESS) = send.revision.as_deref() else { return };
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS, "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = message.as_object_mut().map(|message| message.entry("params").or_insert_with(|| json!({})));
    if let Some(params) = params.and_then(Value::as_object_mut) {
        params.entry("_meta").or_insert(meta);
    }
}

/// The header fields that go with a message of `revision`.
fn of_revision(revision: &str, body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields = vec![("mcp-protocol-version".to_owned(), revision.as_bytes().to_vec())];
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    if revision == STATELESS {
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let name = ["/params/name", "/params/uri", "/params/taskId"].iter().find_map(|pointer| text(pointer));
        fields.extend(text("/method").map(|method| ("mcp-method".to_owned(), method.as_bytes().to_vec())));
        fields.extend(name.map(|name| ("mcp-name".to_owned(), name.as_bytes().to_vec())));
    }
    fields
}

/// The session id that the client got in that step, for `{session:STEP}` (from 1).
fn session(value: &[u8], sessions: &[String]) -> anyhow::Result<Option<Vec<u8>>> {
    let step = value.strip_prefix(b"{session:").and_then(|step| step.strip_suffix(b"}"));
    let Some(step) = step else { return Ok(None) };
    let step: usize = std::str::from_utf8(step)?.parse()?;
    let session = step.checked_sub(1).and_then(|index| sessions.get(index)).filter(|session| !session.is_empty());
    Ok(Some(session.with_context(|| format!("no session was opened in step {step}"))?.clone().into_bytes()))
}

pub(super) fn values(stated: &Value) -> anyhow::Result<Vec<Vec<u8>>> {
    match stated {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text.clone().into_bytes()]),
        Value::Array(items) => {
            let values: Vec<Vec<Vec<u8>>> = items.iter().map(values).collect::<anyhow::Result<_>>()?;
            Ok(values.concat())
        }
        Value::Object(members) => {
            let bytes = members.get("bytes").and_then(Value::as_str).filter(|_| members.len() == 1);
            Ok(vec![STANDARD.decode(bytes.context("`{bytes: base64}` belongs here")?)?])
        }
        other @ (Value::Bool(_) | Value::Number(_)) => bail!("`{other}` is no header value; put it in quotes"),
    }
}

fn replace(text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    match text.windows(what.len()).position(|window| window == what) {
        Some(at) => {
            let (before, after) = text.split_at(at);
            [before, by, after.strip_prefix(what).unwrap_or_default()].concat()
        }
        None => text.to_vec(),
    }
}

/// `[0]` means every byte by itself.
pub(super) fn chunks(stated: &[usize], length: usize) -> anyhow::Result<Vec<usize>> {
    if stated == [0] {
        return Ok(vec![1; length]);
    }
    let stated_length: usize = stated.iter().sum();
    let rest = length.checked_sub(stated_length).context("the chunks are longer than the body")?;
    Ok(stated.iter().copied().chain((rest > 0).then_some(rest)).collect())
}
