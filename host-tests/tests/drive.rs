//! The loop between a gateway and a session, over a gateway that fails at any point and brings events in any order: a stream has
//! one end, nothing goes upstream without an allow on the record, and nothing is done that was not written before.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::Result;
use countersign_engine::drive::{Complaint, Drive, Flow, Host, Leg, Unable};
use countersign_engine::record::Line;
use countersign_engine::reply::Reply;
use countersign_engine::{Engine, Session};
use countersign_facts::calls::{Call, CallFailure, CallOutcome};
use countersign_facts::headers::{HeaderEdit, Headers, RequestHead};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::{Ledger, MemoryLedger};
use countersign_facts::reason::LineKind;
use countersign_host_tests::drivers::native::{asked, outcome, ready};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::{Approver, Send};
use countersign_host_tests::scenario::request::{Earlier, Request};
use countersign_tokens::UnixTime;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::json;

const NOW_SECS: u64 = 1_800_000_000;

/// The engine under `base`, its keys installed.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| engine().unwrap_or_else(|error| fail(&error)));

/// A call that is allowed, and one that people are asked about.
static REQUESTS: LazyLock<Vec<Request>> = LazyLock::new(|| requests().unwrap_or_else(|error| fail(&error)));

#[expect(clippy::panic, reason = "without them there is nothing to test")]
fn fail<T>(error: &anyhow::Error) -> T {
    panic!("{error:#}")
}

fn engine() -> Result<Arc<Engine>> {
    let scenario = serde_json::from_value(json!({ "name": "drive" }))?;
    ready(&Library::read()?.configuration(&scenario)?, UnixTime::from_secs(NOW_SECS))
}

fn requests() -> Result<Vec<Request>> {
    let sends = [json!({}), json!({ "call": "transfer", "arguments": { "amount": 500, "currency": "EUR" } })];
    sends
        .into_iter()
        .map(|send| Request::of(&serde_json::from_value::<Send>(send)?, NOW_SECS, &Earlier::default()))
        .collect()
}

/// What a gateway may not do.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    head: bool,
    trailers: bool,
    response_head: bool,
    body: bool,
    edit: bool,
    replace: bool,
    dispatch: bool,
}

/// What was done with the stream, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Done {
    Wrote(LineKind),
    Edited(Leg),
    Replaced,
    Replied,
    Reset(Leg),
    Called,
}

struct Gateway<'a> {
    request: &'a Request,
    faults: Faults,
    now: UnixTime,
    ledger: MemoryLedger,
    body: Vec<u8>,
    chunk: Vec<u8>,
    received: Option<u64>,
    calls: Vec<Call>,
    done: Vec<Done>,
    complaints: Vec<Complaint>,
}

impl<'a> Gateway<'a> {
    /// Which has received so many bytes of `request`.
    fn new(request: &'a Request, faults: Faults, received: u64) -> Self {
        Self {
            request,
            faults,
            now: UnixTime::from_secs(NOW_SECS),
            ledger: MemoryLedger::new(64),
            body: Vec::new(),
            chunk: Vec::new(),
            received: Some(received),
            calls: Vec::new(),
            done: Vec::new(),
            complaints: Vec::new(),
        }
    }
}

fn able<T>(fails: bool, value: T) -> Result<T, Unable> {
    if fails { Err(Unable) } else { Ok(value) }
}

impl Host for Gateway<'_> {
    fn now(&self) -> UnixTime {
        self.now
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        None
    }

    fn ledger(&mut self) -> &mut dyn Ledger {
        &mut self.ledger
    }

    fn request_head(&mut self, end: bool, _route: bool) -> Result<RequestHead, Unable> {
        let headers = Headers::new(self.request.head());
        able(self.faults.head, RequestHead { headers, end, ..RequestHead::default() })
    }

    fn request_trailers(&mut self) -> Result<Headers, Unable> {
        able(self.faults.trailers, Headers::new(vec![("x-checksum".to_owned(), b"none".to_vec())]))
    }

    fn response_head(&mut self) -> Result<Headers, Unable> {
        let fields = [(":status", "200"), ("content-type", "application/json")];
        let headers = fields.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
        able(self.faults.response_head, headers)
    }

    fn body(&mut self, leg: Leg, start: usize, length: usize) -> Result<Vec<u8>, Unable> {
        let held = match leg {
            Leg::Request => &self.body,
            Leg::Response => &self.chunk,
        };
        let bytes = held.get(start..).and_then(|rest| rest.get(..length)).ok_or(Unable)?;
        able(self.faults.body, bytes.to_vec())
    }

    fn received(&mut self) -> Option<u64> {
        self.received
    }

    fn write(&mut self, line: &Line) {
        self.done.push(Done::Wrote(line.kind));
    }

    fn dispatch(&mut self, call: &Call) -> Result<(), CallFailure> {
        if self.faults.dispatch {
            return Err(CallFailure::NotDispatched);
        }
        self.done.push(Done::Called);
        self.calls.push(call.clone());
        Ok(())
    }

    fn edit(&mut self, leg: Leg, _edits: &[HeaderEdit]) -> Result<(), Unable> {
        self.done.push(Done::Edited(leg));
        able(self.faults.edit, ())
    }

    fn replace(&mut self, _size: usize, _bytes: &[u8]) -> Result<(), Unable> {
        self.done.push(Done::Replaced);
        able(self.faults.replace, ())
    }

    fn reply(&mut self, _reply: &Reply) {
        self.done.push(Done::Replied);
    }

    fn reset(&mut self, leg: Leg) {
        self.done.push(Done::Reset(leg));
    }

    fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }
}

