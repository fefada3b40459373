//! The table of counts, and where the instructions of a decision go.

use std::fmt;

use serde_json::{Value, json};

use super::callgrind::Counts;
use super::{COUNTED, Stage, Tokens};

/// Functions with less than this part of a decision's instructions are not shown.
const SHOWN: f64 = 0.03;

/// Counts of all stages.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

struct Row {
    tokens: &'static str,
    stage: &'static str,
    counts: Counts,
    allocations: f64,
    hostcalls: u64,
}

impl Report {
    pub(super) fn add(&mut self, tokens: Tokens, stage: Stage, counts: Counts, allocations: f64, hostcalls: u64) {
        self.rows.push(Row { tokens: tokens.name(), stage: stage.name(), counts, allocations, hostcalls });
    }

    /// Everything, as JSON.
    pub(super) fn figures(&self) -> Value {
        let row = |row: &Row| {
            let Row { tokens, stage, counts, allocations, hostcalls } = row;
            let Counts { instructions, within } = counts;
            json!({
                "tokens": tokens, "stage": stage, "instructions": instructions, "allocations": allocations,
                "hostcalls": hostcalls, "within": within,
            })
        };
        json!({ "decisions": COUNTED, "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }

    fn of(&self, tokens: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.tokens == tokens)
    }
}

/// What all of `rows` cost together.
fn total<'a>(rows: impl Iterator<Item = &'a Row>, tokens: &'static str) -> Row {
    let mut total = Row { tokens, stage: "all", counts: Counts::default(), allocations: 0.0, hostcalls: 0 };
    for Row { tokens: _, stage: _, counts: Counts { instructions, within }, allocations, hostcalls } in rows {
        total.counts.instructions += instructions;
        for (function, cost) in within {
            *total.counts.within.entry(function.clone()).or_default() += cost;
        }
        total.allocations += allocations;
        total.hostcalls += hostcalls;
    }
    total
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "means of {COUNTED} decisions; the signature is the gateway's work and is not in it")?;
        for tokens in Tokens::ALL.map(Tokens::name) {
            writeln!(f, "\n| {tokens} | instructions | allocations | hostcalls |")?;
            writeln!(f, "|---|---:|---:|---:|")?;
            for row in self.of(tokens) {
                writeln!(f, "{row}")?;
            }
            let all = total(self.of(tokens), tokens);
            writeln!(f, "{all}")?;
            where_they_go(f, &all.counts)?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens: _, stage, counts, allocations, hostcalls } = self;
        write!(f, "| {stage} | {:.0} | {allocations:.1} | {hostcalls} |", counts.instructions)
    }
}

fn where_they_go(f: &mut fmt::Formatter<'_>, all: &Counts) -> fmt::Result {
    let mut within: Vec<_> = all.within.iter().filter(|(_, cost)| **cost >= all.instructions * SHOWN).collect();
    within.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    writeln!(f, "\nin functions and what they call:")?;
    for (function, cost) in within {
        writeln!(f, "{cost:>10.0} {function}")?;
    }
    Ok(())
}
