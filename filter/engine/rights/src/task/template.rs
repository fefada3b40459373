//! URI templates in grants (RFC 6570 level 1): `file:///reports/{name}`.
//!
//! A variable stands for what such a template expands it to: one or more unreserved or percent-encoded characters, so never
//! for a `/`, `?`, `:` or `@`. It matches within one segment, and within one part of it.

use countersign_protocols::bounds::text::is_below;

/// A URI with variables in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable,
}

impl Template {
    /// As a claim spells it; none without variables, with an expression beyond level 1, or with two variables side by side.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
            let beside = before.is_empty() && matches!(parts.last(), Some(Part::Variable));
            if name.is_empty() || !name.bytes().all(plain) || before.contains('}') || beside {
                return None;
            }
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            parts.push(Part::Variable);
            rest = after;
        }
        if rest.contains('}') || parts.is_empty() {
            return None;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Some(Self { text: text.to_owned(), parts })
    }

    /// What every expansion begins with.
    pub fn start(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(text)) => text,
            Some(Part::Variable) | None => "",
        }
    }

    /// Whether `uri` is an expansion of it, or the very template.
    pub fn admits(&self, uri: &str) -> bool {
        uri == self.text || (is_below("", uri) && self.expands_to(uri))
    }

    /// Whether the parts are in `uri`, one behind the other up to its end.
    ///
    /// A literal is taken where it is found first. That leaves most to what follows, and forbids nothing: what a variable would
    /// stand for instead, the next one can.
    fn expands_to(&self, uri: &str) -> bool {
        let mut rest = uri;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            let after = match (part, parts.peek()) {
                (Part::Literal(literal), _) => rest.strip_prefix(literal.as_str()),
                (Part::Variable, None) => return !rest.is_empty() && rest.bytes().all(is_expanded),
                (Part::Variable, Some(Part::Literal(literal))) => {
                    let last = parts.len() == 1;
                    let at = if last { rest.len().checked_sub(literal.len()) } else { find(literal, rest) };
                    at.filter(|at| *at > 0)
                        .and_then(|at| rest.split_at_checked(at))
                        .and_then(|(stands, after)| stands.bytes().all(is_expanded).then_some(after))
                }
                // Two side by side are no template.
                (Part::Variable, Some(Part::Variable)) => None,
            };
            match after {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// Where `literal` begins in `text` behind the first character, if it does.
fn find(literal: &str, text: &str) -> Option<usize> {
    let first = text.chars().next()?.len_utf8();
    text.get(first..)?.find(literal).map(|at| at + first)
}

/// What level 1 expands to: unreserved characters and escapes.
fn is_expanded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_within_a_segment() {
        for (template, uri) in [
            ("file:///reports/{name}", "file:///reports/2026.pdf"),
            ("file:///reports/{name}", "file:///reports/a%20b"),
            ("file:///reports/{name}", "file:///reports/{name}"),
            ("file:///reports/{year}/{name}.pdf", "file:///reports/2026/q1.pdf.pdf"),
            ("db://{host}/t", "db://a.b/t"),
            ("x://a/{b}-{c}", "x://a/1-2-3"),
            ("x://a?b={c}", "x://a?b=1"),
        ] {
            assert!(Template::parse(template).is_some_and(|parsed| parsed.admits(uri)), "{template} {uri}");
        }
        for (template, uri) in [
            ("file:///reports/{name}", "file:///reports/"),
            ("file:///reports/{name}", "file:///reports/a/b"),
            ("file:///reports/{name}", "file:///reports/a?b"),
            ("file:///reports/{name}", "file:///reports/.."),
            ("file:///reports/{name}", "file:///reports/%2e%2e"),
            ("file:///reports/{name}", "file:///reports/{other}"),
            ("file:///reports/{name}/x", "file:///reports/a/y"),
            ("file:///reports/{name}.pdf", "file:///reports/.pdf"),
            ("db://{host}/t", "db://a:1/t"),
            ("db://{host}/t", "db://u@a/t"),
            ("x://a/{b}-{c}", "x://a/1-"),
            ("x://a/{b}", "y://a/b"),
        ] {
            assert!(Template::parse(template).is_some_and(|parsed| !parsed.admits(uri)), "{template} {uri}");
        }
    }

    #[test]
    fn what_is_no_template_of_level_1() {
        for text in [
            "",
            "file:///a",
            "x://{",
            "x://{}",
            "x://}",
            "x://{a}}",
            "x://{{a}}",
            "x://{a}{b}",
            "x://{+a}",
            "x://{a,b}",
            "x://{a*}",
        ] {
            assert_eq!(Template::parse(text), None, "{text}");
        }
    }
}
