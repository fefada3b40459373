//! A URL and the gateway's cluster that leads there: two keys, because gateways need both (ARCHITECTURE H14).

use std::time::Duration;

use countersign_facts::calls::Endpoint;

use super::Seen;
use crate::config::address::{self, Address};
use crate::config::key::{Defaulted, Flag, Key, Parsed, Required, Span, defaulted, keys, required};
use crate::config::read::Object;
use crate::config::text;

keys! {
    pub(super) struct EndpointKeys;

    const URL: Required<Parsed<Address>> = required("url", address::URL);

    const CLUSTER: Required<Parsed<String>> = required("cluster", text::CLUSTER);

    /// Allows a plain http URL. Anyone on the way can then answer in its place: keys and approvals ride on it.
    const INSECURE_HTTP: Defaulted<Flag> = defaulted("insecure_http", Flag, false);
}

/// Reads an address from the key `url`, with `cluster`, `insecure_http` and `timeout` beside it.
pub(super) fn endpoint(
    object: &mut Object<'_>,
    url: &dyn Key<Notation = Parsed<Address>>,
    timeout: &Defaulted<Span>,
    default_timeout: Duration,
    seen: &mut Seen,
) -> Option<Endpoint> {
    let insecure_http = object.or(&EndpointKeys::INSECURE_HTTP);
    let address = object.demanded(url, &format!("write `{}: https://host/path`", url.name()), |node| {
        let address = url.read(node)?;
        // An unreadable `insecure_http` is one mistake, not two.
        if address.scheme == "http" && insecure_http == Some(false) {
            return node.refuse(
                "plain http, where anyone on the way can answer; write https, or say `insecure_http: true` beside it",
            );
        }
        Some(address)
    });
    let timeout = object.or_else(timeout, default_timeout, |node| timeout.read(node));
    let remedy = "name the gateway's cluster that leads to the URL's host";
    let endpoint = object.required_with(&EndpointKeys::CLUSTER, remedy, |node| {
        let cluster = EndpointKeys::CLUSTER.read(node)?;
        let Address { scheme, authority, path } = address?;
        // The destination is compared even when the timeout is a mistake of its own.
        let endpoint = Endpoint { cluster, scheme, authority, path, timeout: timeout.unwrap_or(default_timeout) };
        seen.clusters.claim(node, &endpoint)?;
        Some(endpoint)
    });
    let (_, _) = (insecure_http?, timeout?);
    endpoint
}
