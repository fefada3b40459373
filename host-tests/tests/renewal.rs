//! A newer configuration decides whatever is not decided yet: what an older one holds, and what comes in on connections that were
//! open before. In the engine, in the built module with two contexts of one plugin, and in real Envoys while they drain.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_engine::io::{Input, Step, Tick};
use countersign_engine::record::Line;
use countersign_engine::shares::Each;
use countersign_engine::{Background, BackgroundInput, Effect, Engine, Session};
use countersign_facts::calls::{Call, CallOutcome};
use countersign_facts::headers::{Headers, RequestHead};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::MemoryLedger;
use countersign_facts::reason::Reason;
use countersign_host_tests::drivers::SECRETS;
use countersign_host_tests::drivers::native::{ScenarioSecrets, asked, outcome, ready};
use countersign_host_tests::envoy::{Envoy, RunningEnvoy, versions};
use countersign_host_tests::fakes::{Answer, Approver, Upstream};
use countersign_host_tests::platform::{self, Platform};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::{Approver as Says, DecisionPoint, Introspector, KeyServer, Send};
use countersign_host_tests::scenario::request::{Earlier, Request};
use countersign_host_tests::scripted::{HostError, Module, Options, ScriptedHost, StreamHandle};
use countersign_tokens::UnixTime;
use parking_lot::Mutex;
use serde_json::{Value, json};

const NOW_SECS: u64 = 1_800_000_000;
const PATIENCE: Duration = Duration::from_secs(20);
/// For how long a gateway here goes on with what a superseded configuration holds.
const DRAIN: Duration = Duration::from_mins(1);

fn now() -> UnixTime {
    UnixTime::from_secs(NOW_SECS)
}

/// The scenarios' configuration `config` with `patch` over it.
fn configuration(config: &str, patch: &Value) -> Result<String> {
    let scenario = serde_json::from_value(json!({ "name": "renewal", "config": config, "patch": patch }))?;
    Library::read()?.configuration(&scenario)
}

fn engine(config: &str, patch: &Value) -> Result<Arc<Engine>> {
    ready(&configuration(config, patch)?, now())
}

fn request(send: Value) -> Result<Request> {
    let send: Send = serde_json::from_value(send)?;
    Request::of(&send, NOW_SECS, &Earlier::default())
}

/// A transfer that a person has to approve.
fn transfer() -> Value {
    json!({ "call": "transfer", "arguments": { "amount": 500, "currency": "EUR" } })
}

fn denied() -> Value {
    json!({ "denied": { "workloads": [{ "issuer": "https://sts.test", "subject": "agent-7" }] } })
}

fn approves(call: &Call) -> Result<CallOutcome> {
    Ok(outcome(Says::default().react(&asked(call), NOW_SECS, &[])?))
}

/// One stream, and whichever engine is the newest.
struct Stream {
    session: Session,
    newest: Arc<Engine>,
    ledger: MemoryLedger,
    calls: Vec<Call>,
    decided: Option<Line>,
}

impl Stream {
    /// With the head of `request` fed to it.
    fn begun(engine: &Arc<Engine>, request: &Request) -> Self {
        let session = Session::new(Arc::clone(engine), DecisionId::from_random([7; 16]));
        let (newest, ledger) = (Arc::clone(engine), MemoryLedger::new(64));
        let mut stream = Self { session, newest, ledger, calls: Vec::new(), decided: None };
        let headers = Headers::new(request.head());
        stream.feed(Input::Head(RequestHead { headers, end: request.is_head_only(), ..RequestHead::default() }));
        stream
    }

    /// With the head and the body of `request` fed to it.
    fn of(engine: &Arc<Engine>, request: &Request) -> Self {
        let mut stream = Self::begun(engine, request);
        stream.feed(Input::Body { chunk: request.body.as_deref().unwrap_or_default(), end: true });
        stream
    }

