//! What is taken, what is refused, and what stays in force.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_facts::calls::{Call, CallId, CallOutcome};
use countersign_facts::headers::Headers;
use countersign_facts::ledger::MemoryLedger;
use countersign_rights::workload::Denied;
use countersign_tokens::{Scalar, UnixTime};
use serde_json::{Value, json};

use super::TYPE;
use crate::background::{Background, BackgroundInput, Effect};
use crate::config::NoSecrets;
use crate::engine::Engine;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

type Failure = Box<dyn std::error::Error>;
type Outcome = Result<(), Failure>;

fn key(seed: u8) -> Result<SigningKey, Failure> {
    Ok(SigningKey::from_slice(&[seed; 32])?)
}

fn public(key: &SigningKey) -> Result<Value, Failure> {
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = (point.x().ok_or("no x")?, point.y().ok_or("no y")?);
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Ok(json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": text(x), "y": text(y) }))
}

fn signed(key: &SigningKey, typ: &str, payload: &Value) -> Vec<u8> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&json!({ "alg": "ES256", "typ": typ })), part(payload));
    let signature: Signature = key.sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())).into_bytes()
}

/// A bundle as it should be.
fn bundle(revision: u64, configuration: &Value) -> Result<Vec<u8>, Failure> {
    let payload = json!({ "name": "edge", "revision": revision, "configuration": configuration });
    Ok(signed(&key(1)?, TYPE, &payload))
}

fn policy(text: &str) -> Value {
    json!({ "policy": { "cedar": text } })
}

const PERMIT: &str = "permit (principal, action, resource);";

/// One worker, and what it was told so far.
struct Worker {
    background: Background,
    now: u64,
    lines: Vec<String>,
    engine: Arc<Engine>,
    refused: usize,
    age: u64,
}

impl Worker {
    fn new() -> Result<Self, Failure> {
        Self::under(&Self::configuration()?)
    }

    fn under(config: &Value) -> Result<Self, Failure> {
        let engine = Arc::new(Engine::load(config.to_string().as_bytes(), &NoSecrets)?);
        let background = Background::new(Arc::clone(&engine), 0);
        Ok(Self { background, now: 1000, lines: Vec::new(), engine, refused: 0, age: 0 })
    }

    /// Starts again, with `changes` in the configuration and in its members.
    fn reload(&mut self, changes: &Value) -> Result<(), Failure> {
        let mut config = Self::configuration()?;
        let members = config.as_object_mut().ok_or("no object")?;
        for (name, value) in changes.as_object().into_iter().flatten() {
            match (members.get_mut(name).and_then(Value::as_object_mut), value) {
                (Some(member), Value::Object(value)) => member.extend(value.clone()),
                (_, value) => drop(members.insert(name.clone(), value.clone())),
            }
        }
        *self = Self::under(&config)?;
        Ok(())
    }

    /// As old as it is told to be now.
    fn age(&mut self, ledger: &mut MemoryLedger) -> u64 {
        self.handle(BackgroundInput::Tick, ledger);
        self.age
    }

    fn configuration() -> Result<Value, Failure> {
        Ok(json!({
            "version": 1,
            "issuers": [{
                "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": ["a"],
                "algorithms": ["ES256"], "keys": { "inline": { "keys": [public(&key(9)?)?] } }
            }],
            "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "http" }],
            "policy": { "cedar": "forbid (principal, action, resource);" },
            "bundle": {
                "name": "edge", "url": "https://bundles.test/edge", "cluster": "bundles", "refresh": "10s", "oldest": 2,
                "max_load": "500ms", "keys": { "keys": [public(&key(1)?)?] }
            }
        }))
    }

    fn handle(&mut self, input: BackgroundInput, ledger: &mut MemoryLedger) -> Option<Call> {
        let mut asked = None;
        for effect in self.background.handle(UnixTime::from_secs(self.now), input, ledger) {
            match effect {
                Effect::Call(call) => asked = Some(call),
                Effect::Log(notice) => self.lines.push(notice.text),
                Effect::Install { engine, revision } => {
                    assert_eq!(engine.bundle(), Some(revision));
                    self.engine = engine;
                }
                Effect::Refused => self.refused += 1,
                Effect::BundleAge(age) => self.age = age.as_secs(),
            }
        }
        asked
    }

