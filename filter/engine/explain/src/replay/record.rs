//! A log of records: lines as a gateway wrote them, among whatever else it logs.

use countersign_engine::record::ReadError;
pub(super) use countersign_engine::record::wire::{Action, Actor, Decision as Record, Task, Token, Workload};

/// One line of a log.
pub enum Line {
    Decision(Box<Record<'static>>),
    /// No record, or one about the end of a stream.
    Other,
}

/// A line begins as a record and is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {problem}")]
pub struct RecordError {
    /// Counted from 1.
    pub line: usize,
    pub problem: String,
}

/// The lines of a log.
pub fn lines(text: &str) -> Result<Vec<Line>, RecordError> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let line = |(index, text): (usize, &str)| {
        self::line(text).map_err(|error| RecordError { line: index + 1, problem: error.to_string() })
    };
    numbered.map(line).collect()
}

pub(super) fn line(text: &str) -> Result<Line, ReadError> {
    Ok(Record::read(text)?.map_or(Line::Other, |record| Line::Decision(Box::new(record))))
}
