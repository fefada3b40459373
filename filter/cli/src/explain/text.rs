//! One explanation for people.

use std::fmt::Write as _;

use countersign_explain::explanation::{CheckResult, Checked, Decision, Explanation, Policy, Reaches};

use crate::output::{Ink, one_line};

pub(super) fn text(explanation: &Explanation) -> String {
    let mut out = String::new();
    // Writing to text cannot fail.
    let _ = write(&mut out, explanation);
    out
}

fn write(out: &mut String, explanation: &Explanation) -> std::fmt::Result {
    let Explanation {
        request,
        time,
        decision,
        reason,
        mode,
        status,
        unverified,
        checks,
        grants,
        policies,
        changes,
        record: _,
    } = explanation;
    writeln!(out, "{}, at {time}", Ink::Name.paint(one_line(request)))?;
    let ink = match decision {
        Decision::Allow | Decision::Served => Ink::Good,
        Decision::Deny | Decision::StepUp | Decision::Undecided => Ink::Bad,
    };
    write!(out, "{}", ink.paint(decision.name()))?;
    if let Some(reason) = reason {
        write!(out, " {reason}")?;
    }
    if let Some(status) = status {
        write!(out, " (HTTP {status})")?;
    }
    if mode.is_some() {
        write!(out, "; only recorded, and forwarded all the same (audit)")?;
    }
    writeln!(out, "\n\nChecks, in order:")?;
    checks.iter().try_for_each(|checked| self::checked(out, checked))?;
    list(out, "Grants:", grants, grant)?;
    list(out, "Policies that could apply:", policies, policy)?;
    list(out, "To be allowed:", changes, |out, change| {
        writeln!(out, "  {} {}", Ink::Good.paint("→"), one_line(change))
    })?;
    list(out, "Not verified:", unverified, |out, what| writeln!(out, "  ! {}", one_line(what)))
}

fn list<T>(
    out: &mut String,
    title: &str,
    items: &[T],
    write: impl Fn(&mut String, &T) -> std::fmt::Result,
) -> std::fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    items.iter().try_for_each(|item| write(out, item))
}

fn checked(out: &mut String, checked: &Checked) -> std::fmt::Result {
    let Checked { check, result, detail } = checked;
    let detail = one_line(detail);
    match result {
        CheckResult::Passed => writeln!(out, "  {} {check:14} {detail}", Ink::Good.paint("✓")),
        CheckResult::Failed => writeln!(out, "  {} {check:14} {detail}", Ink::Bad.paint("✗")),
        CheckResult::Open => writeln!(out, "  {} {check:14} {detail}", Ink::Bad.paint("?")),
        CheckResult::NotReached => writeln!(out, "    {}", Ink::Faint.paint(format!("{check:14} not reached"))),
    }
}

fn grant(out: &mut String, reaches: &Reaches) -> std::fmt::Result {
    let Reaches { of, grant, reach, arguments } = reaches;
    let (mark, words) = match *reach {
        "covers" => (Ink::Good.paint("✓"), "covers it".to_owned()),
        "other_arguments" => (Ink::Bad.paint("✗"), format!("not with this at {}", arguments.join(", "))),
        "other_circumstances" => (Ink::Bad.paint("✗"), "not now, from here or through so many actors".to_owned()),
        _ => (Ink::Faint.paint("·"), "is about something else".to_owned()),
    };
    writeln!(out, "  {mark} {}: `{}` {}", one_line(of), one_line(grant), one_line(&words))
}

fn policy(out: &mut String, policy: &Policy) -> std::fmt::Result {
    let Policy { id, effect, mode, says, failure, step_up, lifted, reason, reads } = policy;
    let mark = match (*says, *effect) {
        ("applies", "permit") => Ink::Good.paint("✓"),
        ("does_not_apply", _) => Ink::Faint.paint("·"),
        (_, _) => Ink::Bad.paint("✗"),
    };
    let says = match *says {
        "applies" => "applies",
        "does_not_apply" => "does not apply",
        _ => "cannot be evaluated",
    };
    write!(out, "  {mark} {effect} `{}` {says}", one_line(id))?;
    if let Some(failure) = failure {
        write!(out, ": {}", one_line(failure))?;
    }
    if let Some(who) = step_up.as_ref().filter(|_| *lifted) {
        write!(out, ", until {} approves", one_line(who))?;
    }
    if mode.is_some() {
        write!(out, " (in audit: it changes nothing)")?;
    }
    writeln!(out)?;
    if let Some(reason) = reason {
        writeln!(out, "      {}", one_line(reason))?;
    }
    for (name, value) in reads {
        writeln!(out, "      {}", Ink::Faint.paint(format!("{} = {}", one_line(name), one_line(&value.to_string()))))?;
    }
    Ok(())
}
