//! What of one response matters, decided when its request goes upstream: of an MCP server's every message, and who may see a list
//! in it; the session that it opens or is in; and whether an A2A agent says that a task is over.
//!
//! Everything else passes unseen, and what an agent says passes as it is. An MCP server is asked for what can be read here:
//! without content coding.

use countersign_facts::board::LedgerError;
use countersign_facts::headers::{HeaderEdit, Headers, same_name};
use countersign_facts::ids::DecisionId;
use countersign_facts::reason::Reason;
use countersign_protocols::action::Listing;
use countersign_protocols::catalogue::Denials;
use countersign_protocols::denial::DenialForm;
use countersign_protocols::learned;
use countersign_protocols::response::{
    Audience, Awaited, Content, Element, Endings, Refused, Sight, TaskEnd, Treatment, Unreadable, Watched, treatment,
};
use countersign_rights::workload::Owner;
use countersign_trust::credential::Verified;
use countersign_trust::possession::nonce;
use serde_json::Value;

use super::Turn;
use super::account::Account;
use super::agent_tasks::AgentTasks;
use super::list_request;
use super::request::Request;
use super::visible::Reader;
use crate::record::Line;
use crate::reply::{Addressee, Denial, Reply};
use crate::sessions::{self, Seal};
use crate::shares::{Each, Held, Over};

/// How a stream ends with a list that told of a tool that is not what it was pinned to.
const TOOL_CHANGED: &str = "tool_changed";

/// Bytes of memory that it takes to look after any response.
const RESPONSE: usize = 2048;

/// Looks after one response.
pub(super) struct Watch {
    seal: Option<Seal>,
    /// For the client's next proofs.
    nonce: Option<String>,
    rpc_id: Option<Value>,
    of: Of,
    /// What was asked for to look after it.
    held: Held,
}

/// Whose response it is.
enum Of {
    Server(Box<Messages>),
    /// An A2A agent's: whose tasks it can say are over, and where that is looked for.
    Agent(AgentTasks, Option<Endings>),
    /// Anybody's, of which the head matters alone.
    Somebody,
}

/// The messages of an MCP server.
struct Messages {
    awaited: Awaited,
    lists: &'static [Listing],
    /// Who reads the lists, if there can be any.
    reader: Option<Reader>,
    /// Whether the server was asked as the client asks: then what it encodes is the client's to read.
    as_asked: bool,
    content: Option<Content>,
    /// Whether a list had a tool that is not what it was pinned to.
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
pub(super) enum HeadShows {
    /// Nothing that matters.
    Nothing,
    /// To be edited; what remains to be looked after.
    Head(Vec<HeaderEdit>, Option<Box<Watch>>),
    /// Not to be passed: [`Watch::refusal`] goes instead.
    Refused(Box<Watch>, Refused),
}

/// Why nothing more of a response passes.
pub(super) struct Stop {
    /// How the stream ends, as records spell it.
    pub(super) outcome: &'static str,
    /// What the client gets before it ends, where it could not know otherwise.
    pub(super) last: Option<Vec<u8>>,
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
        let of = match watched(turn, request, account) {
            Watched::Messages { awaited, lists } => {
                let messages = Messages::of(turn, request, account, awaited, lists);
                edits.extend(removed(headers, "accept-encoding"));
                if messages.reader.is_some() {
                    edits.extend(list_request::cleaned(turn, request));
                }
                Of::Server(Box::new(messages))
            }
            Watched::TaskEnd => {
                let resource = turn.engine.resource(request.resource);
                let tasks = resource.and_then(|resource| AgentTasks::told_to(account, resource));
                tasks.map_or(Of::Somebody, |tasks| Of::Agent(tasks, None))
            }
            Watched::Nothing => Of::Somebody,
        };
        let (seal, nonce, rpc_id) = (account.seal.clone(), account.nonce.clone(), account.rpc_id.clone());
        let held = Held::nothing(&turn.engine.shares, owner(account));
        match (&of, &seal, &nonce) {
            (Of::Somebody, None, None) => None,
            (Of::Server(_) | Of::Agent(..) | Of::Somebody, _, _) => {
                Some(Box::new(Self { seal, nonce, rpc_id, of, held }))
            }
        }
    }

