//! Hostcalls that read and edit what a stream carries: header maps, bodies, properties.

use wasmtime::{Caller, Linker, Result};

use super::memory::{encode, give, read, text};
use super::observe::hostcall;
use super::state::{Pairs, Place, Shown, State, Status};

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEADERS: u32 = 2;
const CALL_RESPONSE_HEADERS: u32 = 6;

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const CALL_RESPONSE_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Adds the imports.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap("env", "proxy_get_header_map_pairs", header_pairs)?;
    linker.func_wrap("env", "proxy_replace_header_map_value", replace_header)?;
    linker.func_wrap("env", "proxy_remove_header_map_value", remove_header)?;
    linker.func_wrap("env", "proxy_get_buffer_bytes", buffer_bytes)?;
    linker.func_wrap("env", "proxy_set_buffer_bytes", set_buffer_bytes)?;
    linker.func_wrap("env", "proxy_get_property", property)?;
    linker.func_wrap("env", "proxy_set_property", set_property)?;
    Ok(())
}

fn header_pairs(caller: Caller<'_, State>, map: u32, data: u32, size: u32) -> Result<i32> {
    hostcall(caller, "proxy_get_header_map_pairs", |caller| {
        let state = caller.data_mut();
        let pairs = match (map, state.streams.get(&state.effective), &state.answer) {
            (CALL_RESPONSE_HEADERS, _, Some((headers, _))) => Some(headers.clone()),
            (REQUEST_HEADERS, Some(stream), _) if stream.place == Place::Held => Some(stream.headers.clone()),
            (REQUEST_TRAILERS, Some(stream), _) => stream.trailers.clone(),
            (RESPONSE_HEADERS, Some(stream), _) => stream.response_headers.clone(),
            _ => None,
        };
        let Some(pairs) = pairs else {
            return Err(state.breach(&format!("read of header map {map}, which is not there")));
        };
        give(caller, &encode(&pairs)?, data, size)?;
        Ok(Status::Ok)
    })
}

fn replace_header(caller: Caller<'_, State>, map: u32, key: u32, key_size: u32, value: u32, size: u32) -> Result<i32> {
    hostcall(caller, "proxy_replace_header_map_value", |caller| {
        let name = text(caller, key, key_size)?;
        let value = read(caller, value, size)?;
        let headers = editable(caller, map)?;
        headers.retain(|(other, _)| *other != name);
        headers.push((name, value));
        Ok(Status::Ok)
    })
}

fn remove_header(caller: Caller<'_, State>, map: u32, key: u32, key_size: u32) -> Result<i32> {
    hostcall(caller, "proxy_remove_header_map_value", |caller| {
        let name = text(caller, key, key_size)?;
        editable(caller, map)?.retain(|(other, _)| *other != name);
        Ok(Status::Ok)
    })
}

/// The request's headers, as long as they are held; its trailers, once they came; the response's headers, in their callback.
fn editable<'a>(caller: &'a mut Caller<'_, State>, map: u32) -> Result<&'a mut Pairs> {
    let state = caller.data_mut();
    let context = state.effective;
    let in_response_head = state.stream().is_some_and(|stream| stream.shows == Some(Shown::ResponseHead));
    if map == RESPONSE_HEADERS && in_response_head {
        let headers = state.stream().and_then(|stream| stream.response_headers.as_mut());
        return headers.ok_or_else(|| wasmtime::Error::msg("no such stream"));
    }
    if map == REQUEST_TRAILERS && state.stream().is_some_and(|stream| stream.trailers.is_some()) {
        let trailers = state.stream().and_then(|stream| stream.trailers.as_mut());
        return trailers.ok_or_else(|| wasmtime::Error::msg("no such stream"));
    }
    if map != REQUEST_HEADERS || state.streams.get(&context).is_none_or(|stream| stream.place != Place::Held) {
        return Err(state.breach(&format!("edit of header map {map}, which is not held")));
    }
    state.stream().map(|stream| &mut stream.headers).ok_or_else(|| wasmtime::Error::msg("no such stream"))
}

