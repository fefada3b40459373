//! The checks of one request with what was found, as they are reported.

use countersign_engine::{Explained, Listed, Waits};
use countersign_facts::check::Check;
use countersign_facts::clock;
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_policy::{self as policy, Opined};
use countersign_rights::task::Reach;
use countersign_rights::workload::{Voucher, Workload};
use countersign_tokens::TokenError;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Decision;

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub check: &'static str,
    pub result: CheckResult,
    /// What was found, else what is checked.
    pub detail: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    Passed,
    Failed,
    /// Somebody has to be asked.
    Open,
    /// It did not come to it.
    NotReached,
}

/// How far one grant reaches.
#[derive(Clone, Debug, Serialize)]
pub struct Reaches {
    /// `task`, or the workload whose list it is.
    pub of: String,
    pub grant: String,
    pub reach: &'static str,
    /// Where the arguments are beyond it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

/// What one policy says.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    pub id: String,
    pub effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    pub says: &'static str,
    /// Why it cannot be evaluated, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up: Option<String>,
    /// Whether an approval would lift it.
    pub lifted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What its conditions read.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub reads: Map<String, Value>,
}

/// Every check, up to the one that `reason` is the answer of, and what was found.
pub(super) fn checks(explained: &Explained<'_>, reason: Option<Reason>, decision: Decision) -> Vec<Checked> {
    let last = reason.map_or_else(|| Some(open(explained)), |reason| reason.row().check);
    let at_last = match decision {
        Decision::Allow | Decision::Served => CheckResult::Passed,
        Decision::Deny => CheckResult::Failed,
        Decision::StepUp | Decision::Undecided => CheckResult::Open,
    };
    let asked = last == Some(Check::Approval);
    let checked = |check: Check| {
        let result = match last {
            Some(last) if check < last => CheckResult::Passed,
            Some(last) if check == last => at_last,
            Some(_) | None => CheckResult::NotReached,
        };
        let found = found(check, explained).filter(|_| result != CheckResult::NotReached);
        let failure = reason.filter(|_| result == CheckResult::Failed).map(|reason| failure(explained, check, reason));
        let detail = failure.or(found).unwrap_or_else(|| check.claim().to_owned());
        Checked { check: check.name(), result, detail }
    };
    // Where nobody is asked there is nothing to say about that.
    Check::ALL.into_iter().filter(|check| *check != Check::Approval || asked).map(checked).collect()
}

/// The check that waits for somebody.
fn open(explained: &Explained<'_>) -> Check {
    match explained.waits {
        Some(Waits::Keys | Waits::Introspection) => Check::Credential,
        Some(Waits::Body) => Check::Action,
        Some(Waits::DecisionPoint) => Check::Policy,
        None => Check::Approval,
    }
}

fn failure(explained: &Explained<'_>, check: Check, reason: Reason) -> String {
    let code = reason.row().code;
    let described = |(issuer, error): &(Option<&Voucher>, TokenError)| match issuer {
        Some(issuer) => issuer.rules.describe(*error),
        None => error.to_string(),
    };
    let trouble = explained.trouble.as_ref().map(described);
    let lacks = || explained.verified.as_ref()?.refused.as_ref()?.detail.clone();
    let of_credential = (check == Check::Credential).then(|| trouble.or_else(lacks)).flatten();
    match of_credential.or_else(|| found(check, explained)) {
        Some(found) => format!("{code}: {found}"),
        None => code.to_owned(),
    }
}

