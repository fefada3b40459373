//! A `pattern` of a schema: looked for in time that grows with the text, in bounded memory, or refused.
//!
//! The automaton's states are worked out when a text first needs them, and kept. An ordinary text needs few of them, however large
//! the pattern is, so what it costs is its length. A text that was made to need another state at every byte uses up what one call
//! may cause ([`Effort`]), and is refused.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::Input;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};

/// Bytes of a compiled pattern.
const COMPILED: usize = 64 * 1024;
/// Bytes of a pattern as it is written.
const WRITTEN: usize = 4 * 1024;
/// Bytes of the states that are kept of one pattern, unless a few need more.
const KEPT: usize = 64 * 1024;
/// Bytes of a text that a pattern is looked for in; a longer one is refused.
const TEXT: usize = 64 * 1024;
/// What all patterns of one call may cost together: less than half a second (measured, natively).
const WORK: u64 = 1 << 27;
/// What it costs to begin with a text,
const TO_BEGIN: u64 = 64;
/// and to look at a byte of it where the next state is known.
const KNOWN: u64 = 2;
/// To work out a state takes time in proportion to the compiled pattern at worst: what so many of its bytes cost one.
const COMPILED_BYTES: usize = 4;

/// `\b` and `\B` where the letters of words are those of ASCII.
const AT_END: &str = r"(?-u:\b)";
const INSIDE: &str = r"(?-u:\B)";

/// A pattern that can be looked for.
#[derive(Clone)]
pub struct Pattern {
    written: String,
    automaton: Arc<Automaton>,
}

struct Automaton {
    dfa: DFA,
    /// What another state costs.
    state: u64,
    /// The states that are known; none before it was looked for.
    states: Mutex<Option<Cache>>,
}

/// What is left of the work that one call may cause.
#[derive(Debug)]
pub struct Effort(Cell<u64>);

impl Pattern {
    /// As ECMA-262 means it (JSON Schema §6.4); none where it looks around or refers back, which is not linear, or is too large.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > WRITTEN {
            return None;
        }
        let translated = with_ascii_words(&jsonschema_regex::to_rust_regex(text).ok()?);
        let compiling = thompson::Config::new().nfa_size_limit(Some(COMPILED)).which_captures(WhichCaptures::None);
        let keeping = DFA::config().cache_capacity(KEPT).skip_cache_capacity_check(true);
        let dfa = DFA::builder().thompson(compiling).configure(keeping).build(&translated).ok()?;
        // An empty match where no word begins or ends would be found between the bytes of a letter, too.
        if translated.contains(INSIDE) && dfa.get_nfa().has_empty() {
            return None;
        }
        let state = u64::try_from(dfa.get_nfa().memory_usage() / COMPILED_BYTES).unwrap_or(u64::MAX);
        let states = Mutex::new(None);
        Some(Self { written: text.to_owned(), automaton: Arc::new(Automaton { dfa, state, states }) })
    }

    /// Whether it is in `text`, if that can be said with what is left of the call's `effort`.
    pub(super) fn is_in(&self, text: &str, effort: &Effort) -> bool {
        text.len() <= TEXT && self.automaton.finds(text, effort) == Some(true)
    }
}

impl Automaton {
    /// Whether it is in `text`; none where `effort` is used up before that is known.
    fn finds(&self, text: &str, effort: &Effort) -> Option<bool> {
        // What a panic left is as good: states are worked out of nothing but the pattern.
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let states = states.get_or_insert_with(|| self.dfa.create_cache());
        effort.take(KNOWN.saturating_mul(u64::try_from(text.len()).ok()?).saturating_add(TO_BEGIN))?;
        let mut state = self.dfa.start_state_forward(states, &Input::new(text)).ok()?;
        for byte in text.bytes() {
            if let Some(found) = settled(state) {
                return Some(found);
            }
            let known = self.dfa.next_state_untagged(states, state, byte);
            state = if known.is_unknown() {
                effort.take(self.state)?;
                self.dfa.next_state(states, state, byte).ok()?
            } else {
                known
            };
        }
        if let Some(found) = settled(state) {
            return Some(found);
        }
        // Of each state this is worked out once: no more than what was paid for already.
        Some(self.dfa.next_eoi_state(states, state).ok()?.is_match())
    }
}

/// What is known in `state`, whatever follows. Only of a state without a tag it can be looked up where it leads.
fn settled(state: LazyStateID) -> Option<bool> {
    state.is_tagged().then(|| state.is_match())
}

impl Default for Effort {
    /// Of a call that has caused none.
    fn default() -> Self {
        Self(Cell::new(WORK))
    }
}

impl Effort {
    /// Takes `work` of what is left; none where that is less.
    fn take(&self, work: u64) -> Option<()> {
        let left = self.0.get().checked_sub(work);
        self.0.set(left.unwrap_or_default());
        left.map(drop)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(out)
    }
}

/// `\b` and `\B` between word characters as ECMA-262 has them, which are those of ASCII.
fn with_ascii_words(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        let escaped = if letter == '\\' { rest.next() } else { None };
        match escaped {
            Some('b') => out.push_str(AT_END),
            Some('B') => out.push_str(INSIDE),
            Some(_) | None => out.extend([letter].into_iter().chain(escaped)),
        }
    }
    out
}
