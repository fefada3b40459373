//! A `text/event-stream` (WHATWG HTML §9.2): its events, and one on its way to the client, in which the data of every event is
//! one JSON-RPC message, rewritten as such, whatever the event is called.
//!
//! Lines that are no field of the format are left out: clients ignore them, and one that does not would read what nobody
//! judged. Line ends are written as `\n`.

use super::list::Message;
use super::{Audience, Unreadable};

/// Bytes of a field's name; the longest that means something is `event` or `retry`.
const MAX_FIELD: usize = 5;

/// What becomes of the parts of a stream.
pub(super) trait Events {
    /// An event has data.
    fn begin(&mut self);

    /// More of an event's data; its lines are joined by line breaks.
    fn data(&mut self, data: &[u8]) -> Result<(), Unreadable>;

    /// A comment, or another field that means something: its name.
    fn field(&mut self, name: &[u8]);

    /// More of its line, from the colon to the line break.
    fn more(&mut self, text: &[u8]);

    /// The event is whole.
    fn end(&mut self) -> Result<(), Unreadable>;
}

/// Where the parts of a stream begin and end.
#[derive(Debug)]
pub(crate) struct Frames {
    line: Line,
    field: Vec<u8>,
    /// The last byte was `\r`: a `\n` right after it ends no line.
    after_return: bool,
    /// The event has a line of data.
    has_data: bool,
}

/// Where in a line the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// In the field's name.
    Field,
    /// Behind `data:`; the next byte is left out if it is a space.
    DataBegins,
    Data,
    /// Another field, or a comment.
    Other,
    /// A line that means nothing.
    Ignored,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { line: Line::Field, field: Vec::new(), after_return: false, has_data: false }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, chunk: &[u8], events: &mut impl Events) -> Result<(), Unreadable> {
        for piece in chunk.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            let (text, end) = match piece.split_last() {
                Some((end @ (b'\r' | b'\n'), text)) => (text, Some(*end)),
                Some(_) | None => (piece, None),
            };
            let swallowed = std::mem::take(&mut self.after_return) && text.is_empty() && end == Some(b'\n');
            if swallowed {
                continue;
            }
            self.text(text, events)?;
            if let Some(end) = end {
                self.end_line(events)?;
                self.after_return = end == b'\r';
            }
        }
        Ok(())
    }

    /// More of a line.
    fn text(&mut self, text: &[u8], events: &mut impl Events) -> Result<(), Unreadable> {
        let mut rest = text;
        while let (Line::Field, Some((byte, after))) = (self.line, rest.split_first()) {
            rest = after;
            if *byte == b':' {
                self.begin(events)?;
                if self.line == Line::Other {
                    events.more(b":");
                }
            } else if self.field.len() < MAX_FIELD {
                self.field.push(*byte);
            } else {
                self.line = Line::Ignored;
            }
        }
        if let (Line::DataBegins, Some((first, after))) = (self.line, rest.split_first()) {
            self.line = Line::Data;
            rest = if *first == b' ' { after } else { rest };
        }
        match self.line {
            Line::Data => events.data(rest)?,
            Line::Other => events.more(rest),
            Line::Field | Line::DataBegins | Line::Ignored => {}
        }
        Ok(())
    }

    /// The name of the line's field is whole.
    fn begin(&mut self, events: &mut impl Events) -> Result<(), Unreadable> {
        match self.field.as_slice() {
            b"data" => {
                self.line = Line::DataBegins;
                if std::mem::replace(&mut self.has_data, true) {
                    events.data(b"\n")?;
                } else {
                    events.begin();
                }
            }
            // An empty name is a comment.
            b"" | b"event" | b"id" | b"retry" => {
                self.line = Line::Other;
                events.field(&self.field);
            }
            _ => self.line = Line::Ignored,
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut impl Events) -> Result<(), Unreadable> {
        if self.line == Line::Field && self.field.is_empty() {
            self.has_data = false;
            return events.end();
        }
        if self.line == Line::Field {
            self.begin(events)?;
        }
        if self.line == Line::Other {
            events.more(b"\n");
        }
        self.line = Line::Field;
        self.field.clear();
        Ok(())
    }
}

/// A stream that is rewritten.
#[derive(Debug)]
pub(crate) struct EventStream {
    frames: Frames,
    event: Event,
}

/// The event being read.
#[derive(Debug)]
struct Event {
    message: Message,
    data: Data,
    /// A `data` line is being written.
    open: bool,
    passed: Vec<u8>,
}

/// What there is of an event's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    None,
    /// Nothing of it was passed on yet.
    Unwritten,
    Written,
}

impl EventStream {
    pub(super) fn new() -> Self {
        let event = Event { message: Message::new(), data: Data::None, open: false, passed: Vec::new() };
        Self { frames: Frames::new(), event }
    }

    /// Takes the next bytes; what of them is passed on is appended to `out`.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        audience: &mut dyn Audience,
        out: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        self.frames.push(chunk, &mut Rewriting { event: &mut self.event, audience, out })
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.event.message.held() + self.event.passed.capacity()
    }
}

/// Writes what passes.
struct Rewriting<'a> {
    event: &'a mut Event,
    audience: &'a mut dyn Audience,
    out: &'a mut Vec<u8>,
}

impl Events for Rewriting<'_> {
    fn begin(&mut self) {
        self.event.data = Data::Unwritten;
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Unreadable> {
        let mut passed = std::mem::take(&mut self.event.passed);
        self.event.message.push(data, self.audience, &mut passed)?;
        for piece in passed.split_inclusive(|byte| *byte == b'\n') {
            if !self.event.open {
                self.out.extend_from_slice(b"data: ");
            }
            self.out.extend_from_slice(piece);
            self.event.open = !piece.ends_with(b"\n");
            self.event.data = Data::Written;
        }
        passed.clear();
        self.event.passed = passed;
        Ok(())
    }

    fn field(&mut self, name: &[u8]) {
        self.close();
        self.out.extend_from_slice(name);
    }

    fn more(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    fn end(&mut self) -> Result<(), Unreadable> {
        self.event.message.finish()?;
        self.close();
        if std::mem::replace(&mut self.event.data, Data::None) == Data::Unwritten {
            self.out.extend_from_slice(b"data:\n");
        }
        self.out.push(b'\n');
        self.event.message = Message::new();
        Ok(())
    }
}

impl Rewriting<'_> {
    /// Ends the `data` line being written.
    fn close(&mut self) {
        if std::mem::take(&mut self.event.open) {
            self.out.push(b'\n');
        }
    }
}
