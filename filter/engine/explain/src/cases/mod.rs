//! Whether a policy pack decides its cases as they say, and which of its policies no case exercises.
//!
//! A case is a request that is read as the filter reads it and decided by the engine's catalogue and policy alone: credentials
//! and grants are not part of it. Nothing is decided here.

mod facts;
pub mod format;
mod request;

use std::collections::BTreeSet;

use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_policy::{self as policy, Described, Facts};
use countersign_protocols::action::{Action, DeclaredIn, Key};
use countersign_protocols::catalogue::Resource;
use countersign_rights::workload::TokenFacts;
use countersign_tokens::UnixTime;
use serde::Serialize;
use serde_json::{Value, json};

use self::format::{Caller, Case, Given, Pack};
pub use self::format::{Decision, Expect};
pub use self::request::{CaseError, Sent, action};
use crate::document::Document;
use crate::validate::{self, Finding, Loaded};

/// The configured name of whoever issued the credentials of every case.
const ISSUER: &str = "sts";

/// What came of one pack.
#[derive(Clone, Debug, Serialize)]
pub struct Tested {
    pub folder: String,
    pub passed: bool,
    /// Why there is nothing to test, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// What is wrong with its policy or its catalogue; no case is decided then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    pub cases: Vec<Judged>,
    /// How many policies it enforces.
    pub policies: usize,
    /// Those that are determining in no case.
    pub unexercised: Vec<Unexercised>,
}

/// What came of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    pub name: String,
    pub passed: bool,
    pub expected: Expect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Expect>,
    /// Why nothing was decided, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A policy that no case exercises, and where it is in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unexercised {
    pub id: String,
    pub line: usize,
    pub column: usize,
}

impl Tested {
    /// The pack called `folder` cannot be read.
    pub fn unreadable(folder: String, cause: String) -> Self {
        Self { unreadable: Some(cause), ..Self::nothing(folder) }
    }

    fn nothing(folder: String) -> Self {
        let (cases, findings, unexercised) = (Vec::new(), Vec::new(), Vec::new());
        Self { folder, passed: false, unreadable: None, findings, cases, policies: 0, unexercised }
    }

    /// What comes of the cases of `pack`, which is called `folder`, with one of its policies.
    pub fn of(folder: &str, pack: &Pack, policy: &Policy) -> Self {
        let nothing = Self::nothing(format!("{folder}{}", policy.suffix()));
        match validate::load(&Document::of(configuration(pack, policy)), &validate::Present::default()) {
            Ok(loaded) => nothing.decided(pack, &loaded, policy),
            Err(findings) => Self { findings, ..nothing },
        }
    }

    fn decided(self, pack: &Pack, loaded: &Loaded, policy: &Policy) -> Self {
        // Rego does not say which policies it has.
        let described = match (policy, &loaded.cedar) {
            (Policy::Cedar(text), Some(cedar)) => cedar.policies(text),
            (Policy::Cedar(_), None) | (Policy::Rego(_), _) => Vec::new(),
        };
        let judge = |case| judge(case, &pack.given, loaded, &described);
        let cases: Vec<Judged> = pack.cases.iter().map(judge).collect();
        let decided = cases.iter().filter_map(|case| case.decided.as_ref()?.policies.as_ref());
        let exercised: BTreeSet<&String> = decided.flatten().collect();
        // What is only watched determines nothing.
        let enforced: Vec<_> = described.into_iter().filter(|policy| policy.mode == Mode::Enforce).collect();
        let unexercised: Vec<Unexercised> = enforced
            .iter()
            .filter(|policy| !exercised.iter().any(|id| *id == policy.id))
            .map(|policy| Unexercised { id: policy.id.to_owned(), line: policy.line, column: policy.column })
            .collect();
        let passed = unexercised.is_empty() && cases.iter().all(|case| case.passed);
        let policies = if enforced.is_empty() { exercised.len() } else { enforced.len() };
        Self { passed, cases, policies, unexercised, ..self }
    }
}

/// One way in which a pack's policies are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `policy.cedar`.
    Cedar(String),
    /// `policy.rego`.
    Rego(String),
}

