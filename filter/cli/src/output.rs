//! How answers are printed: for people, coloured on a terminal only, or as one JSON document; and the exit code.

use std::fmt::{self, Display, Write as _};
use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

/// What a command has to say.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For people; may hold ANSI styles.
    pub text: String,
    /// For programs: one JSON document that says what `text` says.
    pub json: Value,
    pub verdict: Verdict,
}

/// What it comes to, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to object to.
    Fine,
    /// Findings, failed cases.
    Objections,
    /// A file cannot be read.
    Unreadable,
}

impl Verdict {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Objections => 1,
            Self::Unreadable => 2,
        }
    }

    /// `Fine`, unless there is something.
    pub(crate) const fn of(objections: bool) -> Self {
        if objections { Self::Objections } else { Self::Fine }
    }
}

/// Prints `answer`; its exit code.
pub(crate) fn print(answer: &Answer, json: bool) -> ExitCode {
    // Whoever reads no further does not want to hear that it failed.
    let _ = if json {
        anstream::stdout().write_all(format!("{:#}\n", answer.json).as_bytes())
    } else {
        anstream::stdout().write_all(answer.text.as_bytes())
    };
    ExitCode::from(answer.verdict.code())
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Good,
    Bad,
    Name,
    Faint,
}

impl Ink {
    /// `text` in this ink.
    pub(crate) const fn paint<T: Display>(self, text: T) -> Painted<T> {
        Painted { ink: self, text }
    }

    const fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Name => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// Text in an ink.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Painted<T> {
    ink: Ink,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = self.ink.style();
        write!(out, "{style}{}{style:#}", self.text)
    }
}

/// What `write` writes about each of `items`, and a line that sums them up where there are several.
pub(crate) fn listed<T>(
    items: &[T],
    write: impl Fn(&mut String, &T) -> fmt::Result,
    is_good: impl Fn(&T) -> bool,
    one: &str,
    good: &str,
) -> String {
    let mut out = String::new();
    for item in items {
        // Writing to text cannot fail.
        let _ = write(&mut out, item);
    }
    if items.len() > 1 {
        let number = items.iter().filter(|item| is_good(item)).count();
        let ink = if number == items.len() { Ink::Good } else { Ink::Bad };
        let _ = writeln!(out, "{}", ink.paint(format!("{number} of {} {good}", count(items.len(), one))));
    }
    out
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {one}{ending}")
}

/// `one line`, whatever `text` is: a line break in a file must not forge a line of ours, nor an escape our colours, nor what turns
/// the direction of letters around what is read.
pub(crate) fn one_line(text: &str) -> String {
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
