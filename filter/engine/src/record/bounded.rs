//! How long what is on a record may be: a text longer than [`TEXT`] is cut, and says so by its last character.
//!
//! Whoever calls chooses most of what a record says; so no member is as long as they like.

use std::borrow::Cow;
use std::io;

use countersign_facts::digest::SentDigest;
use countersign_tokens::json::Json;
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

/// Bytes of one text.
const TEXT: usize = 4096;

/// Bytes of the JSON of an argument that is on record as it is.
const ARGUMENT: usize = 4096;

/// What a text ends with that was longer.
const CUT: &str = "…";

/// The JSON of `wire`, in one line.
pub(super) fn to_json(wire: &impl Serialize) -> String {
    let mut json = Vec::with_capacity(1024);
    // Strings, numbers and maps with string keys only: serialising cannot fail.
    let written = wire.serialize(&mut Serializer::with_formatter(&mut json, Bounded::default()));
    String::from_utf8(written.map_or(Vec::new(), |()| json)).unwrap_or_default()
}

/// `text` as a record has it.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}{CUT}", start(text, TEXT)))
}

/// `value` as a record has it: one that is too long by its digest.
pub(super) fn argument(value: &Json) -> Json {
    if value.as_str().is_some() || is_whole(&value.written()) {
        value.clone()
    } else {
        SentDigest::of(value).to_string().into()
    }
}

/// Whether `value` is on a record as it is.
pub(super) fn is_whole(value: &impl Serialize) -> bool {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).is_ok_and(|()| length.0 <= ARGUMENT)
}

/// As much of the start of `text` as fits into `most` bytes.
fn start(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

/// Writes texts as long as they may be.
#[derive(Default)]
struct Bounded {
    compact: CompactFormatter,
    /// Bytes of the text being written, and whether some of it was left out.
    written: usize,
    cut: bool,
}

impl Formatter for Bounded {
    fn begin_string<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        (self.written, self.cut) = (0, false);
        self.compact.begin_string(writer)
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if self.cut {
            return Ok(());
        }
        let start = start(fragment, TEXT.saturating_sub(self.written));
        self.written = self.written.saturating_add(start.len());
        self.cut = start.len() < fragment.len();
        self.compact.write_string_fragment(writer, start)
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.cut |= self.written >= TEXT;
        if self.cut {
            return Ok(());
        }
        self.written = self.written.saturating_add(1);
        self.compact.write_char_escape(writer, escape)
    }

    fn end_string<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.cut {
            self.compact.write_string_fragment(writer, CUT)?;
        }
        self.compact.end_string(writer)
    }
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_fits_is_whole_and_a_longer_one_is_cut_between_characters() {
        for (given, expected) in [
            ("x".repeat(TEXT), "x".repeat(TEXT)),
            ("x".repeat(TEXT + 1), format!("{}…", "x".repeat(TEXT))),
            ("\n".repeat(TEXT + 1), format!("{}…", "\n".repeat(TEXT))),
            (format!("{}é", "x".repeat(TEXT - 1)), format!("{}…", "x".repeat(TEXT - 1))),
        ] {
            assert_eq!(text(&given), expected);
            let read: serde_json::Value = serde_json::from_str(&to_json(&json!([given, "after"]))).unwrap_or_default();
            assert_eq!(read, json!([expected, "after"]));
        }
    }

    #[test]
    fn an_argument_that_is_too_long_is_its_digest() {
        for short in [json!(null), json!([1, 2]), json!("x".repeat(100_000))] {
            let short = Json::from(short);
            assert_eq!(argument(&short), short);
        }
        let long = Json::from(json!(vec![0; ARGUMENT]));
        assert_eq!(argument(&long).as_str(), Some(SentDigest::of(&long).to_string().as_str()));
    }

    proptest! {
        #[test]
        fn what_is_short_is_written_as_ever(texts in prop::collection::vec(".{0,40}", 0..8)) {
            let value = json!({ "texts": texts, "number": 1.5, "nothing": null });
            prop_assert_eq!(to_json(&value), value.to_string());
        }
    }
}
