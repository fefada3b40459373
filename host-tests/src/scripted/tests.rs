//! The host itself: modules that break the protocol are caught, and bodies come as a gateway brings them.

use super::*;

/// A module whose callbacks do what `callbacks` says; what it leaves out is harmless.
fn host(callbacks: &[(&str, &str)], options: Options) -> Result<ScriptedHost, HostError> {
    let harmless = [
        ("_initialize", ""),
        ("proxy_on_context_create", "(param i32 i32)"),
        ("proxy_on_vm_start", "(param i32 i32) (result i32) (i32.const 1)"),
        ("proxy_on_configure", "(param i32 i32) (result i32) (i32.const 1)"),
        ("proxy_on_memory_allocate", "(param i32) (result i32) (i32.const 1024)"),
        ("proxy_on_request_headers", "(param i32 i32 i32) (result i32) (i32.const 1)"),
        ("proxy_on_request_body", "(param i32 i32 i32) (result i32) (i32.const 1)"),
        ("proxy_on_request_trailers", "(param i32 i32) (result i32) (i32.const 0)"),
        ("proxy_on_response_headers", "(param i32 i32 i32) (result i32) (i32.const 0)"),
        ("proxy_on_tick", "(param i32)"),
        ("proxy_on_log", "(param i32)"),
        ("proxy_on_done", "(param i32) (result i32) (i32.const 1)"),
        ("proxy_on_delete", "(param i32)"),
    ];
    let functions: Vec<_> = harmless
        .into_iter()
        .map(|(name, usual)| {
            let code = callbacks.iter().find(|(other, _)| *other == name).map_or(usual, |(_, code)| code);
            format!("(func (export \"{name}\") {code})\n")
        })
        .collect();
    let module = format!(
        r#"(module
        (import "env" "proxy_continue_stream" (func $resume (param i32) (result i32)))
        (import "env" "proxy_close_stream" (func $reset (param i32) (result i32)))
        (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_set_effective_context" (func $focus (param i32) (result i32)))
        (import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
        (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
        (import "env" "proxy_get_buffer_bytes" (func $bytes (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "x-a")
        {})"#,
        functions.concat()
    );
    ScriptedHost::new(&Module::new(module.as_bytes())?, b"", &[], options)
}

fn get(host: &mut ScriptedHost, end: bool) -> Result<StreamHandle, HostError> {
    host.request(&[(":method", b"POST"), ("x-a", b"1"), ("x-b", b"\xff")], end)
}

const REPLY: &str = "(call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
    (i32.const 0) (i32.const 0) (i32.const -1)) drop";
const RESUME: &str = "(call $resume (i32.const 0)) drop";
const REMOVE: &str = "(call $remove (i32.const 0) (i32.const 0) (i32.const 3)) drop";

fn on_headers(code: &str) -> String {
    format!("(param i32 i32 i32) (result i32) {code} (i32.const 1)")
}

fn breach_on_headers(code: &[&str]) -> Option<HostError> {
    let code = on_headers(&code.join(" "));
    let started = host(&[("proxy_on_request_headers", &code)], Options::default());
    started.and_then(|mut host| get(&mut host, true)).err()
}

fn violation(what: &str) -> HostError {
    HostError::Violation(format!("{what} (context 2)"))
}

#[test]
fn breaches_of_the_protocol_are_caught() {
    let not_held = "a local reply to a request that is not held, nor its response's head";
    assert_eq!(breach_on_headers(&[REPLY, REPLY]), Some(violation(not_held)));
    assert_eq!(breach_on_headers(&[RESUME, REPLY]), Some(violation(not_held)));
    assert_eq!(breach_on_headers(&[RESUME, RESUME]), Some(violation("resume of a request that is not held")));
    assert_eq!(breach_on_headers(&[REPLY, RESUME]), Some(violation("resume of a request that is not held")));
    assert_eq!(breach_on_headers(&[RESUME, REMOVE]), Some(violation("edit of header map 0, which is not held")));
    assert_eq!(breach_on_headers(&[REPLY, REMOVE]), Some(violation("edit of header map 0, which is not held")));
    let trailers = "(call $pairs (i32.const 1) (i32.const 16) (i32.const 20)) drop";
    assert_eq!(breach_on_headers(&[trailers]), Some(violation("read of header map 1, which is not there")));
    let beyond = "(call $bytes (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 20)) drop";
    let text = "read of bytes 0 to 1 of buffer 0, which are not there";
    assert_eq!(breach_on_headers(&[beyond]), Some(violation(text)));
    let again = HostError::Violation("a request that went upstream is held again".to_owned());
    assert_eq!(breach_on_headers(&[RESUME]), Some(again));
    assert_eq!(breach_on_headers(&[REMOVE]), None);
    assert_eq!(breach_on_headers(&[REMOVE, REPLY]), None);
}

#[test]
fn after_a_breach_or_a_trap_nothing_goes_on() -> Result<(), HostError> {
    let code = on_headers(&format!("{REMOVE} unreachable"));
    let mut host = host(&[("proxy_on_request_headers", &code)], Options::default())?;
    assert!(matches!(get(&mut host, true), Err(HostError::Trapped(_))));
    assert!(matches!(get(&mut host, true), Err(HostError::Trapped(_))));
    assert_eq!(host.events(), []);
    Ok(())
}

#[test]
fn an_answered_request_must_not_go_on() {
    let code = format!("(param i32 i32 i32) (result i32) {REPLY} (i32.const 0)");
    let started = host(&[("proxy_on_request_headers", &code)], Options::default());
    let error = started.and_then(|mut host| get(&mut host, true)).err();
    assert_eq!(error, Some(HostError::Violation("a stream that was answered or reset goes on".to_owned())));
}

#[test]
fn a_held_body_accumulates_and_trailers_end_it() -> Result<(), HostError> {
    // Logs what it sees: the whole body so far.
    let see = "(param i32 i32 i32) (result i32) \
        (call $bytes (i32.const 0) (i32.const 0) (local.get 1) (i32.const 16) (i32.const 20)) drop \
        (call $log (i32.const 2) (i32.load (i32.const 16)) (i32.load (i32.const 20))) drop (i32.const 1)";
    let mut host = host(&[("proxy_on_request_body", see)], Options::default())?;
    let stream = get(&mut host, false)?;
    host.body(stream, b"ab", false)?;
    host.body(stream, b"c", false)?;
    assert_eq!(host.logs(), ["ab", "abc"]);
    assert_eq!(host.forwarded(stream), None);
    host.trailers(stream, &[("x-t", b"1")])?;
    let forwarded = host.forwarded(stream).cloned().unwrap_or_default();
    assert_eq!(forwarded.body, b"abc");
    assert_eq!(forwarded.headers.last(), Some(&("x-b".to_owned(), vec![0xff])));
    assert_eq!(forwarded.trailers, Some(vec![("x-t".to_owned(), b"1".to_vec())]));
    assert!(forwarded.ended);
    Ok(())
}

#[test]
fn a_withheld_body_passes_the_module_after_the_resume() -> Result<(), HostError> {
    let tick = format!("(param i32) (call $focus (i32.const 2)) drop {REMOVE} {RESUME}");
    let body = "(param i32 i32 i32) (result i32) (i32.const 0)";
    let callbacks = [("proxy_on_tick", tick.as_str()), ("proxy_on_request_body", body)];
    let mut host = host(&callbacks, Options { withholds_bodies: true, ..Options::default() })?;
    let stream = get(&mut host, false)?;
    host.body(stream, b"abc", true)?;
    assert_eq!(host.forwarded(stream), None);
    host.tick(std::time::Duration::from_secs(1))?;
    let forwarded = host.forwarded(stream).cloned().unwrap_or_default();
    assert_eq!((forwarded.body.as_slice(), forwarded.ended), (&b"abc"[..], true));
    assert!(!forwarded.headers.iter().any(|(name, _)| name == "x-a"));
    assert_eq!(host.events(), [Event::Forward(stream)]);
    Ok(())
}

#[test]
fn a_failing_hostcall_answers_what_it_was_told() -> Result<(), HostError> {
    let code = "(param i32 i32 i32) (result i32) (call $resume (i32.const 0)) (i32.const 12) (i32.ne) \
        (if (then unreachable)) (i32.const 1)";
    let mut host = host(&[("proxy_on_request_headers", code)], Options::default())?;
    host.fail("proxy_continue_stream", Status::Unimplemented);
    let stream = get(&mut host, true)?;
    assert_eq!(host.forwarded(stream), None);
    host.heal("proxy_continue_stream");
    assert!(matches!(get(&mut host, true), Err(HostError::Trapped(_))));
    Ok(())
}

#[test]
fn shared_data_compares_numbers() {
    let data = SharedData::default();
    assert!(data.set("k", b"1", u32::MAX), "creates with a number that cannot match");
    assert!(!data.set("k", b"2", u32::MAX), "and only creates");
    let number = data.get("k").map_or(0, |(_, number)| number);
    data.conflict(1);
    assert!(!data.set("k", b"2", number));
    assert!(data.clone().set("k", b"2", number));
    assert!(!data.set("k", b"3", number), "changed meanwhile");
    assert!(data.set("k", b"4", 0), "0 overwrites");
    assert_eq!(data.get("k").map(|(value, _)| value), Some(b"4".to_vec()));
}

#[test]
fn header_pairs_survive_the_abi() -> wasmtime::Result<()> {
    let pairs = vec![(":path".to_owned(), b"/".to_vec()), ("x".to_owned(), vec![0, 0xff]), ("x".to_owned(), vec![])];
    let bytes = memory::encode(&pairs)?;
    assert_eq!(memory::decode(&bytes), Some(pairs));
    assert_eq!(memory::decode(bytes.get(..bytes.len() - 1).unwrap_or_default()), None);
    Ok(())
}
