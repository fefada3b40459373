//! One policy, where it is in its text, and all policies of a text on their way.

use std::collections::BTreeSet;
use std::fmt;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use countersign_facts::rollout::Mode;
use serde_json::Value;

use super::arguments::AskedFor;
use super::asks::{self, Ask, How};
use super::error::{LoadError, Place, Problem};
use super::reads::Reads;
use crate::frameworks;

/// One policy, ready to be indexed.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) policy: Policy,
    /// `@id`, or `policy` and its position among the policies; the link's, if it is of a template.
    pub(super) id: String,
    /// As written, with what fills its slots.
    pub(super) text: String,
    /// `@step_up`: who is to approve.
    pub(super) step_up: Option<String>,
    /// `@reason`.
    pub(super) reason: Option<String>,
    /// `@sandbox`: where what it permits goes.
    pub(super) sandbox: Option<String>,
    /// `@mode`.
    pub(super) mode: Mode,
    /// `@maps`: identifiers of [`frameworks`].
    pub(super) maps: Vec<&'static str>,
    pub(super) reads: Reads,
    /// What its conditions ask for, whatever the action.
    pub(super) asks: BTreeSet<Ask>,
    /// Where it starts in the text, in bytes.
    pub(super) offset: usize,
}

/// What a policy says about itself: for people, reports and tests; nothing is decided with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described<'a> {
    /// `@id`, or `policy` and its position among the policies; the link's, if it is of a template.
    pub id: &'a str,
    /// Where it, or its template, starts in the text, counted from 1 in lines and characters.
    pub line: usize,
    pub column: usize,
    /// Whether it permits; it forbids otherwise.
    pub permits: bool,
    /// `@reason`.
    pub reason: Option<&'a str>,
    /// `@step_up`: who is to approve.
    pub step_up: Option<&'a str>,
    /// `@sandbox`: where what it permits goes.
    pub sandbox: Option<&'a str>,
    /// `@mode`.
    pub mode: Mode,
    /// `@maps`: identifiers of [`frameworks`].
    pub maps: &'a [&'static str],
}

/// A template by its name, and where it starts in the text, in bytes.
pub(super) struct Template {
    pub(super) cedar: cedar_policy::Template,
    pub(super) offset: usize,
}

/// What a text says, and what is wrong with it.
#[derive(Default)]
pub(super) struct Written {
    pub(super) rules: Vec<Rule>,
    pub(super) templates: Vec<Template>,
    /// All of it by its names, as Cedar validates it.
    pub(super) set: PolicySet,
    pub(super) errors: Vec<LoadError>,
}

impl Written {
    /// What all of it asks of arguments.
    pub(super) fn asked_for(&self) -> AskedFor {
        let mut asked = AskedFor::default();
        for ask in self.rules.iter().flat_map(|rule| &rule.asks) {
            if let Some(path) = ask.arguments() {
                asked.add(path, ask.how == How::Value);
            }
        }
        asked
    }

    /// Where the policy or template `id` starts.
    pub(super) fn start(&self, id: &PolicyId) -> usize {
        let rules = self.rules.iter().map(|rule| (rule.policy.id(), rule.offset));
        let mut all = rules.chain(self.templates.iter().map(|template| (template.cedar.id(), template.offset)));
        all.find(|(name, _)| *name == id).map_or(0, |(_, offset)| offset)
    }

    /// Its rules, or everything that is wrong with it.
    pub(super) fn finish(self) -> Result<Vec<Rule>, Vec<LoadError>> {
        if self.errors.is_empty() { Ok(self.rules) } else { Err(self.errors) }
    }
}

impl Rule {
    /// `policy`, which starts at `offset` of the text.
    ///
    /// What is wrong with annotations is left to what reads the text.
    pub(super) fn new(policy: Policy, text: String, offset: usize, reads: Reads) -> Self {
        let asks = asks::anywhere(&conditions(&policy));
        let reads = Reads { claims: asks::claims(&asks), ..reads };
        let annotation = |name| policy.annotation(name).map(str::to_owned);
        let (step_up, reason, sandbox) = (annotation("step_up"), annotation("reason"), annotation("sandbox"));
        let mode = policy.annotation("mode").and_then(Mode::named).unwrap_or(Mode::Enforce);
        let maps = policy.annotation("maps").unwrap_or_default().split_whitespace();
        let maps = maps.filter_map(frameworks::identifier).collect();
        let id = policy.id().to_string();
        Self { policy, id, text, step_up, reason, sandbox, mode, maps, reads, asks, offset }
    }

    /// Its conditions in Cedar's JSON form.
    pub(super) fn conditions(&self) -> Value {
        conditions(&self.policy)
    }

    /// What it says about itself in `source`, which it is of.
    pub(super) fn described(&self, source: &Source<'_>) -> Described<'_> {
        let (line, column) = source.position(self.offset);
        let (reason, step_up, sandbox) = (self.reason.as_deref(), self.step_up.as_deref(), self.sandbox.as_deref());
        let permits = self.policy.effect() == Effect::Permit;
        Described { id: &self.id, line, column, permits, reason, step_up, sandbox, mode: self.mode, maps: &self.maps }
    }
}

fn conditions(policy: &Policy) -> Value {
    // What cannot be written so was refused when its reads were looked for.
    policy.to_json().ok().and_then(|mut json| Some(json.get_mut("conditions")?.take())).unwrap_or_default()
}

/// Byte offsets as lines and columns.
pub(super) struct Source<'a>(&'a str);

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// An error in `rule`.
    pub(super) fn error(&self, rule: &Rule, problem: Problem) -> LoadError {
        self.in_policy(&rule.id, rule.offset, problem)
    }

    /// An error in the policy `id`, at an offset.
    pub(super) fn in_policy(&self, id: impl fmt::Display, offset: usize, problem: Problem) -> LoadError {
        let (line, column) = self.position(offset);
        LoadError { place: Place::Policy { line, column, id: id.to_string() }, problem }
    }

    /// An error at an offset, in bytes.
    pub(super) fn in_text(&self, offset: usize, problem: Problem) -> LoadError {
        let (line, column) = self.position(offset);
        LoadError { place: Place::Text { line, column }, problem }
    }

    /// All of it.
    pub(super) fn text(&self) -> &'a str {
        self.0
    }

    /// The text from an offset on.
    pub(super) fn after(&self, offset: usize) -> &'a str {
        self.0.get(offset..).unwrap_or_default()
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.0.get(..offset).unwrap_or(self.0);
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, last_line.chars().count() + 1)
    }
}
