//! The key server every driver's fakes follow: what it answers is a function of what the scenario says.

use serde_json::{Value, json};

use super::approver::Reaction;
use super::format::KeyServer;
use super::keys;
use super::text::merge;

impl KeyServer {
    /// How it reacts to any request.
    pub fn react(&self) -> anyhow::Result<Reaction> {
        if self.down {
            return Ok(Reaction::Reset);
        }
        if self.hangs {
            return Ok(Reaction::Silence);
        }
        let body = match &self.text {
            Some(text) => text.clone(),
            None => self.document()?.to_string(),
        };
        let headers = vec![("content-type".to_owned(), "application/jwk-set+json".to_owned())];
        Ok(Reaction::Answer { status: self.status.unwrap_or(200), headers, body: body.into_bytes(), after: None })
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
        Ok(json!({ "keys": names.iter().map(jwk).collect::<anyhow::Result<Vec<_>>>()? }))
    }
}