    /// Asks for what it takes to look after a response of which `kept` bytes are kept.
    pub(super) fn hold(&mut self, kept: usize) -> Result<(), Over> {
        let response_bytes = RESPONSE.saturating_add(kept);
        self.held.hold(self.held.owner(), Each { response_bytes, ..Each::default() })
    }

    /// What is looked at of the answer to a request that is only watched.
    pub(super) fn in_audit(turn: &Turn<'_>, request: &Request, account: &Account) -> Option<Box<Self>> {
        let Watched::Messages { awaited, lists: _ } = watched(turn, request, account) else { return None };
        // Nobody reads its lists here.
        let messages = Messages::of(turn, request, account, awaited, &[]);
        let of = Of::Server(Box::new(Messages { as_asked: true, ..messages }));
        let held = Held::nothing(&turn.engine.shares, owner(account));
        Some(Box::new(Self { seal: None, nonce: None, rpc_id: None, of, held }))
    }

    /// Takes the head.
    pub(super) fn head(mut self: Box<Self>, headers: &Headers, end: bool) -> HeadShows {
        let Ok(mut edits) = self.session(headers) else { return HeadShows::Refused(self, Refused::Unreadable) };
        edits.extend(self.nonce.take().map(|nonce| HeaderEdit::Set(nonce::FIELD, nonce)));
        let goes_on = match &mut self.of {
            Of::Server(messages) if messages.as_asked && headers.contains("content-encoding") => false,
            Of::Server(messages) => match treatment(headers, end, &messages.awaited, messages.lists) {
                Treatment::Pass => false,
                Treatment::Read(content, more) => {
                    messages.content = Some(content);
                    edits.extend(more);
                    true
                }
                Treatment::Refuse(refused) => return HeadShows::Refused(self, refused),
            },
            Of::Agent(_, endings) => {
                *endings = if end { None } else { Endings::of(headers) };
                endings.is_some()
            }
            Of::Somebody => false,
        };
        let watch = goes_on.then_some(self);
        if edits.is_empty() && watch.is_none() { HeadShows::Nothing } else { HeadShows::Head(edits, watch) }
    }

    /// Takes the next bytes of the body, unless nothing more of it passes.
    pub(super) fn body(&mut self, turn: &mut Turn<'_>, chunk: &[u8], end: bool) -> Result<Passed, Stop> {
        let over = |over: Over| Stop::of(over.reason().row().code);
        // At most all of it is kept.
        self.hold(self.kept().saturating_add(chunk.len())).map_err(over)?;
        let passed = self.read(turn, chunk, end)?;
        self.hold(self.kept()).map_err(over)?;
        Ok(passed)
    }

    /// Bytes of the body that are kept.
    fn kept(&self) -> usize {
        match &self.of {
            Of::Server(messages) => messages.content.as_ref().map_or(0, Content::held),
            // A name and an id at a time.
            Of::Agent(..) | Of::Somebody => 0,
        }
    }

    fn read(&mut self, turn: &mut Turn<'_>, chunk: &[u8], end: bool) -> Result<Passed, Stop> {
        match &mut self.of {
            Of::Server(messages) => {
                let passed = messages.body(turn, chunk, end)?;
                Ok(passed.map_or(Passed::AsItIs, Passed::Instead))
            }
            Of::Agent(tasks, Some(endings)) => Ok(match endings.push(chunk) {
                Sight::More => Passed::AsItIs,
                Sight::Nothing => Passed::Rest(None),
                Sight::End(end) => Passed::Rest(turn.remember_end(*tasks, &end).then_some(end)),
            }),
            Of::Agent(_, None) | Of::Somebody => Ok(Passed::Rest(None)),
        }
    }

