//! Whether policies are valid for a schema, one after the other, and whether all their parts can matter.
//!
//! Strict validation: what Cedar only warns of is a mistake here, but for what texts in quotes look like: names of people and
//! places are written in many scripts, and what is compared is what is written. Each policy is typed for every action that it covers, which
//! takes longest of all that loading does; what is found does not depend on the others.

use std::collections::BTreeSet;
use std::mem::Discriminant;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, ValidationWarning, Validator,
};

use super::dead::Examiner;
use super::error::{LoadError, Problem};
use super::load::words;
use super::rule::{Rule, Source, Written};

/// For whoever compares a `number` with a whole one.
const DECIMALS: &str = "; an argument of the type `number` is a decimal: write `decimal(\"5.0\")` for 5, and compare with \
    `.lessThan(…)`, `.greaterThanOrEqual(…)` and the like";

/// What is checked, and what was found so far.
pub(super) struct Typing {
    written: Written,
    validator: Validator,
    next: Next,
    /// What Cedar says.
    typed: Vec<Typed>,
    /// What it says of texts, which can be meant.
    doubtful: Vec<Typed>,
    /// What is wrong with what the rules ask for.
    asked: Vec<LoadError>,
    /// That rules apply nowhere: a mistake where there is no other.
    idle: Vec<LoadError>,
    /// Policies of which it is said already that what they ask for cannot be there.
    said: BTreeSet<String>,
    /// Parts that can never matter, each with the rules, by position, in which it cannot.
    dead: Vec<(LoadError, BTreeSet<usize>)>,
}

/// What is to be done next.
#[derive(Clone, Copy)]
enum Next {
    /// The rule at this position is typed.
    Rule(usize),
    /// Templates and their links are, together.
    Links,
    /// The parts of the rule at this position are looked at.
    Parts(usize),
}

/// What Cedar says of a policy, at an offset of the text.
struct Typed {
    offset: usize,
    words: String,
    policy: PolicyId,
    /// Of an error.
    kind: Option<Discriminant<ValidationError>>,
}

impl Typing {
    /// Nothing is typed yet; what building the index told of rules, by position, is known.
    pub(super) fn new(
        written: Written,
        source: &Source<'_>,
        schema: Schema,
        problems: Vec<(usize, Problem)>,
        idle: Vec<(usize, Problem)>,
    ) -> Self {
        let error = |(number, problem): (usize, Problem)| Some(source.error(written.rules.get(number)?, problem));
        let asked: Vec<LoadError> = problems.into_iter().filter_map(error).collect();
        let idle = idle.into_iter().filter_map(error).collect();
        let said = asked.iter().chain(&written.errors).filter_map(LoadError::dead).collect();
        let (validator, next) = (Validator::new(schema), Next::Rule(0));
        Self { written, validator, next, typed: Vec::new(), doubtful: Vec::new(), asked, idle, said, dead: Vec::new() }
    }

    /// The next step; whether there was one.
    pub(super) fn step(&mut self, source: &Source<'_>) -> bool {
        match self.next {
            Next::Rule(number) => {
                match self.written.rules.get(number).map(|rule| rule.policy.clone()) {
                    Some(policy) => {
                        self.written_out(policy);
                        self.next = Next::Rule(number.saturating_add(1));
                    }
                    None => self.next = Next::Links,
                }
                true
            }
            Next::Links => {
                self.links();
                self.told(source);
                self.next = Next::Parts(0);
                true
            }
            Next::Parts(number) => {
                let Some(rule) = self.written.rules.get(number) else { return false };
                for error in self.parts(rule, source) {
                    match self.dead.iter_mut().find(|(one, _)| one.is_same_part(&error)) {
                        Some((_, rules)) => drop(rules.insert(number)),
                        None => self.dead.push((error, BTreeSet::from([number]))),
                    }
                }
                self.next = Next::Parts(number.saturating_add(1));
                true
            }
        }
    }

    /// The rules, and what is doubtful about them in `source`; or everything that is wrong with them.
    pub(super) fn finish(self, source: &Source<'_>) -> Result<(Vec<Rule>, Vec<LoadError>), Vec<LoadError>> {
        let Self { mut written, idle, dead, doubtful, .. } = self;
        // A part of a template may be there for some of its links only.
        let linked = |start: usize| written.rules.iter().filter(|rule| rule.offset == start).count();
        let of_all = |rules: &BTreeSet<usize>| {
            let rule = rules.first().and_then(|first| written.rules.get(*first));
            rule.is_some_and(|rule| linked(rule.offset) == rules.len())
        };
        let dead: Vec<LoadError> =
            dead.into_iter().filter(|(_, rules)| of_all(rules)).map(|(error, _)| error).collect();
        written.errors.extend(dead);
        if written.errors.is_empty() {
            written.errors.extend(idle);
        }
        Ok((written.finish()?, in_order(doubtful, source).collect()))
    }

    /// Types `policy`, unless it is a link: those are typed by their templates.
    fn written_out(&mut self, policy: Policy) {
        if self.written.set.policy(policy.id()).is_some_and(Policy::is_static)
            && let Ok(set) = PolicySet::from_policies([policy])
        {
            self.types(&set);
        }
    }

