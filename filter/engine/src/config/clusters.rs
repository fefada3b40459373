//! Every cluster a configuration needs the gateway to know: what shipped gateway files are derived from.

use super::{Config, Endpoint, KeyLocation, KeySource};

/// One use of a cluster. A cluster used twice leads to the same place both times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterUse {
    /// The gateway's name for it.
    pub name: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Host, perhaps with a port.
    pub authority: String,
    /// What it is for: `keys`, `introspection`, `decisions` or `approvals`.
    pub what: &'static str,
}

impl Config {
    /// Every use of a cluster, in the order of the configuration.
    pub fn clusters(&self) -> Vec<ClusterUse> {
        let keys = self.issuers.iter().flat_map(|issuer| match &issuer.keys {
            KeySource::None | KeySource::Inline(_) => Vec::new(),
            KeySource::Remote(remote) => match &remote.location {
                KeyLocation::Direct(keys) => vec![ClusterUse::of(keys, "keys")],
                KeyLocation::Discovery { metadata, keys } => {
                    vec![ClusterUse::of(metadata, "keys"), ClusterUse::of(keys, "keys")]
                }
            },
        });
        let approvals = self.step_up.iter().map(|step_up| ClusterUse::of(&step_up.endpoint, "approvals"));
        let introspection = self.issuers.iter().filter_map(|issuer| issuer.introspection.as_ref());
        let introspection = introspection.map(|introspection| ClusterUse::of(&introspection.endpoint, "introspection"));
        let decisions = self.policy.pdp.iter().map(|pdp| ClusterUse::of(&pdp.endpoint, "decisions"));
        keys.chain(introspection).chain(decisions).chain(approvals).collect()
    }
}

impl ClusterUse {
    fn of(endpoint: &Endpoint, what: &'static str) -> Self {
        let Endpoint { cluster, scheme, authority, path: _, timeout: _ } = endpoint;
        Self { name: cluster.clone(), scheme: scheme.clone(), authority: authority.clone(), what }
    }
}
