//! A gateway with two workers, what stands around it, and an attack on it from beginning to end.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use axum::body::Bytes;
use axum::http::Request;
use countersign_host_tests::envoy::{Envoy, PINNED, RunningEnvoy};
use countersign_host_tests::fakes::{Answer, Approver, Seen, Server, Upstream};
use countersign_host_tests::platform::{self, Platform};
use countersign_host_tests::scenario::{approver, introspector};
use serde_json::{Value, json};

use crate::bystander::{Bystander, Call, Served};
use crate::flood::{Fate, Flood, Shot};

/// For an attack to have come to rest, or for what it held to be given back.
const PATIENCE: Duration = Duration::from_mins(3);
/// Nothing logged for so long: that is all.
const SILENT: Duration = Duration::from_secs(1);
/// Who the bystander is, for its issuer.
pub(crate) const BYSTANDER: &str = "bystander";
/// Where attackers are unless they are at several places.
pub(crate) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
/// What the upstream answers.
const RESULT: &str = "as it should be";

/// A gateway and its surroundings.
pub(crate) struct World {
    pub(crate) envoy: RunningEnvoy,
    pub(crate) upstream: Upstream,
    pub(crate) approver: Approver,
    /// The issuer of opaque tokens.
    pub(crate) issuer: Server,
    name: &'static str,
    /// Resident memory before anything happened.
    quiet: u64,
    machines: u64,
    _platform: Platform,
}

/// What an attack came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Of the attackers' requests.
    pub(crate) fates: BTreeMap<Fate, usize>,
    /// Those that were given up.
    pub(crate) given_up: usize,
    /// The attackers' decisions on record, by reason.
    pub(crate) reasons: BTreeMap<String, usize>,
    /// Ends of the attackers' streams on record, by outcome.
    pub(crate) ended: BTreeMap<String, usize>,
    pub(crate) served: Served,
    /// The most resident memory in bytes.
    pub(crate) most: u64,
}