impl Policy {
    /// As the value of `policy` in a plugin configuration, if it is one of `pack`.
    pub fn configured(&self, pack: &Pack) -> Value {
        match (self, &pack.links) {
            (Self::Cedar(text), Some(links)) => json!({ "cedar": text, "links": links }),
            (Self::Cedar(text), None) => json!({ "cedar": text }),
            (Self::Rego(text), _) => json!({ "rego": text }),
        }
    }

    /// What tells it from the pack's other policies, behind the pack's name.
    pub const fn suffix(&self) -> &'static str {
        match self {
            Self::Cedar(_) => "",
            Self::Rego(_) => " (Rego)",
        }
    }
}

/// A configuration with this catalogue and policy, for whoever calls in the cases: all is read as the filter reads it.
pub fn configuration(pack: &Pack, policy: &Policy) -> Value {
    // A gateway has one issuer of a name, and one name for an issuer; of others the first stands for all.
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let issuers = pack.callers().filter(|caller| {
        let (name, id) = (&caller.issuer_name, caller.trust_domain.as_ref().unwrap_or(&caller.issuer));
        !names.contains(name) && ids.insert(id) && names.insert(name)
    });
    json!({
        "version": 1,
        "issuers": issuers.map(|caller| issuer(caller, pack)).collect::<Vec<_>>(),
        "resources": pack.resources,
        "sandboxes": pack.sandboxes,
        "risk": pack.risk,
        "policy": policy.configured(pack),
    })
}

/// Who vouches for `caller`, one of `pack`.
fn issuer(caller: &Caller, pack: &Pack) -> Value {
    let Caller { issuer, issuer_name, trust_domain, .. } = caller;
    let (profile, member, value) = match trust_domain {
        Some(domain) => ("jwt-svid", "trust_domain", domain),
        None => ("access-token", "issuer", issuer),
    };
    let mut machines = pack.callers().filter(|other| other.issuer == *issuer && trust_domain.is_none());
    let machines = machines.find_map(|other| Some(&other.machine.as_ref()?.claim));
    let mut entry = json!({
        "name": issuer_name, "profile": profile, member: value,
        "audiences": ["https://tools.example.com"], "algorithms": ["ES256"],
        "keys": { "url": "https://sts.example.com/jwks.json", "cluster": ISSUER },
        "claims": pack.claims,
    });
    if let (Some(claim), Some(members)) = (machines, entry.as_object_mut()) {
        members.insert("machine_claim".to_owned(), json!(claim));
    }
    entry
}

