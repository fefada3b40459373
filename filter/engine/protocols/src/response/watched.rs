//! What of an answer is watched, by what was asked for.

use countersign_facts::headers::Headers;
use serde_json::Value;

use super::{Awaited, Opening};
use crate::action::mcp::Answer;
use crate::action::{Action, Listing};
use crate::catalogue::{Protocol, Resource};

/// A stream that is resumed may bring the answer to any earlier request (MCP 2025-11-25, Streamable HTTP).
const RESUMES: &str = "last-event-id";

/// What matters of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    /// Every message of it: which responses it may bring, and which lists in them show their reader only what it could use.
    Messages { awaited: Awaited, lists: &'static [Listing] },
    /// Whether it says that a task is over.
    TaskEnd,
    /// Nothing of its body.
    Nothing,
}

impl Watched {
    /// Of the answer of `resource` to a request with `headers` that does `action`. Where that opens a session, `instead` is what the
    /// client gets for one of a version that is not read: JSON in one line, by the id and the version that was offered.
    pub fn of(
        resource: &Resource,
        action: &Action,
        headers: &Headers,
        instead: impl FnOnce(&Value, Option<&str>) -> String,
    ) -> Self {
        match resource.protocol {
            Protocol::Mcp => {
                let answer = action.answer();
                let awaited = awaited(action, answer, headers, instead);
                let lists = match &awaited {
                    Awaited::Response(_) | Awaited::Rest => answer.lists(),
                    Awaited::Session(_) | Awaited::Stream | Awaited::Nothing => &[],
                };
                Self::Messages { awaited, lists }
            }
            Protocol::A2a if action.is_told_of_task() => Self::TaskEnd,
            Protocol::A2a | Protocol::Http | Protocol::Grpc => Self::Nothing,
        }
    }
}

/// The responses that `action` asks for.
fn awaited(
    action: &Action,
    answer: Answer,
    headers: &Headers,
    instead: impl FnOnce(&Value, Option<&str>) -> String,
) -> Awaited {
    match (answer, action.rpc_id()) {
        (Answer::Session, Some(id)) => {
            Awaited::Session(Opening { id: id.clone(), instead: instead(id, action.offered()) })
        }
        (_, Some(id)) => Awaited::Response(id.clone()),
        (Answer::Stream, None) if headers.contains(RESUMES) => Awaited::Rest,
        (Answer::Stream, None) => Awaited::Stream,
        (Answer::Response | Answer::Lists(_) | Answer::Session | Answer::Nothing, None) => Awaited::Nothing,
    }
}