/// What happens on a stream, or to it.
#[derive(Clone, Copy, Debug)]
enum Event {
    Head {
        end: bool,
    },
    /// So many bytes more of the request's body.
    Body {
        more: usize,
        end: bool,
    },
    Trailers,
    ResponseHead {
        end: bool,
    },
    ResponseBody {
        size: usize,
        end: bool,
    },
    /// The newest call is answered, well or not.
    Answered {
        well: bool,
    },
    /// So many milliseconds pass; bytes may have come that were not handed over.
    Tick {
        millis: u64,
        received: Option<u64>,
    },
    Close,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => any::<bool>().prop_map(|end| Event::Head { end }),
        4 => (0..700_usize, any::<bool>()).prop_map(|(more, end)| Event::Body { more, end }),
        1 => Just(Event::Trailers),
        2 => any::<bool>().prop_map(|end| Event::ResponseHead { end }),
        2 => (0..80_usize, any::<bool>()).prop_map(|(size, end)| Event::ResponseBody { size, end }),
        3 => any::<bool>().prop_map(|well| Event::Answered { well }),
        2 => (1..40_000_u64, proptest::option::of(0..900_u64))
            .prop_map(|(millis, received)| Event::Tick { millis, received }),
        1 => Just(Event::Close),
    ]
}

/// Mostly a gateway that can do everything.
fn faults() -> impl Strategy<Value = Faults> {
    let rarely = || prop::bool::weighted(0.1);
    let all = (rarely(), rarely(), rarely(), rarely(), rarely(), rarely(), rarely());
    all.prop_map(|(head, trailers, response_head, body, edit, replace, dispatch)| Faults {
        head,
        trailers,
        response_head,
        body,
        edit,
        replace,
        dispatch,
    })
}

/// What a stream has been through, as somebody sees who watches the gateway.
struct Watched<'a> {
    drive: Drive,
    gateway: Gateway<'a>,
    released: usize,
}

impl Watched<'_> {
    fn event(&mut self, event: Event) {
        let Self { drive, gateway, .. } = self;
        let flow = match event {
            Event::Head { end } => drive.head(gateway, end),
            Event::Body { more, end } => {
                let sent = gateway.request.body.clone().unwrap_or_default();
                let size = if end { sent.len() } else { gateway.body.len().saturating_add(more).min(sent.len()) };
                gateway.body = sent.get(..size).map(<[u8]>::to_vec).unwrap_or_default();
                drive.body(gateway, size, end)
            }
            Event::Trailers => drive.trailers(gateway),
            Event::ResponseHead { end } => drive.response_head(gateway, end),
            Event::ResponseBody { size, end } => {
                let answer = br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}]}}"#;
                gateway.chunk = answer.iter().copied().take(size).collect();
                let size = gateway.chunk.len();
                drive.response_body(gateway, size, end)
            }
            Event::Answered { well } => {
                let Some(call) = gateway.calls.pop() else { return };
                let answer = if well {
                    Approver::default().react(&asked(&call), gateway.now.secs(), &[]).map(outcome).ok()
                } else {
                    None
                };
                drive.answered(gateway, call.id, answer.unwrap_or(CallOutcome::Failed(CallFailure::NoAnswer)))
            }
            Event::Tick { millis, received } => {
                gateway.now = gateway.now.plus(Duration::from_millis(millis));
                gateway.received = received;
                drive.tick(gateway)
            }
            Event::Close => {
                drive.close(gateway);
                return;
            }
        };
        if flow == Flow::Release {
            self.released += 1;
        }
    }

    fn at(&self, done: &Done) -> Option<usize> {
        self.gateway.done.iter().position(|other| other == done)
    }
}

