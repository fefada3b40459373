//! `countersign test`: whether policy packs decide their cases as they say, and which of their policies no case exercises.

mod text;

use std::path::Path;

use countersign_explain::cases::format::Pack;
use countersign_explain::cases::{Policy, Tested};
use serde_json::json;

use crate::arguments::Test;
use crate::document::{self, DocumentError};
use crate::output::{Answer, Verdict};

/// Tests every pack of the command line.
pub fn answer(arguments: &Test) -> Answer {
    let tested: Vec<Tested> = arguments.packs.iter().flat_map(|folder| self::folder(folder)).collect();
    let verdict = tested.iter().map(verdict).max().unwrap_or(Verdict::Fine);
    let text = text::text(&tested);
    Answer { text, json: json!({ "passed": verdict == Verdict::Fine, "packs": tested }), verdict }
}

/// Tests the pack in `folder`, once with each of its policies.
pub fn folder(folder: &Path) -> Vec<Tested> {
    let name = folder.display().to_string();
    match read(folder) {
        Ok((pack, policies)) => policies.iter().map(|policy| Tested::of(&name, &pack, policy)).collect(),
        Err(error) => vec![Tested::unreadable(name, error.to_string())],
    }
}

const fn verdict(tested: &Tested) -> Verdict {
    if tested.unreadable.is_some() { Verdict::Unreadable } else { Verdict::of(!tested.passed) }
}

/// The pack in `folder`: its cases, and the texts of its policies, all of which decide them alike.
///
/// # Errors
/// Where a file of it cannot be read, or says what is not in the format.
pub fn read(folder: &Path) -> Result<(Pack, Vec<Policy>), DocumentError> {
    let (cedar, rego) = (folder.join("policy.cedar"), folder.join("policy.rego"));
    let mut policies = Vec::new();
    // Without either the one that most packs have is missing.
    if cedar.exists() || !rego.exists() {
        policies.push(Policy::Cedar(document::read(&cedar)?));
    }
    if rego.exists() {
        policies.push(Policy::Rego(document::read(&rego)?));
    }
    Ok((document::typed(&folder.join("cases.yaml"))?, policies))
}
