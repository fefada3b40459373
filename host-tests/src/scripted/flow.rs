//! Hostcalls that move streams and make calls. What moves a stream takes effect after the callback, like in Envoy.

use std::time::Duration;

use wasmtime::{Caller, Linker, Result};

use super::memory::{pairs, read, text, write};
use super::observe::hostcall;
use super::state::{Deferred, Event, HttpCall, LocalReply, Place, Shown, State, Status, StreamHandle, StreamState};

const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;

/// Adds the imports.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap("env", "proxy_continue_stream", continue_stream)?;
    linker.func_wrap("env", "proxy_close_stream", close_stream)?;
    linker.func_wrap("env", "proxy_send_local_response", send_local_response)?;
    linker.func_wrap("env", "proxy_set_effective_context", set_effective_context)?;
    linker.func_wrap("env", "proxy_http_call", http_call)?;
    Ok(())
}

fn continue_stream(caller: Caller<'_, State>, kind: u32) -> Result<i32> {
    hostcall(caller, "proxy_continue_stream", |caller| {
        let state = caller.data_mut();
        let handle = StreamHandle(state.effective);
        let Some(stream) = state.stream().filter(|stream| kind == REQUEST && stream.place == Place::Held) else {
            return Err(state.breach("resume of a request that is not held"));
        };
        stream.place = Place::Upstream;
        state.deferred.push(Deferred::Resume(handle));
        Ok(Status::Ok)
    })
}

fn close_stream(caller: Caller<'_, State>, kind: u32) -> Result<i32> {
    hostcall(caller, "proxy_close_stream", |caller| {
        let state = caller.data_mut();
        let handle = StreamHandle(state.effective);
        let expected = if kind == REQUEST { Place::Held } else { Place::Upstream };
        let Some(stream) = state.stream().filter(|stream| kind <= RESPONSE && stream.place == expected) else {
            return Err(state.breach("reset of a stream that is not open there"));
        };
        stream.place = Place::Ended;
        stream.was_reset = true;
        state.events.push(Event::Reset(handle));
        Ok(Status::Ok)
    })
}

#[expect(clippy::too_many_arguments, reason = "the ABI's")]
fn send_local_response(
    caller: Caller<'_, State>,
    status: u32,
    _details: u32,
    _details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    grpc: i32,
) -> Result<i32> {
    hostcall(caller, "proxy_send_local_response", |caller| {
        let mut reply =
            LocalReply { status, headers: pairs(caller, headers, headers_size)?, body: read(caller, body, body_size)? };
        // As Envoy answers gRPC: headers only, the text in one of them.
        if grpc >= 0 {
            let message = std::mem::take(&mut reply.body);
            let own = [
                ("content-type", b"application/grpc".to_vec()),
                ("grpc-status", grpc.to_string().into_bytes()),
                ("grpc-message", message),
            ];
            reply.headers.extend(own.map(|(name, value)| (name.to_owned(), value)));
        }
        let state = caller.data_mut();
        let handle = StreamHandle(state.effective);
        let answerable =
            |stream: &&mut StreamState| stream.place == Place::Held || stream.shows == Some(Shown::ResponseHead);
        let Some(stream) = state.streams.get_mut(&handle.0).filter(answerable) else {
            return Err(state.breach("a local reply to a request that is not held, nor its response's head"));
        };
        stream.place = Place::Ended;
        stream.reply = Some(reply);
        state.events.push(Event::Reply(handle));
        state.deferred.push(Deferred::Reply(handle));
        Ok(Status::Ok)
    })
}

fn set_effective_context(caller: Caller<'_, State>, context: u32) -> Result<i32> {
    hostcall(caller, "proxy_set_effective_context", |caller| {
        let state = caller.data_mut();
        if !state.roots.contains(&context) && !state.streams.contains_key(&context) {
            return Ok(Status::BadArgument);
        }
        state.effective = context;
        Ok(Status::Ok)
    })
}

#[expect(clippy::too_many_arguments, reason = "the ABI's")]
fn http_call(
    caller: Caller<'_, State>,
    cluster: u32,
    cluster_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    _trailers: u32,
    _trailers_size: u32,
    timeout: u32,
    result: u32,
) -> Result<i32> {
    hostcall(caller, "proxy_http_call", |caller| {
        let cluster = text(caller, cluster, cluster_size)?;
        let headers = pairs(caller, headers, headers_size)?;
        let body = read(caller, body, body_size)?;
        let state = caller.data_mut();
        if state.refuses_calls {
            return Ok(Status::InternalFailure);
        }
        if state.refused_clusters.contains(&cluster) {
            return Ok(Status::BadArgument);
        }
        for required in [":method", ":path", ":authority"] {
            if !headers.iter().any(|(name, value)| name == required && !value.is_empty()) {
                return Err(state.breach(&format!("a call without {required}")));
            }
        }
        let token = state.next_token;
        state.next_token = token.saturating_add(1);
        let stream = state.streams.contains_key(&state.effective).then_some(StreamHandle(state.effective));
        let timeout = Duration::from_millis(u64::from(timeout));
        state.calls.insert(token, HttpCall { token, cluster, headers, body, timeout, stream });
        write(caller, result, &token.to_le_bytes())?;
        Ok(Status::Ok)
    })
}
