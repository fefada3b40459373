//! Bundles: signed documents that replace policy, catalogue and denylists while the gateway runs.
//!
//! A bundle is a compact JWS (RFC 7515) of type [`TYPE`], signed with a key that the configuration pins. Its payload is
//! `{ "name": …, "revision": 7, "iat": …, "configuration": { … } }`: the members of `configuration` take the place of those in
//! the plugin configuration, as far as bundles have a say in them ([`MEMBERS`]); what is in `denied` is added to what is denied
//! there, so that a ban is lifted where it was made and nowhere else. Everything else (issuers, keys, addresses, secrets) is the
//! plugin configuration's alone.
//!
//! Who serves bundles can withhold the newest and sign nothing. So a bundle is as old as its signature says (`iat`, a
//! `NumericDate`; else since when this worker has it), whatever the server answers: what is too old (`max_stale`) is not
//! decided by. The same revision signed again, with a later `iat`, makes it young ([`Freshness`]).
//!
//! It is taken as a whole or not at all: what is signed by nobody known, is for others, is older than what was seen in this
//! gateway process, or cannot be loaded is refused, and the last good one stays. What is held when one comes is decided by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_facts::board::{self, Board, Change};
use countersign_facts::calls::{Call, CallFailure, CallId, CallOutcome, Endpoint};
use countersign_facts::clock::early_by;
use countersign_facts::digest;
use countersign_facts::mistakes::ConfigErrors;
use countersign_tokens::json::Limits;
use countersign_tokens::{KeySet, TokenError, UnixTime, Verifier, signed_document};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The `typ` of a bundle.
pub(crate) const TYPE: &str = "countersign-bundle+jwt";

/// What of the configuration bundles have a say in. Of `policy` it is the texts and what is made of them: where else is asked is not theirs.
pub const MEMBERS: [&str; 8] = ["policy", "resources", "sandboxes", "risk", "workloads", "actors", "hygiene", "denied"];

const DOCUMENT: Limits = Limits { depth: 64, bytes: 1024 * 1024, nodes: 200_000 };

/// First bytes of what workers tell each other: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"csb2";

/// Signed documents that replace policy and catalogue.
#[derive(Clone, Debug)]
pub struct BundleConfig {
    /// What the documents must be for.
    pub name: String,
    pub endpoint: Endpoint,
    /// Who may sign them.
    pub keys: KeySet,
    pub refresh: Duration,
    /// An older one is refused even where none was seen before.
    pub oldest: u64,
    /// One that would take a worker longer to load, altogether, is refused.
    pub(crate) max_load: Duration,
    /// For how long nothing newer need be signed; for ever without it.
    pub max_stale: Option<MaxStale>,
}

/// What happens where nobody signs anything newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxStale {
    pub after: Duration,
    pub then: WhenStale,
}

/// What becomes of requests when the bundle in force is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenStale {
    Refuse,
    Serve,
}

/// What this worker knows of bundles.
#[derive(Debug)]
pub(crate) struct Bundles {
    config: BundleConfig,
    /// What the workers' document about these bundles is called.
    document: String,
    /// Of the last answer that was read, good or not: it is not read twice.
    etag: Option<String>,
    /// SHA-256 of the last good answer.
    good: Option<[u8; 32]>,
    /// What is in force, if that is a bundle.
    current: Option<Stamp>,
    asked: Option<UnixTime>,
    /// The call under way.
    under_way: Option<CallId>,
    freshness: Arc<Freshness>,
    /// That it is too old was said.
    warned: bool,
    /// Why the last answer was no good, if so: it is said once.
    trouble: Option<BundleError>,
}

/// What a good answer is.
enum Found {
    /// Nothing new since the last answer that was read, good or not.
    Unchanged,
    /// What is in force.
    Same,
    /// What is to be loaded.
    Newer(Incoming, Map<String, Value>),
}

/// A bundle on its way into force: what is to be known of it once it is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming {
    seen: Stamp,
    /// SHA-256 of the answer it came in.
    answer: [u8; 32],
    signed: UnixTime,
}

/// One bundle, told from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    revision: u64,
    /// SHA-256 of its configuration.
    digest: [u8; 32],
}

/// Since when what a worker decides by is known to be the newest: shared by the engines of a worker, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Freshness(AtomicU64);

impl Freshness {
    /// What is in force was the newest then, if that is later than what is known.
    fn confirm(&self, then: UnixTime) {
        self.0.fetch_max(then.micros(), Ordering::Relaxed);
    }

    /// Nothing is known of the future: a clock may have been set back.
    fn settle(&self, now: UnixTime) {
        self.0.fetch_min(now.micros(), Ordering::Relaxed);
    }

    /// How old what is in force may be; zero before anything is known.
    pub(crate) fn age(&self, now: UnixTime) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            micros => now.since(UnixTime::from_micros(micros)),
        }
    }
}