fn found(check: Check, explained: &Explained<'_>) -> Option<String> {
    let verified = explained.verified.as_deref();
    match check {
        Check::Route => explained.resource.map(|resource| format!("resource `{}`", resource.name)),
        Check::Credential => match (explained.waits, verified) {
            (Some(Waits::Keys), _) => Some("the gateway would fetch its issuer's keys: give them (--keys)".to_owned()),
            (Some(Waits::Introspection), _) => Some("only its issuer can read it, and would be asked".to_owned()),
            (_, verified) => verified.map(|verified| {
                let until = clock::format(verified.facts.expires).unwrap_or_default();
                let (issuer, algorithm) = (&verified.workload.issuer_name, verified.facts.algorithm);
                format!("of issuer `{issuer}`, algorithm {algorithm}, until {until}")
            }),
        },
        Check::Workload => verified.map(|verified| workload(&verified.workload)),
        Check::Task => verified.map(|verified| match &verified.task {
            Ok(task) => match &task.purpose {
                Some(purpose) => format!("`{}`: {purpose}", task.id),
                None => format!("`{}`", task.id),
            },
            Err(error) => error.to_string(),
        }),
        Check::Action => explained.action.as_ref().map(|action| {
            let object = action.object().map(|object| format!(" `{object}`")).unwrap_or_default();
            let risk = explained.risk.map(|risk| format!(", risk {}", risk.name())).unwrap_or_default();
            let raised = explained.raised_by.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(", ");
            let raised = if raised.is_empty() { raised } else { format!(", raised by {raised}") };
            format!("{}{object}{risk}{raised}", action.name())
        }),
        Check::Grants => explained.lists.last().map(|list| {
            let covering = list.grants.iter().filter(|(_, reach)| *reach == Reach::Covers).count();
            let all = list.grants.len();
            let grants = if all == 1 { "grant" } else { "grants" };
            format!("{covering} of {all} {grants} of the task cover it")
        }),
        Check::Policy if explained.waits == Some(Waits::DecisionPoint) => {
            Some("the decision point elsewhere would be asked".to_owned())
        }
        Check::Policy => explained.action.as_ref().map(|_| {
            let enforced = || explained.policies.iter().filter(|policy| policy.mode == Mode::Enforce);
            let applying = enforced().filter(|policy| policy.answer == policy::Answer::Applies);
            let names: Vec<String> = applying.map(|policy| format!("`{}`", policy.id)).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("applying, of {} that could: {names}", enforced().count())
        }),
        Check::Approval => explained.asks.as_ref().map(|asks| format!("asks {}", asks.approvers.join(", "))),
        Check::Ledger => Some("taken for granted: nothing was used before".to_owned()),
        Check::Seen => Some("taken for granted: the server showed nothing against it".to_owned()),
        Check::Request | Check::Possession | Check::Session | Check::Catalogue | Check::Authentication => None,
    }
}

fn workload(workload: &Workload) -> String {
    let traits: Vec<&str> = workload.traits.iter().map(|one| one.name()).collect();
    let traits = if traits.is_empty() { String::new() } else { format!(" ({})", traits.join(", ")) };
    let actors: Vec<String> = workload.actors.iter().map(|actor| format!("`{}`", actor.identity.subject)).collect();
    let through = if actors.is_empty() { String::new() } else { format!(", through {}", actors.join(", ")) };
    format!("`{}`, {}{traits}{through}", workload.identity.subject, workload.kind.name())
}

pub(super) fn reaches(explained: &Explained<'_>) -> Vec<Reaches> {
    let each = |list: &Listed| {
        let of = list.whose.as_ref().map_or_else(|| "task".to_owned(), |who| who.subject.to_string());
        let reaches = list.grants.iter().map(move |(grant, reach)| {
            let (reach, arguments) = match reach {
                Reach::Covers => ("covers", Vec::new()),
                Reach::Other => ("other", Vec::new()),
                Reach::OtherArguments(places) => ("other_arguments", places.iter().map(ToString::to_string).collect()),
                Reach::OtherCircumstances => ("other_circumstances", Vec::new()),
            };
            Reaches { of: of.clone(), grant: grant.to_string(), reach, arguments }
        });
        reaches.collect::<Vec<_>>()
    };
    explained.lists.iter().flat_map(each).collect()
}

pub(super) fn policies(explained: &Explained<'_>) -> Vec<Policy> {
    explained.policies.iter().map(policy).collect()
}

fn policy(opined: &Opined<'_>) -> Policy {
    let Opined { id, permits, mode, answer, step_up, lifted, reason, reads } = opined;
    let (says, failure) = match answer {
        policy::Answer::Applies => ("applies", None),
        policy::Answer::DoesNotApply => ("does_not_apply", None),
        policy::Answer::Fails(failure) => ("fails", Some(failure.clone())),
    };
    Policy {
        id: (*id).to_owned(),
        effect: if *permits { "permit" } else { "forbid" },
        mode: (*mode == Mode::Audit).then_some(mode.name()),
        says,
        failure,
        step_up: step_up.map(str::to_owned),
        lifted: *lifted,
        reason: reason.map(str::to_owned),
        reads: reads.clone(),
    }
}
