//! Patterns in grants: `*` within a segment, `**` across, `?`, `[a-z]`, `{a,b}`.
//!
//! In the authority of a URI (`https://*.example.com/**`) they stand for nothing that would end it or begin another one: for no `?`,
//! `#` and `@`.
//!
//! A pattern is taken apart once, into alternatives without braces, and a text is compared with all of them in one pass: what that
//! costs is the text's length times the pattern's, which is bounded, whatever either looks like. A pattern that is not understood
//! whole is none.

use std::iter::Peekable;
use std::ops::Range;
use std::str::Chars;

/// Steps of a pattern, all its alternatives together.
const MAX_STEPS: usize = 256;
/// Alternatives of a pattern: `{a,b}{c,d}` are four.
const MAX_ALTERNATIVES: usize = 64;
/// Braces inside each other.
const MAX_DEPTH: usize = 8;
/// Characters of a pattern.
const MAX_PATTERN: usize = 1024;
/// Bytes of a text; a longer one is like no pattern.
const MAX_TEXT: usize = 16 * 1024;

/// What is between segments: nothing but `**` goes across.
const SEPARATOR: char = '/';
/// What ends an authority as a separator does, and what is behind user information (RFC 3986 §3.2).
const OF_AUTHORITY: [char; 3] = ['?', '#', '@'];

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// Of one alternative after the other; each ends with [`Step::End`].
    steps: Vec<Step>,
    /// Which of them are in the authority of a URI.
    authorities: Vec<Range<usize>>,
}

/// What is next in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// This character.
    Literal(char),
    /// Any character but a separator.
    Any,
    /// A character, but no separator, in one of these ranges, or in none of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
    /// Any characters but separators: `*`.
    Within,
    /// Any characters: `**` at the end.
    Across,
    /// Whole segments: `**/`. The next step is left out, or taken to its end.
    Segments,
    /// Any characters up to a separator, of which there may be more before.
    Through,
    /// The text is over.
    End,
}

/// What is written, braces aside.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sign {
    /// A step of one character.
    One(Step),
    Star,
}

impl Glob {
    /// The pattern that `text` spells; none for an open brace or bracket, a `\` with nothing behind it, and what is beyond
    /// the bounds.
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().count() > MAX_PATTERN {
            return None;
        }
        let alternatives = Reader { rest: text.chars().peekable() }.alternatives(0)?;
        let (mut steps, mut authorities) = (Vec::new(), Vec::new());
        for signs in &alternatives {
            let start = steps.len();
            lay_out(signs, &mut steps);
            if steps.len() > MAX_STEPS {
                return None;
            }
            authorities.extend(authority(&steps, start));
        }
        Some(Self { steps, authorities })
    }

    /// Whether an alternative has an authority that ends with a `*` and begins with something else: it goes on as any other
    /// that begins alike.
    pub(crate) fn ends_inside_authority(&self) -> bool {
        let mut authorities = self.authorities.iter().filter_map(|range| self.steps.get(range.clone()));
        authorities.any(|steps| matches!(steps, [_, .., Step::Within]))
    }

    /// Whether `text` is like it.
    pub fn admits(&self, text: &str) -> bool {
        if text.len() > MAX_TEXT {
            return false;
        }
        let mut reached = Places::new(self.steps.len());
        let mut next = Places::new(self.steps.len());
        let ends = self.steps.iter().enumerate().filter(|(_, step)| **step == Step::End).map(|(at, _)| at);
        let starts = std::iter::once(0).chain(ends.map(|end| end + 1)).filter(|start| *start < self.steps.len());
        starts.for_each(|start| self.reach(start, &mut reached));
        for character in text.chars() {
            next.clear();
            for place in &reached.list {
                self.advance(*place, character, &mut next);
            }
            std::mem::swap(&mut reached, &mut next);
            if reached.list.is_empty() {
                return false;
            }
        }
        reached.list.iter().any(|place| self.steps.get(*place) == Some(&Step::End))
    }

    /// Adds `place` to `places`, and where one comes from there without a character.
    fn reach(&self, place: usize, places: &mut Places) {
        if !places.add(place) {
            return;
        }
        match self.steps.get(place) {
            Some(Step::Within | Step::Across) => self.reach(place + 1, places),
            Some(Step::Segments) => {
                self.reach(place + 1, places);
                self.reach(place + 2, places);
            }
            Some(Step::Literal(_) | Step::Any | Step::Class { .. } | Step::Through | Step::End) | None => {}
        }
    }

    /// Adds to `places` where one comes from `place` with `character`.
    fn advance(&self, place: usize, character: char, places: &mut Places) {
        let in_authority = || self.authorities.iter().any(|range| range.contains(&place));
        let inside = character != SEPARATOR && !(OF_AUTHORITY.contains(&character) && in_authority());
        let (stays, goes) = match self.steps.get(place) {
            Some(Step::Literal(literal)) => (false, *literal == character),
            Some(Step::Any) => (false, inside),
            Some(Step::Class { negated, ranges }) => {
                let listed = ranges.iter().any(|(low, high)| (low..=high).contains(&&character));
                (false, inside && listed != *negated)
            }
            Some(Step::Within) => (inside, false),
            Some(Step::Across) => (true, false),
            Some(Step::Through) => (true, !inside),
            Some(Step::Segments | Step::End) | None => (false, false),
        };
        if stays {
            self.reach(place, places);
        }
        if goes {
            self.reach(place + 1, places);
        }
    }
}

