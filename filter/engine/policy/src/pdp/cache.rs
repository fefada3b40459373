//! Answers that may be used again: bounded, first in first out, per worker.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_facts::fifo::Fifo;
use countersign_tokens::UnixTime;

use super::Key;
use super::answer::PdpSays;

/// The answers, each for so long from when it came.
#[derive(Debug)]
pub(super) struct Cache(Mutex<Fifo<Key, (PdpSays, UnixTime, Duration)>>);

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Mutex::new(Fifo::new(capacity)))
    }

    pub(super) fn find(&self, key: Key, now: UnixTime) -> Option<PdpSays> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, came, lasts) = held.get(key)?;
        (now.apart(*came) < *lasts).then(|| answer.clone())
    }

    pub(super) fn insert(&self, key: Key, answer: &PdpSays, now: UnixTime, lasts: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (answer.clone(), now, lasts));
    }
}
