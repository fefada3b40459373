//! What holds for every input in every order: at most one terminal step, no `Forward` without an allow, no panic,
//! and the same decision however a body is cut.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_engine::io::{Input, Step, Tick};
use countersign_engine::record::Line;
use countersign_engine::shares::Each;
use countersign_engine::{Engine, Session};
use countersign_facts::board::{Board, LedgerError, Posted, Posting};
use countersign_facts::calls::{Call, CallFailure, CallId, CallOutcome};
use countersign_facts::headers::{Headers, RequestHead};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::{Entry, Ledger, MemoryLedger, Spent};
use countersign_facts::reason::{LineKind, Reason};
use countersign_host_tests::drivers::native::{asked, outcome, ready};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::{Approver, Send};
use countersign_host_tests::scenario::request::{Earlier, Request};
use countersign_tokens::UnixTime;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};

const NOW_SECS: u64 = 1_800_000_000;

/// The engine under `base`, its keys installed.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| engine().unwrap_or_else(|error| fail(&error)));

/// Another one of its own, for those who look at what is held.
static HELD: LazyLock<Arc<Engine>> = LazyLock::new(|| engine().unwrap_or_else(|error| fail(&error)));

/// Two more, one after the other, for what goes over from one configuration to the next.
static FIRST: LazyLock<Arc<Engine>> = LazyLock::new(|| engine().unwrap_or_else(|error| fail(&error)));
static SECOND: LazyLock<Arc<Engine>> = LazyLock::new(|| engine().unwrap_or_else(|error| fail(&error)));

/// One that denies the agent of every request here.
static BANNING: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let denied = json!({ "denied": { "workloads": [{ "issuer": "https://sts.test", "subject": "agent-7" }] } });
    patched(&denied).unwrap_or_else(|error| fail(&error))
});

#[expect(clippy::panic, reason = "without an engine there is nothing to test")]
fn fail(error: &anyhow::Error) -> Arc<Engine> {
    panic!("{error:#}")
}

fn engine() -> Result<Arc<Engine>> {
    patched(&json!({}))
}

fn patched(patch: &Value) -> Result<Arc<Engine>> {
    let scenario = serde_json::from_value(json!({ "name": "properties", "patch": patch }))?;
    let configuration = Library::read()?.configuration(&scenario)?;
    ready(&configuration, now())
}

fn now() -> UnixTime {
    UnixTime::from_secs(NOW_SECS)
}

fn request(send: Value) -> Result<Request> {
    let send: Send = serde_json::from_value(send)?;
    Request::of(&send, NOW_SECS, &Earlier::default())
}

/// What an honest or dishonest approver says about `call`.
fn approval(call: &Call, decision: &str) -> Result<CallOutcome> {
    let approver = Approver { decision: Some(decision.to_owned()), ..Approver::default() };
    Ok(outcome(approver.react(&asked(call), NOW_SECS, &[])?))
}

/// What a client was answered.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    status: u16,
    body: Vec<u8>,
}

/// One session and everything that came out of it.
struct Stream {
    engine: Arc<Engine>,
    session: Session,
    ledger: MemoryLedger,
    now: UnixTime,
    calls: Vec<Call>,
    decisions: Vec<Line>,
    forwards: usize,
    /// The configuration in force when it was.
    forwarded_by: Option<Arc<Engine>>,
    replies: Vec<Told>,
    cuts: usize,
}

impl Stream {
    fn new() -> Self {
        Self::of(&ENGINE)
    }

    fn of(engine: &Arc<Engine>) -> Self {
        Self {
            // The same name for every run: answers can be compared byte by byte.
            engine: Arc::clone(engine),
            session: Session::new(Arc::clone(engine), DecisionId::from_random([7; 16])),
            ledger: MemoryLedger::new(64),
            now: now(),
            calls: Vec::new(),
            decisions: Vec::new(),
            forwards: 0,
            forwarded_by: None,
            replies: Vec::new(),
            cuts: 0,
        }
    }

    fn is_decided(&self) -> bool {
        self.forwards + self.replies.len() + self.cuts > 0
    }

