//! Two workers of one gateway process, and what they tell each other.

use std::time::Duration;

use countersign_tokens::KeyFormat;

use super::*;
use crate::headers::Headers;
use crate::ledger::MemoryLedger;

const EMPTY: &str = r#"{"keys":[]}"#;
const OTHER: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

fn worker() -> KeyStore {
    let endpoint = Endpoint {
        cluster: "sts".to_owned(),
        scheme: "https".to_owned(),
        authority: "sts.test".to_owned(),
        path: "/jwks".to_owned(),
        timeout: Duration::from_secs(1),
    };
    let keys = RemoteKeys {
        location: KeyLocation::Direct(endpoint),
        format: KeyFormat::Jwks,
        refresh: Some(Duration::from_mins(5)),
        max_stale: Duration::from_hours(1),
        cooldown: Duration::from_secs(10),
    };
    KeyStore::new("https://sts.test", &KeySource::Remote(Box::new(keys)))
}

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}

fn fetches(worker: &KeyStore, secs: u64, board: &mut MemoryLedger) -> bool {
    worker.fetch(CallId(0), 0, at(secs), board).is_some()
}

fn arrives(worker: &KeyStore, body: &str, secs: u64, board: &mut MemoryLedger) -> bool {
    let body = body.as_bytes().to_vec();
    let outcome = CallOutcome::Response { status: 200, headers: Headers::default(), body };
    worker.answer(&outcome, false, CallId(1), at(secs), board).is_ok()
}

fn generation(worker: &KeyStore, secs: u64) -> Option<u64> {
    worker.current(at(secs)).map(|current| current.generation)
}

#[test]
fn one_worker_fetches_and_the_other_learns() {
    let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
    assert!(fetches(&first, 1000, &mut board) && !fetches(&second, 1000, &mut board));
    assert_eq!(second.want(None, at(1000), &mut board), Wish::Coming);
    assert!(second.is_coming(at(1000), &mut board));
    assert!(arrives(&first, EMPTY, 1001, &mut board));
    assert!(!second.is_coming(at(1001), &mut board));
    assert_eq!((generation(&first, 1001), generation(&second, 1001)), (Some(1), Some(1)));
}

#[test]
fn however_many_unknown_keys_there_are_one_fetch_per_cooldown_and_process() {
    let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
    assert!(fetches(&first, 1000, &mut board) && arrives(&first, EMPTY, 1000, &mut board));
    let mut count = 0;
    for secs in 1000..1100 {
        for worker in [&first, &second] {
            for _ in 0..100 {
                let _ = worker.want(generation(worker, secs), at(secs), &mut board);
            }
            if fetches(worker, secs, &mut board) {
                count += 1;
                assert!(arrives(worker, EMPTY, secs, &mut board));
            }
        }
    }
    assert_eq!(count, 9, "at 1010, 1020 and so on to 1090");
}

#[test]
fn a_fetch_that_failed_is_forgotten_once_another_worker_succeeds() {
    let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
    assert!(fetches(&first, 1000, &mut board) && !arrives(&first, "<html>", 1000, &mut board));
    assert!(first.trouble().is_some());
    assert!(fetches(&second, 1010, &mut board) && arrives(&second, OTHER, 1010, &mut board));
    assert_eq!(first.want(None, at(1011), &mut board), Wish::Granted);
    assert_eq!(first.trouble(), None);
}

/// Otherwise whoever asks would be sent back to verify, and come again, for ever.
#[test]
fn keys_that_are_too_old_are_not_newer_than_none() {
    let (one, mut board) = (worker(), MemoryLedger::new(1));
    assert!(fetches(&one, 1000, &mut board) && arrives(&one, EMPTY, 1001, &mut board));
    assert_eq!(one.want(None, at(1002), &mut board), Wish::Granted);
    assert_eq!(generation(&one, 1001 + 3601), None);
    assert_eq!(one.want(None, at(1001 + 3601), &mut board), Wish::Coming);
}

#[test]
fn what_one_worker_found_withdrawn_the_other_forgets_within_a_cooldown() {
    let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
    assert!(fetches(&first, 1000, &mut board) && arrives(&first, OTHER, 1001, &mut board));
    assert!(!fetches(&second, 1001, &mut board));
    assert_eq!(generation(&second, 1001), Some(1));
    // A session asked the first one, and its fetch found another set.
    assert_eq!(first.want(Some(1), at(1020), &mut board), Wish::Coming);
    assert!(fetches(&first, 1020, &mut board) && arrives(&first, EMPTY, 1021, &mut board));
    assert!(!fetches(&second, 1025, &mut board));
    assert_eq!(generation(&second, 1030), Some(2), "nobody asked the second one");
}
