//! A DPoP proof is good once, also where two calls that came with it are held for longer than it lives: the second is refused
//! when it comes. And what a call that is not let go used up is given back.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use countersign_engine::io::{Input, Step, Tick};
use countersign_engine::{Engine, Session};
use countersign_facts::board::{Board, LedgerError, Posted, Posting};
use countersign_facts::calls::{Call, CallOutcome};
use countersign_facts::headers::{Headers, RequestHead};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::{Entry, Ledger, MemoryLedger, Spent};
use countersign_facts::reason::Reason;
use countersign_host_tests::drivers::native::{asked, outcome, ready};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::{Approver, DecisionPoint, Introspector, Send};
use countersign_host_tests::scenario::request::{Earlier, Request};
use countersign_tokens::UnixTime;
use serde_json::{Value, json};

const NOW_SECS: u64 = 1_800_000_000;

fn at(millis: u64) -> UnixTime {
    UnixTime::from_millis(NOW_SECS * 1000 + millis)
}

/// The engine under `config`, whose issuer `platform` wants proofs that are a second old at most.
fn engine(config: &str, patch: &Value) -> Result<Arc<Engine>> {
    let mut scenario = json!({ "name": "proofs", "config": config, "patch": patch });
    let platform = json!({
        "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": ["https://tools.test/mcp"],
        "algorithms": ["RS256"], "keys": { "url": "http://sts.test/jwks.json", "cluster": "keys", "insecure_http": true },
        "leeway": "0s", "task": { "id": "/task/id", "grants": "/task/grants" }, "binding": { "proof_age": "1s" }
    });
    let issuers = scenario.pointer_mut("/patch").and_then(Value::as_object_mut).context("no patch")?;
    issuers.entry("issuers").or_insert_with(|| json!([platform]));
    ready(&Library::read()?.configuration(&serde_json::from_value(scenario)?)?, at(0))
}

/// A request with a token that is bound, and a proof.
fn request(mut send: Value) -> Result<Request> {
    let token = json!({ "claims": { "cnf": { "jkt": "{jkt:ec2}" } }, "proof": {} });
    let members = send.as_object_mut().context("no request")?;
    members.entry("token").or_insert(token);
    let send: Send = serde_json::from_value(send)?;
    Request::of(&send, NOW_SECS, &Earlier::default())
}

/// One call on its way.
struct Stream {
    session: Session,
    /// What was asked for it last.
    call: Option<Call>,
    reason: Option<Reason>,
}

impl Stream {
    fn new(engine: &Arc<Engine>, id: u8) -> Self {
        let session = Session::new(Arc::clone(engine), DecisionId::from_random([id; 16]));
        Self { session, call: None, reason: None }
    }

    fn feed(&mut self, engine: &Arc<Engine>, now: UnixTime, input: Input<'_>, ledger: &mut dyn Ledger) {
        if self.reason.is_some() {
            return;
        }
        match self.session.handle(engine, now, input, ledger) {
            Step::Forward(forward) => self.reason = Some(forward.line.reason),
            Step::Reply(reply) => self.reason = Some(reply.line.reason),
            Step::Cut(cut) => self.reason = Some(cut.line.reason),
            Step::Call(call) => self.call = Some(call),
            Step::Wait
            | Step::EditTrailers(_)
            | Step::EditResponse(_)
            | Step::ReplaceChunk(_)
            | Step::AnswerInstead(_) => {}
        }
    }

    fn head(&mut self, engine: &Arc<Engine>, request: &Request, ledger: &mut dyn Ledger) {
        let head = RequestHead {
            headers: Headers::new(request.head()),
            end: request.is_head_only(),
            ..RequestHead::default()
        };
        self.feed(engine, at(0), Input::Head(head), ledger);
    }

    fn body(&mut self, engine: &Arc<Engine>, now: UnixTime, request: &Request, ledger: &mut dyn Ledger) {
        let chunk = request.body.as_deref().unwrap_or_default();
        self.feed(engine, now, Input::Body { chunk, end: true }, ledger);
    }

