//! `countersign validate`: what the engine would refuse a plugin configuration for, all of it at once, before a gateway does.
//!
//! Judges nothing by itself: configuration and policy are read by the engine's own readers. Secrets count as present.

mod place;
mod remedy;
mod secrets;
mod text;

use std::path::Path;

use countersign_engine::config::{Config, ConfigError};
use countersign_engine::policy::{CedarPolicy, LoadError, Place};
use serde::Serialize;
use serde_json::{Value, json};

pub use secrets::Present;
pub(crate) use text::finding as write_finding;

use crate::arguments::Validate;
use crate::document::{Document, DocumentError};
use crate::output::{Answer, Verdict};

/// Where the policy's text is.
const CEDAR: &str = "/policy/cedar";

/// What is said about one file.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub file: String,
    pub valid: bool,
    /// Why it cannot be read at all, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    pub findings: Vec<Finding>,
    /// Names of the environment variables that the gateway must pass to the filter.
    pub environment: Vec<String>,
    /// The policy's text, to show places in it.
    #[serde(skip)]
    cedar: Option<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where: a JSON Pointer (RFC 6901), empty for the whole document.
    pub pointer: String,
    /// Where in the text at that place, from 1; in the file where it is no document at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The policy it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    pub cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Checks every file of the command line.
pub fn answer(arguments: &Validate) -> Answer {
    let checked: Vec<Checked> = arguments.configs.iter().map(|path| Checked::file(path)).collect();
    let verdict = checked.iter().map(Checked::verdict).max().unwrap_or(Verdict::Fine);
    let text = text::text(&checked);
    Answer { text, json: json!({ "valid": verdict == Verdict::Fine, "files": checked }), verdict }
}

impl Checked {
    /// What is wrong with the file at `path`.
    pub fn file(path: &Path) -> Self {
        let file = path.display().to_string();
        match Document::read(path) {
            Ok(document) => Self::document(file, &document),
            Err(DocumentError::Io { cause, .. }) => {
                Self { unreadable: Some(cause.to_string()), ..Self::found(file, Vec::new()) }
            }
            Err(DocumentError::Yaml { problem, line, column, .. }) => {
                let remedy = Some("write YAML that JSON can say, each key once".to_owned());
                let cause = format!("not YAML: {problem}");
                Self::found(file, vec![Finding { line, column, remedy, ..Finding::at(String::new(), cause) }])
            }
            // Only files that are held to a form have members.
            Err(error @ DocumentError::Member { .. }) => {
                Self::found(file, vec![Finding::at(String::new(), error.to_string())])
            }
        }
    }

    fn found(file: String, findings: Vec<Finding>) -> Self {
        Self { file, valid: false, unreadable: None, findings, environment: Vec::new(), cedar: None }
    }

    fn document(file: String, document: &Document) -> Self {
        let secrets = Present::default();
        let findings = load(document, &secrets).err().unwrap_or_default();
        let cedar = cedar(document).map(str::to_owned);
        Self { valid: findings.is_empty(), environment: secrets.names(), cedar, ..Self::found(file, findings) }
    }

    const fn verdict(&self) -> Verdict {
        if self.unreadable.is_some() { Verdict::Unreadable } else { Verdict::of(!self.valid) }
    }
}

/// The configuration that `document` is, and its Cedar policy, if it has one; or everything that is wrong with either.
///
/// # Errors
/// In reading order: the configuration's, then the policy's. Of a policy for an unusable catalogue only what is wrong
/// with its text.
pub fn load(document: &Document, secrets: &Present) -> Result<(Config, Option<CedarPolicy>), Vec<Finding>> {
    let of_policy = |error: &LoadError| Finding::of_policy(error, &document.value);
    match Config::parse(document.text.as_bytes(), secrets) {
        Ok(config) => {
            let compile = |text| CedarPolicy::compile_with(text, &config.resources, &config.sandboxes);
            match config.policy.cedar.as_deref().map(compile).transpose() {
                Ok(policy) => Ok((config, policy)),
                Err(errors) => Err(errors.iter().map(of_policy).collect()),
            }
        }
        Err(errors) => {
            let policy = cedar(document).map(CedarPolicy::mistakes).unwrap_or_default();
            Err(errors.iter().map(Finding::of_config).chain(policy.iter().map(of_policy)).collect())
        }
    }
}

fn cedar(document: &Document) -> Option<&str> {
    document.value.pointer(CEDAR).and_then(Value::as_str)
}

impl Finding {
    fn at(pointer: String, cause: String) -> Self {
        Self { pointer, line: None, column: None, policy: None, cause, remedy: None }
    }

    /// The engine writes `<cause>; <remedy>`.
    pub(crate) fn of_config(error: &ConfigError) -> Self {
        let (cause, remedy) = match error.message().split_once("; ") {
            Some((cause, remedy)) => (cause, Some(remedy.to_owned())),
            None => (error.message(), None),
        };
        Self { remedy, ..Self::at(error.pointer().to_owned(), cause.to_owned()) }
    }

    fn of_policy(error: &LoadError, document: &Value) -> Self {
        let LoadError { place, problem } = error;
        let remedy = Some(remedy::remedy(problem).to_owned());
        let cause = problem.to_string();
        match place {
            Place::Text { line, column } => {
                Self { line: Some(*line), column: Some(*column), remedy, ..Self::at(CEDAR.to_owned(), cause) }
            }
            Place::Policy { line, column, id } => Self {
                line: Some(*line),
                column: Some(*column),
                policy: Some(id.clone()),
                remedy,
                ..Self::at(CEDAR.to_owned(), cause)
            },
            Place::Catalogue(names) => Self { remedy, ..Self::at(place::pointer(names, document), cause) },
        }
    }
}
