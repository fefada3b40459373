//! From policy text to rules: parsed, named, annotated as allowed here and valid for the catalogue.
//!
//! Never stops at the first mistake; what Cedar only warns about is a mistake here, but for how texts look.

use std::collections::BTreeMap;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Effect, ParseErrors, PolicyId, PolicySet, PolicyToJsonError};
use countersign_facts::rollout::Mode;
use serde_json::Value;

use super::Sandbox;
use super::error::{LoadError, Problem};
use super::reads::Reads;
use super::rule::{Rule, Source, Template, Written};
use super::strangers::strangers;
use super::surroundings::Surroundings;
use crate::frameworks;

/// What `text` says: its rules, in its order, and those of its templates, in the order of the links. Types are not checked.
/// Errors: where it is not Cedar.
pub(super) fn load(text: &str, around: &Surroundings<'_>) -> Result<Written, Vec<LoadError>> {
    let source = Source::new(text);
    let mut written = Written::read(&source, Some(around.sandboxes))?;
    for rule in &written.rules {
        let strangers = strangers(rule, around).into_iter();
        written.errors.extend(strangers.map(|problem| source.error(rule, problem)));
    }
    written.link(&source, around);
    Ok(written)
}

/// The rules of `text`, whatever the catalogue is.
pub(super) fn read(text: &str) -> Result<Vec<Rule>, Vec<LoadError>> {
    Written::read(&Source::new(text), None)?.finish()
}

impl Written {
    /// Names the policies in the order of the text and checks what Cedar does not know about. Errors: where it is not Cedar.
    fn read(source: &Source<'_>, sandboxes: Option<&[Sandbox]>) -> Result<Self, Vec<LoadError>> {
        let set: PolicySet = source.text().parse().map_err(|errors: ParseErrors| {
            errors.iter().map(|error| syntax(source, &DetailedError::from(error))).collect::<Vec<_>>()
        })?;
        let mut written = Self::default();
        let mut end = 0;
        for number in 0..set.num_of_policies() + set.num_of_templates() {
            let default = PolicyId::new(format!("policy{number}"));
            let named = |id: Option<&str>| id.map_or_else(|| default.clone(), PolicyId::new);
            if let Some(template) = set.template(&default) {
                let offset = find(source, &template.to_string(), &mut end);
                let cedar = template.new_id(named(template.annotation("id")));
                let error = |problem| source.in_policy(cedar.id(), offset, problem);
                let annotations = cedar.annotations();
                if written.reads(error, cedar.to_json(), annotations, cedar.effect(), sandboxes).is_some() {
                    match written.set.add_template(cedar.clone()) {
                        Ok(()) => written.templates.push(Template { cedar, offset }),
                        Err(_) => written.errors.push(error(Problem::DuplicateId)),
                    }
                }
            } else if let Some(policy) = set.policy(&default) {
                let text = policy.to_string();
                let offset = find(source, &text, &mut end);
                let policy = policy.new_id(named(policy.annotation("id")));
                let error = |problem| source.in_policy(policy.id(), offset, problem);
                let annotations = policy.annotations();
                if let Some(reads) = written.reads(error, policy.to_json(), annotations, policy.effect(), sandboxes) {
                    match written.set.add(policy.clone()) {
                        Ok(()) => written.rules.push(Rule::new(policy, text, offset, reads)),
                        Err(_) => written.errors.push(error(Problem::DuplicateId)),
                    }
                }
            }
        }
        Ok(written)
    }

    /// What a policy or template reads; what is wrong with it by itself becomes an `error`. `json`: all that it says.
    fn reads<'p>(
        &mut self,
        error: impl Fn(Problem) -> LoadError,
        json: Result<Value, PolicyToJsonError>,
        annotations: impl Iterator<Item = (&'p str, &'p str)>,
        effect: Effect,
        sandboxes: Option<&[Sandbox]>,
    ) -> Option<Reads> {
        match json {
            Ok(json) => {
                let reads = Reads::of(&json);
                self.errors.extend(problems(annotations, effect, &reads, sandboxes).into_iter().map(error));
                Some(reads)
            }
            Err(cause) => {
                self.errors.push(error(Problem::Cedar(cause.to_string())));
                None
            }
        }
    }
}

/// Where `text` starts at or after `end`; `end` moves behind it.
fn find(source: &Source<'_>, text: &str, end: &mut usize) -> usize {
    let offset = source.text().get(*end..).and_then(|rest| rest.find(text)).map_or(*end, |at| *end + at);
    *end = offset + text.len();
    offset
}

/// What is wrong with `annotations` on something that has this `effect` and `reads` this; sandboxes where they are known.
fn problems<'a>(
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
    effect: Effect,
    reads: &Reads,
    sandboxes: Option<&[Sandbox]>,
) -> Vec<Problem> {
    let annotations: BTreeMap<&str, &str> = annotations.collect();
    let mut problems = Vec::new();
    for (&name, &value) in &annotations {
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
    if annotations.contains_key("step_up") {
        match effect {
            Effect::Permit => problems.push(Problem::StepUpOnPermit),
            Effect::Forbid if reads.context.contains("approval") => {}
            Effect::Forbid => problems.push(Problem::StepUpNeverLifted),
        }
    }
    if let Some(name) = annotations.get("sandbox") {
        if effect == Effect::Forbid {
            problems.push(Problem::SandboxOnForbid);
        }
        let unknown = sandboxes.is_some_and(|sandboxes| sandboxes.iter().all(|sandbox| sandbox.name != **name));
        if unknown && !name.is_empty() {
            problems.push(Problem::UnknownSandbox((*name).to_owned()));
        }
    }
    problems
}

fn syntax(source: &Source<'_>, error: &DetailedError) -> LoadError {
    let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
    source.in_text(offset, Problem::Syntax(words(error, "")))
}

/// Cedar's words and its advice, without a prefix that says what the place says already.
pub(super) fn words(error: &DetailedError, prefix: &str) -> String {
    let message = error.message.strip_prefix(prefix).unwrap_or(&error.message);
    match &error.help {
        Some(help) => format!("{message} ({})", help.strip_prefix(prefix).unwrap_or(help)),
        None => message.to_owned(),
    }
}
