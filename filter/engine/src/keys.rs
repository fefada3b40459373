//! The keys of one issuer: where they come from, how old they may get, and who may fetch them when.
//!
//! Never decides about a token. A set that is too old is as good as none, and an unknown key id can
//! cause at most one fetch per cooldown, however often it is presented.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_tokens::{KeySet, KeySetError, UnixTime};

use crate::config::{KeySource, KeyUrl};
use crate::io::{Call, CallFailure, CallId, CallOutcome};

/// How soon a failed scheduled fetch is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// One issuer's keys.
#[derive(Debug)]
pub struct KeyStore {
    url: Option<KeyUrl>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keys: Option<Held>,
    /// Counts installed sets: a waiting session sees that a new one came.
    generation: u64,
    last_attempt: Option<UnixTime>,
    /// Until when the answer of a fetch may still come.
    under_way_until: Option<UnixTime>,
}

#[derive(Debug)]
struct Held {
    set: Arc<KeySet>,
    /// When it was fetched; none for inline keys, which do not age.
    fetched: Option<UnixTime>,
}

/// A usable key set and which one it is.
#[derive(Clone, Debug)]
pub struct CurrentKeys {
    pub set: Arc<KeySet>,
    pub generation: u64,
}

/// Why fetched keys were not installed; the previous set stays.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("no answer from the key server: {0:?}")]
    NoAnswer(CallFailure),
    #[error("the key server answered {0} instead of 200")]
    Status(u16),
    #[error("the key server's answer is not a usable key set: {0}")]
    Unusable(#[from] KeySetError),
}

impl KeyStore {
    /// Keys from `source`; inline ones are there at once.
    pub fn new(source: &KeySource) -> Self {
        let (url, keys) = match source {
            KeySource::Inline(set) => (None, Some(Held { set: Arc::new(set.clone()), fetched: None })),
            KeySource::Url(url) => (Some(url.clone()), None),
        };
        Self { url, state: Mutex::new(State { keys, generation: 0, last_attempt: None, under_way_until: None }) }
    }

    /// The keys to verify with now; none before the first fetch and after the last one became too old.
    pub fn current(&self, now: UnixTime) -> Option<CurrentKeys> {
        let state = self.state();
        let held = state.keys.as_ref()?;
        let too_old = match (&self.url, held.fetched) {
            (Some(url), Some(fetched)) => now.since(fetched) > url.max_stale,
            (None | Some(_), None) | (None, Some(_)) => false,
        };
        (!too_old).then(|| CurrentKeys { set: Arc::clone(&held.set), generation: state.generation })
    }

    /// A fetch because a token names a key that is not in the set: at most one per cooldown.
    pub fn fetch_for_unknown_key(&self, id: CallId, now: UnixTime) -> Option<Call> {
        let url = self.url.as_ref()?;
        self.fetch_after(url, url.cooldown, id, now)
    }

    /// A scheduled fetch, when one is due.
    pub fn fetch_when_due(&self, id: CallId, now: UnixTime) -> Option<Call> {
        let url = self.url.as_ref()?;
        let fetched = self.state().keys.as_ref().and_then(|held| held.fetched);
        match fetched {
            Some(fetched) if now.since(fetched) < url.refresh => None,
            Some(_) | None => self.fetch_after(url, RETRY, id, now),
        }
    }

    /// Whether the answer of a fetch may still come.
    pub fn fetch_under_way(&self, now: UnixTime) -> bool {
        self.state().under_way_until.is_some_and(|until| now < until)
    }

    /// Installs what a fetch brought.
    ///
    /// # Errors
    /// The fetch failed or its answer is no key set; what was installed before stays.
    pub fn install(&self, outcome: &CallOutcome, now: UnixTime) -> Result<(), FetchError> {
        self.state().under_way_until = None;
        let set = match outcome {
            CallOutcome::Response { status: 200, body, .. } => KeySet::from_jwks(body)?,
            CallOutcome::Response { status, .. } => return Err(FetchError::Status(*status)),
            CallOutcome::Failed(failure) => return Err(FetchError::NoAnswer(*failure)),
        };
        let mut state = self.state();
        let unchanged = state.keys.as_ref().is_some_and(|held| *held.set == set);
        if !unchanged {
            state.generation = state.generation.wrapping_add(1);
        }
        state.keys = Some(Held { set: Arc::new(set), fetched: Some(now) });
        Ok(())
    }

    fn fetch_after(&self, url: &KeyUrl, pause: Duration, id: CallId, now: UnixTime) -> Option<Call> {
        let mut state = self.state();
        if state.last_attempt.is_some_and(|attempt| now.since(attempt) < pause) {
            return None;
        }
        state.last_attempt = Some(now);
        state.under_way_until = Some(now.plus(url.endpoint.timeout));
        Some(Call {
            id,
            cluster: url.endpoint.cluster.clone(),
            method: "GET",
            scheme: url.endpoint.scheme.clone(),
            authority: url.endpoint.authority.clone(),
            path: url.endpoint.path.clone(),
            headers: vec![("accept", "application/jwk-set+json, application/json".to_owned())],
            body: Vec::new(),
            timeout: url.endpoint.timeout,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while holding the lock, and a half-made change cannot exist.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
