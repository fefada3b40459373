//! `countersign explain`: what becomes of one request, check by check.
//!
//! Nothing is decided here: a session of the engine decides, as the filter's would, and the engine says what it looked at.
//! Never prints a credential, nor the value of a header.

mod change;
mod checks;
mod credential;
mod drive;
mod request;
mod text;

use std::path::Path;
use std::sync::Arc;

use countersign_engine::{Engine, Waits};
use countersign_facts::clock;
use countersign_facts::ledger::MemoryLedger;
use countersign_facts::mistakes::ConfigErrors;
use countersign_facts::reason::{Kind, Reason};
use countersign_facts::rollout::Mode;
use countersign_tokens::UnixTime;
use serde::Serialize;
use serde_json::{Value, json};

use self::checks::{Checked, Policy, Reaches};
use self::credential::Credential;
use self::drive::Outcome;
use self::request::Request;
use crate::arguments::Explain;
use crate::document::{Document, DocumentError};
use crate::output::{Answer, Verdict};
use crate::validate::{self, Finding};

/// What there is to say about one request.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Method and address, without query.
    pub request: String,
    /// RFC 3339.
    pub time: String,
    pub decision: Decision,
    /// Its code in records; none where nothing could be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Where the decision is only recorded: the request goes on whatever it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// Of the answer that the client gets, if one is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What is taken for granted.
    pub unverified: Vec<String>,
    pub checks: Vec<Checked>,
    /// How far each grant reaches: of workloads with a list, then of the task.
    pub grants: Vec<Reaches>,
    /// What each policy says that could apply.
    pub policies: Vec<Policy>,
    /// What would have to be different; nothing where it is allowed.
    pub changes: Vec<String>,
    /// As the filter would write it; none where nothing is decided yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Allow,
    Deny,
    /// Somebody is asked first.
    StepUp,
    /// The filter answers what anybody may ask.
    Served,
    /// Somebody else has to be asked before anything can be decided.
    Undecided,
}

/// Why there is nothing to explain.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It can be read, and not loaded.
    #[error("the configuration is not valid")]
    Invalid(Vec<Finding>),
    #[error("--url: write an absolute address, such as https://tools.example.com/mcp")]
    NoAuthority,
    #[error("--token: {0}")]
    Token(countersign_tokens::TokenError),
    #[error("--keys: {0}")]
    Keys(countersign_tokens::KeySetError),
    #[error("--claims: not a JSON object")]
    Claims,
    #[error("--issuer: write which of these it is: {0}")]
    WhichIssuer(String),
    #[error("--claims: issuer `{0}` has no profile whose tokens say what they say in a signature")]
    Unsigned(String),
}

impl ExplainError {
    /// What the engine refused with `errors`, as `countersign validate` says it.
    fn invalid(document: &Document, errors: &ConfigErrors) -> Self {
        let findings = validate::load(document, &validate::Present::default()).err().unwrap_or_default();
        if findings.is_empty() {
            return Self::Invalid(errors.iter().map(Finding::of_config).collect());
        }
        Self::Invalid(findings)
    }
}

/// Explains the request of the command line, at `now` where it does not say.
pub fn answer(arguments: &Explain, now: UnixTime) -> Answer {
    match Explanation::of(arguments, arguments.now.unwrap_or(now)) {
        Ok(explanation) => {
            let verdict = Verdict::of(!matches!(explanation.decision, Decision::Allow | Decision::Served));
            Answer { text: text::text(&explanation), json: json!(explanation), verdict }
        }
        Err(error) => {
            let findings = if let ExplainError::Invalid(findings) = &error { findings.as_slice() } else { &[] };
            validate::hindered("cannot be explained", &error, findings)
        }
    }
}

impl Explanation {
    /// What becomes of the request of `arguments` at `now`.
    pub fn of(arguments: &Explain, now: UnixTime) -> Result<Self, ExplainError> {
        let document = Document::read(&arguments.config)?;
        let credential = Credential::read(arguments, &document)?;
        let request = Request::read(arguments, credential.header.as_ref())?;
        let engine = load(&credential)?;
        let mut ledger = MemoryLedger::of(engine.limits().ledger);
        let outcome = drive::drive(&engine, now, &request, &mut ledger);
        let explained =
            engine.explain(now, request.head.clone(), request.body.as_deref().unwrap_or_default(), &mut ledger);
        let decision = match &outcome {
            Outcome::Decided { reason, .. } => Decision::of(*reason),
            Outcome::Held if explained.asks.is_some() => Decision::StepUp,
            Outcome::Held => Decision::Undecided,
        };
        let audited = matches!(outcome, Outcome::Decided { mode: Mode::Audit, .. });
        let (reason, status, record) = match outcome {
            Outcome::Decided { reason, status, record, mode: _ } => (Some(reason), status, Some(record)),
            Outcome::Held => (None, None, None),
        };
        let mut unverified = credential.unverified;
        unverified.push(
            "that nothing was used before: one-shot tokens, proofs, counted calls; nothing is remembered here"
                .to_owned(),
        );
        unverified
            .push("that nothing the server showed is against it: its tool lists, A2A tasks that are over".to_owned());
        if engine.config().policy.rego.is_some() {
            unverified.push(
                "what each rule in Rego says: it decides with the others, and the record has its answer".to_owned(),
            );
        }
        if explained.waits == Some(Waits::DecisionPoint) {
            unverified.push("what the decision point elsewhere says: nobody is asked here".to_owned());
        }
        Ok(Self {
            request: request.shown,
            time: clock::format(now).unwrap_or_default(),
            decision,
            reason: reason.map(|reason| reason.row().code),
            mode: audited.then_some(Mode::Audit.name()),
            status,
            unverified,
            checks: checks::checks(&explained, reason, decision),
            grants: checks::reaches(&explained),
            policies: checks::policies(&explained),
            changes: change::changes(&explained, &engine, reason, decision),
            record,
        })
    }
}

impl Decision {
    const fn of(reason: Reason) -> Self {
        match reason.row().kind {
            Kind::Allow | Kind::Ended => Self::Allow,
            Kind::Deny => Self::Deny,
            Kind::StepUp => Self::StepUp,
            Kind::Served => Self::Served,
        }
    }

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::StepUp => "step_up",
            Self::Served => "served",
            Self::Undecided => "undecided",
        }
    }
}

fn load(credential: &Credential) -> Result<Arc<Engine>, ExplainError> {
    let (document, secrets) = (&credential.configuration, validate::Present::default());
    let engine = Engine::load_with(document.text.as_bytes(), &secrets, credential.verifier());
    engine.map(|engine| Arc::new(engine.seeded([0; 32]))).map_err(|errors| ExplainError::invalid(document, &errors))
}

/// The JSON at `path`.
fn json_file(path: &Path) -> Result<Value, DocumentError> {
    crate::document::typed(path)
}
