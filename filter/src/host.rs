//! Every hostcall: bytes in, bytes out. No other file talks to the gateway.
//!
//! SDK 0.2.5 panics, which traps the worker's VM (ARCHITECTURE H3, H5), on each status it does not expect. So every
//! function here says when it may be called: then the gateway has what is asked for, and the status is an expected one.
//! A gateway that answers otherwise all the same traps, and its failure policy (never `FAIL_OPEN`) refuses the request.
#![expect(clippy::disallowed_methods, reason = "this file is where the hostcalls are")]

use std::time::{Duration, UNIX_EPOCH};

use countersign_engine::config::Secrets;
use countersign_engine::reply::{GrpcStatus, Reply};
use countersign_facts::calls::{Call, CallFailure, CallOutcome};
use countersign_facts::headers::{HeaderEdit, Headers, Peer};
use countersign_facts::ledger::{Store, StoreError, Versioned};
use countersign_tokens::{SignatureOracle, UnixTime};
use countersign_trust::possession::xfcc;
use prost::Message as _;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, GrpcStatusCode, LogLevel, MapType, MetricType, Status};

/// Bytes of a call's answer; a larger one is [`CallFailure::TooLarge`].
const ANSWER_BYTES: usize = 1024 * 1024;

/// The shortest and the longest wait the ABI can express: 0 would be no limit, more would wrap around.
const CALL_TIMEOUT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(4_294_967_295));

/// Makes a panic leave a line in the gateway's log before the VM traps.
pub(crate) fn report_panics() {
    proxy_wasm::set_log_level(LogLevel::Warn);
}

/// Writes one line to the gateway's log.
pub(crate) fn log(level: LogLevel, line: &str) {
    // A gateway that cannot log has nowhere to be told.
    let _ = hostcalls::log(level, line);
}

/// The wall clock. A clock that cannot be read is one at which every credential has expired.
pub(crate) fn now() -> UnixTime {
    let since_epoch = hostcalls::get_current_time().ok().and_then(|now| now.duration_since(UNIX_EPOCH).ok());
    let micros = since_epoch.and_then(|since| u64::try_from(since.as_micros()).ok());
    UnixTime::from_micros(micros.unwrap_or(u64::MAX))
}

/// Fresh random bytes, fit to be a key.
pub(crate) fn random<const LENGTH: usize>() -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// Secrets from the variables the gateway was told to pass on (`host_env_keys`).
pub(crate) struct Environment;

