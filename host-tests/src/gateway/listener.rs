//! The listener: what may reach the filter, what may leave it, and the access log.
//!
//! Everything that lets the filter and the server behind read one request in two ways is refused or removed here
//! (ARCHITECTURE H17, H18). Nothing here allows a request.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::cluster::UPSTREAM;
use super::config::PluginConfig;
use super::{Options, address, filter, with};

/// Envoy's own filter for pages.
const CORS: &str = "envoy.filters.http.cors";
/// The name of the one route.
const ROUTE: &str = "tools";

/// One listener in front of the upstream.
pub(super) fn listener(config: &PluginConfig, options: &Options, buffer: u64) -> Value {
    json!({
        "name": "agents",
        "address": address::socket_address(options.listen),
        "per_connection_buffer_limit_bytes": buffer,
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager(config, options),
        }] }],
    })
}

fn connection_manager(config: &PluginConfig, options: &Options) -> Value {
    let manager = json!({
        "@type":
            "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "agents",
        "codec_type": "AUTO",
        // The peer is the client; nobody is trusted to say otherwise, and nobody counts as internal (ARCHITECTURE H17):
        // an empty list would mean loopback and private addresses (measured), and no peer has the address 0.0.0.0.
        "use_remote_address": true,
        "internal_address_config": { "cidr_ranges": [{ "address_prefix": "0.0.0.0", "prefix_len": 32 }] },
        // A path that can be read in two ways does not arrive (ARCHITECTURE H18). Slashes are not merged: what the
        // filter judges is what the server gets, and the filter refuses `//` itself.
        "normalize_path": true,
        "merge_slashes": false,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 100,
            "idle_timeout": "3600s",
        },
        "http2_protocol_options": { "max_concurrent_streams": 100 },
        "request_headers_timeout": "10s",
        "request_timeout": "300s",
        "stream_idle_timeout": "300s",
        "early_header_mutation_extensions": [strip_client_control()],
        "access_log": [access_log()],
        "route_config": route_config(config),
        "http_filters": http_filters(config, options),
    });
    // Envoy itself refuses what is not named here; which resource may is the filter's to say.
    let upgrades: Vec<Value> = config.upgrades().iter().map(|upgrade| json!({ "upgrade_type": upgrade })).collect();
    if upgrades.is_empty() { manager } else { with(manager, "upgrade_configs", upgrades.into()) }
}

/// `x-envoy-*` from a client can ask the router for retries, timeouts and more: gone before a route is chosen
/// (ARCHITECTURE H17).
fn strip_client_control() -> Value {
    json!({
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type":
                "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [{ "remove_on_match": { "key_matcher": { "prefix": "x-envoy-", "ignore_case": true } } }],
        },
    })
}

/// What answers pages' preflights stands in front where pages may ask: those are not an agent's actions. It also says on every
/// answer, refusals among them, that such a page may read it.
fn http_filters(config: &PluginConfig, options: &Options) -> Vec<Value> {
    let cors = json!({
        "name": CORS,
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors" },
    });
    let front = (!config.origins().is_empty()).then_some(cors);
    front.into_iter().chain([filter::filter(config, options), router()]).collect()
}

/// Which pages may ask, and what of answers they may read: from the origins that the configuration names, never from `*`.
fn cors_policy(origins: &BTreeSet<String>) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": origins.iter().map(|origin| json!({ "exact": origin })).collect::<Vec<_>>(),
        "allow_methods": "GET, POST, DELETE, OPTIONS",
        "allow_headers": "authorization, content-type, accept, dpop, last-event-id, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name",
        "expose_headers": "mcp-session-id, mcp-protocol-version, www-authenticate, dpop-nonce, retry-after",
        "max_age": "600",
    })
}

/// One route without retry, hedge or mirror: a permitted step runs once (ARCHITECTURE H17). No header picks it.
fn route_config(config: &PluginConfig) -> Value {
    let host = json!({
        "name": ROUTE,
        "domains": ["*"],
        "routes": [{
            "name": ROUTE,
            "match": { "prefix": "/" },
            // Answers may stream for as long as something comes (SSE).
            "route": { "cluster": UPSTREAM, "timeout": "0s", "idle_timeout": "3600s" },
        }],
    });
    let origins = config.origins();
    let host = if origins.is_empty() {
        host
    } else {
        with(host, "typed_per_filter_config", json!({ CORS: cors_policy(&origins) }))
    };
    json!({ "name": ROUTE, "virtual_hosts": [host] })
}

fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    })
}

/// One JSON line per request on standard output, with the decision (ARCHITECTURE H15). No query: it may hold what is
/// secret.
fn access_log() -> Value {
    let decision = |field: &str| format!("%FILTER_STATE(wasm.countersign.{field}:PLAIN)%");
    json!({
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": { "json_format": {
                "time": "%START_TIME%",
                "method": "%REQ(:METHOD)%",
                "path": "%PATH(NQ)%",
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "flags": "%RESPONSE_FLAGS%",
                "milliseconds": "%DURATION%",
                "upstream": "%UPSTREAM_HOST%",
                "decision": decision("decision"),
                // `audit` where that was only recorded.
                "mode": decision("mode"),
                "reason": decision("reason"),
                "id": decision("id"),
                "workload": decision("workload"),
                "task": decision("task"),
            } },
        },
    })
}
