//! The result that opens a session, held until it is known of which version it is.
//!
//! Nothing of it passes before its `protocolVersion` does. One that is not read, or none, and the client gets an error in place of all
//! of it: it would go on in a way that nobody here reads as it does.

use super::awaited::{Judge, Said, Versions};
use super::message::Sink;
use super::{ELEMENT_BYTES, Refused, Unreadable};
use crate::action::mcp::Era;

/// Bytes of a version, quotes included, each escaped or not; a longer one is none that is read.
const MAX_VERSION: usize = 64;

/// What is known of the version of one message's result, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Version {
    /// The value being read, quotes included.
    value: Option<Vec<u8>>,
    known: Known,
    /// What waits.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    /// It passes.
    Passes,
    /// It does not.
    Refused,
    /// It is over, and what is to pass in its place has not yet.
    Due,
    /// It has.
    Replaced,
}

impl Version {
    /// The first byte of its value; `text` where it is a text.
    pub(super) fn begin(&mut self, byte: u8, text: bool, judge: &Judge) -> Result<(), Refused> {
        if text {
            self.value = Some(vec![byte]);
            Ok(())
        } else {
            self.learn(false, judge)
        }
    }

    /// Whether more of the value is wanted.
    pub(super) const fn is_open(&self) -> bool {
        self.value.is_some()
    }

    /// The next byte of the value, which `ends` with it.
    pub(super) fn push(&mut self, byte: u8, ends: bool, judge: &Judge) -> Result<(), Refused> {
        let Some(value) = &mut self.value else { return Ok(()) };
        if value.len() < MAX_VERSION {
            value.push(byte);
        }
        if !ends {
            return Ok(());
        }
        let version = self.value.take().and_then(|value| serde_json::from_slice::<String>(&value).ok());
        let is_read = version.is_some_and(|version| Era::ALL.iter().any(|era| era.version() == version));
        self.learn(is_read, judge)
    }

    /// The message is whole, and says this.
    pub(super) fn finish(&mut self, said: &Said, judge: &Judge) {
        if judge.versions() == Versions::Demanded && self.known == Known::Nothing {
            self.known = if said.result { Known::Refused } else { Known::Passes };
        }
        if self.known == Known::Refused {
            self.known = Known::Due;
        }
    }

    /// Passes `text`, holds it, or leaves it out: what is known by now is known of all of it.
    pub(super) fn pass(&mut self, text: &str, judge: &mut Judge, out: &mut impl Sink) -> Result<(), Unreadable> {
        match self.known {
            _ if judge.versions() != Versions::Demanded => out.text(text),
            Known::Nothing => {
                self.held.push_str(text);
                if self.held.len() > ELEMENT_BYTES {
                    return Err(Unreadable);
                }
            }
            Known::Passes => {
                out.text(&std::mem::take(&mut self.held));
                out.text(text);
            }
            Known::Refused | Known::Replaced => self.held.clear(),
            Known::Due => {
                self.held.clear();
                self.known = Known::Replaced;
                out.text(judge.instead());
            }
        }
        Ok(())
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.held.capacity()
    }

    fn learn(&mut self, is_read: bool, judge: &Judge) -> Result<(), Refused> {
        match (judge.versions(), is_read) {
            (Versions::Ignored, _) | (Versions::Looked, true) => {}
            (Versions::Looked, false) => return Err(Refused::Version),
            (Versions::Demanded, true) => self.known = Known::Passes,
            (Versions::Demanded, false) => self.known = Known::Refused,
        }
        Ok(())
    }
}
