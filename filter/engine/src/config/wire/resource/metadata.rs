//! What the filter itself says about a resource, to whoever asks (RFC 9728).

use countersign_protocols::catalogue::Metadata;
use countersign_trust::credential::Issuer;
use countersign_trust::possession::Bound;

use crate::config::address::{self, Address};
use crate::config::key::{
    Defaulted, Distinct, Key, List, Optional, Parsed, defaulted, distinct, filled, keys, optional,
};
use crate::config::read::Node;
use crate::config::text;

keys! {
    /// What the filter says about the resource to whoever asks, at `/.well-known/oauth-protected-resource` and the
    /// identifier's path on its host (RFC 9728); challenges name it. Needs `identifier`.
    pub(super) struct MetadataKeys;

    /// Where clients get credentials. Unless stated: every issuer that is a URL.
    const AUTHORIZATION_SERVERS: Optional<List<Parsed<String>>> =
        optional("authorization_servers", filled("authorization server", address::PUBLIC_URL));

    /// Scopes that clients may ask for. Everybody can read them.
    const SCOPES: Defaulted<Distinct<Parsed<String>>> = defaulted("scopes", distinct(text::SCOPE), Vec::new());

    /// A page for people.
    const DOCUMENTATION: Optional<Parsed<String>> = optional("documentation", address::PUBLIC_URL);
}

/// What is served about the resource, and where.
#[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
pub(super) fn metadata(
    node: &Node<'_>,
    identifier: Option<Option<&(String, Address)>>,
    issuers: &[Issuer],
) -> Option<(Metadata, String)> {
    node.object(|object| {
        let servers = object.or_else(&MetadataKeys::AUTHORIZATION_SERVERS, servers(issuers), |node| {
            MetadataKeys::AUTHORIZATION_SERVERS.read(node)
        });
        let scopes = object.or(&MetadataKeys::SCOPES);
        let documentation = object.optional(&MetadataKeys::DOCUMENTATION);
        let Some((_, Address { scheme, authority, path })) = identifier? else {
            let remedy = "write `identifier: https://host/path` beside it";
            return object.node().refuse(format!("metadata is about an `identifier`; {remedy}"));
        };
        let servers = servers?;
        if servers.is_empty() {
            return object
                .node()
                .refuse("no issuer is a URL that clients could be sent to; write `authorization_servers`");
        }
        let path = format!("/.well-known/oauth-protected-resource{}", path.trim_end_matches('/'));
        let url = format!("{scheme}://{authority}{path}");
        let all = |bound: Bound| !issuers.is_empty() && issuers.iter().all(|issuer| issuer.binding.require == bound);
        let metadata = Metadata {
            path,
            authorization_servers: servers,
            scopes: scopes?,
            documentation: documentation?,
            dpop_required: all(Bound::Dpop),
            certificate_required: all(Bound::Certificate),
        };
        Some((metadata, url))
    })
}

/// The issuers that clients can be sent to: those that are URLs. Nobody is told which tenants are trusted.
fn servers(issuers: &[Issuer]) -> Vec<String> {
    let issuers = issuers.iter().filter(|issuer| issuer.voucher.rules.tenant_claim().is_none());
    let issuers = issuers.map(|issuer| issuer.voucher.rules.issuer());
    issuers.filter(|issuer| address::url(issuer).is_ok()).map(str::to_owned).collect()
}