    fn feed(&mut self, input: Input<'_>) {
        match self.session.handle(&self.newest, now(), input, &mut self.ledger) {
            Step::Call(call) => self.calls.push(call),
            Step::Forward(forward) => self.decided = Some(forward.line),
            Step::Reply(reply) => self.decided = Some(reply.line),
            Step::Cut(cut) => self.decided = Some(cut.line),
            Step::Wait
            | Step::EditTrailers(_)
            | Step::EditResponse(_)
            | Step::ReplaceChunk(_)
            | Step::AnswerInstead(_) => {}
        }
    }

    fn tick(&mut self) {
        self.feed(Input::Tick(Tick::default()));
    }

    fn call(&self, number: usize) -> Result<&Call> {
        self.calls.get(number).with_context(|| format!("there are {} calls", self.calls.len()))
    }

    fn reason(&self) -> Option<Reason> {
        self.decided.as_ref().map(|line| line.reason)
    }

    /// `engine` is the newest from now on, and time passes.
    fn renew(&mut self, engine: &Arc<Engine>) {
        engine.clone_into(&mut self.newest);
        self.tick();
    }
}

#[test]
fn the_keys_of_the_newest_are_waited_for_and_the_question_to_people_stays() -> Result<()> {
    let mut stream = Stream::of(&engine("base", &json!({}))?, &request(transfer())?);
    let newest = Arc::new(Engine::load(configuration("base", &json!({}))?.as_bytes(), &ScenarioSecrets)?);
    let mut background = Background::new(Arc::clone(&newest), 0);
    let effects = background.handle(now(), BackgroundInput::Start, &mut stream.ledger);
    stream.renew(&newest);
    // Who asks is not known here yet, so what it is worth that they answered is not either.
    stream.feed(Input::CallDone(stream.call(0)?.id, approves(stream.call(0)?)?));
    assert_eq!(stream.reason(), None);
    for effect in effects {
        if let Effect::Call(call) = effect {
            let keys = outcome(KeyServer::default().react(&call.path)?);
            drop(background.handle(now(), BackgroundInput::CallDone(call.id, keys), &mut stream.ledger));
        }
    }
    stream.tick();
    assert_eq!(stream.reason(), Some(Reason::Approved));
    assert_eq!(stream.calls.len(), 1, "one question is enough");
    Ok(())
}

#[test]
fn another_approver_is_asked_again_and_the_first_answer_is_nobodys() -> Result<()> {
    let mut stream = Stream::of(&engine("base", &json!({}))?, &request(transfer())?);
    let elsewhere = json!({ "step_up": { "webhook": { "url": "http://approvals.test/elsewhere" } } });
    stream.renew(&engine("base", &elsewhere)?);
    assert_eq!(stream.call(1)?.path, "/elsewhere");
    stream.feed(Input::CallDone(stream.call(0)?.id, approves(stream.call(0)?)?));
    assert_eq!(stream.reason(), None);
    stream.feed(Input::CallDone(stream.call(1)?.id, approves(stream.call(1)?)?));
    assert_eq!(stream.reason(), Some(Reason::Approved));
    Ok(())
}

#[test]
fn with_the_very_answer_the_newest_is_heard_first() -> Result<()> {
    let mut stream = Stream::of(&engine("base", &json!({}))?, &request(transfer())?);
    stream.newest = engine("base", &denied())?;
    stream.feed(Input::CallDone(stream.call(0)?.id, approves(stream.call(0)?)?));
    assert_eq!(stream.reason(), Some(Reason::Revoked));
    Ok(())
}

#[test]
fn a_body_that_is_still_coming_is_judged_by_the_newest() -> Result<()> {
    let request = request(transfer())?;
    let (first, rest) = request.body.as_deref().unwrap_or_default().split_at(40);
    for (patch, reason) in [(json!({}), None), (denied(), Some(Reason::Revoked))] {
        let mut stream = Stream::begun(&engine("base", &json!({}))?, &request);
        stream.feed(Input::Body { chunk: first, end: false });
        assert_eq!((stream.reason(), stream.calls.len()), (None, 0));
        stream.newest = engine("base", &patch)?;
        stream.feed(Input::Body { chunk: rest, end: true });
        assert_eq!(stream.reason(), reason, "{patch}");
        // Nothing of the body got lost: they are asked about all of it.
        assert_eq!(stream.calls.len(), usize::from(reason.is_none()));
    }
    Ok(())
}

