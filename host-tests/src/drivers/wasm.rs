//! The built module in the scripted host: real wasm, a clock that only moves when it is told to, and a host that
//! fails when it is told to.
//!
//! A trap is what it is in a gateway: the stream fails with 503, and a new VM takes over (`FAIL_RELOAD`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Answer, Approve, Deployed, Deployment, Driver, Exchange, Observed, Received, SECRETS};
use crate::gateway::PluginConfig;
use crate::scenario::approver::{Asked, Reaction};
use crate::scenario::format::{DriverKind, Fault, KeyServer};
use crate::scenario::request::Request;
use crate::scenario::upstream::Response;
use crate::scripted::{
    self, Forwarded, HostError, HttpCall, Module, Options, Pairs, ScriptedHost, Status, StreamHandle,
};

/// How often a gateway ticks at most, whatever the module asks for.
const TICK: Duration = Duration::from_millis(200);
/// Longer than any wait a scenario configures.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the module logs for each mistake of its configuration.
const REFUSED: &str = "configuration refused: ";

/// The hostcalls that each fault makes fail, and how.
const FAILING: &[(Fault, &str, Status)] = &[
    (Fault::NoSharedData, "proxy_get_shared_data", Status::InternalFailure),
    (Fault::NoSharedData, "proxy_set_shared_data", Status::InternalFailure),
    (Fault::NoProperties, "proxy_get_property", Status::NotFound),
    (Fault::NoExposure, "proxy_set_property", Status::InternalFailure),
    (Fault::NoMetrics, "proxy_increment_metric", Status::NotFound),
    (Fault::NoMetrics, "proxy_record_metric", Status::NotFound),
];

/// The driver.
pub struct Wasm {
    /// Since the epoch.
    now: Duration,
    configuration: String,
    native_crypto: bool,
    worker: Option<Worker>,
}

/// One VM and the calls it made.
struct Worker {
    host: ScriptedHost,
    keys: KeyServer,
    approve: Option<Approve>,
    faults: Vec<Fault>,
    /// How the key server behaves once the approver is asked.
    meanwhile: Option<KeyServer>,
    /// Calls whose answers are on their way, or will never come.
    dispatched: BTreeSet<u32>,
    due: Vec<(Duration, u32, scripted::Answer)>,
    asked: Vec<Asked>,
    lines: usize,
}

impl Wasm {
    /// At `now_secs` since the epoch, with the module `scripts/build` made.
    pub fn at(now_secs: u64) -> anyhow::Result<Self> {
        let now = Duration::from_secs(now_secs);
        Ok(Self { now, configuration: String::new(), native_crypto: true, worker: None })
    }

    /// As [`Wasm::at`], in a gateway that verifies no signatures itself.
    pub fn without_native_crypto(now_secs: u64) -> anyhow::Result<Self> {
        Ok(Self { native_crypto: false, ..Self::at(now_secs)? })
    }

    fn boot(&mut self, keys: KeyServer) -> Result<(), HostError> {
        let options = Options {
            route: Some("tools".to_owned()),
            source: Some("127.0.0.1:40000".to_owned()),
            certificate: None,
            no_foreign_functions: !self.native_crypto,
            now: self.now,
            ..Options::default()
        };
        let rego = PluginConfig::from_json(self.configuration.clone()).is_ok_and(|config| config.needs_rego());
        let module = if rego { Module::with_rego()? } else { Module::built()? };
        let host = ScriptedHost::new(module, self.configuration.as_bytes(), &SECRETS, options)?;
        self.worker = Some(Worker {
            host,
            keys,
            approve: None,
            faults: Vec::new(),
            meanwhile: None,
            dispatched: BTreeSet::new(),
            due: Vec::new(),
            asked: Vec::new(),
            lines: 0,
        });
        Ok(())
    }

    fn worker(&mut self) -> anyhow::Result<&mut Worker> {
        self.worker.as_mut().context("nothing is deployed")
    }

