//! What every ledger does, tried on the one in memory and on one over a store that others write meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::stored::{ATTEMPTS, FOLDER};
use super::*;

const MIB: usize = 1024 * 1024;

type Values = BTreeMap<String, Versioned>;

/// The gateway's shared data as ARCHITECTURE H8 describes it.
#[derive(Clone, Default)]
struct Shared(Rc<World>);

#[derive(Default)]
struct World {
    values: RefCell<Values>,
    /// Bytes that went to and fro.
    moved: Cell<usize>,
    /// Writes that came too late.
    lost: Cell<usize>,
    broken: Cell<bool>,
    /// So many of the next writes find that somebody else wrote the same meanwhile.
    meddlers: Cell<usize>,
    /// What other workers do before each of the next operations.
    others: RefCell<VecDeque<Vec<Move>>>,
    /// The answers that they got.
    answers: RefCell<Vec<Answer>>,
}

impl Shared {
    fn ledger(&self) -> StoredLedger<Self> {
        self.sized(64)
    }

    fn sized(&self, mib: usize) -> StoredLedger<Self> {
        StoredLedger::new(self.clone(), Capacity::of_bytes(mib * MIB), Agreed::default())
    }

    fn put(&self, key: &str, value: &[u8]) {
        let cas = self.0.values.borrow().get(key).map_or(1, |found| found.cas + 1);
        self.0.values.borrow_mut().insert(key.to_owned(), Versioned { value: value.to_vec(), cas });
    }

    /// The only bucket that there is.
    fn bucket(&self) -> String {
        let values = self.0.values.borrow();
        let buckets = values.keys().filter(|key| key.starts_with(FOLDER) && !key.ends_with("key"));
        buckets.cloned().collect::<Vec<_>>().join(" and ")
    }

    /// Another worker has its turn, and what it does is done before anything else.
    fn interrupt(&self) {
        let moves = self.0.others.borrow_mut().pop_front().unwrap_or_default();
        for one in moves {
            let waiting = self.0.others.take();
            let answer = one.done(&mut self.ledger());
            self.0.answers.borrow_mut().push(answer);
            self.0.others.replace(waiting);
        }
    }
}

impl Store for Shared {
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.interrupt();
        if self.0.broken.get() {
            return Err(StoreError::Failed);
        }
        let found = self.0.values.borrow().get(key).cloned();
        self.0.moved.update(|moved| moved + found.as_ref().map_or(0, |found| found.value.len()));
        Ok(found)
    }

    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError> {
        assert_ne!(cas, 0, "0 overwrites");
        self.interrupt();
        if self.0.broken.get() {
            return Err(StoreError::Failed);
        }
        self.0.moved.update(|moved| moved + value.len());
        if let Some(left) = self.0.meddlers.get().checked_sub(1) {
            self.0.meddlers.set(left);
            let same = self.0.values.borrow().get(key).map(|found| found.value.clone());
            self.put(key, &same.unwrap_or_else(|| value.to_vec()));
        }
        if self.0.values.borrow().get(key).is_some_and(|found| found.cas != cas) {
            self.0.lost.update(|lost| lost + 1);
            return Err(StoreError::Changed);
        }
        self.put(key, value);
        Ok(())
    }

    fn random(&self) -> Option<[u8; 32]> {
        (!self.0.broken.get()).then_some([9; 32])
    }
}

fn entry(workload: u8, key: u8) -> Entry {
    Entry { partition: [workload; 32], key: [key; 32], limit: 1, ends: Ends::Variously, room: Room::Needed }
}

