//! A `text/event-stream` (WHATWG HTML §9.2): its events, and one on its way to the client, in which the data of every event is
//! one JSON-RPC message, rewritten as such, whatever the event is called.
//!
//! Every line is written by us, so that all readers find the same events, those too that end lines where the format does not,
//! read a message from each line of data, or take the last: data is one line of JSON, other fields are [`Field`]s, and lines that
//! are no field of the format are left out. Line ends are `\n`.

use super::awaited::Judge;
use super::field::{Field, Value, is_separator};
use super::message::{Message, Sink};
use super::utf8::Utf8;
use super::{Audience, Refused, Unreadable};
use crate::action::Listing;

/// Bytes of a field's name; the longest that means something is `event` or `retry`.
const MAX_NAME: usize = 5;

/// How the transport of 2024-11-05, HTTP with SSE, tells its client where to send messages: such a stream is none of Streamable HTTP.
const ENDPOINT: &str = "event: endpoint";

/// What becomes of the parts of a stream.
pub(super) trait Events {
    /// An event has data.
    fn begin(&mut self);

    /// More of an event's data; its lines are joined by line breaks.
    fn data(&mut self, data: &[u8]) -> Result<(), Refused>;

    /// More of the value of another field that means something.
    fn value(&mut self, text: &[u8]);

    /// The line of such a field is whole.
    fn field(&mut self, field: Field) -> Result<(), Refused>;

    /// The event is whole.
    fn end(&mut self) -> Result<(), Refused>;
}

/// Where the parts of a stream begin and end.
#[derive(Debug)]
pub struct Frames {
    line: Line,
    name: Vec<u8>,
    /// The last byte was `\r`: a `\n` right after it ends no line.
    after_return: bool,
    /// The event has a line of data.
    has_data: bool,
}

/// Where in a line the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// In the field's name.
    Name,
    /// Behind the colon; the next byte is left out if it is a space.
    Begins(Of),
    Value(Of),
    /// A line that means nothing.
    Ignored,
}

/// What a line has the value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Data,
    Field(Field),
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { line: Line::Name, name: Vec::new(), after_return: false, has_data: false }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, chunk: &[u8], events: &mut impl Events) -> Result<(), Refused> {
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
    fn text(&mut self, text: &[u8], events: &mut impl Events) -> Result<(), Refused> {
        let mut rest = text;
        while let (Line::Name, Some((byte, after))) = (self.line, rest.split_first()) {
            rest = after;
            if *byte == b':' {
                self.begin(events)?;
            } else if self.name.len() < MAX_NAME {
                self.name.push(*byte);
            } else {
                self.line = Line::Ignored;
            }
        }
        if let (Line::Begins(of), Some((first, after))) = (self.line, rest.split_first()) {
            self.line = Line::Value(of);
            rest = if *first == b' ' { after } else { rest };
        }
        match self.line {
            Line::Value(Of::Data) => events.data(rest)?,
            Line::Value(Of::Field(_)) => events.value(rest),
            Line::Name | Line::Begins(_) | Line::Ignored => {}
        }
        Ok(())
    }

    /// The name of the line's field is whole.
    fn begin(&mut self, events: &mut impl Events) -> Result<(), Refused> {
        let fields = [Field::Comment, Field::Event, Field::Id, Field::Retry];
        let field = fields.into_iter().find(|field| field.name().as_bytes() == self.name);
        self.line = match (self.name.as_slice(), field) {
            (b"data", _) => Line::Begins(Of::Data),
            (_, Some(field)) => Line::Begins(Of::Field(field)),
            (_, None) => Line::Ignored,
        };
        if self.line == Line::Begins(Of::Data) {
            if std::mem::replace(&mut self.has_data, true) {
                events.data(b"\n")?;
            } else {
                events.begin();
            }
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut impl Events) -> Result<(), Refused> {
        if self.line == Line::Name && self.name.is_empty() {
            self.has_data = false;
            return events.end();
        }
        if self.line == Line::Name {
            self.begin(events)?;
        }
        if let Line::Begins(Of::Field(field)) | Line::Value(Of::Field(field)) = self.line {
            events.field(field)?;
        }
        self.line = Line::Name;
        self.name.clear();
        Ok(())
    }
}

/// A stream that is rewritten.
#[derive(Debug)]
pub(super) struct EventStream {
    text: Utf8,
    /// A mark of the byte order, which readers drop or stumble on, can only be in front of everything.
    begun: bool,
    frames: Frames,
    event: Event,
}

/// The event being read.
#[derive(Debug)]
struct Event {
    lists: &'static [Listing],
    message: Message,
    has_data: bool,
    /// The line of data is being written.
    open: bool,
    /// Of the field whose line is being read.
    value: Value,
    /// The lines of fields that came after the data began, written when it ends: the last of each, as they count.
    after: Vec<(Field, String)>,
}

impl EventStream {
    /// Of an answer with these lists.
    pub(super) fn new(lists: &'static [Listing]) -> Self {
        let event = Event {
            lists,
            message: Message::new(lists),
            has_data: false,
            open: false,
            value: Value::default(),
            after: Vec::new(),
        };
        Self { text: Utf8::default(), begun: false, frames: Frames::new(), event }
    }

    /// Takes the next bytes; what of them passes is appended to `out`.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        judge: &mut Judge,
        audience: &mut dyn Audience,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let Self { text, begun, frames, event } = self;
        text.push(chunk, |text| {
            let first = !text.is_empty() && !std::mem::replace(begun, true);
            let text = if first { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
            frames.push(text.as_bytes(), &mut Rewriting { event, judge, audience, out })
        })
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.event.message.held()
    }
}

/// Writes what passes.
struct Rewriting<'a> {
    event: &'a mut Event,
    judge: &'a mut Judge,
    audience: &'a mut dyn Audience,
    out: &'a mut Vec<u8>,
}