impl Secrets for Environment {
    fn secret(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Asks for ticks of the root. Only from the root's callbacks.
pub(crate) fn tick_every(period: Duration) {
    let _ = hostcalls::set_tick_period(period);
}

/// The plugin configuration. Only from `on_configure`, with the size it names.
pub(crate) fn plugin_configuration(size: usize) -> Vec<u8> {
    bytes(BufferType::PluginConfiguration, 0, size).unwrap_or_default()
}

/// What the gateway calls a plugin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PluginName {
    pub(crate) root: String,
    pub(crate) name: String,
}

/// What the gateway calls this plugin, if it has a name for it. Only from the root's callbacks.
pub(crate) fn plugin_name() -> Option<PluginName> {
    let named = |property_name| property([property_name]).and_then(text);
    let name = named("plugin_name").filter(|name| !name.is_empty())?;
    Some(PluginName { root: named("plugin_root_id").unwrap_or_default(), name })
}

/// Makes the following calls about `context` (ARCHITECTURE H9); an error when it no longer exists.
pub(crate) fn focus(context: u32) -> Result<(), Status> {
    hostcalls::set_effective_context(context)
}

/// The request's header section. Only from its callback.
pub(crate) fn request_headers() -> Result<Headers, Status> {
    hostcalls::get_map_bytes(MapType::HttpRequestHeaders).map(Headers::new)
}

/// The request's trailers. Only from their callback.
pub(crate) fn request_trailers() -> Result<Headers, Status> {
    hostcalls::get_map_bytes(MapType::HttpRequestTrailers).map(Headers::new)
}

/// The response's header section. Only from its callback.
pub(crate) fn response_headers() -> Result<Headers, Status> {
    hostcalls::get_map_bytes(MapType::HttpResponseHeaders).map(Headers::new)
}

/// Exactly `size` bytes of the request body from `start`. Only within the size its callback names.
pub(crate) fn request_body(start: usize, size: usize) -> Option<Vec<u8>> {
    bytes(BufferType::HttpRequestBody, start, size)
}

/// Exactly `size` bytes of the response body's chunk from `start`. Only within the size its callback names.
pub(crate) fn response_body(start: usize, size: usize) -> Option<Vec<u8>> {
    bytes(BufferType::HttpResponseBody, start, size)
}

/// The peer's address as the gateway prints it.
pub(crate) fn source() -> Option<String> {
    property(["source", "address"]).and_then(text)
}

/// The gateway's name for the route it chose.
pub(crate) fn route() -> Option<String> {
    property(["xds", "route_name"]).and_then(text)
}

/// The certificate of the connection's other end, as far as the gateway has verified one.
pub(crate) fn peer() -> Option<Peer> {
    // Without mutual TLS there is nothing, and nothing else is asked for: each question costs.
    if !property(["connection", "mtls"]).is_some_and(|value| flag(&value)) {
        return None;
    }
    let digest = property(["connection", "sha256_peer_certificate_digest"]).and_then(text);
    Some(Peer {
        sha256: digest.and_then(|digest| xfcc::digest(&digest)),
        uri: property(["connection", "uri_san_peer_certificate"]).and_then(text),
    })
}

/// How much of the request the gateway has received, head included.
pub(crate) fn received() -> Option<u64> {
    property(["request", "total_size"]).and_then(|value| number(&value))
}

/// Sets `countersign.<name>` for access logs: one segment, or they cannot read it (ARCHITECTURE H15). Only on a live
/// stream.
pub(crate) fn expose(name: &str, value: &str) {
    let _ = hostcalls::set_property(vec![&format!("countersign.{name}")], Some(value.as_bytes()));
}

/// Edits the request's headers. Only while they are held.
pub(crate) fn edit(edit: &HeaderEdit) -> Result<(), Status> {
    edit_map(MapType::HttpRequestHeaders, edit)
}

/// Edits the response's headers. Only from their callback.
pub(crate) fn edit_response(edit: &HeaderEdit) -> Result<(), Status> {
    edit_map(MapType::HttpResponseHeaders, edit)
}

fn edit_map(map: MapType, edit: &HeaderEdit) -> Result<(), Status> {
    match edit {
        HeaderEdit::Remove(name) => hostcalls::remove_map_value(map, name),
        HeaderEdit::RemoveTrailer(name) => hostcalls::remove_map_value(MapType::HttpRequestTrailers, name),
        HeaderEdit::Set(name, value) => hostcalls::set_map_value_bytes(map, name, Some(value.as_bytes())),
    }
}

/// Replaces the response body's chunk of `size` bytes. Only from its callback; the head announces no length any more.
pub(crate) fn replace_response_body(size: usize, bytes: &[u8]) -> Result<(), Status> {
    hostcalls::set_buffer(BufferType::HttpResponseBody, 0, size, bytes)
}

/// Answers the request. Once per stream, while it is held (ARCHITECTURE H6), or while its response's head is.
pub(crate) fn reply(reply: &Reply) {
    if let Some((status, message)) = &reply.grpc {
        // The gateway writes these itself; given twice they would be joined.
        let own = |name: &str| ["content-type", "grpc-status", "grpc-message"].contains(&name);
        let metadata =
            reply.headers.iter().filter(|(name, _)| !own(name)).map(|(name, value)| (*name, value.as_bytes()));
        expect_done(hostcalls::send_grpc_response(grpc_code(*status), Some(message), metadata.collect()));
        return;
    }
    let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    expect_done(hostcalls::send_http_response(u32::from(reply.status), headers, Some(&reply.body)));
}

fn grpc_code(status: GrpcStatus) -> GrpcStatusCode {
    match status {
        GrpcStatus::InvalidArgument => GrpcStatusCode::InvalidArgument,
        GrpcStatus::DeadlineExceeded => GrpcStatusCode::DeadlineExceeded,
        GrpcStatus::PermissionDenied => GrpcStatusCode::PermissionDenied,
        GrpcStatus::ResourceExhausted => GrpcStatusCode::ResourceExhausted,
        GrpcStatus::Unimplemented => GrpcStatusCode::Unimplemented,
        GrpcStatus::Internal => GrpcStatusCode::Internal,
        GrpcStatus::Unavailable => GrpcStatusCode::Unavailable,
        GrpcStatus::Unauthenticated => GrpcStatusCode::Unauthenticated,
    }
}

/// Answers the request that it cannot be decided here at all. As [`reply`].
pub(crate) fn refuse() {
    let body = b"This cannot be decided at the moment.\n";
    expect_done(hostcalls::send_http_response(503, vec![("content-type", "text/plain")], Some(body)));
}

/// Lets the held request go. Once per stream, after the last edit.
pub(crate) fn resume() {
    expect_done(hostcalls::resume_http_request());
}

/// Resets the stream before anything went upstream.
pub(crate) fn reset_request() {
    expect_done(hostcalls::reset_http_request());
}

/// Resets the stream after the request went upstream, on both sides (ARCHITECTURE H9).
pub(crate) fn reset_response() {
    expect_done(hostcalls::reset_http_response());
}

/// Sends a call; its token.
pub(crate) fn dispatch(call: &Call) -> Result<u32, CallFailure> {
    let mut headers = vec![
        (":method", call.method),
        (":scheme", call.scheme.as_str()),
        (":authority", call.authority.as_str()),
        (":path", call.path.as_str()),
    ];
    headers.extend(call.headers.iter().map(|(name, value)| (*name, value.as_str())));
    let (shortest, longest) = CALL_TIMEOUT;
    let body = (!call.body.is_empty()).then_some(call.body.as_slice());
    hostcalls::dispatch_http_call(&call.cluster, headers, body, Vec::new(), call.timeout.clamp(shortest, longest))
        .map_err(|_| CallFailure::NotDispatched)
}

/// How a call ended. Only from `on_http_call_response`, with the numbers it names; no headers mean no answer
/// (ARCHITECTURE H2).
pub(crate) fn answer(headers: usize, body_size: usize) -> CallOutcome {
    if headers == 0 {
        return CallOutcome::Failed(CallFailure::NoAnswer);
    }
    if body_size > ANSWER_BYTES {
        return CallOutcome::Failed(CallFailure::TooLarge);
    }
    read_answer(body_size).unwrap_or(CallOutcome::Failed(CallFailure::NoAnswer))
}

fn read_answer(body_size: usize) -> Option<CallOutcome> {
    let headers = Headers::new(hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).ok()?);
    let status = headers.single(":status").ok()?.and_then(number)?;
    let body = bytes(BufferType::HttpCallResponseBody, 0, body_size)?;
    Some(CallOutcome::Response { status: u16::try_from(status).ok()?, headers, body })
}

