//! What goes on without any request: keys and bundles are fetched at start and kept fresh.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_facts::calls::{Call, CallId, CallOutcome};
use countersign_facts::ledger::Ledger;
use countersign_facts::progress::Progress;
use countersign_tokens::{KeySet, UnixTime};
use countersign_trust::credential::IssuerIndex;
use countersign_trust::keys;

use crate::bundle::{BundleError, Bundles, Incoming, News};
use crate::engine::{Engine, Loading, Refused};

/// The background of one worker.
pub struct Background {
    engine: Arc<Engine>,
    next_call: u32,
    fetches: BTreeMap<CallId, Fetch>,
    /// Thousandths of an interval by which this worker is early: chosen at random, so that fleets do not ask in step.
    early: u16,
    bundles: Option<Bundles>,
    /// A newer bundle that is being loaded, while the one before decides.
    loading: Option<(Incoming, Loading)>,
    /// How old bundles were in whole seconds, as was last told.
    told_age: Option<u64>,
    /// Of each issuer, the newest set of keys whose oddities were reported, by its generation.
    reported: Vec<u64>,
}

/// A call under way.
#[derive(Clone, Copy)]
struct Fetch {
    issuer: IssuerIndex,
    /// Whether the metadata was asked for, which says where the keys are.
    metadata: bool,
}

/// The most that a worker is early, in thousandths.
const MOST_EARLY: u16 = 100;

/// One thing that happened outside every stream.
#[derive(Debug)]
pub enum BackgroundInput {
    /// The configuration was just loaded.
    Start,
    /// Time passed.
    Tick,
    /// There is time for a little more of what [is being loaded](Background::is_loading).
    Load,
    /// The outcome of a call; an unknown or repeated id changes nothing.
    CallDone(CallId, CallOutcome),
}

/// What the shell must do.
#[must_use]
#[derive(Debug)]
pub enum Effect {
    Call(Call),
    Log(Notice),
    /// From now on requests that arrive are for this one: a bundle came.
    Install {
        engine: Arc<Engine>,
        revision: u64,
    },
    /// A bundle was refused, or could not be had; the last good one stays.
    Refused,
    /// What is in force may be so old.
    BundleAge(Duration),
}

/// A line for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

/// How urgent a [`Notice`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Warn,
    Error,
}

impl Background {
    /// The background for `engine`; `random` spreads what many workers would do at the same time.
    pub fn new(engine: Arc<Engine>, random: u16) -> Self {
        // What is written in the configuration is checked there.
        let reported = vec![0; engine.keys.len()];
        let bundles = engine.config.bundle.as_ref().map(|config| Bundles::new(config, Arc::clone(&engine.freshness)));
        let (fetches, early) = (BTreeMap::new(), random % MOST_EARLY);
        Self { engine, bundles, loading: None, next_call: 0, fetches, early, told_age: None, reported }
    }

    /// Whether a bundle is being loaded: it wants [`BackgroundInput::Load`], again and again, with other work in between.
    pub fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    /// Takes one input and says what to do. The ledger is where workers tell each other what they found.
    pub fn handle(&mut self, now: UnixTime, input: BackgroundInput, ledger: &mut dyn Ledger) -> Vec<Effect> {
        let mut effects = match input {
            BackgroundInput::Start | BackgroundInput::Tick => {
                let mut effects = self.fetch_due_keys(now, ledger);
                effects.extend(self.tell_age(now));
                effects.extend(self.fetch_due_bundle(now));
                effects
            }
            BackgroundInput::Load => self.load(ledger),
            BackgroundInput::CallDone(id, outcome)
                if self.bundles.as_ref().is_some_and(|bundles| bundles.awaits(id)) =>
            {
                self.take_bundle(&outcome, now, ledger)
            }
            BackgroundInput::CallDone(id, outcome) => self.take_keys(id, &outcome, now, ledger).into_iter().collect(),
        };
        effects.extend(self.report_unused_keys(now));
        effects
    }

    /// A line for each new set that has keys nobody can be verified with, whichever worker fetched it.
    fn report_unused_keys(&mut self, now: UnixTime) -> Vec<Effect> {
        let mut effects = Vec::new();
        let stores = self.engine.keys.iter().zip(&self.engine.config.issuers);
        for ((keys, issuer), reported) in stores.zip(&mut self.reported) {
            let Some(current) = keys.current(now).filter(|current| current.generation != *reported) else { continue };
            *reported = current.generation;
            if let Some(text) = unmarked(&issuer.voucher.name, &current.set) {
                let level = if current.set.is_empty() { Level::Warn } else { Level::Info };
                effects.push(Effect::Log(Notice { level, text }));
            }
            for skipped in current.set.skipped() {
                let text =
                    format!("issuer `{}`: key {} is not used: {}", issuer.voucher.name, skipped.index, skipped.reason);
                effects.push(Effect::Log(Notice { level: Level::Info, text }));
            }
        }
        effects
    }

