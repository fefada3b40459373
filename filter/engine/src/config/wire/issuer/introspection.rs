//! Where an issuer is asked about its opaque tokens.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_trust::introspection::Introspection;

use crate::config::key::{Defaulted, Own, Required, Span, Text, defaulted, duration, keys, required};
use crate::config::read::Node;
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::wire::Seen;
use crate::config::wire::endpoint::{EndpointKeys, endpoint};
use crate::config::wire::secret::{Source, secret};

const WAIT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);
const CACHE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(10);

keys! {
    /// Where the issuer is asked about its opaque tokens (RFC 7662).
    pub(in crate::config::wire) struct IntrospectionKeys;

    use EndpointKeys::URL;

    use EndpointKeys::CLUSTER;

    use EndpointKeys::INSECURE_HTTP => reference("insecure_http");

    /// How long to wait for an answer. {bounds}.
    const TIMEOUT: Defaulted<Span> = defaulted("timeout", duration(WAIT), Duration::from_secs(5));

    /// The name the issuer knows the gateway by.
    const CLIENT_ID: Required<Text> = required("client_id", Text);

    const CLIENT_SECRET: Required<Own> = required("client_secret", Own) => reference("secret");

    /// How long an answer holds, at most until the token's end: a token that the issuer revokes works for as long. With
    /// 0s each call asks; one that is held for more than 2 s asks again. {bounds}.
    const CACHE: Defaulted<Span> = defaulted("cache", duration(CACHE), Duration::from_secs(30));
}

/// The value of `introspection`.
pub(super) fn introspection(node: &Node<'_>, source: &Source<'_>, seen: &mut Seen) -> Option<Introspection> {
    node.object(|object| {
        let timeout = &IntrospectionKeys::TIMEOUT;
        let endpoint = endpoint(object, &EndpointKeys::URL, timeout, timeout.default, seen);
        let remedy = "write the name the issuer knows the gateway by";
        let client_id = object.required(&IntrospectionKeys::CLIENT_ID, remedy);
        let remedy = "write `client_secret: { env: NAME }`";
        let client_secret =
            object.required_with(&IntrospectionKeys::CLIENT_SECRET, remedy, |node| secret(node, source, any_secret));
        let cache = object.or(&IntrospectionKeys::CACHE);
        Some(Introspection { endpoint: endpoint?, client_id: client_id?, client_secret: client_secret?, cache: cache? })
    })
}

fn any_secret(node: &Node<'_>, secret: &str) -> Option<String> {
    if secret.is_empty() {
        return node.refuse("the secret is empty; set it where the gateway runs");
    }
    Some(secret.to_owned())
}
