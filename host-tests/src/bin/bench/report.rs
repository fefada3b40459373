//! The table and the figures behind it.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Run;
use crate::variants::{BASELINE, NATIVE};

/// Figures of all rounds.
pub(crate) struct Report {
    envoy: String,
    seconds: u64,
    rounds: usize,
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    samples: Vec<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    cpu_us: f64,
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    failed: u64,
}

impl Report {
    pub(crate) fn new(envoy: &str, seconds: u64, rounds: usize) -> Self {
        Self { envoy: envoy.to_owned(), seconds, rounds, rows: Vec::new() }
    }

    /// One variant in one round: what the load saw, and the gateway's CPU time meanwhile.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub(crate) fn add(&mut self, name: &'static str, run: &Run, cpu: Duration) {
        let sample = Sample {
            cpu_us: cpu.as_secs_f64() * 1e6 / run.requests as f64,
            per_second: run.requests as f64 * 1e6 / run.duration_us as f64,
            p50_us: run.p50_us,
            p99_us: run.p99_us,
            failed: run.failed,
        };
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row { name, samples: vec![sample] }),
        }
    }

    /// Medians, as JSON.
    pub(crate) fn figures(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "name": row.name,
                    "cpu_us_per_request": row.median(|sample| sample.cpu_us),
                    "added_cpu_us": row.median(|sample| sample.cpu_us) - self.cpu(BASELINE),
                    "ratio_to_native": self.ratio(row),
                    "requests_per_second": row.median(|sample| sample.per_second),
                    "p50_us": row.median(|sample| sample.p50_us),
                    "p99_us": row.median(|sample| sample.p99_us),
                    "failed": row.samples.iter().map(|sample| sample.failed).sum::<u64>(),
                })
            })
            .collect();
        json!({ "envoy": self.envoy, "seconds": self.seconds, "rounds": self.rounds, "rows": rows })
    }

    fn cpu(&self, name: &str) -> f64 {
        self.rows.iter().find(|row| row.name == name).map_or(0.0, |row| row.median(|sample| sample.cpu_us))
    }

    /// Added cost over that of the native filters.
    fn ratio(&self, row: &Row) -> f64 {
        let added = |cpu: f64| cpu - self.cpu(BASELINE);
        added(row.median(|sample| sample.cpu_us)) / added(self.cpu(NATIVE))
    }
}

impl Row {
    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let mut values: Vec<f64> = self.samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Envoy {}, one worker, {} rounds of {} s, medians", self.envoy, self.rounds, self.seconds)?;
        writeln!(f, "| what | CPU µs/request | added | × native | requests/s | p50 µs | p99 µs |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|")?;
        for row in &self.rows {
            let cpu = row.median(|sample| sample.cpu_us);
            let added = cpu - self.cpu(BASELINE);
            let ratio = if row.name == BASELINE { "–".to_owned() } else { format!("{:.1}", self.ratio(row)) };
            writeln!(
                f,
                "| {} | {cpu:.1} | {added:.1} | {ratio} | {:.0} | {:.0} | {:.0} |",
                row.name,
                row.median(|sample| sample.per_second),
                row.median(|sample| sample.p50_us),
                row.median(|sample| sample.p99_us),
            )?;
        }
        Ok(())
    }
}
