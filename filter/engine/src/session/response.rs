//! What of one response matters, decided when its request goes upstream: a list that is filtered for its reader, the session
//! that it opens or is in, and whether an A2A agent says that a task is over.
//!
//! Everything else passes unseen, and what an agent says passes as it is. A list is asked for in a form that can be read here: without content coding.

use serde_json::Value;

use super::Turn;
use super::account::Account;
use super::agent_tasks::AgentTasks;
use super::request::Request;
use super::visible::Reader;
use crate::action::Operation;
use crate::catalogue::Denials;
use crate::forward::HeaderEdit;
use crate::headers::{Headers, same_name};
use crate::learned;
use crate::ledger::LedgerError;
use crate::reason::Reason;
use crate::record::Line;
use crate::reply::{Addressee, Denial, Reply};
use crate::response::{Content, Endings, Sight, TaskEnd, Treatment, Unreadable, treatment};
use crate::sessions::{self, Seal};

/// The methods whose results are lists that are filtered.
const LISTS: [&str; 4] = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

/// A stream that is resumed may bring the answer to any earlier request (MCP 2025-11-25, Streamable HTTP).
const RESUMES: &str = "last-event-id";

/// Looks after one response.
pub(super) struct Watch {
    /// Who reads the list, if it is one.
    reader: Option<Reader>,
    seal: Option<Seal>,
    rpc_id: Option<Value>,
    content: Option<Content>,
    /// Whose tasks it can say are over, and where that is looked for.
    tasks: Option<AgentTasks>,
    endings: Option<Endings>,
    /// Whether the list had a tool that is not what it was pinned to.
    changed: bool,
}

/// What becomes of a piece of the body.
pub(super) enum Passed {
    Instead(Vec<u8>),
    AsItIs,
    /// As it is, like everything after it; a task that is over, if that is news.
    Rest(Option<TaskEnd>),
}

/// What a response's head turned out to be.
pub(super) enum Seen {
    /// Nothing that matters.
    Nothing,
    /// To be edited; what remains to be looked after.
    Head(Vec<HeaderEdit>, Option<Box<Watch>>),
    /// Not to be passed: [`Watch::refusal`] goes instead.
    Unreadable(Box<Watch>),
}

impl Watch {
    /// What matters of the answer to `request`, if anything does; `edits` are those of the request.
    pub(super) fn of(
        turn: &Turn<'_>,
        request: &Request,
        account: &Account,
        edits: &mut Vec<HeaderEdit>,
    ) -> Option<Box<Self>> {
        let headers = &request.head.headers;
        if let Some(session) = &account.session {
            edits.extend(removed(headers, sessions::FIELD));
            edits.push(HeaderEdit::Set(sessions::FIELD, session.clone()));
        }
        let is_list = match account.action.as_ref().map(|action| &action.operation) {
            Some(Operation::Mcp(operation)) if operation.method == "GET" => headers.contains(RESUMES),
            Some(Operation::Mcp(operation)) => LISTS.contains(&operation.method),
            Some(
                Operation::Http { .. }
                | Operation::Endpoint(_)
                | Operation::ToolCall(_)
                | Operation::A2a(_)
                | Operation::Grpc(_),
            )
            | None => false,
        };
        let reader = if is_list { Reader::of(turn, request, account) } else { None };
        if reader.is_some() {
            edits.extend(removed(headers, "accept-encoding"));
        }
        let resource = turn.engine.resource(request.resource);
        let tasks = resource.and_then(|resource| AgentTasks::told_by(resource, account));
        if reader.is_none() && account.seal.is_none() && tasks.is_none() {
            return None;
        }
        let (seal, rpc_id) = (account.seal.clone(), account.rpc_id.clone());
        Some(Box::new(Self { reader, seal, rpc_id, content: None, tasks, endings: None, changed: false }))
    }

    /// Takes the head.
    pub(super) fn head(mut self: Box<Self>, headers: &Headers, end: bool) -> Seen {
        let Ok(mut edits) = self.session(headers) else { return Seen::Unreadable(self) };
        if self.reader.is_some() {
            match treatment(headers, end) {
                Treatment::Pass => {}
                Treatment::Rewrite(content, more) => {
                    self.content = Some(content);
                    edits.extend(more);
                }
                Treatment::Refuse => return Seen::Unreadable(self),
            }
        }
        if self.tasks.is_some() && !end {
            self.endings = Endings::of(headers);
        }
        let watch = (self.content.is_some() || self.endings.is_some()).then_some(self);
        if edits.is_empty() && watch.is_none() { Seen::Nothing } else { Seen::Head(edits, watch) }
    }

    /// Takes the next bytes of the body.
    pub(super) fn body(&mut self, turn: &mut Turn<'_>, chunk: &[u8], end: bool) -> Result<Passed, Reason> {
        match (&mut self.endings, self.tasks) {
            (Some(endings), Some(tasks)) => Ok(match endings.push(chunk) {
                Sight::More => Passed::AsItIs,
                Sight::Nothing => Passed::Rest(None),
                Sight::End(end) => Passed::Rest(turn.remember_end(tasks, &end).then_some(end)),
            }),
            (Some(_) | None, _) => self.list(turn, chunk, end).map(Passed::Instead),
        }
    }

    /// Takes the next bytes of a list; what the client gets instead.
    ///
    /// What is to be remembered of it is remembered before, or nothing of it passes.
    fn list(&mut self, turn: &mut Turn<'_>, chunk: &[u8], end: bool) -> Result<Vec<u8>, Reason> {
        let (Some(reader), Some(content)) = (&self.reader, &mut self.content) else { return Err(Reason::Internal) };
        let unreadable = |_: Unreadable| Reason::ResponseUnreadable;
        let mut reader = reader.at(turn.engine, turn.now).map_err(unreadable)?;
        let passed = content.push(chunk, end, &mut reader);
        self.changed |= reader.met_changed_tool();
        let (resource, marks) = reader.into_marks();
        let noted = learned::note(turn.ledger, turn.now, resource, marks);
        noted.map_err(|_: LedgerError| Reason::LedgerUnavailable)?;
        passed.map_err(unreadable)
    }

    /// Whether the list had a tool that is not what it was pinned to.
    pub(super) fn met_changed_tool(&self) -> bool {
        self.changed
    }

    /// The client gets the upstream's session id sealed, and nothing that could be taken for another one.
    fn session(&self, headers: &Headers) -> Result<Vec<HeaderEdit>, Unreadable> {
        let Some(seal) = &self.seal else { return Ok(Vec::new()) };
        let Some(id) = headers.single(sessions::FIELD).map_err(|_| Unreadable)? else { return Ok(Vec::new()) };
        let sealed = seal.seal(id).ok_or(Unreadable)?;
        let mut edits = removed(headers, sessions::FIELD);
        edits.push(HeaderEdit::Set(sessions::FIELD, sealed));
        Ok(edits)
    }

    /// What the client gets instead of a response that cannot be passed; `line` is written.
    pub(super) fn refusal(&self, turn: &Turn<'_>, line: Line) -> Reply {
        let addressee = Addressee {
            id: turn.id,
            denial: Denial::rpc(Reason::ResponseUnreadable, Denials::default(), false, false),
            proxy: false,
            version: None,
            rpc_id: self.rpc_id.as_ref(),
            dpop: false,
            metadata_url: None,
            scope: None,
            demand: None,
        };
        Reply::deny(line, Reason::ResponseUnreadable, &addressee)
    }
}

fn removed(headers: &Headers, field: &str) -> Vec<HeaderEdit> {
    HeaderEdit::removals(headers, |name| same_name(name, field))
}
