//! The borders of JSON values in a text that arrives in pieces (RFC 8259).
//!
//! It follows the grammar to the letter, so that no reader of JSON can see other borders; it makes no values, so that no number is
//! too large, and nothing is kept but the stack of open containers.

use super::Unreadable;

/// Containers inside each other. Whoever reads a value sets a closer bound; most of what passes is read by nobody here.
const MAX_DEPTH: usize = 1024;

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
    Literal(Literal),
}

/// Where in a number (RFC 8259 §6) or a literal name the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Literal {
    /// What is missing of `true`, `false` or `null`.
    Word(&'static [u8]),
    /// After `-`.
    Minus,
    Zero,
    Integer,
    /// After `.`.
    Point,
    Fraction,
    /// After `e`.
    Exponent,
    /// After the sign of an exponent.
    Sign,
    Power,
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
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self { state: State::Between(Expected::Value), open: Vec::new() }
    }

    /// Containers that are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether the whole value is there.
    pub(super) fn is_complete(&self) -> bool {
        match self.state {
            State::Between(expected) => expected == Expected::Nothing,
            State::Literal(literal) => self.open.is_empty() && literal.is_whole(),
            State::Quoted { .. } => false,
        }
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
            State::Literal(literal) => match literal.then(byte) {
                Some(literal) => {
                    self.state = State::Literal(literal);
                    Ok(Mark::Literal)
                }
                None if literal.is_whole() => self.between(self.after_value(), byte),
                None => Err(Unreadable),
            },
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
            (_, Value | ValueOrEnd) => (Mark::LiteralStarts, State::Literal(Literal::begin(byte).ok_or(Unreadable)?)),
            (_, Name | NameOrEnd | Colon | CommaOrEnd | Nothing) => return Err(Unreadable),
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

impl Literal {
    /// The literal that begins with `byte`.
    fn begin(byte: u8) -> Option<Self> {
        match byte {
            b't' => Some(Self::Word(b"rue")),
            b'f' => Some(Self::Word(b"alse")),
            b'n' => Some(Self::Word(b"ull")),
            b'-' => Some(Self::Minus),
            b'0' => Some(Self::Zero),
            b'1'..=b'9' => Some(Self::Integer),
            _ => None,
        }
    }

    /// Where the text is after `byte`; none where it does not go on so.
    fn then(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Word(missing), _) => {
                missing.split_first().filter(|(next, _)| **next == byte).map(|(_, rest)| Self::Word(rest))
            }
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Some(Self::Integer),
            (Self::Zero | Self::Integer, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }

    fn is_whole(self) -> bool {
        match self {
            Self::Word(missing) => missing.is_empty(),
            Self::Zero | Self::Integer | Self::Fraction | Self::Power => true,
            Self::Minus | Self::Point | Self::Exponent | Self::Sign => false,
        }
    }
}
