//! One list in a result on its way to the client: each of its elements is shown or left out.

use super::element::Element;
use super::message::Sink;
use super::token::{Container, Mark, Tokens};
use super::{Audience, ELEMENT_BYTES, Unreadable};
use crate::action::Listing;

/// White space between two elements.
const MAX_GAP: usize = 4 * 1024;

/// Containers around the elements: the message, its result, the list.
const IN_LIST: usize = 3;

/// A list being read.
#[derive(Debug)]
pub(super) struct List {
    listing: Listing,
    /// What came since the last element: a comma and white space.
    gap: String,
    /// The element being read.
    held: String,
    shown: bool,
    ended: bool,
}

impl List {
    pub(super) fn new(listing: Listing) -> Self {
        Self { listing, gap: String::new(), held: String::new(), shown: false, ended: false }
    }

    /// Takes what of `text` is in the list; how long that is, and whether the list ended there.
    pub(super) fn take(
        &mut self,
        text: &str,
        tokens: &mut Tokens,
        audience: &mut dyn Audience,
        out: &mut impl Sink,
    ) -> Result<(usize, bool), Unreadable> {
        let mut rest = text;
        while let (false, Some(byte)) = (self.ended, rest.bytes().next()) {
            let taken = if self.held.is_empty() {
                self.between(byte, tokens, out)?;
                1
            } else {
                self.element(rest, tokens, audience, out)?
            };
            rest = rest.get(taken..).ok_or(Unreadable)?;
        }
        Ok((text.len().saturating_sub(rest.len()), self.ended))
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.held.capacity().saturating_add(self.gap.capacity())
    }

    /// Takes one byte between two elements.
    fn between(&mut self, byte: u8, tokens: &mut Tokens, out: &mut impl Sink) -> Result<(), Unreadable> {
        match tokens.step(byte)? {
            Mark::Blank | Mark::Comma if self.gap.len() < MAX_GAP => self.gap.push(char::from(byte)),
            Mark::Opens(Container::Object) => self.held.push(char::from(byte)),
            Mark::Closes => {
                out.text(&std::mem::take(&mut self.gap));
                out.text("]");
                self.ended = true;
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
        Ok(())
    }

    /// Takes more of an element; how much.
    fn element(
        &mut self,
        text: &str,
        tokens: &mut Tokens,
        audience: &mut dyn Audience,
        out: &mut impl Sink,
    ) -> Result<usize, Unreadable> {
        let (mut rest, mut whole) = (text.as_bytes(), false);
        while let (false, Some((byte, after))) = (whole, rest.split_first()) {
            let skipped = tokens.skip(rest);
            if skipped > 0 {
                rest = rest.get(skipped..).unwrap_or_default();
                continue;
            }
            rest = after;
            whole = tokens.step(*byte)? == Mark::Closes && tokens.depth() == IN_LIST;
        }
        let taken = text.len().saturating_sub(rest.len());
        self.held.push_str(text.get(..taken).ok_or(Unreadable)?);
        if self.held.len() > ELEMENT_BYTES {
            return Err(Unreadable);
        }
        if whole {
            self.decide(audience, out)?;
        }
        Ok(taken)
    }

    /// The element is whole.
    fn decide(&mut self, audience: &mut dyn Audience, out: &mut impl Sink) -> Result<(), Unreadable> {
        let element = Element::read(self.listing, self.held.as_bytes())?;
        if audience.sees(self.listing, &element)? {
            if !self.shown {
                self.gap.retain(|character| character != ',');
            }
            self.shown = true;
            out.text(&self.gap);
            out.text(&self.held);
        }
        self.gap.clear();
        self.held.clear();
        Ok(())
    }
}