/// What an answer was good for.
pub(crate) enum News {
    /// There is nothing newer.
    Nothing,
    /// Its `configuration` is to be loaded, while the one before decides; then it is to be [installed](Bundles::installed), or
    /// [refused](Bundles::refuse).
    Newer { incoming: Incoming, configuration: Map<String, Value> },
    /// From now on this is in force.
    Installed { revision: u64 },
    /// The last good one stays. `repeated`: and that was so before.
    Refused { error: BundleError, repeated: bool },
}

/// Why there is no newer bundle; the last good one stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BundleError {
    #[error("no answer from where bundles are: {0:?}")]
    NoAnswer(CallFailure),
    #[error("where bundles are, {0} is answered instead of 200")]
    Status(u16),
    #[error("not signed for this gateway: {0}")]
    Unsigned(#[from] TokenError),
    #[error("not a bundle: {0}")]
    Malformed(String),
    #[error("it is for `{0}`")]
    OtherName(String),
    #[error("revision {found} is older than {known}")]
    Older { found: u64, known: u64 },
    #[error("another bundle has revision {0}")]
    Another(u64),
    #[error("revision {revision} cannot be used: {errors}")]
    Unusable { revision: u64, errors: String },
    #[error(
        "revision {revision} would take a worker about {:.1} s to load, and nothing may take it more than {:.1} s; write fewer \
         policies that are for every action, or raise `bundle.max_load`",
        .effort.as_secs_f64(), .most.as_secs_f64()
    )]
    TooLong { revision: u64, effort: Duration, most: Duration },
}

impl Incoming {
    pub(crate) fn revision(&self) -> u64 {
        self.seen.revision
    }
}

impl BundleError {
    pub(crate) fn unusable(revision: u64, errors: &ConfigErrors) -> Self {
        Self::Unusable { revision, errors: errors.to_string().lines().collect::<Vec<_>>().join("; ") }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    name: String,
    revision: u64,
    /// When it was signed, in seconds since the epoch.
    iat: Option<u64>,
    configuration: Map<String, Value>,
}

impl Bundles {
    /// None seen yet.
    pub(crate) fn new(config: &BundleConfig, freshness: Arc<Freshness>) -> Self {
        let source = digest::of_texts(&[&config.name, &config.endpoint.authority, &config.endpoint.path]);
        Self {
            config: config.clone(),
            document: format!("bundle/{}", digest::text(&source)),
            etag: None,
            good: None,
            current: None,
            asked: None,
            under_way: None,
            freshness,
            warned: false,
            trouble: None,
        }
    }

    /// The call that asks for a newer one, if it is time. `early`: thousandths of the interval by which this worker is.
    pub(crate) fn fetch(&mut self, id: CallId, early: u16, now: UnixTime) -> Option<Call> {
        let asked_within = |pause| self.asked.is_some_and(|asked| now.apart(asked) < pause);
        let awaited = self.under_way.is_some() && asked_within(self.config.endpoint.timeout);
        if awaited || asked_within(early_by(self.config.refresh, early)) {
            return None;
        }
        self.asked = Some(now);
        self.under_way = Some(id);
        let mut headers = vec![("accept", "application/jose".to_owned())];
        headers.extend(self.etag.clone().map(|etag| ("if-none-match", etag)));
        Some(Call::to(&self.config.endpoint, id, "GET", headers, Vec::new()))
    }

    /// Whether the answer to `id` is waited for.
    pub(crate) fn awaits(&self, id: CallId) -> bool {
        self.under_way == Some(id)
    }

    /// How old what is in force may be; from the first look on.
    pub(crate) fn age(&mut self, now: UnixTime) -> Duration {
        if self.asked.is_none() {
            self.freshness.confirm(now);
        }
        self.freshness.settle(now);
        self.freshness.age(now)
    }

    /// A line for the operator when what is in force has just become too old.
    pub(crate) fn warning(&mut self, age: Duration) -> Option<String> {
        let stale = self.config.max_stale.filter(|stale| age > stale.after);
        let before = std::mem::replace(&mut self.warned, stale.is_some());
        let MaxStale { after, then } = stale.filter(|_| !before)?;
        let consequence = match then {
            WhenStale::Refuse => "requests are refused until one comes",
            WhenStale::Serve => "what is in force stays so",
        };
        let after = after.as_secs();
        Some(format!("bundle: none was signed in the last {after} s (`max_stale`), or none is served; {consequence}"))
    }

    /// Takes the answer, whose signature `verifier` judges.
    pub(crate) fn answer(
        &mut self,
        outcome: &CallOutcome,
        verifier: &dyn Verifier,
        now: UnixTime,
        board: &mut dyn Board,
    ) -> News {
        self.under_way = None;
        match self.read(outcome, verifier, now, board) {
            Ok(Found::Unchanged) => {
                // A document that was refused is still the one that is served.
                self.trouble.take_if(|trouble| matches!(trouble, BundleError::NoAnswer(_) | BundleError::Status(_)));
                News::Nothing
            }
            Ok(Found::Same) => {
                self.trouble = None;
                News::Nothing
            }
            Ok(Found::Newer(incoming, configuration)) => News::Newer { incoming, configuration },
            Err(error) => self.refuse(error),
        }
    }

