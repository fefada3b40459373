//! What the contexts of one worker share: the held streams, the calls in flight, the background.
//!
//! Never pauses or resumes a stream itself, and holds neither the streams nor the calls while a stream runs.

mod succession;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use countersign_engine::{Background, BackgroundInput, Effect, Engine, Level};
use countersign_facts::calls::{Call, CallFailure, CallId, CallOutcome};
use countersign_facts::ledger::{Agreed, StoredLedger};
use countersign_tokens::UnixTime;
use proxy_wasm::types::LogLevel;

use self::succession::Line;
pub(crate) use self::succession::join;
use crate::calls::{Calls, Owner};
use crate::host;
use crate::stats::{Metric, Stats};

/// How often waits are looked at: the gateway has no timers per stream (ARCHITECTURE H9).
const TICK: Duration = Duration::from_millis(200);

/// For how long a bundle is loaded in one go, and how often while there is one; a step that was begun is finished.
const TURN: Duration = Duration::from_millis(10);
const BETWEEN_TURNS: Duration = Duration::from_millis(20);

/// How often streams hear of the time while more of them have something to do than fit into a tick.
const SOON: Duration = Duration::from_millis(1);

/// How long to stay silent after a complaint that would otherwise come with every request.
const SILENCE: Duration = Duration::from_mins(1);

/// What the gateway is asked for in one tick. It does all of it when the tick is over, each thing inside
/// the one before it, as every answer calls the module again: the stack of Envoy's virtual machine holds some 300 (measured).
const AT_ONCE: usize = 16;

/// A stream that waits for something: for an answer, or for time to pass. It is the effective context whenever it is told.
pub(crate) trait Waiting {
    /// The outcome of a call of its own, late or not.
    fn answered(&mut self, id: CallId, outcome: CallOutcome);

    /// Time passed.
    fn tick(&mut self);

    /// Whether time matters to it.
    fn wants_ticks(&self) -> bool;
}

/// The shared state of one root context.
pub(crate) struct Worker {
    root: u32,
    configured: RefCell<Option<Configured>>,
    streams: RefCell<BTreeMap<u32, Rc<RefCell<dyn Waiting>>>>,
    calls: RefCell<Calls>,
    /// What the gateway was asked for since the last tick began.
    moves: Cell<usize>,
    /// The stream that the next tick begins with, where the last one did not come to the end.
    left_off: Cell<Option<u32>>,
    complained: Cell<Option<UnixTime>>,
    /// How often it ticks.
    pace: Cell<Duration>,
    /// The root contexts of the same plugin, this one among them.
    line: OnceCell<Rc<Line>>,
    /// How all workers name what is spent.
    pub(crate) agreed: Agreed,
    pub(crate) stats: Stats,
}

struct Configured {
    engine: Arc<Engine>,
    background: Background,
    /// Counts configurations, so that answers to an older one's background are told apart.
    generation: u32,
    started: bool,
}

impl Worker {
    /// Without a configuration yet.
    pub(crate) fn new(root: u32) -> Self {
        Self {
            root,
            configured: RefCell::new(None),
            streams: RefCell::default(),
            calls: RefCell::default(),
            moves: Cell::new(0),
            left_off: Cell::new(None),
            complained: Cell::new(None),
            pace: Cell::new(TICK),
            line: OnceCell::new(),
            agreed: Agreed::default(),
            stats: Stats::default(),
        }
    }

    /// From now on `engine` decides, also about what is held.
    pub(crate) fn install(&self, engine: Engine) {
        self.pace.set(TICK);
        host::tick_every(TICK);
        let engine = Arc::new(engine);
        let background = Background::new(Arc::clone(&engine), jitter());
        let mut configured = self.configured.borrow_mut();
        let generation = configured.as_ref().map_or(0, |old| old.generation.wrapping_add(1));
        *configured = Some(Configured { engine, background, generation, started: false });
        drop(configured);
        self.abandon(Owner::Background(generation.wrapping_sub(1)));
    }

    /// It is one of these from now on.
    pub(crate) fn belong(&self, line: Rc<Line>) {
        // To the same as before, where it is configured again.
        let _ = self.line.set(line);
    }

    /// The engine that decides now: that of the newest configuration.
    pub(crate) fn engine(&self) -> Option<Arc<Engine>> {
        match self.successor() {
            Some(newest) => newest.own_engine(),
            None => self.own_engine(),
        }
    }

    fn own_engine(&self) -> Option<Arc<Engine>> {
        self.configured.borrow().as_ref().map(|configured| Arc::clone(&configured.engine))
    }

    /// Who decides in place of this one, if it is superseded.
    fn successor(&self) -> Option<Rc<Self>> {
        self.line.get()?.newest().filter(|newest| newest.root != self.root)
    }

    /// From now on `stream` gets answers and ticks.
    pub(crate) fn enlist(&self, context: u32, stream: Rc<RefCell<dyn Waiting>>) {
        self.streams.borrow_mut().insert(context, stream);
    }

    /// From now on the stream gets nothing.
    pub(crate) fn delist(&self, context: u32) {
        self.streams.borrow_mut().remove(&context);
    }

    /// `owner` is gone: what it asked for is of no use any more.
    pub(crate) fn abandon(&self, owner: Owner) {
        let abandoned = self.calls.borrow_mut().forget(owner);
        if abandoned > 0 {
            self.stats.add(Metric::AbandonedCalls, i64::try_from(abandoned).unwrap_or(i64::MAX));
        }
    }

    /// Makes a call; its answer will come to [`Worker::answered`].
    pub(crate) fn dispatch(&self, owner: Owner, call: &Call) -> Result<(), CallFailure> {
        let token = host::dispatch(call)?;
        self.calls.borrow_mut().add(token, owner, call.id);
        Ok(())
    }