    /// What is asked when it is time, answered so; the line that says what came of it.
    fn answered(
        &mut self,
        status: u16,
        etag: Option<&str>,
        body: Vec<u8>,
        ledger: &mut MemoryLedger,
    ) -> Result<String, Failure> {
        let lines = self.arrives(status, etag, body, ledger)?;
        while self.background.is_loading() {
            self.handle(BackgroundInput::Load, ledger);
        }
        Ok(self.lines.split_off(lines).join("\n"))
    }

    /// An answer that arrives and is not loaded yet; how many lines there were before.
    fn arrives(
        &mut self,
        status: u16,
        etag: Option<&str>,
        body: Vec<u8>,
        ledger: &mut MemoryLedger,
    ) -> Result<usize, Failure> {
        self.now += 10;
        let call = self.handle(BackgroundInput::Tick, ledger).ok_or("nothing is asked")?;
        let headers: Headers = etag.map(|etag| ("etag".to_owned(), etag.as_bytes().to_vec())).into_iter().collect();
        let lines = self.lines.len();
        self.handle(BackgroundInput::CallDone(call.id, CallOutcome::Response { status, headers, body }), ledger);
        Ok(lines)
    }

    fn served(&mut self, body: Vec<u8>, ledger: &mut MemoryLedger) -> Result<String, Failure> {
        self.answered(200, None, body, ledger)
    }
}

#[test]
fn a_newer_bundle_is_taken_as_a_whole() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    let before = worker.engine.policy_revision().to_owned();
    let told = worker.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    assert_eq!(told, format!("bundle: revision 7 is in force, policy {}", worker.engine.policy_revision()));
    assert_eq!(worker.engine.bundle(), Some(7));
    assert_ne!(worker.engine.policy_revision(), before);
    // What is not in the next one is what the plugin configuration says again.
    let resources = json!({ "resources": [{ "name": "other", "match": { "path": "/*" }, "protocol": "http" }] });
    worker.served(bundle(8, &resources)?, &mut ledger)?;
    assert_eq!(worker.engine.bundle(), Some(8));
    assert_eq!(worker.engine.config.resources.first().map(|resource| resource.name.as_str()), Some("other"));
    assert!(worker.engine.config.policy.cedar.as_deref().is_some_and(|text| text.starts_with("forbid")));
    // Keys and sessions are the same ones.
    assert_eq!(worker.refused, 0);
    Ok(())
}

#[test]
fn links_of_templates_come_with_them() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    let linked = |who: &str| {
        json!({ "policy": {
            "cedar": "@id(\"t\") permit (principal == ?principal, action, resource);",
            "links": [{ "template": "t", "id": "a", "principal": format!("Agent::\"{who}\"") }],
        } })
    };
    let mut revisions = BTreeSet::new();
    for (revision, configuration) in [(7, linked("platform/alice")), (8, linked("platform/bob")), (9, policy(PERMIT))] {
        let told = worker.served(bundle(revision, &configuration)?, &mut ledger)?;
        assert!(told.contains("is in force"), "{told}");
        assert!(revisions.insert(worker.engine.policy_revision().to_owned()), "{revisions:?}");
    }
    // The last one has no links, so there are none.
    assert_eq!(worker.engine.config.policy.links, None);
    let broken = json!({ "policy": { "cedar": PERMIT, "links": [{ "template": "t", "id": "a" }] } });
    let told = worker.served(bundle(10, &broken)?, &mut ledger)?;
    let wrong = "/policy/links/0: no template is called `t`";
    assert_eq!(told, format!("bundle: revision 10 cannot be used: {wrong}; revision 9 stays in force"));
    Ok(())
}

