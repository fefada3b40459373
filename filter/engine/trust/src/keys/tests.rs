//! Two workers of one gateway process, and what they tell each other.

use std::time::Duration;

use countersign_facts::headers::Headers;
use countersign_facts::ledger::MemoryLedger;
use countersign_tokens::KeyFormat;

use super::*;
use crate::test_support::rules;

const EMPTY: &str = r#"{"keys":[]}"#;
const OTHER: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

const THIRD: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"2","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
const UNUSABLE: &str = r#"{"keys":[{"kty":"EC","crv":"P-521","kid":"3"}]}"#;

fn worker() -> KeyStore {
    publishing(KeyFormat::Jwks, Some(Duration::from_mins(5)))
}

#[expect(clippy::expect_used, reason = "they are written here")]
fn publishing(format: KeyFormat, refresh: Option<Duration>) -> KeyStore {
    let endpoint = Endpoint {
        cluster: "sts".to_owned(),
        scheme: "https".to_owned(),
        authority: "sts.test".to_owned(),
        path: "/jwks".to_owned(),
        timeout: Duration::from_secs(1),
    };
    let keys = RemoteKeys {
        location: KeyLocation::Direct(endpoint),
        format,
        algorithms: Vec::new(),
        refresh,
        max_stale: Duration::from_hours(1),
        cooldown: Duration::from_secs(10),
    };
    KeyStore::new(&rules("https://sts.test").expect("rules"), &KeySource::Remote(Box::new(keys)))
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

/// It saw the other one ask, and nobody asked it until that had long been over.
#[test]
fn what_came_unnoticed_is_found_before_a_token_is_refused() {
    for secs in [1001, 1003, 1009] {
        let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
        assert!(fetches(&first, 1000, &mut board) && !fetches(&second, 1000, &mut board));
        // The fetch has lasted for as long as it may, and is not begun again before the cooldown is over.
        assert_eq!(second.want(None, at(secs), &mut board), Wish::Denied, "{secs}");
        assert!(arrives(&first, EMPTY, secs, &mut board));
        assert_eq!(second.want(None, at(secs), &mut board), Wish::Granted, "{secs}");
    }
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
    assert!(fetches(&first, 1020, &mut board) && arrives(&first, THIRD, 1021, &mut board));
    assert!(!fetches(&second, 1025, &mut board));
    assert_eq!(generation(&second, 1030), Some(2), "nobody asked the second one");
}

#[test]
fn a_set_with_which_nobody_can_be_verified_does_not_replace_a_good_one() {
    for bad in [EMPTY, UNUSABLE] {
        let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
        assert!(fetches(&first, 1000, &mut board) && arrives(&first, OTHER, 1000, &mut board));
        assert!(fetches(&first, 1300, &mut board) && !arrives(&first, bad, 1300, &mut board));
        let said = "the key server's answer has no key that can verify a token, and the keys before it are good";
        assert_eq!(first.trouble().as_deref(), Some(said));
        assert_eq!(generation(&first, 1301), Some(1));
        // Nor at another worker; and it is asked again soon.
        assert!(!fetches(&second, 1301, &mut board));
        assert_eq!(generation(&second, 1301), Some(1));
        assert!(fetches(&first, 1306, &mut board) && arrives(&first, THIRD, 1306, &mut board));
        assert_eq!(generation(&first, 1307), Some(2));
    }
}

/// A bundle of one key, or of a certificate's only.
fn bundle(sequence: Option<u64>, hint: Option<u64>, what: &str) -> String {
    let key = r#"{"kty":"EC","crv":"P-256","kid":"KID","use":"USE","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
    let keys = match what {
        "" => String::new(),
        "certificates" => key.replace("USE", "x509-svid"),
        "unusable" => r#"{"kty":"EC","crv":"P-521","kid":"3","use":"jwt-svid"}"#.to_owned(),
        id => key.replace("USE", "jwt-svid").replace("KID", id),
    };
    let sequence = sequence.map(|number| format!(r#""spiffe_sequence":{number},"#)).unwrap_or_default();
    let hint = hint.map(|secs| format!(r#""spiffe_refresh_hint":{secs},"#)).unwrap_or_default();
    format!(r#"{{{sequence}{hint}"keys":[{keys}]}}"#)
}

#[test]
fn a_bundle_is_never_replaced_by_one_before_it() {
    let (first, second, mut board) = (
        publishing(KeyFormat::SpiffeBundle, Some(Duration::from_mins(5))),
        publishing(KeyFormat::SpiffeBundle, Some(Duration::from_mins(5))),
        MemoryLedger::new(1),
    );
    let mut now = 1000;
    for (sequence, what, taken) in [
        (Some(5), "a", true),
        (Some(4), "b", false),
        (None, "b", false),
        (Some(0), "", false),
        (Some(5), "a", true),
        (Some(6), "unusable", false),
        (Some(7), "b", true),
        // Nobody is trusted any more, and says so.
        (Some(8), "", true),
        (Some(7), "b", false),
        (Some(9), "c", true),
        (Some(10), "certificates", true),
    ] {
        now += 300;
        let body = bundle(sequence, None, what);
        assert!(fetches(&first, now, &mut board), "{body}");
        assert_eq!(arrives(&first, &body, now, &mut board), taken, "{body}");
        let _ = fetches(&second, now + 1, &mut board);
        assert_eq!(generation(&second, now + 1).is_some(), generation(&first, now + 1).is_some());
    }
    assert!(first.current(at(now)).is_some_and(|current| current.set.is_empty()));
}

#[test]
fn what_a_publisher_hints_is_bounded_on_both_sides() {
    for (hint, early, due) in [(0, 9, 10), (1, 9, 10), (60, 59, 60), (10_000_000_000, 1799, 1800)] {
        let (one, mut board) = (publishing(KeyFormat::SpiffeBundle, None), MemoryLedger::new(1));
        assert!(fetches(&one, 1000, &mut board));
        assert!(arrives(&one, &bundle(Some(1), Some(hint), "a"), 1000, &mut board));
        assert!(!fetches(&one, 1000 + early, &mut board), "{hint}");
        assert!(fetches(&one, 1000 + due, &mut board), "{hint}");
    }
}

#[test]
fn a_clock_that_is_set_back_stops_no_fetch() {
    let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
    assert!(fetches(&first, 100_000, &mut board) && arrives(&first, OTHER, 100_000, &mut board));
    assert!(!fetches(&second, 100_001, &mut board));
    // By a day and more.
    assert_eq!(generation(&first, 9_000), None, "nobody knows how old they are");
    assert!(fetches(&first, 9_000, &mut board) && arrives(&first, THIRD, 9_000, &mut board));
    assert_eq!(generation(&first, 9_001), Some(2));
    // The other one learns of it, though what it has is from the future.
    assert!(!fetches(&second, 9_001, &mut board));
    assert_eq!(generation(&second, 9_001), Some(2));
    // A session is not told that nothing can come.
    assert_eq!(first.want(Some(2), at(9_020), &mut board), Wish::Coming);
    assert!(fetches(&first, 9_020, &mut board) && arrives(&first, OTHER, 9_021, &mut board));
    // Whoever waits for another's fetch goes on to.
    assert_eq!(first.want(Some(3), at(9_040), &mut board), Wish::Coming);
    assert!(fetches(&first, 9_040, &mut board));
    assert_eq!(second.want(generation(&second, 9_040), at(9_040), &mut board), Wish::Granted);
    assert_eq!(second.want(generation(&second, 9_040), at(9_040), &mut board), Wish::Coming);
    assert!(second.is_coming(at(9_040), &mut board));
}

#[test]
fn keys_that_are_posted_in_the_future_count_as_now() {
    let (first, second, mut board) = (worker(), worker(), MemoryLedger::new(1));
    assert!(fetches(&first, 5_000, &mut board) && arrives(&first, OTHER, 5_000, &mut board));
    let _ = fetches(&second, 4_000, &mut board);
    assert_eq!(generation(&second, 4_000), Some(1));
    assert_eq!(generation(&second, 7_600), Some(1));
    assert_eq!(generation(&second, 7_601), None);
}
