//! The approver every driver's fakes follow: its answer is a function of the request and of the scenario.
//!
//! The answer's format is Countersign's webhook contract; the signatures are made here with
//! `standardwebhooks`, not with the engine's code.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::format::{AnswerSigning, Approver};
use super::text::{duration, merge, numeric_date, rfc3339, with_texts};

/// The secret shared with the gateway: the environment variable `APPROVALS_SECRET`.
pub const SECRET: &str = "whsec_c2NlbmFyaW9zLWFuZC1ub3RoaW5nLWVsc2UtMTIz";

const OTHER_SECRET: &str = "whsec_c29tZWJvZHktZWxzZXMtc2VjcmV0LWVudGlyZWx5";

/// What a server does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It answers, now or late.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8>, after: Option<Duration> },
    /// It closes the connection.
    Reset,
    /// It never answers.
    Silence,
}

/// One request as a server received it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The cluster it came through: `keys` or `approvals`.
    pub cluster: String,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Approver {
    /// How it reacts to `asked`. `earlier` are its reactions of earlier steps, if it was asked there.
    pub fn react(&self, asked: &Asked, now_secs: u64, earlier: &[Option<Reaction>]) -> anyhow::Result<Reaction> {
        if self.down {
            return Ok(Reaction::Reset);
        }
        if self.hangs {
            return Ok(Reaction::Silence);
        }
        if let Some(step) = self.answer_of_step {
            let reaction = step.checked_sub(1).and_then(|index| earlier.get(index)).and_then(Clone::clone);
            return reaction.context("the approver was not asked in that step");
        }
        verify(asked)?;
        let body = match &self.text {
            Some(text) => text.clone(),
            None => self.answer(asked, now_secs)?.to_string(),
        };
        let stamp = numeric_date(self.stamped.as_deref().unwrap_or("now"), now_secs).context("`stamped` is no date")?;
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(self.signature(&body, stamp)?);
        let after = self.after.as_deref().map(duration).transpose()?;
        Ok(Reaction::Answer { status: self.status.unwrap_or(200), headers, body: body.into_bytes(), after })
    }

    fn answer(&self, asked: &Asked, now_secs: u64) -> anyhow::Result<Value> {
        let request: Value =
            serde_json::from_slice(&asked.body).context("the approver was asked in something else than JSON")?;
        let mut answer = json!({
            "challenge": request.get("challenge"),
            "binding": request.get("binding"),
            "decision": self.decision.as_deref().unwrap_or("approved"),
            "approver": { "iss": "https://people.test", "sub": "olivia" },
        });
        if let Some(patch) = &self.edit {
            merge(&mut answer, patch);
        }
        let date = |text: &str| numeric_date(text, now_secs).and_then(|secs| Some(Value::String(rfc3339(secs).ok()?)));
        Ok(with_texts(answer, &date))
    }

    fn signature(&self, body: &str, stamp: u64) -> anyhow::Result<Vec<(String, String)>> {
        let id = format!("msg_{}", uuid::Uuid::new_v4().simple());
        let stamp = i64::try_from(stamp)?;
        let signature = match self.sign {
            AnswerSigning::Absent => return Ok(Vec::new()),
            AnswerSigning::Right => Webhook::new(SECRET)?.sign(&id, stamp, body.as_bytes())?,
            AnswerSigning::WrongSecret => Webhook::new(OTHER_SECRET)?.sign(&id, stamp, body.as_bytes())?,
            AnswerSigning::OtherBody => Webhook::new(SECRET)?.sign(&id, stamp, b"{}")?,
        };
        Ok(vec![
            ("webhook-id".to_owned(), id),
            ("webhook-timestamp".to_owned(), stamp.to_string()),
            ("webhook-signature".to_owned(), signature),
        ])
    }
}

/// The gateway signs what it asks: an approver listens to nobody else. The age of the question is not
/// looked at, because the clock of a scenario may have been moved.
fn verify(asked: &Asked) -> anyhow::Result<()> {
    let header = |name: &str| {
        let mut values = asked.headers.iter().filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        let value = values.next().with_context(|| format!("the question has no `{name}`"))?;
        ensure!(values.next().is_none(), "the question has two `{name}`");
        Ok(std::str::from_utf8(&value.1)?)
    };
    let stamp = header("webhook-timestamp")?.parse()?;
    let right = Webhook::new(SECRET)?.sign(header("webhook-id")?, stamp, &asked.body)?;
    ensure!(header("webhook-signature")? == right, "the question's signature is wrong");
    Ok(())
}