    fn answer(
        &mut self,
        engine: &Arc<Engine>,
        now: UnixTime,
        answer: &dyn Fn(&Call) -> Result<CallOutcome>,
        ledger: &mut dyn Ledger,
    ) -> Result<()> {
        if let Some(call) = self.call.take().filter(|_| self.reason.is_none()) {
            let outcome = answer(&call)?;
            self.feed(engine, now, Input::CallDone(call.id, outcome), ledger);
        }
        let tick = Tick { body_withheld: false };
        self.feed(engine, now, Input::Tick(tick), ledger);
        Ok(())
    }
}

/// What becomes of two calls with the same proof that come at once, get their bodies `body` later and answers `answered` later
/// than that, milliseconds.
fn two(
    engine: &Arc<Engine>,
    request: &Request,
    (body, answered): (u64, u64),
    answer: &dyn Fn(&Call) -> Result<CallOutcome>,
) -> Result<[Option<Reason>; 2]> {
    let mut ledger = MemoryLedger::new(64);
    let mut streams = [Stream::new(engine, 1), Stream::new(engine, 2)];
    for stream in &mut streams {
        stream.head(engine, request, &mut ledger);
    }
    if !request.is_head_only() {
        for stream in &mut streams {
            stream.body(engine, at(body), request, &mut ledger);
        }
    }
    for _ in 0..3 {
        for stream in &mut streams {
            stream.answer(engine, at(body + answered), answer, &mut ledger)?;
        }
    }
    let [first, second] = streams;
    Ok([first.reason, second.reason])
}

fn approved(call: &Call) -> Result<CallOutcome> {
    Ok(outcome(Approver::default().react(&asked(call), NOW_SECS + 2, &[])?))
}

fn nobody(call: &Call) -> Result<CallOutcome> {
    bail!("{} is asked", call.cluster)
}

#[test]
fn two_calls_that_wait_for_an_approval() -> Result<()> {
    let engine = engine("base", &json!({}))?;
    let request = request(json!({ "call": "transfer", "arguments": { "amount": 500, "currency": "EUR" } }))?;
    for waits in [(0, 0), (0, 1500), (1500, 1500)] {
        let reasons = two(&engine, &request, waits, &approved)?;
        assert_eq!(reasons, [Some(Reason::Approved), Some(Reason::ProofReplayed)], "{waits:?}");
    }
    Ok(())
}

#[test]
fn two_calls_whose_bodies_take_long() -> Result<()> {
    let engine = engine("base", &json!({}))?;
    for waits in [(0, 0), (1500, 0)] {
        let reasons = two(&engine, &request(json!({ "call": "lookup" }))?, waits, &nobody)?;
        assert_eq!(reasons, [Some(Reason::Allowed), Some(Reason::ProofReplayed)], "{waits:?}");
    }
    Ok(())
}

#[test]
fn two_calls_about_which_somebody_else_decides() -> Result<()> {
    let engine = engine("pdp", &json!({}))?;
    let permits = |call: &Call| Ok(outcome(DecisionPoint::default().react(&asked(call), NOW_SECS)?));
    for waits in [(0, 0), (0, 1500)] {
        let reasons = two(&engine, &request(json!({ "call": "lookup" }))?, waits, &permits)?;
        assert_eq!(reasons, [Some(Reason::Allowed), Some(Reason::ProofReplayed)], "{waits:?}");
    }
    Ok(())
}

