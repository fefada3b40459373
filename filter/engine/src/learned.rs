//! What lists of MCP servers showed of their tools, for the calls that follow: remembered for a day in this gateway process.
//!
//! Each resource has [`SHARES`] documents on the [`Board`], which share a tool is in depends on its name. So a server can fill
//! nothing but its own, and a call costs one read. What was seen holds until it was not seen for a day, whatever is seen
//! meanwhile: a server that shows two faces has both. What does not fit is an error, and is never forgotten in silence.
//!
//! Decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_tokens::UnixTime;

use crate::board::{Board, Posting};
use crate::catalogue::{Annotations, Risk};
use crate::digest;
use crate::ledger::LedgerError;

/// How long something holds after it was seen last. Clients list tools when a session begins: longer than most sessions, short
/// enough that a server that was repaired is not held to what it was.
const LIFETIME: Duration = Duration::from_hours(24);

/// What is seen again is not written again before this has passed.
const RENEWAL: Duration = Duration::from_hours(1);

/// Documents of one resource.
const SHARES: u8 = 16;

/// Entries of one document; with [`SHARES`] and [`ENTRY_BYTES`] this bounds a resource to 512 KiB.
const MOST: usize = 1024;

const KEY_BYTES: usize = 24;
/// Key and end.
const ENTRY_BYTES: usize = KEY_BYTES + 8;

/// First bytes of every document: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"cst1";

/// How often another worker may be quicker.
const ATTEMPTS: usize = 8;

/// What was seen of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// It is not what it was pinned to.
    Changed,
    /// What it says about itself raises its risk to this.
    Raised(Risk),
    /// It says that its risk is this, and is believed.
    Believed(Risk),
}

impl Fact {
    /// As stored.
    fn code(self) -> u8 {
        let number = |risk| match risk {
            Risk::Low => 0,
            Risk::Medium => 1,
            Risk::High => 2,
            Risk::Critical => 3,
        };
        match self {
            Self::Changed => 1,
            Self::Raised(risk) => 0x10 | number(risk),
            Self::Believed(risk) => 0x20 | number(risk),
        }
    }

    /// What is stored as `code`.
    fn of(code: u8) -> Option<Self> {
        let risks = Risk::ALL.into_iter().flat_map(|risk| [Self::Raised(risk), Self::Believed(risk)]);
        [Self::Changed].into_iter().chain(risks).find(|fact| fact.code() == code)
    }
}

/// A fact about a tool, to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    share: u8,
    key: [u8; KEY_BYTES],
}

impl Mark {
    /// That `tool` is not what `pin` says. Another pin is another fact: whoever looked at the tool again pins it anew.
    pub(crate) fn changed(tool: &str, pin: &[u8; 32]) -> Self {
        Self { share: share(&of_tool(tool)), key: key(Fact::Changed, &of_pinned(tool, pin)) }
    }

    /// That what `tool` says about itself raises its risk to `risk`.
    pub(crate) fn raised(tool: &str, risk: Risk) -> Self {
        let tool = of_tool(tool);
        Self { share: share(&tool), key: key(Fact::Raised(risk), &tool) }
    }

    /// That `tool` says that its risk is `risk`, and is believed.
    pub(crate) fn believed(tool: &str, risk: Risk) -> Self {
        let tool = of_tool(tool);
        Self { share: share(&tool), key: key(Fact::Believed(risk), &tool) }
    }
}

/// What is known of a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    /// It is not what it is pinned to.
    pub(crate) changed: bool,
    /// What raises its risk, if anything does: the highest.
    pub(crate) raised: Option<Risk>,
    /// The risk that it says it has, if it was believed: the highest.
    pub(crate) believed: Option<Risk>,
}

impl Learned {
    /// The risk of a tool that the catalogue rates as `rated`, itself if it is `declared`, else as its resource.
    pub(crate) fn risk(self, annotations: Annotations, declared: bool, rated: Risk) -> Risk {
        match (annotations, declared) {
            (Annotations::Ignore, _) => rated,
            (Annotations::Raise, _) | (Annotations::Trust, true) => self.raised.map_or(rated, |risk| risk.max(rated)),
            (Annotations::Trust, false) => self.believed.unwrap_or(rated),
        }
    }

    fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Changed => self.changed = true,
            Fact::Raised(risk) => self.raised = self.raised.max(Some(risk)),
            Fact::Believed(risk) => self.believed = self.believed.max(Some(risk)),
        }
    }
}

