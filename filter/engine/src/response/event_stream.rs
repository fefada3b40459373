//! A `text/event-stream` (WHATWG HTML §9.2) on its way to the client: the data of every event is one JSON-RPC message,
//! rewritten as such, whatever the event is called.
//!
//! Lines that are no field of the format are left out: clients ignore them, and one that does not would read what nobody
//! judged. Line ends are written as `\n`.

use super::list::Message;
use super::{Audience, Unreadable};

/// Bytes of a field's name; the longest that means something is `event` or `retry`.
const MAX_FIELD: usize = 5;

#[derive(Debug)]
pub(crate) struct EventStream {
    line: Line,
    field: Vec<u8>,
    /// The last byte was `\r`: a `\n` right after it ends no line.
    after_return: bool,
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

/// Where in a line the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// In the field's name.
    Field,
    /// Behind `data:`; the next byte is left out if it is a space.
    DataBegins,
    Data,
    /// A field that is copied.
    Copied,
    /// A line that means nothing.
    Ignored,
}

impl EventStream {
    pub(super) fn new() -> Self {
        Self {
            line: Line::Field,
            field: Vec::new(),
            after_return: false,
            message: Message::new(),
            data: Data::None,
            open: false,
            passed: Vec::new(),
        }
    }

    /// Takes the next bytes; what of them is passed on is appended to `out`.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        audience: &mut dyn Audience,
        out: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        for piece in chunk.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            let (text, end) = match piece.split_last() {
                Some((end @ (b'\r' | b'\n'), text)) => (text, Some(*end)),
                Some(_) | None => (piece, None),
            };
            let swallowed = std::mem::take(&mut self.after_return) && text.is_empty() && end == Some(b'\n');
            if swallowed {
                continue;
            }
            self.text(text, audience, out)?;
            if let Some(end) = end {
                self.end_line(audience, out)?;
                self.after_return = end == b'\r';
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.message.held() + self.passed.capacity()
    }

    /// More of a line.
    fn text(&mut self, text: &[u8], audience: &mut dyn Audience, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        let mut rest = text;
        while let (Line::Field, Some((byte, after))) = (self.line, rest.split_first()) {
            rest = after;
            if *byte == b':' {
                self.begin(audience, out)?;
                if self.line == Line::Copied {
                    out.push(b':');
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
            Line::Data => self.data(rest, audience, out)?,
            Line::Copied => out.extend_from_slice(rest),
            Line::Field | Line::DataBegins | Line::Ignored => {}
        }
        Ok(())
    }

    /// The name of the line's field is whole.
    fn begin(&mut self, audience: &mut dyn Audience, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        match self.field.as_slice() {
            b"data" => {
                self.line = Line::DataBegins;
                // The lines of one event's data are joined by line breaks.
                match self.data {
                    Data::None => self.data = Data::Unwritten,
                    Data::Unwritten | Data::Written => self.data(b"\n", audience, out)?,
                }
            }
            // An empty name is a comment.
            b"" | b"event" | b"id" | b"retry" => {
                self.line = Line::Copied;
                self.close(out);
                out.extend_from_slice(&self.field);
            }
            _ => self.line = Line::Ignored,
        }
        Ok(())
    }

    fn end_line(&mut self, audience: &mut dyn Audience, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if self.line == Line::Field && self.field.is_empty() {
            return self.end_event(out);
        }
        if self.line == Line::Field {
            self.begin(audience, out)?;
        }
        if self.line == Line::Copied {
            out.push(b'\n');
        }
        self.line = Line::Field;
        self.field.clear();
        Ok(())
    }

    fn end_event(&mut self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.message.finish()?;
        self.close(out);
        if std::mem::replace(&mut self.data, Data::None) == Data::Unwritten {
            out.extend_from_slice(b"data:\n");
        }
        out.push(b'\n');
        self.message = Message::new();
        Ok(())
    }

    fn data(&mut self, data: &[u8], audience: &mut dyn Audience, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        let mut passed = std::mem::take(&mut self.passed);
        self.message.push(data, audience, &mut passed)?;
        for piece in passed.split_inclusive(|byte| *byte == b'\n') {
            if !self.open {
                out.extend_from_slice(b"data: ");
            }
            out.extend_from_slice(piece);
            self.open = !piece.ends_with(b"\n");
            self.data = Data::Written;
        }
        passed.clear();
        self.passed = passed;
        Ok(())
    }

    /// Ends the `data` line being written.
    fn close(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.open) {
            out.push(b'\n');
        }
    }
}
