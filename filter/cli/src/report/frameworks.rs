//! Which risks a configuration answers, and by what.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_engine::config::Config;
use countersign_explain::validate::{self, Loaded};
use countersign_facts::check::Check;
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_policy::CedarPolicy;
use countersign_policy::frameworks::{self, OF_RECORDS};
use countersign_rights::hygiene::Finding;
use serde::Serialize;
use serde_json::json;

use super::catalogue::{Framework, Risk, catalogue};
use super::text;
use crate::document::{self, DocumentError};
use crate::output::{Answer, Verdict};

/// What a configuration answers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub file: String,
    /// Whether all of it is only watched.
    pub audit: bool,
    /// Resources that are only watched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<String>,
    pub frameworks: Vec<Covered>,
}

/// One framework.
#[derive(Clone, Debug, Serialize)]
pub struct Covered {
    pub framework: String,
    pub source: String,
    pub risks: Vec<Answered>,
}

/// One risk, and what answers it.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    pub id: String,
    pub title: String,
    pub answered: bool,
    /// Built-in checks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<BuiltIn>,
    /// What is said on records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<&'static str>,
    /// Policies that are enforced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Policies in audit: they answer nothing yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<String>,
}

/// A built-in check, and the reason with which it denies.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BuiltIn {
    /// None where it is no step of the flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<&'static str>,
    pub reason: &'static str,
}

/// The report about the configuration at `path`.
pub(super) fn answer(path: &Path) -> Answer {
    let file = path.display().to_string();
    let unreadable = |error: &DocumentError| Answer {
        text: text::failure(&file, &error.to_string(), &[]),
        json: json!({ "file": file, "error": error.to_string() }),
        verdict: Verdict::Unreadable,
    };
    let (document, frameworks) = match document::configuration(path).and_then(|document| Ok((document, catalogue()?))) {
        Ok(read) => read,
        Err(error) => return unreadable(&error),
    };
    match validate::load(&document, &validate::Present::default()) {
        Ok(Loaded { config, cedar, rego: _ }) => {
            let report = Report::of(file, &config, cedar.as_ref(), frameworks);
            Answer { text: text::text(&report), json: json!(report), verdict: Verdict::Fine }
        }
        Err(findings) => Answer {
            text: text::failure(&file, "the configuration is not valid", &findings),
            json: json!({ "file": file, "error": "the configuration is not valid", "findings": findings }),
            verdict: Verdict::Objections,
        },
    }
}

impl Report {
    /// What `config` and its `policy` answer of `catalogue`.
    pub fn of(file: String, config: &Config, policy: Option<&CedarPolicy>, catalogue: Vec<Framework>) -> Self {
        let answers = Answers::of(config, policy);
        let audited = config.resources.iter().filter(|resource| resource.mode == Mode::Audit);
        let covered = |framework: Framework| Covered {
            framework: framework.name,
            source: framework.source,
            risks: framework.entries.into_iter().map(|risk| answers.to(risk)).collect(),
        };
        Self {
            file,
            audit: config.mode == Mode::Audit,
            watched: audited.map(|resource| resource.name.clone()).collect(),
            frameworks: catalogue.into_iter().map(covered).collect(),
        }
    }
}

/// What answers each risk, by its identifier.
#[derive(Default)]
struct Answers {
    checks: BTreeMap<&'static str, Vec<BuiltIn>>,
    records: BTreeMap<&'static str, Vec<&'static str>>,
    policies: BTreeMap<&'static str, Vec<String>>,
    watched: BTreeMap<&'static str, Vec<String>>,
}

impl Answers {
    fn of(config: &Config, policy: Option<&CedarPolicy>) -> Self {
        let mut answers = Self::default();
        for row in Reason::ALL.iter().map(|reason| reason.row()).filter(|row| config.meets(row.needs)) {
            let built_in = BuiltIn { check: row.check.map(Check::name), reason: row.code };
            for id in row.maps {
                answers.checks.entry(id).or_default().push(built_in);
            }
        }
        for id in OF_RECORDS {
            answers.records.entry(id).or_default().push("every decision");
        }
        for finding in Finding::ALL {
            for id in frameworks::of_finding(finding) {
                answers.records.entry(id).or_default().push(finding.name());
            }
        }
        let text = config.policy.cedar.as_deref().unwrap_or_default();
        for described in policy.into_iter().flat_map(|policy| policy.policies(text)) {
            let by = match described.mode {
                Mode::Enforce => &mut answers.policies,
                Mode::Audit => &mut answers.watched,
            };
            for id in described.maps {
                by.entry(*id).or_default().push(described.id.to_owned());
            }
        }
        answers
    }

    fn to(&self, risk: Risk) -> Answered {
        let Risk { id, title } = risk;
        let names = |by: &BTreeMap<&'static str, Vec<String>>| by.get(id.as_str()).cloned().unwrap_or_default();
        let checks = self.checks.get(id.as_str()).cloned().unwrap_or_default();
        let records = self.records.get(id.as_str()).cloned().unwrap_or_default();
        let (policies, watched) = (names(&self.policies), names(&self.watched));
        let answered = !(checks.is_empty() && records.is_empty() && policies.is_empty());
        Answered { id, title, answered, checks, records, policies, watched }
    }
}
