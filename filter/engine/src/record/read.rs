//! Decisions read back from what a gateway logged. A member that is not known here is passed over: newer filters add
//! members.
//!
//! Nothing is judged here, and what a record does not say stays open.

use countersign_facts::reason::{LineKind, Reason};
use countersign_facts::rollout::Mode;
use countersign_tokens::{Machine, Subject, UnixTime};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::FORMAT;
use super::wire::{self, Decision, Workload};

/// How every record begins, whatever a gateway's log puts before it.
const BEGINNING: &str = "{\"countersign\":";

/// Why a line that begins as a record is not one.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("a record of format {0}; this program reads format {FORMAT}")]
    Format(u32),
}

/// What says how to read the rest.
#[derive(Deserialize)]
struct Head {
    countersign: u32,
    kind: String,
}

impl Decision<'static> {
    /// The decision on a line of a gateway's log. `None` where there is no record, or one about the end of a stream.
    pub fn read(line: &str) -> Result<Option<Self>, ReadError> {
        let Some(start) = line.find(BEGINNING) else { return Ok(None) };
        let json = line.get(start..).unwrap_or_default();
        let Head { countersign, kind } = first(json)?;
        if countersign != FORMAT {
            return Err(ReadError::Format(countersign));
        }
        if kind == LineKind::Ended.name() { Ok(None) } else { Ok(Some(first(json)?)) }
    }
}

impl Decision<'_> {
    /// How it ended; `None` for a reason of a newer filter.
    pub fn reason(&self) -> Option<Reason> {
        Reason::ALL.iter().copied().find(|reason| reason.row().code == self.reason)
    }

    /// Whether it was only watched: the request went on, whatever was decided.
    pub fn is_watched(&self) -> bool {
        self.mode.as_deref() == Some(Mode::Audit.name())
    }

    /// When it was decided.
    pub fn now(&self) -> UnixTime {
        UnixTime::from_millis(self.time_ms)
    }
}

impl Workload<'_> {
    /// Whom its credential names; `None` where the record does not say.
    pub fn subject(&self) -> Option<Subject> {
        let machine = |wire::Machine { claim, id }: &wire::Machine<'_>| {
            Subject::Machine(Machine { claim: claim.clone().into_owned(), id: id.clone().into_owned() })
        };
        self.subject.as_deref().map(Subject::from).or_else(|| self.machine.as_ref().map(machine))
    }
}

/// The value that `json` begins with. What a gateway's log puts behind it is not looked at.
fn first<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    T::deserialize(&mut serde_json::Deserializer::from_str(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What records have said from the beginning, and nothing that was added since.
    const OLD: &str = r#"{"countersign":1,"kind":"deny","id":"d","time_ms":5,
        "workload":{"issuer":"i","subject":"s","kind":"agent","actors":[{"issuer":"i","subject":"a"}]},
        "token":{"expires":6},"task":{"id":"t"},"request":{"method":"GET","host":"h","path":"/"},
        "action":{"name":"http:GET"},"flips":[{"from":"allow","to":"deny"}],
        "approval":{"approver":{"issuer":"i","subject":"p"},"expires":7}}"#;

    #[test]
    fn a_record_without_what_was_added_since_is_read() -> Result<(), ReadError> {
        assert!(Decision::read(OLD)?.is_some());
        Ok(())
    }

    #[test]
    fn a_record_is_found_in_what_a_gateway_puts_around_it() -> Result<(), ReadError> {
        for line in [
            OLD.to_owned(),
            format!("[info][wasm] wasm log: {OLD}"),
            format!("{OLD} and more {{"),
            OLD.replacen("\"id\":\"d\"", "\"id\":\"d\",\"of_tomorrow\":[{}]", 1),
        ] {
            assert_eq!(Decision::read(&line)?.map(|decision| decision.id.into_owned()).as_deref(), Some("d"), "{line}");
        }
        for line in ["", "wasm log: ready", r#"{"id":"d"}"#, r#"{"countersign":1,"kind":"ended"}"#] {
            assert!(Decision::read(line)?.is_none(), "{line}");
        }
        Ok(())
    }

    #[test]
    fn what_is_not_a_record_says_why() {
        for (line, expected) in [
            (r#"{"countersign":2,"kind":{}}"#, "invalid type: map, expected a string at line 1 column 24"),
            (r#"{"countersign":2,"kind":"allow"}"#, "a record of format 2; this program reads format 1"),
            (r#"{"countersign":1,"kind":"allow"}"#, "missing field `id` at line 1 column 32"),
            (r#"{"countersign":1,"kind":"all"#, "EOF while parsing a string at line 1 column 28"),
        ] {
            let told = Decision::read(line).err().map(|error| error.to_string());
            assert_eq!(told.as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_caller_is_named_by_its_subject_or_as_a_machine() -> Result<(), ReadError> {
        let machine = Subject::Machine(Machine { claim: "azp".to_owned(), id: "m".to_owned() });
        let unnamed = OLD.replacen("\"subject\":\"s\",", "", 1);
        let with_machine =
            unnamed.replacen("\"kind\":\"agent\"", r#""kind":"agent","machine":{"claim":"azp","id":"m"}"#, 1);
        for (line, expected) in [(OLD, Some(Subject::from("s"))), (&unnamed, None), (&with_machine, Some(machine))] {
            let workload = Decision::read(line)?.and_then(|decision| decision.workload);
            assert_eq!(workload.and_then(|workload| workload.subject()), expected, "{line}");
        }
        Ok(())
    }
}
