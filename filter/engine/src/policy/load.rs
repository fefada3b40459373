//! From policy text to rules: parsed, named, annotated as allowed here and valid for the catalogue.
//!
//! Never stops at the first mistake; what Cedar only warns about is a mistake here.

use std::collections::BTreeSet;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Effect, EntityUid, ParseErrors, Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, Validator,
};

use super::cedar::CedarPolicy;
use super::error::{LoadError, Place, Problem};
use super::reads::Reads;
use super::schema;
use crate::catalogue::Resource;
use crate::config::Sandbox;
use crate::frameworks;
use crate::rollout::Mode;
use crate::workload::Kind;

/// One policy, ready to be indexed.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) policy: Policy,
    /// `@id`, or `policy` and its position among the policies.
    pub(super) id: String,
    /// As written.
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
    /// Where it starts in the text, in bytes.
    pub(super) offset: usize,
}

/// What a policy says about itself: for people, reports and tests; nothing is decided with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described<'a> {
    /// `@id`, or `policy` and its position among the policies.
    pub id: &'a str,
    /// Where it starts in the text, counted from 1 in lines and characters.
    pub line: usize,
    pub column: usize,
    /// Whether it permits; it forbids otherwise.
    pub permits: bool,
    /// `@reason`.
    pub reason: Option<&'a str>,
    /// `@step_up`: who is to approve.
    pub step_up: Option<&'a str>,
    /// `@mode`.
    pub mode: Mode,
    /// `@maps`: identifiers of [`frameworks`].
    pub maps: &'a [&'static str],
}

impl CedarPolicy {
    /// Every policy, in the order of `text`, which it was compiled from.
    pub fn policies(&self, text: &str) -> Vec<Described<'_>> {
        let mut rules: Vec<&Rule> = self.rules.values().collect();
        rules.sort_unstable_by_key(|rule| rule.offset);
        let source = Source::new(text);
        rules.into_iter().map(|rule| rule.described(&source)).collect()
    }
}

impl Rule {
    /// What it says about itself in `source`, which it is of.
    fn described(&self, source: &Source<'_>) -> Described<'_> {
        let (line, column) = source.position(self.offset);
        let (reason, step_up) = (self.reason.as_deref(), self.step_up.as_deref());
        let permits = self.policy.effect() == Effect::Permit;
        Described { id: &self.id, line, column, permits, reason, step_up, mode: self.mode, maps: &self.maps }
    }
}

/// An offset in the text, the policy there, and Cedar's kind of error.
type Finding<'a> = (usize, &'a PolicyId, Option<std::mem::Discriminant<ValidationError>>);

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

    fn in_policy(&self, id: &str, offset: usize, problem: Problem) -> LoadError {
        let (line, column) = self.position(offset);
        LoadError { place: Place::Policy { line, column, id: id.to_owned() }, problem }
    }

    /// An error at an offset, in bytes.
    pub(super) fn in_text(&self, offset: usize, problem: Problem) -> LoadError {
        let (line, column) = self.position(offset);
        LoadError { place: Place::Text { line, column }, problem }
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.0.get(..offset).unwrap_or(self.0);
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, last_line.chars().count() + 1)
    }
}

