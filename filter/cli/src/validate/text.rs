//! Findings for people: the place, what is wrong, what to do, and the line of the policy it is in.

use std::fmt::Write as _;

use countersign_explain::validate::{Argument, Checked, Finding};

use crate::output::{Ink, count, listed, one_line};

/// All files, and a line that sums them up where there are several.
pub(super) fn text(checked: &[Checked]) -> String {
    listed(checked, write, |file| file.valid, "file", "valid")
}

fn write(out: &mut String, checked: &Checked) -> std::fmt::Result {
    let name = Ink::Name.paint(one_line(&checked.file));
    if let Some(problem) = &checked.unreadable {
        return writeln!(out, "{name}: {}: {problem}", Ink::Bad.paint("cannot be read"));
    }
    if checked.valid {
        writeln!(out, "{name}: {}", Ink::Good.paint("valid"))?;
    } else {
        writeln!(out, "{name}: {}", Ink::Bad.paint(count(checked.findings.len(), "finding")))?;
    }
    for finding in &checked.findings {
        self::finding(out, finding, checked.text_of(finding))?;
    }
    for warning in &checked.warnings {
        write!(out, "  {}", Ink::Faint.paint("warning"))?;
        self::finding(out, warning, None)?;
    }
    for note in &checked.notes {
        write!(out, "  {}", Ink::Faint.paint("note"))?;
        self::finding(out, note, checked.text_of(note))?;
    }
    for argument in checked.coverage.iter().flatten() {
        self::argument(out, argument)?;
    }
    if !checked.environment.is_empty() {
        writeln!(out, "  needs from the gateway's environment: {}", checked.environment.join(", "))?;
    }
    Ok(())
}

/// Whether policies can read one argument, and which ask for it.
fn argument(out: &mut String, argument: &Argument) -> std::fmt::Result {
    let Argument { pointer, argument, unreadable, asked_by } = argument;
    let name = argument.as_deref().unwrap_or("(others)");
    let mark = if unreadable.is_some() { Ink::Bad.paint("✗") } else { Ink::Good.paint("✓") };
    write!(out, "  {mark} {} {}", one_line(pointer), one_line(name))?;
    if let Some(why) = unreadable {
        write!(out, ": {}", one_line(why))?;
    }
    if !asked_by.is_empty() {
        write!(out, " (asked for by {})", one_line(&asked_by.join(", ")))?;
    }
    writeln!(out)
}

/// Why a command cannot do its work, and what is wrong with the configuration if it is that.
pub(super) fn hindered(what: &str, problem: &str, findings: &[Finding]) -> String {
    let mut out = format!("{}: {}\n", Ink::Bad.paint(what), one_line(problem));
    // Writing to text cannot fail.
    let _ = findings.iter().try_for_each(|finding| self::finding(&mut out, finding, None));
    out
}

/// One finding; `policy_text` is that of the policy it is in, if it is to be shown.
pub(crate) fn finding(out: &mut String, finding: &Finding, policy_text: Option<&str>) -> std::fmt::Result {
    let Finding { pointer, line, column, policy, cause, remedy } = finding;
    let mut place = if pointer.is_empty() { "(root)".to_owned() } else { one_line(pointer) };
    for number in [line, column].into_iter().flatten() {
        write!(place, ":{number}")?;
    }
    write!(out, "  {}", Ink::Name.paint(place))?;
    if let Some(policy) = policy {
        write!(out, " policy `{}`", one_line(policy))?;
    }
    writeln!(out, "\n    {}", one_line(cause))?;
    if let (Some(line), Some(column), Some(text)) = (line, column, policy_text)
        && let Some(shown) = text.lines().nth(line.saturating_sub(1))
    {
        let before = column.saturating_sub(1);
        writeln!(out, "    {}", Ink::Faint.paint(format!("{line} | {}", one_line(shown))))?;
        writeln!(out, "    {:width$} | {:before$}{}", "", "", Ink::Bad.paint("^"), width = line.to_string().len())?;
    }
    if let Some(remedy) = remedy {
        writeln!(out, "    {} {}", Ink::Good.paint("→"), one_line(remedy))?;
    }
    Ok(())
}
