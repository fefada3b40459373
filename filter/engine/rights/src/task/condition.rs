//! What a grant demands of the moment, the place and the chain, and how often it can be used.
//!
//! Counts are kept by the ledger, in each gateway process for itself (ARCHITECTURE, "Where state lives").

use std::time::Duration;

use countersign_protocols::bounds::TaskError;
use countersign_protocols::bounds::networks::{contains, networks};
use countersign_tokens::UnixTime;
use ipnet::IpNet;
use serde_json::Value;

use super::claims::numeric_date;
use super::grants::Circumstances;

/// The most that a count can be.
const MAX_CALLS: u64 = 1_000_000;
const MINUTE: Duration = Duration::from_mins(1);
/// How exactly the last minute is counted: never more calls than are granted, at times fewer.
const STEP: Duration = Duration::from_secs(5);

/// A demand on the circumstances of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Not before.
    From(UnixTime),
    /// Not then or later.
    Until(UnixTime),
    /// The peer is in one of these networks.
    Source(Vec<IpNet>),
    /// At most so many actors.
    Depth(usize),
}

impl Condition {
    /// Whether it is met.
    pub(crate) fn holds_in(&self, circumstances: &Circumstances) -> bool {
        let Circumstances { now, source, depth } = circumstances;
        match self {
            Self::From(from) => from <= now,
            Self::Until(until) => now < until,
            Self::Source(networks) => source.as_ref().is_some_and(|source| contains(networks, source)),
            Self::Depth(most) => depth <= most,
        }
    }

    /// The condition that the member `name` of a grant spells; none if it is no condition.
    pub(super) fn parse(name: &str, value: &Value) -> Option<Result<Self, TaskError>> {
        let unusable = || TaskError::unusable(format!("`{name}` of a grant"));
        Some(match name {
            "not_before" => numeric_date(value).map(Self::From).ok_or_else(unusable),
            "expires" => numeric_date(value).map(Self::Until).ok_or_else(unusable),
            "source" => networks(value).map(Self::Source).ok_or_else(unusable),
            "max_depth" => {
                let depth = value.as_u64().and_then(|depth| usize::try_from(depth).ok());
                depth.map(Self::Depth).ok_or_else(unusable)
            }
            _ => return None,
        })
    }
}

/// How often something may be done in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    pub most: u32,
    pub per: Period,
}

/// What calls are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// As long as the task lasts.
    Task,
    /// Any 60 seconds.
    Minute,
    /// From full hour to full hour.
    Hour,
    /// From midnight to midnight, UTC.
    Day,
}

impl Calls {
    /// `{"max": 3}` or `{"max": 10, "per": "minute"}`, or several of these.
    pub(super) fn parse(value: &Value) -> Result<Vec<Self>, TaskError> {
        let one = |value: &Value| {
            let members = value.as_object()?;
            let known = members.keys().all(|key| key == "max" || key == "per");
            let per = match members.get("per").map(Value::as_str) {
                None => Period::Task,
                Some(Some("minute")) => Period::Minute,
                Some(Some("hour")) => Period::Hour,
                Some(Some("day")) => Period::Day,
                Some(_) => return None,
            };
            known.then_some(Self { most: count(members.get("max")?)?, per })
        };
        let read = match value {
            Value::Array(several) if !several.is_empty() => several.iter().map(one).collect(),
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            Value::Object(_) => one(value).map(|calls| vec![calls]),
        };
        read.ok_or_else(|| TaskError::unusable("`calls` of a grant"))
    }

    /// Until when a use at `now` is to be remembered, of a task whose end is `end`.
    pub fn remembered_until(&self, now: UnixTime, end: UnixTime) -> UnixTime {
        match self.per {
            Period::Task => end,
            Period::Minute => next(now, STEP).plus(MINUTE),
            Period::Hour => next(now, Duration::from_hours(1)),
            Period::Day => next(now, Duration::from_hours(24)),
        }
    }
}

/// A count of calls, at least one.
pub(super) fn count(value: &Value) -> Option<u32> {
    value.as_u64().filter(|count| (1..=MAX_CALLS).contains(count)).and_then(|count| u32::try_from(count).ok())
}

