//! One JSON-RPC message on its way to the client: elements of lists in its `result` are shown or left out, `cacheScope`
//! becomes `private`, and everything else is copied byte for byte.
//!
//! A message that has no list passes as it is. Members that decide what is a list are there once and in one spelling.

use super::element::Element;
use super::token::{Container, Mark, Tokens};
use super::{Audience, ELEMENT_BYTES, Listing, Unreadable};
use crate::fold;

/// Bytes of a member's name, quotes included, where names matter.
const MAX_NAME: usize = 1024;
/// White space between two elements.
const MAX_GAP: usize = 4 * 1024;

/// Containers around the elements: the message, its result, the list.
const IN_LIST: usize = 3;

/// What a member's value is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Other,
    Result,
    List(Listing),
    /// For whom a result may be kept (MCP 2026-07-28).
    CacheScope,
    /// Where the next page begins.
    Cursor,
}

/// The members of a message that are read.
const OF_MESSAGE: [(&str, Member); 1] = [("result", Member::Result)];

/// The members of a result that are read.
const OF_RESULT: [(&str, Member); 6] = [
    (Listing::Tools.member(), Member::List(Listing::Tools)),
    (Listing::Prompts.member(), Member::List(Listing::Prompts)),
    (Listing::Resources.member(), Member::List(Listing::Resources)),
    (Listing::Templates.member(), Member::List(Listing::Templates)),
    ("cacheScope", Member::CacheScope),
    ("nextCursor", Member::Cursor),
];

/// One message.
#[derive(Debug)]
pub(crate) struct Message {
    tokens: Tokens,
    utf8: Utf8,
    /// Whether anything but white space came.
    begun: bool,
    /// The name being read of a member that may matter.
    name: Vec<u8>,
    member: Member,
    seen: Vec<Member>,
    in_result: bool,
    list: Option<List>,
    /// Inside the value of `cacheScope`.
    in_scope: bool,
}

/// A list being read.
#[derive(Debug)]
struct List {
    listing: Listing,
    /// What came since the last element: a comma and white space.
    gap: Vec<u8>,
    /// The element being read.
    held: Vec<u8>,
    shown: bool,
}

impl Message {
    pub(super) fn new() -> Self {
        Self {
            tokens: Tokens::new(),
            utf8: Utf8::default(),
            begun: false,
            name: Vec::new(),
            member: Member::Other,
            seen: Vec::new(),
            in_result: false,
            list: None,
            in_scope: false,
        }
    }

    /// Takes the next bytes; what of them is passed on is appended to `out`.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        audience: &mut dyn Audience,
        out: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        self.utf8.push(chunk)?;
        for byte in chunk {
            let mark = self.tokens.step(*byte)?;
            self.take(*byte, mark, audience, out)?;
        }
        Ok(())
    }

    /// That the message is whole, or that there was none.
    pub(super) fn finish(&self) -> Result<(), Unreadable> {
        let whole = !self.begun || self.tokens.is_complete();
        if whole && self.utf8.is_complete() { Ok(()) } else { Err(Unreadable) }
    }

    /// Bytes that are held: for tests of the bound.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.list.as_ref().map_or(0, |list| list.held.capacity() + list.gap.capacity()) + self.name.capacity()
    }

    fn take(&mut self, byte: u8, mark: Mark, audience: &mut dyn Audience, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(list) = &mut self.list {
            let ended = list.take(byte, mark, self.tokens.depth(), audience, out)?;
            if ended {
                self.list = None;
            }
            return Ok(());
        }
        if self.in_scope {
            self.in_scope = mark != Mark::Text { ends: true };
            return Ok(());
        }
        match mark {
            Mark::Name { ends } if self.names_matter() => self.name(byte, ends)?,
            Mark::Opens(_) | Mark::TextStarts | Mark::LiteralStarts => return self.value(byte, mark, out),
            Mark::Closes => self.in_result &= self.tokens.depth() > 1,
            Mark::Name { .. } | Mark::Blank | Mark::Colon | Mark::Comma | Mark::Text { .. } | Mark::Literal => {}
        }
        out.push(byte);
        Ok(())
    }

    /// Whether the names at this depth decide what is a list.
    fn names_matter(&self) -> bool {
        self.tokens.depth() == 1 || (self.in_result && self.tokens.depth() == 2)
    }

    fn name(&mut self, byte: u8, ends: bool) -> Result<(), Unreadable> {
        if self.name.len() >= MAX_NAME {
            return Err(Unreadable);
        }
        self.name.push(byte);
        if !ends {
            return Ok(());
        }
        let name: String = serde_json::from_slice(&self.name).map_err(|_| Unreadable)?;
        self.name.clear();
        let known: &[(&str, Member)] = if self.in_result { &OF_RESULT } else { &OF_MESSAGE };
        self.member = match known.iter().find(|(known, _)| fold::is_same(known, &name)) {
            Some((known, member)) if *known == name => *member,
            Some(_) => return Err(Unreadable),
            None => Member::Other,
        };
        if self.seen.contains(&self.member) {
            return Err(Unreadable);
        }
        if self.member != Member::Other {
            self.seen.push(self.member);
        }
        Ok(())
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, mark: Mark, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.begun = true;
        let depth = self.tokens.depth();
        let inside = if let Mark::Opens(_) = mark { depth.saturating_sub(1) } else { depth };
        let is_member = inside == 1 || (self.in_result && inside == 2);
        let member = if is_member { self.member } else { Member::Other };
        match (inside, member, mark) {
            // A batch, or no message at all.
            (0, _, mark) if mark != Mark::Opens(Container::Object) => return Err(Unreadable),
            (_, Member::Result, Mark::Opens(Container::Object)) => self.in_result = true,
            (_, Member::List(listing), Mark::Opens(Container::Array)) => {
                self.list = Some(List { listing, gap: Vec::new(), held: Vec::new(), shown: false });
            }
            // `null` is how some servers write an empty list.
            (_, Member::List(_), mark) if mark != Mark::LiteralStarts => return Err(Unreadable),
            (_, Member::CacheScope, Mark::TextStarts) => {
                self.in_scope = true;
                out.extend_from_slice(br#""private""#);
                return Ok(());
            }
            (_, Member::Result, Mark::Opens(Container::Array)) | (_, Member::CacheScope, _) => return Err(Unreadable),
            _ => {}
        }
        out.push(byte);
        Ok(())
    }
}

