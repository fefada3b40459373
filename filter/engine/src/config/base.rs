//! The plugin configuration as it was written, and a bundle's members over it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use countersign_facts::mistakes::{ConfigError, ConfigErrors};
use serde_json::{Map, Value};

use super::Secrets;
use crate::bundle::MEMBERS;

/// The texts in `policy`, and what is made of them.
const TEXTS: [&str; 3] = ["cedar", "links", "rego"];

/// The plugin configuration as it was written, and the secrets it named: what bundles are laid over.
#[derive(Debug)]
pub(crate) struct Base {
    document: Vec<u8>,
    secrets: Kept,
}

impl Base {
    pub(crate) fn new(document: &[u8], secrets: Kept) -> Self {
        Self { document: document.to_vec(), secrets }
    }

    /// The secrets it named.
    pub(crate) fn secrets(&self) -> &dyn Secrets {
        &self.secrets
    }

    /// The configuration with `changes` in it.
    pub(crate) fn with(&self, changes: Map<String, Value>) -> Result<Vec<u8>, ConfigErrors> {
        let unreadable = || ConfigErrors::from(ConfigError::new("", "the plugin configuration is no object"));
        let document: Value = serde_json::from_slice(&self.document).map_err(|_| unreadable())?;
        let Value::Object(mut document) = document else { return Err(unreadable()) };
        let mut errors = Vec::new();
        for (name, value) in changes {
            let stranger = |place: &str| ConfigError::new(place, "bundles have no say in this; remove it");
            if !MEMBERS.contains(&name.as_str()) {
                errors.push(stranger(&format!("/{name}")));
            } else if let ("policy", Value::Object(texts)) = (name.as_str(), &value) {
                let strangers = texts.keys().filter(|text| !TEXTS.contains(&text.as_str()));
                errors.extend(strangers.map(|text| stranger(&format!("/policy/{text}"))));
                if let Some(policy) = document.get_mut("policy").and_then(Value::as_object_mut) {
                    policy.retain(|text, _| !TEXTS.contains(&text.as_str()));
                    policy.extend(texts.clone());
                }
            } else if name == "denied" {
                let mine = document.remove(&name);
                document.insert(name, both(value, mine));
            } else {
                document.insert(name, value);
            }
        }
        if errors.is_empty() { Ok(Value::Object(document).to_string().into_bytes()) } else { Err(errors.into()) }
    }
}

/// What either denies: what is added to `denied` comes after what is there, so that mistakes keep their place.
fn both(mut denied: Value, added: Option<Value>) -> Value {
    let (Some(into), Some(Value::Object(added))) = (denied.as_object_mut(), added) else { return denied };
    for (name, added) in added {
        match (into.get_mut(&name), added) {
            (Some(Value::Array(list)), Value::Array(added)) => {
                let added: Vec<Value> = added.into_iter().filter(|item| !list.contains(item)).collect();
                list.extend(added);
            }
            // Not a list: a mistake, which loading names.
            (Some(_), _) => {}
            (None, added) => {
                into.insert(name, added);
            }
        }
    }
    denied
}

/// Secrets that were asked for once: what is loaded later gets the same.
#[derive(Default)]
pub(crate) struct Kept(BTreeMap<String, String>);

/// Takes note of which secrets are asked for.
pub(crate) struct Keeping<'a> {
    secrets: &'a dyn Secrets,
    kept: RefCell<Kept>,
}

impl<'a> Keeping<'a> {
    pub(crate) fn new(secrets: &'a dyn Secrets) -> Self {
        Self { secrets, kept: RefCell::default() }
    }

    pub(crate) fn into_kept(self) -> Kept {
        self.kept.into_inner()
    }
}

impl Secrets for Keeping<'_> {
    fn secret(&self, name: &str) -> Option<String> {
        let secret = self.secrets.secret(name)?;
        self.kept.borrow_mut().0.insert(name.to_owned(), secret.clone());
        Some(secret)
    }
}

impl Secrets for Kept {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

impl std::fmt::Debug for Kept {
    /// Names only.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
