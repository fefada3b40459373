//! What came of records, for people.

use std::fmt::Write as _;

use countersign_explain::replay::{Decision, Replayed, Switch};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Effect;

use super::summary::{self, NOTHING_PERMITS, POLICY_DENIED};
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
    let Replayed { flips, undetermined, watches, other_lines, .. } = replayed;
    summary::write(out, replayed)?;
    for flip in flips {
        writeln!(out, "\n{}", turn(&flip.turn, flip.decisions.len()))?;
        self::decisions(out, &flip.decisions)?;
    }
    for group in undetermined {
        let names: Vec<String> = group.not_recorded.iter().map(|name| one_line(name)).collect();
        let number = count(group.decisions.len(), "decision");
        let words = format!("undetermined, because the record lacks {}", names.join(" and "));
        writeln!(out, "\n{}: {number}", Ink::Name.paint(words))?;
        self::decisions(out, &group.decisions)?;
        for remedy in &group.remedies {
            writeln!(out, "  {} {}", Ink::Good.paint("→"), one_line(remedy))?;
        }
    }
    if *other_lines > 0 {
        let are = if *other_lines == 1 { "is not a decision and was" } else { "are not decisions and were" };
        let why = "of the gateway's own log, or about the end of a stream";
        writeln!(out, "\n{} {are} left out ({why})", count(*other_lines, "line"))?;
    }
    if !watches.is_empty() {
        let words = format!("The configuration is in audit ({}); judged as if it were enforced.", watches.join(", "));
        writeln!(out, "\n{}", Ink::Name.paint(words))?;
    }
    writeln!(out, "\n{}", Ink::Faint.paint(GRANTED))
}

/// What is not judged again.
const GRANTED: &str = "\
Taken for granted: workload, task, grants and findings are as they were, and what was refused for one of them is refused again;
arguments that are not recorded fit their schema; nothing was used before; the server shows what it showed.
URIs of MCP resources are recorded without query values: a policy that reads such a one (request.target) leaves it undetermined.";

/// `allow → deny policy_denied by a, b (before: c): 3 decisions`; of what was only watched `(in audit: allowed by c)`. Where no
/// policy denied, nothing permitted.
fn turn(turn: &Switch, number: usize) -> String {
    let Switch { from, to, reason, policies, was, watched, before } = turn;
    let list = |ids: &[String]| ids.iter().map(|id| one_line(id)).collect::<Vec<_>>().join(", ");
    let by = |reason: &str, ids: &[String]| match (ids, reason) {
        ([], POLICY_DENIED) => format!("{POLICY_DENIED}, {NOTHING_PERMITS}"),
        ([], reason) => reason.to_owned(),
        (ids, reason) => format!("{reason} by {}", list(ids)),
    };
    let now = reason.map(|reason| format!(" {}", by(reason, policies)));
    let now =
        now.unwrap_or_else(|| if policies.is_empty() { String::new() } else { format!(" by {}", list(policies)) });
    let is_as_recorded = match reason {
        Some(reason) => reason == was,
        None => *to == Effect::StepUp && *was == Reason::ApprovalNeeded.row().code,
    };
    let then = match (watched, before.as_slice()) {
        (true, before) if is_as_recorded && before == policies.as_slice() => "recorded so in audit".to_owned(),
        (true, before) => format!("in audit: {}", by(was, before)),
        (false, []) => format!("before: {}", by(was, &[])),
        (false, before) => format!("before: {}", list(before)),
    };
    let words = format!("{} → {}{now} ({then})", from.name(), to.name());
    format!("{}: {}", Ink::Name.paint(words), count(number, "decision"))
}

fn decisions(out: &mut String, decisions: &[Decision]) -> std::fmt::Result {
    for decision in decisions.iter().take(SHOWN) {
        let Decision { id, time, workload, action } = decision;
        write!(out, "  {} {time}", one_line(id))?;
        for known in [workload, action].into_iter().filter(|text| !text.is_empty()) {
            write!(out, " {}", one_line(known))?;
        }
        writeln!(out)?;
    }
    match decisions.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}
