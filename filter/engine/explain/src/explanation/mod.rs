//! What becomes of one request, check by check.
//!
//! Nothing is decided here: a session of the engine decides, as the filter's would, and the engine says what it looked at.
//! Never says a credential, nor the value of a header.

mod change;
mod checks;
mod credential;
mod drive;
mod request;

use std::sync::Arc;

use countersign_engine::{Engine, Waits};
use countersign_facts::clock;
use countersign_facts::ledger::MemoryLedger;
use countersign_facts::mistakes::ConfigErrors;
use countersign_facts::reason::{LineKind, Reason};
use countersign_facts::rollout::Mode;
use countersign_tokens::UnixTime;
use http::{HeaderName, HeaderValue, Method, Uri};
use serde::Serialize;
use serde_json::Value;

pub use self::checks::{CheckResult, Checked, Policy, Reaches};
use self::credential::Credential;
use self::drive::Outcome;
use self::request::Request;
use crate::document::Document;
use crate::validate::{self, Finding};

/// The request that is asked about. It has no `Debug`: it holds a credential.
pub struct Asked {
    /// An absolute address, as the client knows it.
    pub url: Uri,
    /// POST where there is a body, else GET.
    pub method: Option<Method>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Option<Vec<u8>>,
    /// Where it comes from (`ip:port`), if the gateway says.
    pub source: Option<String>,
    /// The gateway's name for the route, if it says.
    pub route: Option<String>,
    pub presented: Presented,
    /// How the credential is carried.
    pub carrier: Carrier,
    /// The configured name of its issuer, where there are several that sign.
    pub issuer: Option<String>,
}

/// What is presented as a credential.
pub enum Presented {
    /// A token, or what is in the headers; and its issuer's keys where the gateway would fetch them.
    Token { token: Option<String>, keys: Option<Value> },
    /// A token whose signature, and that of a proof, is believed.
    Believed(String),
    /// What a token would say, without one.
    Claims(Value),
}

/// Where a credential is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer`, or `DPoP` where there is a field `DPoP`.
    Authorization,
    /// The same in `Proxy-Authorization`, on the way out.
    ProxyAuthorization,
    /// `Txn-Token`.
    TxnToken,
}

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
    /// It can be read, and not loaded.
    #[error("the configuration is not valid")]
    Invalid(Vec<Finding>),
    #[error("write an absolute address, such as https://tools.example.com/mcp")]
    NoAuthority,
    #[error(transparent)]
    Token(#[from] countersign_tokens::TokenError),
    #[error(transparent)]
    Keys(#[from] countersign_tokens::KeySetError),
    #[error("not a JSON object")]
    Claims,
    #[error("write which of these it is: {0}")]
    WhichIssuer(String),
    #[error("issuer `{0}` has no profile whose tokens say what they say in a signature")]
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

impl Explanation {
    /// What becomes of what is `asked` at `now`, where the configuration is `document`.
    pub fn of(document: &Document, asked: &Asked, now: UnixTime) -> Result<Self, ExplainError> {
        let credential = Credential::of(asked, document)?;
        let request = Request::of(asked, credential.header.as_ref())?;
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
            LineKind::Allow | LineKind::Ended => Self::Allow,
            LineKind::Deny => Self::Deny,
            LineKind::StepUp => Self::StepUp,
            LineKind::Served => Self::Served,
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
