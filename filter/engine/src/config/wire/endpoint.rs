//! A URL and the gateway's cluster that leads there: two keys, because gateways need both (ARCHITECTURE H14).

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::calls::Endpoint;

use super::Seen;
use crate::config::address::{self, Address};
use crate::config::read::{Node, Object};
use crate::config::text;

/// Reads an address from the member `url` is the name of, with `cluster`, `insecure_http` and `timeout` beside it.
pub(super) fn endpoint(
    object: &mut Object<'_>,
    url: &'static str,
    default_timeout: Duration,
    bounds: &RangeInclusive<Duration>,
    seen: &mut Seen,
) -> Option<Endpoint> {
    let insecure_http = object.or("insecure_http", false, Node::flag);
    let address = object.required(url, &format!("write `{url}: https://host/path`"), |node| {
        let address = node.parse(address::url)?;
        // An unreadable `insecure_http` is one mistake, not two.
        if address.scheme == "http" && insecure_http == Some(false) {
            return node.refuse(
                "plain http, where anyone on the way can answer; write https, or say `insecure_http: true` beside it",
            );
        }
        Some(address)
    });
    let timeout = object.or("timeout", default_timeout, |node| node.duration(bounds));
    let endpoint = object.required("cluster", "name the gateway's cluster that leads to the URL's host", |node| {
        let cluster = node.parse(text::cluster)?;
        let Address { scheme, authority, path } = address?;
        // The destination is compared even when the timeout is a mistake of its own.
        let endpoint = Endpoint { cluster, scheme, authority, path, timeout: timeout.unwrap_or(default_timeout) };
        seen.clusters.claim(node, &endpoint)?;
        Some(endpoint)
    });
    let (_, _) = (insecure_http?, timeout?);
    endpoint
}