/// Steps that a text has come to, each once.
struct Places {
    list: Vec<usize>,
    has: Vec<bool>,
}

impl Places {
    fn new(steps: usize) -> Self {
        Self { list: Vec::new(), has: vec![false; steps] }
    }

    /// Whether `place` is new.
    fn add(&mut self, place: usize) -> bool {
        let Some(has) = self.has.get_mut(place) else { return false };
        if !std::mem::replace(has, true) {
            self.list.push(place);
            return true;
        }
        false
    }

    fn clear(&mut self) {
        for place in self.list.drain(..) {
            if let Some(has) = self.has.get_mut(place) {
                *has = false;
            }
        }
    }
}

/// Appends the steps of one alternative. Two stars are `**` where they are a whole segment, else `*`.
fn lay_out(signs: &[Sign], steps: &mut Vec<Step>) {
    let separator = Sign::One(Step::Literal(SEPARATOR));
    let mut rest = signs;
    let mut begins = true;
    loop {
        rest = match rest {
            [] => break,
            [Sign::Star, Sign::Star] if begins => {
                steps.push(Step::Across);
                &[]
            }
            [Sign::Star, Sign::Star, next, after @ ..] if begins && *next == separator => {
                steps.extend([Step::Segments, Step::Through]);
                // The separator is part of it: a segment begins here too.
                begins = true;
                rest = after;
                continue;
            }
            [Sign::Star, after @ ..] => {
                if steps.last() != Some(&Step::Within) {
                    steps.push(Step::Within);
                }
                begins = false;
                after
            }
            [Sign::One(step), after @ ..] => {
                begins = *step == Step::Literal(SEPARATOR);
                steps.push(step.clone());
                after
            }
        };
    }
    steps.push(Step::End);
}

/// Which of the steps from `start` on, those of one alternative, are in the authority of a URI: behind `://`, or behind `//` where
/// that is all.
fn authority(steps: &[Step], start: usize) -> Option<Range<usize>> {
    let separators = [Step::Literal(SEPARATOR), Step::Literal(SEPARATOR)];
    let pairs = steps.windows(2).enumerate().skip(start).filter(|(_, pair)| *pair == separators);
    let mut behind = pairs
        .filter(|(at, _)| *at == start || at.checked_sub(1).and_then(|at| steps.get(at)) == Some(&Step::Literal(':')));
    let begin = behind.next()?.0.saturating_add(2);
    let ends = |step: &Step| match step {
        Step::Literal(character) => matches!(character, '/' | '?' | '#'),
        Step::Across | Step::Segments | Step::Through | Step::End => true,
        Step::Any | Step::Class { .. } | Step::Within => false,
    };
    let length = steps.get(begin..)?.iter().position(ends)?;
    Some(begin..begin.saturating_add(length))
}

/// Reads a pattern from left to right.
struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
}

impl Reader<'_> {
    /// What is written up to the end, or at a `depth` up to the closing brace; each alternative by itself.
    fn alternatives(&mut self, depth: usize) -> Option<Vec<Vec<Sign>>> {
        let (mut whole, mut open) = (Vec::new(), vec![Vec::new()]);
        loop {
            let Some(character) = self.rest.next() else {
                whole.append(&mut open);
                return (depth == 0).then_some(whole);
            };
            let sign = match character {
                '}' if depth > 0 => {
                    whole.append(&mut open);
                    return Some(whole);
                }
                ',' if depth > 0 => {
                    whole.append(&mut open);
                    open.push(Vec::new());
                    continue;
                }
                '{' => {
                    let inner = if depth < MAX_DEPTH { self.alternatives(depth + 1)? } else { return None };
                    open = product(&open, &inner)?;
                    continue;
                }
                '*' => Sign::Star,
                '?' => Sign::One(Step::Any),
                '[' => Sign::One(self.class()?),
                '\\' => Sign::One(Step::Literal(self.escaped()?)),
                literal => Sign::One(Step::Literal(literal)),
            };
            for signs in &mut open {
                signs.push(sign.clone());
            }
        }
    }

    /// What is in brackets; a `]` right at the start is one of them.
    fn class(&mut self) -> Option<Step> {
        let negated = self.rest.next_if(|character| matches!(character, '!' | '^')).is_some();
        let mut ranges = Vec::new();
        loop {
            let low = match self.rest.next()? {
                ']' if !ranges.is_empty() => return Some(Step::Class { negated, ranges }),
                '\\' => self.escaped()?,
                low => low,
            };
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|high| high != ']');
            let high = if is_range {
                self.rest.next();
                match self.rest.next()? {
                    '\\' => self.escaped()?,
                    high => high,
                }
            } else {
                low
            };
            ranges.push((low, high));
        }
    }

    /// What stands behind a `\`: itself, or a control character.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.rest.next()? {
            'b' => '\u{8}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            character => character,
        })
    }
}

