//! What came of records, for people.

use std::fmt::Write as _;

use super::{Decision, Replayed, Turn};
use crate::output::{Ink, count, one_line};

/// So many decisions of a group are shown; all are in the JSON.
const SHOWN: usize = 3;

pub(super) fn text(replayed: &Replayed) -> String {
    let mut out = String::new();
    // Writing to text cannot fail.
    let _ = write(&mut out, replayed);
    out
}

fn write(out: &mut String, replayed: &Replayed) -> std::fmt::Result {
    let Replayed { decisions, unchanged, flips, undetermined, not_judged, other_lines } = replayed;
    let flipped: usize = flips.iter().map(|flip| flip.decisions.len()).sum();
    let unknown: usize = undetermined.iter().map(|group| group.decisions.len()).sum();
    let ink = if flipped + unknown == 0 { Ink::Good } else { Ink::Bad };
    let not_asked: usize = not_judged.values().sum();
    let summary =
        format!("{flipped} would flip, {unknown} undetermined, {unchanged} unchanged, {not_asked} not judged");
    writeln!(out, "{}: {}", count(*decisions, "decision"), ink.paint(summary))?;
    for flip in flips {
        writeln!(out, "\n{}", turn(&flip.turn, flip.decisions.len()))?;
        self::decisions(out, &flip.decisions)?;
    }
    for group in undetermined {
        let names: Vec<String> = group.not_recorded.iter().map(|name| one_line(name)).collect();
        let number = count(group.decisions.len(), "decision");
        let words = format!("undetermined: {} not recorded", names.join(", "));
        writeln!(out, "\n{}: {number}", Ink::Name.paint(words))?;
        self::decisions(out, &group.decisions)?;
    }
    if !not_judged.is_empty() {
        writeln!(out, "\n{}", Ink::Name.paint("not judged, because policy had no part in it:"))?;
    }
    for (reason, number) in not_judged {
        writeln!(out, "  {}: {number}", one_line(reason))?;
    }
    if *other_lines > 0 {
        writeln!(out, "\n{} passed over that are no decisions", count(*other_lines, "line"))?;
    }
    writeln!(out, "\n{}", Ink::Faint.paint(GRANTED))
}

/// What is not judged again.
const GRANTED: &str = "\
Taken for granted: workload, task, grants and findings are as they were; arguments that are not recorded fit their schema;
nothing was used before; the server showed nothing against it.
URIs of MCP resources are recorded without query values: a policy that reads such a one (request.target) leaves it undetermined.";

/// `allow → deny policy_denied by a, b (before: c): 3 decisions`.
fn turn(turn: &Turn, number: usize) -> String {
    let Turn { from, to, reason, policies, before } = turn;
    let list = |ids: &[String]| match ids {
        [] => "no policy".to_owned(),
        ids => ids.iter().map(|id| one_line(id)).collect::<Vec<_>>().join(", "),
    };
    let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    let words = format!("{from} → {to}{reason} by {} (before: {})", list(policies), list(before));
    format!("{}: {}", Ink::Name.paint(words), count(number, "decision"))
}

fn decisions(out: &mut String, decisions: &[Decision]) -> std::fmt::Result {
    for decision in decisions.iter().take(SHOWN) {
        let Decision { id, time, workload, action } = decision;
        writeln!(out, "  {} {time} {} {}", one_line(id), one_line(workload), one_line(action))?;
    }
    match decisions.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}