/// Whether a proof is good cannot be told before the token can be read.
#[test]
fn two_calls_whose_token_only_its_issuer_can_read() -> Result<()> {
    let vault = json!({
        "name": "vault", "profile": "opaque", "issuer": "https://as.test", "audiences": ["https://tools.test/mcp"], "leeway": "0s",
        "introspection": {
            "url": "http://as.test/introspect", "cluster": "introspection", "insecure_http": true, "client_id": "gateway",
            "client_secret": { "env": "INTROSPECTION_SECRET" }, "timeout": "30s"
        },
        "task": { "id": "/task/id", "grants": "/task/grants" }, "binding": { "proof_age": "1s" }
    });
    let patch = json!({ "issuers": [vault], "workloads": null });
    let token = json!({ "raw": "opaque-token", "proof": {} });
    let request = request(json!({ "call": "lookup", "token": token }))?;
    let thumbprint = jkt()?;
    let says = json!({ "iss": "https://as.test", "token_type": "DPoP", "cnf": { "jkt": thumbprint } });
    let introspector = Introspector { says: Some(says), ..serde_json::from_value(json!({}))? };
    let active = |call: &Call| Ok(outcome(introspector.react(&asked(call), NOW_SECS)?));
    for (wait, expected) in [
        (0, [Reason::Allowed, Reason::ProofReplayed]),
        (1500, [Reason::Allowed, Reason::ProofReplayed]),
        (10_900, [Reason::Allowed, Reason::ProofReplayed]),
        // Nobody would know any more.
        (11_000, [Reason::ProofRefused, Reason::ProofRefused]),
    ] {
        // One that was not told anything yet.
        let engine = engine("opaque", &patch)?;
        let reasons = two(&engine, &request, (0, wait), &active)?;
        assert_eq!(reasons, expected.map(Some), "{wait}");
    }
    Ok(())
}

/// The thumbprint of the key that proofs are made with.
fn jkt() -> Result<String> {
    let request = request(json!({}))?;
    let field = request.head().into_iter().find(|(name, _)| name == "authorization").context("no token")?;
    let token = String::from_utf8(field.1)?;
    let claims = token.split('.').nth(1).context("no claims")?;
    let claims: Value =
        serde_json::from_slice(&base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims)?)?;
    Ok(claims.pointer("/cnf/jkt").and_then(Value::as_str).context("not bound")?.to_owned())
}

/// Its own proof is no replay when a call is decided again, under another configuration too; and that of another is.
#[test]
fn a_call_that_goes_over_to_another_configuration() -> Result<()> {
    let (older, newer) = (engine("base", &json!({}))?, engine("base", &json!({}))?);
    let request = request(json!({ "call": "transfer", "arguments": { "amount": 500, "currency": "EUR" } }))?;
    let mut ledger = MemoryLedger::new(64);
    let (mut one, mut other) = (Stream::new(&older, 1), Stream::new(&older, 2));
    one.head(&older, &request, &mut ledger);
    one.body(&older, at(0), &request, &mut ledger);
    one.answer(&newer, at(1500), &approved, &mut ledger)?;
    other.head(&newer, &request, &mut ledger);
    assert_eq!((one.reason, other.reason), (Some(Reason::Approved), Some(Reason::ProofReplayed)));
    Ok(())
}

/// What is only watched uses up nothing, and its own wait does not count against it.
#[test]
fn calls_that_are_only_watched() -> Result<()> {
    let engine = engine("base", &json!({ "mode": "audit" }))?;
    let reasons = two(&engine, &request(json!({ "call": "lookup" }))?, (13_000, 0), &nobody)?;
    assert_eq!(reasons, [Some(Reason::Allowed), Some(Reason::Allowed)]);
    Ok(())
}

#[test]
fn a_refusal_without_a_wait_uses_no_proof_up() -> Result<()> {
    let engine = engine("base", &json!({ "policy": { "cedar": "forbid (principal, action, resource);" } }))?;
    let request = request(json!({ "method": "GET", "path": "/reports/1" }))?;
    let reasons = two(&engine, &request, (0, 0), &nobody)?;
    assert_eq!(reasons, [Some(Reason::PolicyDenied), Some(Reason::PolicyDenied)]);
    Ok(())
}

/// A ledger in which so many things can be spent, and no more.
struct Failing {
    ledger: MemoryLedger,
    left: usize,
    error: LedgerError,
    spent: Vec<(Entry, UnixTime)>,
    /// Nothing looks spent until it is spent.
    blind: bool,
}

