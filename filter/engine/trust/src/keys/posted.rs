//! What workers tell each other about one issuer's keys: when somebody last asked for them, and what came.

use std::time::Duration;

use countersign_tokens::UnixTime;

/// First bytes of the document: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"csk1";

/// The state of the keys of one issuer in this gateway process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Posted {
    /// When a worker last asked.
    pub(super) asked: Option<UnixTime>,
    /// When that ended, however it ended.
    pub(super) ended: Option<UnixTime>,
    /// When [`Posted::keys`] came.
    pub(super) fetched: Option<UnixTime>,
    /// As published.
    pub(super) keys: Vec<u8>,
}

impl Posted {
    /// A worker asks now: whatever ended before, by a clock that was set back since, ended before this.
    pub(super) fn ask(&mut self, now: UnixTime) {
        self.asked = Some(now);
        self.ended = self.ended.map(|ended| ended.min(now.minus(Duration::from_millis(1))));
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { asked, ended, fetched, keys } = self;
        let mut document = MAGIC.to_vec();
        for time in [asked, ended, fetched] {
            document.extend_from_slice(&time.map_or(0, UnixTime::millis).to_le_bytes());
        }
        document.extend_from_slice(keys);
        document
    }

    /// `None` for anything [`Posted::encode`] cannot have written.
    pub(super) fn decode(document: &[u8]) -> Option<Self> {
        let rest = document.strip_prefix(&MAGIC)?;
        let (asked, rest) = rest.split_first_chunk()?;
        let (ended, rest) = rest.split_first_chunk()?;
        let (fetched, keys) = rest.split_first_chunk()?;
        let time = |bytes: &[u8; 8]| match u64::from_le_bytes(*bytes) {
            0 => None,
            millis => Some(UnixTime::from_millis(millis)),
        };
        Some(Self { asked: time(asked), ended: time(ended), fetched: time(fetched), keys: keys.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_and_nothing_else() {
        let at = |millis| Some(UnixTime::from_millis(millis));
        for posted in [
            Posted::default(),
            Posted { asked: at(7), ended: None, fetched: at(5), keys: b"{}".to_vec() },
            Posted { asked: at(7), ended: at(9), fetched: at(u64::MAX / 1000), keys: Vec::new() },
        ] {
            assert_eq!(Posted::decode(&posted.encode()), Some(posted));
        }
        for other in [&b""[..], b"csk1", b"csl1aaaaaaaabbbbbbbbcccccccc", b"csk1aaaaaaaabbbbbbbbccccccc"] {
            assert_eq!(Posted::decode(other), None, "{other:?}");
        }
    }
}
