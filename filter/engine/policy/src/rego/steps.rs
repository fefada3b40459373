//! The steps of an evaluation. They are counted instead of time: what an evaluation may do is the same everywhere.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Result, anyhow};
use regorus::utils::limits::{ExecutionTimerConfig, TimeSource, set_time_source};

/// The most steps of one evaluation: some tens of milliseconds, a thousand times what policies take.
const MOST: u64 = 200_000;
/// Steps between two looks at their number.
const INTERVAL: u32 = 500;
/// Bytes that are read or made in the time of one step.
const BYTES: u64 = 64;
/// Bytes of what is asked about beyond which a step counts for more: it may compare something as long.
const LONG: usize = 16 * 1024;

/// What the library says when there are no steps left; ours is said in the same words.
pub(super) const EXHAUSTED: &str = "exceeded time limit";

/// Counts looks instead of time.
struct Steps;

static STEPS: Steps = Steps;

thread_local! {
    /// Steps since the thread began.
    static TAKEN: Cell<u64> = const { Cell::new(0) };
    /// How many there were when the evaluation began.
    static BEGUN: Cell<u64> = const { Cell::new(0) };
    /// For how many each counts.
    static WEIGHT: Cell<u64> = const { Cell::new(1) };
}

impl TimeSource for Steps {
    fn now(&self) -> Option<Duration> {
        let taken = TAKEN.get().wrapping_add(u64::from(INTERVAL).wrapping_mul(WEIGHT.get()));
        TAKEN.set(taken);
        Some(Duration::from_nanos(taken))
    }
}

/// How often the library looks, and when it stops.
pub(super) fn timer() -> ExecutionTimerConfig {
    let _ = set_time_source(&STEPS);
    ExecutionTimerConfig {
        limit: Duration::from_nanos(MOST),
        check_interval: NonZeroU32::new(INTERVAL).unwrap_or(NonZeroU32::MIN),
    }
}

/// An evaluation begins, about so many bytes.
pub(super) fn begin(bytes: usize) {
    BEGUN.set(TAKEN.get());
    WEIGHT.set(1 + u64::try_from(bytes / LONG).unwrap_or(u64::MAX));
}

/// Bytes that the steps which are left are good for, and one more.
pub(super) fn left_in_bytes() -> u64 {
    MOST.saturating_sub(TAKEN.get().wrapping_sub(BEGUN.get())).saturating_add(1).saturating_mul(BYTES)
}

/// Takes the steps for so many bytes, if there are as many.
pub(super) fn take(bytes: u64) -> Result<()> {
    if bytes >= left_in_bytes() {
        return Err(anyhow!(EXHAUSTED));
    }
    TAKEN.set(TAKEN.get().wrapping_add(bytes / BYTES));
    Ok(())
}