#[test]
fn what_is_not_good_leaves_the_last_good_one() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    let good = bundle(7, &policy(PERMIT))?;
    let mut stays = "the configuration stays in force";
    for round in 0..2 {
        let other_name = json!({ "name": "core", "revision": 9, "configuration": policy(PERMIT) });
        let stranger = json!({ "name": "edge", "revision": 9, "configuration": policy(PERMIT) });
        let more = json!({ "name": "edge", "revision": 9, "configuration": {}, "expires": 1 });
        let mut spoilt = bundle(9, &policy(PERMIT))?;
        // The last bit of the payload.
        let at = spoilt.iter().rposition(|byte| *byte == b'.').ok_or("no dot")?;
        if let Some(byte) = at.checked_sub(2).and_then(|at| spoilt.get_mut(at)) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        for (body, told) in [
            (signed(&key(2)?, TYPE, &stranger), "not signed for this gateway: "),
            (signed(&key(1)?, "JWT", &stranger), "not signed for this gateway: "),
            (spoilt, "not signed for this gateway: "),
            (b"{}".to_vec(), "not signed for this gateway: "),
            (signed(&key(1)?, TYPE, &other_name), "it is for `core`; "),
            (signed(&key(1)?, TYPE, &more), "not a bundle: unknown field `expires`"),
            (
                bundle(1, &policy(PERMIT))?,
                if round == 0 { "revision 1 is older than 2; " } else { "revision 1 is older than 7; " },
            ),
            (bundle(9, &policy("permit (principal"))?, "revision 9 cannot be used: /policy/cedar: 1:18: "),
            (
                bundle(9, &json!({ "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "htpp" }] }))?,
                "revision 9 cannot be used: /resources/0/protocol: unknown protocol \"htpp\"",
            ),
            (
                bundle(9, &json!({ "issuers": [] }))?,
                "revision 9 cannot be used: /issuers: bundles have no say in this; remove it; ",
            ),
            (
                bundle(9, &json!({ "policy": { "cedar": PERMIT, "opa": {} } }))?,
                "revision 9 cannot be used: /policy/opa: bundles have no say in this; remove it; ",
            ),
        ] {
            let line = worker.served(body, &mut ledger)?;
            assert!(line.starts_with(&format!("bundle: {told}")) && line.ends_with(stays), "{line}");
        }
        assert_eq!(worker.refused, 11 * (round + 1));
        assert_eq!(
            worker.answered(500, None, Vec::new(), &mut ledger)?,
            format!("bundle: where bundles are, 500 is answered instead of 200; {stays}")
        );
        worker.refused -= 1;
        worker.served(good.clone(), &mut ledger)?;
        assert_eq!(worker.engine.bundle(), Some(7));
        stays = "revision 7 stays in force";
    }
    Ok(())
}

#[test]
fn no_worker_goes_back_behind_another() -> Outcome {
    let (mut one, mut other, mut ledger) = (Worker::new()?, Worker::new()?, MemoryLedger::new(16));
    one.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    let told = other.served(bundle(6, &policy(PERMIT))?, &mut ledger)?;
    assert_eq!(told, "bundle: revision 6 is older than 7; the configuration stays in force");
    let told = other.served(bundle(7, &policy("permit (principal, action, resource) when { true };"))?, &mut ledger)?;
    assert_eq!(told, "bundle: another bundle has revision 7; the configuration stays in force");
    other.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    assert_eq!(other.engine.policy_revision(), one.engine.policy_revision());
    Ok(())
}

#[test]
fn what_was_read_is_not_read_again() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    worker.answered(200, Some("\"a\""), bundle(7, &policy(PERMIT))?, &mut ledger)?;
    let installed = Arc::clone(&worker.engine);
    worker.now += 10;
    let call = worker.handle(BackgroundInput::Tick, &mut ledger).ok_or("nothing is asked")?;
    assert!(call.headers.contains(&("if-none-match", "\"a\"".to_owned())), "{call:?}");
    let unchanged = CallOutcome::Response { status: 304, headers: Headers::default(), body: Vec::new() };
    worker.handle(BackgroundInput::CallDone(call.id, unchanged), &mut ledger);
    worker.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    assert!(Arc::ptr_eq(&installed, &worker.engine));
    // The same complaint is made once, and counted each time.
    let older = bundle(3, &policy(PERMIT))?;
    assert_ne!(worker.served(older.clone(), &mut ledger)?, "");
    assert_eq!(worker.served(older.clone(), &mut ledger)?, "");
    assert_eq!(worker.refused, 2);
    // It is made again once that was over, which what was refused and is still served is not.
    assert_eq!(worker.answered(200, Some("\"b\""), older.clone(), &mut ledger)?, "");
    worker.answered(304, None, Vec::new(), &mut ledger)?;
    assert_eq!(worker.served(older.clone(), &mut ledger)?, "");
    worker.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    assert_ne!(worker.served(older, &mut ledger)?, "");
    // Nor is the way there repaired before something comes of it.
    worker.answered(200, Some("\"a\""), bundle(7, &policy(PERMIT))?, &mut ledger)?;
    for expected in [true, false] {
        let told = worker.answered(500, None, Vec::new(), &mut ledger)?;
        assert_eq!(told.is_empty(), !expected, "{told}");
    }
    worker.answered(304, None, Vec::new(), &mut ledger)?;
    assert_ne!(worker.answered(500, None, Vec::new(), &mut ledger)?, "");
    // Nobody asks before it is time, or twice at a time.
    assert!(worker.handle(BackgroundInput::Tick, &mut ledger).is_none());
    // An answer nobody waits for changes nothing.
    let late = CallOutcome::Response { status: 200, headers: Headers::default(), body: bundle(9, &policy(PERMIT))? };
    worker.handle(BackgroundInput::CallDone(CallId(77), late), &mut ledger);
    assert_eq!(worker.engine.bundle(), Some(7));
    Ok(())
}

#[test]
fn while_a_bundle_is_loaded_the_one_before_decides_and_no_other_is_asked_for() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    worker.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    worker.arrives(200, None, bundle(8, &policy(&PERMIT.repeat(20)))?, &mut ledger)?;
    let mut steps = 0;
    while worker.background.is_loading() {
        assert_eq!(worker.engine.bundle(), Some(7), "after {steps} steps");
        worker.now += 10;
        assert!(worker.handle(BackgroundInput::Tick, &mut ledger).is_none(), "asked after {steps} steps");
        worker.handle(BackgroundInput::Load, &mut ledger);
        steps += 1;
    }
    assert_eq!(worker.engine.bundle(), Some(8));
    assert!(steps > 20, "{steps} steps for 20 policies");
    worker.now += 10;
    assert!(worker.handle(BackgroundInput::Tick, &mut ledger).is_some(), "nobody asks any more");
    Ok(())
}

