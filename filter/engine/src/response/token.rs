//! The borders of JSON values in a text that arrives in pieces (RFC 8259).
//!
//! It follows the grammar to the letter, so that no reader of JSON can see other borders; it makes no values, and
//! nothing is kept but the stack of open containers.

use super::Unreadable;

/// Containers inside each other; what reads an element goes no deeper.
const MAX_DEPTH: usize = countersign_tokens::json::MAX_DEPTH;

/// Bytes of a number or a literal.
const MAX_LITERAL: usize = 64;

/// What opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Object,
    Array,
}

/// What a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// White space between tokens.
    Blank,
    Colon,
    Comma,
    Opens(Container),
    Closes,
    /// Part of a member's name, quotes included; `ends` with the closing one.
    Name {
        ends: bool,
    },
    /// The opening quote of a value.
    TextStarts,
    /// Part of it; `ends` with the closing quote.
    Text {
        ends: bool,
    },
    /// The first byte of a number, `true`, `false` or `null`.
    LiteralStarts,
    Literal,
}

/// What may come next between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Value,
    /// After `[`.
    ValueOrEnd,
    Name,
    /// After `{`.
    NameOrEnd,
    Colon,
    CommaOrEnd,
    /// After the whole value.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between(Expected),
    Quoted { name: bool, escape: Escape },
    Literal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    /// After `\`.
    Begun,
    /// So many hexadecimal digits of `\uXXXX` are missing.
    Digits(u8),
}

/// One JSON text, byte by byte.
#[derive(Debug)]
pub(super) struct Tokens {
    state: State,
    open: Vec<Container>,
    literal: Vec<u8>,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self { state: State::Between(Expected::Value), open: Vec::new(), literal: Vec::new() }
    }

    /// Containers that are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether the whole value is there.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Between(Expected::Nothing)
    }

    /// How many of the next bytes are text of a value in which nothing ends or is escaped: they need not be taken.
    pub(super) fn skip(&self, next: &[u8]) -> usize {
        if self.state != (State::Quoted { name: false, escape: Escape::None }) {
            return 0;
        }
        next.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(next.len())
    }

    /// Takes one byte.
    pub(super) fn step(&mut self, byte: u8) -> Result<Mark, Unreadable> {
        match self.state {
            State::Between(expected) => self.between(expected, byte),
            State::Quoted { name, escape } => self.quoted(name, escape, byte),
            State::Literal if is_literal(byte) && self.literal.len() < MAX_LITERAL => {
                self.literal.push(byte);
                Ok(Mark::Literal)
            }
            State::Literal => {
                // serde_json knows what a number is; containers and strings do not begin like literals.
                serde_json::from_slice::<serde_json::Value>(&self.literal).map_err(|_| Unreadable)?;
                self.literal.clear();
                let expected = self.after_value();
                self.between(expected, byte)
            }
        }
    }

    fn between(&mut self, expected: Expected, byte: u8) -> Result<Mark, Unreadable> {
        use Expected::{Colon, CommaOrEnd, Name, NameOrEnd, Nothing, Value, ValueOrEnd};
        let (mark, state) = match (byte, expected) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => (Mark::Blank, State::Between(expected)),
            (b'{', Value | ValueOrEnd) => (self.open(Container::Object)?, State::Between(NameOrEnd)),
            (b'[', Value | ValueOrEnd) => (self.open(Container::Array)?, State::Between(ValueOrEnd)),
            (b'"', Value | ValueOrEnd) => (Mark::TextStarts, State::Quoted { name: false, escape: Escape::None }),
            (b'"', Name | NameOrEnd) => {
                (Mark::Name { ends: false }, State::Quoted { name: true, escape: Escape::None })
            }
            (b':', Colon) => (Mark::Colon, State::Between(Value)),
            (b',', CommaOrEnd) => (Mark::Comma, State::Between(self.after_comma())),
            (b'}', NameOrEnd | CommaOrEnd) => (self.close(Container::Object)?, State::Between(self.after_value())),
            (b']', ValueOrEnd | CommaOrEnd) => (self.close(Container::Array)?, State::Between(self.after_value())),
            (_, Value | ValueOrEnd) if is_literal(byte) => {
                self.literal.push(byte);
                (Mark::LiteralStarts, State::Literal)
            }
            (_, Value | ValueOrEnd | Name | NameOrEnd | Colon | CommaOrEnd | Nothing) => return Err(Unreadable),
        };
        self.state = state;
        Ok(mark)
    }

    fn quoted(&mut self, name: bool, escape: Escape, byte: u8) -> Result<Mark, Unreadable> {
        let ends = escape == Escape::None && byte == b'"';
        let escape = match (escape, byte) {
            (Escape::None, b'\\') => Escape::Begun,
            (Escape::None, 0..=0x1f) => return Err(Unreadable),
            (Escape::Begun, b'u') => Escape::Digits(4),
            (Escape::None, _) | (Escape::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Escape::None,
            (Escape::Digits(1), _) if byte.is_ascii_hexdigit() => Escape::None,
            (Escape::Digits(missing), _) if byte.is_ascii_hexdigit() => Escape::Digits(missing.saturating_sub(1)),
            (Escape::Begun | Escape::Digits(_), _) => return Err(Unreadable),
        };
        self.state = match (ends, name) {
            (false, _) => State::Quoted { name, escape },
            (true, true) => State::Between(Expected::Colon),
            (true, false) => State::Between(self.after_value()),
        };
        Ok(if name { Mark::Name { ends } } else { Mark::Text { ends } })
    }

    fn open(&mut self, container: Container) -> Result<Mark, Unreadable> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Unreadable);
        }
        self.open.push(container);
        Ok(Mark::Opens(container))
    }

    fn close(&mut self, container: Container) -> Result<Mark, Unreadable> {
        if self.open.pop() == Some(container) { Ok(Mark::Closes) } else { Err(Unreadable) }
    }

    fn after_value(&self) -> Expected {
        if self.open.is_empty() { Expected::Nothing } else { Expected::CommaOrEnd }
    }

    fn after_comma(&self) -> Expected {
        match self.open.last() {
            Some(Container::Object) => Expected::Name,
            Some(Container::Array) | None => Expected::Value,
        }
    }
}

fn is_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