    /// Moves the clock to the next tick or answer and delivers what is due.
    fn pass(&mut self, step: Duration) -> anyhow::Result<()> {
        let now = self.now;
        let worker = self.worker()?;
        let next = worker.due.iter().map(|(at, _, _)| *at).min().unwrap_or(Duration::MAX);
        let passed = step.min(next.saturating_sub(now));
        self.now = now.saturating_add(passed);
        let now = self.now;
        let worker = self.worker()?;
        worker.host.tick(passed)?;
        worker.dispatch(now)?;
        while let Some(index) = worker.due.iter().position(|(at, _, _)| *at <= now) {
            let (_, token, answer) = worker.due.remove(index);
            worker.answer(token, answer, now)?;
        }
        Ok(())
    }

    fn wait(&mut self, by: Duration, stream: Option<StreamHandle>) -> anyhow::Result<()> {
        let end = self.now.saturating_add(by);
        let step = if by > PATIENCE { Duration::from_secs(1) } else { TICK };
        while self.now < end
            && stream.is_none_or(|stream| self.worker.as_ref().is_some_and(|worker| worker.is_held(stream)))
        {
            self.pass(step.min(end.saturating_sub(self.now)))?;
        }
        Ok(())
    }

    fn carry(&mut self, exchange: &Exchange<'_>, observed: &mut Observed) -> anyhow::Result<()> {
        let request = exchange.request;
        let now = self.now;
        let worker = self.worker()?;
        let head = request.head();
        let head: Vec<(&str, &[u8])> = head.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let stream = worker.host.request(&head, request.is_head_only())?;
        worker.dispatch(now)?;
        self.body(request, stream)?;
        let leaves = request.leaves_after_chunks.is_some();
        self.wait(if leaves { TICK } else { PATIENCE }, Some(stream))?;
        let now = self.now;
        let worker = self.worker()?;
        ensure!(leaves || !worker.is_held(stream), "the request is still held after {PATIENCE:?}");
        observed.answer = worker.outcome(stream, exchange, observed)?;
        worker.host.close(stream)?;
        if worker.faults.contains(&Fault::AnswersLate) {
            worker.faults.clear();
            for (_, token, answer) in std::mem::take(&mut worker.due) {
                worker.answer(token, answer, now)?;
            }
        }
        Ok(())
    }

    fn body(&mut self, request: &Request, stream: StreamHandle) -> anyhow::Result<()> {
        if let Some(stalls) = request.stalls {
            self.wait(stalls, Some(stream))?;
        }
        let now = self.now;
        let pieces = request.pieces().count();
        let worker = self.worker()?;
        for (index, chunk) in request.pieces().enumerate() {
            if request.leaves_after_chunks.is_some_and(|chunks| index >= chunks) {
                return Ok(());
            }
            worker.host.body(stream, chunk, index + 1 == pieces && request.trailers.is_empty())?;
            worker.dispatch(now)?;
        }
        if !request.trailers.is_empty() {
            let trailers: Vec<(&str, &[u8])> =
                request.trailers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            worker.host.trailers(stream, &trailers)?;
            worker.dispatch(now)?;
        }
        Ok(())
    }
}

impl Driver for Wasm {
    fn kind(&self) -> DriverKind {
        DriverKind::Wasm
    }

