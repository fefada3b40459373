//! The decision.
//!
//! It is what Cedar says over the policies that can apply, with two differences: any evaluation error denies,
//! also in a forbid, and a deny that an approval would turn into an allow is a step-up. People are never asked about
//! calls that would be refused anyway.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cedar_policy::{
    AuthorizationError, Decision, Diagnostics, Entities, Entity, EvaluationError, Request, RestrictedExpression,
};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_rights::claims::UnreadableClaim;
use countersign_rights::workload::Identity;

use super::arguments::Unfit;
use super::basis::Fields;
use super::cedar::CedarPolicy;
use super::context::{self, ContextError};
use super::index::{Asked, Panel, Slot};
use super::reads::Reads;
use super::rule::Rule;
use super::{Allow, Approval, Deny, Facts, StepUp, Verdict};

/// How long the approval lasts with which step-ups are tried before anybody is asked.
const HYPOTHETICAL_LIFETIME: Duration = Duration::from_mins(1);

/// What Cedar says, when it says anything.
pub(super) struct Outcome {
    pub(super) allow: bool,
    /// Ids of the determining policies, sorted.
    pub(super) determining: Vec<String>,
}

impl CedarPolicy {
    /// What policy says about one action. Never an allow or a step-up when anything could not be evaluated.
    pub fn decide(&self, facts: &Facts<'_>) -> Verdict {
        self.decide_in(Mode::Enforce, facts)
    }

    /// What policy says about one action in this mode. In audit, policies in audit count as if they were enforced: that
    /// verdict is about them and nothing else.
    pub(super) fn decide_in(&self, mode: Mode, facts: &Facts<'_>) -> Verdict {
        self.verdict(mode, facts).unwrap_or_else(Verdict::Deny)
    }

    fn verdict(&self, mode: Mode, facts: &Facts<'_>) -> Result<Verdict, Deny> {
        let slot = self.index.slot(facts.action).ok_or_else(Deny::by_default)?;
        let panel = slot.candidates.panel(mode);
        if panel.policies.is_empty() {
            return Err(Deny::by_default());
        }
        let arguments = arguments(slot, panel.reads, facts, mode)?;
        let Outcome { allow, determining } = self.evaluate(slot, panel, facts, facts.approval, arguments.clone())?;
        if allow {
            let sandbox = self.sandbox(&determining)?;
            return Ok(Verdict::Allow(Allow { determining, sandbox }));
        }
        let steps_up = facts.approval.is_none() && self.only_step_ups(&determining);
        if steps_up && self.evaluate(slot, panel, facts, Some(&hypothetical(facts)), arguments)?.allow {
            return Ok(Verdict::StepUp(self.step_up(slot, determining)));
        }
        Err(self.denied(determining))
    }

    /// What `panel`, all or some of the slot's candidates, says.
    pub(super) fn evaluate(
        &self,
        slot: &Slot,
        panel: Panel<'_>,
        facts: &Facts<'_>,
        approval: Option<&Approval>,
        arguments: Option<RestrictedExpression>,
    ) -> Result<Outcome, Deny> {
        let Panel { policies, reads } = panel;
        facts.workload.claims.check(|name| reads.claims.contains(name))?;
        let context = context::context(facts, approval, arguments, &reads.context)?;
        let principal = self.types.agent(facts.workload);
        let mut entities = Cow::Borrowed(slot.entities.as_ref());
        if reads.principal {
            entities = add(entities, context::agent(principal.clone(), &self.types, facts, &reads.claims)?)?;
        }
        let resource = match &slot.asked {
            Asked::Known(uid) => uid.clone(),
            Asked::OtherTool { resource, risk } => {
                let tool = self.types.tool(&facts.action.resource, facts.action.object().unwrap_or_default());
                entities = add(entities, context::tool(tool.clone(), resource.clone(), risk, &[])?)?;
                tool
            }
        };
        let request =
            Request::new(principal, slot.action.clone(), resource, context, None).map_err(|_| ContextError)?;
        let response = self.authorizer.is_authorized(&request, policies, &entities);
        let diagnostics = response.diagnostics();
        if diagnostics.errors().next().is_some() {
            return Err(Deny::of_errors(diagnostics));
        }
        let mut determining: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        determining.sort_unstable();
        Ok(Outcome { allow: response.decision() == Decision::Allow, determining })
    }

    /// Where what all of `determining` permit goes: into the sandbox that some of them name, if they name only one.
    fn sandbox(&self, determining: &[String]) -> Result<Option<String>, Deny> {
        let named: BTreeSet<&String> = self.rules(determining).filter_map(|rule| rule.sandbox.as_ref()).collect();
        one_sandbox(named.into_iter().cloned(), determining)
    }

    pub(super) fn only_step_ups(&self, determining: &[String]) -> bool {
        !determining.is_empty() && self.rules(determining).all(|rule| rule.step_up.is_some())
    }