fn numbered(workload: u8, number: usize) -> Entry {
    let mut entry = entry(workload, 0);
    entry.key.iter_mut().zip(number.to_le_bytes()).for_each(|(stored, byte)| *stored = byte);
    entry
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// The test on every kind of ledger.
fn on_each(test: impl Fn(&mut dyn Ledger)) {
    test(&mut MemoryLedger::of(Capacity::of_bytes(64 * MIB)));
    test(&mut Shared::default().ledger());
}

#[test]
fn a_thing_is_spent_once_until_it_expires() {
    on_each(|ledger| {
        assert_eq!(ledger.is_spent(at(0), &entry(1, 1)), Ok(false));
        assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
        assert_eq!(ledger.spend(at(9), &entry(1, 1), at(99)), Ok(Spent::Before));
        assert_eq!(ledger.is_spent(at(9), &entry(1, 1)), Ok(true));
        assert_eq!(ledger.is_spent(at(9), &entry(1, 2)), Ok(false));
        assert_eq!(ledger.is_spent(at(9), &entry(2, 1)), Ok(false));
        assert_eq!(ledger.is_spent(at(9), &Entry { room: Room::Spare, ..entry(1, 1) }), Ok(false));
        assert_eq!(ledger.is_spent(at(10), &entry(1, 1)), Ok(false));
        assert_eq!(ledger.spend(at(10), &entry(1, 1), at(20)), Ok(Spent::Now));
    });
}

#[test]
fn a_thing_that_may_be_used_often_is_used_so_often() {
    on_each(|ledger| {
        let thrice = Entry { limit: 3, ..entry(1, 1) };
        for (now, until, expected) in [
            (0, 10, Spent::Now),
            (1, 10, Spent::Now),
            (2, 20, Spent::Now),
            (3, 20, Spent::Before),
            // Two uses are forgotten.
            (10, 20, Spent::Now),
            (11, 30, Spent::Now),
            (12, 30, Spent::Before),
        ] {
            assert_eq!(ledger.spend(at(now), &thrice, at(until)), Ok(expected), "{now}");
        }
        assert_eq!(ledger.is_spent(at(12), &thrice), Ok(true));
        assert_eq!(ledger.is_spent(at(20), &thrice), Ok(false));
        assert_eq!(ledger.is_spent(at(12), &Entry { limit: 4, ..thrice }), Ok(false));
        assert_eq!(ledger.spend(at(12), &Entry { limit: 4, ..thrice }, at(30)), Ok(Spent::Now));
    });
}

#[test]
fn what_is_given_back_was_not_used() {
    on_each(|ledger| {
        let twice = Entry { limit: 2, ..entry(1, 1) };
        assert_eq!(ledger.spend(at(0), &twice, at(10)), Ok(Spent::Now));
        assert_eq!(ledger.spend(at(0), &twice, at(20)), Ok(Spent::Now));
        // Of another time, of another's, of another thing.
        for (other, until) in [(entry(1, 1), at(30)), (entry(2, 1), at(20)), (entry(1, 2), at(20))] {
            assert_eq!(ledger.give_back(&other, until), Ok(()));
            assert_eq!(ledger.is_spent(at(0), &twice), Ok(true));
        }
        assert_eq!(ledger.give_back(&twice, at(20)), Ok(()));
        assert_eq!(ledger.is_spent(at(0), &twice), Ok(false));
        assert_eq!(ledger.is_spent(at(9), &entry(1, 1)), Ok(true));
        assert_eq!(ledger.is_spent(at(10), &entry(1, 1)), Ok(false));
        assert_eq!(ledger.give_back(&twice, at(10)), Ok(()));
        assert_eq!(ledger.is_spent(at(0), &entry(1, 1)), Ok(false));
        // There is nothing left to give back.
        assert_eq!(ledger.give_back(&twice, at(10)), Ok(()));
        assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    });
}

#[test]
fn what_is_given_back_is_nobody_elses() {
    let shared = Shared::default();
    let twice = Entry { limit: 2, ..entry(1, 1) };
    assert_eq!(shared.ledger().spend(at(0), &twice, at(10)), Ok(Spent::Now));
    assert_eq!(shared.ledger().spend(at(0), &twice, at(10)), Ok(Spent::Now));
    shared.0.meddlers.set(ATTEMPTS);
    assert_eq!(shared.ledger().give_back(&twice, at(10)), Err(LedgerError::Unavailable));
    assert_eq!(shared.ledger().is_spent(at(0), &twice), Ok(true));
    shared.0.meddlers.set(ATTEMPTS - 1);
    assert_eq!(shared.ledger().give_back(&twice, at(10)), Ok(()));
    assert_eq!(shared.ledger().is_spent(at(0), &twice), Ok(false));
    assert_eq!(shared.ledger().is_spent(at(0), &entry(1, 1)), Ok(true));
    // It makes room again, and a worker that looked before sees that it changed.
    let mut other = shared.ledger();
    assert_eq!(other.is_spent(at(0), &twice), Ok(false));
    assert_eq!(shared.ledger().give_back(&twice, at(10)), Ok(()));
    assert_eq!(other.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    assert_eq!(other.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Before));
}

#[test]
fn ten_thousand_things_of_one_workload_are_remembered_at_a_time() {
    on_each(|ledger| {
        for number in 0..10_000 {
            assert_eq!(ledger.spend(at(0), &numbered(1, number), at(1000)), Ok(Spent::Now), "{number}");
        }
        for number in 0..10_000 {
            assert_eq!(ledger.is_spent(at(999), &numbered(1, number)), Ok(true), "{number}");
        }
    });
}

/// In a ledger of four in a bucket it takes a while; whoever holds nothing is let in all the same.
#[test]
fn a_full_ledger_refuses_who_holds_most() {
    let mut ledger = MemoryLedger::new(4);
    let refused = (0..60_000).filter(|&number| {
        let answer = ledger.spend(at(0), &numbered(1, number), at(1000));
        assert!(matches!(answer, Ok(Spent::Now) | Err(LedgerError::Full)), "{answer:?}");
        answer.is_err()
    });
    let held = 60_000 - refused.count();
    assert!((28_000..=32_768).contains(&held), "{held}");
    // Nothing that was spent is unspent because others came.
    let spent = |ledger: &mut MemoryLedger| {
        let spent = (0..60_000).filter(|&number| ledger.is_spent(at(1), &numbered(1, number)) == Ok(true));
        spent.count()
    };
    assert_eq!(spent(&mut ledger), held);
    for workload in 2..200 {
        assert_eq!(ledger.spend(at(1), &entry(workload, workload), at(1000)), Ok(Spent::Now), "{workload}");
    }
    assert_eq!(spent(&mut ledger), held);
}

#[test]
fn a_request_moves_at_most_16_kib_however_full_the_ledger_is() {
    let shared = Shared::default();
    let mut ledger = shared.ledger();
    assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    let (bucket, full) = (shared.bucket(), 211);
    let mut value = shared.0.values.borrow().get(&bucket).map(|found| found.value.clone()).unwrap_or_default();
    let slot: Vec<u8> = value.iter().skip(9).copied().collect();
    // Uses of the same thing, so that one more finds room.
    (1..full).for_each(|_| value.extend_from_slice(&slot));
    shared.put(&bucket, &value);
    shared.0.moved.set(0);
    // It is looked at with the head, again with the body, and spent.
    let often = Entry { limit: 1000, ..entry(1, 1) };
    assert_eq!(ledger.is_spent(at(1), &often), Ok(false));
    ledger.rest();
    assert_eq!(ledger.is_spent(at(1), &often), Ok(false));
    assert_eq!(ledger.spend(at(1), &often, at(10)), Ok(Spent::Now));
    let moved = shared.0.moved.get();
    println!("{moved} bytes");
    assert!(moved > 3 * 3800 && moved <= 16 * 1024, "{moved}");
}

#[test]
fn another_workers_ledger_sees_what_was_spent() {
    let shared = Shared::default();
    assert_eq!(shared.ledger().spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    assert_eq!(shared.ledger().spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Before));
    // Whatever size it is configured to have.
    assert_eq!(shared.sized(8).spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Before));
    assert_eq!(shared.sized(128).is_spent(at(0), &entry(1, 1)), Ok(true));
}

