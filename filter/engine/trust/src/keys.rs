//! The keys of one issuer: where they come from, how old they may get, and who may fetch them when.
//!
//! Never decides about a token. A set that is too old is as good as none. Sessions only ask for newer keys
//! ([`KeyStore::want`]); the background fetches them, one worker for the whole gateway process: workers tell each other
//! over the [`Board`] who asked when and what came. So unknown key ids cause at most one fetch per cooldown and process,
//! however many there are, and nothing is remembered of them. Without a board each worker keeps to the cooldown itself.
//!
//! What is published replaces what is there only forwards: a SPIFFE bundle of a lower sequence does not, nor a set with which
//! nobody could be verified, unless it says that nobody is trusted. Times are compared by how far they are apart, because a
//! clock can be set back.

pub(crate) mod discovery;
mod posted;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_facts::board::{self, Board, Change, Posting};
use countersign_facts::calls::{Call, CallFailure, CallId, CallOutcome, Endpoint};
use countersign_facts::clock::early_by;
use countersign_facts::digest;
use countersign_tokens::json::JsonError;
use countersign_tokens::{Algorithm, IssuerRules, KeyFormat, KeySet, KeySetError, UnixTime};

use self::posted::Posted;

/// How soon a failed scheduled fetch is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// How often keys are fetched when neither configuration nor publisher says.
const REFRESH: Duration = Duration::from_mins(5);

/// Where an issuer's keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// It signs no tokens.
    None,
    /// A JWKS written in the configuration, already parsed.
    Inline(KeySet),
    Remote(Box<RemoteKeys>),
}

/// Keys behind a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteKeys {
    pub location: KeyLocation,
    pub format: KeyFormat,
    /// What the issuer signs with: what keys that do not say are for.
    pub algorithms: Vec<Algorithm>,
    /// How often to fetch again; as their publisher says when absent.
    pub refresh: Option<Duration>,
    /// How long a set may be used after its last successful fetch.
    pub max_stale: Duration,
    /// The shortest time between two fetches caused by unknown keys.
    pub cooldown: Duration,
}

/// How keys are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// They are here.
    Direct(Endpoint),
    /// A document of their issuer says where (RFC 8414 §3, OpenID Connect Discovery §4).
    Discovery {
        metadata: Endpoint,
        /// Where its `jwks_uri` must lead; the path is the document's to say.
        keys: Endpoint,
    },
}

/// One issuer's keys, as one worker has them.
#[derive(Debug)]
pub struct KeyStore {
    remote: Option<Remote>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct Remote {
    /// Who its own metadata must name.
    issuer: IssuerRules,
    keys: RemoteKeys,
    /// What the workers' document about these keys is called.
    document: String,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<Held>,
    /// Counts installed sets: a waiting session sees that a new one came.
    generation: u64,
    /// What was last read from the board, or written to it.
    posted: Posted,
    /// When it was read.
    looked: Option<UnixTime>,
    work: Work,
    /// Why this worker's last fetch brought nothing, until anybody's brings something.
    trouble: Option<String>,
    /// Since when this worker knows tokens signed with a key, by its id.
    known: BTreeMap<String, UnixTime>,
}

/// What this worker does about the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Work {
    #[default]
    None,
    /// A session asked; the background will fetch.
    Wanted,
    /// It was asked for then.
    UnderWay { since: UnixTime },
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

/// What became of a wish for newer keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// They are here.
    Granted,
    /// They are on their way.
    Coming,
    /// Not now: they were fetched a moment ago.
    Denied,
}

/// What an answer was good for.
#[derive(Debug)]
pub enum Progress {
    /// There are keys; they may be the same as before.
    Installed,
    /// One more call is needed: the metadata said where the keys are.
    Further(Call),
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
    #[error("the key server's answer has no key that can verify a token, and the keys before it are good")]
    NoKeys,
    #[error(
        "the bundle's `spiffe_sequence` is {}, and {known} was seen; where the trust domain was set up again, restart the gateway",
        Sequence(*found)
    )]
    Older { found: Option<u64>, known: u64 },
    #[error("the issuer's metadata is unusable: {0}")]
    Metadata(JsonError),
    #[error("the issuer's metadata is another issuer's")]
    OtherIssuer,
    #[error("the issuer's metadata has no `jwks_uri`")]
    NoKeysUri,
    #[error("the issuer's metadata names keys at another place than configured (`jwks`)")]
    ElsewhereKeysUri,
}

