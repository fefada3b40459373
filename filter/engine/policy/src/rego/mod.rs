//! Rego as a policy engine: `data.countersign.decision` of one module, for the same document that other engines get.
//!
//! ```rego
//! package countersign
//!
//! default decision := {"effect": "deny"}
//!
//! decision := {"effect": "allow", "policies": ["small-transfers"]} if {
//!     input.action.name == "payments/transfer"
//!     input.context.args.amount <= 100
//! }
//! ```
//!
//! Whatever is not one decision denies: an undefined or conflicting rule, an error in a builtin, a member nobody knows, more
//! to decide about than the module is to be asked, more [`steps`] than there are. Builtins and operators take steps by the bytes
//! that they read and may make, before they do ([`cost`]). Evaluation cannot read a clock, draw random numbers or use the network:
//! there are no such [`builtins`] here, and what could take memory or stack without end is refused when the policy is loaded
//! ([`check`]).

mod answer;
mod builtins;
mod charged;
mod check;
mod cost;
mod steps;

use std::borrow::Cow;
use std::num::NonZeroU32;

use countersign_facts::pointer::Pointer;
use countersign_facts::reason::Reason;
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Resource;
use countersign_tokens::json::{self, Json, Members};
use regorus::PolicyLengthConfig;
use serde_json::Value;

use super::arguments::{Schemas, Unfit};
use super::basis::{self, Fields};
use super::decide::hypothetical;
use super::document::{asked_at, document};
use super::error::{LoadError, Place, Problem};
use super::{Allow, Approval, Deny, Facts, Sandbox, StepUp, Verdict, several};
use answer::{RegoSays, Told};
#[cfg(test)]
pub(super) use builtins::BUILTINS;

/// What is evaluated.
const DECISION: &str = "data.countersign.decision";
/// What the library calls the module.
const FILE: &str = "policy.rego";
/// What records say where the policy itself does not say more.
const NAME: &str = "rego";

/// A Rego module, loaded for a catalogue.
#[derive(Clone, Debug)]
pub struct RegoPolicy {
    engine: regorus::Engine,
    text: String,
    sandboxes: Vec<String>,
    schemas: Schemas,
    /// The most bytes that it is asked about.
    input: usize,
}

impl RegoPolicy {
    /// Loads `text`, to be asked about `input` bytes at most; or says what is wrong with it.
    pub fn compile(
        text: &str,
        input: usize,
        resources: &[Resource],
        sandboxes: &[Sandbox],
    ) -> Result<Self, Vec<LoadError>> {
        let module = parsed(text).map_err(|error| vec![refused(&error)])?;
        let errors = check::check(&module, text);
        if !errors.is_empty() {
            return Err(errors);
        }
        let engine = engine(charged::charged(&module, text)).map_err(|error| vec![refused(&error)])?;
        let schemas = Schemas::of(resources)?;
        let sandboxes = sandboxes.iter().map(|sandbox| sandbox.name.clone()).collect();
        Ok(Self { engine, text: text.to_owned(), sandboxes, schemas, input })
    }

    /// What it says about all of `parts`, each with the other `facts`.
    pub fn decide_all(&self, resource: &Resource, facts: &Facts<'_>, parts: &[Cow<'_, Action>]) -> Verdict {
        several::all(parts.iter().map(|action| self.decide(resource, &Facts { action, ..*facts })).collect())
    }

    /// What it says about one action.
    pub fn decide(&self, resource: &Resource, facts: &Facts<'_>) -> Verdict {
        self.verdict(resource, facts).unwrap_or_else(Verdict::Deny)
    }

    fn verdict(&self, resource: &Resource, facts: &Facts<'_>) -> Result<Verdict, Deny> {
        self.schemas.check(facts.action)?;
        let Told { answer, policies, reasons } = self.ask(resource, facts, facts.approval)?;
        let detail = (!reasons.is_empty()).then(|| reasons.join("; "));
        match answer {
            RegoSays::Allow { sandbox } => match sandbox {
                Some(name) if !self.sandboxes.contains(&name) => {
                    Err(failed(policies, "it is for a sandbox that is not declared"))
                }
                sandbox => Ok(Verdict::Allow(Allow { determining: policies, sandbox })),
            },
            RegoSays::Deny => Err(Deny::by(Reason::PolicyDenied, policies, detail)),
            RegoSays::StepUp { .. } if facts.approval.is_some() => {
                let detail = Some("an approval was asked for that was given".to_owned());
                Err(Deny::by(Reason::PolicyDenied, policies, detail))
            }
            RegoSays::StepUp { approvers } => {
                // People are never asked about what would be refused anyway.
                let lifted = self.ask(resource, facts, Some(&hypothetical(facts)))?.answer;
                if !matches!(lifted, RegoSays::Allow { .. }) {
                    return Err(Deny::by(Reason::PolicyDenied, policies, detail));
                }
                let basis = self.basis(resource, facts);
                Ok(Verdict::StepUp(StepUp { determining: policies, approvers, reasons, basis }))
            }
        }
    }

    fn ask(&self, resource: &Resource, facts: &Facts<'_>, approval: Option<&Approval>) -> Result<Told, Deny> {
        let document = asked_at(document(resource, &Facts { approval, ..*facts })?, facts.now);
        // Arguments are in the context and in the resource: once is enough.
        let claims = document.get("subject").and_then(|subject| subject.pointer("/properties/claims"));
        let bytes = document.get("context").into_iter().chain(claims).map(bytes).fold(0, usize::saturating_add);
        if bytes > self.input {
            let detail =
                format!("it is asked about {bytes} bytes, more than the {} of `policy.rego_input`", self.input);
            return Err(failed(Vec::new(), &detail));
        }
        let held = json::members_to_value(&document).and_then(|document| serde_json::from_value(document.into()).ok());
        let Some(input) = held else {
            let place = facts.action.arguments().and_then(unheld).unwrap_or_default();
            return Err(Unfit::unheld(place, "a number that is neither an integer of 64 bits nor a double").into());
        };
        let mut engine = self.engine.clone();
        engine.set_input(input);
        steps::begin(bytes);
        // Its words would carry values of arguments into the record.
        let decision = engine.eval_rule(DECISION.to_owned()).map_err(|error| failed(Vec::new(), failure(&error)))?;
        answer::read(&decision).map_err(|problem| failed(Vec::new(), problem))
    }

    /// What an approval is given for: the policy, and what the catalogue says.
    fn basis(&self, resource: &Resource, facts: &Facts<'_>) -> [u8; 32] {
        let mut fields = Fields::default();
        fields.add(NAME);
        fields.add(&self.text);
        let entry = basis::resource(resource);
        fields.add(entry);
        if let Some(tool) = facts.action.entry(resource) {
            fields.add(basis::tool(&entry, tool));
        }
        fields.digest()
    }
}