#[test]
fn writers_in_between_are_retried_and_never_overwritten() {
    let shared = Shared::default();
    assert_eq!(shared.ledger().spend(at(0), &entry(1, 3), at(10)), Ok(Spent::Now));
    let often = Entry { limit: 100, ..entry(1, 3) };
    shared.0.meddlers.set(ATTEMPTS - 1);
    assert_eq!(shared.ledger().spend(at(0), &often, at(10)), Ok(Spent::Now));
    shared.0.meddlers.set(ATTEMPTS);
    assert_eq!(shared.ledger().spend(at(0), &often, at(10)), Err(LedgerError::Unavailable));
    for (most, spent) in [(2, true), (3, false)] {
        assert_eq!(shared.ledger().is_spent(at(0), &Entry { limit: most, ..often }), Ok(spent));
    }
}

/// What a session looked at is not what it goes by when it spends.
#[test]
fn what_was_looked_at_may_have_changed_since() {
    let shared = Shared::default();
    let (mut one, mut other) = (shared.ledger(), shared.ledger());
    assert_eq!(one.is_spent(at(0), &entry(1, 1)), Ok(false));
    assert_eq!(other.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    assert_eq!(one.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Before));
}

#[test]
fn workers_agree_on_one_key() {
    let shared = Shared::default();
    let first = Move { now: 0, until: 10, key: 1, limit: 1 };
    // Both are about to make one.
    shared.0.others.replace([vec![], vec![first]].into());
    assert_eq!(shared.ledger().spend(at(0), &first.entry(), at(10)), Ok(Spent::Before));
    let keys = shared.0.values.borrow().keys().filter(|name| name.ends_with("/key")).count();
    assert_eq!(keys, 1);
}