fn buffer_bytes(caller: Caller<'_, State>, buffer: u32, start: u32, wanted: u32, data: u32, size: u32) -> Result<i32> {
    hostcall(caller, "proxy_get_buffer_bytes", |caller| {
        let state = caller.data_mut();
        if let Some(stream) = state.stream().filter(|_| buffer == RESPONSE_BODY) {
            stream.delivered.read = stream.delivered.read.saturating_add(1);
        }
        let bytes = match (buffer, state.streams.get(&state.effective), &state.answer) {
            (PLUGIN_CONFIGURATION, _, _) => Some(&state.configuration),
            (CALL_RESPONSE_BODY, _, Some((_, body))) => Some(body),
            (REQUEST_BODY, Some(stream), _) => Some(&stream.visible),
            (RESPONSE_BODY, Some(stream), _) => Some(&stream.response_chunk),
            _ => None,
        };
        let start = usize::try_from(start)?;
        let end = start.saturating_add(usize::try_from(wanted)?);
        let Some(bytes) = bytes.and_then(|bytes| bytes.get(start..end)).map(<[u8]>::to_vec) else {
            return Err(
                state.breach(&format!("read of bytes {start} to {end} of buffer {buffer}, which are not there"))
            );
        };
        give(caller, &bytes, data, size)?;
        Ok(Status::Ok)
    })
}

/// Of the response's chunk only, and of the whole of it.
fn set_buffer_bytes(
    caller: Caller<'_, State>,
    buffer: u32,
    start: u32,
    length: u32,
    data: u32,
    size: u32,
) -> Result<i32> {
    hostcall(caller, "proxy_set_buffer_bytes", |caller| {
        let bytes = read(caller, data, size)?;
        let state = caller.data_mut();
        let shown = state.stream().filter(|stream| stream.shows == Some(Shown::ResponseBody));
        let whole = |chunk: &[u8]| start == 0 && usize::try_from(length).is_ok_and(|length| length == chunk.len());
        match shown.filter(|stream| buffer == RESPONSE_BODY && whole(&stream.response_chunk)) {
            Some(stream) => {
                stream.response_chunk = bytes;
                Ok(Status::Ok)
            }
            None => Err(state.breach(&format!("{length} bytes from {start} of buffer {buffer} replaced"))),
        }
    })
}

fn property(caller: Caller<'_, State>, path: u32, path_size: u32, data: u32, size: u32) -> Result<i32> {
    hostcall(caller, "proxy_get_property", |caller| {
        let path = text(caller, path, path_size)?;
        let state = caller.data();
        let value = match path.as_str() {
            "plugin_name" => Some(if state.options.unnamed { Vec::new() } else { b"countersign".to_vec() }),
            "source\0address" => state.options.source.clone().map(String::into_bytes),
            "xds\0route_name" => state.options.route.clone().map(String::into_bytes),
            "connection\0mtls" => Some(vec![u8::from(state.options.certificate.is_some())]),
            "connection\0sha256_peer_certificate_digest" => {
                state.options.certificate.as_ref().map(|(digest, _)| digest.clone().into_bytes())
            }
            "connection\0uri_san_peer_certificate" => {
                state.options.certificate.as_ref().and_then(|(_, uri)| uri.clone()).map(String::into_bytes)
            }
            "request\0total_size" => state.streams.get(&state.effective).map(|stream| {
                let total = u64::try_from(stream.head_bytes.saturating_add(stream.received)).unwrap_or(u64::MAX);
                total.to_le_bytes().to_vec()
            }),
            _ => None,
        };
        let Some(value) = value else { return Ok(Status::NotFound) };
        give(caller, &value, data, size)?;
        Ok(Status::Ok)
    })
}

fn set_property(caller: Caller<'_, State>, path: u32, path_size: u32, data: u32, size: u32) -> Result<i32> {
    hostcall(caller, "proxy_set_property", |caller| {
        let path = text(caller, path, path_size)?;
        let value = read(caller, data, size)?;
        let state = caller.data_mut();
        if path.contains('\0') {
            return Err(state.breach("a property of several segments, which no access log reads (ARCHITECTURE H15)"));
        }
        match state.stream() {
            Some(stream) => {
                stream.filter_state.insert(path, value);
                Ok(Status::Ok)
            }
            None => Err(state.breach("a property set outside every stream")),
        }
    })
}
