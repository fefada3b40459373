//! The body of an answer on its way to the client.

use super::awaited::{Judge, Versions};
use super::event_stream::EventStream;
use super::message::{AsItCame, Message};
use super::utf8::Utf8;
use super::{Audience, Refused};
use crate::action::Listing;

/// A body being read.
#[derive(Debug)]
pub struct Content {
    judge: Judge,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Json { text: Utf8, message: Box<Message>, rewritten: bool },
    EventStream(Box<EventStream>),
    Unread(Unread),
}

/// A body in a form that nobody reads here, whose status or request says that nobody reads it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Nothing but white space came.
    Blank,
    /// It is text.
    Passes,
    /// It could be text to us and a message to somebody.
    Withheld,
}

impl Content {
    /// One JSON message.
    pub(super) fn json(judge: Judge, lists: &'static [Listing]) -> Self {
        let (text, message) = (Utf8::default(), Box::new(Message::new(lists)));
        let rewritten = !lists.is_empty() || judge.versions() == Versions::Demanded;
        Self { judge, form: Form::Json { text, message, rewritten } }
    }

    /// Messages in events.
    pub(super) fn event_stream(judge: Judge, lists: &'static [Listing]) -> Self {
        Self { judge, form: Form::EventStream(Box::new(EventStream::new(lists))) }
    }

    /// Something else.
    pub(super) fn unread(judge: Judge, unread: Unread) -> Self {
        Self { judge, form: Form::Unread(unread) }
    }

    /// Takes the next bytes of the body; what the client gets instead, unless that is the same.
    pub fn push(&mut self, chunk: &[u8], end: bool, audience: &mut dyn Audience) -> Result<Option<Vec<u8>>, Refused> {
        let judge = &mut self.judge;
        match &mut self.form {
            Form::Json { text, message, rewritten } => {
                let mut out = rewritten.then(|| Vec::with_capacity(chunk.len()));
                text.push(chunk, |text| match &mut out {
                    Some(out) => message.push(text, judge, audience, out),
                    None => message.push(text, judge, audience, &mut AsItCame),
                })?;
                if end && !text.is_complete() {
                    return Err(Refused::Unreadable);
                }
                if end {
                    message.finish()?;
                }
                Ok(out)
            }
            // What follows the last whole event has not been judged, and has no end.
            Form::EventStream(stream) => {
                let mut out = Vec::with_capacity(chunk.len());
                stream.push(chunk, judge, audience, &mut out)?;
                Ok(Some(out))
            }
            Form::Unread(unread) => Ok(unread.push(chunk)),
        }
    }

    /// Whether something else passed in place of a result of a version that is not read.
    pub fn replaced(&self) -> bool {
        self.judge.replaced()
    }

    /// How it is read, in a word.
    #[cfg(test)]
    pub(super) fn form(&self) -> &'static str {
        match &self.form {
            Form::Json { .. } => "json",
            Form::EventStream(_) => "events",
            Form::Unread(Unread::Withheld) => "withheld",
            Form::Unread(Unread::Blank | Unread::Passes) => "unread",
        }
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        match &self.form {
            Form::Json { message, .. } => message.held(),
            Form::EventStream(stream) => stream.held(),
            Form::Unread(_) => 0,
        }
    }
}

impl Unread {
    /// Takes the next bytes. What begins as JSON does is taken for a message by some clients, whatever it is called.
    fn push(&mut self, chunk: &[u8]) -> Option<Vec<u8>> {
        if *self == Self::Blank {
            let first = chunk.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            *self = match first {
                None => Self::Blank,
                Some(b'{' | b'[' | 0xef) => Self::Withheld,
                Some(_) => Self::Passes,
            };
        }
        (*self == Self::Withheld).then(Vec::new)
    }
}
