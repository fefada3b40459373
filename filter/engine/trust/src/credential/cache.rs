//! What was verified a moment ago need not be verified again.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_facts::fifo::Fifo;
use countersign_rights::workload::Owner;
use countersign_tokens::UnixTime;

use super::{Trust, Unverified, Verified, faulty};
use crate::carrier::CacheKey;

/// Tokens verified before, by digest: bounded, first in first out, per worker.
///
/// A hit is as good as verifying again: it holds only while the key set is the one it was verified
/// with and the token's time-dependent claims still hold.
#[derive(Debug)]
pub struct TokenCache {
    held: Mutex<Fifo<CacheKey, Cached>>,
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
    /// From when its issuer was asked until then. By a clock that was set back, the issuer is asked again.
    Between(UnixTime, UnixTime),
}

impl TokenCache {
    /// A cache of at most `capacity` tokens.
    pub fn new(capacity: usize) -> Self {
        Self { held: Mutex::new(Fifo::new(capacity)) }
    }

    pub(super) fn find(
        &self,
        trust: Trust<'_>,
        key: CacheKey,
        now: UnixTime,
    ) -> Result<Option<Arc<Verified>>, Unverified> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(cached) = held.get(key) else { return Ok(None) };
        let index = cached.verified.issuer.0;
        let Some((issuer, keys)) = trust.issuers.get(index).zip(trust.keys.get(index)) else {
            return Ok(None);
        };
        let holds = match cached.held {
            Held::WithKeys(generation) => keys.current(now).is_some_and(|current| current.generation == generation),
            Held::Between(asked, until) => asked <= now && now < until,
        };
        if !holds {
            return Ok(None);
        }
        issuer
            .voucher
            .rules
            .still_valid(&cached.verified.token, now)
            .map_err(|error| faulty(Some(cached.verified.issuer), error))?;
        Ok(Some(Arc::clone(&cached.verified)))
    }

    /// Whose `key` is, whether it still holds or not.
    pub(super) fn owner(&self, key: CacheKey) -> Option<Owner> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(key).map(|cached| cached.verified.owner())
    }

    pub(super) fn insert(&self, key: CacheKey, verified: &Arc<Verified>, held: Held) {
        let cached = Cached { verified: Arc::clone(verified), held };
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(key, cached);
    }
}