    fn feed(&mut self, input: Input<'_>) {
        match self.session.handle(&self.engine, self.now, input, &mut self.ledger) {
            // What becomes of a response decides nothing.
            Step::Wait
            | Step::EditTrailers(_)
            | Step::EditResponse(_)
            | Step::ReplaceChunk(_)
            | Step::AnswerInstead(_) => {}
            Step::Call(call) => self.calls.push(call),
            Step::Forward(forward) => {
                self.forwards += 1;
                self.forwarded_by = Some(Arc::clone(&self.engine));
                self.decisions.push(forward.line);
            }
            Step::Reply(reply) => {
                self.replies.push(Told { status: reply.status, body: reply.body });
                self.decisions.push(reply.line);
            }
            Step::Cut(cut) if cut.line.kind == LineKind::Ended => {}
            Step::Cut(cut) => {
                self.cuts += 1;
                self.decisions.push(cut.line);
            }
        }
    }

    fn head(&mut self, request: &Request) {
        let headers = Headers::new(request.head());
        self.feed(Input::Head(RequestHead { headers, end: request.is_head_only(), ..RequestHead::default() }));
    }

    /// The whole exchange in order, with an approver that says `decision`.
    fn run(&mut self, request: &Request, chunks: &[usize], trailers: bool, decision: &str) -> Result<()> {
        self.head(request);
        let body = request.body.as_deref().unwrap_or_default();
        let mut start = 0;
        for (index, length) in chunks.iter().enumerate() {
            let chunk = body.get(start..start + length).context("the chunks are longer than the body")?;
            start += length;
            self.feed(Input::Body { chunk, end: !trailers && index + 1 == chunks.len() });
        }
        if trailers {
            self.feed(Input::Trailers(Headers::new(vec![("x-checksum".to_owned(), b"none".to_vec())])));
        }
        if let Some(call) = self.calls.pop() {
            self.feed(Input::CallDone(call.id, approval(&call, decision)?));
        }
        Ok(())
    }

    /// What can be told apart from outside: the reason and the answer.
    fn verdict(&self) -> Option<(&'static str, &[Told])> {
        self.decisions.first().map(|line| (line.reason.row().code, self.replies.as_slice()))
    }
}

/// The ledger while another worker is about to spend the same: nothing looks spent until it is spent here too.
struct Racing(MemoryLedger);

impl Board for Racing {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        self.0.read(name)
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        self.0.post(name, document, version)
    }
}

impl Ledger for Racing {
    fn spend(&mut self, now: UnixTime, entry: &Entry, until: UnixTime) -> Result<Spent, LedgerError> {
        self.0.spend(now, entry, until)
    }

    fn give_back(&mut self, entry: &Entry, until: UnixTime) -> Result<(), LedgerError> {
        self.0.give_back(entry, until)
    }

    fn is_spent(&mut self, _: UnixTime, _: &Entry) -> Result<bool, LedgerError> {
        Ok(false)
    }
}

#[test]
fn of_two_workers_that_spend_the_same_at_once_one_is_refused() -> Result<()> {
    let token = json!({ "claims": { "cnf": { "jkt": "{jkt:ec2}" } }, "proof": {} });
    let request = request(json!({ "token": token }))?;
    let mut ledger = Racing(MemoryLedger::new(64));
    let mut reasons = Vec::new();
    for id in 0..2 {
        let mut session = Session::new(Arc::clone(&ENGINE), DecisionId::from_random([id; 16]));
        let head = RequestHead { headers: Headers::new(request.head()), ..RequestHead::default() };
        let body = request.body.as_deref().unwrap_or_default();
        for input in [Input::Head(head), Input::Body { chunk: body, end: true }] {
            match session.handle(&ENGINE, now(), input, &mut ledger) {
                Step::Forward(forward) => reasons.push(forward.line.reason),
                Step::Reply(reply) => reasons.push(reply.line.reason),
                Step::Wait
                | Step::Call(_)
                | Step::Cut(_)
                | Step::EditTrailers(_)
                | Step::EditResponse(_)
                | Step::ReplaceChunk(_)
                | Step::AnswerInstead(_) => {}
            }
        }
    }
    assert_eq!(reasons, [Reason::Allowed, Reason::ProofReplayed]);
    Ok(())
}

