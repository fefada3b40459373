//! UTF-8 in pieces: text that is none is read differently by everybody.

use super::{Refused, Unreadable};

/// One text.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The first bytes of a character.
    begun: Vec<u8>,
}

impl Utf8 {
    /// Takes the next bytes and hands on what of them are whole characters.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&str) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let mut rest = chunk;
        while let (false, Some((byte, after))) = (self.begun.is_empty(), rest.split_first()) {
            self.begun.push(*byte);
            rest = after;
            let Whole { text, begun, broken } = whole(&self.begun)?;
            if broken {
                return Err(Unreadable.into());
            }
            if begun.is_empty() {
                take(text)?;
                self.begun.clear();
            }
        }
        // What is wrong with a text does not depend on the pieces it comes in.
        let Whole { text, begun, broken } = whole(rest)?;
        take(text)?;
        self.begun.extend_from_slice(begun);
        if broken { Err(Unreadable.into()) } else { Ok(()) }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.begun.is_empty()
    }
}

/// What some bytes are.
struct Whole<'b> {
    /// The characters that are whole.
    text: &'b str,
    /// The beginning of the one after them.
    begun: &'b [u8],
    /// What follows them is none.
    broken: bool,
}

fn whole(bytes: &[u8]) -> Result<Whole<'_>, Unreadable> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(Whole { text, begun: &[], broken: false }),
        Err(error) => error,
    };
    let (text, begun) = bytes.split_at_checked(error.valid_up_to()).ok_or(Unreadable)?;
    let text = std::str::from_utf8(text).map_err(|_| Unreadable)?;
    let broken = error.error_len().is_some();
    Ok(Whole { text, begun: if broken { &[] } else { begun }, broken })
}
