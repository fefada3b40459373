//! What the built module needs from a gateway, name by name: a new import is a new assumption about every gateway.
//!
//! Needs the module: `scripts/build`.

use countersign_host_tests::scripted::{HostError, Module};

/// Hostcalls the filter makes.
const USED: [&str; 20] = [
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_send_local_response",
    "proxy_set_effective_context",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// Hostcalls of proxy-wasm 0.2.1 that the SDK's traits offer and `.clippy.toml` forbids: imported, never made.
const OFFERED: [&str; 15] = [
    "proxy_add_header_map_value",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_header_map_value",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_set_buffer_bytes",
    "proxy_set_header_map_pairs",
];

/// What std needs for randomness, the environment and panics. The clock is linked by jwt-simple, which is given the
/// time instead (clippy bans clocks in what ships).
const WASI: [&str; 6] = ["clock_time_get", "environ_get", "environ_sizes_get", "fd_write", "proc_exit", "random_get"];

#[test]
fn the_module_imports_only_what_is_listed() -> Result<(), HostError> {
    let imports = [Module::built()?.imports(), Module::with_rego()?.imports()].concat();
    let unlisted: Vec<_> = imports
        .into_iter()
        .filter(|(module, name)| match module.as_str() {
            "env" => !USED.contains(&name.as_str()) && !OFFERED.contains(&name.as_str()),
            "wasi_snapshot_preview1" => !WASI.contains(&name.as_str()),
            _ => true,
        })
        .collect();
    assert_eq!(unlisted, []);
    Ok(())
}

#[test]
fn every_hostcall_the_filter_makes_is_imported() -> Result<(), HostError> {
    let imports = Module::built()?.imports();
    let missing: Vec<_> = USED.iter().filter(|name| !imports.iter().any(|(_, import)| import == *name)).collect();
    assert!(missing.is_empty(), "listed and not imported: {missing:?}");
    Ok(())
}