/// A ledger in which nothing more can be spent.
struct Refusing(MemoryLedger, LedgerError);

impl Board for Refusing {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        self.0.read(name)
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        self.0.post(name, document, version)
    }
}

impl Ledger for Refusing {
    fn spend(&mut self, _: UnixTime, _: &Entry, _: UnixTime) -> Result<Spent, LedgerError> {
        Err(self.1)
    }

    fn give_back(&mut self, _: &Entry, _: UnixTime) -> Result<(), LedgerError> {
        Err(self.1)
    }

    fn is_spent(&mut self, now: UnixTime, entry: &Entry) -> Result<bool, LedgerError> {
        self.0.is_spent(now, entry)
    }
}

#[test]
fn what_cannot_be_remembered_is_not_done() -> Result<()> {
    let token = json!({ "claims": { "cnf": { "jkt": "{jkt:ec2}" } }, "proof": {} });
    let request = request(json!({ "token": token }))?;
    for (error, reason, status, detail) in [
        (LedgerError::Full, Reason::ShareUsedUp, 429, json!("of limits.ledger the workload holds its share")),
        (LedgerError::Unavailable, Reason::LedgerUnavailable, 503, Value::Null),
    ] {
        let mut ledger = Refusing(MemoryLedger::new(64), error);
        let mut session = Session::new(Arc::clone(&ENGINE), DecisionId::from_random([1; 16]));
        let head = RequestHead { headers: Headers::new(request.head()), ..RequestHead::default() };
        // A proof is used up before its call is held.
        let step = session.handle(&ENGINE, now(), Input::Head(head), &mut ledger);
        let Step::Reply(reply) = step else { anyhow::bail!("{error}: {step:?}") };
        let record: Value = serde_json::from_str(&reply.line.json)?;
        let told = record.get("detail").cloned().unwrap_or_default();
        assert_eq!((reply.line.reason, reply.status, told), (reason, status, detail));
    }
    Ok(())
}

/// A stream of another transport goes on for as long as its server likes: who was told why is cut off at the next tick.
#[test]
fn who_was_told_that_a_transport_is_not_supported_is_cut_off() -> Result<()> {
    let request = request(json!({ "method": "GET", "path": "/mcp", "headers": { "accept": "text/event-stream" } }))?;
    let mut ledger = MemoryLedger::new(64);
    let mut session = Session::new(Arc::clone(&ENGINE), DecisionId::from_random([1; 16]));
    let mut handle = |session: &mut Session, input: Input<'_>| session.handle(&ENGINE, now(), input, &mut ledger);
    let head = RequestHead { headers: Headers::new(request.head()), end: true, ..RequestHead::default() };
    assert!(matches!(handle(&mut session, Input::Head(head)), Step::Forward(_)));
    let fields = [(":status", "200"), ("content-type", "text/event-stream")];
    let headers = fields.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    assert!(matches!(handle(&mut session, Input::ResponseHead { headers, end: false }), Step::EditResponse(_)));
    assert!(!session.is_waiting());
    let chunk = b"event: endpoint\ndata: /messages\n\n";
    let told = handle(&mut session, Input::ResponseBody { chunk, end: false });
    assert!(matches!(&told, Step::ReplaceChunk(bytes) if bytes.starts_with(b"data: {")), "{told:?}");
    assert!(session.is_waiting() && session.observes());
    let rest = handle(&mut session, Input::ResponseBody { chunk: b": more\n\n", end: false });
    assert!(matches!(&rest, Step::ReplaceChunk(bytes) if bytes.is_empty()), "{rest:?}");
    let Step::Cut(cut) = handle(&mut session, Input::Tick(Tick::default())) else { anyhow::bail!("it goes on") };
    assert!(cut.reset && cut.line.json.contains("\"outcome\":\"transport_unsupported\""), "{}", cut.line.json);
    assert!(!session.is_waiting());
    Ok(())
}

