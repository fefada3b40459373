//! What the engine would refuse a plugin configuration for, all of it at once, before a gateway does.
//!
//! Judges nothing by itself: configuration and policy are read by the engine's own readers. Secrets count as present.

mod bodies;
mod coverage;
mod keywords;
mod notes;
mod place;
mod remedy;
mod secrets;

use countersign_engine::config::Config;
use countersign_facts::mistakes::ConfigError;
use countersign_policy::{CedarPolicy, LoadError, Place, RegoPolicy, catalogue_errors};
use serde::Serialize;
use serde_json::Value;

use crate::document::{Document, Malformed};
pub use coverage::Argument;
pub use secrets::Present;

/// Where the policies' texts are.
const CEDAR: &str = "/policy/cedar";
const REGO: &str = "/policy/rego";
/// Where what is made of templates is.
const LINKS: &str = "/policy/links";

/// What is said about one file.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub file: String,
    pub valid: bool,
    /// Why it cannot be read at all, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    pub findings: Vec<Finding>,
    /// What the filter does not read or enforce: arguments that no policy can read, bodies of which nothing is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Finding>,
    /// What can be loaded and is likely not meant: rules that nothing meets, entries that nobody reaches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Finding>,
    /// Every argument, where that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Vec<Argument>>,
    /// Names of the environment variables that the gateway must pass to the filter.
    pub environment: Vec<String>,
    /// The policies' texts by their pointers, to show places in them.
    #[serde(skip)]
    policies: Vec<(&'static str, String)>,
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

impl Checked {
    /// Nothing is known of it but why it cannot be read.
    pub fn unreadable(file: String, cause: String) -> Self {
        Self { unreadable: Some(cause), ..Self::found(file, Vec::new()) }
    }

    /// It is no YAML, which is all that is wrong with it.
    pub fn malformed(file: String, Malformed { problem, line, column }: &Malformed) -> Self {
        let remedy = Some("write YAML that JSON can say, each key once".to_owned());
        let (line, column, cause) = (*line, *column, format!("not YAML: {problem}"));
        Self::found(file, vec![Finding { line, column, remedy, ..Finding::at(String::new(), cause) }])
    }

    fn found(file: String, findings: Vec<Finding>) -> Self {
        let (warnings, notes, environment, policies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { file, valid: false, unreadable: None, findings, warnings, notes, coverage: None, environment, policies }
    }

    /// What is wrong with `document`, which is called `file`.
    pub fn document(file: String, document: &Document) -> Self {
        let secrets = Present::default();
        let (loaded, findings) = match load(document, &secrets) {
            Ok(loaded) => (Some(loaded), Vec::new()),
            Err(findings) => (None, findings),
        };
        let coverage = loaded.as_ref().map(|loaded| coverage::arguments(loaded, &document.value));
        let mut warnings: Vec<Finding> = coverage.iter().flatten().filter_map(Argument::warning).collect();
        if let Some(loaded) = &loaded {
            warnings.extend(bodies::unsaid(&document.value));
            warnings.extend(keywords::not_enforced(&loaded.config, &document.value));
            let doubtful = loaded.cedar.iter().flat_map(CedarPolicy::doubtful);
            warnings.extend(doubtful.map(|doubt| Finding::doubt(doubt, &document.value)));
        }
        let notes = loaded.as_ref().map(|loaded| notes::notes(loaded, &document.value, text(document, CEDAR)));
        let notes = notes.unwrap_or_default();
        let written = |pointer| Some((pointer, text(document, pointer)?.to_owned()));
        let policies = [CEDAR, REGO].into_iter().filter_map(written).collect();
        let (valid, environment) = (loaded.is_some(), secrets.names());
        Self { valid, warnings, notes, coverage, environment, policies, ..Self::found(file, findings) }
    }

    /// The text of the policy that `finding` is in.
    pub fn text_of(&self, finding: &Finding) -> Option<&str> {
        self.policies.iter().find(|(pointer, _)| *pointer == finding.pointer).map(|(_, text)| text.as_str())
    }
}

/// A configuration and its policies.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub cedar: Option<CedarPolicy>,
    pub rego: Option<RegoPolicy>,
}

/// The configuration that `document` is, and its policies; or everything that is wrong with any of it.
///
/// # Errors
/// In reading order: the configuration's, then the policy's. Of a policy for an unusable catalogue only what is wrong
/// with its text.
pub fn load(document: &Document, secrets: &Present) -> Result<Loaded, Vec<Finding>> {
    let of_policy = |error: &LoadError| Finding::of_policy(error, CEDAR, &document.value);
    match Config::parse(document.text.as_bytes(), secrets) {
        Ok(config) => {
            let cedar = CedarPolicy::of(&config.parts());
            let (rego, input) = (config.policy.rego.as_deref(), config.policy.rego_input);
            let rego = rego.map(|text| RegoPolicy::compile(text, input, &config.resources, &config.sandboxes));
            let rego = rego.transpose();
            match (cedar, rego) {
                (Ok(None), Ok(None)) => {
                    // A decision point elsewhere decides, about arguments that fit.
                    let errors = catalogue_errors(&config.resources);
                    if errors.is_empty() {
                        return Ok(Loaded { config, cedar: None, rego: None });
                    }
                    Err(errors.iter().map(of_policy).collect())
                }
                (Ok(cedar), Ok(rego)) => Ok(Loaded { config, cedar, rego }),
                (cedar, rego) => {
                    let of_rego = |error: &LoadError| Finding::of_policy(error, REGO, &document.value);
                    let (cedar, rego) = (cedar.err().unwrap_or_default(), rego.err().unwrap_or_default());
                    Err(cedar.iter().map(of_policy).chain(rego.iter().map(of_rego)).collect())
                }
            }
        }
        Err(errors) => {
            let policy = text(document, CEDAR).map(CedarPolicy::mistakes).unwrap_or_default();
            Err(errors.iter().map(Finding::of_config).chain(policy.iter().map(of_policy)).collect())
        }
    }
}

fn text<'d>(document: &'d Document, pointer: &str) -> Option<&'d str> {
    document.value.pointer(pointer).and_then(Value::as_str)
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

    /// Of a text in a policy that may not be what it looks like.
    fn doubt(error: &LoadError, document: &Value) -> Self {
        let remedy = "compare it letter by letter with what is meant; if it is that, leave it".to_owned();
        Self { remedy: Some(remedy), ..Self::of_policy(error, CEDAR, document) }
    }

    fn of_policy(error: &LoadError, text: &str, document: &Value) -> Self {
        let LoadError { place, problem } = error;
        let remedy = Some(remedy::remedy(problem).to_owned());
        let cause = problem.to_string();
        match place {
            Place::Text { line, column } => {
                Self { line: Some(*line), column: Some(*column), remedy, ..Self::at(text.to_owned(), cause) }
            }
            Place::Policy { line, column, id } => Self {
                line: Some(*line),
                column: Some(*column),
                policy: Some(id.clone()),
                remedy,
                ..Self::at(text.to_owned(), cause)
            },
            Place::Catalogue(names) => Self { remedy, ..Self::at(place::pointer(names, document), cause) },
            Place::Link(position) => Self { remedy, ..Self::at(format!("{LINKS}/{position}"), cause) },
        }
    }
}
