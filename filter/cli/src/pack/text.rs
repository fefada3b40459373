//! Cases for people: each with what it came to, then what no case exercises.

use std::fmt::Write as _;

use countersign_explain::cases::{Expect, Judged, Tested};

use crate::output::{Ink, count, listed, one_line};
use crate::validate;

pub(super) fn text(tested: &[Tested]) -> String {
    listed(tested, write, |pack| pack.passed, "pack", "passed")
}

fn write(out: &mut String, pack: &Tested) -> std::fmt::Result {
    let name = Ink::Name.paint(one_line(&pack.folder));
    if let Some(problem) = &pack.unreadable {
        return writeln!(out, "{name}: {}: {problem}", Ink::Bad.paint("cannot be read"));
    }
    writeln!(out, "{name}")?;
    if !pack.findings.is_empty() {
        writeln!(out, "  {}", Ink::Bad.paint(count(pack.findings.len(), "finding")))?;
        return pack.findings.iter().try_for_each(|finding| validate::write_finding(out, finding, None));
    }
    for case in &pack.cases {
        self::case(out, case)?;
    }
    for policy in &pack.unexercised {
        let place = format!("policy.cedar:{}:{}", policy.line, policy.column);
        writeln!(out, "  {} no case exercises policy `{}` ({place})", Ink::Bad.paint("✗"), one_line(&policy.id))?;
    }
    let passed = pack.cases.iter().filter(|case| case.passed).count();
    let exercised = pack.policies.saturating_sub(pack.unexercised.len());
    let ink = if pack.passed { Ink::Good } else { Ink::Bad };
    let cases = format!("{passed} of {} passed", count(pack.cases.len(), "case"));
    let policies = format!("{exercised} of {} exercised", pack.policies);
    writeln!(out, "  {}; policies: {policies}", ink.paint(cases))
}

fn case(out: &mut String, case: &Judged) -> std::fmt::Result {
    let mark = if case.passed { Ink::Good.paint("✓") } else { Ink::Bad.paint("✗") };
    let decided = case.decided.as_ref();
    let told = decided.map_or("", |decided| decided.decision.name());
    writeln!(out, "  {mark} {} {}", one_line(&case.name), Ink::Faint.paint(told))?;
    if case.passed {
        return Ok(());
    }
    writeln!(out, "      expected  {}", spelt(&case.expected))?;
    match (decided, &case.problem) {
        (Some(decided), _) => writeln!(out, "      decided   {}", spelt(decided)),
        (None, Some(problem)) => writeln!(out, "      undecided {}", one_line(problem)),
        (None, None) => Ok(()),
    }
}

/// `deny policy_denied by a, b`.
fn spelt(expect: &Expect) -> String {
    let Expect { decision, policies, approvers, reason, sandbox } = expect;
    let list = |ids: &std::collections::BTreeSet<String>| match ids.len() {
        0 => "no policy".to_owned(),
        _ => ids.iter().map(|id| one_line(id)).collect::<Vec<_>>().join(", "),
    };
    let mut text = decision.name().to_owned();
    let parts = [
        reason.as_ref().map(|reason| format!(" {}", one_line(reason))),
        approvers.as_ref().map(|approvers| format!(" asking {}", list(approvers))),
        policies.as_ref().map(|policies| format!(" by {}", list(policies))),
        sandbox.as_ref().map(|sandbox| format!(" in {}", one_line(sandbox))),
    ];
    text.extend(parts.into_iter().flatten());
    text
}