    fn step_up(&self, slot: &Slot, determining: Vec<String>) -> StepUp {
        let rules: Vec<&Rule> = self.rules(&determining).collect();
        let approvers: BTreeSet<&String> = rules.iter().filter_map(|rule| rule.step_up.as_ref()).collect();
        let approvers = approvers.into_iter().cloned().collect();
        let reasons = rules.iter().filter_map(|rule| rule.reason.clone()).collect();
        let texts: BTreeSet<&String> = rules.iter().map(|rule| &rule.text).collect();
        let mut basis = Fields::default();
        for text in texts {
            basis.add(text);
        }
        basis.add(slot.catalogue);
        StepUp { determining, approvers, reasons, basis: basis.digest() }
    }

    fn denied(&self, determining: Vec<String>) -> Deny {
        let reasons: Vec<&str> = self.rules(&determining).filter_map(|rule| rule.reason.as_deref()).collect();
        let detail = (!reasons.is_empty()).then(|| reasons.join("; "));
        Deny::by(Reason::PolicyDenied, determining, detail)
    }

    fn rules<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a Rule> {
        ids.iter().filter_map(|id| self.rules.get(id))
    }
}

/// The one of `named`, each of which is there once; more are a failure of the policies that say so.
pub(super) fn one_sandbox(
    mut named: impl Iterator<Item = String>,
    determining: &[String],
) -> Result<Option<String>, Deny> {
    match (named.next(), named.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => {
            Err(Deny::by(Reason::PolicyError, determining.to_vec(), Some("it is for two sandboxes".to_owned())))
        }
    }
}

impl Deny {
    /// Of what nobody mends by other arguments.
    pub(super) fn by(reason: Reason, determining: Vec<String>, detail: Option<String>) -> Self {
        Self { reason, determining, detail, mend: None }
    }

    /// No policy can apply.
    fn by_default() -> Self {
        Self::by(Reason::PolicyDenied, Vec::new(), None)
    }

    /// Cedar's own words would carry values of arguments into the record.
    fn of_errors(diagnostics: &Diagnostics) -> Self {
        let failed: BTreeMap<String, &'static str> = diagnostics
            .errors()
            .map(|error| match error {
                AuthorizationError::PolicyEvaluationError(error) => {
                    (error.policy_id().to_string(), failure(error.inner()))
                }
            })
            .collect();
        let detail: Vec<String> = failed.iter().map(|(id, failure)| format!("policy `{id}`: {failure}")).collect();
        let determining = failed.into_keys().collect();
        Self::by(Reason::PolicyError, determining, Some(detail.join("; ")))
    }
}

impl From<ContextError> for Deny {
    fn from(error: ContextError) -> Self {
        Self::by(Reason::PolicyError, Vec::new(), Some(error.to_string()))
    }
}

impl From<UnreadableClaim> for Deny {
    fn from(unreadable: UnreadableClaim) -> Self {
        Self::by(Reason::ClaimUnreadable, Vec::new(), Some(unreadable.to_string()))
    }
}

impl From<Unfit> for Deny {
    fn from(unfit: Unfit) -> Self {
        let mend = Some(unfit.told());
        Self { mend, ..Self::by(Reason::ArgumentsUnfit, Vec::new(), Some(unfit.to_string())) }
    }
}

/// An approval that nobody gave, by nobody.
pub(super) fn hypothetical(facts: &Facts<'_>) -> Approval {
    let approver = Identity { issuer: String::new(), subject: "".into() };
    Approval { challenge: String::new(), approver, expires: facts.now.plus(HYPOTHETICAL_LIFETIME), stated: true }
}

/// The arguments that policies read, of a declared tool with a schema; all of them must fit, and none may be there that a policy
/// asks for and nothing declares.
pub(super) fn arguments(
    slot: &Slot,
    reads: &Reads,
    facts: &Facts<'_>,
    mode: Mode,
) -> Result<Option<RestrictedExpression>, Unfit> {
    slot.arguments.check_carried(facts.action, mode)?;
    let Some(values) = facts.action.arguments() else { return Ok(None) };
    slot.arguments.fit(values, &reads.arguments, mode)
}

fn add(entities: Cow<'_, Entities>, entity: Entity) -> Result<Cow<'_, Entities>, ContextError> {
    entities.into_owned().add_entities([entity], None).map(Cow::Owned).map_err(|_| ContextError)
}

/// What kind of failure it was, without values.
fn failure(error: &EvaluationError) -> &'static str {
    match error {
        EvaluationError::EntityDoesNotExist(_) => "an entity does not exist",
        EvaluationError::EntityAttrDoesNotExist(_) | EvaluationError::RecordAttrDoesNotExist(_) => {
            "an attribute does not exist"
        }
        EvaluationError::IntegerOverflow(_) => "integer overflow",
        EvaluationError::FailedExtensionFunctionExecution(_) => "an extension function failed",
        EvaluationError::RecursionLimit(_) => "nested too deeply",
        EvaluationError::TypeError(_)
        | EvaluationError::FailedExtensionFunctionLookup(_)
        | EvaluationError::WrongNumArguments(_)
        | EvaluationError::UnlinkedSlot(_)
        | EvaluationError::NonValue(_) => "not what its type says",
    }
}
