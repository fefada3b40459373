//! One JSON-RPC message on its way to the client: judged by what it says that it is, and in answers that are lists elements in its
//! `result` are shown or left out and `cacheScope` becomes `private`; one that opens a session passes if its [`Version`] is read.
//! Everything else is copied byte for byte.
//!
//! It is judged at its last brace: members may come in any order, and nobody can use it before. Members that decide what it is
//! are there once and in one spelling.

use countersign_facts::fold;

use super::awaited::{Id, Judge, Said, Versions};
use super::list::List;
use super::token::{Container, Mark, Tokens};
use super::version::Version;
use super::{Audience, Refused, Unreadable};
use crate::action::Listing;

/// Bytes of a member's name, quotes included, where names matter.
const MAX_NAME: usize = 1024;
/// Bytes of an id, quotes included: of 256 characters at most, each escaped or not.
const MAX_ID: usize = 2048;

/// What a member's value is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Other,
    Id,
    Method,
    Error,
    Result,
    List(Listing),
    /// For whom a result may be kept (MCP 2026-07-28).
    CacheScope,
    /// Where the next page begins.
    Cursor,
    /// Of the protocol, in a result that opens a session.
    Version,
}

/// The members of a message that are read.
const OF_MESSAGE: [(&str, Member); 4] =
    [("id", Member::Id), ("method", Member::Method), ("result", Member::Result), ("error", Member::Error)];

/// The members of a result that are read, beside its lists.
const OF_RESULT: [(&str, Member); 3] =
    [("cacheScope", Member::CacheScope), ("nextCursor", Member::Cursor), ("protocolVersion", Member::Version)];

/// Where what passes goes.
pub(super) trait Sink {
    fn text(&mut self, text: &str);
}

/// Nowhere: what passes, passes as it came.
pub(super) struct AsItCame;

impl Sink for AsItCame {
    fn text(&mut self, _: &str) {}
}

impl Sink for Vec<u8> {
    fn text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    /// The lists of which something may be left out.
    lists: &'static [Listing],
    tokens: Tokens,
    /// Whether anything but white space came.
    begun: bool,
    /// The name being read of a member that may matter.
    name: Vec<u8>,
    member: Member,
    seen: Vec<Member>,
    said: Said,
    /// Inside the value of `id`.
    in_id: bool,
    /// Inside a result whose members are read.
    in_result: bool,
    within: Within,
    version: Version,
}

/// What is being read that does not pass as it is.
#[derive(Debug)]
enum Within {
    Nothing,
    List(List),
    /// The value of `cacheScope`.
    CacheScope,
}

impl Message {
    /// Of an answer with these lists.
    pub(super) fn new(lists: &'static [Listing]) -> Self {
        Self {
            lists,
            tokens: Tokens::new(),
            begun: false,
            name: Vec::new(),
            member: Member::Other,
            seen: Vec::new(),
            said: Said::default(),
            in_id: false,
            in_result: false,
            within: Within::Nothing,
            version: Version::default(),
        }
    }

    /// Takes the next characters; what of them passes goes to `out`.
    pub(super) fn push(
        &mut self,
        text: &str,
        judge: &mut Judge,
        audience: &mut dyn Audience,
        out: &mut impl Sink,
    ) -> Result<(), Refused> {
        let mut rest = text;
        while !rest.is_empty() {
            let taken = match &mut self.within {
                Within::Nothing => self.pass(rest, judge, out)?,
                Within::CacheScope => self.leave_out(rest)?,
                Within::List(list) => {
                    let (taken, ended) = list.take(rest, &mut self.tokens, audience, out)?;
                    if ended {
                        self.within = Within::Nothing;
                    }
                    taken
                }
            };
            rest = rest.get(taken..).ok_or(Unreadable)?;
        }
        Ok(())
    }

    /// That the message is whole, or that there was none.
    pub(super) fn finish(&self) -> Result<(), Unreadable> {
        if !self.begun || self.tokens.is_complete() { Ok(()) } else { Err(Unreadable) }
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        let list = if let Within::List(list) = &self.within { list.held() } else { 0 };
        list.saturating_add(self.name.capacity()).saturating_add(self.version.held())
    }

