//! Which part of a policy can never hold, where Cedar says that all of it cannot.
//!
//! Cedar is asked about each part by itself, in the policy's own scope: what it says about the part is true of the whole.

use cedar_policy::{Policy, PolicySet, Schema, ValidationMode, ValidationWarning, Validator};
use serde_json::{Map, Value, json};

const CONDITIONS: &str = "conditions";

/// Why `policy`, which is impossible for `schema`, is: the part that never holds.
pub(super) fn why(policy: &Policy, schema: &Schema) -> String {
    let Some(Value::Object(whole)) = policy.to_json().ok() else { return unknown() };
    let validator = Validator::new(schema.clone());
    let never = |conditions: &[Value]| {
        let mut part = whole.clone();
        part.insert(CONDITIONS.to_owned(), Value::Array(conditions.to_vec()));
        is_impossible(&validator, part)
    };
    if never(&[]) {
        return "no action in its scope is asked about such a principal and resource".to_owned();
    }
    let parts = parts(&whole);
    if let Some(part) = parts.iter().find(|part| never(std::slice::from_ref(part))) {
        return format!("{} never holds", written(&whole, part));
    }
    let mut before = Vec::new();
    for part in &parts {
        before.push(part.clone());
        if never(&before) {
            return format!("{} never holds where what stands before it does", written(&whole, part));
        }
    }
    unknown()
}

fn unknown() -> String {
    "its conditions never hold".to_owned()
}

/// The conditions, each taken apart at `&&`.
fn parts(policy: &Map<String, Value>) -> Vec<Value> {
    let mut parts = Vec::new();
    for condition in policy.get(CONDITIONS).and_then(Value::as_array).into_iter().flatten() {
        match (condition.get("kind").and_then(Value::as_str), condition.get("body")) {
            (Some("when"), Some(body)) => split(body, &mut parts),
            _ => parts.push(condition.clone()),
        }
    }
    parts
}

fn split(body: &Value, parts: &mut Vec<Value>) {
    match body.get("&&").map(|both| (both.get("left"), both.get("right"))) {
        Some((Some(left), Some(right))) => {
            split(left, parts);
            split(right, parts);
        }
        _ => parts.push(json!({ "kind": "when", "body": body })),
    }
}

fn is_impossible(validator: &Validator, policy: Map<String, Value>) -> bool {
    let set = Policy::from_json(None, Value::Object(policy)).ok().and_then(|one| PolicySet::from_policies([one]).ok());
    set.is_some_and(|set| {
        let result = validator.validate(&set, ValidationMode::Strict);
        result.validation_warnings().any(|warning| matches!(warning, ValidationWarning::ImpossiblePolicy(_)))
    })
}

/// `` `when { … }` ``, as Cedar writes it.
fn written(policy: &Map<String, Value>, part: &Value) -> String {
    let mut one = policy.clone();
    one.insert(CONDITIONS.to_owned(), json!([part]));
    one.insert("annotations".to_owned(), json!({}));
    let text = Policy::from_json(None, Value::Object(one)).map(|policy| policy.to_string()).unwrap_or_default();
    let start = ["when {", "unless {"].into_iter().filter_map(|word| text.find(word)).min();
    let condition = start.and_then(|start| text.get(start..)).unwrap_or_default();
    format!("`{}`", condition.trim_end_matches(';'))
}