/// For errors.
struct Sequence(Option<u64>);

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(formatter, "{number}"),
            None => formatter.write_str("missing"),
        }
    }
}

impl KeyStore {
    /// `issuer`'s keys from `source`; inline ones are there at once.
    pub fn new(issuer: &IssuerRules, source: &KeySource) -> Self {
        let (remote, keys) = match source {
            KeySource::None => (None, None),
            KeySource::Inline(set) => (None, Some(Held { set: Arc::new(set.clone()), fetched: None })),
            KeySource::Remote(keys) => {
                let source =
                    digest::text(&digest::of_bytes(format!("{}\n{:?}", issuer.issuer(), keys.location).as_bytes()));
                let document = format!("keys/{source}");
                (Some(Remote { issuer: issuer.clone(), keys: keys.as_ref().clone(), document }), None)
            }
        };
        Self { remote, state: Mutex::new(State { keys, ..State::default() }) }
    }

    /// The keys to verify with now; none before the first fetch and after the last one became too old.
    pub fn current(&self, now: UnixTime) -> Option<CurrentKeys> {
        let state = self.state();
        let held = state.usable(self.remote.as_ref(), now)?;
        Some(CurrentKeys { set: Arc::clone(&held.set), generation: state.generation })
    }

    /// A token names a key that the set of generation `seen` does not have (none: there was no set).
    pub fn want(&self, seen: Option<u64>, now: UnixTime, board: &mut dyn Board) -> Wish {
        let Some(remote) = &self.remote else { return Wish::Denied };
        let mut state = self.state();
        if state.is_busy(remote, now) {
            return Wish::Coming;
        }
        // Of a fetch whose end it has not heard of this worker knows nothing: what came is on the board.
        if !state.asked_within(remote.keys.cooldown, now) || state.is_open() {
            state.look(remote, now, board);
        }
        if state.is_newer(remote, seen, now) {
            Wish::Granted
        } else if state.elsewhere(remote, now) {
            Wish::Coming
        } else if state.asked_within(remote.keys.cooldown, now) {
            Wish::Denied
        } else {
            state.work = Work::Wanted;
            Wish::Coming
        }
    }

    /// Whether what [`KeyStore::want`] promised may still come.
    pub fn is_coming(&self, now: UnixTime, board: &mut dyn Board) -> bool {
        let Some(remote) = &self.remote else { return false };
        let mut state = self.state();
        if state.is_busy(remote, now) {
            return true;
        }
        let generation = state.generation;
        state.look(remote, now, board);
        state.generation == generation && state.elsewhere(remote, now)
    }

    /// Why the keys may not be the newest, for the record.
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// For how long this worker has known the key `id`, which verified a token just now.
    pub(crate) fn age_of(&self, id: &str, now: UnixTime) -> Duration {
        now.since(*self.state().known.entry(id.to_owned()).or_insert(now))
    }

    /// A fetch, when one is wanted or due and no other worker is about to make it.
    ///
    /// `early` is this worker's share of the interval, in thousandths, by which it is early: fleets must not ask in step.
    pub fn fetch(&self, id: CallId, early: u16, now: UnixTime, board: &mut dyn Board) -> Option<Call> {
        let remote = self.remote.as_ref()?;
        let mut state = self.state();
        if state.is_under_way(remote, now) {
            return None;
        }
        let needed = state.needs(remote, early, now);
        // A key that another worker found withdrawn is not to live on here until this one's own fetch is due.
        let unseen = state.looked.is_none_or(|looked| now.apart(looked) >= remote.keys.cooldown);
        if !needed && !unseen {
            return None;
        }
        let version = state.look(remote, now, board);
        if state.elsewhere(remote, now) || !state.needs(remote, early, now) {
            if needed {
                state.work = Work::None;
            }
            return None;
        }
        state.posted.ask(now);
        let posting = version.map(|version| board.post(&remote.document, &state.posted.encode(), version));
        if let Some(Ok(Posting::Changed)) = posting {
            // Another worker was quicker; what it finds will be on the board.
            state.look(remote, now, board);
            return None;
        }
        let endpoint = match &remote.keys.location {
            KeyLocation::Direct(keys) => keys,
            KeyLocation::Discovery { metadata, .. } => metadata,
        };
        state.work = Work::UnderWay { since: now };
        Some(get(id, endpoint))
    }