/// The first multiple of `step` after `now`.
fn next(now: UnixTime, step: Duration) -> UnixTime {
    let step = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
    UnixTime::from_millis((now.millis() / step).saturating_add(1).saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(secs: u64) -> Circumstances {
        Circumstances { now: UnixTime::from_secs(secs), source: "10.1.2.3".parse().ok(), depth: 2 }
    }

    fn holds(name: &str, value: &Value) -> Option<bool> {
        Condition::parse(name, value)?.ok().map(|condition| condition.holds_in(&at(1000)))
    }

    #[test]
    fn each_condition() {
        for (name, inside, outside) in [
            ("not_before", vec![json!(1000), json!(999.5)], vec![json!(1001)]),
            ("expires", vec![json!(1001)], vec![json!(1000), json!(5)]),
            (
                "source",
                vec![json!(["10.0.0.0/8"]), json!(["::/0", "10.1.2.3"])],
                vec![json!(["10.1.3.0/24"]), json!(["::/0"])],
            ),
            ("max_depth", vec![json!(2), json!(9)], vec![json!(1), json!(0)]),
        ] {
            for value in inside {
                assert_eq!(holds(name, &value), Some(true), "{name} {value}");
            }
            for value in outside {
                assert_eq!(holds(name, &value), Some(false), "{name} {value}");
            }
        }
        assert_eq!(Condition::parse("calls", &json!(1)), None);
    }

    #[test]
    fn where_the_peer_is_unknown_no_network_has_it() {
        let condition = Condition::Source(networks(&json!(["0.0.0.0/0", "::/0"])).unwrap_or_default());
        assert!(condition.holds_in(&at(0)));
        assert!(!condition.holds_in(&Circumstances { source: None, ..at(0) }));
        assert!(condition.holds_in(&Circumstances { source: "::ffff:1.2.3.4".parse().ok(), ..at(0) }));
    }

    #[test]
    fn what_is_no_condition() {
        for (name, value) in [
            ("not_before", json!("1000")),
            ("expires", json!(-1)),
            ("source", json!([])),
            ("source", json!("10.0.0.0/8")),
            ("source", json!(["10.0.0.1/8"])),
            ("source", json!(["10.0.0.0/33"])),
            ("source", json!(["010.0.0.1"])),
            ("max_depth", json!(-1)),
            ("max_depth", json!("2")),
        ] {
            let expected = TaskError::unusable(format!("`{name}` of a grant"));
            assert_eq!(Condition::parse(name, &value), Some(Err(expected)), "{name} {value}");
        }
    }

    #[test]
    fn calls_are_counted_in_periods() {
        let until = |per| {
            let calls = Calls { most: 1, per };
            calls.remembered_until(UnixTime::from_millis(7_199_999), UnixTime::from_secs(9_000)).millis()
        };
        assert_eq!(until(Period::Task), 9_000_000);
        assert_eq!(until(Period::Minute), 7_260_000);
        assert_eq!(until(Period::Hour), 7_200_000);
        assert_eq!(until(Period::Day), 86_400_000);
        for (now, least) in [(0, 60_000), (4_999, 64_999), (5_000, 65_000)] {
            let calls = Calls { most: 1, per: Period::Minute };
            let until = calls.remembered_until(UnixTime::from_millis(now), UnixTime::from_secs(0));
            assert!((least..=least + 5_000).contains(&until.millis()), "{now}");
        }
    }

    #[test]
    fn calls_as_written() {
        let three = Calls { most: 3, per: Period::Task };
        assert_eq!(Calls::parse(&json!({"max": 3})), Ok(vec![three]));
        let hourly = Calls { most: 9, per: Period::Hour };
        assert_eq!(Calls::parse(&json!([{"max": 3}, {"max": 9, "per": "hour"}])), Ok(vec![three, hourly]));
        for bad in [
            json!(3),
            json!([]),
            json!({}),
            json!({"max": 0}),
            json!({"max": 1.5}),
            json!({"max": 1_000_001}),
            json!({"max": 1, "per": "week"}),
            json!({"max": 1, "per": null}),
            json!({"max": 1, "of": 2}),
        ] {
            assert_eq!(Calls::parse(&bad), Err(TaskError::unusable("`calls` of a grant")), "{bad}");
        }
    }
}
