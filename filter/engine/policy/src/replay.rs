//! What policies would say about a request of which not everything is known any more: a recorded one.
//!
//! A policy that reads what is not known could say anything, and nothing is guessed: where it could turn the answer, there is
//! none, and what it would have to know is named. Never decides: of an answer here no verdict, and no permit, is made.

use std::collections::BTreeSet;
use std::fmt;

use cedar_policy::Effect as Kind;
use countersign_facts::reason::Reason;
use countersign_facts::rollout::{Effect, Mode};
use countersign_protocols::action::Action;

use super::asks::spelled;
use super::cedar::CedarPolicy;
use super::expression;
use super::index::Slot;
use super::names::{AGENT, ISSUER};
use super::reads::Names;
use super::rule::Rule;
use super::{Deny, Facts};

/// Held where all of them are known.
const ARGUMENTS: [&str; 2] = ["context", "args"];

/// What is known of the facts.
pub trait Held {
    /// Whether what is at `path` is known: `["context", "token", "acr"]`, `["principal", "issuer_name"]`. What is known to be
    /// absent is known.
    fn holds(&self, path: &[&str]) -> bool;
}

/// What policies would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    Decided {
        /// [`Effect::Allow`], [`Effect::Deny`] or [`Effect::StepUp`].
        effect: Effect,
        /// Of a deny.
        reason: Option<Reason>,
        /// Ids of the determining policies, as far as they are known.
        policies: Vec<String>,
    },
    /// These would have to be known.
    Open(BTreeSet<Missing>),
}

/// Something that would have to be known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// What policies read: the names on the way there, the variable's first.
    Read(Vec<String>),
    /// Something else, in words.
    Other(String),
}

impl Missing {
    /// What policies read at `path`, such as `["context", "args", "amount"]`.
    pub fn read(path: &[&str]) -> Self {
        Self::Read(path.iter().map(|name| (*name).to_owned()).collect())
    }
}

impl fmt::Display for Missing {
    /// As policies write it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path) => {
                path.split_first().map_or(Ok(()), |(variable, names)| out.write_str(&spelled(variable, names)))
            }
            Self::Other(words) => out.write_str(words),
        }
    }
}

/// What the policies that could apply say, each by itself.
#[derive(Default)]
struct Panel<'r> {
    permits: Vec<&'r Rule>,
    forbids: Vec<&'r Rule>,
    failing: Vec<&'r Rule>,
    /// Those that read what is not known.
    open: Vec<(&'r Rule, BTreeSet<Missing>)>,
}