    fn fetch_due_keys(&mut self, now: UnixTime, ledger: &mut dyn Ledger) -> Vec<Effect> {
        let engine = Arc::clone(&self.engine);
        let mut effects = Vec::new();
        for (index, keys) in engine.keys.iter().enumerate() {
            if let Some(call) = keys.fetch(CallId(self.next_call), self.early, now, ledger) {
                effects.push(
                    self.begin(call, Fetch { issuer: IssuerIndex(index), metadata: keys.begins_with_metadata() }),
                );
            }
        }
        effects
    }

    /// How old what bundles say may be, once a second; and that it is too old, once.
    fn tell_age(&mut self, now: UnixTime) -> Vec<Effect> {
        let Some(bundles) = &mut self.bundles else { return Vec::new() };
        let age = bundles.age(now);
        let warning = bundles.warning(age).map(|text| Effect::Log(Notice { level: Level::Warn, text }));
        let told = (self.told_age != Some(age.as_secs())).then_some(Effect::BundleAge(age));
        self.told_age = Some(age.as_secs());
        told.into_iter().chain(warning).collect()
    }

    /// Asks for a newer bundle, if it is time and none is being loaded.
    fn fetch_due_bundle(&mut self, now: UnixTime) -> Option<Effect> {
        if self.loading.is_some() {
            return None;
        }
        let call = self.bundles.as_mut()?.fetch(CallId(self.next_call), self.early, now)?;
        self.next_call = self.next_call.wrapping_add(1);
        Some(Effect::Call(call))
    }

    fn take_bundle(&mut self, outcome: &CallOutcome, now: UnixTime, ledger: &mut dyn Ledger) -> Vec<Effect> {
        let Some(bundles) = &mut self.bundles else { return Vec::new() };
        let mut news = bundles.answer(outcome, self.engine.verifier.as_ref(), now, ledger);
        if let News::Newer { incoming, configuration } = news {
            let (revision, most) = (incoming.revision(), bundles.max_load());
            news = match Engine::with_bundle(&self.engine, revision, configuration, most) {
                Ok(loading) => {
                    self.loading = Some((incoming, loading));
                    News::Nothing
                }
                Err(Refused::Unusable(errors)) => bundles.refuse(BundleError::unusable(revision, &errors)),
                Err(Refused::TooLong(effort)) => bundles.refuse(BundleError::TooLong { revision, effort, most }),
            };
        }
        self.tell(news)
    }

    /// Loads a little more of what is being loaded.
    fn load(&mut self, ledger: &mut dyn Ledger) -> Vec<Effect> {
        let (Some(bundles), Some((incoming, loading))) = (&mut self.bundles, self.loading.take()) else {
            return Vec::new();
        };
        let news = match loading.step() {
            Ok(Progress::More(loading)) => {
                self.loading = Some((incoming, loading));
                News::Nothing
            }
            Ok(Progress::Done(engine)) => {
                let news = bundles.installed(incoming, ledger);
                if matches!(news, News::Installed { .. }) {
                    self.engine = Arc::from(engine);
                }
                news
            }
            Err(errors) => bundles.refuse(BundleError::unusable(incoming.revision(), &errors)),
        };
        self.tell(news)
    }

    /// What follows from `news` of bundles.
    fn tell(&self, news: News) -> Vec<Effect> {
        let stays =
            self.engine.bundle().map_or("the configuration".to_owned(), |revision| format!("revision {revision}"));
        match news {
            News::Nothing | News::Newer { .. } => Vec::new(),
            News::Installed { revision } => {
                let text = format!("bundle: revision {revision} is in force, policy {}", self.engine.policy_revision());
                let notice = Notice { level: Level::Info, text };
                vec![Effect::Install { engine: Arc::clone(&self.engine), revision }, Effect::Log(notice)]
            }
            News::Refused { repeated: true, .. } => vec![Effect::Refused],
            News::Refused { error, repeated: false } => {
                let text = format!("bundle: {error}; {stays} stays in force");
                vec![Effect::Refused, Effect::Log(Notice { level: Level::Error, text })]
            }
        }
    }

    fn begin(&mut self, call: Call, fetch: Fetch) -> Effect {
        self.next_call = self.next_call.wrapping_add(1);
        self.fetches.insert(call.id, fetch);
        Effect::Call(call)
    }

