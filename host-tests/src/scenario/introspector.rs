//! The issuer of opaque tokens that every driver's fakes follow: it answers about any token, to a client that says rightly
//! who it is.

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::approver::{Asked, Reaction};
use super::format::Introspector;
use super::text::{merge, with_dates};
use super::token::claims;

/// What the gateway proves to the issuer that it is: the environment variable `INTROSPECTION_SECRET`.
pub const SECRET: &str = "not-for-anything-else-47f1";

impl Introspector {
    /// How it reacts to `asked`.
    pub fn react(&self, asked: &Asked, now_secs: u64) -> anyhow::Result<Reaction> {
        if self.down {
            return Ok(Reaction::Reset);
        }
        if self.hangs {
            return Ok(Reaction::Silence);
        }
        verify(asked)?;
        let body = self.text.clone().unwrap_or_else(|| {
            let mut answer = claims(None, now_secs);
            merge(&mut answer, &json!({ "active": true, "token_type": "Bearer" }));
            merge(&mut answer, self.says.as_ref().unwrap_or(&json!({})));
            with_dates(answer, now_secs).to_string()
        });
        let media_type = self.media_type.clone().unwrap_or_else(|| "application/json".to_owned());
        let headers = vec![("content-type".to_owned(), media_type)];
        Ok(Reaction::Answer { status: self.status.unwrap_or(200), headers, body: body.into_bytes(), after: None })
    }
}

/// RFC 7662 §2.1 and RFC 6749 §2.3.1.
fn verify(asked: &Asked) -> anyhow::Result<()> {
    let header = |name: &str| {
        let found = asked.headers.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).with_context(|| format!("no `{name}`"))
    };
    ensure!(asked.method == "POST", "the issuer was asked with {}", asked.method);
    ensure!(header("content-type")? == "application/x-www-form-urlencoded", "the question is no form");
    // Nothing in the secret needs escapes: letters, digits, `_` and `-`.
    let expected = format!("Basic {}", STANDARD.encode(format!("gateway:{SECRET}")));
    ensure!(header("authorization")? == expected, "the issuer does not know that client");
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    ensure!(body.starts_with("token=") && body.ends_with("&token_type_hint=access_token"), "asked about no token");
    Ok(())
}