impl CedarPolicy {
    /// What policies would say about all of `parts`, each with the other `facts`, of which only what is `held` is known.
    pub fn judge<'a>(&self, facts: &Facts<'a>, parts: impl Iterator<Item = &'a Action>, held: &dyn Held) -> Judgement {
        let (mut open, mut asked, mut policies) = (BTreeSet::new(), false, BTreeSet::new());
        for action in parts {
            match self.judge_one(&Facts { action, ..*facts }, held) {
                Judgement::Decided { effect: Effect::Allow, reason: _, policies: of_part } => policies.extend(of_part),
                Judgement::Decided { effect: Effect::StepUp, reason: _, policies: of_part } => {
                    asked = true;
                    policies.extend(of_part);
                }
                // One is enough.
                deny @ Judgement::Decided { .. } => return deny,
                Judgement::Open(names) => open.extend(names),
            }
        }
        if !open.is_empty() {
            return Judgement::Open(open);
        }
        let effect = if asked { Effect::StepUp } else { Effect::Allow };
        Judgement::Decided { effect, reason: None, policies: policies.into_iter().collect() }
    }

    fn judge_one(&self, facts: &Facts<'_>, held: &dyn Held) -> Judgement {
        let Some(slot) = self.index.slot(facts.action) else { return deny(Reason::PolicyDenied, &[]) };
        // As the decision itself has it: without policies nothing is held to a schema.
        if !slot.candidates.policies.is_empty() && !fits(slot, facts, held) {
            return deny(Reason::ArgumentsUnfit, &[]);
        }
        let panel = self.panel(slot, facts, held, false);
        if !panel.failing.is_empty() {
            return deny(Reason::PolicyError, &panel.failing);
        }
        if panel.forbids.iter().any(|rule| rule.step_up.is_none()) {
            return deny(Reason::PolicyDenied, &panel.forbids);
        }
        let approved = self.panel(slot, facts, held, true);
        let could_permit = |panel: &Panel<'_>| !panel.permits.is_empty() || panel.opens(Kind::Permit);
        if panel.forbids.is_empty() {
            return match (panel.permits.is_empty(), panel.opens(Kind::Forbid)) {
                (false, false) => decided(Effect::Allow, &panel.permits),
                (false, true) => Judgement::Open(panel.names(&[Kind::Forbid])),
                // Whatever forbids say, nothing permits it, approved or not.
                (true, _) if !could_permit(&panel) && !could_permit(&approved) => deny(Reason::PolicyDenied, &[]),
                (true, false) if !panel.opens(Kind::Permit) => deny(Reason::PolicyDenied, &[]),
                (true, _) => Judgement::Open(panel.names(&[Kind::Permit, Kind::Forbid])),
            };
        }
        let lifted = approved.failing.is_empty() && approved.forbids.is_empty();
        if !lifted || !could_permit(&approved) {
            return deny(Reason::PolicyDenied, &panel.forbids);
        }
        match (approved.opens(Kind::Forbid), approved.permits.is_empty()) {
            (false, false) => decided(Effect::StepUp, &panel.forbids),
            (true, false) => Judgement::Open(approved.names(&[Kind::Forbid])),
            (_, true) => Judgement::Open(approved.names(&[Kind::Permit, Kind::Forbid])),
        }
    }

    /// What each policy that is enforced and could apply says; as if it were `approved`, or as it is.
    fn panel<'r>(&'r self, slot: &Slot, facts: &Facts<'_>, held: &dyn Held, approved: bool) -> Panel<'r> {
        let mut panel = Panel::default();
        for rule in self.candidates(slot, Mode::Enforce) {
            let open = unknown(rule, held);
            if !open.is_empty() {
                panel.open.push((rule, open));
                continue;
            }
            match (self.applies_partly(slot, rule, facts, approved), rule.policy.effect()) {
                (Ok(true), Kind::Permit) => panel.permits.push(rule),
                (Ok(true), Kind::Forbid) => panel.forbids.push(rule),
                (Ok(false), _) => {}
                (Err(_), _) => panel.failing.push(rule),
            }
        }
        panel
    }

    /// Whether `rule`, which reads nothing that is not known, is determining alone.
    fn applies_partly(&self, slot: &Slot, rule: &Rule, facts: &Facts<'_>, approved: bool) -> Result<bool, Deny> {
        let known = facts.action.arguments().map(|values| slot.arguments.fit_known(values, &rule.reads.arguments));
        self.applies_with(slot, rule, facts, approved, known.transpose()?.flatten())
    }
}

/// Whether the arguments have the declared types, as far as they are known.
fn fits(slot: &Slot, facts: &Facts<'_>, held: &dyn Held) -> bool {
    let Some(values) = facts.action.arguments() else { return true };
    if held.holds(&ARGUMENTS) {
        slot.arguments.fit(values, &Names::All, Mode::Enforce).is_ok()
    } else {
        slot.arguments.fit_known(values, &Names::All).is_ok()
    }
}

impl Panel<'_> {
    /// Whether one of `kind` could say anything.
    fn opens(&self, kind: Kind) -> bool {
        self.open.iter().any(|(rule, _)| rule.policy.effect() == kind)
    }

    /// What would have to be known of those that are of `kinds`.
    fn names(&self, kinds: &[Kind]) -> BTreeSet<Missing> {
        let of_kinds = self.open.iter().filter(|(rule, _)| kinds.contains(&rule.policy.effect()));
        of_kinds.flat_map(|(_, names)| names.iter().cloned()).collect()
    }
}

fn decided(effect: Effect, rules: &[&Rule]) -> Judgement {
    Judgement::Decided { effect, reason: None, policies: ids(rules) }
}

fn deny(reason: Reason, rules: &[&Rule]) -> Judgement {
    Judgement::Decided { effect: Effect::Deny, reason: Some(reason), policies: ids(rules) }
}

fn ids(rules: &[&Rule]) -> Vec<String> {
    let mut ids: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
    ids.sort_unstable();
    ids
}

/// What `rule` reads and is not `held`.
fn unknown(rule: &Rule, held: &dyn Held) -> BTreeSet<Missing> {
    let mut paths = expression::paths(&rule.conditions());
    // Who is which agent, and in which issuer, is what the issuer is called.
    if rule.policy.entity_literals().iter().any(|uid| [AGENT, ISSUER].contains(&uid.type_name().basename())) {
        paths.insert(vec!["principal".to_owned(), "issuer_name".to_owned()]);
    }
    let unknown = paths.into_iter().filter(|path| {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        !held.holds(&names)
    });
    unknown.map(Missing::Read).collect()
}
