//! The fields of a `text/event-stream` beside its data (WHATWG HTML §9.2.6), and their lines, written by us.
//!
//! A value is text on one line to every reader, or is left out: some clients end a line at `U+0085`, `U+2028` or a vertical tab,
//! and would find data in an event's id that nobody judged.

/// Bytes of a value; ids are written into a header field to resume a stream.
const MAX_VALUE: usize = 2048;

/// A field that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A line that begins with a colon: clients ignore it, and know that the connection lives.
    Comment,
    Event,
    Id,
    Retry,
}

/// A value that is being read.
#[derive(Debug, Default)]
pub(super) struct Value(Vec<u8>);

impl Field {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Comment => "",
            Self::Event => "event",
            Self::Id => "id",
            Self::Retry => "retry",
        }
    }

    /// The line that says `value`, without its end; none where it is left out. Of a comment that it is one is left.
    fn line(self, value: &str) -> Option<String> {
        let plain = value.len() <= MAX_VALUE && !value.chars().any(ends_a_line);
        let fits = match self {
            Self::Comment | Self::Event | Self::Id => true,
            Self::Retry => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()),
        };
        match (plain && fits, self) {
            (true, _) if value.is_empty() => Some(format!("{}:", self.name())),
            (true, _) => Some(format!("{}: {value}", self.name())),
            (false, Self::Comment) => Some(":".to_owned()),
            (false, Self::Event | Self::Id | Self::Retry) => None,
        }
    }
}

impl Value {
    /// Takes more of it; of what is too long one byte too many.
    pub(super) fn push(&mut self, text: &[u8]) {
        let room = (MAX_VALUE + 1).saturating_sub(self.0.len());
        self.0.extend(text.iter().take(room));
    }

    /// The line of `field` that it is the value of.
    pub(super) fn line(&mut self, field: Field) -> Option<String> {
        let value = std::mem::take(&mut self.0);
        field.line(&String::from_utf8_lossy(&value))
    }
}

/// Whether a line ends here, or anything but a letter is, in the eyes of some reader (Python's `str.splitlines`).
pub(super) fn ends_a_line(character: char) -> bool {
    character.is_control() || is_separator(character)
}

/// Whether it is one of the ends of lines that JSON has as they are.
pub(super) fn is_separator(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
}
