//! `countersign test`: whether a policy pack decides its cases as they say, and which of its policies no case exercises.
//!
//! A case is a request that is read as the filter reads it and decided by the engine's policy alone: credentials and grants
//! are not part of it. Nothing is decided here.

mod facts;
pub mod format;
mod request;
mod text;

use std::collections::BTreeSet;
use std::path::Path;

use countersign_engine::UnixTime;
use countersign_engine::catalogue::Resource;
use countersign_engine::config::Config;
use countersign_engine::policy::{self, CedarPolicy, Facts};
use countersign_engine::rollout::Mode;
use serde::Serialize;
use serde_json::{Value, json};

use self::format::{Case, Given, Pack};
pub use self::format::{Decision, Expect};
pub use self::request::{CaseError, Sent, action};
use crate::arguments::Test;
use crate::document::{self, Document, DocumentError};
use crate::output::{Answer, Verdict};
use crate::validate::{self, Finding};

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

/// Tests every pack of the command line.
pub fn answer(arguments: &Test) -> Answer {
    let tested: Vec<Tested> = arguments.packs.iter().map(|folder| Tested::folder(folder)).collect();
    let verdict = tested.iter().map(Tested::verdict).max().unwrap_or(Verdict::Fine);
    let text = text::text(&tested);
    Answer { text, json: json!({ "passed": verdict == Verdict::Fine, "packs": tested }), verdict }
}

impl Tested {
    /// Tests the pack in `folder`.
    pub fn folder(folder: &Path) -> Self {
        let name = folder.display().to_string();
        let nothing = Self {
            folder: name,
            passed: false,
            unreadable: None,
            findings: Vec::new(),
            cases: Vec::new(),
            policies: 0,
            unexercised: Vec::new(),
        };
        let (pack, cedar) = match read(folder) {
            Ok(read) => read,
            Err(error) => return Self { unreadable: Some(error.to_string()), ..nothing },
        };
        match validate::load(&Document::of(configuration(&pack, &cedar)), &validate::Present::default()) {
            Ok((config, Some(policy))) => nothing.decided(&pack, &config, &policy, &cedar),
            Ok((_, None)) => Self { unreadable: Some("there is no policy".to_owned()), ..nothing },
            Err(findings) => Self { findings, ..nothing },
        }
    }

    fn decided(self, pack: &Pack, config: &Config, policy: &CedarPolicy, cedar: &str) -> Self {
        let judge = |case| judge(case, &pack.given, &config.resources, policy);
        let cases: Vec<Judged> = pack.cases.iter().map(judge).collect();
        let decided = cases.iter().filter_map(|case| case.decided.as_ref()?.policies.as_ref());
        let exercised: BTreeSet<&String> = decided.flatten().collect();
        // What is only watched determines nothing.
        let policies: Vec<_> =
            policy.policies(cedar).into_iter().filter(|policy| policy.mode == Mode::Enforce).collect();
        let unexercised: Vec<Unexercised> = policies
            .iter()
            .filter(|policy| !exercised.iter().any(|id| *id == policy.id))
            .map(|policy| Unexercised { id: policy.id.to_owned(), line: policy.line, column: policy.column })
            .collect();
        let passed = unexercised.is_empty() && cases.iter().all(|case| case.passed);
        Self { passed, policies: policies.len(), unexercised, cases, ..self }
    }

    const fn verdict(&self) -> Verdict {
        if self.unreadable.is_some() { Verdict::Unreadable } else { Verdict::of(!self.passed) }
    }
}

/// The pack in `folder`: its cases, and the text of its policies.
///
/// # Errors
/// Where a file of it cannot be read, or says what is not in the format.
pub fn read(folder: &Path) -> Result<(Pack, String), DocumentError> {
    let cedar = document::read(&folder.join("policy.cedar"))?;
    Ok((document::typed(&folder.join("cases.yaml"))?, cedar))
}

/// A configuration with this catalogue and policy: both are read as the filter reads them.
pub fn configuration(pack: &Pack, cedar: &str) -> Value {
    json!({
        "version": 1,
        "issuers": [{
            "name": ISSUER, "issuer": "https://sts.example.com", "profile": "access-token",
            "audiences": ["https://tools.example.com"], "algorithms": ["ES256"],
            "keys": { "url": "https://sts.example.com/jwks.json", "cluster": ISSUER },
        }],
        "resources": pack.resources,
        "sandboxes": pack.sandboxes,
        "policy": { "cedar": cedar },
    })
}

fn judge(case: &Case, given: &Given, resources: &[Resource], policy: &CedarPolicy) -> Judged {
    let decided = decide(case, given, resources, policy);
    let passed = decided.as_ref().is_ok_and(|decided| agrees(&case.expect, decided));
    let problem = decided.as_ref().err().map(ToString::to_string);
    Judged { name: case.name.clone(), passed, expected: case.expect.clone(), decided: decided.ok(), problem }
}

fn decide(case: &Case, given: &Given, resources: &[Resource], policy: &CedarPolicy) -> Result<Expect, CaseError> {
    let name = &case.request.resource;
    let resource = resources.iter().find(|resource| resource.name == *name);
    let resource = resource.ok_or_else(|| CaseError::UnknownResource(name.clone()))?;
    let action = request::action(&case.request, resource)?;
    let now = UnixTime::from_secs(case.now.unwrap_or(given.now));
    let tool = action.tool().and_then(|tool| resource.tools.get(tool));
    let approval = case.approval.as_ref().map(|approver| facts::approval(approver, now));
    let facts = Facts {
        now,
        workload: &facts::workload(case.workload.as_ref().unwrap_or(&given.workload)),
        token: &facts::token(case.token.as_ref().unwrap_or(&given.token), now),
        findings: &case.findings.as_ref().unwrap_or(&given.findings).0,
        task: &facts::task(case.task.as_ref().unwrap_or(&given.task), now),
        action: &action,
        risk: tool.map_or(resource.risk, |tool| tool.risk),
        labels: tool.map_or(&[], |tool| &tool.labels),
        source: case.source.as_deref().or(given.source.as_deref()),
        approval: approval.as_ref(),
    };
    Ok(told(policy.decide_all(&facts, action.parts().iter().map(AsRef::as_ref))))
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