    fn take_keys(
        &mut self,
        id: CallId,
        outcome: &CallOutcome,
        now: UnixTime,
        ledger: &mut dyn Ledger,
    ) -> Option<Effect> {
        let fetch = self.fetches.remove(&id)?;
        let engine = Arc::clone(&self.engine);
        let (keys, issuer) = engine.keys.get(fetch.issuer.0).zip(engine.config.issuers.get(fetch.issuer.0))?;
        let error = match keys.answer(outcome, fetch.metadata, CallId(self.next_call), now, ledger) {
            Ok(keys::Progress::Installed) => return None,
            Ok(keys::Progress::Further(call)) => return Some(self.begin(call, Fetch { metadata: false, ..fetch })),
            Err(error) => error,
        };
        let (level, consequence) = if keys.current(now).is_some() {
            (Level::Warn, "the previous keys stay in use until they are too old")
        } else {
            (Level::Error, "its tokens are refused until a fetch succeeds")
        };
        Some(Effect::Log(Notice { level, text: format!("issuer `{}`: {error}; {consequence}", issuer.voucher.name) }))
    }
}

/// That a SPIFFE bundle has keys which do not say that they are for JWT-SVIDs.
fn unmarked(issuer: &str, set: &KeySet) -> Option<String> {
    let keys = match set.unmarked() {
        0 => return None,
        1 => "1 key is".to_owned(),
        several => format!("{several} keys are"),
    };
    Some(format!(
        "issuer `{issuer}`: {keys} not used: a bundle's keys for JWT-SVIDs say `use: jwt-svid`; where a JWK Set is published, \
         as by SPIRE's OIDC discovery provider, write `format: jwks` under `keys`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoSecrets;
    use countersign_facts::headers::Headers;
    use countersign_facts::ledger::MemoryLedger;

    const CONFIG: &str = r#"{
        "version": 1,
        "issuers": [{
            "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": ["a"],
            "algorithms": ["ES256"], "keys": { "url": "https://sts.test/jwks.json", "cluster": "sts" }
        }],
        "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" }
    }"#;

    fn notices(effects: Vec<Effect>) -> Vec<Notice> {
        let notice = |effect| match effect {
            Effect::Log(notice) => Some(notice),
            Effect::Call(_) | Effect::Install { .. } | Effect::Refused | Effect::BundleAge(_) => None,
        };
        effects.into_iter().filter_map(notice).collect()
    }

    #[test]
    fn a_jwk_set_where_a_bundle_belongs_is_reported_once_per_set()
    -> Result<(), countersign_facts::mistakes::ConfigErrors> {
        let config = CONFIG.replace(
            r#""issuer": "https://sts.test", "profile": "access-token""#,
            r#""trust_domain": "example.org", "profile": "jwt-svid""#,
        );
        let mut background = Background::new(Arc::new(Engine::load(config.as_bytes(), &NoSecrets)?), 0);
        let mut ledger = MemoryLedger::new(1);
        let mut handle = |secs, input| background.handle(UnixTime::from_secs(secs), input, &mut ledger);
        let fetched = || {
            let body = br#"{"keys":[{"kty":"EC","kid":"a"},{"kty":"EC","kid":"b","use":"sig"}]}"#.to_vec();
            CallOutcome::Response { status: 200, headers: Headers::default(), body }
        };
        assert_eq!(notices(handle(1000, BackgroundInput::Start)), []);
        let text = "issuer `platform`: 2 keys are not used: a bundle's keys for JWT-SVIDs say `use: jwt-svid`; where a JWK Set is \
            published, as by SPIRE's OIDC discovery provider, write `format: jwks` under `keys`".to_owned();
        let news = notices(handle(1001, BackgroundInput::CallDone(CallId(0), fetched())));
        assert_eq!(news, [Notice { level: Level::Warn, text }]);
        assert_eq!(notices(handle(1400, BackgroundInput::Tick)), [], "time for the next fetch");
        assert_eq!(notices(handle(1401, BackgroundInput::CallDone(CallId(1), fetched()))), [], "the same set again");
        Ok(())
    }

    #[test]
    fn keys_that_are_not_used_are_reported_once_per_set() -> Result<(), countersign_facts::mistakes::ConfigErrors> {
        let mut background = Background::new(Arc::new(Engine::load(CONFIG.as_bytes(), &NoSecrets)?), 0);
        let mut ledger = MemoryLedger::new(1);
        let mut handle = |secs, input| background.handle(UnixTime::from_secs(secs), input, &mut ledger);
        let body = br#"{"keys":[{"kty":"EC","crv":"P-521"}]}"#.to_vec();
        let fetched = || CallOutcome::Response { status: 200, headers: Headers::default(), body: body.clone() };

        assert_eq!(notices(handle(1000, BackgroundInput::Start)), []);
        let text = "issuer `platform`: key 0 is not used: `crv` is not P-256, P-384 or Ed25519".to_owned();
        let news = notices(handle(1001, BackgroundInput::CallDone(CallId(0), fetched())));
        assert_eq!(news, [Notice { level: Level::Info, text }]);
        assert_eq!(notices(handle(1002, BackgroundInput::Tick)), []);
        assert_eq!(notices(handle(1400, BackgroundInput::Tick)), [], "time for the next fetch");
        assert_eq!(notices(handle(1401, BackgroundInput::CallDone(CallId(1), fetched()))), [], "the same set again");
        Ok(())
    }
}