#[test]
fn what_cannot_be_read_is_unavailable() {
    let good = Shared::default();
    assert_eq!(good.ledger().spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    let key = format!("{FOLDER}/key");
    for name in [good.bucket(), key] {
        for bad in [&b""[..], b"csl1", b"csk3short", b"csl2\0\0\0\0\0"] {
            let shared = Shared::default();
            shared.0.values.replace(good.0.values.borrow().clone());
            shared.put(&name, bad);
            let before = shared.0.values.borrow().clone();
            let mut ledger = shared.ledger();
            assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Err(LedgerError::Unavailable), "{name} {bad:?}");
            assert_eq!(ledger.is_spent(at(0), &entry(1, 1)), Err(LedgerError::Unavailable));
            assert_eq!(*shared.0.values.borrow(), before, "left as it was");
        }
    }
    good.0.broken.set(true);
    let mut ledger = good.ledger();
    assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Err(LedgerError::Unavailable));
    assert_eq!(ledger.is_spent(at(0), &entry(1, 1)), Err(LedgerError::Unavailable));
}

/// The format before this one had its buckets one folder up. Both may run at once while a gateway is updated.
#[test]
fn what_another_version_wrote_is_neither_read_nor_written() {
    let shared = Shared::default();
    for bucket in 0..1024 {
        shared.put(&format!("countersign/ledger/{bucket}"), b"csl2");
    }
    for number in 0..2000 {
        assert_eq!(shared.ledger().spend(at(0), &numbered(1, number), at(10)), Ok(Spent::Now));
        assert_eq!(shared.ledger().spend(at(0), &numbered(1, number), at(10)), Ok(Spent::Before));
    }
    let values = shared.0.values.borrow();
    for bucket in 0..1024 {
        let found = values.get(&format!("countersign/ledger/{bucket}"));
        assert_eq!(found, Some(&Versioned { value: b"csl2".to_vec(), cas: 1 }));
    }
}

/// What a gateway's data looks like to a worker that has its own clock, and in whose operations others come in between.
#[derive(Clone, Copy, Debug)]
struct Move {
    now: u64,
    until: u64,
    key: u8,
    limit: u32,
}

/// What it was answered.
#[derive(Clone, Copy, Debug)]
struct Answer {
    to: Move,
    answer: Result<Spent, LedgerError>,
}

impl Move {
    fn entry(self) -> Entry {
        Entry { limit: self.limit, ..entry(self.key % 3, self.key) }
    }

    fn done(self, ledger: &mut dyn Ledger) -> Answer {
        // Some look first, as sessions do.
        if self.key.is_multiple_of(2) {
            let spent = ledger.is_spent(at(self.now), &self.entry());
            if spent == Ok(true) {
                return Answer { to: self, answer: Ok(Spent::Before) };
            }
        }
        Answer { to: self, answer: ledger.spend(at(self.now), &self.entry(), at(self.until)) }
    }
}

/// All that was answered, in the order in which it was.
fn check(answers: &[Answer], clock_steps: u64) -> Result<(), TestCaseError> {
    let mut spent: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
    let mut latest = 0;
    for Answer { to, answer } in answers {
        let uses = spent.entry(to.key).or_default();
        let live = uses.iter().filter(|until| **until > to.now).count() as u64;
        let limit = u64::from(to.limit);
        match answer {
            Ok(Spent::Now) => {
                prop_assert!(live < limit, "{to:?} was used {live} times: {answers:?}");
                uses.push(to.until);
            }
            Ok(Spent::Before) => prop_assert!(live >= limit, "{to:?} was refused: {answers:?}"),
            Err(LedgerError::Unavailable) => {
                prop_assert!(clock_steps > 2 && latest > to.now + 2, "{to:?} was not answered: {answers:?}");
            }
            Err(LedgerError::Full) => prop_assert!(false, "{to:?} found no room: {answers:?}"),
        }
        latest = latest.max(to.now);
    }
    Ok(())
}

