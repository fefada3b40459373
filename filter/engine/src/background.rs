//! What goes on without any request: keys are fetched at start and kept fresh.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_tokens::UnixTime;

use crate::engine::{Engine, IssuerIndex};
use crate::io::{Call, CallId, CallOutcome};
use crate::ledger::Ledger;

/// The background of one worker.
pub struct Background {
    engine: Arc<Engine>,
    next_call: u32,
    fetches: BTreeMap<CallId, IssuerIndex>,
}

/// One thing that happened outside every stream.
#[derive(Debug)]
pub enum BackgroundInput {
    /// The configuration was just loaded.
    Start,
    /// Time passed.
    Tick,
    /// The outcome of a call; an unknown or repeated id changes nothing.
    CallDone(CallId, CallOutcome),
}

/// What the shell must do.
#[must_use]
#[derive(Debug)]
pub enum Effect {
    Call(Call),
    Log(Notice),
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
    /// The background for `engine`.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, next_call: 0, fetches: BTreeMap::new() }
    }

    /// Takes one input and says what to do. The ledger is for feeds of revocations, which write into it.
    pub fn handle(&mut self, now: UnixTime, input: BackgroundInput, _ledger: &mut dyn Ledger) -> Vec<Effect> {
        match input {
            BackgroundInput::Start | BackgroundInput::Tick => self.fetch_due_keys(now),
            BackgroundInput::CallDone(id, outcome) => self.install(id, &outcome, now).into_iter().collect(),
        }
    }

    fn fetch_due_keys(&mut self, now: UnixTime) -> Vec<Effect> {
        let engine = Arc::clone(&self.engine);
        let mut effects = Vec::new();
        for (index, keys) in engine.keys.iter().enumerate() {
            let id = CallId(self.next_call);
            if let Some(call) = keys.fetch_when_due(id, now) {
                self.next_call = self.next_call.wrapping_add(1);
                self.fetches.insert(id, IssuerIndex(index));
                effects.push(Effect::Call(call));
            }
        }
        effects
    }

    fn install(&mut self, id: CallId, outcome: &CallOutcome, now: UnixTime) -> Option<Effect> {
        let index = self.fetches.remove(&id)?;
        let (keys, issuer) = self.engine.keys.get(index.0).zip(self.engine.config.issuers.get(index.0))?;
        let error = keys.install(outcome, now).err()?;
        let name = &issuer.name;
        let (level, consequence) = if keys.current(now).is_some() {
            (Level::Warn, "the previous keys stay in use until they are too old")
        } else {
            (Level::Error, "its tokens are refused until a fetch succeeds")
        };
        Some(Effect::Log(Notice { level, text: format!("issuer `{name}`: {error}; {consequence}") }))
    }
}