    fn deploy(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Deployed> {
        deployment.configuration.clone_into(&mut self.configuration);
        match self.boot(deployment.keys.clone()) {
            Ok(()) => {}
            Err(HostError::ConfigurationRefused(lines)) => {
                let refused = lines.iter().filter_map(|line| Some(line.split_once(REFUSED)?.1.to_owned()));
                return Ok(Deployed::Refused(refused.collect()));
            }
            Err(error) => return Err(error.into()),
        }
        // Calls cannot be made while a gateway configures: the first tick fetches the keys.
        self.pass(Duration::ZERO)?;
        self.pass(Duration::ZERO)?;
        Ok(Deployed::Running)
    }

    fn now_secs(&self) -> u64 {
        self.now.as_secs()
    }

    fn advance(&mut self, by: Duration) -> anyhow::Result<()> {
        self.wait(by, None)
    }

    fn set_back(&mut self, by: Duration) -> anyhow::Result<()> {
        self.now = self.now.saturating_sub(by);
        self.worker()?.host.set_back(by);
        Ok(())
    }

    fn serve_keys(&mut self, keys: &KeyServer) -> anyhow::Result<()> {
        self.worker()?.keys = keys.clone();
        Ok(())
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) -> anyhow::Result<Observed> {
        const ENGINE_ONLY: [Fault; 2] = [Fault::AnswersTwice, Fault::StrayAnswers];
        ensure!(!exchange.faults.iter().any(|fault| ENGINE_ONLY.contains(fault)), "the SDK traps on such answers");
        self.worker()?.prepare(exchange);
        let mut observed = Observed::default();
        let carried = self.carry(exchange, &mut observed);
        let worker = self.worker()?;
        worker.heal();
        (observed.records, observed.log) = worker.output();
        observed.asked = std::mem::take(&mut worker.asked);
        match carried.as_ref().map_err(|error| error.downcast_ref::<HostError>()) {
            Ok(()) => Ok(observed),
            Err(Some(HostError::Trapped(trap))) => {
                observed.log.push(format!("trapped: {trap}"));
                observed.answer = Some(Answer { status: 503, ..Answer::default() });
                let keys = worker.keys.clone();
                self.boot(keys)?;
                self.pass(Duration::ZERO)?;
                self.pass(Duration::ZERO)?;
                Ok(observed)
            }
            Err(_) => carried.map(|()| observed),
        }
    }
}

impl Worker {
    fn prepare(&mut self, exchange: &Exchange<'_>) {
        self.approve = Some(Arc::clone(&exchange.approve));
        self.faults = exchange.faults.to_vec();
        self.meanwhile = exchange.meanwhile.cloned();
        for (_, call, status) in FAILING.iter().filter(|(fault, _, _)| exchange.faults.contains(fault)) {
            self.host.fail(call, *status);
        }
        self.host.refuse_calls(exchange.faults.contains(&Fault::DispatchFails));
        self.host.withhold_bodies(exchange.faults.contains(&Fault::BodyWithheld));
        let certificate = exchange.request.certificate.as_ref();
        self.host.present_certificate(certificate.map(|shown| (shown.sha256.clone(), shown.uri.clone())));
        self.asked.clear();
        self.lines = self.host.logs().len();
    }

    fn heal(&mut self) {
        for (_, call, _) in FAILING {
            self.host.heal(call);
        }
        self.host.refuse_calls(false);
        self.host.withhold_bodies(false);
        self.faults.clear();
    }

    /// Whether the request's fate is open.
    fn is_held(&self, stream: StreamHandle) -> bool {
        self.host.reply(stream).is_none() && self.host.forwarded(stream).is_none() && !self.host.was_reset(stream)
    }

    /// Finds the calls made since the last look, and when their answers come.
    fn dispatch(&mut self, now: Duration) -> anyhow::Result<()> {
        for call in self.host.pending_calls() {
            if self.dispatched.insert(call.token) {
                let asked = asked(&call);
                let reaction = match (call.cluster.as_str(), &self.approve) {
                    ("keys", _) => self.keys.react(&asked.path)?,
                    (_, Some(approve)) => approve(&asked, now.as_secs()),
                    (_, None) => Reaction::Reset,
                };
                if let Some(keys) = self.meanwhile.take_if(|_| asked.cluster == "approvals") {
                    self.keys = keys;
                }
                self.asked.push(asked);
                let (after, answer) = self.answered(&call, reaction);
                self.due.push((now.saturating_add(after), call.token, answer));
            }
        }
        Ok(())
    }

    /// When and how a call ends.
    fn answered(&self, call: &HttpCall, reaction: Reaction) -> (Duration, scripted::Answer) {
        let has = |fault| self.faults.contains(&fault);
        if has(Fault::AnswersLate) {
            // Long after the stream's patience; delivered when it is over.
            let (_, answer) = on_time(call, reaction);
            return (PATIENCE.saturating_mul(2), answer);
        }
        if has(Fault::CallResets) {
            return (Duration::ZERO, scripted::Answer::Reset);
        }
        if has(Fault::CallTimesOut) {
            return (call.timeout, scripted::Answer::Timeout);
        }
        on_time(call, reaction)
    }