/// Failures are kept beside this file, to be committed with their mending.
fn config() -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { failure_persistence: Some(Box::new(persistence)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_stream_has_one_end_and_nothing_unrecorded_is_done(
        which in 0..2_usize,
        faults in faults(),
        in_order in any::<bool>(),
        events in prop::collection::vec(event(), 0..24),
    ) {
        let request = REQUESTS.get(which).ok_or_else(|| TestCaseError::fail("no request"))?;
        let gateway = Gateway::new(request, faults, 0);
        let drive = Drive::new(Session::new(Arc::clone(&ENGINE), DecisionId::from_random([7; 16])));
        let mut watched = Watched { drive, gateway, released: 0 };
        let usual = [
            Event::Head { end: false },
            Event::Body { more: 0, end: true },
            Event::Answered { well: true },
            Event::ResponseHead { end: false },
        ];
        for event in usual.into_iter().take(if in_order { 4 } else { 0 }).chain(events) {
            watched.event(event);
        }
        watched.event(Event::Close);
        let done = watched.gateway.done.clone();
        watched.event(Event::Close);
        for event in usual {
            watched.event(event);
        }
        prop_assert_eq!(&watched.gateway.done, &done, "after the end");

        let count = |wanted: &dyn Fn(&Done) -> bool| done.iter().filter(|one| wanted(one)).count();
        let decisions = count(&|one| matches!(one, Done::Wrote(kind) if *kind != LineKind::Ended));
        prop_assert!(decisions <= 1 && watched.released <= 1, "{:?}", done);
        prop_assert!(count(&|one| matches!(one, Done::Reset(_))) <= 1, "{:?}", done);
        prop_assert!(count(&|one| *one == Done::Replied) <= 1, "{:?}", done);
        let allow = watched.at(&Done::Wrote(LineKind::Allow));
        // What goes upstream is written, and only edited behind it.
        prop_assert!(watched.released == 0 || allow.is_some(), "{:?}", done);
        if let Some(edited) = watched.at(&Done::Edited(Leg::Request)) {
            prop_assert!(allow.is_some_and(|allow| allow < edited), "{:?}", done);
        }
        // Whoever is answered is answered behind a line, and not let go before it but where the response is what cannot pass.
        let replied = watched.at(&Done::Replied);
        if let Some(replied) = replied {
            prop_assert!(matches!(done.get(replied.wrapping_sub(1)), Some(Done::Wrote(_))), "{:?}", done);
        }
        // A request is reset before it went upstream, a response after.
        prop_assert!(watched.at(&Done::Reset(Leg::Request)).is_none() || watched.released == 0, "{:?}", done);
        prop_assert!(watched.at(&Done::Reset(Leg::Response)).is_none() || watched.released == 1, "{:?}", done);
        // A gateway that cannot edit lets nothing go.
        prop_assert!(!faults.edit || watched.released == 0, "{:?}", done);
        // Whoever was heard is on record, also where the gateway failed.
        prop_assert!(decisions == 1 || !in_order || faults.head, "{:?}", done);
        // Behind an end nothing is edited, replaced or asked; what was not decided is written when the stream is over.
        let end = [replied, watched.at(&Done::Reset(Leg::Request)), watched.at(&Done::Reset(Leg::Response))];
        if let Some(end) = end.into_iter().flatten().min() {
            let behind = done.iter().skip(end + 1);
            prop_assert!(behind.clone().all(|one| matches!(one, Done::Wrote(_))), "{:?}", done);
        }
    }
}

/// The gateway holds back the body that a decision waits for: it is told once it is seen, and the request is answered.
#[test]
fn a_gateway_that_withholds_bodies_is_found_out() -> Result<()> {
    let requests = requests()?;
    let Some(request) = requests.first() else { anyhow::bail!("no request") };
    let gateway = Gateway::new(request, Faults::default(), 300);
    let drive = Drive::new(Session::new(Arc::clone(&ENGINE), DecisionId::from_random([7; 16])));
    let mut watched = Watched { drive, gateway, released: 0 };
    watched.event(Event::Head { end: false });
    watched.event(Event::Tick { millis: 200, received: Some(300) });
    assert_eq!((watched.gateway.complaints.as_slice(), watched.gateway.done.as_slice()), (&[][..], &[][..]));
    watched.event(Event::Tick { millis: 200, received: Some(900) });
    assert_eq!(watched.gateway.complaints, [Complaint::BodyWithheld]);
    assert_eq!(watched.gateway.done, [Done::Wrote(LineKind::Deny), Done::Replied]);
    Ok(())
}
