//! What a gateway must know of a plugin configuration: where it calls, which secrets it names, how much it holds.
//!
//! Reads any version of it by its habits (`url` beside `cluster`, `{ env: NAME }`), and never judges it: that is the
//! filter's part, which gets it word for word.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::Url;

use super::DeriveError;
use super::address::HostPort;

/// What `scripts/build --rego` builds.
pub const REGO_MODULE: &str = "countersign-rego.wasm";

/// The largest body the filter can be told to hold.
const MOST_BODY: u64 = 10 * 1024 * 1024;

/// One plugin configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginConfig {
    /// JSON, as the module gets it.
    text: String,
    value: Value,
}

/// Why a file cannot be read as a plugin configuration.
#[derive(Debug, thiserror::Error)]
pub enum PluginConfigError {
    /// It cannot be read at all.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not YAML, says a key twice, or holds what JSON cannot.
    #[error("not YAML: {0}")]
    Yaml(String),
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Json(String),
}

/// One place that the filter calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The configuration's name for the way there.
    pub cluster: String,
    /// Whether the URL says `https`.
    pub tls: bool,
    /// Host and port of the URL.
    pub address: HostPort,
}

impl PluginConfig {
    /// A file: JSON if it starts with `{` and is not called otherwise, YAML else.
    pub fn read(path: &Path) -> Result<Self, PluginConfigError> {
        let text = std::fs::read_to_string(path)?;
        if text.trim_start().starts_with('{') && path.extension().is_none_or(|extension| extension == "json") {
            Self::from_json(text)
        } else {
            Self::from_yaml(&text)
        }
    }

    /// JSON, kept word for word: what is wrong with it (a key said twice, say) is for the filter to refuse.
    pub fn from_json(text: String) -> Result<Self, PluginConfigError> {
        let value = serde_json::from_str(&text).map_err(|error| PluginConfigError::Json(error.to_string()))?;
        Ok(Self { text, value })
    }

    /// YAML, turned into JSON. A key said twice is an error here, as it could not be seen afterwards.
    pub fn from_yaml(text: &str) -> Result<Self, PluginConfigError> {
        let value: serde_norway::Value =
            serde_norway::from_str(text).map_err(|error| PluginConfigError::Yaml(error.to_string()))?;
        let value = serde_json::to_value(value).map_err(|error| PluginConfigError::Yaml(error.to_string()))?;
        Ok(Self::from(value))
    }

    /// As the module gets it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As a document.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Every place the filter calls, each once: every object with both a `cluster` and a `url`.
    pub fn destinations(&self) -> Result<Vec<Destination>, DeriveError> {
        let mut found: Vec<Destination> = Vec::new();
        for (pointer, cluster, url) in named_urls(&self.value) {
            let destination = destination(&pointer, cluster, url)?;
            match found.iter().find(|known| known.cluster == destination.cluster) {
                None => found.push(destination),
                Some(known) if *known == destination => {}
                Some(known) => {
                    let (one, other) = (known.origin(), destination.origin());
                    return Err(DeriveError::TwoDestinations { cluster: destination.cluster, one, other });
                }
            }
        }
        Ok(found)
    }

    /// How many of its members each call `cluster` over plain HTTP.
    pub fn plain_callers(&self, cluster: &str) -> usize {
        let calls = |(_, called, url): &(String, &str, &str)| *called == cluster && url.starts_with("http://");
        named_urls(&self.value).iter().filter(|named| calls(named)).count()
    }

    /// Where pages may ask from, whatever resource it is: every `allowed_origins`.
    pub fn origins(&self) -> BTreeSet<String> {
        let mut origins = BTreeSet::new();
        walk(&self.value, "", &mut |pointer, value| {
            if pointer.ends_with("/allowed_origins") {
                let listed = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                origins.extend(listed.map(str::to_owned));
            }
        });
        origins
    }

    /// Names of the environment variables that hold its secrets: every `{ env: NAME }`.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        walk(&self.value, "", &mut |_, value| {
            if let Some(object) = value.as_object().filter(|object| object.len() == 1) {
                names.extend(object.get("env").and_then(Value::as_str).map(str::to_owned));
            }
        });
        names
    }

    /// The module that can read it, where the one without Rego is `module`: the one beside it, if it has Rego.
    pub fn module(&self, module: &Path) -> PathBuf {
        if self.needs_rego() { module.with_file_name(REGO_MODULE) } else { module.to_owned() }
    }

    /// Whether its policy is in Rego.
    pub fn needs_rego(&self) -> bool {
        self.value.pointer("/policy/rego").is_some()
    }

    /// What a client may upgrade to at any of its resources.
    pub(super) fn upgrades(&self) -> BTreeSet<String> {
        let resources = self.value.get("resources").and_then(Value::as_array).into_iter().flatten();
        let upgrades = resources.filter_map(|resource| resource.get("upgrades")?.as_array()).flatten();
        upgrades.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Bytes that the filter holds of a body at most, if it says: the most it can be told when it says what cannot be
    /// read here.
    pub(super) fn body_limit(&self) -> Option<u64> {
        let limit = self.value.pointer("/limits/body")?;
        Some(limit.as_str().and_then(bytes).map_or(MOST_BODY, |bytes| bytes.min(MOST_BODY)))
    }
}

