//! What scenarios change about a derived bootstrap: the secret's value, trailers, and deviations from what is shipped.

use anyhow::Context;
use serde_json::{Value, json};

use crate::drivers::SECRETS;
use crate::gateway::filter_in;
use crate::scenario::format::Deviation;
use crate::scenario::text::merge;

const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const ROUTE: &str = "/route_config/virtual_hosts/0/routes/0/route";

/// `bootstrap` with the deviations.
pub(super) fn apply(mut bootstrap: Value, gateway: &[Deviation]) -> anyhow::Result<Value> {
    // Processes started by tests share one environment, which tests must not change: the value is handed over instead.
    let secrets: serde_json::Map<String, Value> =
        SECRETS.iter().map(|(name, secret)| ((*name).to_owned(), json!(secret))).collect();
    let secret = json!({ "environment_variables": { "host_env_keys": null, "key_values": secrets } });
    let filter = filter_in(&bootstrap, MANAGER).context("a derived bootstrap has no filter")?;
    patch(&mut bootstrap, &format!("{filter}/vm_config"), &secret)?;
    // Without these Envoy drops trailers of HTTP/1.1 itself.
    let trailers = json!({ "http_protocol_options": { "enable_trailers": true } });
    patch(&mut bootstrap, MANAGER, &trailers)?;
    let upstream = json!({ "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": trailers,
        },
    } });
    patch(&mut bootstrap, "/static_resources/clusters/0", &upstream)?;
    for deviation in gateway {
        let (place, change) = match deviation {
            Deviation::HoldsNoBodies => (filter.clone(), json!({ "allow_on_headers_stop_iteration": null })),
            Deviation::PassesUnderscores => (
                MANAGER.to_owned(),
                json!({ "common_http_protocol_options": { "headers_with_underscores_action": "ALLOW" } }),
            ),
            Deviation::Retries => (
                format!("{MANAGER}{ROUTE}"),
                json!({ "retry_policy": { "retry_on": "5xx,reset,retriable-4xx", "num_retries": 2 } }),
            ),
            // Done by the servers around.
            Deviation::SwappedUpstreamCertificate | Deviation::SwappedKeysCertificate => continue,
        };
        patch(&mut bootstrap, &place, &change)?;
    }
    Ok(bootstrap)
}

/// RFC 7396 at a place that must be there.
fn patch(bootstrap: &mut Value, pointer: &str, patch: &Value) -> anyhow::Result<()> {
    let place = bootstrap.pointer_mut(pointer).with_context(|| format!("a derived bootstrap has no {pointer}"))?;
    merge(place, patch);
    Ok(())
}