impl List {
    /// Takes one byte; `depth` is what it is after it. Whether the list ended.
    fn take(
        &mut self,
        byte: u8,
        mark: Mark,
        depth: usize,
        audience: &mut dyn Audience,
        out: &mut Vec<u8>,
    ) -> Result<bool, Unreadable> {
        if !self.held.is_empty() {
            if self.held.len() >= ELEMENT_BYTES {
                return Err(Unreadable);
            }
            self.held.push(byte);
            if mark == Mark::Closes && depth == IN_LIST {
                self.decide(audience, out)?;
            }
            return Ok(false);
        }
        match mark {
            Mark::Blank | Mark::Comma if self.gap.len() < MAX_GAP => self.gap.push(byte),
            Mark::Opens(Container::Object) => self.held.push(byte),
            Mark::Closes => {
                out.append(&mut self.gap);
                out.push(byte);
                return Ok(true);
            }
            Mark::Blank
            | Mark::Comma
            | Mark::Colon
            | Mark::Opens(Container::Array)
            | Mark::Name { .. }
            | Mark::TextStarts
            | Mark::Text { .. }
            | Mark::LiteralStarts
            | Mark::Literal => return Err(Unreadable),
        }
        Ok(false)
    }

    /// The element is whole.
    fn decide(&mut self, audience: &mut dyn Audience, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        let element = Element::read(&self.held)?;
        if audience.sees(self.listing, &element)? {
            if !self.shown {
                self.gap.retain(|byte| *byte != b',');
            }
            self.shown = true;
            out.append(&mut self.gap);
            out.append(&mut self.held);
        }
        self.gap.clear();
        self.held.clear();
        Ok(())
    }
}

/// UTF-8 in pieces: text that is none is read differently by everybody.
#[derive(Debug, Default)]
struct Utf8(Vec<u8>);

impl Utf8 {
    fn push(&mut self, chunk: &[u8]) -> Result<(), Unreadable> {
        let mut rest = chunk;
        while let (false, Some((byte, after))) = (self.0.is_empty(), rest.split_first()) {
            self.0.push(*byte);
            rest = after;
            match std::str::from_utf8(&self.0) {
                Ok(_) => self.0.clear(),
                Err(error) if error.error_len().is_some() => return Err(Unreadable),
                Err(_) => {}
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_some() => Err(Unreadable),
            Err(error) => {
                self.0.extend_from_slice(rest.get(error.valid_up_to()..).unwrap_or_default());
                Ok(())
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.0.is_empty()
    }
}