    /// An answer arrived, at whichever context: brings it to who asked, or drops it.
    pub(crate) fn answered(&self, token: u32, headers: usize, body_size: usize) {
        let asked = self.calls.borrow_mut().take(token);
        match asked {
            Some((Owner::Stream(context), id)) => {
                let stream = self.streams.borrow().get(&context).map(Rc::clone);
                match stream {
                    Some(stream) => {
                        let outcome = host::answer(headers, body_size);
                        if host::focus(context).is_ok() {
                            stream.borrow_mut().answered(id, outcome);
                        }
                    }
                    None => self.stats.add(Metric::LateAnswers, 1),
                }
            }
            Some((Owner::Background(generation), id)) if self.generation() == Some(generation) => {
                let outcome = host::answer(headers, body_size);
                if host::focus(self.root).is_ok() {
                    self.background(BackgroundInput::CallDone(id, outcome));
                }
            }
            Some((Owner::Background(_), _)) | None => self.stats.add(Metric::LateAnswers, 1),
        }
    }

    /// Time passed. The gateway made the root the effective context.
    pub(crate) fn tick(&self) {
        let left_off = self.left_off.take();
        // Nobody decides by what a superseded configuration would fetch.
        let fetches = self.successor().is_none();
        if fetches && left_off.is_none() {
            self.background(BackgroundInput::Tick);
            self.load();
        }
        self.tell_streams(left_off.unwrap_or_default());
        let pace = match self.left_off.get() {
            Some(_) => SOON,
            None if fetches && self.is_loading() => BETWEEN_TURNS,
            None => TICK,
        };
        if self.pace.get() != pace && host::focus(self.root).is_ok() {
            self.pace.set(pace);
            host::tick_every(pace);
        }
    }

    /// Tells the streams from the context `next` on that time passed, until there is enough to do; the rest hear it next time.
    fn tell_streams(&self, mut next: u32) {
        self.moves.set(0);
        while let Some((context, stream)) = self.first_from(next) {
            if self.moves.get() >= AT_ONCE {
                self.left_off.set(Some(context));
                return;
            }
            if stream.borrow().wants_ticks() {
                match host::focus(context) {
                    Ok(()) => stream.borrow_mut().tick(),
                    Err(_) => self.delist(context),
                }
            }
            let Some(following) = context.checked_add(1) else { break };
            next = following;
        }
    }

    /// The gateway is asked to do something for a stream.
    pub(crate) fn count_move(&self) {
        self.moves.set(self.moves.get().saturating_add(1));
    }

    /// The first stream whose context is at least `context`.
    fn first_from(&self, context: u32) -> Option<(u32, Rc<RefCell<dyn Waiting>>)> {
        self.streams.borrow().range(context..).next().map(|(context, stream)| (*context, Rc::clone(stream)))
    }

    /// Loads a little more of a bundle, if there is one to load: requests are served before the rest is.
    fn load(&self) {
        let began = host::now();
        while self.is_loading() && host::now().since(began) < TURN {
            self.background(BackgroundInput::Load);
        }
    }

    fn is_loading(&self) -> bool {
        self.configured.borrow().as_ref().is_some_and(|configured| configured.background.is_loading())
    }

    /// Logs what would come with every request, at most once a minute.
    pub(crate) fn complain(&self, now: UnixTime, text: &str) {
        if self.complained.get().is_none_or(|last| now.since(last) >= SILENCE) {
            self.complained.set(Some(now));
            host::log(LogLevel::Error, text);
        }
    }

    fn generation(&self) -> Option<u32> {
        self.configured.borrow().as_ref().map(|configured| configured.generation)
    }

    /// Feeds the background and does what it asks for. A refused dispatch is fed back like any other outcome.
    fn background(&self, input: BackgroundInput) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut configured = self.configured.borrow_mut();
            let Some(configured) = configured.as_mut() else { return };
            for effect in configured.handle(input) {
                match effect {
                    Effect::Call(call) => {
                        if let Err(failed) = self.dispatch(Owner::Background(configured.generation), &call) {
                            inputs.push(BackgroundInput::CallDone(call.id, CallOutcome::Failed(failed)));
                        }
                    }
                    Effect::Install { engine, revision } => {
                        configured.engine = engine;
                        self.stats.set(Metric::BundleRevision, revision);
                        self.stats.add(Metric::BundlesInstalled, 1);
                    }
                    Effect::BundleAge(age) => self.stats.set(Metric::BundleAge, age.as_secs()),
                    Effect::Refused => self.stats.add(Metric::BundlesRefused, 1),
                    Effect::Log(notice) => {
                        let level = match notice.level {
                            Level::Info => LogLevel::Info,
                            Level::Warn => LogLevel::Warn,
                            Level::Error => LogLevel::Error,
                        };
                        host::log(level, &notice.text);
                    }
                }
            }
        }
    }
}

/// Where a worker stands in what many would do at the same time; without randomness they do.
fn jitter() -> u16 {
    host::random().map_or(0, u16::from_le_bytes)
}

impl Configured {
    /// The first tick is the start: calls cannot be made while the gateway is still configuring.
    fn handle(&mut self, input: BackgroundInput) -> Vec<Effect> {
        let input = if self.started { input } else { BackgroundInput::Start };
        self.started = true;
        // What it posts is not in a bucket.
        let mut ledger = StoredLedger::new(host::SharedData, self.engine.limits().ledger, Agreed::default());
        self.background.handle(host::now(), input, &mut ledger)
    }
}
