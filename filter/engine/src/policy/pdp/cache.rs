//! Answers that may be used again: bounded, first in first out, per worker.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use countersign_tokens::UnixTime;

use super::Key;
use super::answer::Answer;

/// The answers, each until it says.
#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    answers: BTreeMap<Key, (Answer, UnixTime)>,
    order: VecDeque<Key>,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::new(Held::default()) }
    }

    pub(super) fn find(&self, key: Key, now: UnixTime) -> Option<Answer> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, until) = held.answers.get(&key)?;
        (now < *until).then(|| answer.clone())
    }

    pub(super) fn insert(&self, key: Key, answer: &Answer, until: UnixTime) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.answers.insert(key, (answer.clone(), until)).is_none() {
            held.order.push_back(key);
        }
        while held.order.len() > self.capacity {
            let Some(oldest) = held.order.pop_front() else { return };
            held.answers.remove(&oldest);
        }
    }
}
