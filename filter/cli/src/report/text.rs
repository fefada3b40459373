//! The report for people: each risk, and what answers it.

use std::fmt::Write as _;

use countersign_explain::validate::Finding;

use super::frameworks::{Answered, Covered, Report};
use crate::output::{Ink, one_line};
use crate::validate;

/// Longer titles are whole sentences, of which the beginning tells them apart.
const TITLE: usize = 88;

pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to text cannot fail.
    let _ = write(&mut out, report);
    out
}

/// Why there is no report.
pub(super) fn failure(file: &str, problem: &str, findings: &[Finding]) -> String {
    let mut out = format!("{}: {}\n", Ink::Name.paint(one_line(file)), Ink::Bad.paint(one_line(problem)));
    let _ = findings.iter().try_for_each(|finding| validate::write_finding(&mut out, finding, None));
    out
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    let Report { file, audit, watched, frameworks } = report;
    writeln!(out, "{}", Ink::Name.paint(one_line(file)))?;
    if *audit {
        writeln!(
            out,
            "{}",
            Ink::Bad.paint("everything is in audit: watched, and nothing is answered until it is enforced")
        )?;
    }
    if !watched.is_empty() {
        let names: Vec<String> = watched.iter().map(|name| one_line(name)).collect();
        writeln!(out, "{} {}", Ink::Bad.paint("in audit, and only watched:"), names.join(", "))?;
    }
    frameworks.iter().try_for_each(|covered| framework(out, covered))
}

fn framework(out: &mut String, covered: &Covered) -> std::fmt::Result {
    let Covered { framework, source, risks } = covered;
    let answered = risks.iter().filter(|risk| risk.answered).count();
    writeln!(out, "\n{}: {answered} of {} answered", Ink::Name.paint(framework), risks.len())?;
    writeln!(out, "{}", Ink::Faint.paint(source))?;
    risks.iter().try_for_each(|risk| self::risk(out, risk))
}

fn risk(out: &mut String, risk: &Answered) -> std::fmt::Result {
    let Answered { id, title, answered, checks, records, policies, watched } = risk;
    let mark = if *answered { Ink::Good.paint("✓") } else { Ink::Bad.paint("✗") };
    writeln!(out, "  {mark} {} {}", Ink::Name.paint(id), shortened(title))?;
    let mut line = |what: &str, names: &[&str]| match names {
        [] => Ok(()),
        names => writeln!(out, "      {what}: {}", names.join(", ")),
    };
    let mut steps: Vec<&str> = checks.iter().map(|one| one.check.unwrap_or(one.reason)).collect();
    steps.sort_unstable();
    steps.dedup();
    line("checks", &steps)?;
    line("records", records)?;
    let policies: Vec<String> = policies.iter().map(|id| one_line(id)).collect();
    line("policies", &policies.iter().map(String::as_str).collect::<Vec<_>>())?;
    let watched: Vec<String> = watched.iter().map(|id| one_line(id)).collect();
    line("only watched", &watched.iter().map(String::as_str).collect::<Vec<_>>())
}

fn shortened(title: &str) -> String {
    if title.chars().count() <= TITLE {
        return title.to_owned();
    }
    format!("{}…", title.chars().take(TITLE).collect::<String>())
}