fn judge(case: &Case, given: &Given, loaded: &Loaded, described: &[Described<'_>]) -> Judged {
    let decided = check_expected(&case.expect, loaded, described).and_then(|()| decide(case, given, loaded));
    let passed = decided.as_ref().is_ok_and(|decided| agrees(&case.expect, decided));
    let problem = decided.as_ref().err().map(ToString::to_string);
    Judged { name: case.name.clone(), passed, expected: case.expect.clone(), decided: decided.ok(), problem }
}

fn decide(case: &Case, given: &Given, loaded: &Loaded) -> Result<Expect, CaseError> {
    let Loaded { config, cedar, rego } = loaded;
    let name = &case.request.resource;
    let resource = config.resources.iter().find(|resource| resource.name == *name);
    let resource = resource.ok_or_else(|| CaseError::UnknownResource(name.clone()))?;
    let action = request::action(&case.request, resource, &config.resources)?;
    check_declared(case, resource, &action)?;
    if request::is_public_card(&action, resource) {
        return Ok(Expect::without_policies(Decision::Allow, None));
    }
    let now = UnixTime::from_secs(case.now.unwrap_or(given.now));
    let approval = case.approval.as_ref().map(|approver| facts::approval(approver, now));
    let workload = facts::workload(case.workload.as_ref().unwrap_or(&given.workload), config)?;
    let token = facts::token(case.token.as_ref().unwrap_or(&given.token), now);
    if let Some(reason) = refused(resource, &action, &token, now) {
        return Ok(Expect::without_policies(Decision::Deny, Some(reason)));
    }
    let findings = &case.findings.as_ref().unwrap_or(&given.findings).0;
    let facts = Facts {
        now,
        workload: &workload,
        token: &token,
        findings,
        task: &facts::task(case.task.as_ref().unwrap_or(&given.task), now),
        action: &action,
        risk: config.risk.risk(resource, &action, &workload, findings),
        labels: action.labels(resource),
        source: case.source.as_deref().or(given.source.as_deref()),
        approval: approval.as_ref(),
    };
    let parts = action.parts();
    let cedar = cedar.as_ref().map(|cedar| cedar.decide_all(&facts, parts.iter().map(AsRef::as_ref)));
    let rego = || rego.as_ref().map(|rego| rego.decide_all(resource, &facts, &parts));
    cedar.or_else(rego).map(told).ok_or(CaseError::NoPolicy)
}

/// What the catalogue refuses before policy is asked: what is not declared where everything is, and who did not authenticate as it
/// demands.
fn refused(resource: &Resource, action: &Action, token: &TokenFacts, now: UnixTime) -> Option<Reason> {
    if resource.interface.closed && action.entry(resource).is_none() {
        return Some(Reason::Undeclared);
    }
    let demand = resource.demand(action.entry(resource))?;
    (!demand.is_met_by(&token.authentication, now)).then_some(Reason::AuthenticationInsufficient)
}

/// That the tool, endpoint or method is declared where some are, or that the case says that it is not.
fn check_declared(case: &Case, resource: &Resource, action: &Action) -> Result<(), CaseError> {
    let (member, name) = match (action.key(), action.declared_in()) {
        (Key::Tool(endpoint), _) if action.endpoint(resource).is_some() => ("path", endpoint.to_owned()),
        (Key::Tool(tool), _) => ("tool", tool.to_owned()),
        (Key::Event(_), _) => ("arguments", action.object().unwrap_or_default().to_owned()),
        (Key::Method, DeclaredIn::Endpoint) => ("path", format!("{} {}", action.method, action.path())),
        (Key::Method, _) if case.undeclared => return Err(CaseError::NothingToDeclare),
        (Key::Method, _) => return Ok(()),
    };
    // Events are declared beside tools.
    let is_event = matches!(action.key(), Key::Event(_));
    let alike = |name: &String| resource.is_event(name) == is_event;
    let something_is = resource.tools.keys().any(alike) || resource.interface.closed;
    match (action.entry(resource).is_some(), case.undeclared) {
        (true, true) => Err(CaseError::Declared(name)),
        (false, false) if something_is => Err(CaseError::Undeclared { member, name, resource: resource.name.clone() }),
        (true, false) | (false, _) => Ok(()),
    }
}

/// That what is expected names policies which are there, as far as that is known.
fn check_expected(expect: &Expect, loaded: &Loaded, described: &[Described<'_>]) -> Result<(), CaseError> {
    if loaded.cedar.is_none() {
        return Ok(());
    }
    for id in expect.policies.iter().flatten() {
        match described.iter().find(|policy| policy.id == id) {
            Some(policy) if policy.mode == Mode::Audit => return Err(CaseError::WatchedPolicy(id.clone())),
            Some(_) => {}
            None => return Err(CaseError::UnknownPolicy(id.clone())),
        }
    }
    Ok(())
}

fn told(verdict: policy::Verdict) -> Expect {
    let set = |ids: &[String]| Some(ids.iter().cloned().collect());
    let (decision, policies) = match &verdict {
        policy::Verdict::Allow(allow) => (Decision::Allow, set(allow.determining())),
        policy::Verdict::Deny(deny) => (Decision::Deny, set(&deny.determining)),
        policy::Verdict::StepUp(step_up) => (Decision::StepUp, set(&step_up.determining)),
    };
    let (approvers, reason, sandbox) = match verdict {
        policy::Verdict::Allow(allow) => (None, None, allow.sandbox().map(str::to_owned)),
        policy::Verdict::Deny(deny) => (None, Some(deny.reason.row().code.to_owned()), None),
        policy::Verdict::StepUp(step_up) => (set(&step_up.approvers), None, None),
    };
    Expect { decision, policies, approvers, reason, sandbox }
}

/// What a case leaves out is not compared.
fn agrees(expected: &Expect, decided: &Expect) -> bool {
    let Expect { decision, policies, approvers, reason, sandbox } = expected;
    *decision == decided.decision
        && (policies.is_none() || *policies == decided.policies)
        && (approvers.is_none() || *approvers == decided.approvers)
        && (reason.is_none() || *reason == decided.reason)
        && (sandbox.is_none() || *sandbox == decided.sandbox)
}