#[test]
fn what_is_held_counts_where_it_is_decided() -> Result<()> {
    let (older, newest) = (engine("base", &json!({}))?, engine("base", &json!({}))?);
    let mut stream = Stream::of(&older, &request(transfer())?);
    let held = older.held();
    assert_eq!((held.held_streams, held.calls), (1, 1));
    stream.renew(&newest);
    assert_eq!((older.held(), newest.held()), (Each::default(), held));
    stream.feed(Input::Closed);
    assert_eq!(newest.held(), Each::default());

    // Where there is no room for it, it is refused.
    let narrow = engine(
        "base",
        &json!({ "limits": { "body": "4KiB", "held_bytes": { "worker": "64KiB", "workload": "16KiB" } } }),
    )?;
    let mut large = transfer();
    large["arguments"]["note"] = "x".repeat(20_000).into();
    let mut stream = Stream::of(&older, &request(large)?);
    stream.renew(&narrow);
    assert_eq!(stream.reason(), Some(Reason::ShareUsedUp));
    drop(stream);
    assert_eq!((older.held(), narrow.held()), (Each::default(), Each::default()));
    Ok(())
}

#[test]
fn what_an_older_configuration_asked_about_a_token_is_asked_again() -> Result<()> {
    let send = json!({ "token": { "raw": "opaque-b0a3f6f2-7a52-44f3-9d5c-3a4e3b8f21aa" } });
    let says: Introspector = serde_json::from_value(json!({ "says": { "iss": "https://as.test" } }))?;
    let mut stream = Stream::of(&engine("opaque", &json!({}))?, &request(send)?);
    stream.renew(&engine("opaque", &json!({}))?);
    let answer = |call: &Call| Ok::<_, anyhow::Error>(outcome(says.react(&asked(call), NOW_SECS)?));
    stream.feed(Input::CallDone(stream.call(0)?.id, answer(stream.call(0)?)?));
    assert_eq!(stream.reason(), None);
    stream.feed(Input::CallDone(stream.call(1)?.id, answer(stream.call(1)?)?));
    assert_eq!(stream.reason(), Some(Reason::Allowed));
    Ok(())
}

#[test]
fn what_an_older_configuration_asked_a_decision_point_is_asked_again() -> Result<()> {
    let (allows, denies) = (json!({ "says": { "decision": true } }), json!({ "says": { "decision": false } }));
    let says = |what: Value| Ok::<DecisionPoint, anyhow::Error>(serde_json::from_value(what)?);
    let send = json!({ "call": "transfer", "arguments": { "amount": 5, "currency": "EUR" } });
    let mut stream = Stream::of(&engine("pdp", &json!({}))?, &request(send)?);
    stream.renew(&engine("pdp", &json!({}))?);
    for (number, what, reason) in [(0, allows, None), (1, denies, Some(Reason::PolicyDenied))] {
        let call = stream.call(number)?;
        let answer = outcome(says(what)?.react(&asked(call), NOW_SECS)?);
        stream.feed(Input::CallDone(call.id, answer));
        assert_eq!(stream.reason(), reason, "answer {number}");
    }
    Ok(())
}

/// The built module, with a transfer that waits for the approver.
fn holding(options: Options) -> Result<(ScriptedHost, StreamHandle)> {
    let configuration = configuration("base", &json!({ "issuers": inline()? }))?;
    let options = Options { now: Duration::from_secs(NOW_SECS), ..options };
    let mut host = ScriptedHost::new(Module::built()?, configuration.as_bytes(), &SECRETS, options)?;
    let request = request(transfer())?;
    let head = request.head();
    let head: Vec<(&str, &[u8])> = head.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let stream = host.request(&head, false)?;
    host.body(stream, request.body.as_deref().unwrap_or_default(), true)?;
    ensure!(host.pending_calls().iter().any(|call| call.cluster == "approvals"), "nobody is asked");
    Ok((host, stream))
}