/// Requests that end in every way a body can end in.
fn bodies() -> Vec<Value> {
    vec![
        json!({ "call": "lookup", "arguments": { "invoice": "é\u{1F600}\\u0041" } }),
        json!({ "call": "transfer", "arguments": { "amount": 500, "currency": "EUR" } }),
        json!({ "call": "close_account", "arguments": { "account": "7" } }),
        json!({ "call": "transfer", "arguments": { "amount": "5", "currency": "EUR" } }),
        json!({ "mcp": "admin/reset" }),
        json!({ "mcp": "resources/read", "params": { "uri": "file:///a" } }),
        json!({ "mcp": "prompts/get", "params": { "name": "\u{e9}" } }),
        json!({ "json": { "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } } }),
        json!({ "json": { "jsonrpc": "2.0", "id": 7, "result": { "roots": [] } } }),
        json!({ "call": "lookup", "headers": { "mcp-name": "transfer" } }),
        json!({ "call": "lookup", "headers": { "content-type": "text/plain" } }),
        json!({ "call": "lookup", "token": { "absent": true } }),
        json!({ "path": "/books/1", "method": "DELETE", "text": "{\"reason\":\"lost\"}" }),
        json!({ "text": "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} x" }),
        json!({ "text": "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud83d\"}" }),
        json!({ "json": [{ "jsonrpc": "2.0", "id": 1, "method": "ping" }] }),
        json!({ "text": "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"method\":\"ping\"}" }),
        json!({ "text": "{\"jsonrpc\":\"2.0\",\"id\":1" }),
        json!({ "bytes": "eyJqc29ucnBjIjoiMi4wIiwiaWQiOjEsIm1ldGhvZCI6Iv8ifQ==" }),
        json!({ "call": "echo", "arguments": { "text": { "repeat": "x", "times": 33_000 } } }),
    ]
}

#[test]
fn a_body_cut_anywhere_is_the_same_body() -> Result<()> {
    for send in bodies() {
        let request = request(send.clone())?;
        let length = request.body.as_deref().unwrap_or_default().len();
        let mut whole = Stream::new();
        whole.run(&request, &[length], false, "approved")?;
        ensure!(whole.verdict().is_some(), "{send} is not decided");
        // A long body is cut where it matters: near its ends and its limit.
        let near = |at: &usize| length < 1000 || *at < 3 || length - at < 3 || at.abs_diff(32 * 1024) < 3;
        for at in (0..=length).filter(near) {
            for trailers in [false, true] {
                let mut cut = Stream::new();
                cut.run(&request, &[at, length - at], trailers, "approved")?;
                ensure!(cut.verdict() == whole.verdict(), "{send} cut at {at}: {:?}", cut.verdict());
            }
        }
        if length < 1000 {
            let mut bytes = Stream::new();
            bytes.run(&request, &vec![1; length], false, "approved")?;
            ensure!(bytes.verdict() == whole.verdict(), "{send} byte by byte");
        }
    }
    Ok(())
}

/// One thing that happens, in an order nobody intended.
#[derive(Clone, Debug)]
enum Happening {
    Head,
    /// A piece of the right body.
    Piece(usize, bool),
    Bytes(Vec<u8>, bool),
    Trailers(Vec<(String, Vec<u8>)>),
    /// The answer of a call that was made, by the approver.
    Answer(&'static str),
    /// Any answer to any call.
    Stray(u32, Option<u16>, Vec<u8>),
    Tick(bool),
    Later(u64),
    ResponseHead(bool),
    ResponseBody(Vec<u8>, bool),
    /// From now on another configuration is in force: the one that bans, or one that does not.
    Renewed(bool),
    Closed,
}

fn happening() -> impl Strategy<Value = Happening> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..24);
    prop_oneof![
        3 => Just(Happening::Head),
        6 => (1_usize..200, any::<bool>()).prop_map(|(length, end)| Happening::Piece(length, end)),
        1 => (bytes(), any::<bool>()).prop_map(|(bytes, end)| Happening::Bytes(bytes, end)),
        1 => prop::collection::vec(("[a-z_:-]{0,12}", bytes()), 0..3).prop_map(Happening::Trailers),
        4 => prop_oneof![Just("approved"), Just("denied"), Just("pending"), Just("")].prop_map(Happening::Answer),
        2 => (0_u32..4, prop::option::of(100_u16..600), bytes()).prop_map(|(id, status, body)| Happening::Stray(id, status, body)),
        1 => prop::bool::weighted(0.1).prop_map(Happening::Tick),
        1 => (0_u64..400_000).prop_map(Happening::Later),
        1 => any::<bool>().prop_map(Happening::ResponseHead),
        1 => (bytes(), any::<bool>()).prop_map(|(bytes, end)| Happening::ResponseBody(bytes, end)),
        1 => Just(Happening::Closed),
    ]
}

/// Plays `happenings` around `request`; also answers with the body bytes that had arrived when it was decided.
fn play(stream: &mut Stream, request: &Request, happenings: &[Happening]) -> Result<Vec<u8>> {
    let mut rest = request.body.as_deref().unwrap_or_default();
    let mut arrived = Vec::new();
    let mut headed = false;
    for happening in happenings {
        let decided = stream.is_decided();
        let mut body = |stream: &mut Stream, bytes: &[u8], end: bool| {
            if headed && !decided {
                arrived.extend_from_slice(bytes);
            }
            stream.feed(Input::Body { chunk: bytes, end });
        };
        match happening {
            Happening::Head => {
                stream.head(request);
                headed = true;
            }
            Happening::Piece(length, end) => {
                let (piece, after) = rest.split_at((*length).min(rest.len()));
                body(stream, piece, *end);
                rest = after;
            }
            Happening::Bytes(bytes, end) => body(stream, bytes, *end),
            Happening::Trailers(fields) => stream.feed(Input::Trailers(Headers::new(fields.clone()))),
            Happening::Answer(decision) => {
                if let Some(call) = stream.calls.last().cloned() {
                    stream.feed(Input::CallDone(call.id, approval(&call, decision)?));
                }
            }
            Happening::Stray(id, status, body) => {
                let outcome = status.map_or(CallOutcome::Failed(CallFailure::NoAnswer), |status| {
                    CallOutcome::Response { status, headers: Headers::default(), body: body.clone() }
                });
                stream.feed(Input::CallDone(CallId(*id), outcome));
            }
            Happening::Tick(body_withheld) => stream.feed(Input::Tick(Tick { body_withheld: *body_withheld })),
            Happening::Later(millis) => stream.now = stream.now.plus(Duration::from_millis(*millis)),
            Happening::ResponseHead(end) => {
                stream.feed(Input::ResponseHead { headers: Headers::default(), end: *end });
            }
            Happening::ResponseBody(bytes, end) => stream.feed(Input::ResponseBody { chunk: bytes, end: *end }),
            Happening::Renewed(bans) => {
                let engine = if *bans { &*BANNING } else { &*SECOND };
                engine.clone_into(&mut stream.engine);
            }
            Happening::Closed => stream.feed(Input::Closed),
        }
    }
    Ok(arrived)
}

fn any_request() -> impl Strategy<Value = Value> {
    let mut sends = bodies();
    sends.extend([
        json!({ "token": { "absent": true } }),
        json!({ "token": { "spoil": "flip_signature" } }),
        json!({ "token": { "claims": { "exp": "now+1s" } } }),
        json!({ "method": "GET", "path": "/reports/1" }),
        json!({ "method": "GET", "path": "/public" }),
        json!({ "headers": { "content-type": "text/plain" } }),
    ]);
    prop::sample::select(sends)
}

/// What an error is worth inside a property.
fn property<T>(result: Result<T>) -> Result<T, TestCaseError> {
    result.map_err(|error| TestCaseError::fail(format!("{error:#}")))
}

/// Failures are kept beside this file, to be committed with their mending.
fn config() -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(512), failure_persistence: Some(Box::new(persistence)), ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_terminal_step_and_no_forward_without_an_allow(
        send in any_request(),
        happenings in prop::collection::vec(happening(), 1..32),
    ) {
        let request = property(request(send))?;
        let mut stream = Stream::new();
        let arrived = property(play(&mut stream, &request, &happenings))?;
        prop_assert!(stream.forwards + stream.replies.len() + stream.cuts <= 1);
        prop_assert_eq!(stream.decisions.len(), stream.forwards + stream.replies.len() + stream.cuts);
        for line in &stream.decisions {
            prop_assert_eq!(line.kind == LineKind::Allow, stream.forwards == 1, "{}", line.json);
        }
        if stream.forwards == 1 {
            // The very bytes that had arrived, sent in order at once, are allowed too.
            let seen = Request { body: Some(arrived.clone()), ..request };
            let mut orderly = Stream::new();
            property(orderly.run(&seen, &[arrived.len()], false, "approved"))?;
            prop_assert_eq!(orderly.forwards, 1, "{:?}", orderly.verdict());
        }
    }

    #[test]
    fn what_the_newest_configuration_denies_is_not_forwarded_whichever_held_it(
        send in any_request(),
        happenings in prop::collection::vec(prop_oneof![
            4 => happening(),
            1 => prop::bool::weighted(0.4).prop_map(Happening::Renewed),
        ], 1..32),
    ) {
        let request = property(request(send))?;
        let mut stream = Stream::of(&FIRST);
        property(play(&mut stream, &request, &happenings))?;
        prop_assert!(stream.forwards + stream.replies.len() + stream.cuts <= 1);
        prop_assert_eq!(stream.decisions.len(), stream.forwards + stream.replies.len() + stream.cuts);
        if let Some(by) = &stream.forwarded_by {
            prop_assert!(!Arc::ptr_eq(by, &BANNING), "{:?}", stream.verdict());
        }
        drop(stream);
        for engine in [&*FIRST, &*SECOND, &*BANNING] {
            prop_assert_eq!(engine.held(), Each::default());
        }
    }

    #[test]
    fn what_was_held_is_given_back(
        streams in prop::collection::vec((any_request(), prop::collection::vec(happening(), 1..24)), 1..4),
    ) {
        let mut open = Vec::new();
        for (send, happenings) in streams {
            let request = property(request(send))?;
            let mut stream = Stream::of(&HELD);
            let before = HELD.held();
            property(play(&mut stream, &request, &happenings))?;
            if stream.is_decided() {
                // Its response may be looked at.
                let Each { held_bytes, held_streams, calls, .. } = HELD.held();
                prop_assert_eq!(Each { held_bytes, held_streams, calls, response_bytes: before.response_bytes }, before);
            } else if stream.session.is_waiting() {
                prop_assert_eq!(HELD.held().held_streams, before.held_streams + 1);
            }
            open.push(stream);
        }
        drop(open);
        prop_assert_eq!(HELD.held(), Each::default());
    }

    #[test]
    fn no_order_forwards_what_policy_denies(happenings in prop::collection::vec(happening(), 1..32)) {
        let request = property(request(json!({ "call": "close_account", "arguments": { "account": "7" } })))?;
        let mut stream = Stream::new();
        let arrived = property(play(&mut stream, &request, &happenings))?;
        prop_assert_eq!(stream.forwards, 0, "{}", String::from_utf8_lossy(&arrived));
    }

    #[test]
    fn any_cutting_gives_the_same_decision(
        send in prop::sample::select(bodies()),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        trailers in any::<bool>(),
    ) {
        let request = property(request(send))?;
        let length = request.body.as_deref().unwrap_or_default().len();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
        places.extend([0, length]);
        places.sort_unstable();
        let chunks: Vec<usize> = places.iter().zip(places.iter().skip(1)).map(|(from, to)| to - from).collect();
        let (mut whole, mut cut) = (Stream::new(), Stream::new());
        property(whole.run(&request, &[length], false, "approved"))?;
        property(cut.run(&request, &chunks, trailers, "approved"))?;
        prop_assert_eq!(whole.verdict(), cut.verdict());
    }
}
