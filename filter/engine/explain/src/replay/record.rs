//! Records as the filter writes them (`filter/engine/src/record/wire.rs`), read back: members are added there and never
//! renamed, so what is not known here is passed over.

use countersign_facts::clock;
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_tokens::UnixTime;
use countersign_tokens::json::Members;
use countersign_tokens::{Scalar, Subject};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How every record begins, whatever a gateway's log puts before it.
const BEGINNING: &str = "{\"countersign\":";

/// The format that is read.
const FORMAT: u32 = 1;

/// The kind of line about the end of a stream.
const ENDED: &str = "ended";

/// One line of a log.
pub enum Line {
    Decision(Box<Record>),
    /// No record, or one about the end of a stream.
    Other,
}

/// One decision.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    countersign: u32,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) reason: String,
    mode: Option<String>,
    pub(super) id: String,
    pub(super) time_ms: u64,
    pub(super) source: Option<String>,
    pub(super) workload: Option<Workload>,
    pub(super) token: Option<Token>,
    pub(super) task: Option<Task>,
    pub(super) request: Option<Request>,
    pub(super) action: Option<Action>,
    #[serde(default)]
    pub(super) findings: Vec<String>,
    #[serde(default)]
    pub(super) policies: Vec<String>,
    pub(super) policy_revision: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Workload {
    /// Absent from records before there was one.
    pub(super) id: Option<String>,
    pub(super) issuer: String,
    pub(super) subject: Option<String>,
    /// Who has no subject.
    pub(super) machine: Option<Machine>,
    pub(super) client_id: Option<String>,
    pub(super) requester: Option<String>,
    pub(super) trust_domain: Option<String>,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) traits: Vec<String>,
    pub(super) classified: Option<bool>,
    #[serde(default)]
    pub(super) actors: Vec<Actor>,
    /// Null is absence.
    #[serde(default)]
    pub(super) claims: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Machine {
    pub(super) claim: String,
    pub(super) id: String,
}

impl Workload {
    /// Whom its credential names; none where the record does not say.
    pub(super) fn subject(&self) -> Option<Subject> {
        let machine = |Machine { claim, id }: &Machine| {
            Subject::Machine(countersign_tokens::Machine { claim: claim.clone(), id: id.clone() })
        };
        self.subject.as_deref().map(Subject::from).or_else(|| self.machine.as_ref().map(machine))
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Actor {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) profile: Option<String>,
    pub(super) kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Token {
    pub(super) id: Option<Scalar>,
    pub(super) key_id: Option<String>,
    pub(super) expires: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) purpose: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) object: Option<String>,
    #[serde(default)]
    pub(super) objects: Vec<String>,
    /// Of URIs that are not recorded whole.
    #[serde(default)]
    pub(super) uri_digests: Vec<Option<String>>,
    #[serde(default)]
    pub(super) delivery: Option<String>,
    pub(super) arguments_digest: Option<String>,
    /// By their pointers.
    #[serde(default)]
    pub(super) arguments: Members,
}

/// A line begins as a record and is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {problem}")]
pub struct RecordError {
    /// Counted from 1.
    pub line: usize,
    pub problem: String,
}

/// The lines of a log.
pub fn lines(text: &str) -> Result<Vec<Line>, RecordError> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let line =
        |(index, text): (usize, &str)| self::line(text).map_err(|problem| RecordError { line: index + 1, problem });
    numbered.map(line).collect()
}

pub(super) fn line(text: &str) -> Result<Line, String> {
    let Some((_, json)) = text.split_once(BEGINNING) else { return Ok(Line::Other) };
    let json = format!("{BEGINNING}{json}");
    // What a gateway's log puts behind it is not looked at.
    let first = serde_json::Deserializer::from_str(&json).into_iter().next();
    let record: Record = first.ok_or("an empty record")?.map_err(|error| error.to_string())?;
    if record.countersign != FORMAT {
        return Err(format!("a record of format {}; this program reads format {FORMAT}", record.countersign));
    }
    if record.kind == ENDED { Ok(Line::Other) } else { Ok(Line::Decision(Box::new(record))) }
}

impl Record {
    /// How it ended, if that is known here.
    pub(super) fn reason(&self) -> Option<Reason> {
        Reason::ALL.iter().copied().find(|reason| reason.row().code == self.reason)
    }

    /// Whether it was only watched: it went on, whatever was decided.
    pub(super) fn is_watched(&self) -> bool {
        self.mode.as_deref() == Some(Mode::Audit.name())
    }

    pub(super) fn now(&self) -> UnixTime {
        UnixTime::from_millis(self.time_ms)
    }

    /// RFC 3339.
    pub(super) fn time(&self) -> String {
        clock::format(self.now()).unwrap_or_default()
    }
}