impl World {
    /// A gateway whose configuration has these `members`, too.
    pub(crate) fn start(name: &'static str, members: &Value) -> Result<Self> {
        let platform = Platform::start()?;
        let upstream = Upstream::start()?;
        upstream.answer(answer);
        let approver = Approver::start(|_| Answer::Reset)?;
        let issuer = Server::start(|_| Answer::Reset)?;
        let mut configuration = configuration();
        if let (Some(all), Some(members)) = (configuration.as_object_mut(), members.as_object()) {
            all.extend(members.clone());
        }
        let clusters = [("approvals", approver.address().into()), ("introspection", issuer.address().into())];
        let mut bootstrap = platform.bootstrap_of(configuration, upstream.address(), &clusters)?;
        // An attack on the server is its own business: here nothing is refused for want of connections to it, however slow it is.
        let clusters = bootstrap.pointer_mut("/static_resources/clusters").and_then(Value::as_array_mut);
        let upstreams = clusters.context("no clusters")?.first_mut().context("no upstream")?;
        ensure!(upstreams["name"] == "upstream", "the upstream is not the first cluster");
        let many = json!({ "max_retries": 0, "max_connections": 10_000, "max_pending_requests": 10_000, "max_requests": 10_000 });
        upstreams["connect_timeout"] = json!("60s");
        upstreams["circuit_breakers"] = json!({ "thresholds": [many] });
        let envoy = Envoy::find(PINNED)?
            .with_env("APPROVALS_SECRET", approver::SECRET)
            .with_env("INTROSPECTION_SECRET", introspector::SECRET);
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("attack-{name}.log"));
        let envoy = envoy.start(&bootstrap, &log)?;
        platform.wait_for_keys()?;
        let mut world = Self { envoy, upstream, approver, issuer, name, quiet: 0, machines: 0, _platform: platform };
        world.machines = world.created()?;
        ensure!(world.machines > 0, "the gateway counts no virtual machines");
        world.quiet = world.envoy.memory("VmRSS")?;
        Ok(world)
    }

    /// `shots` at once beside somebody who makes the calls that `calls` says; over when all that is held was given back. Those who
    /// get no answer, `held` at most, leave.
    pub(crate) fn attack(
        &self,
        what: &str,
        shots: &[Shot],
        held: usize,
        calls: impl Fn(usize) -> Call + Send + 'static,
    ) -> Result<Outcome> {
        let earlier = self.envoy.records().len();
        std::fs::write(format!("/proc/{}/clear_refs", self.envoy.pid()), "5")?;
        let bystander = Bystander::start(self.envoy.address(), calls);
        let flood = Flood::start(self.envoy.address(), shots)?;
        flood.settle(held, PATIENCE)?;
        let fates = flood.leave();
        let nothing = |gauge: &str| {
            self.envoy.wait_for(PATIENCE, |_| self.gauge(gauge).is_ok_and(|held| held == 0).then_some(()))
        };
        nothing("countersign.waiting_streams").context("it still counts what it held")?;
        let served = bystander.stop()?;
        nothing("http.agents.downstream_rq_active").context("requests are left")?;
        let given_up = shots.len() - fates.len();
        // What was logged last is still on its way.
        let mut logged = 0;
        while self.envoy.log_length() > logged {
            logged = self.envoy.log_length();
            std::thread::sleep(SILENT);
        }
        let records = self.envoy.records().split_off(earlier);
        let (reasons, ended) = counted(&records);
        let most = self.envoy.memory("VmHWM")?;
        let outcome = Outcome { fates: tally(fates), given_up, reasons, ended, served, most };
        self.print(what, shots.len(), &outcome);
        self.check(&outcome, &records)?;
        Ok(outcome)
    }

    /// What holds after every attack.
    fn check(&self, outcome: &Outcome, records: &[Value]) -> Result<()> {
        ensure!(outcome.served.wrong.is_empty(), "the bystander got {:?}", outcome.served.wrong);
        ensure!(outcome.served.calls > 2, "the bystander hardly called");
        for (fate, times) in &outcome.fates {
            match fate {
                Fate::Answered { status: 429 | 503, retry_after } => ensure!(*retry_after, "{fate:?}, {times} times"),
                Fate::Answered { .. } | Fate::Cut { .. } => {}
                Fate::Lost(_) => anyhow::bail!("{fate:?}, {times} times"),
            }
        }
        // Each refusal is on record with its status.
        let attackers = || records.iter().filter(|record| !is_bystanders(record));
        for status in outcome.fates.keys().filter_map(Fate::status).filter(|status| *status != 200) {
            let (seen, on_record) =
                (outcome.answered(status), attackers().filter(|record| record["status"] == status).count());
            ensure!(on_record == seen, "{status}: {seen} answers, {on_record} on record");
        }
        let decided = outcome.reasons.values().sum::<usize>();
        let sent = outcome.fates.values().sum::<usize>() + outcome.given_up;
        ensure!(decided == sent, "{sent} requests, {decided} decisions on record");
        ensure!(self.created()? == self.machines, "a virtual machine was started again");
        let trap = |line: &&String| {
            ["[critical]", "Uncaught", "panicked", "RuntimeError", "VM failed", "unreachable"]
                .iter()
                .any(|word| line.contains(word) && !line.contains("\"countersign\""))
        };
        if let Some(line) = self.envoy.log().iter().find(trap) {
            anyhow::bail!("{line}");
        }
        Ok(())
    }

    fn print(&self, what: &str, sent: usize, outcome: &Outcome) {
        let mebibytes = |bytes: u64| bytes >> 20;
        println!("== {}, {what}: {sent} requests", self.name);
        for (fate, times) in &outcome.fates {
            println!("   {times:>6} {fate}");
        }
        println!("   {:>6} given up", outcome.given_up);
        println!("   on record {:?}, ended {:?}", outcome.reasons, outcome.ended);
        let Served { calls, longest, wrong } = &outcome.served;
        println!("   bystander: {calls} calls, {} wrong, longest {longest:?}", wrong.len());
        println!("   memory: {} MiB before, {} MiB at most", mebibytes(self.quiet), mebibytes(outcome.most));
    }

    fn gauge(&self, name: &str) -> Result<usize> {
        Ok(usize::try_from(self.metric(name)?)?)
    }

    /// Virtual machines started so far.
    fn created(&self) -> Result<u64> {
        self.metric("wasm.envoy.wasm.runtime.v8.created")
    }

    /// A counter or gauge, 0 where nobody counted yet.
    fn metric(&self, name: &str) -> Result<u64> {
        let stats = self.envoy.admin_get("/stats")?;
        let line = stats.lines().find(|line| line.contains(name));
        Ok(line.map(|line| line.rsplit(' ').next().unwrap_or_default().parse()).transpose()?.unwrap_or_default())
    }
}

impl Fate {
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } | Self::Cut { status } => Some(*status),
            Self::Lost(_) => None,
        }
    }
}

impl std::fmt::Display for Fate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered { status, retry_after: true } => write!(formatter, "{status}, told when to come again"),
            Self::Answered { status, retry_after: false } => write!(formatter, "{status}"),
            Self::Cut { status } => write!(formatter, "{status}, then cut off"),
            Self::Lost(error) => write!(formatter, "lost: {error}"),
        }
    }
}

impl Outcome {
    /// How many were answered with `status`.
    pub(crate) fn answered(&self, status: u16) -> usize {
        self.fates.iter().filter(|(fate, _)| fate.status() == Some(status)).map(|(_, times)| times).sum()
    }
}

