//! Parts of a policy that can never matter: a test that never holds for any action in its scope, and what is never asked because
//! what stands before it always holds. Such a part looks like a guard and is none.
//!
//! Cedar says only of whole policies that they never hold. So it is asked about each part as a policy of its own, in the policy's
//! scope and behind what stands before the part. What of it cannot be so for its types alone is not asked about, and what a
//! person wrote as `true` or `false` is left as it is.

use cedar_policy::{Policy, PolicySet, ValidationMode, ValidationWarning, Validator};
use serde_json::{Map, Value, json};

use super::asks;
use super::error::{Dead, DeadPart};
use super::expression::{self, Condition, Form};

const CONDITIONS: &str = "conditions";

/// Finds dead parts in policies for the schema of a validator.
#[derive(Clone, Copy)]
pub(super) struct Examiner<'v> {
    validator: &'v Validator,
}

impl<'v> Examiner<'v> {
    pub(super) fn new(validator: &'v Validator) -> Self {
        Self { validator }
    }

    /// The dead parts of `policy`, which is valid and can hold.
    pub(super) fn parts(self, policy: &Policy) -> Vec<DeadPart> {
        let Some(Value::Object(whole)) = policy.to_json().ok() else { return Vec::new() };
        let all = whole.get(CONDITIONS).cloned().unwrap_or_default();
        let mut examination = Examination { examiner: self, whole, before: Vec::new(), found: Vec::new() };
        for Condition { when, body } in expression::conditions(&all) {
            // That all of it can hold says as much of what holds whenever it does.
            examination.part(body, when);
            examination.before.push(condition(when, body));
        }
        examination.found
    }

    /// Why `policy`, which never holds, does not: the part that is to blame.
    pub(super) fn why(self, policy: &Policy) -> String {
        let Some(Value::Object(whole)) = policy.to_json().ok() else { return unknown() };
        if self.never(&whole, &[]) {
            return "no action in its scope is asked about such a principal and resource".to_owned();
        }
        let parts = conjuncts(&whole);
        if let Some(part) = parts.iter().find(|part| self.never(&whole, std::slice::from_ref(part))) {
            return format!("`{}` never holds", written(&whole, part));
        }
        let mut before = Vec::new();
        for part in &parts {
            before.push(part.clone());
            if self.never(&whole, &before) {
                return format!("`{}` never holds where what stands before it does", written(&whole, part));
            }
        }
        unknown()
    }

    /// Whether `whole` never holds with `conditions` for its own.
    fn never(self, whole: &Map<String, Value>, conditions: &[Value]) -> bool {
        let mut policy = whole.clone();
        policy.insert(CONDITIONS.to_owned(), Value::Array(conditions.to_vec()));
        let policy = Policy::from_json(None, Value::Object(policy)).ok();
        let Some(set) = policy.and_then(|one| PolicySet::from_policies([one]).ok()) else { return false };
        let result = self.validator.validate(&set, ValidationMode::Strict);
        result.validation_warnings().any(|warning| matches!(warning, ValidationWarning::ImpossiblePolicy(_)))
    }
}

/// How often Cedar is asked about parts of a policy with these `conditions`: each takes as long as typing all of the policy.
pub(super) fn questions(conditions: &Value) -> usize {
    expression::conditions(conditions).map(|Condition { when, body }| questions_of(body, when)).sum()
}

/// As [`Examination::part`] asks them.
fn questions_of(part: &Value, implied: bool) -> usize {
    if !may_be_constant(part) || is_written_out(part) {
        return 0;
    }
    let below = match Form::of(part) {
        Form::And(left, right) => questions_of(left, implied) + questions_of(right, implied),
        Form::Or(left, right) => 1 + questions_of(left, false) + questions_of(right, false),
        Form::Not(of) => questions_of(of, false),
        Form::If { condition, then, otherwise } => {
            1 + [condition, then, otherwise].map(|part| questions_of(part, false)).iter().sum::<usize>()
        }
        Form::Variable(_)
        | Form::Entity(_)
        | Form::Literal(_)
        | Form::Attribute { .. }
        | Form::Other { .. }
        | Form::Unknown => 0,
    };
    below + usize::from(!implied)
}

/// Of one policy.
struct Examination<'v> {
    examiner: Examiner<'v>,
    whole: Map<String, Value>,
    /// What holds where the part that is looked at is asked.
    before: Vec<Value>,
    found: Vec<DeadPart>,
}

