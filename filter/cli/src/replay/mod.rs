//! `countersign replay`: which recorded decisions would be others under another configuration.

mod summary;
mod text;

use std::path::Path;

use countersign_explain::document::Document;
use countersign_explain::replay::{Line, RecordError, ReplayError, Replayed, lines};
use serde_json::json;

use crate::arguments::Replay as Arguments;
use crate::document::{self, DocumentError};
use crate::output::{Answer, Verdict};
use crate::validate;

/// Replays the records of the command line.
pub fn answer(arguments: &Arguments) -> Answer {
    let (document, lines) = match read(arguments) {
        Ok(read) => read,
        Err(error) => return validate::hindered("cannot be replayed", &error, &[]),
    };
    match Replayed::of(&document, &lines) {
        Ok(replayed) => {
            let verdict = Verdict::of(!(replayed.flips.is_empty() && replayed.undetermined.is_empty()));
            Answer { text: text::text(&replayed), json: json!(replayed), verdict }
        }
        Err(error) => {
            let findings = if let ReplayError::Invalid(findings) = &error { findings.as_slice() } else { &[] };
            validate::hindered("cannot be replayed", &error, findings)
        }
    }
}

/// The configuration and the records that `arguments` name.
fn read(arguments: &Arguments) -> Result<(Document, Vec<Line>), String> {
    let unreadable = |error: DocumentError| error.to_string();
    let document = document::configuration(&arguments.config).map_err(unreadable)?;
    let mut all = Vec::new();
    for path in &arguments.records {
        let broken = |error| self::broken(path, error);
        all.extend(lines(&document::read(path).map_err(unreadable)?).map_err(broken)?);
    }
    Ok((document, all))
}

fn broken(path: &Path, RecordError { line, problem }: RecordError) -> String {
    format!("{}:{line}: {problem}", path.display())
}