#[test]
fn whoever_is_slower_to_load_does_not_go_back_behind_a_quicker_worker() -> Outcome {
    let (mut slow, mut quick, mut ledger) = (Worker::new()?, Worker::new()?, MemoryLedger::new(16));
    slow.arrives(200, None, bundle(7, &policy(PERMIT))?, &mut ledger)?;
    quick.served(bundle(8, &policy(PERMIT))?, &mut ledger)?;
    while slow.background.is_loading() {
        slow.handle(BackgroundInput::Load, &mut ledger);
    }
    assert_eq!((slow.engine.bundle(), slow.refused), (None, 1));
    assert_eq!(
        slow.lines.last().map(String::as_str),
        Some("bundle: revision 7 is older than 8; the configuration stays in force")
    );
    Ok(())
}

#[test]
fn what_would_keep_a_worker_too_long_is_refused_with_the_figure() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(100));
    let many = |number| policy(&PERMIT.repeat(number));
    let told = worker.served(bundle(7, &many(600))?, &mut ledger)?;
    let expected = "bundle: revision 7 would take a worker about 0.7 s to load, and nothing may take it more than 0.5 s; write fewer \
                    policies that are for every action, or raise `bundle.max_load`; the configuration stays in force";
    assert_eq!(told, expected);
    assert_eq!((worker.engine.bundle(), worker.refused), (None, 1));
    let told = worker.served(bundle(8, &many(20))?, &mut ledger)?;
    assert!(told.starts_with("bundle: revision 8 is in force"), "{told}");
    Ok(())
}

