//! What a body says as text, in whichever of Unicode's encodings some reader of JSON takes it for by how it begins.

use std::borrow::Cow;

/// The mark that a text may begin with, in any of the encodings, is made of these.
const MARKS: &[u8] = b"\xef\xbb\xbf\xfe\xff";

/// The byte that says what `body` begins as, or goes on as.
pub(super) fn first(body: &[u8]) -> Option<u8> {
    // No letter is written with so many.
    if body.starts_with(&[0; 4]) {
        return Some(0);
    }
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace() && *byte != 0 && !MARKS.contains(byte))
}

/// `body` as a reader takes it that knows the encoding by how JSON must begin (RFC 4627 §3: Python's `json.loads`), without
/// mark. Some readers take what cannot be read for something else and go on.
pub(super) fn text(body: &[u8]) -> Cow<'_, str> {
    let byte = |at: usize| body.get(at).copied().unwrap_or(b' ');
    match [byte(0), byte(1), byte(2), byte(3)] {
        [0xff, 0xfe, 0, 0] | [1..=0xff, 0, 0, 0] => wide(body, u32::from_le_bytes),
        [0, 0, 0xfe, 0xff] | [0, 0, 0, 1..=0xff] => wide(body, u32::from_be_bytes),
        [0xff, 0xfe, ..] | [1..=0xff, 0, ..] => pairs(body, u16::from_le_bytes),
        [0xfe, 0xff, ..] | [0, 1..=0xff, ..] => pairs(body, u16::from_be_bytes),
        _ => String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)),
    }
}

/// UTF-16.
fn pairs(body: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'_, str> {
    let units = body.as_chunks().0.iter().map(|bytes| unit(*bytes));
    without_mark(char::decode_utf16(units).map(Result::ok))
}

/// UTF-32.
fn wide(body: &[u8], unit: fn([u8; 4]) -> u32) -> Cow<'_, str> {
    without_mark(body.as_chunks().0.iter().map(|bytes| char::from_u32(unit(*bytes))))
}

fn without_mark(letters: impl Iterator<Item = Option<char>>) -> Cow<'static, str> {
    let mut letters = letters.map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).peekable();
    letters.next_if_eq(&'\u{feff}');
    letters.collect::<String>().into()
}