/// What is known of `tool` of `resource`, which is pinned to `pin` if to anything.
pub(crate) fn recall(
    board: &mut dyn Board,
    now: UnixTime,
    resource: &str,
    tool: &str,
    pin: Option<&[u8; 32]>,
) -> Result<Learned, LedgerError> {
    let of_tool = of_tool(tool);
    let Some(posted) = board.read(&document(resource, share(&of_tool)))? else { return Ok(Learned::default()) };
    let of_pinned = pin.map(|pin| of_pinned(tool, pin));
    let mut learned = Learned::default();
    for (key, _) in entries(&posted.document)?.filter(|(_, until)| *until > now) {
        let [code, ..] = key;
        if is_about(&key, &of_tool) || of_pinned.as_ref().is_some_and(|pinned| is_about(&key, pinned)) {
            learned.add(Fact::of(code).ok_or(LedgerError::Unavailable)?);
        }
    }
    Ok(learned)
}

/// Remembers `marks` for `resource`, all of them or an error: each document is written once, and only where that adds something.
pub(crate) fn note(
    board: &mut dyn Board,
    now: UnixTime,
    resource: &str,
    mut marks: Vec<Mark>,
) -> Result<(), LedgerError> {
    marks.sort_unstable();
    marks.dedup();
    marks.chunk_by(|one, other| one.share == other.share).try_for_each(|marks| note_share(board, now, resource, marks))
}

/// Remembers `marks`, all of one share.
fn note_share(board: &mut dyn Board, now: UnixTime, resource: &str, marks: &[Mark]) -> Result<(), LedgerError> {
    let Some(first) = marks.first() else { return Ok(()) };
    let name = document(resource, first.share);
    for _ in 0..ATTEMPTS {
        let posted = board.read(&name)?;
        let version = posted.as_ref().map(|posted| posted.version);
        let mut known: BTreeMap<_, _> = match &posted {
            Some(posted) => entries(&posted.document)?.filter(|(_, until)| *until > now).collect(),
            None => BTreeMap::new(),
        };
        let old = now.plus(LIFETIME).minus(RENEWAL);
        if marks.iter().all(|mark| known.get(&mark.key).is_some_and(|until| *until > old)) {
            return Ok(());
        }
        known.extend(marks.iter().map(|mark| (mark.key, now.plus(LIFETIME))));
        if known.len() > MOST {
            return Err(LedgerError::Full);
        }
        match board.post(&name, &encode(&known), version)? {
            Posting::Done => return Ok(()),
            Posting::Changed => {}
        }
    }
    Err(LedgerError::Unavailable)
}

fn document(resource: &str, share: u8) -> String {
    format!("tools/{resource}/{share}")
}

fn of_tool(tool: &str) -> [u8; 32] {
    digest::of_texts(&[tool])
}

fn of_pinned(tool: &str, pin: &[u8; 32]) -> [u8; 32] {
    digest::of_texts(&[tool, &digest::text(pin)])
}

fn share(of_tool: &[u8; 32]) -> u8 {
    let [first, ..] = of_tool;
    first % SHARES
}

fn key(fact: Fact, of_what: &[u8; 32]) -> [u8; KEY_BYTES] {
    let mut key = [fact.code(); KEY_BYTES];
    // The first byte of the digest, which gives way to the fact's code, chose the share.
    key.iter_mut().zip(of_what).skip(1).for_each(|(stored, byte)| *stored = *byte);
    key
}

fn is_about(key: &[u8; KEY_BYTES], of_what: &[u8; 32]) -> bool {
    key.iter().zip(of_what).skip(1).all(|(stored, byte)| stored == byte)
}

fn encode(known: &BTreeMap<[u8; KEY_BYTES], UnixTime>) -> Vec<u8> {
    let mut document = Vec::with_capacity(MAGIC.len().saturating_add(known.len().saturating_mul(ENTRY_BYTES)));
    document.extend_from_slice(&MAGIC);
    for (key, until) in known {
        document.extend_from_slice(key);
        document.extend_from_slice(&until.millis().to_le_bytes());
    }
    document
}

/// What [`encode`] wrote; an error for anything that it cannot have written.
fn entries(document: &[u8]) -> Result<impl Iterator<Item = ([u8; KEY_BYTES], UnixTime)>, LedgerError> {
    let (entries, rest) = document.strip_prefix(&MAGIC).ok_or(LedgerError::Unavailable)?.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() || entries.len() > MOST {
        return Err(LedgerError::Unavailable);
    }
    let entry = |entry: &[u8; ENTRY_BYTES]| {
        let (key, rest) = entry.split_first_chunk()?;
        Some((*key, UnixTime::from_millis(u64::from_le_bytes(*rest.first_chunk()?))))
    };
    Ok(entries.iter().filter_map(entry))
}

#[cfg(test)]
mod tests;
