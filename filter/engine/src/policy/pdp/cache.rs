//! Answers that may be used again: bounded, first in first out, per worker.

use std::sync::{Mutex, PoisonError};

use countersign_tokens::UnixTime;

use super::Key;
use super::answer::Answer;
use crate::fifo::Fifo;

/// The answers, each until it says.
#[derive(Debug)]
pub(super) struct Cache(Mutex<Fifo<Key, (Answer, UnixTime)>>);

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Mutex::new(Fifo::new(capacity)))
    }

    pub(super) fn find(&self, key: Key, now: UnixTime) -> Option<Answer> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, until) = held.get(key)?;
        (now < *until).then(|| answer.clone())
    }

    pub(super) fn insert(&self, key: Key, answer: &Answer, until: UnixTime) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (answer.clone(), until));
    }
}
