//! Words that attributes are made of, where there are only so many: a policy that compares with another one never holds.

use serde_json::Value;

use super::asks::{self, Ask, How, Subject};
use super::attributes::{self, Words};
use super::error::Problem;
use super::expression::{self, Form};
use super::schema;
use super::surroundings::Surroundings;

/// Words in `conditions`, those of a policy in Cedar's JSON form, that are never there; each once.
pub(super) fn unknown(conditions: &Value, around: &Surroundings<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    expression::walk_all(conditions, &mut |form, _| {
        match (form, form.operands()) {
            (_, Some(("==" | "!=" | "contains" | "containsAll" | "containsAny", left, right))) => {
                compare(left, right, around, &mut problems);
                compare(right, left, around, &mut problems);
            }
            (Form::Other { operator: "like", operands }, None) => {
                if let Some(left) = operands.get("left") {
                    like(left, operands.get("pattern"), around, &mut problems);
                }
            }
            _ => {}
        }
        true
    });
    problems
}

/// What `of` says is one of `with`.
fn compare(of: &Value, with: &Value, around: &Surroundings<'_>, problems: &mut Vec<Problem>) {
    let Some((name, words)) = vocabulary(of, around) else { return };
    let mut written = Vec::new();
    literals(with, &mut written);
    for word in written.into_iter().filter(|word| words.iter().all(|known| known != word)) {
        add(problems, word, &name, &words);
    }
}

fn like(of: &Value, pattern: Option<&Value>, around: &Surroundings<'_>, problems: &mut Vec<Problem>) {
    let Some((name, words)) = vocabulary(of, around) else { return };
    let pattern = pattern.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let parts: Vec<Option<&str>> = pattern.iter().map(|part| part.get("Literal").and_then(Value::as_str)).collect();
    if !words.iter().any(|word| is_like(&parts, word)) {
        let shown: String = parts.iter().map(|part| part.unwrap_or("*")).collect();
        add(problems, &shown, &name, &words);
    }
}

fn add(problems: &mut Vec<Problem>, word: &str, name: &str, words: &[String]) {
    let problem = Problem::UnknownWord { word: word.to_owned(), name: name.to_owned(), words: words.to_vec() };
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

/// Whether `text` is like the parts, of which none stands for anything.
fn is_like(parts: &[Option<&str>], text: &str) -> bool {
    match parts.split_first() {
        None => text.is_empty(),
        Some((Some(literal), rest)) => text.strip_prefix(literal).is_some_and(|text| is_like(rest, text)),
        Some((None, rest)) => text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .any(|at| text.get(at..).is_some_and(|text| is_like(rest, text))),
    }
}

/// All texts that `expression` writes out, in a set or as one of two.
fn literals<'e>(expression: &'e Value, found: &mut Vec<&'e str>) {
    match Form::of(expression) {
        Form::Literal(value) => found.extend(value.as_str()),
        Form::If { condition: _, then, otherwise } => {
            literals(then, found);
            literals(otherwise, found);
        }
        form @ Form::Other { operator: "Set", .. } => form.parts().into_iter().for_each(|item| literals(item, found)),
        Form::Variable(_)
        | Form::Entity(_)
        | Form::Attribute { .. }
        | Form::Not(_)
        | Form::And(..)
        | Form::Or(..)
        | Form::Other { .. }
        | Form::Unknown => {}
    }
}

/// The attribute that `expression` is, or has, of which all words are known, as it is spelled, and those words.
fn vocabulary(expression: &Value, around: &Surroundings<'_>) -> Option<(String, Vec<String>)> {
    if let form @ Form::Other { operator: "Set", .. } = Form::of(expression) {
        return form.parts().into_iter().find_map(|item| vocabulary(item, around));
    }
    asks::named(expression).into_iter().find_map(|(of, path)| {
        let words = words(&of, &path, around)?;
        Some((Ask { of, path, how: How::Value }.spelled(), words))
    })
}

/// The words that the attribute at `path` is made of, if they are known.
fn words(of: &Subject, path: &[String], around: &Surroundings<'_>) -> Option<Vec<String>> {
    let rows = match of {
        // A tool is rated and labelled as the context of its calls is.
        Subject::Context | Subject::Resource => attributes::CONTEXT,
        Subject::Principal => attributes::AGENT,
        Subject::Action | Subject::Entity(_) => return None,
    };
    let found = attributes::find(rows, path)?;
    if *of == Subject::Resource && !schema::resource_has("Tool", path) {
        return None;
    }
    match &found.words {
        Words::Any => None,
        Words::These(words) => Some(words().into_iter().map(str::to_owned).collect()),
        Words::Labels => Some(labels(around)),
        Words::Issuers => Some(around.issuers.as_ref()?.iter().map(|one| one.name.clone()).collect()),
        Words::TrustDomains => {
            let domains = around.issuers.as_ref()?.iter().filter_map(|one| one.trust_domain());
            Some(domains.map(|domain| domain.name().to_owned()).collect())
        }
    }
}

/// Those that something in the catalogue carries.
fn labels(around: &Surroundings<'_>) -> Vec<String> {
    let tools = around.resources.iter().flat_map(|resource| resource.tools.values());
    let mut labels: Vec<String> = tools.flat_map(|tool| &tool.labels).cloned().collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}