    /// Passes what comes before anything that does not pass as it is; how long that is.
    fn pass(&mut self, text: &str, judge: &mut Judge, out: &mut impl Sink) -> Result<usize, Refused> {
        let mut rest = text.as_bytes();
        while let (Within::Nothing, Some((byte, after))) = (&self.within, rest.split_first()) {
            let skipped = if self.in_id || self.version.is_open() { 0 } else { self.tokens.skip(rest) };
            if skipped > 0 {
                rest = rest.get(skipped..).unwrap_or_default();
                continue;
            }
            rest = after;
            let mark = self.tokens.step(*byte)?;
            self.take(*byte, mark, judge)?;
        }
        let taken = text.len().saturating_sub(rest.len());
        let passed = text.get(..taken).ok_or(Unreadable)?;
        match &self.within {
            Within::Nothing | Within::List(_) => self.version.pass(passed, judge, out)?,
            Within::CacheScope => {
                self.version.pass(passed.strip_suffix('"').ok_or(Unreadable)?, judge, out)?;
                self.version.pass(r#""private""#, judge, out)?;
            }
        }
        Ok(taken)
    }

    /// Leaves out the rest of a text; how long that is.
    fn leave_out(&mut self, text: &str) -> Result<usize, Refused> {
        for (at, byte) in text.bytes().enumerate() {
            if self.tokens.step(byte)? == (Mark::Text { ends: true }) {
                self.within = Within::Nothing;
                return Ok(at.saturating_add(1));
            }
        }
        Ok(text.len())
    }

    fn take(&mut self, byte: u8, mark: Mark, judge: &mut Judge) -> Result<(), Refused> {
        if self.in_id {
            self.more_of_id(byte, mark);
        }
        if let Mark::Text { ends } = mark {
            self.version.push(byte, ends, judge)?;
        }
        match mark {
            Mark::Name { ends } if self.names_matter() => self.name(byte, ends)?,
            Mark::Opens(_) | Mark::TextStarts | Mark::LiteralStarts => self.value(byte, mark, judge)?,
            Mark::Closes => {
                self.in_result &= self.tokens.depth() > 1;
                if self.tokens.depth() == 0 {
                    judge.judge(&self.said)?;
                    self.version.finish(&self.said, judge);
                }
            }
            Mark::Name { .. } | Mark::Blank | Mark::Colon | Mark::Comma | Mark::Text { .. } | Mark::Literal => {}
        }
        Ok(())
    }

    /// Whether the names at this depth decide anything.
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
        let (member, twin) = self.member(&name);
        self.member = if twin { self.twin(member)? } else { member };
        if !self.seen.contains(&member) {
            self.seen.push(member);
        }
        Ok(())
    }

    /// What the second `member` is: nothing, where it may be there.
    fn twin(&mut self, member: Member) -> Result<Member, Unreadable> {
        match member {
            // Beside a result the first refuses it; without one they matter to nobody: errors are written in many ways.
            Member::Other | Member::Method | Member::Error => {}
            Member::Id => self.said.id = Id::Twice,
            Member::Result | Member::List(_) | Member::CacheScope | Member::Cursor | Member::Version => {
                return Err(Unreadable);
            }
        }
        Ok(Member::Other)
    }

    /// The member called `name`, and whether it is a second one to some readers.
    fn member(&self, name: &str) -> (Member, bool) {
        let is = |(known, _): &(&str, Member)| fold::is_same(known, name);
        let found = if self.in_result {
            let lists = self.lists.iter().map(|listing| (listing.member(), Member::List(*listing)));
            lists.chain(OF_RESULT).find(is)
        } else {
            OF_MESSAGE.into_iter().find(is)
        };
        let Some((known, member)) = found else { return (Member::Other, false) };
        (member, known != name || self.seen.contains(&member))
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, mark: Mark, judge: &Judge) -> Result<(), Refused> {
        self.begun = true;
        let depth = self.tokens.depth();
        let inside = if let Mark::Opens(_) = mark { depth.saturating_sub(1) } else { depth };
        if inside == 0 {
            return Ok(message(mark, judge)?);
        }
        let is_member = inside == 1 || (self.in_result && inside == 2);
        match (if is_member { self.member } else { Member::Other }, mark) {
            (Member::Id, Mark::Opens(_)) => self.said.id = Id::Other,
            (Member::Id, _) => {
                self.in_id = true;
                self.said.id = Id::Scalar(vec![byte]);
            }
            (Member::Method, _) => self.said.method = true,
            (Member::Error, _) => self.said.error = true,
            (Member::Result, mark) => {
                self.said.result = true;
                let is_demanded = !self.lists.is_empty() || judge.versions() == Versions::Demanded;
                let is_read = is_demanded || judge.versions() == Versions::Looked;
                self.in_result = is_read && mark == Mark::Opens(Container::Object);
                if is_demanded && mark == Mark::Opens(Container::Array) {
                    return Err(Unreadable.into());
                }
            }
            (Member::List(listing), Mark::Opens(Container::Array)) => self.within = Within::List(List::new(listing)),
            // `null` is how some servers write an empty list.
            (Member::List(_), mark) if mark != Mark::LiteralStarts => return Err(Unreadable.into()),
            (Member::CacheScope, Mark::TextStarts) => self.within = Within::CacheScope,
            (Member::CacheScope, _) => return Err(Unreadable.into()),
            (Member::Version, mark) => self.version.begin(byte, mark == Mark::TextStarts, judge)?,
            (Member::Other | Member::List(_) | Member::Cursor, _) => {}
        }
        Ok(())
    }

    /// The next byte of the id, unless it ended with the last.
    fn more_of_id(&mut self, byte: u8, mark: Mark) {
        let Id::Scalar(id) = &mut self.said.id else { return };
        self.in_id = matches!(mark, Mark::Literal | Mark::Text { ends: false });
        if id.len() >= MAX_ID {
            self.said.id = Id::Other;
        } else if matches!(mark, Mark::Literal | Mark::Text { .. }) {
            id.push(byte);
        }
    }
}

/// What begins with `mark` is the message: neither a batch nor, where somebody reads it, another value.
fn message(mark: Mark, judge: &Judge) -> Result<(), Unreadable> {
    let object = mark == Mark::Opens(Container::Object);
    let scalar = matches!(mark, Mark::TextStarts | Mark::LiteralStarts);
    if object || (scalar && judge.is_unread()) { Ok(()) } else { Err(Unreadable) }
}