    fn links(&mut self) {
        let mut set = self.written.set.clone();
        let written_out: Vec<PolicyId> =
            set.policies().filter(|policy| policy.is_static()).map(|policy| policy.id().clone()).collect();
        for id in written_out {
            // What cannot be removed is typed twice, and said once.
            let _ = set.remove_static(id);
        }
        if !set.is_empty() {
            self.types(&set);
        }
    }

    fn types(&mut self, set: &PolicySet) {
        let result = self.validator.validate(set, ValidationMode::Strict);
        let is_new = |id: &PolicyId| !self.said.contains(id.as_ref() as &str);
        let errors = result
            .validation_errors()
            .filter(|error| is_new(error.policy_id()) || !matches!(error, ValidationError::UnsafeAttributeAccess(_)))
            .map(|error| (error.policy_id(), Some(std::mem::discriminant(error)), DetailedError::from(error)));
        let warnings = result
            .validation_warnings()
            .filter(|one| is_new(one.policy_id()) || !matches!(one, ValidationWarning::ImpossiblePolicy(_)))
            .filter(|one| !is_about_text(one))
            .map(|one| (one.policy_id(), None, self.warned(one, set)));
        let found: Vec<Typed> = errors.chain(warnings).map(|(id, kind, error)| self.typed(id, kind, &error)).collect();
        let doubtful = result.validation_warnings().filter(|warning| is_about_text(warning));
        let doubtful = doubtful.map(|one| self.typed(one.policy_id(), None, &DetailedError::from(one)));
        let doubtful: Vec<Typed> = doubtful.collect();
        self.typed.extend(found);
        self.doubtful.extend(doubtful);
    }

    fn typed(&self, id: &PolicyId, kind: Option<Discriminant<ValidationError>>, error: &DetailedError) -> Typed {
        let label = error.source_locations.first();
        let offset = label.map_or_else(|| self.written.start(id), |label| label.loc.start);
        let mut words = words(error, &format!("for policy `{id}`, "));
        if ["decimal", "Long"].into_iter().all(|kind| error.message.contains(kind)) {
            words.push_str(DECIMALS);
        }
        Typed { offset, words, policy: id.clone(), kind }
    }

    /// What Cedar warns of; of a policy that is impossible also which part of it is.
    fn warned(&self, warning: &ValidationWarning, set: &PolicySet) -> DetailedError {
        let mut told = DetailedError::from(warning);
        if let (ValidationWarning::ImpossiblePolicy(_), Some(policy)) = (warning, set.policy(warning.policy_id())) {
            told.message = format!("policy is impossible: {}", Examiner::new(&self.validator).why(policy));
        }
        told
    }

    /// What Cedar said becomes errors, in the order of the text.
    fn told(&mut self, source: &Source<'_>) {
        self.written.errors.extend(in_order(std::mem::take(&mut self.typed), source));
        self.written.errors.append(&mut self.asked);
    }

    /// Parts of `rule` that can never matter, if nothing else is wrong with it.
    fn parts(&self, rule: &Rule, source: &Source<'_>) -> Vec<LoadError> {
        if self.written.errors.iter().filter_map(LoadError::policy).any(|id| id == rule.id) {
            return Vec::new();
        }
        let text = source.after(rule.offset);
        let dead = Examiner::new(&self.validator).parts(&rule.policy).into_iter();
        dead.map(|dead| {
            let offset = rule.offset + text.find(&dead.part).unwrap_or(0);
            source.in_policy(&rule.id, offset, Problem::DeadPart(dead))
        })
        .collect()
    }
}

/// Whether `warning` is about how a text in quotes looks to people.
fn is_about_text(warning: &ValidationWarning) -> bool {
    matches!(warning, ValidationWarning::MixedScriptString(_) | ValidationWarning::BidiCharsInString(_))
}

/// What Cedar said, in the order of the text.
fn in_order(mut typed: Vec<Typed>, source: &Source<'_>) -> impl Iterator<Item = LoadError> {
    typed.sort_by(|a, b| (a.offset, &a.words).cmp(&(b.offset, &b.words)));
    let error =
        move |Typed { offset, words, policy, kind: _ }| source.in_policy(policy, offset, Problem::Invalid(words));
    fold(typed).into_iter().map(error)
}

/// Cedar types a policy once for every action it covers: the first error of a kind at a place stands for all.
fn fold(typed: Vec<Typed>) -> Vec<Typed> {
    let mut first: Vec<(Typed, usize)> = Vec::new();
    for one in typed {
        let same = |(earlier, _): &&mut (Typed, usize)| {
            one.kind.is_some() && (earlier.offset, &earlier.policy, earlier.kind) == (one.offset, &one.policy, one.kind)
        };
        match first.iter_mut().find(same) {
            Some((_, more)) => *more += 1,
            None => first.push((one, 0)),
        }
    }
    let counted = |(mut one, more): (Typed, usize)| {
        if more > 0 {
            one.words = format!("{}, and {more} more like this", one.words);
        }
        one
    };
    first.into_iter().map(counted).collect()
}
