//! Instants as RFC 3339 text and back. Reads no clock.

use countersign_tokens::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use std::time::Duration;

const NANOS_PER_MILLI: i128 = 1_000_000;

/// `at` in UTC; none beyond the year 9999.
pub fn format(at: UnixTime) -> Option<String> {
    let nanos = i128::from(at.millis()) * NANOS_PER_MILLI;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(&Rfc3339).ok()
}

/// The instant `text` names, rounded down to a millisecond; the epoch for anything before it.
pub fn parse(text: &str) -> Option<UnixTime> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    Some(UnixTime::from_millis(u64::try_from(nanos / NANOS_PER_MILLI).unwrap_or(0)))
}

/// `interval` of a worker that is so many thousandths of it early.
pub fn early_by(interval: Duration, early: u16) -> Duration {
    interval.saturating_sub(interval * u32::from(early) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (millis, text) in [(0, "1970-01-01T00:00:00Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z")] {
            assert_eq!(format(UnixTime::from_millis(millis)).as_deref(), Some(text));
            assert_eq!(parse(text), Some(UnixTime::from_millis(millis)));
        }
        assert_eq!(parse("2000-02-29T01:30:00.1239+01:30"), Some(UnixTime::from_millis(951_782_400_123)));
        assert_eq!(parse("1950-01-01T00:00:00Z"), Some(UnixTime::from_millis(0)));
    }

    #[test]
    fn what_is_no_instant() {
        for bad in
            ["", "2000-02-30T00:00:00Z", "2000-02-29", "2000-02-29T00:00:00", "951782400", "2000-02-29T25:00:00Z"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(format(UnixTime::from_millis(u64::MAX)), None);
    }
}
