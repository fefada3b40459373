//! Clusters: the ways out of the gateway, to the upstream and to what the filter calls.
//!
//! Without a trusted authority and a name to match, Envoy accepts any certificate (measured), and keys and approvals
//! ride on these connections: no TLS cluster is written without both.

use std::path::Path;

use serde_json::{Value, json};

use super::address::HostPort;
use super::config::{Destination, PluginConfig};
use super::{DeriveError, Options, with};

/// The cluster that permitted requests go to.
pub const UPSTREAM: &str = "upstream";

/// The upstream's cluster first, then one for each place the filter calls.
pub(super) fn clusters(config: &PluginConfig, options: &Options, buffer: u64) -> Result<Vec<Value>, DeriveError> {
    let destinations = config.destinations()?;
    if destinations.iter().any(|destination| destination.cluster == UPSTREAM) {
        return Err(DeriveError::ReservedName);
    }
    let known = |name: &&String| destinations.iter().any(|destination| destination.cluster == **name);
    if let Some(unknown) = options.endpoints.keys().find(|name| !known(name)) {
        return Err(DeriveError::UnknownCluster(unknown.clone()));
    }
    let upstream = Destination {
        cluster: UPSTREAM.to_owned(),
        tls: options.upstream.tls,
        address: options.upstream.address.clone(),
    };
    let all = std::iter::once(&upstream).chain(&destinations);
    Ok(all.map(|destination| cluster(destination, options, buffer)).collect())
}

fn cluster(destination: &Destination, options: &Options, buffer: u64) -> Value {
    let Destination { cluster: name, tls, address } = destination;
    let endpoint = options.endpoints.get(name).unwrap_or(address);
    let mut cluster = json!({
        "name": name,
        "type": if endpoint.ip().is_some() { "STATIC" } else { "STRICT_DNS" },
        "connect_timeout": "5s",
        "per_connection_buffer_limit_bytes": buffer,
        // No request is sent twice, whatever a route or a header asks for: a step that ran must not run again
        // (ARCHITECTURE H17).
        "circuit_breakers": { "thresholds": [
            { "priority": "DEFAULT", "max_retries": 0 },
            { "priority": "HIGH", "max_retries": 0 },
        ] },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": endpoint.to_envoy() } }] }],
        },
    });
    if endpoint.ip().is_none() {
        cluster = with(cluster, "dns_lookup_family", json!("V4_PREFERRED"));
    }
    if *tls {
        cluster = with(cluster, "transport_socket", tls_socket(address, &options.trusted_ca));
    }
    cluster
}

/// TLS to whoever an authority in `trusted_ca` calls `address.host`.
fn tls_socket(address: &HostPort, trusted_ca: &Path) -> Value {
    let name_type = if address.ip().is_some() { "IP_ADDRESS" } else { "DNS" };
    let context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {
            "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
            "validation_context": {
                "trusted_ca": { "filename": trusted_ca },
                "match_typed_subject_alt_names": [
                    { "san_type": name_type, "matcher": { "exact": address.host } },
                ],
            },
        },
    });
    // An address is not a server name (RFC 6066 §3).
    let context = if address.ip().is_none() { with(context, "sni", json!(address.host)) } else { context };
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": context })
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a member that is missing reads as null")]
mod tests {
    use serde_json::json;

    use crate::gateway::{Options, PluginConfig, bootstrap};

    fn options() -> Result<Options, crate::gateway::AddressError> {
        Ok(Options::new("filter.wasm", "127.0.0.1:1".parse()?))
    }

    #[test]
    fn a_tls_cluster_names_its_authority_and_the_name_in_the_url() -> Result<(), anyhow::Error> {
        let config = PluginConfig::from(json!({ "cluster": "sts", "url": "https://sts.example.com/jwks" }));
        let mut options = options()?;
        options.trusted_ca = "/ca.pem".into();
        options.endpoints.insert("sts".to_owned(), "127.0.0.1:9".parse()?);
        let bootstrap = bootstrap(&config, &options)?;
        let sts = bootstrap.pointer("/static_resources/clusters/1").cloned().unwrap_or_default();
        let context = sts.pointer("/transport_socket/typed_config").cloned().unwrap_or_default();
        assert_eq!(context["sni"], "sts.example.com");
        let validation = &context["common_tls_context"]["validation_context"];
        assert_eq!(validation["trusted_ca"]["filename"], "/ca.pem");
        assert_eq!(
            validation["match_typed_subject_alt_names"],
            json!([{ "san_type": "DNS", "matcher": { "exact": "sts.example.com" } }])
        );
        assert_eq!(sts["type"], "STATIC");
        Ok(())
    }

    #[test]
    fn names_that_would_mislead_are_refused() -> Result<(), anyhow::Error> {
        let config = PluginConfig::from(json!({ "cluster": "upstream", "url": "https://sts.example.com/jwks" }));
        let error = bootstrap(&config, &options()?).map_err(|error| error.to_string());
        assert_eq!(
            error.err().as_deref(),
            Some(
                "a cluster of the configuration is called `upstream`, which names the way to the upstream here; rename it"
            )
        );
        let mut options = options()?;
        options.endpoints.insert("stz".to_owned(), "127.0.0.1:9".parse()?);
        let error = bootstrap(&PluginConfig::from(json!({})), &options).map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some("the configuration names no cluster `stz`"));
        Ok(())
    }
}
