//! Files of records: lines as a gateway logs them, among whatever else it logs.

use std::path::{Path, PathBuf};

use countersign_engine::record::ReadError;
pub(super) use countersign_engine::record::wire::{Action, Actor, Decision as Record, Task, Token, Workload};

use crate::document::{self, DocumentError};

/// One line of a file.
pub(super) enum Line {
    Decision(Box<Record<'static>>),
    /// No record, or one about the end of a stream.
    Other,
}

/// Why a file holds no records.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A line begins as a record and is none.
    #[error("{}:{line}: {problem}", .path.display())]
    Line { path: PathBuf, line: usize, problem: ReadError },
}

/// The lines of the file at `path`.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, RecordError> {
    let text = document::read(path)?;
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let line = |(index, text): (usize, &str)| {
        let refused = |problem| RecordError::Line { path: path.to_owned(), line: index + 1, problem };
        self::line(text).map_err(refused)
    };
    numbered.map(line).collect()
}

pub(super) fn line(text: &str) -> Result<Line, ReadError> {
    Ok(Record::read(text)?.map_or(Line::Other, |record| Line::Decision(Box::new(record))))
}
