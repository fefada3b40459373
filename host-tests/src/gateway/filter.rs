//! The wasm filter as Envoy loads it.
//!
//! Decides what the module may use of its host and what happens when it fails; never anything it decides itself.

use serde_json::{Value, json};

use super::Options;
use super::config::PluginConfig;

/// What the module may call and be called for. A module that is taken over can then do nothing that this one does not
/// do anyway. It must be complete: whatever is missing here is refused, and the SDK traps on that (ARCHITECTURE H3).
pub const CAPABILITIES: [&str; 43] = [
    // Called by Envoy.
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_http_call_response",
    "proxy_on_done",
    "proxy_on_log",
    "proxy_on_delete",
    // Called by the module: log, clock, configuration and buffers.
    "proxy_log",
    "proxy_get_current_time_nanoseconds",
    "proxy_set_tick_period_milliseconds",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    // Headers and the stream.
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_set_header_map_pairs",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_send_local_response",
    "proxy_set_effective_context",
    // Calls, state, counters, properties, the host's cryptography.
    "proxy_http_call",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_call_foreign_function",
    // What Rust's standard library needs of WASI: no files, no sockets.
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "random_get",
];

/// The HTTP filter.
pub(super) fn filter(config: &PluginConfig, options: &Options) -> Value {
    json!({
        "name": "countersign",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                // Also the prefix of its filter state: %FILTER_STATE(wasm.countersign.decision:PLAIN)%.
                "name": "countersign",
                "root_id": "countersign",
                // Text: a `google.protobuf.Struct` reaches the module as protobuf, not as JSON (measured, 1.36 to 1.40).
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": config.text(),
                },
                // A new VM after a trap, refusing until it runs; never FAIL_OPEN (ARCHITECTURE H5).
                "failure_policy": "FAIL_RELOAD",
                // Headers are held while the body is read (ARCHITECTURE H1).
                "allow_on_headers_stop_iteration": true,
                // Deprecated in 1.40 in favour of the same under vm_config, which 1.36 does not know.
                "capability_restriction_config": {
                    "allowed_capabilities": CAPABILITIES.iter().map(|name| ((*name).to_owned(), json!({}))).collect::<serde_json::Map<_, _>>(),
                },
                "vm_config": {
                    // What was spent and revoked is shared by all VMs of this id: it must be nobody else's
                    // (ARCHITECTURE H8).
                    "vm_id": "countersign",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": config.module(&options.module) } },
                    // Named, not written: this document can be read through the admin interface.
                    "environment_variables": { "host_env_keys": config.secrets() },
                },
            },
        },
    })
}
