//! An external policy decision point: the question it is asked, and what its answers are worth.
//!
//! Asked over AuthZEN 1.0 (`POST <url>/access/v1/evaluation`) or OPA's data API. Whatever is not a plain answer is a deny;
//! an answer is used for the question it was given to, which is asked again when anything but the time has changed, and
//! kept only for as long as it says itself.

mod answer;
mod cache;
mod names;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;

use std::fmt;
use std::time::Duration;

use countersign_facts::calls::{Call, CallId, CallOutcome, Endpoint};
use countersign_facts::digest::SentDigest;
use countersign_facts::reason::Reason;
use countersign_protocols::catalogue::Resource;
use countersign_tokens::UnixTime;
use countersign_tokens::json::{Json, Members};

use super::basis::Fields;
use super::document::{asked_at, document};
use super::{Allow, Deny, Facts, StepUp, Verdict};
use answer::PdpSays;
use cache::Cache;
pub use names::{Member, Name};

/// How many questions one request may take: one for each thing it names.
pub const MOST_QUESTIONS: usize = 8;

/// Answers that are kept, per worker.
const KEPT: usize = 1024;

/// How an external policy decision point is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct PdpConfig {
    pub dialect: Dialect,
    /// Where a question is sent.
    pub endpoint: Endpoint,
    /// For `Authorization: Bearer`.
    pub token: Option<String>,
    /// The longest time that an answer may ask to be kept.
    pub cache: Duration,
    /// What of a question is called otherwise there, each once.
    pub names: Vec<(Member, Name)>,
}

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// AuthZEN Authorization API 1.0.
    Authzen,
    /// The REST data API of the Open Policy Agent.
    Opa,
}

/// One question, about one thing.
#[derive(Debug)]
pub struct Question {
    key: Key,
    body: Vec<u8>,
}

impl Question {
    /// Bytes of memory that it takes.
    pub fn weight(&self) -> usize {
        self.body.capacity()
    }
}

/// What tells a question from every other: SHA-256 of all of it but the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(SentDigest);

/// The answer to one question.
#[derive(Debug)]
pub struct Given {
    key: Key,
    answer: PdpSays,
}

/// The decision point, and the answers that it lets be kept.
#[derive(Debug)]
pub(super) struct Pdp {
    config: PdpConfig,
    cache: Cache,
}

impl Dialect {
    /// The name in records and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authzen => "authzen",
            Self::Opa => "opa",
        }
    }
}

impl fmt::Debug for PdpConfig {
    /// Everything but the token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialect, endpoint, token, cache, names } = self;
        formatter
            .debug_struct("PdpConfig")
            .field("dialect", dialect)
            .field("endpoint", endpoint)
            .field("token", &token.as_ref().map(|_| "…"))
            .field("cache", cache)
            .field("names", names)
            .finish()
    }
}

impl Pdp {
    pub(super) fn new(config: PdpConfig) -> Self {
        Self { config, cache: Cache::new(KEPT) }
    }

    /// What it said about `facts`, or the question that it is yet to be asked.
    pub(super) fn decide(&self, resource: &Resource, facts: &Facts<'_>, given: &[Given]) -> Result<Verdict, Question> {
        let mut document = match document(resource, facts) {
            Ok(document) => document,
            Err(unreadable) => return Ok(Verdict::Deny(unreadable.into())),
        };
        names::write(&self.config.names, &mut document, resource, facts);
        let key = Key(SentDigest::of_members(&document));
        let given = given.iter().find(|given| given.key == key).map(|given| given.answer.clone());
        match given.or_else(|| self.cache.find(key, facts.now)) {
            Some(answer) => Ok(self.verdict(key, answer, facts)),
            None => Err(Question { key, body: self.body(asked_at(document, facts.now)) }),
        }
    }

    /// The call that asks `question`; `decision` names it in the decision point's log.
    pub(super) fn call(&self, id: CallId, question: &Question, decision: &str) -> Call {
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("x-request-id", decision.to_owned()),
        ];
        headers.extend(self.config.token.iter().map(|token| ("authorization", format!("Bearer {token}"))));
        Call::to(&self.config.endpoint, id, "POST", headers, question.body.clone())
    }

    /// Takes the answer to `question`.
    pub(super) fn answered(&self, question: &Question, outcome: &CallOutcome, now: UnixTime) -> Result<Given, Reason> {
        let (answer, lasts) = answer::read(self.config.dialect, outcome).ok_or(Reason::PdpUnavailable)?;
        let lasts = lasts.min(self.config.cache);
        if !lasts.is_zero() {
            self.cache.insert(question.key, &answer, now, lasts);
        }
        Ok(Given { key: question.key, answer })
    }

    fn body(&self, document: Members) -> Vec<u8> {
        let body = match self.config.dialect {
            Dialect::Authzen => Json::Object(document),
            Dialect::Opa => Json::Object(Members::from([("input".to_owned(), document.into())])),
        };
        body.to_string().into_bytes()
    }

    fn verdict(&self, key: Key, answer: PdpSays, facts: &Facts<'_>) -> Verdict {
        let determining = || vec![self.config.dialect.name().to_owned()];
        match answer {
            PdpSays::Allow => Verdict::Allow(Allow { determining: determining(), sandbox: None }),
            PdpSays::Deny(why) => Verdict::Deny(self.deny(Reason::PolicyDenied, why.as_deref())),
            PdpSays::Error(why) => Verdict::Deny(self.deny(Reason::PolicyError, Some(why))),
            // What was approved is not approved twice.
            PdpSays::StepUp(_) if facts.approval.is_some() => {
                Verdict::Deny(self.deny(Reason::PolicyDenied, Some("an approval was asked for that was given")))
            }
            PdpSays::StepUp(asked) if asked.expires.is_some_and(|expires| expires <= facts.now) => {
                Verdict::Deny(self.deny(Reason::PolicyDenied, Some("the offer to ask for an approval has expired")))
            }
            PdpSays::StepUp(asked) => {
                let mut basis = Fields::default();
                basis.add(self.config.dialect.name());
                basis.add(&self.config.endpoint.authority);
                basis.add(&self.config.endpoint.path);
                basis.add(key.0.to_string());
                let (approvers, reasons) = (asked.approvers, asked.reasons);
                Verdict::StepUp(StepUp { determining: determining(), approvers, reasons, basis: basis.digest() })
            }
        }
    }

    fn deny(&self, reason: Reason, why: Option<&str>) -> Deny {
        let determining = vec![self.config.dialect.name().to_owned()];
        Deny::by(reason, determining, why.map(str::to_owned))
    }
}

#[cfg(test)]
pub(super) mod tests;
