//! Percent-encoding (RFC 3986 §2.1) in the eyes of a reader that undoes it as often as it can.

/// `text` without any escape, in one pass: what an escape becomes may end one that began before it.
pub fn undone(text: &str) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        plain.push(byte);
        while let [.., b'%', high, low] = plain.as_slice()
            && let Some(byte) = escaped(*high, *low)
        {
            plain.truncate(plain.len().saturating_sub(3));
            plain.push(byte);
        }
    }
    plain
}

/// The byte that two hexadecimal digits stand for.
fn escaped(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (char::from(high).to_digit(16)?, char::from(low).to_digit(16)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_undo() {
        for (text, plain) in [
            ("a", "a"),
            ("%2e", "."),
            ("%252E", "."),
            ("%25%32%65", "."),
            ("%%32%65", "."),
            ("100%", "100%"),
            ("%zz", "%zz"),
        ] {
            assert_eq!(undone(text), plain.as_bytes(), "{text}");
        }
    }
}
