//! `countersign validate`: what the engine would refuse a plugin configuration for, for every file.

mod text;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use countersign_explain::validate::{Checked, Finding};
use serde_json::json;

use crate::arguments::Validate;
use crate::document::{self, DocumentError};
use crate::output::{Answer, Verdict};
pub(crate) use text::finding as write_finding;

/// Checks every file of the command line.
pub fn answer(arguments: &Validate) -> Answer {
    let check = |path: &PathBuf| {
        let mut checked = file(path);
        checked.coverage = checked.coverage.filter(|_| arguments.coverage);
        checked
    };
    let checked: Vec<Checked> = arguments.configs.iter().map(check).collect();
    let verdict = checked.iter().map(|file| self::verdict(file, arguments.strict)).max().unwrap_or(Verdict::Fine);
    let text = text::text(&checked);
    Answer { text, json: json!({ "valid": checked.iter().all(|file| file.valid), "files": checked }), verdict }
}

/// What is wrong with the file at `path`.
pub fn file(path: &Path) -> Checked {
    let file = path.display().to_string();
    match document::configuration(path) {
        Ok(document) => Checked::document(file, &document),
        Err(DocumentError::Io { cause, .. }) => Checked::unreadable(file, cause.to_string()),
        Err(DocumentError::Yaml { malformed, .. }) => Checked::malformed(file, &malformed),
        // Only files that are held to a form have members.
        Err(error @ DocumentError::Member { .. }) => Checked::unreadable(file, error.to_string()),
    }
}

const fn verdict(checked: &Checked, strict: bool) -> Verdict {
    let told = !(checked.warnings.is_empty() && checked.notes.is_empty());
    let objections = !checked.valid || (strict && told);
    if checked.unreadable.is_some() { Verdict::Unreadable } else { Verdict::of(objections) }
}

/// The answer of a command that `error` keeps from its work, with what is wrong with the configuration if it is that.
pub(crate) fn hindered(what: &str, error: &impl Display, findings: &[Finding]) -> Answer {
    let json = json!({ "error": error.to_string(), "findings": findings });
    Answer { text: text::hindered(what, &error.to_string(), findings), json, verdict: Verdict::Unreadable }
}
