//! A complete Envoy bootstrap, derived from a plugin configuration and a few [`Options`].
//!
//! Decides how a gateway around the filter must be set up so that the filter's decisions hold (each setting says why,
//! beside it). Never reads secrets: they are named in the configuration and handed to the module by name.
//!
//! ```
//! use countersign_host_tests::gateway::{bootstrap, Options, PluginConfig, Upstream};
//!
//! let config = PluginConfig::from_yaml(
//!     "version: 1\nissuers: [{ name: sts, keys: { url: 'https://sts.example.com/jwks', cluster: sts } }]",
//! )?;
//! let upstream = "127.0.0.1:8080".parse::<Upstream>()?;
//! let bootstrap = bootstrap(&config, &Options::new("target/countersign.wasm", upstream))?;
//! assert_eq!(bootstrap["static_resources"]["clusters"][1]["name"], "sts");
//! # Ok::<(), anyhow::Error>(())
//! ```

mod address;
mod cluster;
mod config;
mod filter;
mod listener;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

pub use address::{AddressError, HostPort, Upstream};
pub use cluster::UPSTREAM;
pub use config::{Destination, PluginConfig, PluginConfigError, REGO_MODULE};
pub use filter::CAPABILITIES;

/// Where certificate authorities are found when nothing else is said: Debian's, Red Hat's, macOS' and BSD's bundle.
const SYSTEM_BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What the plugin configuration does not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// The filter.
    pub module: PathBuf,
    /// Where Envoy listens for agents; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where Envoy's admin interface listens, if anywhere. It can stop the gateway: loopback only.
    pub admin: Option<SocketAddr>,
    /// Where permitted requests go.
    pub upstream: Upstream,
    /// PEM file of the authorities that may vouch for `https` destinations.
    pub trusted_ca: PathBuf,
    /// Where a derived cluster really connects to; the name checked in its certificate stays that of its URL.
    pub endpoints: BTreeMap<String, HostPort>,
}

impl Options {
    /// For `module` in front of `upstream`: ports of the system's choosing on loopback, the system's authorities.
    pub fn new(module: impl Into<PathBuf>, upstream: Upstream) -> Self {
        let bundle = SYSTEM_BUNDLES.iter().find(|path| std::path::Path::new(path).is_file());
        let trusted_ca = PathBuf::from(bundle.unwrap_or(&SYSTEM_BUNDLES[0]));
        Self {
            module: module.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: None,
            upstream,
            trusted_ca,
            endpoints: BTreeMap::new(),
        }
    }
}

/// Why no bootstrap can be derived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// Two URLs share a cluster and lead to different places.
    #[error("cluster `{cluster}` is named for `{one}` and for `{other}`; use one cluster for each")]
    TwoDestinations {
        /// The shared name.
        cluster: String,
        /// Scheme, host and port of the first.
        one: String,
        /// Scheme, host and port of the second.
        other: String,
    },
    /// The name is taken by the way to the upstream.
    #[error(
        "a cluster of the configuration is called `{UPSTREAM}`, which names the way to the upstream here; rename it"
    )]
    ReservedName,
    /// An endpoint was given for a cluster that the configuration does not name.
    #[error("the configuration names no cluster `{0}`")]
    UnknownCluster(String),
    /// A URL next to a cluster leads nowhere.
    #[error("{pointer}: `{url}` is not an http or https URL with a host")]
    Url {
        /// JSON Pointer to the URL.
        pointer: String,
        /// As written.
        url: String,
    },
}

/// The bootstrap: JSON that Envoy reads as it is.
pub fn bootstrap(config: &PluginConfig, options: &Options) -> Result<Value, DeriveError> {
    let buffer = buffer_bytes(config);
    let document = json!({
        "static_resources": {
            "listeners": [listener::listener(config, options, buffer)],
            "clusters": cluster::clusters(config, options, buffer)?,
        },
    });
    Ok(match options.admin {
        None => document,
        Some(admin) => with(document, "admin", json!({ "address": address::socket_address(admin) })),
    })
}

/// Where the filter's own configuration is in the connection manager that is at `manager` in `document`: another filter may
/// stand in front of it.
pub fn filter_in(document: &Value, manager: &str) -> Option<String> {
    let filters = document.pointer(&format!("{manager}/http_filters"))?.as_array()?;
    let at = filters.iter().position(|one| one.get("name").and_then(Value::as_str) == Some("countersign"))?;
    Some(format!("{manager}/http_filters/{at}/typed_config/config"))
}

/// `object` with one more member.
fn with(mut object: Value, key: &str, value: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
    object
}

/// Envoy answers 413 itself, and takes the stream away inside the call, when a held body passes its limit
/// (ARCHITECTURE H13): it must be larger than what the filter holds, so that the filter is the one to refuse and to
/// record.
fn buffer_bytes(config: &PluginConfig) -> u64 {
    const LEAST: u64 = 1024 * 1024;
    LEAST.max(config.body_limit().unwrap_or(0).saturating_mul(2))
}