/// The issuer of `base`, with keys that need not be asked for.
fn inline() -> Result<Value> {
    Ok(json!([{
        "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": ["https://tools.test/mcp"],
        "algorithms": ["RS256"], "keys": { "inline": KeyServer::default().document()? },
        "task": { "id": "/task/id", "purpose": "/task/purpose", "grants": "/task/grants", "expires": "/task/expires" },
    }]))
}

fn banning() -> Result<String> {
    let mut patch = denied();
    patch["issuers"] = inline()?;
    configuration("base", &patch)
}

fn status(host: &ScriptedHost, stream: StreamHandle) -> Option<u32> {
    host.reply(stream).map(|reply| reply.status)
}

const SUCCEEDS: &str = "countersign: decides from now on what older configurations of the plugin `countersign` hold";

#[test]
fn the_newest_configuration_of_a_plugin_decides_what_an_older_one_holds() -> Result<()> {
    let (mut host, stream) = holding(Options::default())?;
    host.reconfigure(banning()?.as_bytes())?;
    host.tick(Duration::from_millis(200))?;
    assert_eq!(status(&host, stream), Some(401));
    assert!(host.logs().iter().any(|line| line == SUCCEEDS), "{:#?}", host.logs());
    Ok(())
}

#[test]
fn a_configuration_that_is_refused_or_taken_back_decides_nothing() -> Result<()> {
    let (mut host, stream) = holding(Options::default())?;
    let refused = host.reconfigure(b"{}");
    assert!(matches!(refused, Err(HostError::ConfigurationRefused(_))), "{refused:?}");
    host.reconfigure(banning()?.as_bytes())?;
    host.take_back()?;
    host.tick(Duration::from_millis(200))?;
    assert_eq!(status(&host, stream), None, "{:#?}", host.logs());
    assert!(host.forwarded(stream).is_none());
    Ok(())
}

#[test]
fn of_two_plugins_without_a_name_neither_follows_the_other() -> Result<()> {
    let (mut host, stream) = holding(Options { unnamed: true, ..Options::default() })?;
    host.reconfigure(banning()?.as_bytes())?;
    host.tick(Duration::from_millis(200))?;
    assert_eq!(status(&host, stream), None);
    let warned = host.logs().iter().filter(|line| line.contains("the plugin has no name")).count();
    assert_eq!(warned, 2, "{:#?}", host.logs());
    Ok(())
}

/// A real gateway whose listener is replaced by writing a file (LDS).
struct Gateway {
    envoy: RunningEnvoy,
    folder: tempfile::TempDir,
    /// The listener, and how many times it was replaced.
    listener: Mutex<(Value, u64)>,
    approver: Approver,
    upstream: Upstream,
    token: String,
    _platform: Platform,
}

const LISTENERS: &str = "listeners.json";

impl Gateway {
    /// A large amount needs an approver, who never answers.
    fn start(version: &str) -> Result<Self> {
        let (platform, upstream) = (Platform::start()?, Upstream::start()?);
        upstream.answer(|_| Answer::Json(200, json!({})));
        let approver = Approver::start(|_| Answer::Hang)?;
        let members = json!({
            "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "http" }],
            "policy": { "cedar": r#"
                permit (principal, action, resource);
                @step_up("people") forbid (principal, action == Action::"http:DELETE", resource) unless { context has approval };
            "# },
            "step_up": {
                "webhook": {
                    "url": "http://approvals.test/", "cluster": "approvals", "insecure_http": true,
                    "secret": { "env": "APPROVALS_SECRET" }, "timeout": "30s",
                },
                "hold": "30s",
            },
        });
        let clusters = [("approvals", approver.address().into())];
        let mut bootstrap = platform.bootstrap_of(members, upstream.address(), &clusters)?;
        let listener = bootstrap["static_resources"]["listeners"][0].take();
        let folder = tempfile::tempdir()?;
        bootstrap["static_resources"]["listeners"] = json!([]);
        bootstrap["node"] = json!({ "id": "renewal", "cluster": "renewal" });
        bootstrap["dynamic_resources"]["lds_config"] =
            json!({ "resource_api_version": "V3", "path_config_source": { "path": folder.path().join(LISTENERS) } });
        write(folder.path(), &listener, 0)?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("renewal-{version}.log"));
        let [(name, secret), ..] = SECRETS;
        let envoy = Envoy::find(version)?.with_env(name, secret).draining_for(DRAIN).start(&bootstrap, &log)?;
        platform.wait_for_keys()?;
        let grants = json!({ "task": { "id": "t", "grants": [{ "resource": "api", "action": "http:GET" }, { "resource": "api", "action": "http:DELETE" }] } });
        let (token, listener) = (platform::token(grants)?, Mutex::new((listener, 0)));
        Ok(Self { envoy, folder, listener, approver, upstream, token, _platform: platform })
    }

