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
            let (character, begun) = whole(&self.begun)?;
            if begun.is_empty() {
                take(character)?;
                self.begun.clear();
            }
        }
        let (text, begun) = whole(rest)?;
        self.begun.extend_from_slice(begun);
        take(text)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.begun.is_empty()
    }
}

/// The characters that are whole in `bytes`, and the beginning of the last that is not.
fn whole(bytes: &[u8]) -> Result<(&str, &[u8]), Unreadable> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text, &[])),
        Err(error) if error.error_len().is_some() => Err(Unreadable),
        Err(error) => {
            let (text, begun) = bytes.split_at_checked(error.valid_up_to()).ok_or(Unreadable)?;
            Ok((std::str::from_utf8(text).map_err(|_| Unreadable)?, begun))
        }
    }
}