/// Every one of `before` with every one of `after` behind it.
fn product(before: &[Vec<Sign>], after: &[Vec<Sign>]) -> Option<Vec<Vec<Sign>>> {
    let all = before.len().checked_mul(after.len()).filter(|all| *all <= MAX_ALTERNATIVES);
    all.map(|_| before.iter().flat_map(|start| after.iter().map(|end| [start.as_slice(), end].concat())).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_like(pattern: &str, text: &str) -> Option<bool> {
        Glob::parse(pattern).map(|pattern| pattern.admits(text))
    }

    #[test]
    fn signs() {
        for (pattern, like, unlike) in [
            ("a*c", &["ac", "abc", "abcbc"][..], &["a/c", "abd", "", "abcd"][..]),
            ("**", &["", "a", "a/b", "/"], &[]),
            ("a/**", &["a/", "a/b", "a/b/c"], &["a", "b/a"]),
            ("**/x", &["x", "a/x", "a/b/x", "/x"], &["ax", "a/bx", "x/"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/xb", "a/x/yb"]),
            ("a**b", &["ab", "axxb"], &["a/b"]),
            ("a***", &["a", "abc"], &["a/b"]),
            ("**/**/x", &["x", "a/x", "a/b/c/x"], &["xx"]),
            ("/?", &["/a", "/\u{e9}"], &["/", "//", "/ab"]),
            ("[a-c0]x", &["bx", "0x"], &["dx", "-x"]),
            ("[!a-c]x", &["dx", "]x"], &["ax", "/x"]),
            ("[]-]", &["]", "-"], &["a", ""]),
            ("[a\\]]", &["a", "]"], &["\\"]),
            ("{a,b{c,}}/*", &["a/x", "bc/x", "b/x"], &["c/x", "ab/x"]),
            ("x{**,b}", &["x", "xyz", "xb"], &["x/y"]),
            ("{**/,}x", &["x", "a/x"], &["ax"]),
            ("a\\*\\{", &["a*{"], &["ab{"]),
            ("a},b", &["a},b"], &["a}"]),
            ("a/{b,**}/c", &["a/b/c", "a/c", "a/x/y/c"], &["a/xc"]),
        ] {
            for text in like {
                assert_eq!(is_like(pattern, text), Some(true), "{pattern} {text}");
            }
            for text in unlike {
                assert_eq!(is_like(pattern, text), Some(false), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern() {
        let many = "{a,b}".repeat(7);
        let long = "a".repeat(MAX_STEPS);
        let deep = "{".repeat(MAX_DEPTH + 1) + &"}".repeat(MAX_DEPTH + 1);
        for pattern in ["{a", "{a,{b}", "[a", "[", "[]", "a\\", "[a\\", many.as_str(), &long, &deep] {
            assert_eq!(Glob::parse(pattern), None, "{pattern}");
        }
        assert!(Glob::parse(&"a".repeat(MAX_STEPS - 1)).is_some());
    }

    #[test]
    fn a_text_beyond_the_bound_is_like_nothing() {
        assert_eq!(is_like("**", &"a".repeat(MAX_TEXT)), Some(true));
        assert_eq!(is_like("**", &"a".repeat(MAX_TEXT + 1)), Some(false));
    }

    proptest! {
        // As many patterns as there are to compare, however many are left out.
        #![proptest_config(ProptestConfig { max_global_rejects: u32::MAX, ..ProptestConfig::default() })]

        /// The library that patterns were compared with before; stars beside braces it reads differently, and `**/` within
        /// a segment.
        #[test]
        fn reads_patterns_as_others_do(
            pattern in "(a|b|/|\\*|\\*\\*|\\?|\\[ab\\]|\\[!a\\]|\\{a,b\\}|\\{,a/b\\}){0,6}",
            text in "[ab/]{0,8}",
        ) {
            let beside = ["*{", "}*", "{*", "*}", ",*", "*,"].iter().any(|beside| pattern.contains(beside));
            let within = pattern.rsplit('/').skip(1).any(|segment| segment.ends_with("**") && segment != "**");
            prop_assume!(!beside && !within && !pattern.contains("***"));
            let others = Some(fast_glob::glob_match(&pattern, &text));
            // Five choices are 32 alternatives, which may be more steps than are taken.
            let few = pattern.matches('{').count() < 5;
            let like = is_like(&pattern, &text);
            prop_assert_eq!(if few { like } else { like.or(others) }, others, "{} {}", pattern, text);
        }
    }
}