impl Events for Rewriting<'_> {
    fn begin(&mut self) {
        self.event.has_data = true;
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Refused> {
        let data = std::str::from_utf8(data).map_err(|_| Unreadable)?;
        let Event { message, open, .. } = self.event;
        message.push(data, self.judge, self.audience, &mut DataLine { open, out: self.out })
    }

    fn value(&mut self, text: &[u8]) {
        self.event.value.push(text);
    }

    fn field(&mut self, field: Field) -> Result<(), Refused> {
        let Some(line) = self.event.value.line(field) else { return Ok(()) };
        if line == ENDPOINT && self.judge.is_leg() {
            return Err(Refused::Transport);
        }
        if self.event.open {
            self.event.after.retain(|(earlier, _)| *earlier != field);
            self.event.after.push((field, line));
        } else {
            self.line(&line);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        self.event.message.finish()?;
        if std::mem::take(&mut self.event.open) {
            self.out.push(b'\n');
        } else if self.event.has_data {
            self.line("data:");
        }
        for (_, line) in std::mem::take(&mut self.event.after) {
            self.line(&line);
        }
        self.out.push(b'\n');
        self.event.has_data = false;
        self.event.message = Message::new(self.event.lists);
        Ok(())
    }
}

impl Rewriting<'_> {
    fn line(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.push(b'\n');
    }
}

/// The line of an event's data.
struct DataLine<'a> {
    open: &'a mut bool,
    out: &'a mut Vec<u8>,
}

impl Sink for DataLine<'_> {
    /// What ends a line to some reader is white space between tokens, or can be escaped as it is in a text.
    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !std::mem::replace(self.open, true) {
            self.out.extend_from_slice(b"data: ");
        }
        if text.is_ascii() && !text.contains('\n') {
            return self.out.text(text);
        }
        for piece in text.split_inclusive(|character| character == '\n' || is_separator(character)) {
            match piece.char_indices().next_back() {
                Some((at, end)) if end == '\n' || is_separator(end) => {
                    self.out.text(piece.get(..at).unwrap_or_default());
                    let written = if end == '\n' { " ".to_owned() } else { format!("\\u{:04x}", u32::from(end)) };
                    self.out.text(&written);
                }
                Some(_) | None => self.out.text(piece),
            }
        }
    }
}