impl Failing {
    fn new(left: usize, error: LedgerError) -> Self {
        Self { ledger: MemoryLedger::new(64), left, error, spent: Vec::new(), blind: false }
    }
}

impl Board for Failing {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        self.ledger.read(name)
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        self.ledger.post(name, document, version)
    }
}

impl Ledger for Failing {
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError> {
        self.left = self.left.checked_sub(1).ok_or(self.error)?;
        self.spent.push((*entry, until));
        self.ledger.spend(now, entry, until)
    }

    fn give_back(&mut self, entry: &Entry, until: UnixTime) -> Result<(), LedgerError> {
        self.ledger.give_back(entry, until)
    }

    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError> {
        Ok(self.ledger.is_spent(now, entry)? && !self.blind)
    }
}

/// Approval, one-shot token and counted calls: wherever the ledger is full, what was taken before is there again.
#[test]
fn nothing_is_lost_where_there_is_no_room() -> Result<()> {
    let engine = engine("base", &json!({ "issuers": [one_shot()] }))?;
    let request = counted()?;
    for (error, reason) in
        [(LedgerError::Full, Reason::ShareUsedUp), (LedgerError::Unavailable, Reason::LedgerUnavailable)]
    {
        for (left, expected) in [(0, reason), (1, reason), (2, reason), (3, Reason::Approved)] {
            let mut ledger = Failing::new(left, error);
            let mut stream = Stream::new(&engine, 1);
            stream.head(&engine, &request, &mut ledger);
            stream.body(&engine, at(0), &request, &mut ledger);
            stream.answer(&engine, at(100), &approved, &mut ledger)?;
            assert_eq!(stream.reason, Some(expected), "{left}");
            ensure!(ledger.spent.len() == left, "{left}: {:?}", ledger.spent);
            for (entry, _) in ledger.spent.clone() {
                let spent = ledger.is_spent(at(100), &Entry { limit: 1, ..entry })?;
                assert_eq!(spent, expected == Reason::Approved, "{left}");
            }
        }
    }
    Ok(())
}

/// Somebody else uses the token up at the last moment: the call gives back everything else.
#[test]
fn nothing_is_lost_where_something_else_is_used_up() -> Result<()> {
    let engine = engine("base", &json!({ "issuers": [one_shot()] }))?;
    let request = counted()?;
    let mut ledger = Failing { blind: true, ..Failing::new(99, LedgerError::Full) };
    let mut streams = [Stream::new(&engine, 1), Stream::new(&engine, 2)];
    for stream in &mut streams {
        stream.head(&engine, &request, &mut ledger);
        stream.body(&engine, at(0), &request, &mut ledger);
    }
    for stream in &mut streams {
        stream.answer(&engine, at(100), &approved, &mut ledger)?;
    }
    assert_eq!(streams.map(|stream| stream.reason), [Some(Reason::Approved), Some(Reason::TokenSpent)]);
    let (counted, _) = *ledger.spent.first().context("nothing was spent")?;
    assert!(!ledger.ledger.is_spent(at(100), &Entry { limit: 2, ..counted })?);
    assert!(ledger.ledger.is_spent(at(100), &Entry { limit: 1, ..counted })?);
    Ok(())
}

/// An issuer whose tokens are good once.
fn one_shot() -> Value {
    json!({
        "name": "platform", "issuer": "https://sts.test", "profile": "access-token", "audiences": ["https://tools.test/mcp"],
        "algorithms": ["RS256"], "keys": { "url": "http://sts.test/jwks.json", "cluster": "keys", "insecure_http": true },
        "one_shot": true, "task": { "id": "/task/id", "grants": "/task/grants" }
    })
}

/// A call that has to be approved, and that a task may make five times.
fn counted() -> Result<Request> {
    let grant = json!({
        "action": "mcp:tools/call", "resource": "payments", "object": "transfer", "calls": { "max": 5, "per": "hour" }
    });
    let token = json!({ "claims": { "task": { "grants": [grant] } } });
    request(json!({ "call": "transfer", "arguments": { "amount": 500, "currency": "EUR" }, "token": token }))
}