impl Examination<'_> {
    /// Looks at `part`; `implied` where the policy holds only if it does.
    fn part(&mut self, part: &Value, implied: bool) {
        if !may_be_constant(part) || is_written_out(part) {
            return;
        }
        let found = self.found.len();
        match Form::of(part) {
            Form::And(left, right) => {
                self.part(left, implied);
                if self.found.len() == found {
                    self.behind(condition(true, left), |this| this.part(right, implied));
                }
            }
            Form::Or(left, right) => {
                self.part(left, false);
                self.behind(condition(false, left), |this| this.or_not_asked(left, right));
            }
            Form::Not(of) => self.part(of, false),
            // What somebody switched off is left as it is.
            Form::If { condition: asked, then, otherwise } if is_written_out(asked) => {
                let chosen = if asks::holds(asked, &|_, _| None) == Some(true) { then } else { otherwise };
                self.part(chosen, implied);
            }
            Form::If { condition: asked, then, otherwise } => {
                self.part(asked, false);
                if self.found.len() == found {
                    self.behind(condition(true, asked), |this| this.part(then, false));
                    self.behind(condition(false, asked), |this| this.or_not_asked(asked, otherwise));
                }
            }
            Form::Variable(_)
            | Form::Entity(_)
            | Form::Literal(_)
            | Form::Attribute { .. }
            | Form::Other { .. }
            | Form::Unknown => {}
        }
        if !implied && self.found.len() == found && self.never_behind(condition(true, part)) {
            let alone = self.examiner.never(&self.whole, &[condition(true, part)]);
            let why = if alone { Dead::Never(because(part)) } else { Dead::NeverThere };
            self.report(part, why);
        }
    }

    /// Looks at `part`, which is asked only where `before` does not hold, as is known already.
    fn or_not_asked(&mut self, before: &Value, part: &Value) {
        if may_be_constant(before)
            && !is_written_out(before)
            && !is_written_out(part)
            && self.examiner.never(&self.whole, &self.before)
        {
            let before = self.spelled(before);
            self.report(part, Dead::NeverAsked(before));
        } else {
            self.part(part, false);
        }
    }

    fn behind(&mut self, before: Value, look: impl FnOnce(&mut Self)) {
        self.before.push(before);
        look(self);
        self.before.pop();
    }

    fn never_behind(&mut self, part: Value) -> bool {
        self.before.push(part);
        let never = self.examiner.never(&self.whole, &self.before);
        self.before.pop();
        never
    }

    fn report(&mut self, part: &Value, why: Dead) {
        let part = self.spelled(part);
        self.found.push(DeadPart { part, why });
    }

    fn spelled(&self, part: &Value) -> String {
        let written = written(&self.whole, &condition(true, part));
        let inner = written.strip_prefix("when {").and_then(|inner| inner.strip_suffix('}')).unwrap_or(&written);
        inner.trim().to_owned()
    }
}

/// Whether `expression` has a test in it whose answer its types alone can give. What is asked for with `has` is judged for each
/// action by itself.
fn may_be_constant(expression: &Value) -> bool {
    let mut may = false;
    expression::walk(expression, &mut |form, _| {
        may |= match form {
            Form::Other { operator: "is" | "in" | "hasTag" | "getTag", .. } => true,
            Form::Other { operator: "==" | "!=", .. } => form.operands().is_some_and(|(_, left, right)| {
                let is_plain = |side| matches!(Form::of(side), Form::Variable(_) | Form::Entity(_) | Form::Literal(_));
                is_plain(left) && is_plain(right)
            }),
            Form::Variable(_)
            | Form::Entity(_)
            | Form::Literal(_)
            | Form::Attribute { .. }
            | Form::Not(_)
            | Form::And(..)
            | Form::Or(..)
            | Form::If { .. }
            | Form::Other { .. }
            | Form::Unknown => false,
        };
        !may
    });
    may
}

/// Whether a person decided it by writing `true` or `false`.
fn is_written_out(expression: &Value) -> bool {
    asks::holds(expression, &|_, _| None).is_some()
}

/// Why a test can never hold by its types.
fn because(test: &Value) -> &'static str {
    let form = Form::of(test);
    let Form::Other { operator, operands } = form else {
        return "its types say so for each action in the policy's scope";
    };
    let sides = [operands.get("left"), operands.get("right")].into_iter().flatten();
    let variable = sides.map(Form::of).find_map(|form| if let Form::Variable(name) = form { Some(name) } else { None });
    match (operator, variable) {
        ("hasTag" | "getTag", _) => "nothing has tags",
        (_, Some("principal")) => "a principal is an `Agent`, in an `Issuer`, a `Kind` and, of SVIDs, a `TrustDomain`",
        (_, Some("resource")) => "no action in the policy's scope is asked about such a resource",
        (_, Some("action")) => "no action in the policy's scope is that",
        _ => "its types say so for each action in the policy's scope",
    }
}

fn unknown() -> String {
    "its conditions never hold".to_owned()
}

fn condition(when: bool, body: &Value) -> Value {
    json!({ "kind": if when { "when" } else { "unless" }, "body": body })
}

/// The conditions, each taken apart at `&&`.
fn conjuncts(policy: &Map<String, Value>) -> Vec<Value> {
    let mut parts = Vec::new();
    for Condition { when, body } in policy.get(CONDITIONS).into_iter().flat_map(expression::conditions) {
        if when { split(body, &mut parts) } else { parts.push(condition(false, body)) }
    }
    parts
}

fn split(body: &Value, parts: &mut Vec<Value>) {
    match Form::of(body) {
        Form::And(left, right) => {
            split(left, parts);
            split(right, parts);
        }
        Form::Variable(_)
        | Form::Entity(_)
        | Form::Literal(_)
        | Form::Attribute { .. }
        | Form::Not(_)
        | Form::Or(..)
        | Form::If { .. }
        | Form::Other { .. }
        | Form::Unknown => parts.push(condition(true, body)),
    }
}

/// `when { … }`, as Cedar writes it.
fn written(policy: &Map<String, Value>, part: &Value) -> String {
    let mut one = policy.clone();
    one.insert(CONDITIONS.to_owned(), json!([part]));
    one.insert("annotations".to_owned(), json!({}));
    let text = Policy::from_json(None, Value::Object(one)).map(|policy| policy.to_string()).unwrap_or_default();
    let start = ["when {", "unless {"].into_iter().filter_map(|word| text.find(word)).min();
    let condition = start.and_then(|start| text.get(start..)).unwrap_or_default();
    condition.trim_end_matches(';').to_owned()
}