    /// Nothing that is loaded may take a worker longer.
    pub(crate) fn max_load(&self) -> Duration {
        self.config.max_load
    }

    /// What was newer is loaded: it is in force from now on.
    pub(crate) fn installed(&mut self, incoming: Incoming, board: &mut dyn Board) -> News {
        let Incoming { seen, answer, signed } = incoming;
        // Another worker may have been quicker with a newer one.
        match self.tell(seen, board) {
            Ok(()) => {
                self.good = Some(answer);
                self.freshness.confirm(signed);
                self.current = Some(seen);
                self.trouble = None;
                News::Installed { revision: seen.revision }
            }
            Err(error) => self.refuse(error),
        }
    }

    /// What was answered does not come into force. What is being loaded still does.
    pub(crate) fn refuse(&mut self, error: BundleError) -> News {
        let repeated = self.trouble.replace(error.clone()).is_some_and(|before| before == error);
        News::Refused { error, repeated }
    }

    fn read(
        &mut self,
        outcome: &CallOutcome,
        verifier: &dyn Verifier,
        now: UnixTime,
        board: &mut dyn Board,
    ) -> Result<Found, BundleError> {
        let (headers, body) = match outcome {
            CallOutcome::Response { status: 200, headers, body } => (headers, body),
            CallOutcome::Response { status: 304, .. } if self.etag.is_some() => return Ok(Found::Unchanged),
            CallOutcome::Response { status, .. } => return Err(BundleError::Status(*status)),
            CallOutcome::Failed(failure) => return Err(BundleError::NoAnswer(*failure)),
        };
        let etag = headers.single("etag").ok().flatten().and_then(|etag| std::str::from_utf8(etag).ok());
        self.etag = etag.map(str::to_owned);
        let answer = digest::of_bytes(body);
        if self.good == Some(answer) {
            return Ok(Found::Same);
        }
        let Bundle { name, revision, iat, configuration } = self.verified(body, verifier)?;
        if name != self.config.name {
            return Err(BundleError::OtherName(name));
        }
        let signed = iat.map_or(now, UnixTime::from_secs).min(now);
        let seen =
            Stamp { revision, digest: digest::of_bytes(Value::from(configuration.clone()).to_string().as_bytes()) };
        self.newest(board)?.map_or(Ok(()), |known| seen.follows(known))?;
        if revision < self.config.oldest {
            return Err(BundleError::Older { found: revision, known: self.config.oldest });
        }
        if self.current == Some(seen) {
            // Signed again; without saying when, it is no younger for that.
            self.good = Some(answer);
            if iat.is_some() {
                self.freshness.confirm(signed);
            }
            return Ok(Found::Same);
        }
        Ok(Found::Newer(Incoming { seen, answer, signed }, configuration))
    }

    fn verified(&self, body: &[u8], verifier: &dyn Verifier) -> Result<Bundle, BundleError> {
        let text = std::str::from_utf8(body).map_err(|_| TokenError::Character)?.trim_end();
        let document = signed_document(text, TYPE, &self.config.keys, verifier, &DOCUMENT)?;
        serde_json::from_value(Value::Object(document)).map_err(|error| BundleError::Malformed(error.to_string()))
    }

    /// The newest that this worker has, or that another one of the process had. Without a board each knows its own.
    fn newest(&self, board: &mut dyn Board) -> Result<Option<Stamp>, BundleError> {
        let posted = board.read(&self.document).ok().flatten().map(|posted| posted.document);
        let posted = match posted {
            Some(document) => {
                Some(Stamp::decode(&document).ok_or_else(|| BundleError::Malformed("what workers know".to_owned()))?)
            }
            None => None,
        };
        // Of two with one revision the posted one, which is the last.
        Ok(self.current.into_iter().chain(posted).max_by_key(|seen| seen.revision))
    }

    /// Tells the other workers, so that none of them goes back behind it.
    fn tell(&self, seen: Stamp, board: &mut dyn Board) -> Result<(), BundleError> {
        let told = board::update(board, &self.document, |found| {
            if let Some(known) = found.and_then(Stamp::decode) {
                seen.follows(known)?;
            }
            Ok(((), Change::Post(seen.encode())))
        });
        // Without a board each worker knows its own.
        told.unwrap_or(Ok(()))
    }
}

impl Stamp {
    /// That it may be in force where `known` was.
    fn follows(self, known: Self) -> Result<(), BundleError> {
        if self.revision < known.revision {
            return Err(BundleError::Older { found: self.revision, known: known.revision });
        }
        if self.revision == known.revision && self.digest != known.digest {
            return Err(BundleError::Another(self.revision));
        }
        Ok(())
    }

    fn encode(self) -> Vec<u8> {
        [&MAGIC[..], &self.revision.to_le_bytes(), &self.digest].concat()
    }

    fn decode(document: &[u8]) -> Option<Self> {
        let (revision, digest) = document.strip_prefix(&MAGIC)?.split_first_chunk()?;
        Some(Self { revision: u64::from_le_bytes(*revision), digest: digest.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests;
