//! What was verified a moment ago need not be verified again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_tokens::UnixTime;

use super::{Unverified, Verified, refused};
use crate::engine::Engine;

/// Tokens verified before, by digest: bounded, first in first out, per worker.
///
/// A hit is as good as verifying again: it holds only while the key set is the one it was verified
/// with and the token's time-dependent claims still hold.
#[derive(Debug)]
pub(crate) struct TokenCache {
    capacity: usize,
    held: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    by_digest: BTreeMap<[u8; 32], Cached>,
    order: VecDeque<[u8; 32]>,
}

#[derive(Clone, Debug)]
struct Cached {
    verified: Arc<Verified>,
    held: Held,
}

/// For how long what was found out is as good as finding it out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// While the keys are of this generation.
    WithKeys(u64),
    Until(UnixTime),
}

impl TokenCache {
    /// A cache of at most `capacity` tokens.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, held: Mutex::new(Cache::default()) }
    }

    pub(super) fn find(
        &self,
        engine: &Engine,
        digest: &[u8; 32],
        now: UnixTime,
    ) -> Result<Option<Arc<Verified>>, Unverified> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(cached) = held.by_digest.get(digest) else { return Ok(None) };
        let index = cached.verified.issuer.0;
        let Some((issuer, keys)) = engine.config.issuers.get(index).zip(engine.keys.get(index)) else {
            return Ok(None);
        };
        let holds = match cached.held {
            Held::WithKeys(generation) => keys.current(now).is_some_and(|current| current.generation == generation),
            Held::Until(until) => now < until,
        };
        if !holds {
            return Ok(None);
        }
        issuer.rules.still_valid(&cached.verified.token, now).map_err(refused)?;
        Ok(Some(Arc::clone(&cached.verified)))
    }

    pub(super) fn insert(&self, digest: [u8; 32], verified: &Arc<Verified>, held: Held) {
        let cached = Cached { verified: Arc::clone(verified), held };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.by_digest.insert(digest, cached).is_none() {
            held.order.push_back(digest);
        }
        while held.order.len() > self.capacity {
            let Some(oldest) = held.order.pop_front() else { return };
            held.by_digest.remove(&oldest);
        }
    }
}