    /// Takes the answer to the metadata's or the keys' fetch; `id` is for a further call.
    ///
    /// # Errors
    /// The fetch failed or its answer is no key set; what was installed before stays.
    pub fn answer(
        &self,
        outcome: &CallOutcome,
        metadata: bool,
        id: CallId,
        now: UnixTime,
        board: &mut dyn Board,
    ) -> Result<Progress, FetchError> {
        let Some(remote) = &self.remote else { return Ok(Progress::Installed) };
        let progress = remote.read(outcome, metadata, id);
        let mut state = self.state();
        let (result, fetched) = match progress {
            Ok(Fetched::Further(call)) => return Ok(Progress::Further(call)),
            Ok(Fetched::Keys(set, body)) => match state.install(set, remote, now) {
                Ok(()) => (Ok(Progress::Installed), Some(body)),
                Err(error) => (Err(error), None),
            },
            Err(error) => (Err(error), None),
        };
        state.work = Work::None;
        if let Err(error) = &result {
            state.trouble = Some(error.to_string());
        }
        state.tell(remote, fetched, now, board);
        result
    }

    /// Whether the first answer is the metadata's.
    pub fn begins_with_metadata(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| matches!(remote.keys.location, KeyLocation::Discovery { .. }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while holding the lock, and a half-made change cannot exist.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Fetched {
    Keys(KeySet, Vec<u8>),
    Further(Call),
}

impl Remote {
    fn read(&self, outcome: &CallOutcome, metadata: bool, id: CallId) -> Result<Fetched, FetchError> {
        let body = match outcome {
            CallOutcome::Response { status: 200, body, .. } => body,
            CallOutcome::Response { status, .. } => return Err(FetchError::Status(*status)),
            CallOutcome::Failed(failure) => return Err(FetchError::NoAnswer(*failure)),
        };
        match &self.keys.location {
            KeyLocation::Discovery { keys, .. } if metadata => {
                Ok(Fetched::Further(get(id, &discovery::locate(body, &self.issuer, keys)?)))
            }
            KeyLocation::Direct(_) | KeyLocation::Discovery { .. } => {
                Ok(Fetched::Keys(self.key_set(body)?, body.clone()))
            }
        }
    }

    fn key_set(&self, body: &[u8]) -> Result<KeySet, KeySetError> {
        Ok(KeySet::read(body, self.keys.format)?.for_algorithms(&self.keys.algorithms))
    }

    /// The longest that a fetch may take, by whichever worker.
    fn patience(&self) -> Duration {
        match &self.keys.location {
            KeyLocation::Direct(keys) => keys.timeout,
            KeyLocation::Discovery { metadata, keys } => metadata.timeout.saturating_add(keys.timeout),
        }
    }
}

impl State {
    /// Whether this worker fetches, or is about to.
    fn is_busy(&self, remote: &Remote, now: UnixTime) -> bool {
        self.work == Work::Wanted || self.is_under_way(remote, now)
    }

    /// Whether this worker's fetch may still end.
    fn is_under_way(&self, remote: &Remote, now: UnixTime) -> bool {
        matches!(self.work, Work::UnderWay { since } if now.apart(since) < remote.patience())
    }

    /// The keys, unless they are too old.
    fn usable(&self, remote: Option<&Remote>, now: UnixTime) -> Option<&Held> {
        let held = self.keys.as_ref()?;
        let too_old = match (remote, held.fetched) {
            (Some(remote), Some(fetched)) => now.apart(fetched) > remote.keys.max_stale,
            (None | Some(_), None) | (None, Some(_)) => false,
        };
        (!too_old).then_some(held)
    }

    /// Whether there are other keys than those of generation `seen`, and they can be used.
    fn is_newer(&self, remote: &Remote, seen: Option<u64>, now: UnixTime) -> bool {
        self.usable(Some(remote), now).is_some() && seen != Some(self.generation)
    }

    fn asked_within(&self, pause: Duration, now: UnixTime) -> bool {
        self.posted.asked.is_some_and(|asked| now.apart(asked) < pause)
    }

    /// Whether a fetch began whose end this worker has not heard of.
    fn is_open(&self) -> bool {
        self.posted.asked > self.posted.ended
    }

    /// Whether another worker's fetch may still end.
    fn elsewhere(&self, remote: &Remote, now: UnixTime) -> bool {
        self.is_open() && self.asked_within(remote.patience(), now)
    }

    /// Whether somebody must ask now: a session did, or time did.
    fn needs(&self, remote: &Remote, early: u16, now: UnixTime) -> bool {
        if self.work == Work::Wanted {
            return !self.asked_within(remote.keys.cooldown, now);
        }
        let interval = early_by(self.interval(remote), early);
        let fetched = self.keys.as_ref().and_then(|held| held.fetched);
        let due = fetched.is_none_or(|fetched| now.apart(fetched) >= interval);
        due && !self.asked_within(RETRY.min(interval), now)
    }

    /// How often keys are fetched. A publisher can neither have them asked for all the time nor let them grow too old.
    fn interval(&self, remote: &Remote) -> Duration {
        let RemoteKeys { refresh, max_stale, cooldown, .. } = &remote.keys;
        let hint = self.keys.as_ref().and_then(|held| held.set.refresh_hint());
        let hint = hint.map(|hint| hint.min(*max_stale / 2).max(*cooldown));
        refresh.or(hint).unwrap_or(REFRESH).min(*max_stale)
    }

    /// Learns what other workers found; the version of what was read, none when there is no board.
    #[expect(clippy::option_option, reason = "no board and nothing on it are different answers")]
    fn look(&mut self, remote: &Remote, now: UnixTime, board: &mut dyn Board) -> Option<Option<u32>> {
        self.looked = Some(now);
        let found = board.read(&remote.document).ok()?;
        let Some(found) = found else { return Some(None) };
        let version = Some(Some(found.version));
        let Some(posted) = Posted::decode(&found.document) else { return version };
        let mine = self.keys.as_ref().and_then(|held| held.fetched);
        // Where a clock was set back, what is from the future is not newer than what came since.
        let newer = posted.fetched > mine || mine > Some(now) && posted.fetched != self.posted.fetched;
        if let (true, Some(fetched)) = (newer, posted.fetched)
            && let Ok(set) = remote.key_set(&posted.keys)
        {
            // What may not replace the keys of this worker was refused by it already, or will be.
            let _ = self.install(set, remote, fetched.min(now));
        }
        self.posted = posted;
        version
    }

    /// # Errors
    /// The keys that are there are better.
    fn install(&mut self, set: KeySet, remote: &Remote, fetched: UnixTime) -> Result<(), FetchError> {
        if let Some(held) = &self.keys {
            if let Some(known) = held.set.sequence()
                && set.sequence().is_none_or(|found| found < known)
            {
                return Err(FetchError::Older { found: set.sequence(), known });
            }
            if set.is_unusable(remote.keys.format) && !held.set.is_empty() {
                return Err(FetchError::NoKeys);
            }
        }
        if self.keys.as_ref().is_none_or(|held| *held.set != set) {
            self.generation = self.generation.wrapping_add(1);
            // Only keys that are there can have verified anything; this bounds it as the set is bounded.
            self.known.retain(|id, _| set.has(id));
        }
        self.keys = Some(Held { set: Arc::new(set), fetched: Some(fetched) });
        self.trouble = None;
        Ok(())
    }

    /// Tells the other workers how the fetch of this one ended. One that hears nothing will ask for itself.
    fn tell(&mut self, remote: &Remote, fetched: Option<Vec<u8>>, now: UnixTime, board: &mut dyn Board) {
        self.posted.ended = Some(now);
        if let Some(keys) = fetched {
            self.posted.fetched = Some(now);
            self.posted.keys = keys;
        }
        // Who cannot be told asks for itself, too.
        let _ =
            board::update(board, &remote.document, |_| Ok::<_, Infallible>(((), Change::Post(self.posted.encode()))));
    }
}

fn get(id: CallId, endpoint: &Endpoint) -> Call {
    let headers = vec![("accept", "application/jwk-set+json, application/json".to_owned())];
    Call::to(endpoint, id, "GET", headers, Vec::new())
}

#[cfg(test)]
mod tests;