fn is_bystanders(record: &Value) -> bool {
    record.pointer("/workload/subject").is_some_and(|subject| subject == BYSTANDER)
}

fn counted(records: &[Value]) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let text = |record: &Value, member: &str| record[member].as_str().unwrap_or_default().to_owned();
    let (ended, decided): (Vec<&Value>, Vec<&Value>) =
        records.iter().filter(|record| !is_bystanders(record)).partition(|record| record["kind"] == "ended");
    (
        tally(decided.into_iter().map(|record| text(record, "reason"))),
        tally(ended.into_iter().map(|record| text(record, "outcome"))),
    )
}

fn tally<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut tally = BTreeMap::new();
    things.into_iter().for_each(|thing| *tally.entry(thing).or_default() += 1);
    tally
}

/// An issuer of opaque tokens beside the platform's, a tool that anybody may call and one that people are asked about.
fn configuration() -> Value {
    json!({
        "issuers": [
            {
                "name": "platform", "issuer": "https://sts.test", "profile": "access-token",
                "audiences": ["https://tools.test/mcp"], "algorithms": ["RS256"], "max_lifetime": "2h",
                "task": { "id": "/task/id", "grants": "/task/grants" },
                "keys": { "url": "http://sts.test/jwks.json", "cluster": "keys", "insecure_http": true },
            },
            {
                "name": "vault", "issuer": "https://as.test", "profile": "opaque",
                "audiences": ["https://tools.test/mcp"], "max_lifetime": "2h",
                "task": { "id": "/task/id", "grants": "/task/grants" },
                "introspection": {
                    "url": "http://as.test/introspect", "cluster": "introspection", "insecure_http": true,
                    "client_id": "gateway", "client_secret": { "env": "INTROSPECTION_SECRET" },
                    "timeout": "10s", "cache": "10m",
                },
            },
        ],
        "resources": [{
            "name": "payments", "match": { "host": "tools.test", "path": "/mcp" }, "protocol": "mcp", "risk": "low",
            "tools": [{ "name": "echo", "risk": "low" }, { "name": "transfer", "risk": "high" }],
        }],
        "policy": { "cedar": "permit (principal, action, resource);\n\
            @step_up(\"treasury\") forbid (principal, action == Action::\"payments/transfer\", resource) \
            unless { context has approval };" },
        "step_up": {
            "webhook": {
                "url": "http://approvals.test/ask", "cluster": "approvals", "insecure_http": true,
                "secret": { "env": "APPROVALS_SECRET" }, "timeout": "10s",
            },
            "hold": "10s",
        },
    })
}

/// Answers a request with its id.
pub(crate) fn answer(seen: &Seen) -> Answer {
    let id = seen.json().ok().and_then(|message| message.get("id").cloned());
    let result = json!({ "content": [{ "type": "text", "text": RESULT }] });
    Answer::Json(200, json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// A token of `subject` for a task of this name, which may call every tool.
pub(crate) fn token(subject: &str, task: &str) -> Result<String> {
    token_with(subject, task, &json!([{ "action": "mcp:tools/call", "resource": "payments", "object": "*" }]))
}

/// A token of `subject` for a task of this name, with these grants.
pub(crate) fn token_with(subject: &str, task: &str, grants: &Value) -> Result<String> {
    let expires = now() + 3600;
    let task = json!({ "id": task, "expires": expires, "grants": grants });
    platform::token(json!({ "sub": subject, "exp": expires, "task": task }))
}

/// A call of a tool.
pub(crate) fn tool_call(tool: &str, arguments: &Value) -> String {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
}

/// What somebody honest does who has `token`.
pub(crate) fn honest(token: String) -> impl Fn(usize) -> Call + Send + 'static {
    move |number| Call { token: token.clone(), body: tool_call("echo", &json!({ "number": number })), answer: RESULT }
}

/// What somebody honest does who has `token` and must ask people each time.
pub(crate) fn asking(token: String) -> impl Fn(usize) -> Call + Send + 'static {
    move |number| Call {
        token: token.clone(),
        body: tool_call("transfer", &json!({ "number": number })),
        answer: RESULT,
    }
}

/// A request with `token` whose body is to have `length` bytes, of which `body` are sent.
pub(crate) fn shot(token: &str, length: usize, body: &Bytes) -> Result<Shot> {
    let head = Request::post("http://tools.test/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("content-length", length)
        .header("authorization", format!("Bearer {token}"))
        .body(())?;
    Ok(Shot { head, body: body.clone(), whole: body.len() == length, from: ELSEWHERE })
}

/// A whole request.
pub(crate) fn whole(token: &str, body: &str) -> Result<Shot> {
    shot(token, body.len(), &Bytes::copy_from_slice(body.as_bytes()))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
