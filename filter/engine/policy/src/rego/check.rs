//! What is refused when a module is loaded: what the evaluator would only notice when a request needs it, and what could use
//! memory or stack without end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::rule::Source;
use super::builtins::is_builtin;
use super::{LoadError, Problem};

/// The package that decides, and its rule.
const PACKAGE: &str = "countersign";
const DECISION: &str = "decision";

/// A call: of what, and where.
struct Call<'a> {
    name: Option<&'a str>,
    /// In bytes.
    offset: usize,
}

/// What is wrong with `module`, which is the tree of `text`.
pub(super) fn check(module: &Value, text: &str) -> Vec<LoadError> {
    let source = Source::new(text);
    let mut errors = Vec::new();
    let package = module.pointer("/package/refr").unwrap_or(&Value::Null);
    if name(package, text) != Some(PACKAGE) {
        errors.push(source.in_text(offset(package), Problem::RegoPackage));
    }
    let rules = || module.get("rules").and_then(Value::as_array).into_iter().flatten();
    let head =
        |rule: &'_ Value| ["/Spec/head/Compr/refr", "/Default/refr"].iter().find_map(|at| rule.pointer(at)).cloned();
    if !rules().filter_map(head).any(|head| name(&head, text) == Some(DECISION)) {
        errors.push(source.in_text(0, Problem::RegoDecision));
    }
    let mut functions: BTreeMap<&str, Vec<Call<'_>>> = BTreeMap::new();
    let mut calls = Vec::new();
    for rule in rules() {
        let mut made = Vec::new();
        walk(rule, text, &mut made, &mut errors);
        match rule.pointer("/Spec/head/Func/refr").and_then(|head| name(head, text)) {
            Some(function) => functions.entry(function).or_default().extend(made),
            None => calls.extend(made),
        }
    }
    for call in calls.iter().chain(functions.values().flatten()) {
        let known = call.name.is_some_and(|name| is_builtin(name) || functions.contains_key(own(name)));
        if !known {
            let problem = Problem::RegoFunction(call.name.unwrap_or_default().to_owned());
            errors.push(source.in_text(call.offset, problem));
        }
    }
    for function in functions.keys().filter(|function| calls_itself(function, &functions)) {
        errors.push(source.in_text(0, Problem::RegoRecursion((*function).to_owned())));
    }
    errors
}

/// Every call below `node`; and every `with`, by which a function could be another.
fn walk<'a>(node: &Value, text: &'a str, calls: &mut Vec<Call<'a>>, errors: &mut Vec<LoadError>) {
    match node {
        Value::Object(members) => {
            if let Some(function) = members.get("Call").and_then(|call| call.get("fcn")) {
                let name = name(function, text);
                // A width of a billion is written in four letters: no request may bring the format.
                let format = members.get("Call").and_then(|call| call.pointer("/params/0"));
                let written = format.filter(|format| format.get("String").or(format.get("RawString")).is_some());
                let usable = written.and_then(|format| span(format, text)).is_some_and(|text| !has_long_digits(text));
                if name == Some("sprintf") && !usable {
                    errors.push(Source::new(text).in_text(offset(function), Problem::RegoFormat));
                }
                calls.push(Call { name, offset: offset(function) });
            }
            if let Some(with) = members.get("with_mods").and_then(Value::as_array).and_then(|mods| mods.first()) {
                errors.push(Source::new(text).in_text(offset(with), Problem::RegoWith));
            }
            members.values().for_each(|below| walk(below, text, calls, errors));
        }
        Value::Array(items) => items.iter().for_each(|below| walk(below, text, calls, errors)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether calling `function` can come to calling it again: evaluation has no bound of its own on that.
fn calls_itself(function: &str, functions: &BTreeMap<&str, Vec<Call<'_>>>) -> bool {
    let called = |name: &str| functions.get(name).into_iter().flatten().filter_map(|call| call.name.map(own));
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut next: Vec<&str> = called(function).collect();
    while let Some(name) = next.pop() {
        if name == function {
            return true;
        }
        if reached.insert(name) {
            next.extend(called(name));
        }
    }
    false
}

/// A function of the package by its short name.
fn own(name: &str) -> &str {
    name.strip_prefix("data.countersign.").unwrap_or(name)
}

/// Whether a width or a precision in a format has more than three digits, or some that are not ASCII's.
pub(super) fn has_long_digits(format: &str) -> bool {
    let digits = |part: &str| part.trim_start_matches('.').chars().take_while(|c| c.is_numeric()).collect::<String>();
    format.split('%').skip(1).map(digits).any(|digits| digits.len() > 3 || !digits.is_ascii())
}

/// What a reference is as written, if that is a plain name: with dots, without brackets.
fn name<'a>(reference: &Value, text: &'a str) -> Option<&'a str> {
    let written = span(reference, text)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
    written.bytes().all(plain).then_some(written)
}

/// Where it begins.
fn offset(node: &Value) -> usize {
    bound(node, "start").unwrap_or_default()
}

/// What `node` is as written.
fn span<'a>(node: &Value, text: &'a str) -> Option<&'a str> {
    text.get(bound(node, "start")?..bound(node, "end")?)
}

/// A bound of the text of `node`, which is `{"<kind>": {"span": …}}` or has the span itself.
pub(super) fn bound(node: &Value, which: &str) -> Option<usize> {
    let span = node.get("span").or_else(|| node.as_object()?.values().next()?.get("span"))?;
    span.get(which)?.as_u64().and_then(|offset| usize::try_from(offset).ok())
}