    /// What of a response that passed somebody should know: something else passed in place of a session of a version that is not
    /// read, or a list had a tool that is not what it was pinned to and was left out.
    pub(super) fn notable(&self) -> Option<&'static str> {
        let Of::Server(messages) = &self.of else { return None };
        let replaced = messages.content.as_ref().is_some_and(Content::replaced);
        let changed = messages.changed.then_some(TOOL_CHANGED);
        if replaced { Some(Refused::Version.outcome()) } else { changed }
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

    /// What the client gets instead of a response that cannot be passed for `reason`; `line` is written.
    pub(super) fn refusal(&self, turn: &Turn<'_>, reason: Reason, line: Line) -> Reply {
        let denials = Denials::default();
        let form = DenialForm::Message { denials, called: false, stateless: false, version: None };
        let addressee = Addressee {
            id: turn.id,
            denial: Denial::new(reason, form),
            proxy: false,
            rpc_id: self.rpc_id.as_ref(),
            dpop: false,
            nonce: None,
            metadata_url: None,
            scope: None,
            demand: None,
            mend: None,
        };
        Reply::deny(line, reason, &addressee)
    }
}

/// In whose name the response is looked after.
fn owner(account: &Account) -> Owner {
    account.verified.as_deref().map_or(Owner::Unknown, Verified::owner)
}

impl Messages {
    /// In which these responses are `awaited`, with these `lists`.
    fn of(turn: &Turn<'_>, request: &Request, account: &Account, awaited: Awaited, lists: &'static [Listing]) -> Self {
        let reader = if lists.is_empty() { None } else { Reader::of(turn, request, account) };
        Self { awaited, lists, reader, as_asked: false, content: None, changed: false }
    }

    /// Takes the next bytes; what the client gets instead, unless that is the same.
    ///
    /// What is to be remembered of a list is remembered before, or nothing of it passes.
    fn body(&mut self, turn: &mut Turn<'_>, chunk: &[u8], end: bool) -> Result<Option<Vec<u8>>, Stop> {
        let id = turn.id;
        let refused = |refused| Stop::for_refused(id, refused);
        let Some(content) = &mut self.content else { return Err(Stop::of(Reason::Internal.row().code)) };
        let Some(reader) = &self.reader else { return content.push(chunk, end, &mut Nobody).map_err(refused) };
        let mut reader = reader.at(turn.engine, turn.now).map_err(|unreadable| refused(unreadable.into()))?;
        let passed = content.push(chunk, end, &mut reader);
        self.changed |= reader.met_changed_tool();
        let (resource, viewer, sights) = reader.into_sights();
        let noted = learned::note(turn.ledger, turn.now, resource, viewer, sights);
        noted.map_err(|_: LedgerError| Stop::of(Reason::LedgerUnavailable.row().code))?;
        passed.map_err(refused)
    }
}

impl Stop {
    fn of(outcome: &'static str) -> Self {
        Self { outcome, last: None }
    }

    /// Of the stream whose decision is `id`. Who hears of another transport knows what to use.
    fn for_refused(id: DecisionId, refused: Refused) -> Self {
        let last = (refused == Refused::Transport).then(|| Reply::last_event(id, refused.reason()));
        Self { outcome: refused.outcome(), last }
    }
}

/// Who reads no list.
struct Nobody;

impl Audience for Nobody {
    fn sees(&mut self, _: Listing, _: &Element) -> Result<bool, Unreadable> {
        Err(Unreadable)
    }
}

/// What is watched of the answer to `request`, once it is known what that does.
fn watched(turn: &Turn<'_>, request: &Request, account: &Account) -> Watched {
    let known = turn.engine.resource(request.resource).zip(account.action.as_ref());
    known.map_or(Watched::Nothing, |(resource, action)| {
        let instead = |id: &Value, offered: Option<&str>| Reply::other_version(turn.id, id, offered);
        Watched::of(resource, action, &request.head.headers, instead)
    })
}

fn removed(headers: &Headers, field: &str) -> Vec<HeaderEdit> {
    HeaderEdit::removals(headers, |name| same_name(name, field))
}