fn moves(clock_steps: u64, count: usize) -> impl Strategy<Value = Vec<Move>> {
    let one = (0..4_u64, 0..=clock_steps, 0..20_u64, 0..6_u8, 1..4_u32);
    prop::collection::vec(one, 1..count).prop_map(|several| {
        let mut now = 1000;
        let moves = several.into_iter().map(|(forward, back, lives, key, limit)| {
            now = now + forward * 3 - back.min(now - 1);
            Move { now, until: now + lives, key, limit: if key < 3 { 1 } else { limit } }
        });
        moves.collect()
    })
}

/// How often a property is tried.
fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    /// One after the other: every ledger answers as a list would that forgets nothing, or not at all after the clock was set back.
    #[test]
    fn every_ledger_answers_as_the_model_does(moves in moves(0, 60), steps in moves(9, 60)) {
        for (moves, clock_steps) in [(moves, 0), (steps, 9)] {
            let mut ledgers: [Box<dyn Ledger>; 2] =
                [Box::new(MemoryLedger::new(211)), Box::new(Shared::default().ledger())];
            for ledger in &mut ledgers {
                let answers = moves.iter().map(|one| one.done(ledger.as_mut())).collect::<Vec<_>>();
                check(&answers, clock_steps)?;
            }
        }
    }

    /// Others come between any two operations on the store, and do as much as they like.
    #[test]
    fn nothing_is_spent_too_often_whoever_comes_between(
        moves in moves(0, 30),
        others in prop::collection::vec(prop::collection::vec((0..6_u8, 1..4_u32, 0..20_u64), 0..3), 0..120),
    ) {
        let shared = Shared::default();
        let mut others: VecDeque<_> = others.into();
        let mut ledger = shared.ledger();
        for one in moves {
            let between = others.drain(..others.len().min(4)).map(|several| {
                let several = several.into_iter().map(|(key, limit, lives)| {
                    Move { now: one.now, until: one.now + lives, key, limit: if key < 3 { 1 } else { limit } }
                });
                several.collect()
            });
            shared.0.others.replace(between.collect());
            let answer = one.done(&mut ledger);
            shared.0.others.take();
            shared.0.answers.borrow_mut().push(answer);
        }
        check(&shared.0.answers.borrow(), 0)?;
    }
}

/// Values that threads share.
#[derive(Clone, Default)]
struct Threads(Arc<Mutex<Values>>);

impl Store for Threads {
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        thread::yield_now();
        Ok(found)
    }

    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match values.get(key) {
            Some(found) if found.cas != cas => return Err(StoreError::Changed),
            found => found.map_or(1, |found| found.cas + 1),
        };
        values.insert(key.to_owned(), Versioned { value: value.to_vec(), cas: number });
        Ok(())
    }

    /// Not the same for everybody.
    fn random(&self) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        let name = format!("{:?}", thread::current().id());
        bytes.iter_mut().zip(name.bytes().rev()).for_each(|(stored, byte)| *stored = byte);
        Some(bytes)
    }
}

#[test]
fn threads_at_once_use_a_thing_as_often_as_it_may_be() {
    const THREADS: usize = 6;
    const THINGS: usize = 300;
    let shared = Threads::default();
    let work = |shared: Threads| {
        let mut ledger = StoredLedger::new(shared, Capacity::of_bytes(8 * MIB), Agreed::default());
        let mut used = vec![0; THINGS];
        for _ in 0..2 {
            for (number, used) in used.iter_mut().enumerate() {
                let thrice = Entry { limit: 3, ..numbered(1, number) };
                match ledger.spend(at(0), &thrice, at(10)) {
                    Ok(Spent::Now) => *used += 1,
                    // Too many at once: it was not used.
                    Ok(Spent::Before) | Err(LedgerError::Unavailable | LedgerError::Full) => {}
                }
            }
        }
        used
    };
    let used: Vec<Vec<u32>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| work(shared.clone()))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    assert_eq!(used.len(), THREADS);
    let totals: BTreeSet<u32> =
        (0..THINGS).map(|number| used.iter().filter_map(|used| used.get(number)).sum()).collect();
    assert_eq!(totals, BTreeSet::from([3]));
}

#[test]
fn the_end_is_never_early() {
    // Durations that are smaller than what is written are not lost.
    let mut ledger = MemoryLedger::new(16);
    let until = at(5).plus(Duration::from_micros(1));
    assert_eq!(ledger.spend(at(0), &entry(1, 1), until), Ok(Spent::Now));
    assert_eq!(ledger.is_spent(at(5), &entry(1, 1)), Ok(true));
    assert_eq!(ledger.is_spent(at(5).plus(Duration::from_millis(10)), &entry(1, 1)), Ok(false));
}
