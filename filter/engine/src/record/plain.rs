//! Records as one line that shows what it holds: what breaks lines, steers a terminal or turns text around is escaped.
//!
//! JSON itself escapes only U+0000 to U+001F. The same value is read back: an escape is another spelling (RFC 8259 §7).

use std::fmt::Write as _;

/// `json` with such characters escaped. In JSON they can be in strings only.
pub(super) fn plain(json: String) -> String {
    // Nearly every record: each of those characters is longer than a byte, but for DEL.
    if json.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) || !json.contains(is_hidden) {
        return json;
    }
    let mut plain = String::with_capacity(json.len().saturating_add(64));
    for character in json.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Whether a reader of the log would not see `character` for what it is.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        // DEL and C1, NEL (U+0085) and CSI (U+009B) among them.
        '\u{7f}'..='\u{9f}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
        // What turns text around (UAX #9): marks, embeddings, overrides, isolates; and the Arabic letter mark.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // What has no width: soft hyphen, zero-width space and joiners, word joiner and invisible operators, BOM, tags.
        | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_hidden_is_escaped_and_read_back_as_it_was() -> Result<(), serde_json::Error> {
        for (character, escaped) in [
            ('\u{7f}', "\\u007f"),
            ('\u{85}', "\\u0085"),
            ('\u{9b}', "\\u009b"),
            ('\u{ad}', "\\u00ad"),
            ('\u{61c}', "\\u061c"),
            ('\u{200b}', "\\u200b"),
            ('\u{200f}', "\\u200f"),
            ('\u{2028}', "\\u2028"),
            ('\u{2029}', "\\u2029"),
            ('\u{202e}', "\\u202e"),
            ('\u{2066}', "\\u2066"),
            ('\u{2069}', "\\u2069"),
            ('\u{feff}', "\\ufeff"),
            ('\u{e0041}', "\\udb40\\udc41"),
        ] {
            let value = json!({ format!("n{character}"): format!("a{character}b") });
            let json = plain(value.to_string());
            assert_eq!(json, format!(r#"{{"n{escaped}":"a{escaped}b"}}"#));
            assert_eq!(serde_json::from_str::<Value>(&json)?, value);
        }
        Ok(())
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let json = json!({ "é": "Grüße, 東京, 🙂, ‘quoted’ – a\tb\\" }).to_string();
        assert_eq!(plain(json.clone()), json);
    }
}