    fn answer(&mut self, token: u32, answer: scripted::Answer, now: Duration) -> anyhow::Result<()> {
        match self.host.answer(token, answer) {
            // The gateway forgets the calls of a stream that is over.
            Ok(()) | Err(HostError::NoSuchCall(_)) => {}
            Err(error) => return Err(error.into()),
        }
        self.dispatch(now)
    }

    /// What came of a request that is no longer held; what goes upstream is answered there.
    fn outcome(
        &mut self,
        stream: StreamHandle,
        exchange: &Exchange<'_>,
        observed: &mut Observed,
    ) -> anyhow::Result<Option<Answer>> {
        if let Some(forwarded) = self.host.forwarded(stream) {
            observed.upstream_touched = true;
            observed.upstream.push(received(forwarded));
            let response = exchange.upstream.cloned().unwrap_or_else(Response::of_gateway);
            self.respond(stream, &response)?;
        }
        if let Some(reply) = self.host.reply(stream) {
            let status = u16::try_from(reply.status)?;
            return Ok(Some(Answer { status, headers: reply.headers.clone(), body: reply.body.clone(), cut: false }));
        }
        let delivered = self.host.delivered(stream).filter(|delivered| !delivered.headers.is_empty());
        Ok(delivered.map(|delivered| {
            let status = delivered.headers.iter().find(|(name, _)| name == ":status");
            let status = status.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
            Answer {
                status: status.unwrap_or_default(),
                headers: delivered.headers.clone(),
                body: delivered.body.clone(),
                cut: !delivered.ended,
            }
        }))
    }

    /// The upstream answers, as long as the client gets it.
    fn respond(&mut self, stream: StreamHandle, response: &Response) -> anyhow::Result<()> {
        let head = response.head();
        let head: Vec<(&str, &[u8])> = head.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let mut passes = self.host.response(stream, &head, response.body.is_empty())?;
        let mut sent = 0;
        for piece in response.pieces() {
            if !passes {
                break;
            }
            sent += piece.len();
            passes = self.host.response_body(stream, piece, sent == response.body.len())?;
        }
        Ok(())
    }

    /// Records and other lines since the request began.
    fn output(&self) -> (Vec<Value>, Vec<String>) {
        let lines = self.host.logs();
        let lines = lines.get(self.lines..).unwrap_or_default();
        let records = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object);
        (records.collect(), lines.to_vec())
    }
}

fn on_time(call: &HttpCall, reaction: Reaction) -> (Duration, scripted::Answer) {
    match reaction {
        Reaction::Answer { status, headers, body, after } if after.unwrap_or_default() < call.timeout => {
            let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
            (after.unwrap_or_default(), scripted::Answer::Response { status, headers, body })
        }
        Reaction::Answer { .. } | Reaction::Silence => (call.timeout, scripted::Answer::Timeout),
        Reaction::Reset => (Duration::ZERO, scripted::Answer::Reset),
    }
}

fn received(forwarded: &Forwarded) -> Received {
    let pseudo = |name: &str| {
        let found = forwarded.headers.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    };
    let fields = |pairs: &Pairs| pairs.iter().filter(|(name, _)| !name.starts_with(':')).cloned().collect();
    Received {
        method: pseudo(":method"),
        path: pseudo(":path"),
        host: pseudo(":authority"),
        headers: fields(&forwarded.headers),
        body: forwarded.body.clone(),
        trailers: forwarded.trailers.as_ref().map(fields).unwrap_or_default(),
    }
}

fn asked(call: &HttpCall) -> Asked {
    let pseudo = |name: &str| {
        let found = call.headers.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    };
    Asked {
        cluster: call.cluster.clone(),
        method: pseudo(":method"),
        path: pseudo(":path"),
        headers: call.headers.iter().filter(|(name, _)| !name.starts_with(':')).cloned().collect(),
        body: call.body.clone(),
    }
}