/// The gateway's own cryptography: Envoy's foreign function `verify_signature` (ARCHITECTURE H10).
#[derive(Clone, Copy, Debug)]
pub(crate) struct NativeCrypto;

impl SignatureOracle for NativeCrypto {
    fn verify(&self, hash: &'static str, public_key: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        let question = VerifySignature {
            hash: hash.to_owned(),
            public_key: public_key.to_vec(),
            signature: signature.to_vec(),
            text: text.to_vec(),
        };
        let answer = hostcalls::call_foreign_function("verify_signature", Some(&question.encode_to_vec())).ok()??;
        Some(SignatureVerified::decode(answer.as_slice()).ok()?.result)
    }
}

/// What `verify_signature` is asked; field numbers as in Envoy's `verify_signature.proto`.
#[derive(Clone, PartialEq, prost::Message)]
struct VerifySignature {
    #[prost(string, tag = "1")]
    hash: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

/// What it answers.
#[derive(Clone, PartialEq, prost::Message)]
struct SignatureVerified {
    #[prost(bool, tag = "1")]
    result: bool,
}

/// Defines a metric; its id.
pub(crate) fn define_metric(shape: MetricType, name: &str) -> Option<u32> {
    hostcalls::define_metric(shape, name).ok()
}

/// Adds to a counter or gauge. A metric that cannot be written is no reason to refuse a request.
pub(crate) fn add_to_metric(id: u32, by: i64) {
    let _ = hostcalls::increment_metric(id, by);
}

/// Adds a value to a histogram.
pub(crate) fn record_metric(id: u32, value: u64) {
    let _ = hostcalls::record_metric(id, value);
}

/// The gateway's shared data: per process and `vm_id` (ARCHITECTURE H8).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedData;

impl Store for SharedData {
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        match hostcalls::get_shared_data(key) {
            Ok((Some(value), Some(cas))) => Ok(Some(Versioned { value, cas })),
            Ok((None, None)) => Ok(None),
            // A number without a value is an empty one, which nobody here writes; without a number it cannot be
            // written again without overwriting.
            Ok((Some(_), None) | (None, Some(_))) | Err(_) => Err(StoreError::Failed),
        }
    }

    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError> {
        match hostcalls::set_shared_data(key, Some(value), Some(cas)) {
            Ok(()) => Ok(()),
            Err(Status::CasMismatch) => Err(StoreError::Changed),
            Err(_) => Err(StoreError::Failed),
        }
    }

