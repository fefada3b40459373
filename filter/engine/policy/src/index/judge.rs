//! What policies ask of arguments, judged for each action that they can apply to.
//!
//! What an action's schema declares must be readable, and what no action of a policy declares can never be there: both are
//! mistakes in the policy. What only others declare is noted, so that a call that carries it can be refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_facts::rollout::Mode;
use countersign_protocols::shape::Record;
use serde_json::Value;

use super::known::{Asking, known};
use crate::arguments::AskedFor;
use crate::asks::{self, Ask, How, Subject};
use crate::declared::{Look, beside, look};
use crate::error::Problem;
use crate::rule::Rule;
use crate::schema;

/// Names that are told where one of them was meant.
const MOST_TOLD: usize = 12;

/// The rules that ask for something that not every action has, and what was found out about each.
#[derive(Default)]
pub(super) struct Judge {
    /// By position.
    rules: BTreeMap<usize, Judged>,
    /// Actions of which the same is asked share it.
    shared: BTreeSet<Arc<AskedFor>>,
}

struct Judged {
    mode: Mode,
    conditions: Value,
    /// For any action at all.
    asked: BTreeSet<Ask>,
    declared: BTreeSet<Ask>,
    /// With where, and why.
    unreadable: BTreeMap<Ask, String>,
    /// Declared beside what is asked for.
    names: BTreeMap<Ask, BTreeSet<String>>,
}

/// What is asked of one action's arguments.
pub(super) struct OfAction {
    /// By policies that are enforced, and by all of them.
    pub(super) asked: Arc<AskedFor>,
    pub(super) tried: Arc<AskedFor>,
}

impl Judge {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let depends = |ask: &Ask| ask.arguments().is_some() || ask.of == Subject::Resource;
        let judged = rules.iter().enumerate().filter(|(_, rule)| rule.asks.iter().any(depends));
        let rules = judged.map(|(number, rule)| (number, Judged::new(rule))).collect();
        Self { rules, shared: BTreeSet::new() }
    }

    /// Judges what the `applying` rules ask of an action whose arguments have these `types`, declared at `place`.
    pub(super) fn action(
        &mut self,
        applying: &[usize],
        asking: &Asking<'_>,
        types: Option<&Record>,
        place: &str,
    ) -> OfAction {
        let (mut asked, mut tried) = (AskedFor::default(), AskedFor::default());
        for number in applying {
            let Some(judged) = self.rules.get_mut(number) else { continue };
            let asks = asks::of(&judged.conditions, &|operator, operands| known(asking, operator, operands));
            for ask in asks {
                if let Some(path) = ask.arguments() {
                    tried.add(path, ask.how == How::Value);
                    if judged.mode == Mode::Enforce {
                        asked.add(path, ask.how == How::Value);
                    }
                }
                judged.judge(ask, asking, types, place);
            }
        }
        OfAction { asked: self.share(asked), tried: self.share(tried) }
    }

    fn share(&mut self, asked: AskedFor) -> Arc<AskedFor> {
        if let Some(shared) = self.shared.get(&asked) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(asked);
        self.shared.insert(Arc::clone(&shared));
        shared
    }

    /// What is wrong with which rule, by position.
    pub(super) fn problems(&self) -> Vec<(usize, Problem)> {
        let of_rule = |(number, judged): (&usize, &Judged)| {
            judged.problems().into_iter().map(|problem| (*number, problem)).collect::<Vec<_>>()
        };
        self.rules.iter().flat_map(of_rule).collect()
    }
}

impl Judged {
    fn new(rule: &Rule) -> Self {
        Self {
            mode: rule.mode,
            conditions: rule.conditions(),
            asked: BTreeSet::new(),
            declared: BTreeSet::new(),
            unreadable: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    fn judge(&mut self, ask: Ask, asking: &Asking<'_>, types: Option<&Record>, place: &str) {
        let look = match ask.arguments() {
            Some(path) => look(types, path, ask.how),
            None if ask.of == Subject::Resource && schema::resource_has(asking.object.kind.basename(), &ask.path) => {
                Look::Declared
            }
            None => Look::Undeclared,
        };
        match look {
            Look::Declared => drop(self.declared.insert(ask.clone())),
            Look::Undeclared => {
                let names = ask.arguments().map(|path| beside(types, path).cloned());
                self.names.entry(ask.clone()).or_default().extend(names.into_iter().flatten());
            }
            Look::Unreadable(unreadable) => {
                self.unreadable.entry(ask.clone()).or_insert_with(|| format!("{place}{unreadable}"));
            }
        }
        self.asked.insert(ask);
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut told = BTreeSet::new();
        for (ask, why) in &self.unreadable {
            if told.insert(&ask.path) {
                problems.push(Problem::Unreadable { name: ask.spelled(), why: why.clone() });
            }
        }
        let never = |ask: &&Ask| {
            ask.how == How::Presence && !self.declared.contains(*ask) && !self.unreadable.contains_key(*ask)
        };
        let mut missing: Vec<&Ask> = Vec::new();
        for ask in self.asked.iter().filter(never) {
            // What is below something that is not there is not there either.
            if ask.arguments().is_none() && ask.of != Subject::Resource
                || missing.iter().any(|one| one.of == ask.of && ask.path.starts_with(&one.path))
            {
                continue;
            }
            missing.push(ask);
            let names = self.names.get(ask).into_iter().flatten().take(MOST_TOLD).cloned().collect();
            problems.push(Problem::NeverDeclared { name: ask.spelled(), names });
        }
        problems
    }
}
