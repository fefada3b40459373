//! The key server every driver's fakes follow: what it answers is a function of what the scenario says.

use serde_json::{Value, json};

use super::approver::Reaction;
use super::format::KeyServer;
use super::keys;
use super::text::merge;
use super::token::ISSUER;

impl KeyServer {
    /// How it reacts to a request for `path`.
    pub fn react(&self, path: &str) -> anyhow::Result<Reaction> {
        if self.down {
            return Ok(Reaction::Reset);
        }
        if self.hangs {
            return Ok(Reaction::Silence);
        }
        let body = match &self.text {
            Some(text) => text.clone(),
            None if path.starts_with("/.well-known/") => self.metadata(),
            None if path.starts_with("/bundle") => self.bundle()?.to_string(),
            None if path.starts_with("/policies") => match &self.policies {
                Some(policies) => signed(policies)?,
                // Nothing newer.
                None => {
                    return Ok(Reaction::Answer { status: 304, headers: Vec::new(), body: Vec::new(), after: None });
                }
            },
            None => self.document()?.to_string(),
        };
        let headers = vec![("content-type".to_owned(), "application/jwk-set+json".to_owned())];
        Ok(Reaction::Answer { status: self.status.unwrap_or(200), headers, body: body.into_bytes(), after: None })
    }

    /// The metadata it serves under `/.well-known/`.
    fn metadata(&self) -> String {
        let mut metadata = json!({ "issuer": ISSUER, "jwks_uri": "http://sts.test/jwks.json" });
        merge(&mut metadata, self.metadata.as_ref().unwrap_or(&json!({})));
        metadata.to_string()
    }

    /// The SPIFFE bundle it serves under `/bundle`: the same keys, for JWT-SVIDs, beside a certificate's.
    fn bundle(&self) -> anyhow::Result<Value> {
        let mut bundle = self.document()?;
        let keys = bundle.pointer_mut("/keys").and_then(Value::as_array_mut);
        for key in keys.into_iter().flatten() {
            merge(key, &json!({ "use": "jwt-svid" }));
        }
        merge(&mut bundle, &json!({ "spiffe_sequence": 1, "spiffe_refresh_hint": 60 }));
        Ok(bundle)
    }

    /// The JWK set it serves.
    pub fn document(&self) -> anyhow::Result<Value> {
        let usual: Vec<String> = keys::SERVED.iter().map(|name| (*name).to_owned()).collect();
        let names = self.serves.as_ref().unwrap_or(&usual);
        let jwk = |name: &String| {
            let mut jwk = keys::key(name)?.jwk(name);
            if let Some(patch) = self.edits.get(name) {
                merge(&mut jwk, patch);
            }
            anyhow::Ok(jwk)
        };
        let mut document = json!({ "keys": names.iter().map(jwk).collect::<anyhow::Result<Vec<_>>>()? });
        merge(&mut document, self.document.as_ref().unwrap_or(&json!({})));
        Ok(document)
    }
}

/// A bundle of policies, signed as the configurations pin it.
fn signed(payload: &Value) -> anyhow::Result<String> {
    let key = keys::key("bundles")?;
    let header = json!({ "alg": key.algorithm().alg(key), "kid": "bundles", "typ": "countersign-bundle+jwt" });
    let part = |value: &Value| keys::base64(value.to_string().as_bytes());
    let input = format!("{}.{}", part(&header), part(payload));
    Ok(format!("{input}.{}", keys::base64(&key.sign(key.algorithm(), input.as_bytes())?)))
}
