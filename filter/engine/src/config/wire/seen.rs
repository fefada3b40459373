//! What must be unique, or agree, across the document; with the place where each was first said.

use std::collections::BTreeMap;

use countersign_facts::calls::Endpoint;
use countersign_protocols::catalogue::Match;
use countersign_rights::claims::{ClaimKind, ClaimRule};

use crate::config::names::Names;
use crate::config::read::Node;

/// Everything said so far that may be said only once, or only one way.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) issuer_names: Names,
    /// The `iss` values: two entries would each verify the same credentials.
    pub(super) issuers: Names,
    /// Who issues transaction tokens, which need not say so.
    pub(super) transactions: Names,
    /// Who is asked about opaque tokens, which say nothing.
    pub(super) introspected: Names,
    /// Whose certificates are credentials.
    pub(super) certifiers: Names,
    /// Header fields that carry tokens, by their number.
    pub(super) credential_headers: Vec<String>,
    pub(super) claims: Claims,
    pub(super) resource_names: Names,
    pub(super) identifiers: Names,
    pub(super) matches: Matches,
    pub(super) clusters: Clusters,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            issuer_names: Names::new("names are unique, choose another"),
            issuers: Names::new("one issuer, one entry"),
            transactions: Names::new("a token without `iss` could be either's, keep one"),
            introspected: Names::new("an opaque token could be either's, keep one"),
            certifiers: Names::new("one trust domain, one entry"),
            credential_headers: Vec::new(),
            claims: Claims(BTreeMap::new()),
            resource_names: Names::new("names are unique, choose another"),
            identifiers: Names::new("one identifier, one resource"),
            matches: Matches(Vec::new()),
            clusters: Clusters(BTreeMap::new()),
        }
    }
}

/// The type of each claim that policies may read, and where it was said.
#[derive(Debug)]
pub(super) struct Claims(BTreeMap<String, (ClaimKind, String)>);

impl Claims {
    /// Notes a mistake if another issuer says that the claim is of another type: policies know one of a name.
    pub(super) fn agree(&mut self, node: &Node<'_>, rule: &ClaimRule) -> Option<()> {
        let ClaimRule { name, kind, .. } = rule;
        let (known, first) = self.0.entry(name.clone()).or_insert_with(|| (*kind, node.pointer().to_owned()));
        if known == kind {
            return Some(());
        }
        let (here, there) = (kind.name(), known.name());
        node.refuse(format!("`{name}` is {here} here and {there} at {first}; choose another name for one of them"))
    }
}

/// Which requests are taken, and by whom.
#[derive(Debug)]
pub(super) struct Matches(Vec<(Match, String)>);

impl Matches {
    /// Notes a mistake if the very same requests were claimed before.
    pub(super) fn claim(&mut self, node: &Node<'_>, matching: &Match) -> Option<()> {
        let Match { host, path, route, exact: _ } = matching;
        let same =
            |(claimed, _): &&(Match, String)| (&claimed.host, &claimed.path, &claimed.route) == (host, path, route);
        if let Some((_, first)) = self.0.iter().find(same) {
            return node.refuse(format!("matches the very same requests as {first}; change or remove one of them"));
        }
        self.0.push((matching.clone(), node.pointer().to_owned()));
        Some(())
    }
}

/// Where each cluster leads, and where that was said.
#[derive(Debug)]
pub(super) struct Clusters(BTreeMap<String, (String, String, String)>);

impl Clusters {
    /// Notes a mistake if the cluster leads elsewhere already: a gateway's cluster has one destination.
    pub(super) fn claim(&mut self, node: &Node<'_>, endpoint: &Endpoint) -> Option<()> {
        let Endpoint { cluster, scheme, authority, path: _, timeout: _ } = endpoint;
        let (first_scheme, first_authority, first) = self
            .0
            .entry(cluster.clone())
            .or_insert_with(|| (scheme.clone(), authority.clone(), node.pointer().to_owned()));
        if (&*first_scheme, &*first_authority) == (scheme, authority) {
            return Some(());
        }
        node.refuse(format!(
            "cluster {cluster:?} leads to {scheme}://{authority} here and to {first_scheme}://{first_authority} at \
             {first}; name another cluster for one of them"
        ))
    }
}
