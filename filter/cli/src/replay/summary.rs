//! What came of all records in a few sentences: how many changed which way, why, and what stays open.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use countersign_explain::replay::{Flip, Replayed, Switch};
use countersign_facts::rollout::Effect;

use crate::output::{Ink, one_line};

/// The reason that is told with its policies even where it has none.
pub(super) const POLICY_DENIED: &str = "policy_denied";

/// Why it is, where no policy is named.
pub(super) const NOTHING_PERMITS: &str = "nothing permits it";

/// How decisions can change, in the order in which that matters.
const CHANGES: [(Effect, Effect); 6] = [
    (Effect::Allow, Effect::Deny),
    (Effect::Allow, Effect::StepUp),
    (Effect::StepUp, Effect::Deny),
    (Effect::Deny, Effect::Allow),
    (Effect::StepUp, Effect::Allow),
    (Effect::Deny, Effect::StepUp),
];

/// A sentence for every way in which something changes, then for what is open and for what stays.
pub(super) fn write(out: &mut String, replayed: &Replayed) -> fmt::Result {
    let Replayed { decisions, unchanged, flips, undetermined, not_judged, watches: _, other_lines: _ } = replayed;
    for (from, to) in CHANGES {
        let alike: Vec<&Flip> = flips.iter().filter(|flip| flip.turn.from == from && flip.turn.to == to).collect();
        let number = alike.iter().map(|flip| flip.decisions.len()).sum();
        if number > 0 {
            let words =
                format!("{} {} and would now be {}", of(number, *decisions, WAS), participle(from), participle(to));
            writeln!(out, "{}: {}", Ink::Bad.paint(words), why(&alike))?;
        }
    }
    let open: usize = undetermined.iter().map(|group| group.decisions.len()).sum();
    if open > 0 {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for group in undetermined {
            for name in &group.not_recorded {
                *names.entry(name).or_default() += group.decisions.len();
            }
        }
        let words = format!("{} cannot be decided, because the record lacks", of(open, *decisions, ["", ""]));
        writeln!(out, "{}: {}", Ink::Bad.paint(words), counted(&names))?;
    }
    let as_it_was: usize = not_judged.values().sum();
    let stays = unchanged + as_it_was;
    if stays > 0 {
        let words = of(stays, *decisions, [" stays as it was", " stay as they were"]);
        let reasons: BTreeMap<&str, usize> =
            not_judged.iter().map(|(reason, number)| (reason.as_str(), *number)).collect();
        write!(out, "{}", Ink::Good.paint(words))?;
        if !reasons.is_empty() {
            write!(out, "; in {as_it_was} policy had no part: {}", counted(&reasons))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

const WAS: [&str; 2] = [" was", " were"];

/// `1 of 8 was`, `2 of 8 were`.
fn of(number: usize, all: usize, [one, several]: [&str; 2]) -> String {
    format!("{number} of {all}{}", if number == 1 { one } else { several })
}

const fn participle(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "let through",
        Effect::StepUp => "asked about",
        Effect::Served => "answered here",
        Effect::Deny | Effect::Error => "refused",
    }
}

/// Why `alike` are refused, or were: `policy_denied 3 (a 2, nothing permits it 1), not_granted 1`. Of others by which policies.
fn why(alike: &[&Flip]) -> String {
    let mut reasons: BTreeMap<Option<&str>, BTreeMap<String, usize>> = BTreeMap::new();
    for Flip { turn, decisions } in alike {
        let Switch { from, to, reason, policies, was, watched: _, before } = turn;
        let (reason, policies) = match (from, to) {
            (_, Effect::Deny) => (*reason, policies),
            (Effect::Deny, _) => (Some(*was), before),
            (_, Effect::Allow) => (None, before),
            (_, Effect::StepUp | Effect::Served | Effect::Error) => (None, policies),
        };
        *reasons.entry(reason).or_default().entry(who(reason, policies)).or_default() += decisions.len();
    }
    let told = reasons.iter().map(|(reason, by)| {
        let number: usize = by.values().sum();
        let by = by.iter().map(|(who, number)| (who.as_str(), *number)).collect();
        (number, reason.map_or_else(|| counted(&by), |reason| format!("{reason} {number}{}", bracketed(&by))))
    });
    let mut told: Vec<(usize, String)> = told.collect();
    told.sort_by(|(one, _), (other, _)| other.cmp(one));
    told.into_iter().map(|(_, words)| words).collect::<Vec<_>>().join(", ")
}

/// Policies that determined something together; empty where there is nothing to say.
fn who(reason: Option<&str>, policies: &[String]) -> String {
    match (reason, policies) {
        (Some(POLICY_DENIED), []) => NOTHING_PERMITS.to_owned(),
        (Some(_), []) => String::new(),
        (None, []) => "no policy is named".to_owned(),
        (_, ids) => ids.iter().map(|id| one_line(id)).collect::<Vec<_>>().join(" and "),
    }
}

/// ` (a 2, b 1)`, ` (a)` of one, nothing where nobody is named.
fn bracketed(by: &BTreeMap<&str, usize>) -> String {
    let mut named = by.keys().filter(|who| !who.is_empty());
    match (named.next(), by.len()) {
        (None, _) => String::new(),
        (Some(who), 1) => format!(" ({who})"),
        (Some(_), _) => format!(" ({})", counted(by)),
    }
}

/// `a 2, b 1`, the most first.
fn counted(numbers: &BTreeMap<&str, usize>) -> String {
    let mut sorted: Vec<(&&str, &usize)> = numbers.iter().filter(|(name, _)| !name.is_empty()).collect();
    sorted.sort_by(|(_, one), (_, other)| other.cmp(one));
    let told = sorted.into_iter().map(|(name, number)| format!("{} {number}", one_line(name)));
    told.collect::<Vec<_>>().join(", ")
}
