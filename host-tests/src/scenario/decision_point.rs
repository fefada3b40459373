//! The decision point elsewhere that every driver's fakes follow: it is told what it is to be asked, and says what it is told
//! to say.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::approver::{Asked, Reaction};
use super::text::{duration, numeric_date, rfc3339, with_texts};

/// What the gateway proves to the decision point that it is: the environment variable `PDP_TOKEN`.
pub const TOKEN: &str = "pdp-0d3c9b1e";

/// How one question is answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionPoint {
    /// What the question must say, by JSON Pointer; null: nothing.
    #[serde(default)]
    pub asked: BTreeMap<String, Value>,
    /// Texts that are in the question, letter for letter.
    #[serde(default)]
    pub asked_text: Vec<String>,
    /// The answer; `{"decision": true}` when absent. `now+300s` stands for a date (RFC 3339).
    #[serde(default)]
    pub says: Option<Value>,
    /// Another body.
    #[serde(default)]
    pub text: Option<String>,
    /// `application/json` when absent.
    #[serde(default)]
    pub media_type: Option<String>,
    /// `Cache-Control`.
    #[serde(default)]
    pub cache_control: Option<String>,
    #[serde(default)]
    pub status: Option<u16>,
    /// It answers after so long.
    #[serde(default)]
    pub after: Option<String>,
    /// It never answers.
    #[serde(default)]
    pub hangs: bool,
    /// It closes the connection instead of answering.
    #[serde(default)]
    pub down: bool,
}

impl DecisionPoint {
    /// How it reacts to `asked`.
    pub fn react(&self, asked: &Asked, now_secs: u64) -> anyhow::Result<Reaction> {
        self.verify(asked)?;
        if self.down {
            return Ok(Reaction::Reset);
        }
        if self.hangs {
            return Ok(Reaction::Silence);
        }
        let says = self.says.clone().unwrap_or_else(|| json!({ "decision": true }));
        let date = |text: &str| numeric_date(text, now_secs).and_then(|secs| Some(Value::String(rfc3339(secs).ok()?)));
        let body = self.text.clone().unwrap_or_else(|| with_texts(says, &date).to_string());
        let media_type = self.media_type.clone().unwrap_or_else(|| "application/json".to_owned());
        let mut headers = vec![("content-type".to_owned(), media_type)];
        headers.extend(self.cache_control.iter().map(|value| ("cache-control".to_owned(), value.clone())));
        let after = self.after.as_deref().map(duration).transpose()?;
        Ok(Reaction::Answer { status: self.status.unwrap_or(200), headers, body: body.into_bytes(), after })
    }

    fn verify(&self, asked: &Asked) -> anyhow::Result<()> {
        let header = |name: &str| {
            let found = asked.headers.iter().find(|(candidate, _)| candidate == name);
            found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).with_context(|| format!("no `{name}`"))
        };
        ensure!(asked.method == "POST", "the decision point was asked with {}", asked.method);
        ensure!(header("content-type")? == "application/json", "the question is not JSON");
        ensure!(header("authorization")? == format!("Bearer {TOKEN}"), "the decision point does not know that client");
        header("x-request-id")?;
        let written = String::from_utf8_lossy(&asked.body);
        for text in &self.asked_text {
            ensure!(written.contains(text), "the decision point was not asked {text}: {written}");
        }
        let question: Value = serde_json::from_slice(&asked.body)?;
        for (pointer, expected) in &self.asked {
            let said = question.pointer(pointer).unwrap_or(&Value::Null);
            ensure!(said == expected, "the decision point was asked {pointer} {said}, expected {expected}: {question}");
        }
        Ok(())
    }
}