/// The tree of a module.
fn parsed(text: &str) -> anyhow::Result<Value> {
    let mut engine = regorus::Engine::new();
    engine.add_policy(FILE.to_owned(), text.to_owned())?;
    let tree: Value = serde_json::from_str(&engine.get_ast_as_json()?)?;
    Ok(tree.pointer("/0/ast").cloned().unwrap_or_default())
}

/// What evaluates a module, whose lines may have become longer.
fn engine(text: String) -> anyhow::Result<regorus::Engine> {
    let mut engine = regorus::Engine::new();
    let max_col = NonZeroU32::new(64 * 1024).unwrap_or(NonZeroU32::MIN);
    engine.set_policy_length_config(PolicyLengthConfig { max_col, ..PolicyLengthConfig::default() });
    engine.set_execution_timer_config(steps::timer());
    builtins::install(&mut engine)?;
    engine.add_policy(FILE.to_owned(), text)?;
    Ok(engine)
}

/// Bytes of a document, about as many as it has when it is written.
fn bytes(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(number) => number.text().len().max(8),
        Json::String(text) => text.len() + 3,
        Json::Array(items) => items.iter().map(bytes).fold(2, usize::saturating_add),
        Json::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 4 + bytes(value)).fold(2, usize::saturating_add)
        }
    }
}

/// Where the first number is that no engine holds which reads JSON as most do.
fn unheld(members: &Members) -> Option<String> {
    members.iter().find_map(|(name, value)| Some(format!("/{}{}", Pointer::escaped(name), unheld_in(value)?)))
}

fn unheld_in(value: &Json) -> Option<String> {
    match value {
        Json::Null | Json::Bool(_) | Json::String(_) => None,
        Json::Number(number) => number.as_number().is_none().then(String::new),
        Json::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| Some(format!("/{at}{}", unheld_in(item)?)))
        }
        Json::Object(members) => unheld(members),
    }
}

/// Which of the few ways it failed.
fn failure(error: &anyhow::Error) -> &'static str {
    let text = error.to_string();
    if text.contains(steps::EXHAUSTED) {
        "it took too many steps"
    } else if text.contains("conflicts with rule") || text.contains("multiple outputs") {
        "two of its rules say two things"
    } else {
        "it cannot be evaluated"
    }
}

fn failed(policies: Vec<String>, detail: &str) -> Deny {
    let determining = if policies.is_empty() { vec![NAME.to_owned()] } else { policies };
    Deny::by(Reason::PolicyError, determining, Some(detail.to_owned()))
}

/// Why a text is no module. The library writes the place, some lines of the text, and `error: <cause>`.
fn refused(error: &anyhow::Error) -> LoadError {
    let text = error.to_string();
    let cause = text.rsplit("error: ").next().unwrap_or_default().trim().to_owned();
    let mut numbers = text.split_once("policy.rego:").map(|(_, place)| place.split([':', '\n'])).into_iter().flatten();
    let mut number = || numbers.next().and_then(|number| number.trim().parse().ok()).unwrap_or(1);
    let (line, column) = (number(), number());
    LoadError { place: Place::Text { line, column }, problem: Problem::Rego(cause) }
}
