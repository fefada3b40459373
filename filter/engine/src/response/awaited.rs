//! Which responses may come in answer to a request: to whom they are, says their id and nothing else (JSON-RPC 2.0 §5), and
//! clients look for it whatever the stream it comes on.
//!
//! | the request | results that pass | errors that pass |
//! |---|---|---|
//! | a JSON-RPC request | the first with its id, type and value | those with its id, with `null` and without any |
//! | `GET` with `Last-Event-ID` | all: who resumes a stream gives them ids of its own | all |
//! | any other, and in answer to a notification or a response | none | all |
//!
//! Requests and notifications of the server pass, and so does what is none of the four. An answer with the status of an error
//! may have an error with any id: the SDKs before 2026 wrote one of their own (`"server-error"`).

use serde_json::Value;

use super::Refused;

/// The responses that a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Awaited {
    /// The one with this id.
    Response(Value),
    /// Those to whatever was asked before on a stream that is resumed.
    Rest,
    /// None: it is the stream on which the server speaks up by itself.
    Stream,
    /// None, and nobody reads what is said: a notification, a response, the end of a session.
    Nothing,
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
}

impl Judge {
    pub(super) fn new(awaited: Awaited, failed: bool) -> Self {
        Self { awaited, failed, answered: false }
    }

    /// Whether what is said is of no interest to whoever asked.
    pub(super) fn is_unread(&self) -> bool {
        self.awaited == Awaited::Nothing
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
        match &self.awaited {
            Awaited::Rest => Ok(()),
            Awaited::Response(awaited) if id.value().as_ref() == Some(awaited) => self.answer(),
            Awaited::Response(_) | Awaited::Stream | Awaited::Nothing => Err(Refused::Unasked),
        }
    }

    fn error(&mut self, id: &Id) -> Result<(), Refused> {
        let Awaited::Response(awaited) = &self.awaited else { return Ok(()) };
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
