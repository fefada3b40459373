//! What the gateway counts for us: a closed set of metrics, each defined when first used.

use std::cell::RefCell;
use std::collections::BTreeMap;

use countersign_engine::record::Line;
use countersign_facts::reason::{LineKind, Reason};
use countersign_facts::rollout::{Effect, Flip, Mode};
use proxy_wasm::types::MetricType;

use crate::host;

/// One metric. A closed set, so that nothing a client sends can add one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// Lines written, by kind and reason.
    Decisions(LineKind, Reason),
    /// Lines written about decisions that were not carried out, by kind and reason.
    Audited(LineKind, Reason),
    /// What something in audit would have changed: the filter's or a resource's mode, or policies; from what to what.
    Flips(&'static str, Effect, Effect),
    /// Microseconds from a request's first byte to its decision, waiting included.
    DecisionTime,
    /// Streams held at the moment, for longer than a tick or for a call.
    Waiting,
    /// Answers nobody waited for any more.
    LateAnswers,
    /// Calls whose stream ended before the answer.
    AbandonedCalls,
    /// The revision of the bundle that a worker took last.
    BundleRevision,
    /// Seconds since what is decided by was signed, or taken where its signature does not say.
    BundleAge,
    /// Bundles taken, by each worker.
    BundlesInstalled,
    /// Answers that were no newer bundle and should have been.
    BundlesRefused,
    /// Requests answered 503 without a decision: there is no configuration.
    Refused,
}

impl Metric {
    fn name(self) -> String {
        match self {
            Self::Decisions(kind, reason) => format!("countersign.decisions.{}.{}", kind.name(), reason.row().code),
            Self::Audited(kind, reason) => format!("countersign.audited.{}.{}", kind.name(), reason.row().code),
            Self::Flips(cause, from, to) => format!("countersign.flips.{cause}.{}.{}", from.name(), to.name()),
            Self::DecisionTime => "countersign.decision_us".to_owned(),
            Self::Waiting => "countersign.waiting_streams".to_owned(),
            Self::LateAnswers => "countersign.calls.late".to_owned(),
            Self::AbandonedCalls => "countersign.calls.abandoned".to_owned(),
            Self::BundleRevision => "countersign.bundle.revision".to_owned(),
            Self::BundleAge => "countersign.bundle.age".to_owned(),
            Self::BundlesInstalled => "countersign.bundle.installed".to_owned(),
            Self::BundlesRefused => "countersign.bundle.refused".to_owned(),
            Self::Refused => "countersign.refused".to_owned(),
        }
    }

    fn shape(self) -> MetricType {
        match self {
            Self::Decisions(..)
            | Self::Audited(..)
            | Self::Flips(..)
            | Self::LateAnswers
            | Self::AbandonedCalls
            | Self::BundlesInstalled
            | Self::BundlesRefused
            | Self::Refused => MetricType::Counter,
            Self::DecisionTime => MetricType::Histogram,
            Self::Waiting | Self::BundleRevision | Self::BundleAge => MetricType::Gauge,
        }
    }
}

/// The ids of the metrics used so far.
#[derive(Debug, Default)]
pub(crate) struct Stats(RefCell<BTreeMap<Metric, u32>>);

impl Stats {
    /// Counts a line, and the time it took if it is a decision's.
    pub(crate) fn line(&self, line: &Line) {
        let decided = match line.mode {
            Mode::Enforce => Metric::Decisions(line.kind, line.reason),
            Mode::Audit => Metric::Audited(line.kind, line.reason),
        };
        self.add(decided, 1);
        for Flip { cause, from, to, reason: _ } in &line.flips {
            self.add(Metric::Flips(cause.name(), *from, *to), 1);
        }
        match line.kind {
            LineKind::Allow | LineKind::Deny | LineKind::StepUp | LineKind::Served => {
                let micros = u64::try_from(line.elapsed.as_micros()).unwrap_or(u64::MAX);
                self.with(Metric::DecisionTime, |id| host::record_metric(id, micros));
            }
            LineKind::Ended => {}
        }
    }

    /// Sets a gauge, of which whichever worker was last is right.
    pub(crate) fn set(&self, metric: Metric, value: u64) {
        self.with(metric, |id| host::record_metric(id, value));
    }

    /// Moves a counter or gauge. A gauge is shared by all workers, hence not set where all of them count.
    pub(crate) fn add(&self, metric: Metric, by: i64) {
        self.with(metric, |id| host::add_to_metric(id, by));
    }

    fn with(&self, metric: Metric, use_it: impl FnOnce(u32)) {
        let known = self.0.borrow().get(&metric).copied();
        let id = known.or_else(|| {
            let id = host::define_metric(metric.shape(), &metric.name())?;
            self.0.borrow_mut().insert(metric, id);
            Some(id)
        });
        if let Some(id) = id {
            use_it(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_watched_is_counted_apart() {
        for (metric, name) in [
            (Metric::Decisions(LineKind::Deny, Reason::NotGranted), "countersign.decisions.deny.not_granted"),
            (Metric::Audited(LineKind::Deny, Reason::NotGranted), "countersign.audited.deny.not_granted"),
            (Metric::Flips("mode", Effect::Allow, Effect::StepUp), "countersign.flips.mode.allow.step_up"),
            (Metric::Flips("policy", Effect::Deny, Effect::Error), "countersign.flips.policy.deny.error"),
        ] {
            assert_eq!(metric.name(), name);
        }
    }
}