    /// Envoy takes a configuration with `members` beside or in place of those of the first one.
    fn update(&self, members: &Value) -> Result<()> {
        let (listener, version) = &mut *self.listener.lock();
        let filter = "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value";
        let text = listener.pointer_mut(filter).context("no configuration")?;
        let mut configuration: Value = serde_json::from_str(text.as_str().context("no text")?)?;
        if let (Value::Object(configuration), Value::Object(members)) = (&mut configuration, members.clone()) {
            configuration.extend(members);
        }
        *text = configuration.to_string().into();
        *version += 1;
        write(self.folder.path(), listener, *version)?;
        // The first one was taken, too.
        let taken = format!("listener_manager.lds.update_success: {}", *version + 1);
        self.envoy.wait_for(PATIENCE, |envoy| {
            let stats = envoy.admin_get("/stats?filter=listener_manager.lds.update_success").ok()?;
            (stats.trim() == taken).then_some(())
        })
    }

    /// The status of one request over `agent`, whose connection stays open.
    fn send(&self, agent: &ureq::Agent, method: &str) -> Result<u16> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}/things/7", self.envoy.address()))
            .header("authorization", format!("Bearer {}", self.token))
            .body(())?;
        let mut response = agent.run(request)?;
        response.body_mut().read_to_vec()?;
        Ok(response.status().as_u16())
    }
}

fn write(folder: &Path, listener: &Value, version: u64) -> Result<()> {
    let mut listener = listener.clone();
    listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    let response = json!({ "version_info": version.to_string(), "resources": [listener] });
    std::fs::write(folder.join("new"), serde_json::to_vec(&response)?)?;
    Ok(std::fs::rename(folder.join("new"), folder.join(LISTENERS))?)
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
    ureq::Agent::new_with_config(config)
}

#[test]
fn in_envoy_a_ban_reaches_what_is_held_and_connections_that_are_open() -> Result<()> {
    for version in versions() {
        let gateway = Gateway::start(&version)?;
        let open = agent();
        ensure!(gateway.send(&open, "GET")? == 200, "{version}: not let through before");
        let (held, again) = std::thread::scope(|scope| -> Result<_> {
            let (asks, waits) = (agent(), &gateway);
            let held = scope.spawn(move || waits.send(&asks, "DELETE"));
            ensure!(gateway.approver.wait_for(1, PATIENCE), "{version}: nobody is asked");
            gateway.update(&denied())?;
            let again = gateway.send(&open, "GET")?;
            Ok((held.join().map_err(|_| anyhow::anyhow!("the client failed"))??, again))
        })?;
        ensure!((held, again) == (401, 401), "{version}: {held}, {again}: {:#?}", gateway.envoy.log());
        ensure!(gateway.upstream.count() == 1, "{version}: {} requests went upstream", gateway.upstream.count());
        let reasons = |envoy: &RunningEnvoy| {
            let of = |record: &Value| record.get("reason").and_then(Value::as_str).map(str::to_owned);
            let reasons: Vec<_> = envoy.records().iter().filter_map(of).collect();
            (reasons.iter().filter(|reason| *reason == "revoked").count() == 2).then_some(())
        };
        gateway.envoy.wait_for(PATIENCE, reasons).with_context(|| format!("{:#?}", gateway.envoy.records()))?;
    }
    Ok(())
}
