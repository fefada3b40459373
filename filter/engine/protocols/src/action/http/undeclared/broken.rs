//! Names in what begins as JSON and is not quite: some readers take `NaN`, comments, names in other quotes or in none, or a comma
//! too many, and go on.

const SIGNS: [char; 9] = ['"', '\'', '{', '}', '[', ']', ',', ':', '/'];

/// Tells `found` what stands before a colon in an object that is in no other.
pub(super) fn names(text: &str, found: &mut dyn FnMut(&str)) {
    let (mut rest, mut depth, mut name) = (text, 0_usize, None);
    while let Some((word, sign, behind)) = next_sign(rest) {
        rest = behind;
        name = Some(word.trim()).filter(|word| !word.is_empty()).or(name);
        match sign {
            '"' | '\'' => {
                let (string, behind) = rest.split_at_checked(end_of_string(rest, sign)).unwrap_or_default();
                (name, rest) = (Some(string), behind.get(1..).unwrap_or_default());
            }
            '/' => rest = behind_comment(rest),
            ':' => {
                if let Some(name) = name.take().filter(|_| depth == 1) {
                    let read = serde_json::from_str::<String>(&format!("\"{name}\""));
                    found(read.as_deref().unwrap_or(name));
                }
            }
            _ => {
                name = None;
                depth = match sign {
                    '{' => depth.saturating_add(1),
                    '}' => depth.saturating_sub(1),
                    _ => depth,
                };
            }
        }
    }
}

/// What stands before the next sign, the sign, and what stands behind it.
fn next_sign(text: &str) -> Option<(&str, char, &str)> {
    let (word, rest) = text.split_at_checked(text.find(SIGNS)?)?;
    let mut letters = rest.chars();
    Some((word, letters.next()?, letters.as_str()))
}

/// Where the `quote` is that ends the string which `text` begins in.
fn end_of_string(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.find(|letter| {
        let ends = letter == quote && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

/// What follows the comment that `text` begins in, if it is one.
fn behind_comment(text: &str) -> &str {
    let end = if text.starts_with('*') {
        "*/"
    } else if text.starts_with('/') {
        "\n"
    } else {
        return text;
    };
    text.split_once(end).map_or("", |(_, behind)| behind)
}