    fn random(&self) -> Option<[u8; 32]> {
        random()
    }
}

/// What ends a stream's turn cannot be done in another way: the stream stays held, and that is said.
fn expect_done(result: Result<(), Status>) {
    if let Err(status) = result {
        log(LogLevel::Error, &format!("countersign: the gateway refused to end a stream's turn: {status:?}"));
    }
}

/// Exactly `size` bytes from `start`: asking beyond the buffer is an unexpected status in some gateways and a short
/// answer in others.
fn bytes(buffer: BufferType, start: usize, size: usize) -> Option<Vec<u8>> {
    if size == 0 {
        return Some(Vec::new());
    }
    hostcalls::get_buffer(buffer, start, size).ok().flatten().filter(|bytes| bytes.len() == size)
}

fn property<const SEGMENTS: usize>(path: [&str; SEGMENTS]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

fn text(value: Vec<u8>) -> Option<String> {
    String::from_utf8(value).ok().filter(|text| !text.is_empty())
}

/// A truth as gateways write it: a byte, or a word.
fn flag(value: &[u8]) -> bool {
    matches!(value, [1] | b"true")
}

/// An integer as gateways write it: decimal digits, or eight bytes little-endian.
fn number(value: &[u8]) -> Option<u64> {
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        return str::from_utf8(value).ok()?.parse().ok();
    }
    value.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_spellings() {
        assert_eq!(number(&400_u64.to_le_bytes()), Some(400));
        assert_eq!(number(b"400"), Some(400));
        assert_eq!(number(b"12345678"), Some(12_345_678));
        assert_eq!(number(b""), None);
        assert_eq!(number(b"4x"), None);
        assert_eq!(number(b"99999999999999999999"), None);
    }

    #[test]
    fn text_is_utf8_and_not_empty() {
        assert_eq!(text(b"10.0.0.1:80".to_vec()).as_deref(), Some("10.0.0.1:80"));
        assert_eq!(text(vec![0xff]), None);
        assert_eq!(text(Vec::new()), None);
    }
}