/// The rules of `text`, in its order. Types are not checked without a `schema`.
pub(super) fn load(
    text: &str,
    schema: Option<&Schema>,
    resources: &[Resource],
    sandboxes: &[Sandbox],
) -> Result<Vec<Rule>, Vec<LoadError>> {
    let source = Source::new(text);
    let (rules, mut errors) = parsed(&source)?;
    for rule in &rules {
        errors.extend(strangers(rule, resources).map(|problem| source.error(rule, problem)));
        let declared = |name: &&String| sandboxes.iter().any(|sandbox| sandbox.name == **name);
        let undeclared = rule.sandbox.as_ref().filter(|name| !name.is_empty() && !declared(name));
        errors.extend(undeclared.map(|name| source.error(rule, Problem::UnknownSandbox(name.clone()))));
    }
    if let Some(schema) = schema {
        errors.extend(validate(&source, &rules, schema));
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// The rules of `text`, whatever the catalogue is.
pub(super) fn read(text: &str) -> Result<Vec<Rule>, Vec<LoadError>> {
    let (rules, errors) = parsed(&Source::new(text))?;
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// The rules, and what is wrong with them by themselves; only the latter where it is not Cedar.
fn parsed(source: &Source<'_>) -> Result<(Vec<Rule>, Vec<LoadError>), Vec<LoadError>> {
    let set: PolicySet = source.0.parse().map_err(|errors: ParseErrors| {
        errors.iter().map(|error| syntax(source, &DetailedError::from(error))).collect::<Vec<_>>()
    })?;
    let mut errors = Vec::new();
    let rules = rules(source, &set, &mut errors);
    Ok((rules, errors))
}

/// Names the policies in the order of the text and checks what Cedar does not know about.
fn rules(source: &Source<'_>, set: &PolicySet, errors: &mut Vec<LoadError>) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut names = BTreeSet::new();
    let mut end = 0;
    for number in 0..set.num_of_policies() + set.num_of_templates() {
        let default = PolicyId::new(format!("policy{number}"));
        if let Some(template) = set.template(&default) {
            let offset = find(source, &template.to_string(), &mut end);
            errors.push(source.in_text(offset, Problem::Template));
        }
        let Some(policy) = set.policy(&default) else { continue };
        let text = policy.to_string();
        let offset = find(source, &text, &mut end);
        let id = policy.annotation("id").unwrap_or(default.as_ref()).to_owned();
        let policy = policy.new_id(PolicyId::new(&id));
        let reads = match policy.to_json() {
            Ok(json) => Reads::of(&json),
            Err(error) => {
                errors.push(source.in_policy(&id, offset, Problem::Cedar(error.to_string())));
                continue;
            }
        };
        let annotation = |name| policy.annotation(name).map(str::to_owned);
        let (step_up, reason, sandbox) = (annotation("step_up"), annotation("reason"), annotation("sandbox"));
        // What is no mode is an error below.
        let mode = policy.annotation("mode").and_then(Mode::named).unwrap_or(Mode::Enforce);
        // So is what is no identifier.
        let maps = policy.annotation("maps").unwrap_or_default().split_whitespace();
        let maps = maps.filter_map(frameworks::identifier).collect();
        let rule = Rule { policy, id, text, step_up, reason, sandbox, mode, maps, reads, offset };
        errors.extend(problems(&rule).into_iter().map(|problem| source.error(&rule, problem)));
        if names.insert(rule.id.clone()) {
            rules.push(rule);
        } else {
            errors.push(source.error(&rule, Problem::DuplicateId));
        }
    }
    rules
}

/// Where `text` starts at or after `end`; `end` moves behind it.
fn find(source: &Source<'_>, text: &str, end: &mut usize) -> usize {
    let offset = source.0.get(*end..).and_then(|rest| rest.find(text)).map_or(*end, |at| *end + at);
    *end = offset + text.len();
    offset
}

/// What is wrong with the annotations of `rule`.
fn problems(rule: &Rule) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut annotations: Vec<(&str, &str)> = rule.policy.annotations().collect();
    annotations.sort_unstable();
    for (name, value) in annotations {
        match name {
            "id" if value.is_empty() => problems.push(Problem::EmptyAnnotation("id")),
            "step_up" if value.is_empty() => problems.push(Problem::EmptyAnnotation("step_up")),
            "sandbox" if value.is_empty() => problems.push(Problem::EmptyAnnotation("sandbox")),
            "mode" if Mode::named(value).is_none() => problems.push(Problem::UnknownMode(value.to_owned())),
            "maps" => {
                let unknown = value.split_whitespace().filter(|word| frameworks::identifier(word).is_none());
                problems.extend(unknown.map(|word| Problem::UnknownRisk(word.to_owned())));
            }
            "id" | "step_up" | "sandbox" | "reason" | "mode" => {}
            unknown => problems.push(Problem::UnknownAnnotation(unknown.to_owned())),
        }
    }
    if rule.step_up.is_some() {
        match rule.policy.effect() {
            Effect::Permit => problems.push(Problem::StepUpOnPermit),
            Effect::Forbid if rule.reads.context.contains("approval") => {}
            Effect::Forbid => problems.push(Problem::StepUpNeverLifted),
        }
    }
    if rule.sandbox.is_some() && rule.policy.effect() == Effect::Forbid {
        problems.push(Problem::SandboxOnForbid);
    }
    problems
}

/// Entities in `rule` that no resource of the catalogue is or has, and kinds that nobody is of. A misspelt forbid would
/// forbid nothing.
fn strangers(rule: &Rule, resources: &[Resource]) -> impl Iterator<Item = Problem> {
    let undeclared = |name: &str| resources.iter().all(|resource| resource.name != name);
    let named: BTreeSet<EntityUid> = rule.policy.entity_literals().into_iter().collect();
    named.into_iter().filter_map(move |uid| {
        let id = uid.id().unescaped();
        match uid.type_name().to_string().as_str() {
            "Resource" => undeclared(id).then(|| Problem::UnknownResource(uid.to_string())),
            "Tool" => {
                let unknown = id.split_once('/').is_none_or(|(name, _)| undeclared(name));
                unknown.then(|| Problem::UnknownResource(uid.to_string()))
            }
            schema::KIND => {
                let unknown = Kind::ALL.into_iter().all(|kind| kind.name() != id);
                unknown.then(|| Problem::UnknownKind(uid.to_string()))
            }
            _ => None,
        }
    })
}

/// Strict validation; warnings are errors.
fn validate(source: &Source<'_>, rules: &[Rule], schema: &Schema) -> Vec<LoadError> {
    let set = match PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone())) {
        Ok(set) => set,
        Err(error) => return vec![source.in_text(0, Problem::Cedar(error.to_string()))],
    };
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let kind = |error: &ValidationError| Some(std::mem::discriminant(error));
    let errors = result.validation_errors().map(|error| (error.policy_id(), kind(error), DetailedError::from(error)));
    let warnings = result.validation_warnings().map(|one| (one.policy_id(), None, DetailedError::from(one)));
    let mut found: Vec<_> = errors
        .chain(warnings)
        .map(|(id, kind, error)| {
            let start = || rules.iter().find(|rule| rule.policy.id() == id).map_or(0, |rule| rule.offset);
            let offset = error.source_locations.first().map_or_else(start, |label| label.loc.start);
            (offset, words(&error, &format!("for policy `{id}`, ")), id, kind)
        })
        .collect();
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let found = found.into_iter().map(|(offset, words, id, kind)| ((offset, id, kind), words));
    fold(found)
        .into_iter()
        .map(|((offset, id, _), words)| source.in_policy(id.as_ref(), offset, Problem::Invalid(words)))
        .collect()
}

/// Cedar types a policy once for every action it covers: the first error of a kind at a place stands for all.
fn fold<'a>(found: impl Iterator<Item = (Finding<'a>, String)>) -> Vec<(Finding<'a>, String)> {
    let mut first: Vec<(Finding<'a>, String, usize)> = Vec::new();
    for (key, words) in found {
        match first.iter_mut().find(|(earlier, ..)| key.2.is_some() && *earlier == key) {
            Some((_, _, more)) => *more += 1,
            None => first.push((key, words, 0)),
        }
    }
    first
        .into_iter()
        .map(|(key, words, more)| (key, if more == 0 { words } else { format!("{words}, and {more} more like this") }))
        .collect()
}

fn syntax(source: &Source<'_>, error: &DetailedError) -> LoadError {
    let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
    source.in_text(offset, Problem::Syntax(words(error, "")))
}

/// Cedar's words and its advice, without a prefix that says what the place says already.
fn words(error: &DetailedError, prefix: &str) -> String {
    let message = error.message.strip_prefix(prefix).unwrap_or(&error.message);
    match &error.help {
        Some(help) => format!("{message} ({})", help.strip_prefix(prefix).unwrap_or(help)),
        None => message.to_owned(),
    }
}
