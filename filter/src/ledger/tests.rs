#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

/// The gateway's shared data as DESIGN H8 describes it, with another writer that gets in between `meddle` times.
#[derive(Default)]
struct Memory {
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    meddle: usize,
    broken: bool,
}

impl Store for &mut Memory {
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        if self.broken {
            return Err(StoreError::Failed);
        }
        let values = self.values.borrow();
        Ok(values.get(key).map(|(value, cas)| Versioned { value: value.clone(), cas: *cas }))
    }

    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError> {
        assert_ne!(cas, 0, "0 overwrites");
        if self.meddle > 0 {
            self.meddle -= 1;
            let mut values = self.values.borrow_mut();
            let (_, number) = values.entry(key.to_owned()).or_insert_with(|| (encode(&[]), 0));
            *number += 1;
        }
        let mut values = self.values.borrow_mut();
        match values.get(key) {
            Some((_, current)) if *current != cas => Err(StoreError::Changed),
            current => {
                let next = current.map_or(1, |(_, number)| number + 1);
                values.insert(key.to_owned(), (value.to_vec(), next));
                Ok(())
            }
        }
    }
}

fn entry(workload: u8, key: u8) -> Entry {
    Entry { partition: [workload; 32], key: [key; 32], limit: 1 }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

#[test]
fn a_thing_is_spent_once_until_it_expires() {
    let mut memory = Memory::default();
    let mut ledger = SharedLedger::new(&mut memory, 10);
    assert_eq!(ledger.is_spent(at(0), &entry(1, 1)), Ok(false));
    assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    assert_eq!(ledger.spend(at(9), &entry(1, 1), at(99)), Ok(Spent::Before));
    assert_eq!(ledger.is_spent(at(9), &entry(1, 1)), Ok(true));
    assert_eq!(ledger.is_spent(at(9), &entry(1, 2)), Ok(false));
    assert_eq!(ledger.is_spent(at(9), &entry(2, 1)), Ok(false));
    assert_eq!(ledger.is_spent(at(10), &entry(1, 1)), Ok(false));
    assert_eq!(ledger.spend(at(10), &entry(1, 1), at(20)), Ok(Spent::Now));
}

#[test]
fn a_thing_that_may_be_used_often_is_used_so_often() {
    let mut memory = Memory::default();
    let mut ledger = SharedLedger::new(&mut memory, 2);
    let thrice = Entry { limit: 3, ..entry(1, 1) };
    for (now, until, expected) in [
        (0, 10, Ok(Spent::Now)),
        (1, 10, Ok(Spent::Now)),
        (2, 20, Ok(Spent::Now)),
        (3, 20, Ok(Spent::Before)),
        // Two uses are forgotten.
        (10, 20, Ok(Spent::Now)),
        (11, 30, Ok(Spent::Now)),
        (12, 30, Ok(Spent::Before)),
    ] {
        assert_eq!(ledger.spend(at(now), &thrice, at(until)), expected, "{now}");
    }
    assert_eq!(ledger.is_spent(at(12), &thrice), Ok(true));
    assert_eq!(ledger.is_spent(at(20), &thrice), Ok(false));
    assert_eq!(ledger.is_spent(at(12), &Entry { limit: 4, ..thrice }), Ok(false));
    assert_eq!(ledger.spend(at(12), &entry(1, 2), at(30)), Err(LedgerError::Full), "a use that ends apart takes room");
    assert_eq!(ledger.spend(at(12), &Entry { limit: 4, ..thrice }, at(30)), Ok(Spent::Now), "one with others does not");
}

#[test]
fn another_workers_ledger_sees_what_was_spent() {
    let mut memory = Memory::default();
    assert_eq!(SharedLedger::new(&mut memory, 10).spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    assert_eq!(SharedLedger::new(&mut memory, 10).spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Before));
}

#[test]
fn a_workload_fills_only_its_own_share() {
    let mut memory = Memory::default();
    let mut ledger = SharedLedger::new(&mut memory, 2);
    // The same bucket (bytes 0 and 1), another workload (byte 2 on).
    let mut neighbour = entry(1, 1);
    neighbour.partition[2..].fill(7);
    assert_eq!(bucket_key(&neighbour), bucket_key(&entry(1, 1)));
    assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    assert_eq!(ledger.spend(at(0), &entry(1, 2), at(20)), Ok(Spent::Now));
    assert_eq!(ledger.spend(at(0), &entry(1, 3), at(10)), Err(LedgerError::Full));
    assert_eq!(ledger.spend(at(0), &neighbour, at(10)), Ok(Spent::Now));
    assert_eq!(ledger.spend(at(0), &entry(1, 2), at(10)), Ok(Spent::Before));
    assert_eq!(ledger.spend(at(10), &entry(1, 3), at(20)), Ok(Spent::Now));
}

#[test]
fn a_bucket_is_bounded_whatever_the_share() {
    let mut memory = Memory::default();
    let mut ledger = SharedLedger::new(&mut memory, usize::MAX);
    let numbered = |n: usize| {
        let mut entry = entry(1, 0);
        entry.key[..8].copy_from_slice(&n.to_le_bytes());
        entry
    };
    for n in 0..BUCKET_ENTRIES {
        assert_eq!(ledger.spend(at(0), &numbered(n), at(10)), Ok(Spent::Now));
    }
    assert_eq!(ledger.spend(at(0), &numbered(BUCKET_ENTRIES), at(10)), Err(LedgerError::Full));
    assert_eq!(ledger.spend(at(10), &numbered(BUCKET_ENTRIES), at(20)), Ok(Spent::Now));
    let value = &memory.values.borrow()[&bucket_key(&entry(1, 0))].0;
    assert_eq!(value.len(), MAGIC.len() + ENTRY_BYTES, "the expired are dropped");
}

#[test]
fn writers_in_between_are_retried_and_never_overwritten() {
    let mut memory = Memory { meddle: ATTEMPTS - 1, ..Memory::default() };
    assert_eq!(SharedLedger::new(&mut memory, 10).spend(at(0), &entry(1, 1), at(10)), Ok(Spent::Now));
    memory.meddle = ATTEMPTS;
    assert_eq!(SharedLedger::new(&mut memory, 10).spend(at(0), &entry(1, 2), at(10)), Err(LedgerError::Unavailable));
    assert_eq!(SharedLedger::new(&mut memory, 10).is_spent(at(0), &entry(1, 1)), Ok(true));
    assert_eq!(SharedLedger::new(&mut memory, 10).is_spent(at(0), &entry(1, 2)), Ok(false));
}

#[test]
fn what_cannot_be_read_is_unavailable() {
    let good = encode(&[Slot::new(&entry(1, 1), at(10))]);
    let too_many = encode(&vec![Slot::new(&entry(1, 1), at(10)); BUCKET_ENTRIES + 1]);
    for bad in [&b""[..], b"csl1", &good[..good.len() - 1], &[good.as_slice(), b"x"].concat(), &too_many] {
        let mut memory = Memory::default();
        memory.values.borrow_mut().insert(bucket_key(&entry(1, 1)), (bad.to_vec(), 3));
        let mut ledger = SharedLedger::new(&mut memory, 10);
        assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Err(LedgerError::Unavailable), "{} bytes", bad.len());
        assert_eq!(ledger.is_spent(at(0), &entry(1, 1)), Err(LedgerError::Unavailable));
        assert_eq!(memory.values.borrow()[&bucket_key(&entry(1, 1))], (bad.to_vec(), 3), "left as it was");
    }
    let mut broken = Memory { broken: true, ..Memory::default() };
    let mut ledger = SharedLedger::new(&mut broken, 10);
    assert_eq!(ledger.spend(at(0), &entry(1, 1), at(10)), Err(LedgerError::Unavailable));
    assert_eq!(ledger.is_spent(at(0), &entry(1, 1)), Err(LedgerError::Unavailable));
}

#[test]
fn entries_survive_the_store() {
    let slots: Vec<_> =
        (0..5).map(|n| Slot::new(&entry(n, n), at(5).plus(Duration::from_millis(u64::from(n))))).collect();
    assert_eq!(decode(&encode(&slots)), Some(slots));
}
