//! The engine in this process: no gateway, a clock that only moves when it is told to, servers that are functions.
//!
//! It does what the shell does, in the order in which a gateway would make it: body pieces as they come, a tick now and
//! then, answers when they are due, a 504 of the gateway's own for a call that is never answered.

mod stream;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use countersign_engine::config::Secrets;
use countersign_engine::{Background, BackgroundInput, Effect, Engine};
use countersign_facts::calls::{Call, CallFailure, CallId, CallOutcome};
use countersign_facts::headers::Headers;
use countersign_facts::ledger::MemoryLedger;
use countersign_tokens::UnixTime;

use super::{Deployed, Deployment, Driver, Exchange, Observed, SECRETS};
use crate::scenario::approver::{Asked, Reaction};
use crate::scenario::format::{DriverKind, Fault, KeyServer};
use stream::Stream;

/// How often a gateway's root ticks.
const TICK: Duration = Duration::from_millis(200);

/// Longer than any wait a scenario configures.
const PATIENCE: Duration = Duration::from_mins(1);

/// The secrets of the scenarios' configurations.
#[derive(Clone, Copy, Debug)]
pub struct ScenarioSecrets;

impl Secrets for ScenarioSecrets {
    fn secret(&self, name: &str) -> Option<String> {
        SECRETS.iter().find(|(known, _)| *known == name).map(|(_, secret)| (*secret).to_owned())
    }
}

/// The engine under `configuration`, with the usual keys.
pub fn ready(configuration: &str, now: UnixTime) -> anyhow::Result<Arc<Engine>> {
    let engine = Arc::new(Engine::load(configuration.as_bytes(), &ScenarioSecrets)?.seeded([7; 32]));
    let mut background = Background::new(Arc::clone(&engine), 0);
    let mut ledger = MemoryLedger::new(1);
    for effect in background.handle(now, BackgroundInput::Start, &mut ledger) {
        if let Effect::Call(call) = effect {
            let outcome = outcome(KeyServer::default().react(&call.path)?);
            let effects = background.handle(now, BackgroundInput::CallDone(call.id, outcome), &mut ledger);
            ensure!(effects.is_empty(), "the keys are not installed: {effects:?}");
        }
    }
    Ok(engine)
}

/// What the caller gets where `reaction` is there at once.
pub fn outcome(reaction: Reaction) -> CallOutcome {
    match reaction {
        Reaction::Answer { status, headers, body, after: _ } => {
            let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
            CallOutcome::Response { status, headers, body }
        }
        Reaction::Reset | Reaction::Silence => CallOutcome::Failed(CallFailure::NoAnswer),
    }
}

/// The driver.
pub struct Native {
    now: UnixTime,
    deployed: Option<Worker>,
}

/// One configured worker.
struct Worker {
    keys: KeyServer,
    engine: Arc<Engine>,
    background: Background,
    ledger: MemoryLedger,
    due: Vec<Due>,
    asked: Vec<Asked>,
    log: Vec<String>,
}

/// An answer on its way.
struct Due {
    at: UnixTime,
    to: Caller,
    id: CallId,
    outcome: CallOutcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Background,
    Stream,
}

impl Native {
    /// At `now_secs` since the epoch.
    pub fn at(now_secs: u64) -> Self {
        Self { now: UnixTime::from_secs(now_secs), deployed: None }
    }

    /// Moves the clock to the next tick or answer, and delivers what is due. Ticks reach `stream` too.
    fn pass(&mut self, step: Duration, mut stream: Option<&mut Stream<'_>>) -> anyhow::Result<()> {
        let tick = self.now.plus(step);
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        let next = worker.due.iter().map(|due| due.at).min().filter(|at| *at < tick);
        self.now = next.unwrap_or(tick).max(self.now);
        while let Some(index) = worker.due.iter().position(|due| due.at <= self.now) {
            let Due { at: _, to, id, outcome } = worker.due.remove(index);
            match (to, stream.as_deref_mut()) {
                (Caller::Background, _) => {
                    worker.background(self.now, BackgroundInput::CallDone(id, outcome))?;
                }
                (Caller::Stream, Some(stream)) => stream.answered(worker, self.now, id, &outcome)?,
                (Caller::Stream, None) => {}
            }
        }
        worker.background(self.now, BackgroundInput::Tick)?;
        match stream {
            Some(stream) => stream.feed(worker, self.now, |drive, gateway| drive.tick(gateway)),
            None => Ok(()),
        }
    }

    /// What the scenario lets go wrong; what only a host can do is not for this driver.
    fn check_faults(exchange: &Exchange<'_>) -> anyhow::Result<()> {
        let known = |fault: &Fault| [Fault::AnswersTwice, Fault::StrayAnswers].contains(fault);
        ensure!(exchange.faults.iter().all(known), "there is no host here that could fail so");
        Ok(())
    }

    fn wait(&mut self, by: Duration, mut stream: Option<&mut Stream<'_>>) -> anyhow::Result<()> {
        let end = self.now.plus(by);
        let step = if by > PATIENCE { Duration::from_secs(1) } else { TICK };
        while self.now < end && stream.as_ref().is_none_or(|stream| stream.is_undecided()) {
            self.pass(step.min(end.since(self.now)), stream.as_deref_mut())?;
        }
        Ok(())
    }

