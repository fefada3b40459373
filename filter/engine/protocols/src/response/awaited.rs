//! Which responses may come in answer to a request: to whom they are, says their id and nothing else (JSON-RPC 2.0 §5), and
//! clients look for it whatever the stream it comes on.
//!
//! | the request | results that pass | errors that pass |
//! |---|---|---|
//! | a JSON-RPC request | the first with its id, type and value | those with its id, with `null` and without any |
//! | `initialize` | the same, if it is of a version that is read; else an error in its place | the same |
//! | `GET` with `Last-Event-ID` | all: who resumes a stream gives them ids of its own | all |
//! | any other, and in answer to a notification or a response | none | all |
//!
//! What version the answer to `initialize` names decides how its client reads everything after it. On a stream that is resumed, where
//! that answer can come late, no result passes that names a version which is not read.
//!
//! Requests and notifications of the server pass, and so does what is none of the four. An answer with the status of an error
//! may have an error with any id: the SDKs before 2026 wrote one of their own (`"server-error"`).

use serde_json::Value;

use super::Refused;

/// The responses that a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Awaited {
    /// The one with this id.
    Response(Value),
    /// The one that opens a session.
    Session(Opening),
    /// Those to whatever was asked before on a stream that is resumed.
    Rest,
    /// None: it is the stream on which the server speaks up by itself.
    Stream,
    /// None, and nobody reads what is said: a notification, a response, the end of a session.
    Nothing,
}

/// The request that opens a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Its id.
    pub id: Value,
    /// The error that the client gets where the server names a version that is not read: JSON in one line.
    pub instead: String,
}

impl Awaited {
    /// The id of the response, where one is awaited.
    pub(super) const fn id(&self) -> Option<&Value> {
        match self {
            Self::Response(id) | Self::Session(Opening { id, instead: _ }) => Some(id),
            Self::Rest | Self::Stream | Self::Nothing => None,
        }
    }
}

/// What becomes of a result by the version that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    /// Nobody looks for one.
    Ignored,
    /// It may name one; one that is not read does not pass.
    Looked,
    /// It must name one that is read, or something else passes in its place.
    Demanded,
}

/// What a message says that it is.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) id: Id,
    pub(super) method: bool,
    pub(super) result: bool,
    pub(super) error: bool,
}

/// The id of a message.
#[derive(Debug, Default)]
pub(super) enum Id {
    #[default]
    None,
    /// The JSON of a scalar.
    Scalar(Vec<u8>),
    /// One that no request has.
    Other,
    /// There are two, or one under a name that only some readers take for `id`.
    Twice,
}

/// Judges the messages of one answer.
#[derive(Debug)]
pub(super) struct Judge {
    awaited: Awaited,
    /// The answer has the status of an error.
    failed: bool,
    /// The response that is awaited was there.
    answered: bool,
    /// Something else passed in its place.
    replaced: bool,
}

impl Judge {
    pub(super) fn new(awaited: Awaited, failed: bool) -> Self {
        Self { awaited, failed, answered: false, replaced: false }
    }

    /// Whether what is said is of no interest to whoever asked.
    pub(super) fn is_unread(&self) -> bool {
        self.awaited == Awaited::Nothing
    }

    /// Whether it is the stream on which the server speaks up by itself, or one that is resumed.
    pub(super) fn is_leg(&self) -> bool {
        matches!(self.awaited, Awaited::Stream | Awaited::Rest)
    }

    /// What becomes of results by their version.
    pub(super) const fn versions(&self) -> Versions {
        match self.awaited {
            Awaited::Session(_) => Versions::Demanded,
            Awaited::Rest => Versions::Looked,
            Awaited::Response(_) | Awaited::Stream | Awaited::Nothing => Versions::Ignored,
        }
    }

    /// What passes in place of a result of a version that is not read.
    pub(super) fn instead(&mut self) -> &str {
        self.replaced = true;
        match &self.awaited {
            Awaited::Session(Opening { id: _, instead }) => instead,
            Awaited::Response(_) | Awaited::Rest | Awaited::Stream | Awaited::Nothing => "",
        }
    }

    /// Whether something else passed in place of a result.
    pub(super) const fn replaced(&self) -> bool {
        self.replaced
    }

    /// Whether a message passes that says this.
    pub(super) fn judge(&mut self, said: &Said) -> Result<(), Refused> {
        match (said.result, said.error) {
            (false, false) => Ok(()),
            (true, true) => Err(Refused::Unreadable),
            (true, false) if said.method || matches!(said.id, Id::Twice) => Err(Refused::Unreadable),
            (true, false) => self.result(&said.id),
            (false, true) => self.error(&said.id),
        }
    }

    fn result(&mut self, id: &Id) -> Result<(), Refused> {
        match (&self.awaited, self.awaited.id()) {
            (Awaited::Rest, _) => Ok(()),
            (_, Some(awaited)) if id.value().as_ref() == Some(awaited) => self.answer(),
            (Awaited::Response(_) | Awaited::Session(_) | Awaited::Stream | Awaited::Nothing, _) => {
                Err(Refused::Unasked)
            }
        }
    }

    fn error(&mut self, id: &Id) -> Result<(), Refused> {
        let Some(awaited) = self.awaited.id() else { return Ok(()) };
        match (id, id.value()) {
            _ if self.failed => Ok(()),
            (Id::None, _) | (_, Some(Value::Null)) => Ok(()),
            (_, Some(id)) if id == *awaited => self.answer(),
            (Id::Scalar(_) | Id::Other | Id::Twice, _) => Err(Refused::Unasked),
        }
    }

    /// There is one answer.
    fn answer(&mut self) -> Result<(), Refused> {
        if std::mem::replace(&mut self.answered, true) { Err(Refused::Unasked) } else { Ok(()) }
    }
}

impl Id {
    /// What it is, where requests have such.
    fn value(&self) -> Option<Value> {
        match self {
            Self::Scalar(json) => serde_json::from_slice(json).ok(),
            Self::None | Self::Other | Self::Twice => None,
        }
    }
}
