//! Whether an answer of an A2A agent says that a task is over: seen while the answer passes, which it does as it is.
//!
//! Looked at is the message (REST) or its `result` (JSON-RPC), as a task or an update of its status, and `task` and
//! `statusUpdate` in it. What is not there, or could be read in two ways, says nothing. Nothing is held but ids and states.
//! What waits for somebody (`INPUT_REQUIRED`, `AUTH_REQUIRED`) is not over, and nothing is ever permitted by what is seen.
//!
//! Sources: A2A 1.0.1, `SendMessageResponse`, `StreamResponse`, `Task` and `TaskStatusUpdateEvent`; 0.3.0 §6.1, §7.2.

use countersign_facts::fold::fold;
use countersign_facts::headers::Headers;

use super::event_stream::{Events, Frames};
use super::field::Field;
use super::head::Media;
use super::token::{Container, Mark, Tokens};
use super::{Refused, Unreadable, head};

/// Bytes of a member's name, quotes included, that can be one of ours.
const MAX_NAME: usize = 128;
/// Bytes of an id, quotes included.
const MAX_TEXT: usize = 2048;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    Completed,
    Failed,
    Canceled,
    Rejected,
}

impl Terminal {
    /// As 1.0 and 0.3 spell it.
    fn read(state: &str) -> Option<Self> {
        match state {
            "TASK_STATE_COMPLETED" | "completed" => Some(Self::Completed),
            "TASK_STATE_FAILED" | "failed" => Some(Self::Failed),
            "TASK_STATE_CANCELED" | "canceled" => Some(Self::Canceled),
            "TASK_STATE_REJECTED" | "rejected" => Some(Self::Rejected),
            _ => None,
        }
    }

    /// As records spell it.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Completed => "task_completed",
            Self::Failed => "task_failed",
            Self::Canceled => "task_canceled",
            Self::Rejected => "task_rejected",
        }
    }
}

/// A task that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEnd {
    pub task: String,
    pub how: Terminal,
}

/// What was seen so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing yet.
    More,
    /// Nothing, and nothing will be.
    Nothing,
    End(TaskEnd),
}

/// An answer being looked at.
#[derive(Debug)]
pub enum Endings {
    Json(Box<Message>),
    EventStream(Box<(Frames, Message)>),
}

impl Endings {
    /// The answer with this head, if it is in a form that is read here.
    pub fn of(headers: &Headers) -> Option<Self> {
        match head::media(headers) {
            Ok(Some(Media::Json | Media::A2aJson)) => Some(Self::Json(Box::new(Message::new()))),
            Ok(Some(Media::EventStream)) => Some(Self::EventStream(Box::new((Frames::new(), Message::new())))),
            Ok(None) | Err(Unreadable) => None,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, chunk: &[u8]) -> Sight {
        match self {
            Self::Json(message) => {
                message.push(chunk);
                match message.end() {
                    Some(end) => Sight::End(end),
                    None if message.unreadable || message.tokens.is_complete() => Sight::Nothing,
                    None => Sight::More,
                }
            }
            Self::EventStream(stream) => {
                let (frames, message) = stream.as_mut();
                let mut events = Looking { message, end: None };
                match frames.push(chunk, &mut events) {
                    Ok(()) => events.end.map_or(Sight::More, Sight::End),
                    Err(Refused::Unreadable | Refused::Unasked | Refused::Version | Refused::Transport) => {
                        Sight::Nothing
                    }
                }
            }
        }
    }
}

/// Looks at every event of a stream; one that cannot be read says nothing.
struct Looking<'a> {
    message: &'a mut Message,
    end: Option<TaskEnd>,
}

impl Events for Looking<'_> {
    fn begin(&mut self) {}

    fn data(&mut self, data: &[u8]) -> Result<(), Refused> {
        self.message.push(data);
        Ok(())
    }

    fn value(&mut self, _: &[u8]) {}

    fn field(&mut self, _: Field) -> Result<(), Refused> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        let message = std::mem::replace(self.message, Message::new());
        if self.end.is_none() {
            self.end = message.end();
        }
        Ok(())
    }
}

/// The objects that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Message,
    Result,
    Task,
    Update,
}

/// Where in a message a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Object(Of),
    /// The `status` of one.
    Status(Of),
    Elsewhere,
}

/// What a member's value is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Result,
    Task,
    Update,
    Status,
    Id,
    TaskId,
    State,
    Other,
}

/// What an object says.
#[derive(Debug, Default)]
struct Said {
    id: Option<String>,
    task: Option<String>,
    how: Option<Terminal>,
}

/// One message.
#[derive(Debug)]
pub struct Message {
    tokens: Tokens,
    /// Of every open container.
    places: Vec<Place>,
    /// The name being read, where names matter.
    name: Vec<u8>,
    member: Member,
    /// The text being read, if it matters.
    text: Option<Vec<u8>>,
    seen: Vec<(Place, Member)>,
    said: [Said; 4],
    unreadable: bool,
}

impl Message {
    fn new() -> Self {
        Self {
            tokens: Tokens::new(),
            places: Vec::new(),
            name: Vec::new(),
            member: Member::Other,
            text: None,
            seen: Vec::new(),
            said: Default::default(),
            unreadable: false,
        }
    }

    fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let (false, Some((byte, after))) = (self.unreadable, rest.split_first()) {
            // Most of a large answer is text that does not matter.
            let skipped = if self.text.is_none() { self.tokens.skip(rest) } else { 0 };
            if skipped > 0 {
                rest = rest.get(skipped..).unwrap_or_default();
                continue;
            }
            rest = after;
            let taken = self.tokens.step(*byte).and_then(|mark| self.take(*byte, mark));
            self.unreadable = taken.is_err();
        }
    }

    /// What it says, once it is whole.
    fn end(&self) -> Option<TaskEnd> {
        if self.unreadable || !self.tokens.is_complete() {
            return None;
        }
        self.said.iter().find_map(|said| match said {
            Said { id: Some(task), task: None, how: Some(how) }
            | Said { id: None, task: Some(task), how: Some(how) } => Some(TaskEnd { task: task.clone(), how: *how }),
            Said { .. } => None,
        })
    }

    fn place(&self) -> Place {
        self.places.last().copied().unwrap_or(Place::Elsewhere)
    }

    fn take(&mut self, byte: u8, mark: Mark) -> Result<(), Unreadable> {
        match mark {
            Mark::Name { ends } if self.place() != Place::Elsewhere => self.name(byte, ends)?,
            Mark::Opens(container) => self.open(container),
            Mark::Closes => drop(self.places.pop()),
            Mark::TextStarts => self.text = self.is_wanted().then(|| vec![byte]),
            Mark::Text { ends } => self.more_text(byte, ends)?,
            Mark::Name { .. } | Mark::Blank | Mark::Colon | Mark::Comma | Mark::LiteralStarts | Mark::Literal => {}
        }
        Ok(())
    }

    fn name(&mut self, byte: u8, ends: bool) -> Result<(), Unreadable> {
        if self.name.len() < MAX_NAME {
            self.name.push(byte);
        }
        if !ends {
            return Ok(());
        }
        // What is longer is cut off, has no closing quote and is none of ours.
        let name = serde_json::from_slice::<String>(&self.name).unwrap_or_default();
        self.name.clear();
        self.member = member(self.place(), &name);
        let seen = (self.place(), self.member);
        if self.member != Member::Other && self.seen.contains(&seen) {
            return Err(Unreadable);
        }
        if self.member != Member::Other {
            self.seen.push(seen);
        }
        Ok(())
    }

    fn open(&mut self, container: Container) {
        let place = match (container, self.places.last(), self.member) {
            (Container::Object, None, _) => Place::Object(Of::Message),
            (Container::Object, Some(Place::Object(_)), Member::Result) => Place::Object(Of::Result),
            (Container::Object, Some(Place::Object(_)), Member::Task) => Place::Object(Of::Task),
            (Container::Object, Some(Place::Object(_)), Member::Update) => Place::Object(Of::Update),
            (Container::Object, Some(Place::Object(of)), Member::Status) => Place::Status(*of),
            (Container::Object | Container::Array, _, _) => Place::Elsewhere,
        };
        self.places.push(place);
    }

    fn is_wanted(&self) -> bool {
        match self.place() {
            Place::Object(_) => matches!(self.member, Member::Id | Member::TaskId),
            Place::Status(_) => self.member == Member::State,
            Place::Elsewhere => false,
        }
    }

    fn more_text(&mut self, byte: u8, ends: bool) -> Result<(), Unreadable> {
        let Some(text) = &mut self.text else { return Ok(()) };
        if text.len() >= MAX_TEXT {
            return Err(Unreadable);
        }
        text.push(byte);
        if !ends {
            return Ok(());
        }
        let value: String = serde_json::from_slice(text).map_err(|_| Unreadable)?;
        self.text = None;
        let (Place::Object(of) | Place::Status(of)) = self.place() else { return Ok(()) };
        let [message, result, task, update] = &mut self.said;
        let said = match of {
            Of::Message => message,
            Of::Result => result,
            Of::Task => task,
            Of::Update => update,
        };
        match self.member {
            Member::Id => said.id = Some(value).filter(|id| !id.is_empty()),
            Member::TaskId => said.task = Some(value).filter(|id| !id.is_empty()),
            Member::State => said.how = Terminal::read(&value),
            Member::Result | Member::Task | Member::Update | Member::Status | Member::Other => {}
        }
        Ok(())
    }
}

/// The member called `name` of an object at `place`: without case and underscores, as some readers take it.
fn member(place: Place, name: &str) -> Member {
    let plain = fold(&name.replace('_', ""));
    match (place, plain.as_str()) {
        (Place::Object(Of::Message), "result") => Member::Result,
        (Place::Object(Of::Message | Of::Result), "task") => Member::Task,
        (Place::Object(Of::Message | Of::Result), "statusupdate") => Member::Update,
        (Place::Object(_), "status") => Member::Status,
        (Place::Object(_), "id") => Member::Id,
        (Place::Object(_), "taskid") => Member::TaskId,
        (Place::Status(_), "state") => Member::State,
        (Place::Object(_) | Place::Status(_) | Place::Elsewhere, _) => Member::Other,
    }
}

#[cfg(test)]
mod tests;