    /// The request's body, in its pieces, until the client leaves.
    fn body(&mut self, stream: &mut Stream<'_>) -> anyhow::Result<()> {
        let request = stream.request();
        if let Some(stalls) = request.stalls {
            self.wait(stalls, Some(stream))?;
        }
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        let pieces = request.pieces().count();
        for (index, chunk) in request.pieces().enumerate() {
            if request.leaves_after_chunks.is_some_and(|chunks| index >= chunks) {
                return Ok(());
            }
            let end = index + 1 == pieces && request.trailers.is_empty();
            stream.body(worker, self.now, chunk, end)?;
        }
        if !request.trailers.is_empty() {
            stream.feed(worker, self.now, |drive, gateway| drive.trailers(gateway))?;
        }
        Ok(())
    }
}

impl Driver for Native {
    fn kind(&self) -> DriverKind {
        DriverKind::Native
    }

    fn deploy(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Deployed> {
        let engine = match Engine::load(deployment.configuration.as_bytes(), &ScenarioSecrets) {
            Ok(engine) => Arc::new(engine.seeded([7; 32])),
            Err(errors) => return Ok(Deployed::Refused(errors.to_string().lines().map(str::to_owned).collect())),
        };
        let mut worker = Worker {
            keys: deployment.keys.clone(),
            background: Background::new(Arc::clone(&engine), 0),
            ledger: MemoryLedger::of(engine.limits().ledger),
            engine,
            due: Vec::new(),
            asked: Vec::new(),
            log: Vec::new(),
        };
        worker.background(self.now, BackgroundInput::Start)?;
        self.deployed = Some(worker);
        self.pass(Duration::ZERO, None)?;
        Ok(Deployed::Running)
    }

    fn now_secs(&self) -> u64 {
        self.now.secs()
    }

    fn advance(&mut self, by: Duration) -> anyhow::Result<()> {
        self.wait(by, None)
    }

    fn set_back(&mut self, by: Duration) -> anyhow::Result<()> {
        self.now = self.now.minus(by);
        Ok(())
    }

    fn serve_keys(&mut self, keys: &KeyServer) -> anyhow::Result<()> {
        self.deployed.as_mut().context("nothing is deployed")?.keys = keys.clone();
        Ok(())
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) -> anyhow::Result<Observed> {
        Self::check_faults(exchange)?;
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        worker.asked.clear();
        worker.log.clear();
        worker.due.retain(|due| due.to == Caller::Background);
        let mut stream = Stream::new(exchange, &worker.engine);
        stream.head(worker, self.now)?;
        self.body(&mut stream)?;
        let leaves = exchange.request.leaves_after_chunks.is_some();
        self.wait(if leaves { TICK } else { PATIENCE }, Some(&mut stream))?;
        ensure!(leaves || !stream.is_undecided(), "the request is still held after {PATIENCE:?}");
        let worker = self.deployed.as_mut().context("nothing is deployed")?;
        stream.upstream(worker, self.now)?;
        let mut observed = stream.close(worker, self.now)?;
        observed.asked = std::mem::take(&mut worker.asked);
        observed.log = std::mem::take(&mut worker.log);
        Ok(observed)
    }
}

impl Worker {
    /// Takes an input, and loads at once what a gateway would load between requests.
    fn background(&mut self, now: UnixTime, input: BackgroundInput) -> anyhow::Result<()> {
        self.take(now, input)?;
        while self.background.is_loading() {
            self.take(now, BackgroundInput::Load)?;
        }
        Ok(())
    }

    fn take(&mut self, now: UnixTime, input: BackgroundInput) -> anyhow::Result<()> {
        for effect in self.background.handle(now, input, &mut self.ledger) {
            match effect {
                Effect::Call(call) => {
                    let reaction = self.keys.react(&call.path)?;
                    self.dispatch(now, &call, Caller::Background, reaction);
                }
                Effect::Log(notice) => self.log.push(notice.text),
                Effect::Install { engine, revision: _ } => self.engine = engine,
                Effect::Refused | Effect::BundleAge(_) => {}
            }
        }
        Ok(())
    }

    /// Notes the call and when its answer comes.
    fn dispatch(&mut self, now: UnixTime, call: &Call, to: Caller, reaction: Reaction) {
        self.asked.push(asked(call));
        let (after, outcome) = match reaction {
            Reaction::Answer { after, .. } if after.unwrap_or_default() < call.timeout => {
                (after.unwrap_or_default(), outcome(reaction))
            }
            Reaction::Answer { .. } | Reaction::Silence => {
                let outcome = CallOutcome::Response { status: 504, headers: Headers::default(), body: Vec::new() };
                (call.timeout, outcome)
            }
            Reaction::Reset => (Duration::ZERO, outcome(reaction)),
        };
        self.due.push(Due { at: now.plus(after), to, id: call.id, outcome });
    }
}

/// `call` as the server receives it.
pub fn asked(call: &Call) -> Asked {
    Asked {
        cluster: call.cluster.clone(),
        method: call.method.to_owned(),
        path: call.path.clone(),
        headers: call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect(),
        body: call.body.clone(),
    }
}