/// `512KiB` as a number of bytes.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.find(|letter: char| !letter.is_ascii_digit())?)?;
    let unit = match unit {
        "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

impl From<Value> for PluginConfig {
    fn from(value: Value) -> Self {
        Self { text: value.to_string(), value }
    }
}

impl Destination {
    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }
}

fn destination(pointer: &str, cluster: &str, url: &str) -> Result<Destination, DeriveError> {
    let error = || DeriveError::Url { pointer: pointer.to_owned(), url: url.to_owned() };
    let parsed = Url::parse(url).map_err(|_| error())?;
    let tls = match parsed.scheme() {
        "http" => false,
        "https" => true,
        _ => return Err(error()),
    };
    let address = HostPort::of(&parsed).ok_or_else(error)?;
    Ok(Destination { cluster: cluster.to_owned(), tls, address })
}

/// Where a cluster's URL can stand: beside it, under one of these keys.
const URLS: [&str; 3] = ["url", "discovery", "origin"];

/// Pointer of the URL, cluster, URL.
fn named_urls(value: &Value) -> Vec<(String, &str, &str)> {
    let mut found = Vec::new();
    walk(value, "", &mut |pointer, value| {
        let text = |key| value.get(key).and_then(Value::as_str);
        let Some(cluster) = text("cluster") else { return };
        found.extend(URLS.iter().filter_map(|key| text(key).map(|url| (format!("{pointer}/{key}"), cluster, url))));
    });
    found
}

/// Calls `visit` with every value and its JSON Pointer, outermost first.
fn walk<'a>(value: &'a Value, pointer: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(pointer, value);
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let step = key.replace('~', "~0").replace('/', "~1");
                walk(inner, &format!("{pointer}/{step}"), visit);
            }
        }
        Value::Array(array) => {
            for (index, inner) in array.iter().enumerate() {
                walk(inner, &format!("{pointer}/{index}"), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PluginConfig;

    #[test]
    fn a_destination_is_a_cluster_with_a_url_wherever_it_stands() {
        let config = PluginConfig::from(json!({
            "issuers": [
                { "issuer": "https://not.called", "keys": { "cluster": "sts", "url": "https://sts.example.com/a" } },
                { "keys": { "cluster": "sts", "url": "https://sts.example.com:443/b" } },
            ],
            "step_up": { "webhook": { "cluster": "desk", "url": "http://[::1]:9000/x", "secret": { "env": "DESK" } } },
        }));
        let origins = config.destinations().map(|all| {
            all.iter().map(|one| format!("{} {}", one.cluster, one.origin())).collect::<Vec<_>>().join(", ")
        });
        assert_eq!(origins.as_deref(), Ok("sts https://sts.example.com:443, desk http://[::1]:9000"));
        assert_eq!(config.secrets().into_iter().collect::<Vec<_>>(), ["DESK"]);
    }

    #[test]
    fn the_body_limit_is_read_or_the_most_is_assumed() {
        let limit = |limits| PluginConfig::from(json!({ "limits": limits })).body_limit();
        assert_eq!(limit(json!({})), None);
        assert_eq!(limit(json!({ "body": "512KiB" })), Some(512 * 1024));
        assert_eq!(limit(json!({ "body": "10MiB" })), Some(10 * 1024 * 1024));
        assert_eq!(limit(json!({ "body": "much" })), Some(10 * 1024 * 1024));
        assert_eq!(limit(json!({ "body": 7 })), Some(10 * 1024 * 1024));
    }

    #[test]
    fn one_cluster_cannot_lead_to_two_places() {
        let config = PluginConfig::from(json!([
            { "cluster": "a", "url": "https://one/x" },
            { "cluster": "a", "url": "http://one/x" },
        ]));
        assert_eq!(
            config.destinations().map_err(|error| error.to_string()),
            Err("cluster `a` is named for `https://one:443` and for `http://one:80`; use one cluster for each"
                .to_owned())
        );
    }

    #[test]
    fn a_url_that_leads_nowhere_is_named_with_its_place() {
        let config = PluginConfig::from(json!({ "keys/x": [{ "cluster": "a", "url": "sts.example.com" }] }));
        assert_eq!(
            config.destinations().map_err(|error| error.to_string()),
            Err("/keys~1x/0/url: `sts.example.com` is not an http or https URL with a host".to_owned())
        );
    }

    #[test]
    fn yaml_that_says_a_key_twice_is_refused() {
        let error = PluginConfig::from_yaml("mode: audit\nmode: enforce").map_err(|error| error.to_string());
        assert_eq!(error.map(|_| ()), Err("not YAML: duplicate entry with key \"mode\"".to_owned()));
    }

    #[test]
    fn json_reaches_the_module_word_for_word() {
        let text = "{ \"mode\": \"audit\", \"mode\": \"enforce\" }".to_owned();
        assert_eq!(PluginConfig::from_json(text.clone()).map(|config| config.text().to_owned()).ok(), Some(text));
    }
}