#[test]
fn what_is_denied_is_denied_by_either() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    let who = |subject: &str| json!({ "issuer": "https://sts.test", "subject": subject });
    let mine = json!({ "workloads": [who("a"), who("b")], "tasks": ["t"] });
    worker.reload(&json!({ "denied": mine }))?;
    let denies = |worker: &Worker| {
        let Denied { tokens, tasks, workloads } = &worker.engine.config.denied;
        let subjects: Vec<&str> = workloads.iter().filter_map(|denied| denied.subject.sub()).collect();
        let tokens: BTreeSet<String> = tokens.iter().map(Scalar::word).collect();
        format!("{subjects:?} {tasks:?} {tokens:?}")
    };
    let mut revision = 6;
    for (denied, expected) in [
        (None, r#"["a", "b"] {"t"} {}"#),
        (Some(json!({})), r#"["a", "b"] {"t"} {}"#),
        (Some(json!({ "workloads": [who("b"), who("c")], "tokens": ["x"] })), r#"["a", "b", "c"] {"t"} {"x"}"#),
        // Lifted where it was made.
        (Some(json!({ "tasks": ["t", "u"], "workloads": [] })), r#"["a", "b"] {"t", "u"} {}"#),
        (None, r#"["a", "b"] {"t"} {}"#),
    ] {
        revision += 1;
        let configuration = denied.map_or(json!({}), |denied| json!({ "denied": denied }));
        let told = worker.served(bundle(revision, &configuration)?, &mut ledger)?;
        assert!(told.contains("is in force"), "{told}");
        assert_eq!(denies(&worker), expected, "{configuration}");
    }
    // A mistake in a bundle is told where the bundle has it.
    for (denied, place) in [
        (json!([]), "/denied: "),
        (json!({ "workloads": [{}] }), "/denied/workloads/0: "),
        (json!({ "tasks": 1 }), "/denied/tasks: "),
    ] {
        let told = worker.served(bundle(20, &json!({ "denied": denied }))?, &mut ledger)?;
        assert!(told.starts_with(&format!("bundle: revision 20 cannot be used: {place}")), "{told}");
    }
    Ok(())
}

/// A bundle that says when it was signed.
fn dated(revision: u64, iat: u64) -> Result<Vec<u8>, Failure> {
    let payload = json!({ "name": "edge", "revision": revision, "iat": iat, "configuration": policy(PERMIT) });
    Ok(signed(&key(1)?, TYPE, &payload))
}

#[test]
fn whoever_serves_bundles_cannot_withhold_the_newest_for_ever() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    worker.reload(&json!({ "bundle": { "max_stale": "1m" } }))?;
    let stale = |worker: &Worker| worker.engine.is_stale(UnixTime::from_secs(worker.now));
    // From the first look on, until one comes.
    assert_eq!(
        worker.answered(304, None, Vec::new(), &mut ledger)?,
        "bundle: where bundles are, 304 is answered instead of 200; the configuration stays in force"
    );
    while worker.now < 1070 {
        assert!(!stale(&worker), "{}", worker.now);
        worker.answered(304, None, Vec::new(), &mut ledger)?;
    }
    worker.now = 1072;
    worker.handle(BackgroundInput::Tick, &mut ledger);
    assert!(stale(&worker));
    let warning = "bundle: none was signed in the last 60 s (`max_stale`), or none is served; requests are refused until one comes";
    assert_eq!(worker.lines.iter().filter(|line| *line == warning).count(), 1, "{:?}", worker.lines);
    // As old as its signature says, whatever else is answered.
    worker.answered(200, Some("\"a\""), dated(7, 1060)?, &mut ledger)?;
    assert!(!stale(&worker));
    assert_eq!(worker.age(&mut ledger), 1082 - 1060);
    for answer in [(304, Vec::new()), (200, dated(7, 1060)?), (500, Vec::new()), (200, dated(7, 1050)?)] {
        worker.answered(answer.0, None, answer.1, &mut ledger)?;
    }
    assert!(stale(&worker), "{}", worker.now);
    // The same one, signed again.
    let in_force = Arc::clone(&worker.engine);
    worker.served(dated(7, worker.now)?, &mut ledger)?;
    assert!(!stale(&worker) && Arc::ptr_eq(&in_force, &worker.engine));
    // Nobody signs in the future, and a clock that is set back makes nothing young for longer.
    worker.served(dated(8, worker.now + 100_000)?, &mut ledger)?;
    assert_eq!(worker.age(&mut ledger), 0);
    worker.now -= 500;
    assert_eq!(worker.age(&mut ledger), 0);
    worker.now += 61;
    assert_eq!(worker.age(&mut ledger), 61);
    assert!(stale(&worker));
    Ok(())
}

#[test]
fn a_bundle_without_a_date_is_as_old_as_it_is_known() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    worker.reload(&json!({ "bundle": { "max_stale": "1m", "when_stale": "serve" } }))?;
    worker.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    for _ in 0..7 {
        worker.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    }
    assert_eq!(worker.age(&mut ledger), 70);
    assert!(!worker.engine.is_stale(UnixTime::from_secs(worker.now)), "it is served on");
    assert!(worker.lines.iter().any(|line| line.ends_with("what is in force stays so")), "{:?}", worker.lines);
    worker.served(bundle(8, &policy(PERMIT))?, &mut ledger)?;
    assert_eq!(worker.age(&mut ledger), 0);
    Ok(())
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_asking() -> Outcome {
    let (mut worker, mut ledger) = (Worker::new()?, MemoryLedger::new(16));
    worker.served(bundle(7, &policy(PERMIT))?, &mut ledger)?;
    worker.now -= 500;
    worker.served(bundle(8, &policy(PERMIT))?, &mut ledger)?;
    assert_eq!(worker.engine.bundle(), Some(8));
    Ok(())
}
