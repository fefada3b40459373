//! What each policy that could apply says by itself, for people: the decision is that of all of them together.
//!
//! Never decides: of an answer here no verdict is made.

use cedar_policy::{Effect, PolicySet, RestrictedExpression};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_protocols::action::DeclaredIn;
use countersign_tokens::json::{Json, Members};
use serde_json::{Map, Value};

use super::asks::Subject;
use super::cedar::CedarPolicy;
use super::decide::{arguments, hypothetical};
use super::document;
use super::index::{Panel, Slot};
use super::reads::Names;
use super::rule::Rule;
use super::{Deny, Facts};

/// What one policy says about one action.
#[derive(Clone, Debug, PartialEq)]
pub struct Opined<'a> {
    pub id: &'a str,
    /// Whether it permits; it forbids otherwise.
    pub permits: bool,
    pub mode: Mode,
    pub answer: Answer,
    /// `@step_up`: who is to approve.
    pub step_up: Option<&'a str>,
    /// Whether it would not apply any more once it is approved.
    pub lifted: bool,
    /// `@reason`.
    pub reason: Option<&'a str>,
    /// What its conditions read and what that is: attributes of the context, members of its arguments (`args.amount`), and what
    /// of the caller (`principal.claims.groups`). Null is absence; a number that no double holds is its text.
    pub reads: Map<String, Value>,
}

/// Whether its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Applies,
    DoesNotApply,
    /// It cannot be evaluated, which denies; never with values of arguments.
    Fails(String),
}

/// Why nobody knows what a policy says that asks for arguments.
const UNREAD: &str = "it asks for arguments, and they were not read";

impl CedarPolicy {
    /// Every policy whose scope covers the action, those in audit among them, in the order of the text.
    pub fn opinions(&self, facts: &Facts<'_>) -> Vec<Opined<'_>> {
        let Some(slot) = self.index.slot(facts.action) else { return Vec::new() };
        self.candidates(slot, Mode::Audit).into_iter().map(|rule| self.opinion(slot, rule, facts)).collect()
    }

    /// Those that could apply, in the order of the text; in audit all of them.
    pub(super) fn candidates(&self, slot: &Slot, mode: Mode) -> Vec<&Rule> {
        let policies = slot.candidates.panel(mode).policies.policies();
        let mut rules: Vec<&Rule> =
            policies.filter_map(|policy| self.rules.get(policy.id().as_ref() as &str)).collect();
        rules.sort_unstable_by_key(|rule| (rule.offset, &rule.id));
        rules
    }

    fn opinion<'a>(&'a self, slot: &Slot, rule: &'a Rule, facts: &Facts<'_>) -> Opined<'a> {
        let applies = self.applies(slot, rule, facts, false);
        let lifted =
            rule.step_up.is_some() && applies == Ok(true) && self.applies(slot, rule, facts, true) == Ok(false);
        Opined {
            id: &rule.id,
            permits: rule.policy.effect() == Effect::Permit,
            mode: rule.mode,
            answer: match applies {
                // What was not read may be what it asks for.
                Ok(_) if asks_unread(rule, facts) => Answer::Fails(UNREAD.to_owned()),
                Ok(true) => Answer::Applies,
                Ok(false) => Answer::DoesNotApply,
                Err(deny) => Answer::Fails(deny.detail.unwrap_or_default()),
            },
            step_up: rule.step_up.as_deref(),
            lifted,
            reason: rule.reason.as_deref(),
            reads: values(slot, rule, facts),
        }
    }

    /// Whether `rule` alone is determining; as if it were `approved`, or as it is.
    fn applies(&self, slot: &Slot, rule: &Rule, facts: &Facts<'_>, approved: bool) -> Result<bool, Deny> {
        let arguments = arguments(slot, &rule.reads, facts, rule.mode)?;
        self.applies_with(slot, rule, facts, approved, arguments)
    }

    /// Whether `rule` alone is determining, for these `arguments`.
    pub(super) fn applies_with(
        &self,
        slot: &Slot,
        rule: &Rule,
        facts: &Facts<'_>,
        approved: bool,
        arguments: Option<RestrictedExpression>,
    ) -> Result<bool, Deny> {
        let policies = PolicySet::from_policies([rule.policy.clone()])
            .map_err(|error| Deny::by(Reason::PolicyError, vec![rule.id.clone()], Some(error.to_string())))?;
        let panel = Panel { policies: &policies, reads: &rule.reads };
        let approval = approved.then(|| hypothetical(facts));
        let outcome = self.evaluate(slot, panel, facts, approval.as_ref().or(facts.approval), arguments)?;
        Ok(!outcome.determining.is_empty())
    }
}

/// Whether `rule` asks for arguments, and those of the action were not read.
fn asks_unread(rule: &Rule, facts: &Facts<'_>) -> bool {
    let has_arguments = match facts.action.declared_in() {
        DeclaredIn::Schema | DeclaredIn::Metadata => true,
        DeclaredIn::Endpoint | DeclaredIn::Nothing => false,
    };
    has_arguments && facts.action.arguments().is_none() && rule.asks.iter().any(|ask| ask.arguments().is_some())
}

/// What `rule` reads, as it is in `facts`.
fn values(slot: &Slot, rule: &Rule, facts: &Facts<'_>) -> Map<String, Value> {
    let (reads, mut values) = (&rule.reads, Map::new());
    for (name, value) in document::attributes(facts) {
        if reads.context.contains(&name) {
            values.insert(name, value);
        }
    }
    for name in reads.context.named().filter(|name| *name != "args") {
        values.entry(name).or_insert(Value::Null);
    }
    let members = facts.action.arguments();
    let all = members.into_iter().flat_map(Members::keys).map(String::as_str).filter(|_| reads.arguments == Names::All);
    for name in reads.arguments.named().chain(all) {
        let derived = || Some(slot.arguments.types.as_ref()?.derived.get(name)?.admit(members?).into());
        let value = members.and_then(|members| members.get(name)).map(Json::shown).or_else(derived).unwrap_or_default();
        values.insert(format!("args.{name}"), value);
    }
    let caller = Value::Object(document::principal(facts));
    for ask in rule.asks.iter().filter(|ask| ask.of == Subject::Principal && !ask.path.is_empty()) {
        let value = ask.path.iter().try_fold(&caller, |value, name| value.get(name));
        values.insert(ask.spelled(), value.cloned().unwrap_or_default());
    }
    values
}
